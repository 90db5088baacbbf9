"""The answer to a query: totals, pages of JSON records and streams of CSV, read from SQLite as they are asked for."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from local_org.org.model import OrgFault
from local_org.soql.columns import Column
from local_org.soql.groups import MAX_GROUPS, GroupPlan
from local_org.soql.rows import ChildPlan, RowPlan
from local_org.soql.scope import Sql
from local_org.soql.shapes import Nested, Row

Record = dict[str, Any]
_CHUNK = 2_000
Keep = Callable[["ResultSet", int], str]
"""Keeps a result and answers the address of its next page, which starts at that row."""


class ResultSet:
    """What a query found.

    A row query holds the Ids of all matching rows, in order, from the moment it ran: rows that appear, vanish or move
    between two pages change neither the order nor the total.
    """

    def __init__(
        self, conn: sqlite3.Connection, sobject: str, plan: RowPlan | GroupPlan | Sql, columns: list[Column]
    ) -> None:
        """Hold a plan; aggregates are read at once."""
        self._conn = conn
        self._plan = plan
        self.sobject = sobject
        """The main object, in describe casing."""
        self.columns = columns
        """What was selected, in order, with nested parents and child queries."""
        self.is_count = isinstance(plan, Sql)
        """Whether the query was a bare ``COUNT()``: a total and no records."""
        self.is_aggregate = isinstance(plan, GroupPlan)
        """Whether the records are AggregateResults, which have neither Id nor further pages."""
        if isinstance(plan, GroupPlan):
            self._groups = _groups(conn, plan)

    @cached_property
    def ids(self) -> list[str]:
        """The Ids of all matching rows, in order; empty for counts and aggregates."""
        if not isinstance(self._plan, RowPlan):
            return []
        return [row[0] for row in execute(self._conn, self._plan.ids())]

    @property
    def child_size(self) -> int:
        """Children of one row on a page: 500, or 200 where two or more text areas are selected.

        The first page, nested in the parent, is one short of it, as the real org's is.
        """
        return _child_size(self.columns)

    @cached_property
    def total(self) -> int:
        """The number of matching rows (of groups, for an aggregate query), LIMIT and OFFSET heeded."""
        if isinstance(self._plan, GroupPlan):
            return len(self._groups)
        if isinstance(self._plan, Sql):
            return int(execute(self._conn, self._plan).fetchone()[0])
        if "ids" in self.__dict__:
            return len(self.ids)
        return int(execute(self._conn, self._plan.count()).fetchone()[0])

    @property
    def headers(self) -> list[str]:
        """The header of the CSV: paths in query order and describe casing, ``Account.Name``."""
        if isinstance(self._plan, RowPlan):
            return [cell.header for cell in self._plan.flat]
        return [c.name for c in self.columns]

    @classmethod
    def of_children(cls, conn: sqlite3.Connection, child: ChildPlan, ids: list[str]) -> ResultSet:
        """The children of one row as a result of their own, to be paged through."""
        made = cls(conn, child.plan.scope.sobject.name, child.plan, child.plan.columns)
        made.ids = ids
        return made

    def page(
        self,
        offset: int = 0,
        size: int = 2_000,
        *,
        conn: sqlite3.Connection | None = None,
        keep: Keep | None = None,
    ) -> list[Record]:
        """Records as the REST API answers them, read through ``conn`` where another thread asks.

        Rows purged since the query ran are left out: the next page starts at ``offset + size``, not at the number of
        records seen. With ``keep``, a row shows only the first page of many children, and the rest is kept.
        """
        if isinstance(self._plan, RowPlan):
            reader = _Reader(conn or self._conn, keep)
            return reader.records(self._plan, self.ids[offset : offset + size])
        return self._groups[offset : offset + size] if self.is_aggregate else []

    def rows_flat(self, offset: int = 0, size: int = 2_000) -> list[list[str]]:
        """Rows as Bulk CSV carries them: text everywhere, empty where there is no value."""
        if not isinstance(self._plan, RowPlan):
            return [[_text(v) for k, v in record.items() if k != "attributes"] for record in self.page(offset, size)]
        sql = self._plan.cells()
        found: dict[str, list[str]] = {}
        wanted = self.ids[offset : offset + size]
        for part in _slices(wanted):
            for row in execute(self._conn, Sql(sql.text, (*sql.params, json.dumps(part)))):
                found[row[0]] = [_text(v) for v in row[1:]]
        return [found[i] for i in wanted if i in found]

    def iter_csv(
        self, chunk: int = 5_000, *, header: bool = True, delimiter: str = ",", line_ending: str = "\n"
    ) -> Iterator[bytes]:
        """The whole result as CSV in pieces of ``chunk`` rows, every value quoted, read in one pass."""
        if header:
            yield _csv([self.headers], delimiter, line_ending)
        if not isinstance(self._plan, RowPlan):
            yield _csv(self.rows_flat(0, self.total), delimiter, line_ending)
            return
        cursor = execute(self._conn, self._plan.lines(delimiter))
        between = f'"{delimiter}"'
        while rows := cursor.fetchmany(chunk):
            yield "".join(f'"{between.join(row)}"{line_ending}' for row in rows).encode()

    def column_metadata(self) -> list[dict[str, Any]]:
        """The ``columnMetadata`` list of a ``columns=true`` answer."""
        return [c.metadata() for c in self.columns]


def execute(conn: sqlite3.Connection, sql: Sql) -> sqlite3.Cursor:
    """Runs a compiled statement; rows are read by position, whatever row factory the connection carries.

    Raises:
        OrgFault: QUERY_TOO_COMPLICATED where the query is nested deeper or is wider than SQLite's parser takes.
    """
    cursor = conn.cursor()
    cursor.row_factory = None
    try:
        return cursor.execute(sql.text, sql.params)
    except sqlite3.OperationalError as error:
        if not any(word in str(error) for word in ("parser stack overflow", "too many", "too large")):
            raise
        message = "Query is either selecting too many fields or the filter conditions are too complicated."
        raise OrgFault("QUERY_TOO_COMPLICATED", message) from error


def _slices(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


class _Reader:
    """Reads records with their children through one connection."""

    def __init__(self, conn: sqlite3.Connection, keep: Keep | None) -> None:
        self.conn = conn
        self.keep = keep

    def records(self, plan: RowPlan, ids: list[str]) -> list[Record]:
        """The records of these Ids, in their order."""
        sql = plan.records()
        found: dict[str, Record] = {}
        for part in _slices(ids):
            keys = json.dumps(part)
            children = {child.name: self.children(child, keys) for child in plan.children}
            for row in execute(self.conn, Sql(sql.text, (*sql.params, keys))):
                record = plan.root.read(row, children)
                if record is not None:
                    found[row[0]] = record
        return [found[i] for i in ids if i in found]

    def children(self, child: ChildPlan, parents: str) -> dict[str, Nested]:
        """The children of one page of parents, read with one statement, and their own children with one more."""
        plan = child.plan
        by_parent: dict[str, list[Row]] = {}
        for row in execute(self.conn, _child_sql(child, parents)):
            by_parent.setdefault(row[0], []).append(row[1:])
        shown = {parent: self.first(plan, rows) for parent, rows in by_parent.items()}
        keys = json.dumps([row[0] for rows in shown.values() for row in rows])
        below = {inner.name: self.children(inner, keys) for inner in plan.children}
        found: dict[str, Nested] = {}
        for parent, rows in shown.items():
            records = [record for row in rows if (record := plan.root.read(row, below)) is not None]
            found[parent] = Nested(len(by_parent[parent]), records, self.rest(child, by_parent[parent], len(rows)))
        return found

    def first(self, plan: RowPlan, rows: list[Row]) -> list[Row]:
        """The rows that a parent shows."""
        size = _child_size(plan.columns)
        return rows if self.keep is None or len(rows) < size else rows[: size - 1]

    def rest(self, child: ChildPlan, rows: list[Row], shown: int) -> str | None:
        """Where the rows after those come from, once they are kept."""
        if self.keep is None or shown == len(rows):
            return None
        return self.keep(ResultSet.of_children(self.conn, child, [row[0] for row in rows]), shown)


def _child_size(columns: list[Column]) -> int:
    return 200 if sum(1 for c in columns if c.type == "textarea") >= 2 else 500


def _child_sql(child: ChildPlan, parents: str) -> Sql:
    """Parent Id and JSON columns of all children of these parents; LIMIT and OFFSET count per parent."""
    plan = child.plan
    names = ", ".join(s.text for s in plan.selected)
    order = plan.order.text or plan.scope.root.key
    of_parents = f"{child.reference} IN (SELECT value FROM json_each(?))"
    base = f"{plan.scope.from_sql(child.source)} WHERE {of_parents} AND {plan.where.text}"
    params = [p for s in plan.selected for p in s.params]
    bound = [parents] * (child.source.count("?") + 1)
    if plan.limit is None and not plan.offset:
        text = f"SELECT {child.reference}, {names} {base} ORDER BY {order}"
        return Sql(text, (*params, *bound, *plan.where.params, *plan.order.params))
    ranked = f"row_number() OVER (PARTITION BY {child.reference} ORDER BY {order}) AS place"
    columns = ", ".join(f"{s.text} AS c{i}" for i, s in enumerate(plan.selected))
    outer = ", ".join(f"c{i}" for i in range(len(plan.selected)))
    text = (
        f"SELECT parent, {outer} FROM (SELECT {child.reference} AS parent, {columns}, {ranked} {base}) "
        "WHERE place > ? AND place <= ? ORDER BY parent, place"
    )
    offset = plan.offset or 0
    end = offset + min(plan.limit if plan.limit is not None else 2**62, 2**62)
    return Sql(text, (*params, *plan.order.params, *bound, *plan.where.params, offset, end))


def _groups(conn: sqlite3.Connection, plan: GroupPlan) -> list[Record]:
    rows = execute(conn, plan.sql).fetchmany(MAX_GROUPS + 1)
    if len(rows) > MAX_GROUPS:
        message = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise OrgFault("EXCEEDED_ID_LIMIT", message)
    records: list[Record] = []
    for row in rows:
        record: Record = {"attributes": {"type": "AggregateResult"}}
        for key, value, convert in zip(plan.keys, row, plan.converters, strict=True):
            record[key] = value if value is None or convert is None else convert(value)
        records.append(record)
    return records


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _csv(rows: list[Any], delimiter: str, line_ending: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=line_ending, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()
