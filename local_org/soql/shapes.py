"""Turns rows of SQL values into Salesforce's JSON records: nested parents, compound fields, dates, attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Sequence[Any]
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Nested:
    """The children of one row: all of them, or the first page and where the next one is."""

    total: int
    records: list[Record]
    more: str | None = None

    def answer(self) -> Record:
        """The nested result."""
        body: Record = {"totalSize": self.total, "done": self.more is None}
        if self.more is not None:
            body["nextRecordsUrl"] = self.more
        return body | {"records": self.records}


Found = Mapping[str, Mapping[str, Nested]]
"""Children of the rows at hand: by relationship name, then by parent Id."""

_UNQUOTED = frozenset(
    {"id", "reference", "boolean", "int", "long", "double", "currency", "percent", "date", "datetime", "time"}
)
"""Types whose text never holds a quote."""

ADDRESS_KEYS = ("city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value: a key and the column it comes from."""

    key: str
    index: int
    convert: Callable[[Any], Any] | None = None

    def read(self, row: Row, found: Found) -> Any:
        """The JSON value."""
        raw = row[self.index]
        return raw if raw is None or self.convert is None else self.convert(raw)


@dataclass(frozen=True, slots=True)
class Compound:
    """An address or location, put together from its parts; ``None`` where all are empty."""

    key: str
    parts: tuple[tuple[str, int | None], ...]

    def read(self, row: Row, found: Found) -> Any:
        """The compound object."""
        value = {name: None if index is None else row[index] for name, index in self.parts}
        return value if any(v is not None for v in value.values()) else None


@dataclass(frozen=True, slots=True)
class Blob:
    """A base64 field: the API answers the address of its content."""

    key: str
    index: int
    id_index: int
    base: str

    def read(self, row: Row, found: Found) -> Any:
        """The address, or ``None`` where there is no content."""
        return None if row[self.index] is None else f"{self.base}/{row[self.id_index]}/{self.key}"


@dataclass(frozen=True, slots=True)
class Children:
    """A child subquery; its rows are fetched per page and handed in."""

    key: str
    id_index: int

    def read(self, row: Row, found: Found) -> Any:
        """The nested result, ``None`` where there are no children."""
        nested = found.get(self.key, {}).get(row[self.id_index])
        return nested.answer() if nested is not None else None


@dataclass(slots=True)
class Node:
    """A record: its own row, or a parent's."""

    key: str
    id_index: int
    urls: str
    """``/services/data/v66.0/sobjects``."""
    type_name: str | None = None
    """Name for ``attributes.type``; ``None`` takes the object that the Id's prefix tells."""
    url_type: str | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    branches: dict[str, list[Item]] | None = None
    """For TYPEOF: what to show per object name; ``""`` is ELSE."""

    def read(self, row: Row, found: Found) -> Record | None:
        """The record, or ``None`` where there is no such parent."""
        key = row[self.id_index]
        if key is None:
            return None
        real = self.url_type or self.prefixes.get(key[:3])
        if real is None:
            return None
        items = self.items
        if self.branches is not None:
            chosen = self.branches.get(real, self.branches.get(""))
            if chosen is None:
                return None
            items = chosen
        record: Record = {"attributes": {"type": self.type_name or real, "url": f"{self.urls}/{real}/{key}"}}
        for item in items:
            record[item.key] = item.read(row, found)
        return record


Item = Leaf | Compound | Blob | Children | Node


def json_form(kind: str) -> str:
    """The SQL that writes a value of this type as JSON carries it; ``{}`` stands for the column."""
    if kind == "base64":
        return "CASE WHEN {} IS NOT NULL THEN 1 END"
    return "strftime('%Y-%m-%dT%H:%M:%S.000+0000', {}, 'unixepoch')" if kind == "datetime" else "{}"


def converter(kind: str) -> Callable[[Any], Any] | None:
    """What SQLite's value of this type still goes through on its way to JSON."""
    return bool if kind == "boolean" else None


def csv_form(kind: str) -> str:
    """The SQL that writes a value of this type as Bulk CSV does; ``{}`` stands for the column."""
    if kind == "boolean":
        return "CASE {} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
    if kind == "datetime":
        return "strftime('%Y-%m-%dT%H:%M:%S.000Z', {}, 'unixepoch')"
    return "{}"


def csv_quoted(kind: str, sql: str) -> str:
    """The SQL of a CSV cell without its outer quotes: empty for null, quotes inside doubled where there can be any."""
    cell = f"ifnull({sql}, '')"
    return cell if kind in _UNQUOTED else f"replace({cell}, '\"', '\"\"')"
