"""ORDER BY a picklist follows the list, not the alphabet; amounts with a currency; WITH DATA CATEGORY."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from local_org.org.model import OrgFault
from tests.local_org.soql.small_org import TASK, add, ask, rows

Fault = Callable[..., OrgFault]


@pytest.fixture(autouse=True)
def _statuses(conn: sqlite3.Connection) -> None:
    conn.execute("DELETE FROM Task")
    values = ["Zombie", None, "Completed", "Not Started", "Archaic", "completed"]
    for n, status in enumerate(values, 60):
        add(conn, TASK, n, Subject=f"S{n}", Status=status)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("", [None, "Not Started", "Completed", "completed", "Archaic", "Zombie"]),
        ("ASC NULLS LAST", ["Not Started", "Completed", "completed", "Archaic", "Zombie", None]),
        ("DESC NULLS LAST", ["Zombie", "Archaic", "Completed", "completed", "Not Started", None]),
    ],
)
def test_rows_follow_the_order_of_the_list(
    conn: sqlite3.Connection, direction: str, expected: list[str | None]
) -> None:
    found = [r["Status"] for r in rows(conn, f"SELECT Status FROM Task ORDER BY Status {direction}")]
    assert found == expected


def test_groups_follow_it_too(conn: sqlite3.Connection) -> None:
    query = "SELECT Status, COUNT(Id) n FROM Task WHERE Status IN ('Completed', 'Not Started') GROUP BY {} ORDER BY {}"
    assert [r["Status"] for r in rows(conn, query.format("Status", "Status"))] == ["Not Started", "Completed"]
    counted = rows(conn, query.format("ROLLUP(Status)", "Status DESC NULLS LAST"))
    assert [(r["Status"], r["n"]) for r in counted] == [("Completed", 2), ("Not Started", 1), (None, 3)]


def test_labels_are_sorted_as_texts(conn: sqlite3.Connection) -> None:
    query = "SELECT toLabel(Status) FROM Task WHERE Status IN ('Completed', 'Not Started') ORDER BY toLabel(Status)"
    assert [r["Status"] for r in rows(conn, query)] == ["Erledigt", "Erledigt", "Noch offen"]


@pytest.mark.parametrize(
    ("where", "names"),
    [("AnnualRevenue >= USD5", ["Acme"]), ("AnnualRevenue > usd4.99", ["Acme"]), ("AnnualRevenue > USD5", []),
     ("AnnualRevenue IN (USD5, USD7.5)", ["Acme"])],
)  # fmt: skip
def test_amounts_with_the_currency_of_the_org(conn: sqlite3.Connection, where: str, names: list[str]) -> None:
    assert [r["Name"] for r in rows(conn, f"SELECT Name FROM Account WHERE {where}")] == names


@pytest.mark.parametrize(
    ("where", "code"),
    [("AnnualRevenue > EUR5", "MALFORMED_QUERY"), ("Name = USD5", "INVALID_FIELD"),
     ("NumberOfEmployees > USD5", "INVALID_FIELD")],
)  # fmt: skip
def test_other_currencies_and_other_fields(fault: Fault, where: str, code: str) -> None:
    assert fault(f"SELECT Id FROM Account WHERE {where}").code == code


def test_an_alias_may_look_like_an_amount(conn: sqlite3.Connection) -> None:
    assert rows(conn, "SELECT COUNT(Id) sum1 FROM Account")[0]["sum1"] == ask(conn, "SELECT Id FROM Account").total


def test_data_categories_are_read_and_refused(fault: Fault) -> None:
    query = (
        "SELECT Id FROM Account WITH DATA CATEGORY Geography__c ABOVE (usa__c, uk__c) AND Product__c AT a__c LIMIT 1"
    )
    found = fault(query)
    assert found.code == "MALFORMED_QUERY"
    assert found.message.endswith("WITH DATA CATEGORY is not supported for sObject Account")
    assert fault("SELECT Id FROM Account WITH DATA CATEGORY Geography__c NEAR usa__c").message.endswith("'NEAR'")


def test_rollup_takes_three_fields(fault: Fault) -> None:
    query = "SELECT COUNT(Id) FROM Account GROUP BY {}(Name, Industry, BillingCity, BillingState)"
    assert [fault(query.format(mode)).code for mode in ("ROLLUP", "CUBE")] == ["MALFORMED_QUERY"] * 2
