"""Decides what an e-mail address is and gives it its one spelling: trimmed, lower case."""

from __future__ import annotations

import polars as pl
from email_validator import EmailNotValidError, validate_email

_ATOM = r"[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?"
_FORM = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:\p{{L}}{{2,63}}|xn--[a-z0-9-]{{1,59}})$"
_LONGEST = 254
_LONGEST_LOCAL = 64


def normalize_expr(column: str | pl.Expr) -> pl.Expr:
    """A text column as addresses in lower case; null for what is not shaped like one.

    ``Ana Ruiz <ana@x.com>`` and ``mailto:ana@x.com`` give their address.
    """
    text = pl.col(column) if isinstance(column, str) else column
    text = text.str.strip_chars()
    text = pl.coalesce(text.str.extract(r"<([^<>\s]+)>$"), text).str.replace(r"^(?i)mailto:", "").str.to_lowercase()
    fits = (
        text.str.contains(_FORM)
        & (text.str.len_bytes() <= _LONGEST)
        & (text.str.split("@").list.first().str.len_bytes() <= _LONGEST_LOCAL)
    )
    return pl.when(fits).then(text).otherwise(pl.lit(None, dtype=pl.String))


def normalize(series: pl.Series) -> pl.Series:
    """`normalize_expr` on a series."""
    frame = pl.DataFrame({"text": series.cast(pl.String)})
    return frame.select(normalize_expr("text")).to_series().alias(series.name)


def normalize_one(text: str | None) -> str | None:
    """One address in lower case, or None."""
    return None if text is None else normalize(pl.Series([text], dtype=pl.String))[0]


def is_email(text: str) -> bool:
    """Whether the text is shaped like an address."""
    return normalize_one(text) is not None


def complaint(text: str) -> str | None:
    """What is wrong with an address typed into a form, in one sentence; None where it is fine."""
    try:
        validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        return str(error)
    return None if is_email(text) else "The address has characters that most mail systems refuse."
