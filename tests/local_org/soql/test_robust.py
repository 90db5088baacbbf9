"""Whatever is sent as a query earns a result or an org's error, never another exception."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from local_org.org.model import OrgFault
from tests.local_org.soql import small_org as org
from tests.local_org.soql.writer import Writer

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


EDGES = [
    "",
    " \t\r\n",
    "SELECT \x00",
    "SELECT Id FROM Account " * 2_000,
    "SELECT Id FROM Account LIMIT " + "9" * 5_000,
    "SELECT Id FROM Account LIMIT 999999999999999999 OFFSET 2000",
    "SELECT Id FROM Account LIMIT 5 OFFSET " + "9" * 30,
    *(f"SELECT Id FROM Account WHERE {condition}" for condition in [
        "AnnualRevenue > 99999999999999999999999999", "AnnualRevenue > " + "9" * 5_000, "AnnualRevenue = 1e999",
        "NumberOfEmployees IN (-99999999999999999999)", "CALENDAR_YEAR(CreatedDate) = 99999999999999999999",
        "AnnualRevenue > USD" + "9" * 400, "Name = '\\ud800'", "Name LIKE '\\udfff%'", "Name = '\ud800'",
        "Name = '\x00'",
        "CreatedDate = LAST_N_DAYS:" + "9" * 5_000, "CreatedDate = NEXT_N_YEARS:99999999999",
        "CreatedDate < 0001-01-01T00:00:00+14:00", "CreatedDate > 9999-12-31T23:59:59-14:00", "Birthdate = 0000-01-01",
        "NOT " * 120 + "Name = 'a'", "(" * 99 + "Name = 'a'" + ")" * 99, "Name LIKE '" + "%a" * 1_999 + "'",
        "Name = '" + "\u00e9" * 4_000 + "'", "Name IN (" + ", ".join(f"'{n}'" for n in range(9_000)) + ")",
    ]),
    "SELECT " + "FORMAT(" * 90 + "Name" + ")" * 90 + " FROM Account",
    "SELECT COUNT(Id) FROM Account GROUP BY " + "DAY_ONLY(" * 90 + "CreatedDate" + ")" * 90,
    "SELECT COUNT(Id) FROM Account GROUP BY CUBE(" + ", ".join(["Name"] * 30) + ")",
    "SELECT " + ", ".join("(SELECT Id FROM Contacts)" for _ in range(30)) + " FROM Account",
]  # fmt: skip


soup = st.lists(st.sampled_from([*WORDS, *FIELDS, *VALUES]), max_size=14).map(" ".join)


@pytest.fixture(scope="module")
def filled() -> Iterator[sqlite3.Connection]:
    """One account and one task."""
    conn = org.connect()
    key = org.add(conn, org.ACCOUNT, 1, Name="a", AnnualRevenue=1.5)
    org.add(conn, org.TASK, 1, Subject="a", WhatId=key, ActivityDate="2026-01-01")
    yield conn
    conn.close()


seeds = st.integers(0, 10**9)
mutants = seeds.map(lambda seed: Writer(seed).mutant())
lost_in_transit = st.binary(max_size=80).map(lambda raw: raw.decode("latin-1"))
cut = st.builds(lambda text, at: text[: at % len(text)], fitting(), st.integers(0))
quoted = st.text(st.characters(), max_size=40).map("SELECT Id FROM Account WHERE Name = ".__add__)


def asked(conn: sqlite3.Connection, query: str) -> str:
    """The code of the org's error, or `answered`; anything else is raised."""
    try:
        result = org.ask(conn, query)
    except OrgFault as error:
        return error.code
    assert len(result.page()) == (0 if result.is_count else result.total)
    assert b"".join(result.iter_csv()).decode().count("\n") >= len(result.page())
    return "answered"


@settings(deadline=20_000, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(query=fitting() | shaped() | soup | quoted | mutants | lost_in_transit | cut)
def test_only_org_errors(filled: sqlite3.Connection, query: str) -> None:
    event(asked(filled, query))


@pytest.mark.parametrize("query", EDGES, ids=lambda query: ascii(query[:40]))
def test_edges_of_numbers_texts_and_depth(filled: sqlite3.Connection, query: str) -> None:
    assert asked(filled, query)


def test_numbers_beyond_integers_still_compare(filled: sqlite3.Connection) -> None:
    query = "SELECT Id FROM Account WHERE AnnualRevenue {} 99999999999999999999999999"
    assert [org.ask(filled, query.format(sign)).total for sign in ("<", ">")] == [1, 0]


def test_two_halves_of_a_character_are_one(filled: sqlite3.Connection) -> None:
    key = org.add(filled, org.ACCOUNT, 77, Name="a \U0001f600")
    for literal in ("= 'a \\uD83D\\uDE00'", "LIKE '%\\ud83d\\ude00'"):
        assert org.ask(filled, f"SELECT Id FROM Account WHERE Name {literal}").ids == [key]
    filled.execute('DELETE FROM "Account" WHERE "Id" = ?', (key,))
