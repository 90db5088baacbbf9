"""Fields and plain mistakes in SOQL filters."""

from __future__ import annotations

import pytest

from core.mapping.soql_where import read


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Name = 'x'", ("Name",)),
        ("Name='it\\'s = fine' AND B__c != null", ("Name", "B__c")),
        ("Account.Owner.Email LIKE '%x'", ("Account.Owner.Email",)),
        ("NOT (Status IN ('a','b'))", ("Status",)),
        ("Status NOT IN ('a')", ("Status",)),
        ("Tags__c INCLUDES ('a;b')", ("Tags__c",)),
        ("CALENDAR_YEAR(CreatedDate) = 2026", ("CreatedDate",)),
        ("Id IN (SELECT WhoId FROM Task WHERE Inner__c = 1) AND A = 1", ("Id", "A")),
        ("CreatedDate > 2026-01-01T00:00:00Z", ("CreatedDate",)),
    ],
)
def test_fields(text: str, fields: tuple[str, ...]) -> None:
    found = read(text)
    assert set(found.fields) == set(fields)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Name = 'x", "not closed"),
        ("(A = 1", "parentheses"),
        ("A = 1)", "parentheses"),
        ("WHERE A = 1", "Leave out"),
        ("A = 1 AND B = 2 OR C = 3", "mixed"),
        ("(A = 1 AND B = 2 OR C = 3)", "mixed"),
        ("A = 1 AND", "missing"),
        ("A = 1 ORDER BY B", "does not belong"),
        ("A = 1 LIMIT 5", "does not belong"),
        ("Name", "no comparison"),
        ("A = 1; DELETE", "semicolon"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert any(problem in p for p in read(text).problems)


def test_parentheses_settle_and_and_or() -> None:
    assert read("A = 1 AND (B = 2 OR C = 3)").problems == ()


def test_date_literals_are_found_but_not_in_strings() -> None:
    assert read("A = TODAY AND B > LAST_N_DAYS:30 AND C = 'TOMORROW'").date_literals == ("TODAY", "LAST_N_DAYS:30")
