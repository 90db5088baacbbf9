"""Compiles fields and function calls to SQL: date parts, time zones, labels and aggregates."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from local_org.soql import faults, places
from local_org.soql.nodes import Call, Literal, Path
from local_org.soql.scope import Scope, Sql, Value, refuse

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"})
PRESENTATION = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_SHIFT = "soql_local_seconds"


def _part(form: str) -> Callable[[str], str]:
    return lambda seconds: f"CAST(strftime('{form}', {seconds}, 'unixepoch') AS INTEGER)"


def _week_of(form: str) -> Callable[[str], str]:
    return lambda seconds: f"((CAST(strftime('{form}', {seconds}, 'unixepoch') AS INTEGER) + 6) / 7)"


def _quarter(seconds: str) -> str:
    return f"((CAST(strftime('%m', {seconds}, 'unixepoch') AS INTEGER) + 2) / 3)"


_DATE_PARTS: dict[str, Callable[[str], str]] = {
    "CALENDAR_YEAR": _part("%Y"),
    "CALENDAR_QUARTER": _quarter,
    "CALENDAR_MONTH": _part("%m"),
    "FISCAL_YEAR": _part("%Y"),
    "FISCAL_QUARTER": _quarter,
    "FISCAL_MONTH": _part("%m"),
    "DAY_IN_MONTH": _part("%d"),
    "DAY_IN_WEEK": lambda seconds: f"(CAST(strftime('%w', {seconds}, 'unixepoch') AS INTEGER) + 1)",
    "DAY_IN_YEAR": _part("%j"),
    "HOUR_IN_DAY": _part("%H"),
    "WEEK_IN_MONTH": _week_of("%d"),
    "WEEK_IN_YEAR": _week_of("%j"),
}
DATE_FUNCTIONS = frozenset({*_DATE_PARTS, "DAY_ONLY", "CONVERTTIMEZONE"})


def value(scope: Scope, expr: Path | Call) -> Value:
    """The compiled form of what stands in a SELECT list or on the left of an operator.

    Raises:
        OrgFault: INVALID_FIELD for a name that does not exist, MALFORMED_QUERY for a function misused.
    """
    if isinstance(expr, Path):
        return scope.resolve(expr)
    if expr.name in AGGREGATES:
        return _aggregate(scope, expr)
    if expr.name == "TOLABEL":
        return _label(scope, expr)
    if expr.name in ("FORMAT", "CONVERTCURRENCY"):
        return value(scope, _argument(scope, expr))
    if expr.name == "DISTANCE":
        return places.distance(scope, expr)
    if expr.name in DATE_FUNCTIONS:
        return _date_function(scope, expr)
    raise refuse(scope.context, expr.pos, f"unexpected token: '{expr.name}'")


def uses(expr: Path | Call | Literal, names: frozenset[str]) -> bool:
    """Whether one of these functions is called anywhere in the expression."""
    return isinstance(expr, Call) and (expr.name in names or any(uses(arg, names) for arg in expr.args))


def install(conn: sqlite3.Connection) -> None:
    """Gives the connection the functions that SQLite lacks, if it has not got them yet."""
    try:
        conn.execute(f"SELECT {_SHIFT}(0, 'UTC')").fetchone()
    except sqlite3.OperationalError:
        conn.create_function(_SHIFT, 2, _local_seconds, deterministic=True)
        conn.create_function(places.FUNCTION, 5, places.between, deterministic=True)


def _local_seconds(seconds: int | None, zone: str) -> int | None:
    """What a clock in the zone shows at an instant, as if that reading were UTC."""
    if seconds is None:
        return None
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(_zone(zone)).utcoffset()
    return seconds + (int(offset.total_seconds()) if offset else 0)


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _argument(scope: Scope, call: Call) -> Path | Call:
    if len(call.args) != 1 or isinstance(call.args[0], Literal):
        raise refuse(scope.context, call.pos, f"Invalid arguments for function {call.name}")
    return call.args[0]


def _date_function(scope: Scope, call: Call) -> Value:
    inner = value(scope, _argument(scope, call))
    if inner.type not in ("date", "datetime"):
        message = f"Date function {call.name} requires a date or dateTime field"
        raise faults.invalid_field(scope.context.text, call.pos, message)
    if call.name == "CONVERTTIMEZONE":
        shifted = Sql(f"{_SHIFT}({inner.sql.text}, ?)", (*inner.sql.params, scope.context.access.time_zone))
        return Value(shifted, "datetime", inner.path, joined=inner.joined)
    text = inner.sql.text
    seconds = text if inner.type == "datetime" else f"unixepoch({text})"
    if call.name == "DAY_ONLY":
        return Value(Sql(f"date({seconds}, 'unixepoch')", inner.sql.params), "date", inner.path, joined=inner.joined)
    return Value(Sql(_DATE_PARTS[call.name](seconds), inner.sql.params), "int", inner.path, joined=inner.joined)


def _label(scope: Scope, call: Call) -> Value:
    inner = value(scope, _argument(scope, call))
    pairs = [(p.value, p.label or p.value) for p in inner.field.picklist] if inner.field else []
    different = [(v, label) for v, label in pairs if v != label]
    if not different:
        return inner
    whens = " ".join("WHEN ? THEN ?" for _ in different)
    params = tuple(part for pair in different for part in pair)
    sql = Sql(
        f"(CASE {inner.sql.text} {whens} ELSE {inner.sql.text} END) COLLATE NOCASE",
        (*inner.sql.params, *params, *inner.sql.params),
    )
    return Value(sql, "string", inner.path, inner.field, inner.sobject, inner.joined)


def _aggregate(scope: Scope, call: Call) -> Value:
    if call.name == "COUNT" and not call.args:
        return Value(Sql("COUNT(*)"), "int", (), aggregate=True)
    inner = value(scope, _argument(scope, call))
    if inner.aggregate:
        raise refuse(scope.context, call.pos, f"Invalid nested aggregate function {call.name}")
    _check_aggregate(scope, call, inner)
    if call.name == "GROUPING":
        return Value(Sql("0"), "int", inner.path, aggregate=True)
    form = {"COUNT_DISTINCT": "COUNT(DISTINCT {})"}.get(call.name, f"{call.name}({{}})")
    kind = {"COUNT": "int", "COUNT_DISTINCT": "int", "AVG": "double"}.get(call.name, inner.type)
    f = inner.field if call.name in ("MIN", "MAX", "SUM") else None
    return Value(Sql(form.format(inner.sql.text), inner.sql.params), kind, inner.path, f, inner.sobject,
                 aggregate=True)  # fmt: skip


def _check_aggregate(scope: Scope, call: Call, inner: Value) -> None:
    number_only = call.name in ("SUM", "AVG") and inner.type not in _NUMBERS
    unordered = call.name in ("MIN", "MAX") and inner.type in ("boolean", "multipicklist", "address", "location")
    long_text = inner.field is not None and not inner.field.filterable and call.name != "GROUPING"
    if number_only or unordered or long_text or inner.type in ("address", "location"):
        name = inner.path[-1]
        message = f"field {name} does not support aggregate operator {call.name}"
        raise faults.at(scope.context.text, call.pos, "MALFORMED_QUERY", message)
