"""SOAP operations that write: rows, the recycle bin, merges and the conversion of leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from local_org.org import merging
from local_org.org.model import Field, OrgFault, SaveResult, SObject
from local_org.org.session import Session
from local_org.web.bulk.csvs import typed
from local_org.web.messages import Call
from local_org.web.rows import dml_headers, key_field
from local_org.web.rowsets import save_chunks
from local_org.web.site import Site, records_by_object
from local_org.web.soap.envelopes import Message, errors_xml, optional
from local_org.web.xmls import is_nil, local, tag, tags, texts, xsi_type

MOST_RECORDS = 200
MOST_CONVERTED = 100
Record = dict[str, Any]


def create(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Create records."""
    return _save(site, call, message, "create")


def update(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Change records."""
    return _save(site, call, message, "update")


def upsert(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Create or change records by an External ID."""
    records = _records(site, call, message)
    key = message.text("externalIDFieldName") or "Id"
    found: list[SaveResult] = []
    for name, positions in records_by_object(records):
        field = _key(site, call, site.sobject(call.user_id, name), key)
        rows = [records[position][1] for position in positions]
        found += site.save(
            call.user_id, "upsert", name, rows,
            all_or_none=_all_or_none(message), ext_field=field.name, headers=dml_headers(call),
        )  # fmt: skip
    call.rows += len(records)
    return (_result(one, tag("created", one.created)) for one in found)


def delete(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Put records into the recycle bin."""
    ids = _bounded(message.ids())
    kinds = _kinds(site, ids)
    known = [(kinds[one[:3]], {"Id": one}) for one in ids if one[:3] in kinds]
    saved = iter(save_chunks(site, call, "delete", known, _all_or_none(message)) if known else ())
    return (_result(next(saved) if one[:3] in kinds else _malformed(one)) for one in ids)


def undelete(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Bring records back from the recycle bin."""
    ids = _bounded(message.ids())
    kinds = _kinds(site, ids)
    session = site.session(call.user_id)
    call.rows += len(ids)
    for one in ids:
        name = kinds.get(one[:3])
        yield _result(session.undelete(name, [one])[0] if name else _malformed(one))


def merge(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Merge records into their masters, each request for itself."""
    for request in message.all("request") or message.all("mergeRequests"):
        parts = {local(part.tag): part for part in request}
        losers = [(part.text or "").strip() for part in request if local(part.tag) == "recordToMergeIds"]
        try:
            name, values = _record(site, call, parts["masterRecord"])
            master = str(values.pop("Id", ""))
            call.rows += 1 + len(losers)
            done = merging.merge(site.session(call.user_id), name, master, losers, values)
        except KeyError:
            yield _failure(OrgFault("REQUIRED_FIELD_MISSING", "masterRecord is required", fields=["masterRecord"]))
        except ValueError as fault:
            yield _failure(OrgFault("MALFORMED_ID", str(fault), fields=["Id"]))
        except OrgFault as fault:
            yield _failure(fault)
        else:
            moved = [("mergedRecordIds", one) for one in done.merged_record_ids]
            related = [("updatedRelatedIds", one) for one in done.updated_related_ids]
            yield tags([("id", done.id), *moved, ("success", True), *related])


def convert_lead(site: Site, call: Call, message: Message) -> Iterator[str]:
    """Convert leads, each for itself."""
    requests = message.all("leadConverts")
    if len(requests) > MOST_CONVERTED:
        raise OrgFault("EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MOST_CONVERTED} records")
    for request in requests:
        facts = {name: value for name, value in texts(request).items() if value}
        call.rows += 1
        try:
            done = _converted(site, call, facts)
        except ValueError as fault:
            yield _unconverted(facts, OrgFault("MALFORMED_ID", str(fault), fields=[]))
        except OrgFault as fault:
            yield _unconverted(facts, fault)
        else:
            made = {"accountId": done.account_id, "contactId": done.contact_id, "leadId": done.lead_id}
            yield tags(made.items()) + optional("opportunityId", done.opportunity_id) + tag("success", True)


def _converted(site: Site, call: Call, facts: dict[str, str]) -> merging.ConvertResult:
    status = facts.get("convertedStatus", "")
    if not status:
        raise OrgFault("INVALID_STATUS", "invalid convertedStatus: null", fields=[])
    session = site.session(call.user_id)
    _may_convert(session, facts)
    return merging.convert_lead(
        session,
        facts.get("leadId", ""),
        converted_status=status,
        account_id=facts.get("accountId"),
        contact_id=facts.get("contactId"),
        opportunity=facts.get("doNotCreateOpportunity", "").lower() != "true",
        opportunity_name=facts.get("opportunityName"),
        owner_id=facts.get("ownerId"),
    )


def _may_convert(session: Session, facts: dict[str, str]) -> None:
    """Refuse a conversion that the user may not do, or into records that are not there.

    Raises:
        OrgFault: As the row's error.
    """
    wanted = {"Lead": "u"}
    for name in ("Account", "Contact"):
        wanted[name] = "u" if f"{name.lower()}Id" in facts else "c"
    if facts.get("doNotCreateOpportunity", "").lower() != "true":
        wanted["Opportunity"] = "c"
    schema, access = session.org.schema, session.access
    for name, letter in wanted.items():
        sobject = schema.get(name)
        if sobject is None or not access.may(sobject, letter):
            raise OrgFault("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", fields=[])
    for name in ("Account", "Contact"):
        argument = f"{name.lower()}Id"
        if argument in facts:
            _must_exist(session, name, facts[argument])


def _must_exist(session: Session, name: str, record_id: str) -> None:
    try:
        session.retrieve(name, record_id, ["Id"])
    except OrgFault as fault:
        if fault.code == "ENTITY_IS_DELETED":
            raise
        raise OrgFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[]) from fault


def _unconverted(facts: dict[str, str], fault: OrgFault) -> str:
    empty = "".join(optional(name, None) for name in ("accountId", "contactId"))
    lead = optional("leadId", facts.get("leadId"))
    return f"{empty}{errors_xml([fault])}{lead}{optional('opportunityId', None)}{tag('success', False)}"


def _save(site: Site, call: Call, message: Message, op: str) -> Iterator[str]:
    records = _records(site, call, message)
    return map(_result, save_chunks(site, call, op, records, _all_or_none(message)) if records else ())


def _records(site: Site, call: Call, message: Message) -> list[tuple[str, Record]]:
    found = [element for element in message.body if local(element.tag).lower() == "sobjects"]
    return [_record(site, call, element) for element in _bounded(found)]


def _record(site: Site, call: Call, element: ElementTree.Element) -> tuple[str, Record]:
    """An sObject of a message: the name of its object, and its values as JSON would carry them.

    Raises:
        OrgFault: INVALID_TYPE for an object that there is not, INVALID_FIELD for such a field.
    """
    kind = texts(element).get("type") or xsi_type(element)
    sobject = site.org.schema.get(kind)
    if sobject is None or not site.session(call.user_id).access.may(sobject, "r"):
        raise OrgFault("INVALID_TYPE", f"sObject type '{kind}' is not supported.")
    record: Record = {}
    for cell in element:
        name, value = local(cell.tag), (cell.text or "").strip()
        if name == "fieldsToNull":
            record[value] = None
        elif len(cell):
            record[name] = _parent(cell)
        elif name != "type" and value and not is_nil(cell):
            record[name] = _typed(sobject, name, cell.text or "")
    return sobject.name, record


def _typed(sobject: SObject, name: str, text: str) -> Any:
    field = sobject.field(name)
    return text if field is None else typed(field, text)


def _parent(cell: ElementTree.Element) -> Record:
    """A parent that is named by its External ID."""
    found: dict[str, Any] = {name: value for name, value in texts(cell).items() if value}
    kind = found.pop("type", "") or xsi_type(cell)
    return ({"attributes": {"type": kind}} if kind and kind != "sObject" else {}) | found


def _key(site: Site, call: Call, sobject: SObject, name: str) -> Field:
    try:
        return key_field(site, call, sobject, name)
    except OrgFault as fault:
        text = f"Field name provided, {name} does not match an External ID for {sobject.name}"
        raise OrgFault("INVALID_FIELD", text) from fault


def _kinds(site: Site, ids: list[str]) -> dict[str, str]:
    """The objects of the Ids, by key prefix."""
    wanted = {one[:3] for one in ids}
    return {o.key_prefix: o.name for o in site.org.schema.objects if o.key_prefix in wanted and o.key_prefix}


def _bounded(found: list[Any]) -> list[Any]:
    if len(found) > MOST_RECORDS:
        text = f"record limit reached. cannot submit more than {MOST_RECORDS} records into this call"
        raise OrgFault("EXCEEDED_ID_LIMIT", text)
    return found


def _all_or_none(message: Message) -> bool:
    return message.headers.get("AllOrNoneHeader", {}).get("allOrNone", "").lower() == "true"


def _malformed(record_id: str) -> SaveResult:
    return SaveResult(None, False, errors=[OrgFault("MALFORMED_ID", f"malformed id {record_id}", fields=["Id"])])


def _result(result: SaveResult, created: str = "") -> str:
    return f"{created}{errors_xml(result.errors)}{optional('id', result.id)}{tag('success', result.success)}"


def _failure(fault: OrgFault) -> str:
    return f"{errors_xml([fault])}{optional('id', None)}{tag('success', False)}"
