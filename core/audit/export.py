"""Writes audit tables to files: CSV that no spreadsheet runs as a formula, Parquet, or JSON lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from core.audit import catalog
from core.audit.frames import Frames
from core.errors import UsageError
from core.private import private

FORMATS = ("csv", "parquet", "json")
_FORMULA = r"^\s*[=+\-@\t\r|]"
"""A cell that begins so may be run by a spreadsheet."""


def export(frames: Frames, folder: Path, names: Iterable[str] = (), file_format: str = "csv") -> list[dict[str, Any]]:
    """Write tables into a folder, one file each, readable by its owner alone.

    Args:
        frames: the workspace's frames.
        folder: where; made if it is not there.
        names: which tables of `catalog.TABLES`; all where empty.
        file_format: csv, parquet or json (one object per line).

    Returns:
        ``table``, ``file`` and ``rows`` of each.

    Raises:
        UsageError: there is no such table or format.
    """
    wanted = list(names) or list(catalog.TABLES)
    unknown = [n for n in wanted if n not in catalog.TABLES]
    if unknown:
        raise UsageError(f"There is no table {unknown[0]}.", hint=f"Tables: {', '.join(catalog.TABLES)}.")
    if file_format not in FORMATS:
        raise UsageError(f"There is no format {file_format}.", hint=f"Formats: {', '.join(FORMATS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for name in wanted:
        path = folder / f"{name}.{file_format}"
        frame = getattr(frames, name)()
        write(frame, path)
        done.append({"table": name, "file": str(path), "rows": frame.height})
    return done


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame in the format of the file's ending."""
    with private(path).open("wb") as file:
        if path.suffix == ".parquet":
            frame.write_parquet(file)
        elif path.suffix == ".json":
            frame.with_columns(_instants(frame)).write_ndjson(file)
        else:
            file.write(csv_text(frame).encode())


def csv_text(frame: pl.DataFrame) -> str:
    """The frame as CSV: instants as ISO text in UTC, text that a spreadsheet might run with an apostrophe before it."""
    safe = [_safe(name) for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(*safe, *_instants(frame)).write_csv()


def _safe(name: str) -> pl.Expr:
    risky = pl.col(name).str.contains(_FORMULA)
    return pl.when(risky).then(pl.lit("'") + pl.col(name)).otherwise(pl.col(name)).alias(name)


def _instants(frame: pl.DataFrame) -> list[pl.Expr]:
    names = [n for n, t in frame.schema.items() if isinstance(t, pl.Datetime)]
    return [pl.col(n).dt.to_string("%Y-%m-%dT%H:%M:%SZ") for n in names]
