"""Aggregates: keys, grouping, HAVING, ROLLUP and CUBE, and dates cut into parts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

import pytest

from local_org.org.model import OrgFault
from tests.local_org.soql.small_org import ACCOUNT, CONTACT, NOW, add, ask, make_id, rows

Fault = Callable[..., OrgFault]


@pytest.fixture
def deals(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Six more accounts over two industries and two owners' markets."""
    for n, (industry, city, revenue) in enumerate(
        [("Tech", "Rome", 10.0), ("Tech", "Oslo", 20.0), ("Bank", "Rome", 40.0), ("tech", "rome", None)], 10
    ):
        add(conn, ACCOUNT, n, Name=f"D{n}", Industry=industry, BillingCity=city, AnnualRevenue=revenue)
    return conn


def table(conn: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
    found = rows(conn, query)
    assert all(r["attributes"] == {"type": "AggregateResult"} for r in found)
    return [tuple(v for k, v in r.items() if k != "attributes") for r in found]


def test_count_answers_with_a_total_and_no_rows(conn: sqlite3.Connection) -> None:
    result = ask(conn, "SELECT COUNT() FROM Account")
    assert (result.total, result.page(), result.ids, result.is_count) == (2, [], [], True)
    assert ask(conn, "SELECT COUNT() FROM Account LIMIT 1").total == 1
    assert ask(conn, "select count() from Task where Who.Name = 'lou'").total == 1


def test_keys_are_aliases_names_and_numbered_expressions(deals: sqlite3.Connection) -> None:
    query = (
        "SELECT Industry, COUNT(Id), SUM(AnnualRevenue) total, MAX(CreatedDate) FROM Account WHERE Industry != null "
        "GROUP BY Industry ORDER BY COUNT(Id) DESC"
    )
    first, second = rows(deals, query)
    assert list(first) == ["attributes", "Industry", "expr0", "total", "expr1"]
    assert (first["Industry"].lower(), first["expr0"], first["total"]) == ("tech", 4, 30.0)
    assert (second["Industry"], second["expr0"], second["expr1"]) == ("Bank", 1, "2026-03-10T15:30:00.000+0000")


def test_aggregates_without_groups_are_one_row(deals: sqlite3.Connection) -> None:
    query = "SELECT COUNT(Industry), COUNT_DISTINCT(Industry), AVG(AnnualRevenue), MIN(Name) FROM Account"
    assert table(deals, query) == [(5, 2, 18.75, "Acme")]
    assert table(deals, "SELECT SUM(AnnualRevenue) s, COUNT(Id) FROM Account WHERE Name = 'none'") == [(None, 0)]


def test_parents_group_by_their_last_name(conn: sqlite3.Connection) -> None:
    add(conn, CONTACT, 5, LastName="X", Name="X", AccountId=make_id("001", 1))
    assert table(conn, "SELECT Account.Name, COUNT(Id) n FROM Contact GROUP BY Account.Name") == [("Acme", 2)]


def test_having_keeps_groups(deals: sqlite3.Connection) -> None:
    query = "SELECT BillingCity FROM Account GROUP BY BillingCity HAVING COUNT(Id) > 1 AND BillingCity LIKE 'r%'"
    assert [str(city).lower() for (city,) in table(deals, query)] == ["rome"]


def test_rollup_adds_subtotals_and_a_total(deals: sqlite3.Connection) -> None:
    query = (
        "SELECT Industry, BillingCity, GROUPING(BillingCity) g, SUM(AnnualRevenue) s FROM Account "
        "WHERE AnnualRevenue >= 10 GROUP BY ROLLUP(Industry, BillingCity) ORDER BY Industry NULLS LAST, "
        "BillingCity NULLS LAST"
    )
    assert table(deals, query) == [
        ("Bank", "Rome", 0, 40.0),
        ("Bank", None, 1, 40.0),
        ("Tech", "Oslo", 0, 20.0),
        ("Tech", "Rome", 0, 10.0),
        ("Tech", None, 1, 30.0),
        (None, None, 1, 70.0),
    ]


def test_no_rows_have_no_grand_total(conn: sqlite3.Connection) -> None:
    query = "SELECT Name, COUNT(Id) FROM Account WHERE Name = 'none' GROUP BY ROLLUP(Name)"
    assert table(conn, query) == []
    query = "SELECT Name, COUNT(Id) FROM Account GROUP BY ROLLUP(Name) HAVING COUNT(Id) > 1"
    assert table(conn, query) == [(None, 2)]


def test_cube_adds_every_combination(deals: sqlite3.Connection) -> None:
    query = (
        "SELECT Industry, BillingCity, COUNT(Id) FROM Account WHERE AnnualRevenue >= 10 "
        "GROUP BY CUBE(Industry, BillingCity)"
    )
    found = table(deals, query)
    assert len(found) == 8
    assert {(None, "Rome", 2), (None, "Oslo", 1), ("Tech", None, 2), (None, None, 3)} <= set(found)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("CALENDAR_YEAR", 2026), ("CALENDAR_QUARTER", 1), ("CALENDAR_MONTH", 3), ("DAY_IN_MONTH", 11),
        ("DAY_IN_WEEK", 4), ("DAY_IN_YEAR", 70), ("HOUR_IN_DAY", 6), ("WEEK_IN_MONTH", 2), ("WEEK_IN_YEAR", 10),
        ("FISCAL_YEAR", 2026), ("FISCAL_QUARTER", 1), ("FISCAL_MONTH", 3), ("DAY_ONLY", "2026-03-11"),
    ],
)  # fmt: skip
def test_date_parts(conn: sqlite3.Connection, function: str, expected: object) -> None:
    moment = datetime(2026, 3, 11, 6, 45, tzinfo=NOW.tzinfo)
    add(conn, ACCOUNT, 9, Name="late", CreatedDate=int(moment.timestamp()))
    query = f"SELECT {function}(CreatedDate) FROM Account WHERE Name = 'late' GROUP BY {function}(CreatedDate)"
    assert table(conn, query) == [(expected,)]


def test_convert_timezone_cuts_in_the_users_day(conn: sqlite3.Connection) -> None:
    moment = datetime(2026, 3, 11, 6, 45, tzinfo=NOW.tzinfo)
    add(conn, ACCOUNT, 9, Name="late", CreatedDate=int(moment.timestamp()))
    part = "HOUR_IN_DAY(convertTimezone(CreatedDate))"
    query = f"SELECT {part} h, COUNT(Id) n FROM Account GROUP BY {part} ORDER BY {part}"
    assert table(conn, query) == [(8, 2), (23, 1)]
    assert ask(conn, "SELECT Id FROM Account WHERE DAY_ONLY(convertTimezone(CreatedDate)) = 2026-03-10").total == 3
    assert ask(conn, "SELECT Id FROM Account WHERE DAY_IN_MONTH(CreatedDate) = 11").ids == [make_id("001", 9)]


def test_dates_have_parts_too(conn: sqlite3.Connection) -> None:
    query = "SELECT CALENDAR_MONTH(ActivityDate) m, COUNT(Id) n FROM Task GROUP BY CALENDAR_MONTH(ActivityDate)"
    assert table(conn, query) == [(None, 1), (3, 1)]


@pytest.mark.parametrize(
    ("query", "column", "message"),
    [
        ("SELECT Name, COUNT(Id) FROM Account", 8, "Field must be grouped or aggregated: Name"),
        ("SELECT Name FROM Account GROUP BY Industry", 8, "Field must be grouped or aggregated: Name"),
        ("SELECT Industry FROM Account GROUP BY Industry ORDER BY Name", 57,
         "Field must be grouped or aggregated: Name"),
        ("SELECT COUNT(Id) n, MAX(Name) N FROM Account", 21, "duplicate alias: N"),
        ("SELECT SUM(Name) FROM Account", 8, "field Name does not support aggregate operator SUM"),
        ("SELECT COUNT(), Name FROM Account GROUP BY Name", 8, "COUNT() must be the only element in the SELECT list"),
        ("SELECT GROUPING(Name) g, Industry FROM Account GROUP BY Industry", 8,
         "GROUPING takes a field of the GROUP BY clause"),
    ],
)  # fmt: skip
def test_refused_groups(fault: Fault, query: str, column: int, message: str) -> None:
    found = fault(query)
    place = f"\n{query}\n{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}\n"
    assert (found.code, found.message) == ("MALFORMED_QUERY", place + message)


def test_long_text_is_no_group(fault: Fault) -> None:
    found = fault("SELECT Description FROM Account GROUP BY Description")
    assert found.code == "INVALID_FIELD"
    assert found.message.endswith("field 'Description' can not be grouped in a query call")


def test_aggregates_have_no_second_page(conn: sqlite3.Connection, fault: Fault) -> None:
    for n in range(100, 2101):
        add(conn, ACCOUNT, n, Name=f"N{n}")
    assert fault("SELECT Name FROM Account GROUP BY Name").code == "EXCEEDED_ID_LIMIT"
    assert ask(conn, "SELECT Name FROM Account GROUP BY Name LIMIT 2000").total == 2000
