"""Reads intake files, CSV, NDJSON and Parquet, row by row, so that a broken row costs nothing but itself."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from core.connections.intake.rows import Row, check_row, shape_of
from core.connections.intake.shapes import CLEAR, Shape
from core.errors import UsageError

ROW_LIMIT = 2_097_152
"""Bytes of one row of a file."""
_PARQUET_SLICE = 10_000
_READERS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet"}


def read_file(kind: str, path: Path, source: str = "") -> Iterator[Row]:
    """The rows of a file, checked, with their line numbers; the format is told by the name's ending.

    In CSV and Parquet an empty cell is absent, and ``#N/A`` clears; in NDJSON a missing key is absent and null clears.

    Args:
        kind: accounts, people, activities, users, optouts, scores or segments.
        path: Ends in .csv, .ndjson, .jsonl, .json (an array or one object a line) or .parquet.
        source: What a row's ``source`` is where it names none; the file's name without its ending where empty.

    Raises:
        UsageError: no such file, an ending that says nothing, not the file that its ending says, a broken header.
        NotFound: there is no such kind.
    """
    shape, source = shape_of(kind), source or path.stem
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
        records = _csv_records(handle)
        header = _header(shape, path, records)
        for line, cells in records:
            if isinstance(cells, str):
                yield Row(line=line, reason=f"line {line}: {cells}")
            elif any(cells) or len(cells) > 1:
                yield _csv_row(shape, header, line, cells, source)


def _header(shape: Shape, path: Path, records: Iterator[tuple[int, list[str] | str]]) -> list[str]:
    first = next(records, (1, []))[1]
    if isinstance(first, str):
        raise UsageError(f"The header of {path.name} cannot be read: {first}.")
    header = [cell.strip() for cell in first]
    doubled = sorted({name for name in header if header.count(name) > 1})
    if not any(header) or doubled:
        wrong = f"names {', '.join(doubled)} twice" if doubled else "is empty"
        raise UsageError(f"The header of {path.name} {wrong}.", hint=f"syncline intake --template {shape.kind} prints one.")
    return header


def _csv_records(handle: Any) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and cells of each record, or what is wrong with it; a bad quote costs one record, not the rest."""
    held: list[str] = []
    start = 1
    for number, raw in enumerate(handle, 1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            yield number, f"not UTF-8 (byte {error.start + 1}); save the file as UTF-8"
            continue
        if not held:
            start = number
        held.append(text)
        whole = "".join(held)
        if whole.count('"') % 2:
            if len(whole) > ROW_LIMIT:
                yield start, "a quote is opened and not closed"
                held = []
            continue
        held = []
        yield start, _cells(whole)
    if held:
        # The file ended inside quotes: its first line is the broken one, those after it may be whole again.
        yield start, "a quote is opened and not closed"
        for offset, text in enumerate(held[1:], 1):
            yield start + offset, _cells(text) if text.count('"') % 2 == 0 else "a quote is opened and not closed"


def _cells(text: str) -> list[str] | str:
    if len(text) > ROW_LIMIT:
        return f"the row has {len(text):,} characters; at most {ROW_LIMIT:,} are taken"
    try:
        # Lines are cut here, not by the csv module, so a carriage return of old files is only a line end.
        return next(csv.reader([text.rstrip("\r\n")] if "\n" not in text.rstrip("\r\n") else text.splitlines(True), strict=True), [])
    except csv.Error as error:
        return f"the quotes do not fit ({error})"


def _csv_row(shape: Shape, header: list[str], line: int, cells: list[str], source: str) -> Row:
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
        value = parse_json(raw.decode("utf-8-sig" if line == 1 else "utf-8"))
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
        scan = pl.scan_parquet(path)
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
    if value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value.strip()):
        return _ABSENT
    if isinstance(value, dict):
        inner = {n: v for n, c in value.items() if (v := _given(c)) is not _ABSENT}
        return inner or _ABSENT
    return None if value == CLEAR else value


def _placed(row: Row, word: str = "line") -> Row:
    if row.reason:
        row.reason = f"{word} {row.line}: {row.reason}"
    return row
