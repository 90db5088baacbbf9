"""Shapes composite requests and reads their answers: several reads, or up to 1,000 written rows, as one API call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

from core.connections.salesforce import faults, soql
from core.errors import OrgError, UsageError
from core.values import times
from core.values.ids import is_id, to18

Op = Literal["create", "update", "upsert", "delete"]
Record = Mapping[str, Any]

SUBREQUESTS = 25
COLLECTIONS = 5
"""Queries and collections among the subrequests of one composite."""
ROWS = 200
PUSH_ROWS = COLLECTIONS * ROWS
_NAMED_ID = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Za-z]{18}|[0-9A-Za-z]{15})(?![0-9A-Za-z])")
_CURSOR = re.compile(r"(?:/services/data/v[0-9.]+/(query|queryAll)/)?([A-Za-z0-9]+-[0-9]+)")


@dataclass(frozen=True, slots=True)
class Query:
    """Ask for records; with ``all_rows`` also deleted and archived ones."""

    soql: str
    all_rows: bool = True


@dataclass(frozen=True, slots=True)
class UpdatedSince:
    """Ask for the Ids changed between two moments (getUpdated), and up to when that is complete."""

    sobject: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Describe:
    """Ask for an sObject's description, if it has changed since a moment."""

    sobject: str
    since: datetime | None = None


Read = Query | UpdatedSince | Describe


@dataclass(frozen=True, slots=True)
class Answer:
    """What one read of several came to."""

    read: Read
    status: int
    body: Any = None
    """Decoded JSON as the org sent it; None for 304."""
    records: tuple[dict[str, Any], ...] = ()
    next: str | None = None
    """Cursor of the next page for `Gateway.more`; None where the records are complete."""
    total: int = 0
    error: OrgError | None = None
    """Why this read failed; the others stand."""
    last_modified: datetime | None = None
    """Of a describe: pass it as ``since`` next time."""

    @property
    def not_modified(self) -> bool:
        """A describe that is as it was."""
        return self.status == 304

    @property
    def ids(self) -> tuple[str, ...]:
        """The Ids of a getUpdated answer."""
        return tuple(self.body.get("ids", ())) if isinstance(self.body, dict) else ()

    @property
    def latest_date_covered(self) -> datetime | None:
        """Up to when a getUpdated answer is complete."""
        return times.parse_instant(self.body.get("latestDateCovered")) if isinstance(self.body, dict) else None

    def ok(self) -> Answer:
        """Itself, if it went well.

        Raises:
            OrgError: It did not.
        """
        if self.error is not None:
            raise self.error
        return self


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What became of one written row, in the org's own words."""

    id: str | None
    success: bool
    created: bool = False
    status_code: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()
    http: int = 200
    errors: tuple[dict[str, Any], ...] = ()
    """Every error the org gave; the first is spelled out above."""

    @property
    def fault(self) -> faults.Fault | None:
        """The error in plain words; None for a success."""
        return None if self.success else faults.fault(self.status_code)

    @property
    def similar(self) -> tuple[str, ...]:
        """18-character Ids of the records that the org found in the way of this one; empty unless a duplicate."""
        fault = self.fault
        if fault is None or fault.kind is not faults.Kind.DUPLICATE:
            return ()
        matched = [id for error in self.errors for id in _matched(error)]
        return tuple(dict.fromkeys(to18(id) for id in (*matched, *_NAMED_ID.findall(self.message)) if is_id(id)))


def _matched(error: Mapping[str, Any]) -> list[str]:
    """Ids in the payload of a duplicate rule; the platform misspells its key, and may mend that one day."""
    found = error.get("duplicateResut") or error.get("duplicateResult") or {}
    return [
        str(match.get("record", {}).get("Id", ""))
        for result in found.get("matchResults", ())
        for match in result.get("matchRecords", ())
    ]


class GarbledError(Exception):
    """The answer is not of the form that the request calls for."""


def read_body(reads: Sequence[Read], base: str) -> dict[str, Any]:
    """The composite request for several reads.

    Args:
        reads: At most 25, at most five of them queries.
        base: Path of the API version: ``/services/data/v66.0/``.

    Raises:
        UsageError: More than one composite holds.
    """
    queries = sum(isinstance(read, Query) for read in reads)
    if not reads or len(reads) > SUBREQUESTS or queries > COLLECTIONS:
        raise UsageError(f"One composite holds up to {SUBREQUESTS} reads, {COLLECTIONS} of them queries.")
    return _composite([_read_part(read, base) for read in reads])


def _composite(parts: list[dict[str, Any]]) -> dict[str, Any]:
    numbered = [{**part, "referenceId": f"r{n}"} for n, part in enumerate(parts)]
    return {"allOrNone": False, "collateSubrequests": False, "compositeRequest": numbered}


def _read_part(read: Read, base: str) -> dict[str, Any]:
    if isinstance(read, Query):
        resource = "queryAll" if read.all_rows else "query"
        return {"method": "GET", "url": f"{base}{resource}?{urlencode({'q': read.soql})}"}
    if isinstance(read, UpdatedSince):
        return {"method": "GET", "url": base + span_path(read.sobject, "updated", read.start, read.end)}
    part: dict[str, Any] = {"method": "GET", "url": f"{base}sobjects/{soql.name(read.sobject)}/describe"}
    if read.since is not None:
        part["httpHeaders"] = {"If-Modified-Since": http_date(read.since)}
    return part


def span_path(sobject: str, what: str, start: datetime, end: datetime) -> str:
    """The path of getUpdated or getDeleted."""
    span = urlencode({"start": times.instant_text(start), "end": times.instant_text(end)})
    return f"sobjects/{soql.name(sobject)}/{what}?{span}"


def http_date(moment: datetime) -> str:
    """A moment as HTTP headers carry it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def read_answers(reads: Sequence[Read], body: Any) -> list[Answer]:
    """One answer for each read, in order.

    Raises:
        GarbledError: The answer does not fit the request.
    """
    return [_answer(read, part) for read, part in zip(reads, _parts(body, len(reads)), strict=True)]


def _parts(body: Any, count: int) -> list[dict[str, Any]]:
    parts = body.get("compositeResponse") if isinstance(body, dict) else None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(p, dict) for p in parts):
        raise GarbledError
    by_reference = {part.get("referenceId"): part for part in parts}
    wanted = [by_reference.get(f"r{n}") for n in range(count)]
    if any(part is None or not isinstance(part.get("httpStatusCode"), int) for part in wanted):
        raise GarbledError
    return [part for part in wanted if part is not None]


def _answer(read: Read, part: dict[str, Any]) -> Answer:
    status, body = part["httpStatusCode"], part.get("body")
    if status == 304:
        return Answer(read, status)
    if status >= 300:
        return Answer(read, status, body, error=faults.org_error(status, body))
    if isinstance(read, Query):
        return page(read, status, body)
    headers = part.get("httpHeaders") or {}
    return Answer(read, status, body, last_modified=modified(headers.get("Last-Modified")))


def page(read: Read, status: int, body: Any) -> Answer:
    """A page of query results.

    Raises:
        GarbledError: It is not one.
    """
    if not isinstance(body, dict) or not isinstance(body.get("records"), list):
        raise GarbledError
    cursor = None if body.get("done", True) else body.get("nextRecordsUrl")
    if not body.get("done", True) and not cursor:
        raise GarbledError
    return Answer(read, status, body, tuple(body["records"]), cursor, int(body.get("totalSize", 0)))


def modified(header: str | None) -> datetime | None:
    """A ``Last-Modified`` header as a moment."""
    try:
        return parsedate_to_datetime(header).astimezone(UTC) if header else None
    except ValueError:
        return None


def cursor_path(cursor: str) -> str:
    """The path of a following page; only a cursor is taken from what the org sent, never a host.

    Raises:
        UsageError: It is not a cursor.
    """
    found = _CURSOR.fullmatch(cursor)
    if not found:
        raise UsageError("That is not a cursor of a query.")
    return f"{found[1] or 'query'}/{found[2]}"


@dataclass(frozen=True, slots=True)
class Together:
    """What all rows of a push have in common."""

    ext_field: str = ""
    """External ID field of an upsert."""
    headers: Mapping[str, str] = field(default_factory=dict)
    all_or_none: bool = False
    """One failing row undoes all; only within one collection."""
    size: int = ROWS
    """Rows of one collection: the org refuses or takes each as a whole where a row cannot be read."""


def push_body(op: Op, sobject: str, records: Sequence[Record], base: str, together: Together) -> dict[str, Any]:
    """The composite request that writes up to five collections of rows.

    Raises:
        UsageError: Too many rows, or rows that do not fit the operation.
    """
    most = together.size * (1 if together.all_or_none else COLLECTIONS)
    if not 0 < len(records) <= most:
        raise UsageError(f"One such push carries 1 to {most} rows.")
    if op == "upsert" and not together.ext_field:
        raise UsageError("An upsert needs the name of its External ID field.")
    soql.name(sobject)
    chunks = [records[at : at + together.size] for at in range(0, len(records), together.size)]
    parts = [_write_part(op, sobject, chunk, base, together) for chunk in chunks]
    if together.headers:
        parts = [{**part, "httpHeaders": dict(together.headers)} for part in parts]
    return _composite(parts)


def _write_part(op: Op, sobject: str, records: Sequence[Record], base: str, together: Together) -> dict[str, Any]:
    root = f"{base}composite/sobjects"
    if op == "delete":
        ids = ",".join(_id_of(record) for record in records)
        flag = "true" if together.all_or_none else "false"
        return {"method": "DELETE", "url": f"{root}?allOrNone={flag}&ids={quote(ids, safe=',')}"}
    rows = [_row(op, sobject, record, together.ext_field) for record in records]
    body = {"allOrNone": together.all_or_none, "records": rows}
    if op == "create":
        return {"method": "POST", "url": root, "body": body}
    if op == "update":
        return {"method": "PATCH", "url": root, "body": body}
    return {"method": "PATCH", "url": f"{root}/{sobject}/{soql.name(together.ext_field)}", "body": body}


def _row(op: Op, sobject: str, record: Record, ext_field: str) -> dict[str, Any]:
    row = {key: value for key, value in record.items() if key not in ("Id", "id", "attributes")}
    head: dict[str, Any] = {"attributes": {"type": sobject}}
    if op == "update" or (op == "upsert" and ext_field.lower() == "id"):
        head["id"] = _id_of(record)
    elif op == "upsert" and row.get(ext_field) in (None, ""):
        raise UsageError(f"A row to upsert has no {ext_field}.")
    return head | row


def _id_of(record: Record) -> str:
    found = record.get("Id") or record.get("id")
    if not found:
        raise UsageError("A row to update or delete has no Id.")
    return str(found)


def row_answers(op: Op, body: Any, sent: int, size: int = ROWS) -> list[RowAnswer]:
    """One answer for each row, in order; ``size`` rows went into each collection.

    Raises:
        GarbledError: Half an answer, or none that fits.
    """
    sizes = [min(size, sent - at) for at in range(0, sent, size)]
    parts = _parts(body, len(sizes))
    return [answer for part, size in zip(parts, sizes, strict=True) for answer in _rows_of(op, part, size)]


def _rows_of(op: Op, part: dict[str, Any], size: int) -> list[RowAnswer]:
    status, body = part["httpStatusCode"], part.get("body")
    if status in (502, 503, 504):
        raise GarbledError
    if status >= 300:
        return [failed_row(status, body)] * size
    if not isinstance(body, list) or len(body) != size or not all(_is_row(item) for item in body):
        raise GarbledError
    return [_row_answer(op, item, status) for item in body]


def _is_row(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("success"), bool)


def _row_answer(op: Op, item: dict[str, Any], http: int) -> RowAnswer:
    if item["success"]:
        created = item.get("created", op == "create") is True
        return RowAnswer(item.get("id"), True, created, http=http)
    errors = tuple(error for error in item.get("errors") or () if isinstance(error, dict))
    code, message, fields = faults.error_of(errors[0]) if errors else ("", "", ())
    return RowAnswer(item.get("id"), False, False, code, message, fields, http, errors)


def failed_row(http: int, body: Any, id: str | None = None) -> RowAnswer:
    """The answer for a row that the org refused with an error body."""
    errors = tuple(error for error in body if isinstance(error, dict)) if isinstance(body, list) else ()
    code, message, fields = faults.error_of(body)
    if http == 300:
        code, message = "DUPLICATE_EXTERNAL_ID", f"more than one record found: {body}"
    return RowAnswer(id, False, False, code or f"HTTP_{http}", message, fields, http, errors)
