"""Single records: create, read, update, delete, and the same by External ID."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_org import soql
from local_org.org import sharing
from local_org.org.model import Field, OrgFault, SaveResult, SObject
from local_org.org.validation import DuplicatesFault
from local_org.web import blobs, conditions, duplicates
from local_org.web.messages import Answer, Call, fault_body, not_found
from local_org.web.routes import Router
from local_org.web.site import Site

_NO_EXTERNAL_ID = "Provided external ID field does not exist or is not accessible: "
_STATUS = {"ENTITY_IS_DELETED": 404, "INSUFFICIENT_ACCESS_OR_READONLY": 403, "NOT_FOUND": 404}


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/sobjects/{obj}", "POST")(create)
    router.route("/sobjects/{obj}/{id}", "GET")(read)
    router.route("/sobjects/{obj}/{id}", "PATCH")(update)
    router.route("/sobjects/{obj}/{id}", "DELETE")(delete)
    router.route("/sobjects/{obj}/{ext}/{value}", "GET")(read_by_key)
    router.route("/sobjects/{obj}/{ext}/{value}", "PATCH", "POST")(upsert)
    router.route("/sobjects/{obj}/{ext}/{value}", "DELETE")(delete_by_key)


def create(site: Site, call: Call) -> Answer:
    """Create one record."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    call.rows = 1
    (result,) = site.save(
        call.user_id, "create", sobject.name, [blobs.record(call, sobject)], headers=dml_headers(call)
    )
    if not result.success:
        return failed(site, call, result)
    url = f"/services/data/v{call.version}/sobjects/{sobject.name}/{result.id}"
    return Answer(201, {"id": result.id, "success": True, "errors": []}, {"Location": url})


def read(site: Site, call: Call) -> Answer:
    """One record, all its readable fields or the ones that were asked for."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    record_id = _existing(site, call, sobject, call.args["id"])
    return _shown(site, call, sobject, record_id)


def update(site: Site, call: Call) -> Answer:
    """Change one record."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    body = blobs.record(call, sobject)
    if any(name.lower() == "id" for name in body):
        text = (
            "Unable to create/update fields: Id. Please check the security settings of this field and verify that it "
            "is read/write for your profile or permission set."
        )
        raise OrgFault("INVALID_FIELD_FOR_INSERT_UPDATE", text, fields=["Id"])
    record_id = _existing(site, call, sobject, call.args["id"])
    _require(site, call, sobject, record_id)
    call.rows = 1
    record = body | {"Id": record_id}
    (result,) = site.save(call.user_id, "update", sobject.name, [record], headers=dml_headers(call))
    return Answer(204) if result.success else failed(site, call, result)


def delete(site: Site, call: Call) -> Answer:
    """Put one record into the recycle bin."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    return _delete(site, call, sobject, _existing(site, call, sobject, call.args["id"]))


def read_by_key(site: Site, call: Call) -> Answer:
    """One record by External ID, or what a relationship or a binary field of a record leads to."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    if sobject.field(call.args["ext"]) is None:
        return _traverse(site, call, sobject)
    key = key_field(site, call, sobject, call.args["ext"])
    found = _matches(site, call, sobject, key, call.args["value"])
    if len(found) > 1:
        return _several(call, sobject, found)
    return _shown(site, call, sobject, _only(found, call.args["value"]))


def upsert(site: Site, call: Call) -> Answer:
    """Create or change the record with that External ID."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    key = key_field(site, call, sobject, call.args["ext"])
    body, value = call.mapping(), call.args["value"]
    if any(name.lower() == key.name.lower() for name in body):
        raise OrgFault("INVALID_FIELD", f"The {key.name} field should not be specified in the sobject data.")
    found = _matches(site, call, sobject, key, value)
    if len(found) > 1:
        return _several(call, sobject, found)
    if not found and (call.query.get("updateOnly", "").lower() == "true" or key.name == "Id"):
        raise not_found(_NO_EXTERNAL_ID + value)
    if found:
        _require(site, call, sobject, found[0])
    call.rows = 1
    record = body | {key.name: found[0] if key.name == "Id" else typed_key(key, value)}
    (result,) = site.save(call.user_id, "upsert", sobject.name, [record], ext_field=key.name, headers=dml_headers(call))
    if not result.success:
        return failed(site, call, result)
    if not result.created and float(call.version) <= 45:
        return Answer(204)
    return Answer(
        201 if result.created else 200,
        {"id": result.id, "success": True, "errors": [], "created": result.created},
    )


def delete_by_key(site: Site, call: Call) -> Answer:
    """Delete the record with that External ID."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    key = key_field(site, call, sobject, call.args["ext"])
    found = _matches(site, call, sobject, key, call.args["value"])
    if len(found) > 1:
        return _several(call, sobject, found)
    return _delete(site, call, sobject, _only(found, call.args["value"]))


def key_field(site: Site, call: Call, sobject: SObject, name: str) -> Field:
    """The field to find records by: Id, an External ID or an idLookup field.

    Raises:
        OrgFault: NOT_FOUND when it is none of these or the user may not read it.
    """
    key = sobject.field(name)
    access = site.session(call.user_id).access
    if key is None or not (key.external_id or key.id_lookup or key.name == "Id") or not access.sees(sobject, key):
        raise not_found(_NO_EXTERNAL_ID + name)
    return key


def typed_key(key: Field, value: str) -> Any:
    """The key's value from the address, as a body would carry it."""
    if key.type in ("double", "currency", "percent", "int", "long"):
        try:
            return float(value)
        except ValueError as fault:
            raise not_found(_NO_EXTERNAL_ID + value) from fault
    return value


def dml_headers(call: Call) -> dict[str, str]:
    """The headers that steer a save."""
    return {name: value for name, value in call.headers.items() if name.startswith("sforce-")}


def failed(site: Site, call: Call, result: SaveResult) -> Answer:
    """The answer for one record that was not saved."""
    body = [entry for error in result.errors for entry in _entries(site, call, error)]
    first = result.errors[0]
    return Answer(_STATUS.get(first.code, first.status), body)


def _entries(site: Site, call: Call, error: OrgFault) -> list[dict[str, Any]]:
    if isinstance(error, DuplicatesFault):
        return [duplicates.entry(site.session(call.user_id, call.version), error)]
    return fault_body(_with_fields(error))


def _with_fields(error: OrgFault) -> OrgFault:
    return error if error.fields is not None else OrgFault(error.code, error.message, status=error.status, fields=[])


def _delete(site: Site, call: Call, sobject: SObject, record_id: str) -> Answer:
    call.rows = 1
    (result,) = site.save(call.user_id, "delete", sobject.name, [{"Id": record_id}], headers=dml_headers(call))
    return Answer(204) if result.success else failed(site, call, result)


def _shown(site: Site, call: Call, sobject: SObject, record_id: str) -> Answer:
    wanted = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    call.rows = 1
    changed = _modified(site, sobject, record_id)
    headers = conditions.validators(sobject.name, record_id, changed)
    if (unchanged := conditions.unmet(call, headers, changed)) is not None:
        return unchanged
    record = site.session(call.user_id, call.version).retrieve(sobject.name, record_id, wanted or None)
    return Answer(200, record, headers)


def _existing(site: Site, call: Call, sobject: SObject, record_id: str) -> str:
    """The 18-character Id of a record that is there.

    Raises:
        OrgFault: 404, whether it never was or is deleted.
    """
    if len(record_id) not in (15, 18):
        raise not_found(_NO_EXTERNAL_ID + record_id)
    deleted = "IsDeleted" if sobject.field("IsDeleted") else "0"
    conn = site.org.connection()
    row = conn.execute(
        f'SELECT Id, {deleted} FROM "{sobject.name}" t WHERE Id >= ? AND Id < ?{_bound(site, call, sobject)}',
        (record_id[:15], record_id[:15] + "~"),
    ).fetchone()
    if row is None:
        raise not_found()
    if row[1]:
        raise OrgFault("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
    return str(row[0])


def _bound(site: Site, call: Call, sobject: SObject) -> str:
    """The condition that keeps records of others out which the user may not see."""
    found = sharing.condition(site.org.schema, site.session(call.user_id).access, sobject, "t")
    return "" if found is None else f" AND {found}"


def _matches(site: Site, call: Call, sobject: SObject, key: Field, value: str) -> list[str]:
    live = "AND NOT IsDeleted" if sobject.field("IsDeleted") else ""
    if key.name == "Id":
        try:
            return [_existing(site, call, sobject, value)]
        except OrgFault as fault:
            if fault.code == "ENTITY_IS_DELETED":
                raise
            return []
    conn = site.org.connection()
    rows = conn.execute(
        f'SELECT Id FROM "{sobject.name}" t WHERE "{key.name}" = ? {live}{_bound(site, call, sobject)} LIMIT 20',
        (typed_key(key, value),),
    ).fetchall()
    return [row[0] for row in rows]


def _only(found: list[str], value: str) -> str:
    if not found:
        raise not_found(_NO_EXTERNAL_ID + value)
    return found[0]


def _several(call: Call, sobject: SObject, found: list[str]) -> Answer:
    return Answer(300, [f"/services/data/v{call.version}/sobjects/{sobject.name}/{one}" for one in found])


def _traverse(site: Site, call: Call, sobject: SObject) -> Answer:
    """Follow a relationship: up to the parent of a record, or down to its children; or fetch binary content."""
    record_id = _existing(site, call, sobject, call.args["ext"])
    name = call.args["value"].lower()
    if (blob := sobject.field(name)) is not None and blob.type == "base64":
        return blobs.content(site, call, sobject, record_id, blob)
    lookup = next((f for f in sobject.fields if (f.relationship_name or "").lower() == name), None)
    if lookup is None:
        return _children(site, call, sobject, record_id)
    target = site.session(call.user_id).retrieve(sobject.name, record_id, [lookup.name])[lookup.name]
    for parent in map(site.org.schema.get, lookup.reference_to):
        if target and parent is not None and parent.key_prefix == target[:3]:
            return _shown(site, call, parent, _existing(site, call, parent, target))
    raise not_found(f"The requested resource does not exist: {call.args['value']}")


def _children(site: Site, call: Call, sobject: SObject, record_id: str) -> Answer:
    name = call.args["value"].lower()
    for child in site.org.schema.objects:
        for field in child.fields:
            if (field.child_relationship or "").lower() == name and sobject.name in field.reference_to:
                chosen = call.query.get("fields") or "FIELDS(ALL)"
                query = f"SELECT {chosen} FROM {child.name} WHERE {field.name} = '{record_id}' LIMIT 200"
                access = site.session(call.user_id).access
                conn = site.org.connection()
                found = soql.run(conn, site.org.schema, access, query, now=site.now(), api_version=call.version)
                records = found.page(0, 200)
                call.rows += len(records)
                return Answer(200, {"totalSize": found.total, "done": True, "records": records})
    raise not_found(_NO_EXTERNAL_ID + call.args["ext"])


def _modified(site: Site, sobject: SObject, record_id: str) -> datetime | None:
    if sobject.field("SystemModstamp") is None:
        return None
    conn = site.org.connection()
    row = conn.execute(
        f'SELECT SystemModstamp FROM "{sobject.name}" WHERE Id = ?',
        (record_id,),
    ).fetchone()
    return datetime.fromtimestamp(row[0], UTC) if row and row[0] is not None else None


def _require(site: Site, call: Call, sobject: SObject, record_id: str) -> None:
    """Refuse a change whose condition does not hold."""
    changed = _modified(site, sobject, record_id)
    conditions.unmet(call, conditions.validators(sobject.name, record_id, changed), changed)
