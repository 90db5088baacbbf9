"""Writes and reads the CSV of Bulk jobs, where absent, null and a value are three different cells.

An empty cell leaves a field as it is, ``#N/A`` clears it. In a frame to be written, null means *clear*. A row that
leaves column ``X`` alone says so in a boolean companion column named ``X::absent`` (see `absent`); a frame without
companions has every cell present.
"""

from __future__ import annotations

import polars as pl

from core.errors import UsageError

NULL = "#N/A"
_ABSENT = "::absent"


def absent(column: str) -> str:
    """Name of the boolean companion column that is true where a row leaves ``column`` alone."""
    return column + _ABSENT


def to_csv(frame: pl.DataFrame) -> bytes:
    """The CSV of an upload: a header, then rows; UTF-8, commas, LF.

    Args:
        frame: Text columns named like the org's fields, and companions; an empty text clears like null, since
            Salesforce stores it so.

    Raises:
        UsageError: A value is the text ``#N/A``, which Bulk would read as *clear*, or a column is not text.
    """
    names = [name for name in frame.columns if not name.endswith(_ABSENT)]
    _check(frame, names)
    cells = [_cell(name, frame) for name in names]
    text = frame.select(cells).write_csv(quote_style="non_numeric", null_value="", line_terminator="\n")
    return text.encode()


def _cell(name: str, frame: pl.DataFrame) -> pl.Expr:
    value = pl.when(pl.col(name).is_null() | (pl.col(name) == "")).then(pl.lit(NULL)).otherwise(pl.col(name))
    if absent(name) in frame.columns:
        left_alone = pl.col(absent(name)).fill_null(False)
        value = pl.when(left_alone).then(pl.lit(None, dtype=pl.String)).otherwise(value)
    return value.alias(name)


def _check(frame: pl.DataFrame, names: list[str]) -> None:
    known = set(names)
    for column, kind in frame.schema.items():
        if column in known and kind != pl.String:
            raise UsageError(f"Column '{column}' of a Bulk upload is not text.", column=column)
        if column not in known and (kind != pl.Boolean or column.removesuffix(_ABSENT) not in known):
            raise UsageError(f"Column '{column}' marks nothing.", column=column)
    literal = [name for name in names if (frame[name] == NULL).any()]
    if literal:
        raise UsageError(
            f"Bulk cannot carry the text {NULL}: it would clear the field.",
            hint="Send these rows by REST, or change the text.",
            columns=literal,
        )


def from_csv(data: bytes) -> pl.DataFrame | None:
    """A CSV answer as text columns, empty cells null; None where the data breaks off inside a row.

    An answer without any header has no columns.
    """
    if not data.strip():
        return pl.DataFrame()
    if not data.endswith(b"\n") or data.count(b'"') % 2:
        return None
    try:
        frame = pl.read_csv(data, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    return frame.with_columns(pl.col(pl.String).replace("", None)) if frame.width else frame
