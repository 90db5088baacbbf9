"""sObject collections: up to 200 records in one request, and up to 2,000 read by Id."""

from __future__ import annotations

from typing import Any

from local_org.org.model import OrgFault, SaveResult
from local_org.web.messages import Answer, Call, objects_of, row_errors, texts_of
from local_org.web.routes import Router
from local_org.web.rows import dml_headers, key_field
from local_org.web.site import Site, records_by_object, rolled_back

MOST_RECORDS = 200
MOST_CHUNKS = 10


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/composite/sobjects", "POST")(create)
    router.route("/composite/sobjects", "PATCH")(update)
    router.route("/composite/sobjects", "DELETE")(delete)
    router.route("/composite/sobjects/{obj}", "GET")(retrieve)
    router.route("/composite/sobjects/{obj}", "POST")(retrieve_posted)
    router.route("/composite/sobjects/{obj}/{ext}", "PATCH")(upsert)


def create(site: Site, call: Call) -> Answer:
    """Create records."""
    return _save(site, call, "create")


def update(site: Site, call: Call) -> Answer:
    """Change records."""
    return _save(site, call, "update")


def delete(site: Site, call: Call) -> Answer:
    """Delete records by Id."""
    ids = [part.strip() for part in call.query.get("ids", "").split(",") if part.strip()]
    if not ids:
        raise OrgFault("MISSING_ARGUMENT", "The 'ids' parameter is required.")
    _bounded(len(ids), MOST_RECORDS)
    prefixes = {o.key_prefix: o.name for o in site.org.schema.objects if o.key_prefix}
    known = [(prefixes[one[:3]], {"Id": one}) for one in ids if one[:3] in prefixes]
    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    if all_or_none and len(known) < len(ids):
        saved = iter([rolled_back() for _ in known])
    else:
        saved = iter(save_chunks(site, call, "delete", known, all_or_none) if known else [])
    results = [next(saved) if one[:3] in prefixes else _malformed(one) for one in ids]
    return Answer(200, [_shown(result, one) for one, result in zip(ids, results, strict=True)])


def upsert(site: Site, call: Call) -> Answer:
    """Create or change records by External ID."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    key = key_field(site, call, sobject, call.args["ext"])
    records, all_or_none = _records(call)
    for name, _ in records:
        if name.lower() != sobject.name.lower():
            raise OrgFault("INVALID_INPUT", f"Records must be of type {sobject.name}")
    call.rows += len(records)
    results = site.save(
        call.user_id, "upsert", sobject.name, [r for _, r in records],
        all_or_none=all_or_none, ext_field=key.name, headers=dml_headers(call),
    )  # fmt: skip
    return Answer(200, [_shown(r) | ({"created": r.created} if r.success else {}) for r in results])


def retrieve(site: Site, call: Call) -> Answer:
    """Read records by Id, ``null`` for each that is missing or hidden."""
    ids = [part.strip() for part in call.query.get("ids", "").split(",") if part.strip()]
    fields = [part.strip() for part in call.query.get("fields", "").split(",") if part.strip()]
    return _retrieved(site, call, ids, fields, 800)


def retrieve_posted(site: Site, call: Call) -> Answer:
    """Read records by Id, with the Ids in the body."""
    body = call.mapping()
    return _retrieved(site, call, texts_of(body, "ids"), texts_of(body, "fields"), 2000)


def save_chunks(
    site: Site, call: Call, op: str, records: list[tuple[str, dict[str, Any]]], all_or_none: bool
) -> list[SaveResult]:
    """Save records of several objects in order, chunk by chunk; with `all_or_none`, all of them or none."""
    chunks = records_by_object(records)
    if len(chunks) > MOST_CHUNKS:
        text = f"Records are of more than {MOST_CHUNKS} different chunks of object types"
        raise OrgFault("LIMIT_EXCEEDED", text)
    call.rows += len(records)
    results: list[SaveResult] = []
    with site.atomic(all_or_none and len(chunks) > 1) as transaction:
        for name, positions in chunks:
            part = [records[position][1] for position in positions]
            saved = site.save(call.user_id, op, name, part, all_or_none=all_or_none, headers=dml_headers(call))
            results += saved
            if all_or_none and not all(r.success for r in saved):
                transaction.fail()
    if all_or_none and not all(r.success for r in results):
        return [r if not r.success else rolled_back() for r in results]
    return results


def _save(site: Site, call: Call, op: str) -> Answer:
    records, all_or_none = _records(call)
    results = save_chunks(site, call, op, records, all_or_none)
    shown = [_shown(r, _id_of(records[n][1])) for n, r in enumerate(results)]
    return Answer(200, shown)


def _records(call: Call) -> tuple[list[tuple[str, dict[str, Any]]], bool]:
    """The records with their object names, and whether it is all or none."""
    body = call.mapping()
    records = objects_of(body, "records")
    _bounded(len(records), MOST_RECORDS)
    pairs = []
    for record in records:
        attributes = record.get("attributes")
        name = attributes.get("type") if isinstance(attributes, dict) else None
        if not isinstance(name, str) or not name:
            raise OrgFault("INVALID_INPUT", "Each record must name its type in 'attributes'.")
        pairs.append((name, {k: v for k, v in record.items() if k != "attributes"}))
    return pairs, bool(body.get("allOrNone"))


def _retrieved(site: Site, call: Call, ids: list[str], fields: list[str], most: int) -> Answer:
    sobject = site.sobject(call.user_id, call.args["obj"])
    if not fields:
        raise OrgFault("MISSING_ARGUMENT", "The 'fields' parameter is required.")
    _bounded(len(ids), most)
    call.rows += len(ids)
    rows = site.session(call.user_id, call.version).retrieve_many(sobject.name, ids, fields)
    return Answer(200, rows)


def _shown(result: SaveResult, given_id: Any = None) -> dict[str, Any]:
    if result.success:
        return {"id": result.id, "success": True, "errors": []}
    shown: dict[str, Any] = {"success": False, "errors": row_errors(result)}
    known = result.id or given_id
    return {"id": known} | shown if known else shown


def _malformed(given: str) -> SaveResult:
    return SaveResult(None, False, errors=[OrgFault("MALFORMED_ID", f"malformed id {given}", fields=[])])


def _id_of(record: dict[str, Any]) -> Any:
    return next((value for name, value in record.items() if name.lower() == "id"), None)


def _bounded(count: int, most: int) -> None:
    if count > most:
        text = f"record limit reached. cannot submit more than {most} records in this call"
        raise OrgFault("EXCEEDED_ID_LIMIT", text)
