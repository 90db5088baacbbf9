"""Tables: status chips, times, row buttons, and data that is never read as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from console.components.text import defused
from console.components.times import reader_zone
from console.strings import Sign

_TINTS = {
    "light": {
        "green": "#DDF1E4",
        "orange": "#FBE3CC",
        "red": "#F9D6D6",
        "blue": "#DAE8F8",
        "violet": "#E6DCF8",
        "gray": "#E6EAEE",
    },
    "dark": {
        "green": "#1B4A33",
        "orange": "#5A3A16",
        "red": "#6B2A2C",
        "blue": "#1E4470",
        "violet": "#43306E",
        "gray": "#333E4B",
    },
}


def theme() -> str:
    """The reader's theme, ``light`` or ``dark``."""
    return "dark" if st.context.theme.type == "dark" else "light"


def chips(label: str, signs: Iterable[Sign], *, width: Any = None) -> Any:
    """A column of status words, each on the tint of its color."""
    words = {s.word: s.color for s in signs}
    tints = _TINTS[theme()]
    return st.column_config.MultiselectColumn(
        label, options=list(words), color=[tints[c] for c in words.values()], width=width
    )


def distance(label: str, **more: Any) -> Any:
    """A column of instants, told as how long ago."""
    return st.column_config.DatetimeColumn(label, format="distance", timezone=reader_zone(), **more)


def moment(label: str) -> Any:
    """A column of instants as clock times in the reader's zone."""
    return st.column_config.DatetimeColumn(label, format="D MMM HH:mm", timezone=reader_zone())


def text(label: str, **more: Any) -> Any:
    """A column of plain text."""
    return st.column_config.TextColumn(label, **more)


def some(n: int) -> int | None:
    """A count that is left blank at zero, so that the others stand out."""
    return n or None


def number(label: str, **more: Any) -> Any:
    """A column of counts with thousands separators."""
    return st.column_config.NumberColumn(label, format="localized", **more)


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Rows as a frame with exactly these columns, also where there are no rows.

    Formulas are defused here already: every table has a download button of its own.
    """
    shown = [{c: defused(r.get(c)) for c in columns} for r in rows]
    return pl.DataFrame(shown, schema=list(columns), infer_schema_length=None)


def csv_bytes(rows: pl.DataFrame) -> bytes:
    """The rows as CSV for a spreadsheet: formulas defused, UTF-8 with a mark that spreadsheets know."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([defused(name) for name in rows.columns])
    for row in rows.iter_rows():
        writer.writerow(["" if v is None else defused(v if isinstance(v, str) else str(v)) for v in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
