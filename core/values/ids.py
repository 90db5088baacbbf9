"""Decides what a record Id is, and gives it its one 18-character spelling.

An Id is 15 case-sensitive characters; the 18-character form appends three characters that say which of the
15 are upper case, so that it survives systems that ignore case. Ids are compared and stored in the long form.
"""

from __future__ import annotations

import re

import polars as pl

_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = re.compile(r"[0-9A-Za-z]{15}")
_LONG = re.compile(r"[0-9A-Za-z]{18}")
_SHAPE_SHORT = "^[0-9A-Za-z]{15}$"
_SHAPE_LONG = "^[0-9A-Za-z]{18}$"


def suffix(short: str) -> str:
    """The three check characters of a 15-character Id."""
    letters = []
    for start in (0, 5, 10):
        bits = sum(1 << k for k in range(5) if "A" <= short[start + k] <= "Z")
        letters.append(_CHECK[bits])
    return "".join(letters)


def to18(id: str) -> str:
    """The 18-character form of an Id that comes from the org, its case taken as true.

    Raises:
        ValueError: It is not an Id, or its check characters do not fit.
    """
    if _SHORT.fullmatch(id):
        return id + suffix(id)
    if _LONG.fullmatch(id) and id[15:] == suffix(id[:15]):
        return id
    raise ValueError("That is not a record Id.")


def is_id(text: str) -> bool:
    """Whether the text is a 15-character Id, or an 18-character one whose check characters fit."""
    if _SHORT.fullmatch(text):
        return True
    return bool(_LONG.fullmatch(text)) and text[15:] == suffix(text[:15])


def normalize_id(text: str | None) -> str | None:
    """The 18-character Id that a person or a file meant, or None where that cannot be known.

    An 18-character Id that lost its case is restored from its check characters. A 15-character one with letters
    but not one capital is refused: nearly always its case was lost, and nothing can bring it back.
    """
    if text is None:
        return None
    text = text.strip()
    if _SHORT.fullmatch(text):
        return None if _caseless(text) else text + suffix(text)
    if not _LONG.fullmatch(text):
        return None
    if text[15:] == suffix(text[:15]):
        return text
    return _restore(text) if text in (text.lower(), text.upper()) else None


def key_prefix(id: str) -> str:
    """The three characters that name the sObject."""
    return id[:3]


def _caseless(text: str) -> bool:
    return text == text.lower() and text != text.upper()


def _restore(text: str) -> str | None:
    chars = list(text[:15].lower())
    for group, check in enumerate(text[15:].upper()):
        bits = _CHECK.find(check)
        if bits < 0:
            return None
        for k in range(5):
            if bits >> k & 1:
                at = group * 5 + k
                if not chars[at].isalpha():
                    return None
                chars[at] = chars[at].upper()
    return "".join(chars) + text[15:].upper()


def to18_expr(column: str | pl.Expr) -> pl.Expr:
    """The 18-character form of a text column of Ids from the org; null where a cell is not shaped like an Id.

    An 18-character cell passes as it is: the org's own spelling is not questioned row by row.
    """
    text = pl.col(column) if isinstance(column, str) else column
    short = pl.concat_str([text, *(_check_expr(text, start) for start in (0, 5, 10))])
    return (
        pl.when(text.str.contains(_SHAPE_LONG))
        .then(text)
        .when(text.str.contains(_SHAPE_SHORT))
        .then(short)
        .otherwise(pl.lit(None, dtype=pl.String))
    )


def _check_expr(text: pl.Expr, start: int) -> pl.Expr:
    bits = pl.sum_horizontal(
        text.str.slice(start + k, 1).is_between(pl.lit("A"), pl.lit("Z")).cast(pl.Int64) * (1 << k) for k in range(5)
    )
    return pl.lit(_CHECK).str.slice(bits, 1)


def normalize_ids(series: pl.Series) -> pl.Series:
    """`normalize_id` for a whole text column; only distinct values that are not plainly right are looked at singly."""
    frame = pl.DataFrame({"text": series.cast(pl.String)}).lazy()
    text = pl.col("text")
    right = text.str.contains(_SHAPE_LONG) & (to18_expr(text.str.slice(0, 15)) == text)
    known = frame.select(text, pl.when(right).then(text).alias("id")).collect()
    rest = known.filter(pl.col("id").is_null() & pl.col("text").is_not_null())["text"].unique()
    found = {value: normalize_id(value) for value in rest}
    if not found:
        return known["id"].alias(series.name)
    second = known["text"].replace_strict(
        list(found), pl.Series(list(found.values()), dtype=pl.String), default=None, return_dtype=pl.String
    )
    return known.select(pl.coalesce(pl.col("id"), second)).to_series().alias(series.name)
