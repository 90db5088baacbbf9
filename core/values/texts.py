"""Fits texts to fields: trimmed as Salesforce trims, cut with a marker, or cut and the rest kept aside."""

from __future__ import annotations

import polars as pl

MARKER = "… [cut]"


def trim(text: str | None) -> str | None:
    """The text without outer blanks and with plain line ends; None where nothing is left, as Salesforce stores it."""
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return text or None


def trim_expr(column: str | pl.Expr) -> pl.Expr:
    """`trim` for a text column."""
    text = pl.col(column) if isinstance(column, str) else column
    text = text.str.replace_all("\r\n", "\n", literal=True).str.replace_all("\r", "\n", literal=True).str.strip_chars()
    return pl.when(text != "").then(text).otherwise(pl.lit(None, dtype=pl.String))


def cut(text: str, length: int, marker: str = MARKER) -> str:
    """The text in at most ``length`` characters; a cut text ends with the marker where that fits."""
    return spill(text, length, marker)[0]


def spill(text: str, length: int, marker: str = MARKER) -> tuple[str, str]:
    """The text that fits and the rest, empty where all fits; both together are the whole text but for the marker."""
    if length < 0:
        raise ValueError("A length cannot be negative.")
    if len(text) <= length:
        return text, ""
    marker = marker if len(marker) <= length else ""
    keep = length - len(marker)
    return text[:keep] + marker, text[keep:]


def cut_expr(column: str | pl.Expr, length: int, marker: str = MARKER) -> pl.Expr:
    """`cut` for a text column."""
    text = pl.col(column) if isinstance(column, str) else column
    marker = marker if len(marker) <= length else ""
    short = pl.concat_str(text.str.slice(0, length - len(marker)), pl.lit(marker))
    return pl.when(text.str.len_chars() > length).then(short).otherwise(text)


def lost_expr(column: str | pl.Expr, length: int, marker: str = MARKER) -> pl.Expr:
    """How many characters `cut_expr` takes away from each cell; a number that a run reports."""
    text = pl.col(column) if isinstance(column, str) else column
    keep = length - (len(marker) if len(marker) <= length else 0)
    size = text.str.len_chars().cast(pl.Int64)
    return pl.when(size > length).then(size - keep).otherwise(0).fill_null(0)
