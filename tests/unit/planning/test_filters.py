"""Every operator of a workspace-side filter, with values, with nothing, and with what does not fit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from core.errors import UsageError
from core.mapping.spec import Condition
from core.planning.filters import OPERATORS, passes

FRAME = pl.DataFrame(
    {
        "status": ["Open", "done", None],
        "seconds": [60, 0, None],
        "out": [True, False, None],
        "due": [date(2026, 11, 1), date(2026, 11, 30), None],
        "at": [datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC), None],
        "fields.score": ["10", "9", None],
    }
)


def kept(field: str, op: str, value: Any = None) -> list[bool]:
    expr = passes([Condition(field=field, op=op, value=value)], dict(FRAME.schema))
    return FRAME.select(expr.alias("x"))["x"].to_list()


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("status", "=", "open", [True, False, False]),
        ("status", "!=", "OPEN", [False, True, True]),
        ("status", "in", ["open", "Late"], [True, False, False]),
        ("status", "in", "open", [True, False, False]),
        ("status", "not in", ["open"], [False, True, True]),
        ("status", "<", "e", [False, True, False]),
        ("status", ">", "e", [True, False, False]),
        ("status", "contains", "PE", [True, False, False]),
        ("status", "contains", ".", [False, False, False]),
        ("status", "is empty", None, [False, False, True]),
        ("status", "is not empty", None, [True, True, False]),
        ("status", "=", None, [False, False, False]),
        ("status", "!=", None, [True, True, False]),
        ("seconds", "=", 60, [True, False, False]),
        ("seconds", ">=", "60", [True, False, False]),
        ("seconds", "<=", 0, [False, True, False]),
        ("seconds", "in", [60, 61], [True, False, False]),
        ("out", "=", True, [True, False, False]),
        ("out", "!=", "true", [False, True, True]),
        ("due", ">", "2026-11-15", [False, True, False]),
        ("due", "=", "2026-11-01", [True, False, False]),
        ("at", "<", "2026-11-15", [True, False, False]),
        ("at", "<=", "2026-11-01T12:00:00Z", [True, False, False]),
        ("at", "<", "2026-11-01T13:00:00+02:00", [False, False, False]),
        ("fields.score", ">", 9, [True, False, False]),
        ("fields.score", ">", "9", [False, False, False]),
        ("fields.unknown", "is empty", None, [True, True, True]),
        ("fields.unknown", "=", "x", [False, False, False]),
        ("fields.unknown", "not in", ["x"], [True, True, True]),
    ],
)
def test_clauses(field: str, op: str, value: Any, expected: list[bool]) -> None:
    result = kept(field, op, value)
    assert (result if len(result) > 1 else result * 3) == expected


@pytest.mark.parametrize(
    ("field", "op", "value", "says"),
    [
        ("colour", "=", "x", "does not have"),
        ("status", "like", "x", "'like'"),
        ("status", "==", "x", "'=='"),
        ("seconds", ">", "many", "seconds"),
        ("due", ">", "soon", "due"),
        ("at", ">", "2026-13-01", "at"),
        ("out", "=", "maybe", "out"),
    ],
)
def test_what_makes_no_sense_is_said(field: str, op: str, value: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        kept(field, op, value)


def test_every_operator_has_a_case() -> None:
    (marked,) = [m for m in test_clauses.pytestmark if m.name == "parametrize"]
    assert {case[1] for case in marked.args[1]} == set(OPERATORS)


def test_all_clauses_must_hold_and_none_lets_everything_pass() -> None:
    both = [Condition(field="status", op="is not empty"), Condition(field="seconds", op=">", value=0)]
    assert FRAME.filter(passes(both, dict(FRAME.schema)))["status"].to_list() == ["Open"]
    assert FRAME.filter(passes([], dict(FRAME.schema))).height == 3
