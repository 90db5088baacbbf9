"""SOQL: a value never becomes syntax, and long lists are split to fit."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.connections.salesforce import soql

UNESCAPE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "_": "_", "%": "%"}


def read_literal(text: str) -> str:
    """What an org makes of a quoted literal; fails on anything that is not exactly one."""
    assert text[0] == text[-1] == "'"
    found, inside, at = [], text[1:-1], 0
    while at < len(inside):
        char = inside[at]
        assert char != "'", "the literal ends too early"
        if char == "\\":
            following = inside[at + 1]
            size = 6 if following == "u" else 2
            found.append(chr(int(inside[at + 2 : at + 6], 16)) if following == "u" else UNESCAPE[following])
            at += size
        else:
            assert ord(char) >= 32
            found.append(char)
            at += 1
    return "".join(found)


TEXT = st.one_of(st.text(), st.text("\\'\"%_\nu0 OR", max_size=12))


@settings(deadline=None)
@given(TEXT)
def test_every_text_survives_as_a_literal(text: str) -> None:
    assert read_literal(soql.literal(text)) == text


@settings(deadline=None)
@given(TEXT)
def test_wildcards_in_a_text_are_taken_literally(text: str) -> None:
    found = re.fullmatch(r"Name LIKE '(.*)%'", soql.starts_with("Name", text), re.S)
    assert found
    assert read_literal(f"'{found[1]}'") == text
    assert not re.search(r"(?<!\\)(?:\\\\)*[%_]", found[1])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (1e21, "1000000000000000000000"),
        (0.1, "0.1"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        ("O'Neil \\", "'O\\'Neil \\\\'"),
    ],
)
def test_literals(value: soql.Value, text: str) -> None:
    assert soql.literal(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2026, 1, 2)])
def test_values_without_a_literal_are_refused(value: soql.Value) -> None:
    with pytest.raises(ValueError, match="SOQL"):
        soql.literal(value)


@pytest.mark.parametrize(
    "name", ["", "Na me", "Name;", "Name--", "1a", "a.b.c.d.e.f.g", "Name)", "Naïve", "a..b", "x\n"]
)
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a field"):
        soql.name(name)


def test_a_statement() -> None:
    where = soql.all_of(
        soql.ge("SystemModstamp", datetime(2026, 1, 2, tzinfo=UTC)), "", soql.is_in("Id", ["a", "b", "a"])
    )
    text = soql.select(["Id", "Owner.Email", "Id"], "Task", where, order_by=["SystemModstamp", "Id DESC"], limit=5)
    assert text == (
        "SELECT Id, Owner.Email FROM Task WHERE (SystemModstamp >= 2026-01-02T00:00:00Z) AND (Id IN ('a', 'b'))"
        " ORDER BY SystemModstamp, Id DESC LIMIT 5"
    )


def test_conditions_are_joined_in_parentheses() -> None:
    either = soql.any_of(soql.eq("A", 1), soql.ne("B", None))
    assert soql.all_of(either, soql.lt("C", 2)) == "((A = 1) OR (B != null)) AND (C < 2)"
    assert soql.none_of(soql.le("A", 1)) == "(NOT (A <= 1))"
    assert soql.all_of() == ""
    assert soql.contains("A", "x") == "A LIKE '%x%'"
    assert soql.not_in("A", [1, 2]) == "A NOT IN (1, 2)"
    assert soql.gt("A", 1) == "A > 1"


@pytest.mark.parametrize("order", ["Id DESC NULLS", "Id; DELETE", "Id desc"])
def test_orders_that_are_none_are_refused(order: str) -> None:
    with pytest.raises(ValueError, match=r"no way|not a field"):
        soql.select(["Id"], "Task", order_by=[order])


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        soql.is_in("Id", [])
    with pytest.raises(ValueError, match="at least one"):
        soql.select([], "Task")


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=60), st.integers(400, 900))
def test_long_lists_are_split_to_fit_a_url_and_lose_nothing(values: list[str], room: int) -> None:
    texts = list(soql.queries_in(["Id"], "Contact", "Email", values, where="IsDeleted = false", room=room))
    assert all(len(quote(text, safe="")) <= room for text in texts)
    listed = [text.partition(" IN (")[2].rpartition(")) AND (")[0] for text in texts]
    assert ", ".join(listed) == ", ".join(dict.fromkeys(map(soql.literal, values)))


def test_a_value_that_fits_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a URL"):
        list(soql.queries_in(["Id"], "Contact", "Email", ["x" * 500], room=300))


def test_counting() -> None:
    assert soql.count("Task") == "SELECT COUNT() FROM Task"
    assert soql.count("Task", "IsClosed = true") == "SELECT COUNT() FROM Task WHERE IsClosed = true"
