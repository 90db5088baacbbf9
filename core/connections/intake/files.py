"""Reads intake files, CSV, NDJSON and Parquet, row by row, so that a broken row costs nothing but itself."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from core.connections.intake.checks import shown
from core.connections.intake.rows import Row, check_row, shape_of
from core.connections.intake.shapes import CLEAR, Shape
from core.errors import UsageError

ROW_LIMIT = 2_097_152
"""Bytes of one row of a file."""
csv.field_size_limit(ROW_LIMIT)  # the module's own limit is shorter than a long note
_PARQUET_SLICE = 10_000
_READERS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet"}


def read_file(path: Path, kind: str, source: str = "") -> Iterator[Row]:
    """The rows of a file, checked, with their line numbers; the format is told by the name's ending.

    In CSV and Parquet an empty cell is absent, and ``#N/A`` clears; in NDJSON a missing key is absent and null clears.

    Args:
        path: Ends in .csv, .ndjson, .jsonl, .json (an array or one object a line) or .parquet.
        kind: accounts, people, activities, users, optouts, scores or segments.
        source: What a row's ``source`` is where it names none.

    Raises:
        UsageError: no such file, an ending that says nothing, not the file that its ending says, a broken header.
        NotFound: there is no such kind.
    """
    shape = shape_of(kind)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path.name} is not a kind of file that is read here.", hint="Use .csv, .ndjson or .parquet.")
    if not path.is_file():
        raise UsageError(f"There is no file {path.name}.")
    if reader == "parquet":
        return _read_parquet(shape, path, source)
    return _read_csv(shape, path, source) if reader == "csv" else _read_ndjson(shape, path, source)


def _read_csv(shape: Shape, path: Path, source: str) -> Iterator[Row]:
    with path.open("rb") as handle:
        records = _records(handle)
        header = _header(shape, path, records)
        for line, lines in records:
            cells = _cells(lines)
            if len(lines) > 1 and len(cells) != len(header):
                # A stray quote has swallowed the lines after it: each is looked at for itself, so that one is broken.
                for offset, text in enumerate(lines):
                    yield _csv_row(shape, header, line + offset, _cells([text]), source)
            elif cells != []:
                yield _csv_row(shape, header, line, cells, source)


def _header(shape: Shape, path: Path, records: Iterator[tuple[int, list[str | None]]]) -> list[str]:
    first = next(records, None)
    cells = _cells(first[1]) if first else []
    if isinstance(cells, str):
        raise UsageError(f"The header of {path.name} cannot be read: {cells}.")
    header = [cell.strip() for cell in cells]
    hint = f"A header, with commas: syncline intake --kind {shape.kind} --template."
    if not any(header):
        raise UsageError(f"The header of {path.name} is empty.", hint=hint)
    if doubled := sorted({name for name in header if header.count(name) > 1}):
        raise UsageError(f"The header of {path.name} names {', '.join(doubled)} twice.", hint=hint)
    if len(header) == 1 and header[0] not in shape.by_name:
        raise UsageError(f"The header of {path.name} has one column, {shown(header[0])}.", hint=hint)
    return header


def _records(handle: Iterable[bytes]) -> Iterator[tuple[int, list[str | None]]]:
    """First line number and lines of each record; a line that is no UTF-8 is None. Quotes may hold line ends."""
    held: list[str | None] = []
    start, size, is_open = 1, 0, False
    for number, raw in enumerate(handle, 1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            text = None
        start = start if held else number
        held.append(text)
        size += len(raw)
        is_open ^= bool(text and text.count('"') % 2)
        if not is_open or size > ROW_LIMIT:
            yield start, held
            held, size, is_open = [], 0, False
    if held:
        yield start, held


def _cells(lines: list[str | None]) -> list[str] | str:
    """The cells of a record, none for an empty line, or what is wrong with it."""
    if None in lines:
        return "not UTF-8; save the file as UTF-8"
    text = "".join(line for line in lines if line is not None).rstrip("\r\n")
    if len(text) > ROW_LIMIT:
        return f"the row has {len(text):,} characters; at most {ROW_LIMIT:,} are taken"
    if text.count('"') % 2:
        return "a quote is opened and not closed"
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        return f"the quotes do not fit ({error})"


def _csv_row(shape: Shape, header: list[str], line: int, cells: list[str] | str, source: str) -> Row:
    if isinstance(cells, str):
        return Row(line=line, reason=f"line {line}: {cells}")
    if len(cells) != len(header):
        word = "few" if len(cells) < len(header) else "many"
        key = cells[header.index("external_id")] if "external_id" in header[: len(cells)] else ""
        reason = f"line {line}: too {word} cells, {len(cells)} where the header has {len(header)}"
        return Row(external_id=key.strip().lower(), line=line, reason=reason)
    raw = {n: None if c == CLEAR else c for n, c in zip(header, cells, strict=True) if c.strip()}
    return _placed(check_row(shape, raw, source, line))


def _read_ndjson(shape: Shape, path: Path, source: str) -> Iterator[Row]:
    with path.open("rb") as handle:
        if handle.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            yield from _read_array(shape, path, source)
            return
        handle.seek(0)
        for line, raw in enumerate(handle, 1):
            if len(raw) > ROW_LIMIT:
                yield Row(line=line, reason=f"line {line}: {len(raw):,} bytes; at most {ROW_LIMIT:,} are taken")
            elif raw.strip():
                yield _json_row(shape, line, raw, source)


def _json_row(shape: Shape, line: int, raw: bytes, source: str) -> Row:
    try:
        value = parse_json(raw.rstrip(b"\r\n").decode("utf-8-sig" if line == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Row(line=line, reason=f"line {line}: not UTF-8 (byte {error.start + 1})")
    except json.JSONDecodeError as error:
        return Row(line=line, reason=f"line {line}: not JSON ({error.msg}, column {error.colno})")
    except (ValueError, RecursionError) as error:
        return Row(line=line, reason=f"line {line}: not JSON that can be taken ({str(error)[:80]})")
    return _placed(check_row(shape, value, source, line))


def _read_array(shape: Shape, path: Path, source: str) -> Iterator[Row]:
    try:
        rows = parse_json(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path.name} is not JSON: {str(error)[:120]}.") from error
    yield from (_placed(check_row(shape, raw, source, number), "row") for number, raw in enumerate(rows, 1))


def parse_json(text: str | bytes) -> Any:
    """JSON by the letter: without NaN and Infinity.

    Raises:
        ValueError: it is none; a `json.JSONDecodeError` says where.
        RecursionError: nested beyond reason.
    """
    return json.loads(text, parse_constant=_no_number)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number in JSON")


def _read_parquet(shape: Shape, path: Path, source: str) -> Iterator[Row]:
    try:
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        names = scan.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{path.name} is not a Parquet file: {str(error).splitlines()[0][:120]}.") from error
    number = 0
    while True:
        part = scan.slice(number, _PARQUET_SLICE).collect()
        for cells in part.iter_rows():
            number += 1
            raw = {n: v for n, c in zip(names, cells, strict=True) if (v := _given(c)) is not _ABSENT}
            yield _placed(check_row(shape, raw, source, number), "row")
        if part.height < _PARQUET_SLICE:
            return


_ABSENT = object()


def _given(value: Any) -> Any:
    """A Parquet value as a row's: nulls are absent, at every depth, because the format has no other word for it."""
    if (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value.strip())
    ):
        return _ABSENT
    if isinstance(value, dict):
        inner = {n: v for n, c in value.items() if (v := _given(c)) is not _ABSENT}
        return inner or _ABSENT
    return None if value == CLEAR else value


def _placed(row: Row, word: str = "line") -> Row:
    if row.reason:
        row.reason = f"{word} {row.line}: {row.reason}"
    return row
