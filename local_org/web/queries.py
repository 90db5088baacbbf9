"""SOQL over HTTP: query, queryAll, paging, explain and the column metadata."""

from __future__ import annotations

import re
from typing import Any

from local_org import soql
from local_org.org.model import OrgFault
from local_org.web import meddling, spoiling
from local_org.web.messages import Answer, Call
from local_org.web.routes import Router
from local_org.web.site import Site

_BATCH = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
LOCATOR = re.compile(r"(01g\w{15})-(\d+)\Z")
"""How an open result is named: its cursor, and the row that comes next."""


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/query", "GET")(query)
    router.route("/queryAll", "GET")(query_all)
    router.route("/query/{locator}", "GET")(more)
    router.route("/queryAll/{locator}", "GET")(more)


def query(site: Site, call: Call) -> Answer:
    """Records that are neither deleted nor archived."""
    return _query(site, call, all_rows=False)


def query_all(site: Site, call: Call) -> Answer:
    """Records including deleted and archived ones."""
    return _query(site, call, all_rows=True)


def more(site: Site, call: Call) -> Answer:
    """The next page of an open result."""
    match = LOCATOR.match(call.args["locator"])
    cursor = site.cursors.get(match.group(1), call.user_id, site.epoch()) if match else None
    if match is None or cursor is None or int(match.group(2)) > cursor.result.total:
        raise OrgFault("INVALID_QUERY_LOCATOR", "invalid query locator")
    start = int(match.group(2))
    shown = spoiling.page_start(site, call, start, cursor.size)
    with cursor.lock:
        return _page(site, call, cursor.result, match.group(1), start, cursor.size, shown=shown)


def _query(site: Site, call: Call, *, all_rows: bool) -> Answer:
    text = call.query.get("q") or call.query.get("explain") or ""
    if not text.strip():
        raise OrgFault("MALFORMED_QUERY", "A query string has to be specified")
    if not call.trainer and site.faults.strikes("query_timeout", call.path) is not None:
        raise OrgFault("QUERY_TIMEOUT", "Your query request was running for too long.")
    session = site.session(call.user_id)
    now = site.now()
    conn = site.org.connection()
    if "explain" in call.query:
        return Answer(200, soql.explain(conn, site.org.schema, session.access, text, now=now))
    result = soql.run(conn, site.org.schema, session.access, text, all_rows=all_rows, now=now, api_version=call.version)
    if call.query.get("columns", "").lower() == "true":
        return Answer(200, _metadata(site, result))
    long_texts = sum(1 for column in result.columns if column.custom and column.type == "textarea")
    # Salesforce sends smaller pages when two or more long custom texts are selected.
    size = 200 if long_texts >= 2 else batch_size(call)
    locator = ""
    if result.total > size and not result.is_count and not result.is_aggregate:
        locator = site.cursors.open(call.user_id, result, size, site.epoch())
    answer = _page(site, call, result, locator, 0, size)
    if locator and not call.trainer:
        meddling.between_pages(site.org, site.faults, call.path, result, size)
    return answer


def batch_size(call: Call) -> int:
    """Records per page: what `Sforce-Query-Options` asks for, between 200 and 2,000."""
    match = _BATCH.search(call.headers.get("sforce-query-options", ""))
    return min(2000, max(200, int(match.group(1)))) if match else 2000


def _page(
    site: Site,
    call: Call,
    result: soql.ResultSet,
    locator: str,
    offset: int,
    size: int,
    *,
    shown: int | None = None,
) -> Answer:
    """One page; with ``shown`` it holds the rows from there on, and still says that the next is due."""
    wanted = size if locator else max(size, result.total)

    def keep(children: soql.ResultSet, start: int) -> str:
        name = site.cursors.open(call.user_id, children, children.child_size, site.epoch(), nested=True)
        return f"/services/data/v{call.version}/query/{name}-{start}"

    # The connection that the query ran on may belong to another thread.
    records = (
        []
        if result.is_count
        else result.page(offset if shown is None else shown, wanted, conn=site.org.connection(), keep=keep)
    )
    call.rows += len(records)
    # Rows purged since the query ran are missing from the page, not from the count.
    reached = offset + wanted
    body: dict[str, Any] = {"totalSize": result.total, "done": not locator or reached >= result.total}
    if not body["done"]:
        body["nextRecordsUrl"] = f"/services/data/v{call.version}/query/{locator}-{reached}"
    return Answer(200, body | {"records": records})


def _metadata(site: Site, result: Any) -> dict[str, Any]:
    sobject = site.org.schema.get(result.sobject)
    return {
        "columnMetadata": result.column_metadata(),
        "entityName": result.sobject,
        "groupBy": result.is_aggregate,
        "idSelected": any(column.name == "Id" for column in result.columns),
        "keyPrefix": sobject.key_prefix if sobject else None,
    }
