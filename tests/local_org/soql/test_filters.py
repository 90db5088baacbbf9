"""WHERE against a plain Python reading of the same conditions, on random rows full of gaps."""

from __future__ import annotations

import operator
import re
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_org.org.model import OrgFault
from local_org.soql.lexer import quote
from local_org.soql.nodes import Comparison, Condition, Group, Literal, Not, Path, Query, Selected, Source, Values
from local_org.soql.printer import render
from tests.local_org.soql.small_org import ACCOUNT, CONTACT, NOW, add, ask, connect, make_id, rows, user

Row = dict[str, Any]
Fault = Callable[..., OrgFault]
ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

texts = st.sampled_from(["a", "A", "ab", "b", "a_b", "a%b", "B\\b", "it's", "10", "É", "é", "ÄÖ", "äÖ"])
numbers = st.integers(-2, 3)
moments = st.integers(0, 4).map(lambda n: int(NOW.timestamp()) + n)
random_rows = st.lists(
    st.fixed_dictionaries(
        {
            "Name": texts,
            "Industry": st.none() | texts,
            "Code__c": st.none() | texts,
            "NumberOfEmployees": st.none() | numbers,
            "CreatedDate": moments,
            "Active__c": st.sampled_from([0, 1]),
            "Markets__c": st.none()
            | st.lists(st.sampled_from(["A", "B", "AB"]), min_size=1, unique=True).map(";".join),
            "ParentId": st.none() | st.integers(1, 3).map(lambda n: make_id("001", n)),
        }
    ),
    min_size=1,
    max_size=8,
)


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, NOW.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")


def literals(of: st.SearchStrategy[Any], kind: Any, text: Callable[[Any], str] = str) -> st.SearchStrategy[Literal]:
    return of.map(lambda v: Literal(kind, text(v))) | st.just(Literal("null", "NULL"))


strings = literals(texts, "string", lambda v: quote(v)[1:-1])
VALUES = {
    "Name": strings,
    "Industry": strings,
    "Code__c": strings,
    "NumberOfEmployees": literals(numbers, "number"),
    "CreatedDate": literals(moments, "datetime", stamp),
    "Active__c": st.sampled_from([Literal("boolean", "TRUE"), Literal("boolean", "FALSE")]),
    "ParentId": literals(st.integers(1, 3).map(lambda n: make_id("001", n)[:15]), "string"),
}


@st.composite
def atoms(draw: st.DrawFn) -> Comparison:
    name = draw(st.sampled_from([*VALUES, "Markets__c"]))
    if name == "Markets__c":
        items = draw(st.lists(st.sampled_from(["A", "b", "A;B", "AB"]), min_size=1, max_size=2))
        values = Values(tuple(Literal("string", i) for i in items))
        return Comparison(Path((name,)), draw(st.sampled_from(["INCLUDES", "EXCLUDES"])), values)
    if name in ("Name", "Industry") and draw(st.booleans()):
        pattern = draw(st.sampled_from(["a%", "%B", "_b", r"a\_b", r"a\%b", r"%\\%", "A", "É%", "%ö"]))
        return Comparison(Path((name,)), "LIKE", Literal("string", pattern))
    if draw(st.booleans()):
        chosen = draw(st.lists(VALUES[name], min_size=1, max_size=3))
        return Comparison(Path((name,)), draw(st.sampled_from(["IN", "NOT IN"])), Values(tuple(chosen)))
    known = ["=", "!="] if name == "Active__c" else ["=", "!=", *ORDERED]
    return Comparison(Path((name,)), draw(st.sampled_from(known)), draw(VALUES[name]))


conditions: st.SearchStrategy[Condition] = st.recursive(
    atoms(),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(
            lambda w, i: Group(w, tuple(i)), st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)
        )
    ),
    max_leaves=5,
)


def holds(condition: Condition, row: Row) -> bool:
    if isinstance(condition, Not):
        return not holds(condition.item, row)
    if isinstance(condition, Group):
        return (all if condition.connective == "AND" else any)(holds(i, row) for i in condition.items)
    assert isinstance(condition.left, Path)
    name = condition.left.parts[0]
    fold: Callable[[Any], Any] = lower if folds(name) else lambda v: v
    value, word, right = fold(row[name]), condition.operator, condition.right
    if isinstance(right, Values):
        wanted = [fold(plain(name, i)) for i in right.items]
        if word in ("INCLUDES", "EXCLUDES"):
            chosen = set((value or "").split(";"))
            return any(set(w.split(";")) <= chosen for w in wanted) == (word == "INCLUDES")
        return (value in wanted) == (word == "IN")
    assert isinstance(right, Literal)
    if word == "LIKE":
        return value is not None and like(right.text, value)
    other = fold(plain(name, right))
    if word in ("=", "!="):
        return bool(value == other) == (word == "=")
    # Order is by code point once ASCII is folded: SQLite's NOCASE.
    value, other = (ascii_fold(v) if folds(name) else v for v in (row[name], plain(name, right)))
    return value is not None and other is not None and bool(ORDERED[word](value, other))


def folds(name: str) -> bool:
    return name not in ("Code__c", "ParentId")


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def ascii_fold(value: Any) -> Any:
    return re.sub("[A-Z]", lambda m: m.group().lower(), value) if isinstance(value, str) else value


def plain(name: str, literal: Literal) -> Any:
    if literal.kind == "null":
        return None
    if literal.kind == "boolean":
        return int(literal.text == "TRUE")
    if literal.kind == "number":
        return int(literal.text)
    if literal.kind == "datetime":
        return int(datetime.fromisoformat(literal.text).timestamp())
    return make_id("001", int(literal.text[3:])) if name == "ParentId" else re.sub(r"\\(.)", r"\1", literal.text)


def like(pattern: str, value: str) -> bool:
    wild = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern)
    return re.fullmatch("".join(wild.get(p) or re.escape(p[-1]) for p in parts), value, re.I | re.S) is not None


@settings(deadline=None, max_examples=300)
@given(random_rows, conditions)
def test_agrees_with_plain_python(data: list[Row], condition: Condition) -> None:
    conn = connect()
    try:
        kept = {add(conn, ACCOUNT, i + 1, **row) for i, row in enumerate(data) if holds(condition, row)}
        for i, row in enumerate(data):
            if not holds(condition, row):
                add(conn, ACCOUNT, i + 1, **row)
        query = Query((Selected(Path(("Id",))),), (Source(Path(("Account",))),), where=condition)
        assert set(ask(conn, render(query)).ids) == kept
    finally:
        conn.close()


def names(conn: sqlite3.Connection, where: str, **more: Any) -> list[str]:
    return [r["Name"] for r in rows(conn, f"SELECT Name FROM Account WHERE {where} ORDER BY Name", **more)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Industry != 'Tech'", ["Acme"]),
        ("Industry = null", ["Acme"]),
        ("Industry = ''", ["Acme"]),
        ("Industry != null", ["beta"]),
        ("NOT (AnnualRevenue > 10)", ["Acme", "beta"]),
        ("NOT (AnnualRevenue > null)", ["Acme", "beta"]),
        ("Industry NOT IN ('Tech', null)", []),
        ("Name = 'ACME'", ["Acme"]),
        ("Code__c = 'AB'", []),
        ("Code__c = 'aB'", ["beta"]),
        ("Markets__c INCLUDES ('Retail;Office')", ["beta"]),
        ("Markets__c INCLUDES ('Ret')", []),
        ("Markets__c INCLUDES ('%', '_ffice')", []),
        ("Markets__c EXCLUDES ('Retail')", ["Acme"]),
        ("Id = '001000000000001'", ["Acme"]),
        ("ParentId IN ('001000000000001AAA')", ["beta"]),
        ("Parent.Name != 'x'", ["Acme", "beta"]),
        ("Parent.Name = null", ["Acme"]),
        ("Parent.Active__c = false", ["Acme"]),
        ("Owner.Name LIKE 'a%' AND Active__c = true", ["Acme"]),
        ("Id NOT IN (SELECT AccountId FROM Contact)", ["beta"]),
        ("ParentId NOT IN (SELECT AccountId FROM Contact WHERE Name = 'Bo Lee')", ["Acme"]),
        ("Id IN (SELECT WhatId FROM Task WHERE Status = 'Completed')", ["Acme"]),
        ("CreatedDate = TODAY AND CreatedDate IN (YESTERDAY, TODAY)", ["Acme", "beta"]),
        ("CreatedDate != TODAY OR CreatedDate NOT IN (TODAY)", []),
    ],
)  # fmt: skip
def test_traps(conn: sqlite3.Connection, where: str, expected: list[str]) -> None:
    assert names(conn, where) == expected


def test_an_anti_join_ignores_children_without_a_parent(conn: sqlite3.Connection) -> None:
    add(conn, CONTACT, 9, LastName="Alone", Name="Alone")
    assert names(conn, "Id NOT IN (SELECT AccountId FROM Contact)") == ["beta"]


def test_many_letters_beyond_ascii_are_still_found(conn: sqlite3.Connection) -> None:
    add(conn, ACCOUNT, 9, Name="ĄĆĘŁŃÓŚŹŻ")
    assert names(conn, "Name = 'ąćęłńóśźż' AND Name LIKE 'ąćęłńóśźż%'") == ["ĄĆĘŁŃÓŚŹŻ"]


def test_days_of_a_datetime_are_the_users(conn: sqlite3.Connection) -> None:
    late = datetime(2026, 3, 11, 6, 59, 59, tzinfo=NOW.tzinfo)
    add(conn, ACCOUNT, 9, Name="late", CreatedDate=int(late.timestamp()))
    assert names(conn, "CreatedDate = TODAY") == ["Acme", "beta", "late"]
    assert names(conn, "CreatedDate = TODAY", access=user(time_zone="UTC")) == ["Acme", "beta"]
    assert names(conn, "CreatedDate > TODAY", access=user(time_zone="UTC")) == ["late"]
    assert names(conn, "CreatedDate >= TOMORROW", access=user(time_zone="UTC")) == ["late"]
    assert names(conn, "CreatedDate <= YESTERDAY") == []


def test_deleted_and_archived_rows_only_in_query_all(conn: sqlite3.Connection) -> None:
    assert ask(conn, "SELECT COUNT() FROM Task").total == 2
    assert ask(conn, "SELECT COUNT() FROM Task", all_rows=True).total == 4
    gone = rows(conn, "SELECT Subject FROM Task WHERE IsDeleted = TRUE ALL ROWS", all_rows=True)
    assert [r["Subject"] for r in gone] == ["Gone"]


def test_scope_mine_is_the_users_own(conn: sqlite3.Connection) -> None:
    assert ask(conn, "SELECT Id FROM Task USING SCOPE mine").ids == [make_id("00T", 1)]
    assert ask(conn, "SELECT Id FROM Task USING SCOPE everything").total == 2


def test_literals_never_reach_the_sql_text(conn: sqlite3.Connection) -> None:
    assert names(conn, "Name = '\\' OR 1=1 --' OR Name = '\"); DROP TABLE Account; --'") == []
    assert ask(conn, "SELECT COUNT() FROM Account").total == 2


def test_thousands_of_alternatives(conn: sqlite3.Connection) -> None:
    many = " OR ".join(f"Name = '{i}'" for i in range(3000))
    assert names(conn, f"{many} OR Name = 'acme'") == ["Acme"]


def test_nesting_beyond_sqlite_is_an_org_error(fault: Fault) -> None:
    query = "SELECT Id FROM Account WHERE " + "(Name = 'b' AND (Name = 'c' OR " * 40 + "Name = 'a'" + "))" * 40
    assert fault(query).code == "QUERY_TOO_COMPLICATED"


@pytest.mark.parametrize(
    ("where", "code", "column", "message"),
    [
        ("CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD", 44,
         "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in "
         "quotes"),
        ("CreatedDate > 2026-01-01", "INVALID_FIELD", 44,
         "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in "
         "quotes"),
        ("Name = 5", "INVALID_FIELD", 37,
         "value of filter criterion for field 'Name' must be of type string and should be enclosed in quotes"),
        ("Active__c = 'true'", "INVALID_FIELD", 42,
         "value of filter criterion for field 'Active__c' must be of type boolean and should not be enclosed in "
         "quotes"),
        ("AnnualRevenue = '5'", "INVALID_FIELD", 46,
         "value of filter criterion for field 'AnnualRevenue' must be of type double and should not be enclosed in "
         "quotes"),
        ("Description = 'x'", "INVALID_FIELD", 30, "field 'Description' can not be filtered in a query call"),
        ("BillingAddress = 'x'", "INVALID_FIELD", 30, "field 'BillingAddress' can not be filtered in a query call"),
        ("OwnerId = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", 40, "invalid ID field: abc"),
        ("Id = '001000000000001AAB'", "INVALID_QUERY_FILTER_OPERATOR", 35, "invalid ID field: 001000000000001AAB"),
        ("Active__c > true", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator on boolean field"),
        ("Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator on id field"),
        ("Name INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator on string field"),
        ("COUNT(Id) > 1", "MALFORMED_QUERY", 30, "Aggregate functions are not allowed in a WHERE clause"),
        ("Id IN (SELECT AccountId FROM Contact) OR Name = 'x'", "MALFORMED_QUERY", 30,
         "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE "
         "expressions"),
        ("Name IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY", 39,
         "The left operand field in the where expression for outer query should be an id field, cannot use: 'Name'"),
        ("Id IN (SELECT Name FROM Contact)", "MALFORMED_QUERY", 37,
         "Semi join sub-selects can only query id fields, cannot use: 'Name'"),
        ("Id IN (SELECT ParentId FROM Account)", "MALFORMED_QUERY", 37,
         "The inner and outer selects should not be on the same object type"),
        ("Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT WhoId FROM Task))", "MALFORMED_QUERY", 73,
         "Nesting of semi join sub-selects is not supported"),
        ("Id IN (SELECT AccountId FROM Contact) AND Id IN (SELECT WhatId FROM Task) AND OwnerId IN (SELECT Id FROM "
         "User)", "MALFORMED_QUERY", 108, "Maximum 2 semi join sub-selects are allowed"),
    ],
)  # fmt: skip
def test_refused_filters(fault: Fault, where: str, code: str, column: int, message: str) -> None:
    query = f"SELECT Id FROM Account WHERE {where}"
    found = fault(query)
    place = f"\n{query}\n{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}\n"
    assert (found.code, found.message) == (code, place + message)
