"""The closed set of named transforms that a field mapping may use, as polars expressions over whole columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from core.mapping import canonical
from core.mapping.canonical import Place

_BREAKS = r"(?i)<br\s*/?>|</(p|div|li|tr|h[1-6]|blockquote)\s*>"
_BLOCKS = r"(?is)<(script|style|head)\b[^>]*>.*?</(script|style|head)\s*>|<!--.*?-->"
_TAGS = r"(?s)</?[a-zA-Z][^<>]*>|<![a-zA-Z][^<>]*>"
# The ampersand comes last, so that "&amp;lt;" becomes "&lt;" and not "<".
_ENTITIES = (
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&#39;", "'"),
    ("&apos;", "'"),
    ("&ndash;", "\u2013"),
    ("&mdash;", "\u2014"),
    ("&hellip;", "\u2026"),
    ("&amp;", "&"),
)


@dataclass(frozen=True, slots=True)
class Transform:
    """One named transform: canonical text in, text out; null stays null."""

    name: str
    title: str
    doc: str
    takes: tuple[str, ...]
    """Source types it is offered for: text, longtext, integer, number, boolean, date, datetime, email, list."""
    gives: str
    """Type of what it makes."""
    expr: Callable[[pl.Expr, Place], pl.Expr]


def _strip_html(text: pl.Expr, place: Place) -> pl.Expr:
    plain = text.str.replace_all(_BLOCKS, "").str.replace_all(_BREAKS, "\n").str.replace_all(_TAGS, "")
    for entity, char in _ENTITIES:
        plain = plain.str.replace_all(entity, char, literal=True)
    return plain.str.replace_all(r"[ \t]+\n", "\n").str.replace_all(r"\n{3,}", "\n\n").str.strip_chars()


def _first_line(text: pl.Expr, place: Place) -> pl.Expr:
    return text.str.strip_chars().str.extract(r"^([^\r\n]*)").str.strip_chars()


def _date_of(text: pl.Expr, place: Place) -> pl.Expr:
    return canonical.date_text(text, place)


def _minutes(text: pl.Expr, place: Place) -> pl.Expr:
    return canonical.number_text((text.cast(pl.Float64, strict=False) / 60).ceil())


def _seconds(text: pl.Expr, place: Place) -> pl.Expr:
    return canonical.number_text((text.cast(pl.Float64, strict=False) * 60).round(0))


def _yes_no(text: pl.Expr, place: Place) -> pl.Expr:
    return canonical.boolean_text(text).replace_strict({"true": "Yes", "false": "No"}, default=None)


def _invert(text: pl.Expr, place: Place) -> pl.Expr:
    return canonical.boolean_text(text).replace_strict({"true": "false", "false": "true"}, default=None)


def _domain_of(text: pl.Expr, place: Place) -> pl.Expr:
    host = text.str.strip_chars().str.to_lowercase().str.replace(r"^[a-z][a-z0-9+.-]*://", "")
    host = host.str.replace(r"^mailto:", "").str.replace(r"[/?#].*$", "").str.replace(r"^.*@", "")
    host = host.str.replace(r":\d*$", "").str.replace(r"^www\.", "").str.strip_chars(".")
    return pl.when(host.str.contains(r"^[^\s.]+(\.[^\s.]+)+$")).then(host).otherwise(None)


def _join_semicolon(text: pl.Expr, place: Place) -> pl.Expr:
    parts = text.str.replace_all(r"\s*[;,\r\n][;,\s]*", ";").str.strip_chars("; ")
    return parts


def _one_line(text: pl.Expr, place: Place) -> pl.Expr:
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


_TEXTS = ("text", "longtext", "email", "phone", "user")
_ALL = (
    Transform(
        "strip_html",
        "Plain text",
        "Removes HTML tags and turns paragraphs into lines.",
        ("longtext", "text"),
        "longtext",
        _strip_html,
    ),
    Transform("trim", "Trim", "Removes blanks at both ends.", _TEXTS, "text", lambda t, _: t.str.strip_chars()),
    Transform("one_line", "One line", "Runs of blanks and line ends become one blank.", _TEXTS, "text", _one_line),
    Transform("first_line", "First line", "Keeps the first line that has text.", _TEXTS, "text", _first_line),
    Transform("lower", "Lower case", "All letters small.", _TEXTS, "text", lambda t, _: t.str.to_lowercase()),
    Transform("upper", "Upper case", "All letters capital.", _TEXTS, "text", lambda t, _: t.str.to_uppercase()),
    Transform(
        "title_case", "Title case", "Every word with a capital.", _TEXTS, "text", lambda t, _: t.str.to_titlecase()
    ),
    Transform(
        "digits",
        "Digits only",
        "Removes all but digits.",
        ("text", "phone"),
        "text",
        lambda t, _: t.str.replace_all(r"\D", ""),
    ),
    Transform(
        "date_of",
        "Date of an instant",
        "The day it was on the clock of the job's zone.",
        ("datetime", "date"),
        "date",
        _date_of,
    ),
    Transform("minutes", "Seconds to minutes", "Minutes, rounded up.", ("integer", "number"), "integer", _minutes),
    Transform("seconds", "Minutes to seconds", "Whole seconds.", ("integer", "number"), "integer", _seconds),
    Transform("yes_no", "Yes or No", "The words Yes and No for true and false.", ("boolean",), "text", _yes_no),
    Transform("invert", "The opposite", "True becomes false, and false true.", ("boolean",), "boolean", _invert),
    Transform(
        "domain_of",
        "Domain",
        "The domain of an e-mail address or a web address, without www.",
        ("email", "text"),
        "text",
        _domain_of,
    ),
    Transform(
        "join_semicolon",
        "List to semicolons",
        "Commas and lines become semicolons, as multi-select wants it.",
        ("text", "longtext", "list"),
        "text",
        _join_semicolon,
    ),
)
TRANSFORMS: dict[str, Transform] = {t.name: t for t in _ALL}


def apply(name: str, text: pl.Expr, place: Place) -> pl.Expr:
    """The transform of canonical text; empty results are null.

    Raises:
        KeyError: there is no such transform.
    """
    return canonical.tidy(TRANSFORMS[name].expr(text, place))


def suggestions(source_type: str, target_type: str | None = None) -> list[Transform]:
    """The transforms that make sense for a source type, those that make the target's type first."""
    fit = [t for t in _ALL if source_type in t.takes]
    return sorted(fit, key=lambda t: t.gives != target_type) if target_type else fit
