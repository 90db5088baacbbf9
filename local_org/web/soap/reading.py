"""SOAP operations that read: queries, rows by Id, the user, the time."""

from __future__ import annotations

import re
from typing import Any

from local_org import soql
from local_org.org.model import OrgFault
from local_org.web import people
from local_org.web.messages import Call
from local_org.web.queries import LOCATOR
from local_org.web.site import Site
from local_org.web.soap.envelopes import Message, optional
from local_org.web.soap.people import user_info
from local_org.web.xmls import tag

MOST_RETRIEVED = 2000
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000\Z")


def current_user(site: Site, call: Call, message: Message) -> list[str]:
    """Who the session belongs to."""
    person = people.by_id(site.org, call.user_id)
    return [user_info(site, person)] if person is not None else []


def server_timestamp(site: Site, call: Call, message: Message) -> list[str]:
    """The server's time."""
    return [tag("timestamp", site.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"))]


def query(site: Site, call: Call, message: Message) -> list[str]:
    """Records that are neither deleted nor archived."""
    return _query(site, call, message, all_rows=False)


def query_all(site: Site, call: Call, message: Message) -> list[str]:
    """Records including deleted and archived ones."""
    return _query(site, call, message, all_rows=True)


def query_more(site: Site, call: Call, message: Message) -> list[str]:
    """The next page of an open result."""
    match = LOCATOR.match(message.text("queryLocator"))
    cursor = site.cursors.get(match.group(1), call.user_id, site.epoch()) if match else None
    if match is None or cursor is None or int(match.group(2)) > cursor.result.total:
        raise OrgFault("INVALID_QUERY_LOCATOR", "invalid query locator")
    with cursor.lock:
        start = int(match.group(2))
        records = cursor.result.page(start, cursor.size, conn=site.org.connection())
        return [_page(call, records, cursor.result.total, match.group(1), start + len(records))]


def retrieve(site: Site, call: Call, message: Message) -> list[str]:
    """Rows by their Ids, nil for each that is not there."""
    sobject = site.org.schema.get(message.text("sObjectType"))
    session = site.session(call.user_id, call.version)
    if sobject is None or not session.access.may(sobject, "r"):
        raise OrgFault("INVALID_TYPE", f"sObject type '{message.text('sObjectType')}' is not supported.")
    ids = message.ids()
    if len(ids) > MOST_RETRIEVED:
        text = f"record limit reached. cannot submit more than {MOST_RETRIEVED} records into this call"
        raise OrgFault("EXCEEDED_ID_LIMIT", text)
    fields = [name.strip() for name in message.text("fieldList").split(",") if name.strip()]
    call.rows += len(ids)
    found = session.retrieve_many(sobject.name, ids, fields or ["Id"])
    return ["" if row is None else record_xml(row) for row in found]


def record_xml(record: dict[str, Any]) -> str:
    """The inside of a record: its type, its Id, and its fields."""
    kind = record.get("attributes", {}).get("type")
    inner = tag("sf:type", kind) if kind else ""
    inner += "" if "Id" in record else '<sf:Id xsi:nil="true"/>'
    return inner + "".join(_field(f"sf:{name}", value) for name, value in record.items() if name != "attributes")


def _query(site: Site, call: Call, message: Message, *, all_rows: bool) -> list[str]:
    text = message.text("queryString")
    if not text:
        raise OrgFault("MALFORMED_QUERY", "A query string has to be specified")
    access = site.session(call.user_id).access
    result = soql.run(
        site.org.connection(), site.org.schema, access, text,
        all_rows=all_rows, now=site.now(), api_version=call.version,
    )  # fmt: skip
    size = _batch_size(message)
    if result.is_count or result.is_aggregate or result.total <= size:
        records = [] if result.is_count else result.page(0, max(size, result.total))
        return [_page(call, records, result.total, "", result.total)]
    locator = site.cursors.open(call.user_id, result, size, site.epoch())
    return [_page(call, result.page(0, size), result.total, locator, size)]


def _batch_size(message: Message) -> int:
    given = message.headers.get("QueryOptions", {}).get("batchSize", "")
    return min(2000, max(200, int(given))) if given.isdigit() else 500


def _page(call: Call, records: list[dict[str, Any]], total: int, locator: str, reached: int) -> str:
    call.rows += len(records)
    done = not locator or reached >= total
    rows = "".join(f'<records xsi:type="sf:sObject">{record_xml(one)}</records>' for one in records)
    place = optional("queryLocator", None if done else f"{locator}-{reached}")
    return f"{tag('done', done)}{place}{rows}{tag('size', total)}"


def _field(name: str, value: Any) -> str:
    if isinstance(value, dict) and "records" in value:
        rows = "".join(f'<records xsi:type="sf:sObject">{record_xml(one)}</records>' for one in value["records"])
        inner = f"{tag('done', True)}{optional('queryLocator', None)}{rows}{tag('size', value['totalSize'])}"
        return f'<{name} xsi:type="QueryResult">{inner}</{name}>'
    if isinstance(value, dict) and "attributes" in value:
        return f'<{name} xsi:type="sf:sObject">{record_xml(value)}</{name}>'
    if isinstance(value, dict):
        return f"<{name}>{''.join(optional(key, part) for key, part in value.items())}</{name}>"
    if isinstance(value, str) and _DATETIME.match(value):
        value = value.removesuffix("+0000") + "Z"
    return optional(name, value)
