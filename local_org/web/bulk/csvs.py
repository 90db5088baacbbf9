"""Reads and writes the CSV of Bulk jobs, row by row, without holding a whole file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from local_org.org.model import Field, OrgFault, Schema, SObject
from local_org.web.bulk.jobs import DELIMITERS, LINE_ENDINGS, Job

csv.field_size_limit(50_000_000)
NULL = "#N/A"
LONGEST_FIELD, LONGEST_RECORD, MOST_FIELDS = 32_000, 400_000, 5_000
"""Characters of a field and of a record, and fields of a record, by the limits of Bulk API 2.0."""
_ECHOED = 80
_NUMBERS = ("int", "long", "double", "currency", "percent")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class BadBatch(Exception):
    """The whole job fails: the data does not fit the job."""


def rows(job: Job, file: Path) -> Iterator[list[str]]:
    """The rows of an uploaded file, header first.

    Raises:
        BadBatch: Wrong line ending, or not UTF-8.
    """
    _check_line_ending(job, file)
    with file.open(encoding="utf-8-sig", newline="") as handle:
        try:
            for row in csv.reader(handle, delimiter=DELIMITERS[job.delimiter], strict=True):
                if row:
                    yield row
        except UnicodeDecodeError as fault:
            raise BadBatch("ClientInputError : The data is not valid UTF-8") from fault
        except csv.Error as fault:
            raise BadBatch(f"ClientInputError : CSV parse error: {fault}") from fault


def _check_line_ending(job: Job, file: Path) -> None:
    with file.open("rb") as handle:
        head = handle.readline(1_000_000)
    if not head.endswith(b"\n"):
        return
    if head.endswith(b"\r\n") != (job.line_ending == "CRLF"):
        text = f"LineEnding is invalid on user data. Current LineEnding setting is {job.line_ending}"
        raise BadBatch(f"ClientInputError : {text}")


def encode(job: Job, lines: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV in the job's dialect, every value quoted."""
    out = io.StringIO()
    csv.writer(
        out, delimiter=DELIMITERS[job.delimiter], quoting=csv.QUOTE_ALL, lineterminator=LINE_ENDINGS[job.line_ending]
    ).writerows(lines)
    return out.getvalue().encode()


def oversized(names: Sequence[str], cells: Sequence[str]) -> OrgFault | None:
    """Why a row is too large for Bulk API 2.0; the texts are approximations, the numbers are documented."""
    size = sum(map(len, cells))
    if len(cells) > MOST_FIELDS:
        text = f"The record has {len(cells)} fields; the maximum is {MOST_FIELDS}"
        return OrgFault("LIMIT_EXCEEDED", text, fields=[])
    if size > LONGEST_RECORD:
        text = f"The record has {size} characters; the maximum is {LONGEST_RECORD}"
        return OrgFault("LIMIT_EXCEEDED", text, fields=[])
    if size <= LONGEST_FIELD:
        return None
    long = next((place for place, cell in enumerate(cells) if len(cell) > LONGEST_FIELD), None)
    if long is None:
        return None
    name = names[long].strip() if long < len(names) else ""
    text = f"{name}: data value too large: {cells[long][:_ECHOED]} (max length={LONGEST_FIELD})"
    return OrgFault("STRING_TOO_LONG", text, fields=[name])


class Target(Protocol):
    """What a header is checked against: a job of either Bulk API."""

    @property
    def object(self) -> str:
        """The object that the rows are of."""

    @property
    def operation(self) -> str:
        """What is done with them."""

    @property
    def ext_field(self) -> str:
        """The field that an upsert matches on."""


class Header:
    """What each column of an upload means, checked against the object."""

    def __init__(self, schema: Schema, job: Target, names: list[str]) -> None:
        """Understand the header.

        Raises:
            BadBatch: A column is unknown, or the columns do not fit the operation.
        """
        self.names = names
        sobject = schema.get(job.object)
        if sobject is None:
            raise BadBatch(f"InvalidBatch : Object not found : {job.object}")
        lowered = [name.strip().lower() for name in names]
        if job.operation in ("delete", "hardDelete") and lowered != ["id"]:
            raise BadBatch("InvalidBatch : The 'delete' batch must contain only 'Id'")
        if job.operation == "update" and "id" not in lowered:
            raise BadBatch("InvalidBatch : Field name not found : Id")
        if job.operation == "upsert" and job.ext_field.lower() not in lowered:
            raise BadBatch(f"InvalidBatch : Field name not found : {job.ext_field}")
        if len(set(lowered)) != len(lowered):
            double = next(name for name in names if lowered.count(name.strip().lower()) > 1)
            raise BadBatch(f"InvalidBatch : Duplicate field name : {double}")
        self._columns = [_Column(schema, sobject, name.strip()) for name in names]

    def record(self, cells: list[str]) -> dict[str, Any]:
        """The record of a row: an empty cell is left out, ``#N/A`` is null."""
        record: dict[str, Any] = {}
        for column, cell in zip(self._columns, cells, strict=False):
            if cell:
                column.put(record, cell)
        return record


class _Column:
    """One column: a field, or a parent's External ID (``Account.Ext__c``, ``Contact:Who.Email``)."""

    def __init__(self, schema: Schema, sobject: SObject, name: str) -> None:
        relation, dot, field_name = name.rpartition(".")
        self._relation, self._type = "", ""
        field: Field | None
        if dot:
            self._type, _, relation = relation.rpartition(":")
            lookup = next((f for f in sobject.fields if (f.relationship_name or "").lower() == relation.lower()), None)
            if lookup is None or lookup.relationship_name is None:
                raise BadBatch(f"InvalidBatch : Field name not found : {name}")
            self._relation = lookup.relationship_name
            targets = [self._type] if self._type else list(lookup.reference_to)
            parents = [parent for parent in map(schema.get, targets) if parent is not None]
            field = next((f for f in (p.field(field_name) for p in parents) if f is not None), None)
        else:
            field = sobject.field(name)
        if field is None:
            raise BadBatch(f"InvalidBatch : Field name not found : {name}")
        self._field = field

    def put(self, record: dict[str, Any], cell: str) -> None:
        """Set the column's value in a record."""
        value = None if cell == NULL else typed(self._field, cell)
        if not self._relation:
            record[self._field.name] = value
        elif value is None:
            record[self._relation] = None
        else:
            parent = {"attributes": {"type": self._type}} if self._type else {}
            record[self._relation] = parent | {self._field.name: value}


def typed(field: Field, cell: str) -> Any:
    """The cell as JSON would carry it; what does not convert is left for the org to refuse."""
    if field.type == "boolean":
        return _BOOLEANS.get(cell.strip().lower(), cell)
    if field.type in _NUMBERS:
        try:
            number = float(cell)
        except ValueError:
            return cell
        return int(number) if number.is_integer() and "e" not in cell.lower() and "." not in cell else number
    return cell


def error_text(errors: list[OrgFault]) -> str:
    """The errors of a row as `sf__Error` spells them."""
    return ";".join(f"{e.code}:{e.message}:{','.join(e.fields or [])}{' ' if e.fields else ''}--" for e in errors)
