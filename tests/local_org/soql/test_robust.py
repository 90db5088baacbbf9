"""Whatever is sent as a query earns a result or an org's error, never another exception."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from local_org.org.model import OrgFault
from tests.local_org.soql import small_org as org

FIELDS = ["Id", "Name", "Industry", "AnnualRevenue", "CreatedDate", "Active__c", "BillingAddress", "ParentId",
          "Owner.Name", "Markets__c", "Description", "Who.Type", "What.Name", "ActivityDate", "Owner",
          "Nope"]  # fmt: skip
VALUES = ["'a'", "''", "5", "-1.5", "null", "TRUE", "TODAY", "LAST_N_DAYS:3", "2026-01-01", "2026-01-01T00:00:00Z",
          "'001000000000001'", "10:00:00Z"]  # fmt: skip
FUNCTIONS = ["COUNT", "MAX", "SUM", "toLabel", "FORMAT", "CALENDAR_YEAR", "convertTimezone", "DAY_ONLY", "GROUPING",
             "FIELDS", "convertCurrency", "COUNT_DISTINCT", "NOSUCH"]  # fmt: skip
WORDS = ["SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "INCLUDES", "GROUP BY", "ORDER BY", "LIMIT", "(",
         ")", ",", "=", "<", "!=", "Account", "Task", "TYPEOF", "WHEN", "THEN", "END", "ALL ROWS", "'", "\\", "COUNT()",
         "ROLLUP"]  # fmt: skip

fields = st.sampled_from(FIELDS)
terms = st.recursive(
    fields, lambda inner: st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner), max_leaves=3
)  # fmt: skip
operators = st.sampled_from(["=", "!=", "<", ">=", "LIKE", "IN", "NOT IN", "INCLUDES", "EXCLUDES"])
values = st.sampled_from(VALUES)
right = values | st.lists(values, min_size=1, max_size=3).map(lambda v: f"({', '.join(v)})")
conditions = st.builds("{} {} {}".format, terms, operators, right)
lists = st.lists(terms, min_size=1, max_size=3).map(", ".join)


@st.composite
def shaped(draw: st.DrawFn) -> str:
    """A query whose parts are right by themselves, and seldom fit together."""
    parts = [f"SELECT {draw(lists)} FROM {draw(st.sampled_from(['Account', 'Task', 'Contact']))}"]
    for word, clause in [("WHERE", conditions), ("GROUP BY", lists), ("HAVING", conditions), ("ORDER BY", lists)]:
        if draw(st.booleans()):
            parts.append(f"{word} {draw(clause)}")
    return " ".join([*parts, draw(st.sampled_from(["", "LIMIT 5", "LIMIT 0 OFFSET 1"]))])


PLAIN = ["Name", "Industry", "AnnualRevenue", "Active__c", "ParentId", "Owner.Name", "Parent.Owner.Email"]
SHOWN = [*PLAIN, "BillingAddress", "(SELECT Id FROM Contacts)", "(SELECT Subject, Owner.Type FROM Tasks LIMIT 1)",
         "toLabel(Code__c)", "FORMAT(NumberOfEmployees)", "CreatedDate"]  # fmt: skip
TRUE_CONDITIONS = ["Name LIKE 'a%'", "AnnualRevenue > 1", "Industry NOT IN ('x', null)", "CreatedDate = TODAY",
                   "Owner.Name != 'x'", "Markets__c EXCLUDES ('a;b')", "DAY_ONLY(convertTimezone(CreatedDate)) < TODAY",
                   "Parent.Active__c = false", "CALENDAR_MONTH(SystemModstamp) IN (1, 2)", 
                   "Id > '001000000000000'"]  # fmt: skip
KEYS = [*PLAIN, "CALENDAR_YEAR(CreatedDate)", "HOUR_IN_DAY(convertTimezone(SystemModstamp))"]
TOTALS = ["COUNT(Id)", "MAX(CreatedDate)", "AVG(AnnualRevenue)", "COUNT_DISTINCT(Owner.Name)", "MIN(Name)"]


@st.composite
def fitting(draw: st.DrawFn) -> str:
    """A query whose parts go together in ways nobody listed."""
    where = draw(st.sampled_from([" AND ", " OR "])).join(
        f"{draw(st.sampled_from(['', 'NOT ']))}{c}"
        for c in draw(st.lists(st.sampled_from(TRUE_CONDITIONS), min_size=1))
    )
    if draw(st.booleans()):
        shown = draw(st.lists(st.sampled_from(SHOWN), min_size=1, unique=True))
        order = ", ".join(draw(st.lists(st.sampled_from([*PLAIN, "CreatedDate DESC"]), min_size=1)))
        return f"SELECT {', '.join(shown)} FROM Account WHERE {where} ORDER BY {order} LIMIT 5"
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
    totals = draw(st.lists(st.sampled_from(TOTALS), min_size=1, unique=True))
    by = draw(st.sampled_from(["{}", "ROLLUP({})", "CUBE({})"])).format(", ".join(keys))
    order = ", ".join(draw(st.permutations([*keys, *totals])))
    return (
        f"SELECT {', '.join(f'{k} a{i}' for i, k in enumerate([*totals, *keys]))} FROM Account WHERE {where} "
        f"GROUP BY {by} HAVING COUNT(Id) > 0 ORDER BY {order}"
    )


soup = st.lists(st.sampled_from([*WORDS, *FIELDS, *VALUES]), max_size=14).map(" ".join)


@pytest.fixture(scope="module")
def filled() -> Iterator[sqlite3.Connection]:
    """One account and one task."""
    conn = org.connect()
    key = org.add(conn, org.ACCOUNT, 1, Name="a", AnnualRevenue=1.5)
    org.add(conn, org.TASK, 1, Subject="a", WhatId=key, ActivityDate="2026-01-01")
    yield conn
    conn.close()


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(query=fitting() | shaped() | soup | st.text(max_size=40).map("SELECT Id FROM Account WHERE Name = ".__add__))
def test_only_org_errors(filled: sqlite3.Connection, query: str) -> None:
    try:
        result = org.ask(filled, query)
    except OrgFault as error:
        event(error.code)
        return
    event("answered")
    assert len(result.page()) == (0 if result.is_count else result.total)
    assert b"".join(result.iter_csv()).decode().count("\n") >= len(result.page())
