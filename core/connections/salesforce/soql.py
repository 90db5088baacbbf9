"""Builds SOQL from values without ever letting a value become syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

from core.values import times

Value = str | bool | int | float | Decimal | date | datetime | None

URL_ROOM = 16_000
"""Characters of URL and headers that Salesforce takes (16,384), less what the headers need."""
LONGEST = 100_000
"""Characters of a whole statement."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){0,5}")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def literal(value: Value) -> str:
    """A value as a SOQL literal.

    Raises:
        ValueError: Not a number, infinite, or a datetime without a zone.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + "".join(map(_escape, value)) + "'"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A datetime in SOQL needs a zone.")
        return times.instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("SOQL has no literal for a number that is not finite.")
    return format(number, "f")


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char


def name(text: str) -> str:
    """A field path or sObject name, passed on only if it is one.

    Raises:
        ValueError: It is not a name, so it could be anything.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(f"'{text[:80]}' is not a field or object name.")
    return text


def select(
    fields: Sequence[str],
    sobject: str,
    where: str = "",
    *,
    order_by: Sequence[str] = (),
    limit: int | None = None,
) -> str:
    """A SELECT statement; each field once, in the order given.

    Args:
        fields: Field paths; at least one.
        sobject: API name.
        where: A condition made by the functions below, or a person's checked filter.
        order_by: Field paths, each optionally followed by ``ASC`` or ``DESC``.
        limit: Most rows to return.
    """
    if not fields:
        raise ValueError("A query needs at least one field.")
    distinct = dict.fromkeys(name(field) for field in fields)
    parts = ["SELECT", ", ".join(distinct), "FROM", name(sobject)]
    if where:
        parts.append(f"WHERE {where}")
    if order_by:
        parts.append("ORDER BY " + ", ".join(map(_order, order_by)))
    if limit is not None:
        parts.append(f"LIMIT {int(limit)}")
    return " ".join(parts)


def count(sobject: str, where: str = "") -> str:
    """A statement that only counts."""
    return " ".join(["SELECT COUNT() FROM", name(sobject), *(["WHERE", where] if where else [])])


def _order(text: str) -> str:
    field, _, way = text.partition(" ")
    if way not in ("", "ASC", "DESC"):
        raise ValueError(f"'{way[:20]}' is no way to order.")
    return f"{name(field)} {way}".strip()


def compare(field: str, operator: str, value: Value) -> str:
    """``field operator literal``."""
    if operator not in ("=", "!=", "<", "<=", ">", ">="):
        raise ValueError(f"'{operator[:10]}' is not an operator.")
    return f"{name(field)} {operator} {literal(value)}"


def eq(field: str, value: Value) -> str:
    """``field = value``; text compares without case."""
    return compare(field, "=", value)


def ne(field: str, value: Value) -> str:
    """``field != value``; true for empty fields as well."""
    return compare(field, "!=", value)


def lt(field: str, value: Value) -> str:
    """``field < value``."""
    return compare(field, "<", value)


def le(field: str, value: Value) -> str:
    """``field <= value``."""
    return compare(field, "<=", value)


def gt(field: str, value: Value) -> str:
    """``field > value``."""
    return compare(field, ">", value)


def ge(field: str, value: Value) -> str:
    """``field >= value``."""
    return compare(field, ">=", value)


def starts_with(field: str, text: str) -> str:
    """``field LIKE 'text%'`` with the text's own wildcards taken literally."""
    return f"{name(field)} LIKE '{_pattern(text)}%'"


def contains(field: str, text: str) -> str:
    """``field LIKE '%text%'`` with the text's own wildcards taken literally."""
    return f"{name(field)} LIKE '%{_pattern(text)}%'"


def _pattern(text: str) -> str:
    return literal(text)[1:-1].replace("%", "\\%").replace("_", "\\_")


def is_in(field: str, values: Iterable[Value]) -> str:
    """``field IN (...)``; at least one value."""
    return f"{name(field)} IN ({_listed(values)})"


def not_in(field: str, values: Iterable[Value]) -> str:
    """``field NOT IN (...)``; at least one value."""
    return f"{name(field)} NOT IN ({_listed(values)})"


def _listed(values: Iterable[Value]) -> str:
    text = ", ".join(dict.fromkeys(map(literal, values)))
    if not text:
        raise ValueError("IN needs at least one value.")
    return text


def all_of(*conditions: str) -> str:
    """All conditions, each in parentheses; empty ones are left out."""
    return _joined(" AND ", conditions)


def any_of(*conditions: str) -> str:
    """Any of the conditions, each in parentheses; empty ones are left out."""
    return _joined(" OR ", conditions)


def none_of(condition: str) -> str:
    """The condition turned around."""
    return f"(NOT ({condition}))"


def _joined(word: str, conditions: Iterable[str]) -> str:
    given = [condition for condition in conditions if condition]
    return given[0] if len(given) == 1 else word.join(f"({condition})" for condition in given)


def queries_in(
    fields: Sequence[str],
    sobject: str,
    field: str,
    values: Iterable[Value],
    *,
    where: str = "",
    room: int = URL_ROOM,
) -> Iterator[str]:
    """SELECT statements that together ask for ``field IN (values)``, each short enough for a URL.

    Args:
        fields: Fields to read.
        sobject: API name.
        field: The field the values belong to.
        values: Any number of values; doubles are asked for once.
        where: A further condition.
        room: Most characters of the statement, counted as they stand in the URL.

    Raises:
        ValueError: Even one value makes the statement too long.
    """
    chunk: list[str] = []
    base = len(quote(_in_query(fields, sobject, field, "", where), safe=""))
    used = base
    for text in dict.fromkeys(map(literal, values)):
        size = len(quote(text + ", ", safe=""))
        if base + size > room:
            raise ValueError("One value alone makes the query longer than a URL may be.")
        if chunk and used + size > room:
            yield _in_query(fields, sobject, field, ", ".join(chunk), where)
            chunk, used = [], base
        chunk.append(text)
        used += size
    if chunk:
        yield _in_query(fields, sobject, field, ", ".join(chunk), where)


def _in_query(fields: Sequence[str], sobject: str, field: str, listed: str, where: str) -> str:
    return select(fields, sobject, all_of(f"{name(field)} IN ({listed})", where))
