"""Everything that is ever asked of an org, or written to it, in the words of the sync: one gateway per connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from core.connections.salesforce import composite, soql
from core.connections.salesforce.bulk import BulkSteps
from core.connections.salesforce.cometd import Stream
from core.connections.salesforce.composite import (
    Answer,
    Describe,
    GarbledError,
    Op,
    Query,
    Read,
    Record,
    RowAnswer,
    UpdatedSince,
)
from core.connections.salesforce.meter import Tally
from core.connections.salesforce.rest import API_VERSION, BASE, Rest, encoded
from core.connections.salesforce.soap import SoapCalls
from core.connections.salesforce.transport import Timeouts
from core.errors import TransientOrgError, UsageError
from core.values import times

__all__ = [
    "API_VERSION",
    "Answer",
    "Describe",
    "Gateway",
    "Query",
    "Read",
    "Replicated",
    "RowAnswer",
    "Tally",
    "Timeouts",
    "UpdatedSince",
]
RETRIEVE_IDS = 2000


@dataclass(frozen=True, slots=True)
class Replicated:
    """An answer of getUpdated or getDeleted."""

    ids: tuple[str, ...]
    latest_date_covered: datetime
    """Go on from here, not from the end that was asked for."""
    earliest_date_available: datetime | None = None
    """Of getDeleted: deletions before this are forgotten."""


class Gateway(SoapCalls, BulkSteps, Rest):
    """The org as one connection sees it."""

    # Reading

    def query(self, soql: str, all_rows: bool = False) -> list[dict[str, Any]]:
        """All records of a query, every page.

        Args:
            soql: The statement.
            all_rows: Also deleted and archived records (queryAll).
        """
        try:
            return self._all_pages(soql, all_rows)
        except TransientOrgError as error:
            # Cursors end when a user opens too many; nothing was given to the caller yet, so begin again, once.
            if error.status_code != "INVALID_QUERY_LOCATOR":
                raise
            return self._all_pages(soql, all_rows)

    def _all_pages(self, soql: str, all_rows: bool) -> list[dict[str, Any]]:
        answer = self.query_first_page(soql, all_rows)
        records = list(answer.records)
        while answer.next:
            answer = self.more(answer.next)
            records.extend(answer.records)
        return records

    def query_first_page(self, soql: str, all_rows: bool = False) -> Answer:
        """The first page of a query, up to 2,000 records; ``answer.total`` counts them all."""
        body = self.call("GET", "queryAll" if all_rows else "query", params={"q": soql})
        return self._page(Query(soql, all_rows), body)

    def more(self, cursor: str) -> Answer:
        """The page that a cursor points to."""
        return self._page(Query("", True), self.call("GET", composite.cursor_path(cursor)))

    def _page(self, read: Query, body: Any) -> Answer:
        try:
            return composite.page(read, 200, body)
        except GarbledError:
            raise self.garbled(reads=True) from None

    def count(self, sobject: str, where: str = "") -> int:
        """How many records there are, without reading them."""
        return self.query_first_page(soql.count(sobject, where)).total

    def read_together(self, reads: Sequence[Read]) -> list[Answer]:
        """Several reads as one API call; one that fails does not touch the others.

        Args:
            reads: Up to 25: at most five `Query`, the rest `UpdatedSince` and `Describe`.

        Returns:
            One answer per read, in order, first pages only: follow ``answer.next`` with `more`.
        """
        body = composite.read_body(reads, BASE)
        told = self.call("POST", "composite", json=body, reads=True)
        try:
            return composite.read_answers(reads, told)
        except GarbledError:
            raise self.garbled(reads=True) from None

    def describe(self, sobject: str, since: datetime | None = None) -> dict[str, Any] | None:
        """An sObject's description; None where it has not been modified since."""
        headers = {"If-Modified-Since": composite.http_date(since)} if since else {}
        response = self.answer("GET", f"sobjects/{soql.name(sobject)}/describe", headers=headers)
        if response.status_code == 304:
            return None
        described = self._decoded(response)
        return described if isinstance(described, dict) else None

    def describe_global(self) -> list[dict[str, Any]]:
        """All sObjects that the user can see, briefly."""
        told = self.call("GET", "sobjects")
        return list(told["sobjects"]) if told else []

    def limits(self) -> dict[str, dict[str, int]]:
        """The org's limits: name -> ``{"Max", "Remaining"}``."""
        return dict(self.call("GET", "limits") or {})

    def retrieve(self, sobject: str, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any] | None]:
        """Records by Id, in order; None for one that is gone or not visible. 2,000 per API call."""
        path = f"composite/sobjects/{soql.name(sobject)}"
        found: list[dict[str, Any] | None] = []
        for at in range(0, len(ids), RETRIEVE_IDS):
            part = list(ids[at : at + RETRIEVE_IDS])
            told = self.call("POST", path, json={"ids": part, "fields": list(fields)}, reads=True) or []
            if not isinstance(told, list) or len(told) != len(part):
                raise self.garbled(reads=True)
            found.extend(told)
        return found

    def updated(self, sobject: str, start: datetime, end: datetime) -> Replicated:
        """Ids of records created or changed between two moments (getUpdated, whole minutes, 30 days back)."""
        told = self.call("GET", composite.span_path(sobject, "updated", start, end)) or {}
        return self._replicated(told, tuple(told.get("ids", ())))

    def deleted(self, sobject: str, start: datetime, end: datetime) -> Replicated:
        """Ids of records deleted between two moments (getDeleted); losers of merges are among them."""
        told = self.call("GET", composite.span_path(sobject, "deleted", start, end)) or {}
        return self._replicated(told, tuple(row["id"] for row in told.get("deletedRecords", ())))

    def _replicated(self, told: dict[str, Any], ids: tuple[str, ...]) -> Replicated:
        covered = times.parse_instant(told.get("latestDateCovered"))
        if covered is None:
            raise self.garbled(reads=True)
        return Replicated(ids, covered, times.parse_instant(told.get("earliestDateAvailable")))

    def list_views(self, sobject: str) -> list[dict[str, Any]]:
        """The list views of an sObject that the user may see."""
        told = self.call("GET", f"sobjects/{soql.name(sobject)}/listviews") or {}
        views = list(told.get("listviews", ()))
        while told.get("nextRecordsUrl"):
            _, _, path = str(told["nextRecordsUrl"]).partition(BASE)
            if not path:
                raise self.garbled(reads=True)
            told = self.call("GET", path) or {}
            views.extend(told.get("listviews", ()))
        return views

    def list_view(self, sobject: str, view_id: str) -> dict[str, Any]:
        """A list view's columns, scope and query."""
        path = f"sobjects/{soql.name(sobject)}/listviews/{quote(view_id, safe='')}/describe"
        return dict(self.call("GET", path) or {})

    def stream(self) -> Stream:
        """A client for the org's change events; its long polls are no API calls."""
        return Stream(self._tokens, self._checked, self._ca_file)

    # Writing

    def push(
        self,
        op: Op,
        sobject: str,
        records: Sequence[Record],
        *,
        ext_field: str | None = None,
        headers: Mapping[str, str] | None = None,
        all_or_none: bool = False,
        size: int = composite.ROWS,
    ) -> list[RowAnswer]:
        """Write up to 1,000 rows as one API call, each row on its own account.

        Args:
            op: What to do; update and delete need ``Id`` in each row, upsert the External ID field's value.
            sobject: API name.
            records: Rows as the org's JSON takes them: an absent key leaves the field alone, None clears it.
            ext_field: External ID field of an upsert.
            headers: Such as ``Sforce-Duplicate-Rule-Header``; they go with every part.
            all_or_none: One failing row undoes all; then at most 200 rows. The innocent ones answer
                ``ALL_OR_NONE_OPERATION_ROLLED_BACK``.
            size: So many rows go into one collection, of which a call has five; the org refuses a collection as a
                whole where it cannot read a value of one row.

        Returns:
            One answer per row, in order. A row that failed is an answer, not an exception.

        Raises:
            OrgUnreachable: The request certainly never left.
            AnswerLost: It may have been applied; fact ``given_up_at`` is the org's time at which we gave up.
            AllowanceUsed: The API allowance is used up; nothing was written.
        """
        given = dict(headers or {})
        together = composite.Together(ext_field or "", given, all_or_none, size)
        body = composite.push_body(op, sobject, records, BASE, together)
        told = self.call("POST", "composite", json=body, headers=given, reads=False)
        try:
            return composite.row_answers(op, told, len(records), size)
        except GarbledError:
            raise self.garbled(reads=False) from None

    def create(self, sobject: str, record: Record, *, headers: Mapping[str, str] | None = None) -> RowAnswer:
        """Create one record."""
        return self._write("POST", f"sobjects/{soql.name(sobject)}", dict(record), headers)

    def update(self, sobject: str, id: str, record: Record, *, headers: Mapping[str, str] | None = None) -> RowAnswer:
        """Change one record."""
        return self._write("PATCH", _record_path(sobject, id), dict(record), headers, id)

    def delete(self, sobject: str, id: str) -> RowAnswer:
        """Move one record to the recycle bin."""
        return self._write("DELETE", _record_path(sobject, id), None, None, id)

    def _write(
        self,
        method: str,
        path: str,
        record: dict[str, Any] | None,
        headers: Mapping[str, str] | None,
        id: str | None = None,
    ) -> RowAnswer:
        data = None if record is None else encoded(record)
        response = self.answer(method, path, data=data, headers=dict(headers or {}), row_errors=True)
        status = response.status_code
        if status >= 300:
            return composite.failed_row(status, self._decoded(response, reads=False), id)
        if status == 204:
            return RowAnswer(id, True, http=status)
        told = self._decoded(response, reads=False)
        if not isinstance(told, dict) or not told.get("id"):
            raise self.garbled(reads=False)
        return RowAnswer(str(told["id"]), True, method == "POST", http=status)


def _record_path(sobject: str, id: str) -> str:
    if not id:
        raise UsageError("A record to change or delete has no Id.")
    return f"sobjects/{soql.name(sobject)}/{quote(id, safe='')}"
