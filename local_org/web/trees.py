"""`composite/tree`: records with their children nested inside, all created or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_org.org.model import Field, OrgFault, SObject
from local_org.web.messages import Answer, Call, objects_of, row_errors
from local_org.web.routes import Router
from local_org.web.rows import dml_headers
from local_org.web.site import Site

MOST_RECORDS = 200
MOST_LEVELS = 5


@dataclass(slots=True)
class _Node:
    """One record of the tree: its parent's position, and the lookup that points to it."""

    reference: str
    sobject: SObject
    record: dict[str, Any]
    level: int
    parent: int | None
    lookup: str
    id: str | None = None


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/composite/tree/{obj}", "POST")(create)


def create(site: Site, call: Call) -> Answer:
    """Create a tree of records."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    records = objects_of(call.mapping(), "records")
    nodes: list[_Node] = []
    _flatten(site, sobject, records, None, "", 1, nodes)
    if len(nodes) > MOST_RECORDS:
        text = f"record limit reached. cannot submit more than {MOST_RECORDS} records in this call"
        raise OrgFault("EXCEEDED_ID_LIMIT", text)
    if len({n.sobject.name for n in nodes}) > 5:
        raise OrgFault("LIMIT_EXCEEDED", "A tree holds records of at most 5 different types")
    call.rows += len(nodes)
    errors: list[dict[str, Any]] = []
    with site.atomic(True) as transaction:
        for chunk in _chunks(nodes):
            errors += _save(site, call, nodes, chunk)
            if errors:
                transaction.fail()
                break
    if errors:
        return Answer(400, {"hasErrors": True, "results": errors})
    return Answer(201, {"hasErrors": False, "results": [{"referenceId": n.reference, "id": n.id} for n in nodes]})


def _save(site: Site, call: Call, nodes: list[_Node], chunk: list[_Node]) -> list[dict[str, Any]]:
    records = [
        node.record | ({node.lookup: nodes[node.parent].id} if node.parent is not None else {}) for node in chunk
    ]
    results = site.save(call.user_id, "create", chunk[0].sobject.name, records, headers=dml_headers(call))
    for node, result in zip(chunk, results, strict=True):
        node.id = result.id
    return [
        {"referenceId": node.reference, "errors": row_errors(result)}
        for node, result in zip(chunk, results, strict=True)
        if not result.success
    ]


def _chunks(nodes: list[_Node]) -> Iterator[list[_Node]]:
    """Nodes of one level and object together, parents before children."""
    keys = dict.fromkeys((n.level, n.sobject.name) for n in sorted(nodes, key=lambda n: n.level))
    for key in keys:
        yield [n for n in nodes if (n.level, n.sobject.name) == key]


def _flatten(
    site: Site, sobject: SObject, records: list[Any], parent: int | None, lookup: str, level: int, nodes: list[_Node]
) -> None:
    if level > MOST_LEVELS:
        raise OrgFault("LIMIT_EXCEEDED", f"A tree is at most {MOST_LEVELS} levels deep")
    for record in records:
        attributes = record.get("attributes") if isinstance(record, dict) else None
        if not isinstance(attributes, dict) or not attributes.get("referenceId") or not attributes.get("type"):
            raise OrgFault("INVALID_INPUT", "Each record needs 'attributes' with 'type' and 'referenceId'.")
        if str(attributes["type"]).lower() != sobject.name.lower():
            raise OrgFault("INVALID_INPUT", f"Records must be of type {sobject.name}")
        reference = str(attributes["referenceId"])
        if any(node.reference == reference for node in nodes):
            raise OrgFault("INVALID_INPUT", f"Duplicate ReferenceId provided in the request: {reference}")
        children = {k: v for k, v in record.items() if isinstance(v, dict) and isinstance(v.get("records"), list)}
        own = {k: v for k, v in record.items() if k != "attributes" and k not in children}
        nodes.append(_Node(reference, sobject, own, level, parent, lookup))
        position = len(nodes) - 1
        for relation, value in children.items():
            child, field = _child(site, sobject, relation)
            _flatten(site, child, value["records"], position, field.name, level + 1, nodes)


def _child(site: Site, parent: SObject, relation: str) -> tuple[SObject, Field]:
    for sobject in site.org.schema.objects:
        for field in sobject.fields:
            named = (field.child_relationship or "").lower() == relation.lower()
            if named and parent.name in field.reference_to:
                return sobject, field
    text = f"No such relation '{relation}' on entity '{parent.name}'"
    raise OrgFault("INVALID_FIELD", text)
