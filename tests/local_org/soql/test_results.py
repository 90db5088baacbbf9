"""Paging, CSV, column descriptions, Bulk's narrower rules, query plans."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_org.org.model import OrgFault
from local_org.soql import explain
from tests.local_org.soql.small_org import ACCOUNT, CONTACT, NOW, SCHEMA, add, ask, make_id, user

Fault = Callable[..., OrgFault]


def test_a_result_survives_changes_between_pages(conn: sqlite3.Connection) -> None:
    for n in range(10, 16):
        add(conn, ACCOUNT, n, Name=f"P{n}")
    result = ask(conn, "SELECT Name FROM Account WHERE Name LIKE 'P%' ORDER BY Name")
    assert [r["Name"] for r in result.page(0, 2)] == ["P10", "P11"]
    add(conn, ACCOUNT, 20, Name="P05")
    conn.execute("UPDATE Account SET Name = 'moved' WHERE Name = 'P12'")
    conn.execute("DELETE FROM Account WHERE Name = 'P13'")
    assert [r["Name"] for r in result.page(2, 2)] == ["moved"]
    assert [r["Name"] for r in result.page(4, 2)] == ["P14", "P15"]
    assert result.total == len(result.ids) == 6


def test_pages_can_be_read_by_several_threads(conn: sqlite3.Connection) -> None:
    for n in range(100, 300):
        add(conn, CONTACT, n, LastName=f"C{n}", Name=f"C{n}", AccountId=make_id("001", 1 + n % 2))
    result = ask(conn, "SELECT Name, (SELECT Name FROM Contacts ORDER BY Name) FROM Account ORDER BY Name")
    expected = [result.page(0, 1), result.page(1, 1)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: result.page(n % 2, 1), range(40)))
    assert found == expected * 20


def test_csv_is_quoted_throughout_and_streams_in_order(conn: sqlite3.Connection) -> None:
    add(conn, ACCOUNT, 9, Name='He said "x,\ny"', Active__c=1, AnnualRevenue=1.5, OwnerId=make_id("005", 1))
    query = "SELECT name, owner.name, active__c, annualrevenue, createddate FROM account ORDER BY Name DESC"
    result = ask(conn, query, bulk=True)
    pieces = list(result.iter_csv(2))
    assert len(pieces) == 3
    assert pieces[0] == b'"Name","Owner.Name","Active__c","AnnualRevenue","CreatedDate"\n'
    assert pieces[1].startswith(b'"He said ""x,\ny""","Ada","true","1.5","2026-03-10T15:30:00.000Z"\n"beta","","false"')
    read = list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))
    assert read[1:] == result.rows_flat(0, 10)


def test_csv_takes_other_delimiters_and_many_columns(conn: sqlite3.Connection) -> None:
    names = [f.name for f in ACCOUNT.fields if f.stored]
    paths = [*names, *(f"Parent.{n}" for n in names), *(f"Parent.Parent.{n}" for n in names)]
    assert len(paths) > 40
    result = ask(conn, f"SELECT {', '.join(paths)} FROM Account ORDER BY Name", bulk=True)
    text = b"".join(result.iter_csv(delimiter="|", line_ending="\r\n")).decode()
    head, *body = csv.reader(io.StringIO(text, newline=""), delimiter="|")
    assert head == result.headers == paths
    assert body == result.rows_flat()
    assert text.count("\r\n") == 3


def test_no_rows_is_a_header_alone(conn: sqlite3.Connection) -> None:
    result = ask(conn, "SELECT Id FROM Account WHERE Name = 'none'", bulk=True)
    assert (list(result.iter_csv()), result.total, result.page()) == ([b'"Id"\n'], 0, [])


def test_bulk_reads_ids_only_when_asked(conn: sqlite3.Connection) -> None:
    result = ask(conn, "SELECT Id FROM Account LIMIT 1", bulk=True)
    assert (result.total, result.ids) == (1, [make_id("001", 1)])


def test_columns_nest_parents_and_children(conn: sqlite3.Connection) -> None:
    result = ask(conn, "SELECT id, Owner.Name, AnnualRevenue, (SELECT Email FROM Contacts) FROM Account")
    key, owner, revenue, children = (c.metadata() for c in result.columns)
    assert (key["columnName"], key["apexType"], key["textType"]) == ("Id", "Id", False)
    assert (owner["columnName"], owner["foreignKeyName"]) == ("Owner", "OwnerId")
    assert owner["joinColumns"] == [
        {"aggregate": False, "apexType": "String", "booleanType": False, "columnName": "Name", "custom": False,
         "displayName": "Name", "foreignKeyName": None, "insertable": True, "joinColumns": [], "numberType": False,
         "textType": True, "updatable": True}
    ]  # fmt: skip
    assert (revenue["numberType"], revenue["apexType"]) == (True, "Double")
    assert (children["columnName"], children["aggregate"]) == ("Contacts", True)
    assert [c["columnName"] for c in children["joinColumns"]] == ["Email"]


def test_columns_of_aggregates_carry_their_keys(conn: sqlite3.Connection) -> None:
    result = ask(conn, "SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry")
    assert [(c.name, c.aggregate, c.label) for c in result.columns] == [
        ("Industry", False, "Industry"),
        ("expr0", True, "count(Id)"),
    ]
    assert result.rows_flat() == [["", "1"], ["Tech", "1"]]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT Id, BillingAddress FROM Account", "Selecting compound data not supported in Bulk Query"),
        ("SELECT (SELECT Id FROM Contacts) FROM Account", "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT TYPEOF Who WHEN Contact THEN Id END FROM Task", "TYPEOF is not supported in Bulk Query"),
        ("SELECT COUNT() FROM Account", "GROUP BY and aggregate functions are not supported in Bulk Query"),
        ("SELECT Id FROM Account OFFSET 1", "OFFSET is not supported in Bulk Query"),
        ("SELECT FIELDS(STANDARD) FROM Account", "The SOQL FIELDS function is not supported in Bulk Query"),
        ("SELECT Body FROM Attachment", "Selecting binary data not supported in Bulk Query"),
    ],
)
def test_bulk_refuses(fault: Fault, query: str, message: str) -> None:
    found = fault(query, bulk=True)
    assert (found.code, found.message) == ("API_ERROR", message)


def test_bulk_keeps_the_errors_of_plain_queries(fault: Fault) -> None:
    assert fault("SELECT Foo FROM Account", bulk=True).code == "INVALID_FIELD"
    assert fault("SELECT Id FROM Nope", bulk=True).code == "INVALID_TYPE"


@pytest.mark.parametrize(
    ("where", "operation", "fields"),
    [
        ("SystemModstamp >= 2026-03-10T00:00:00Z", "Index", ["SystemModstamp"]),
        ("OwnerId = '005000000000001'", "Index", ["OwnerId"]),
        ("BillingCity LIKE '%o%'", "TableScan", []),
    ],
)
def test_plans_name_the_leading_index(conn: sqlite3.Connection, where: str, operation: str, fields: list[str]) -> None:
    query = f"SELECT Id FROM Account WHERE {where} ORDER BY Name"
    answer = explain(conn, SCHEMA, user(), query, now=NOW)
    (plan,) = answer["plans"]
    assert answer["sourceQuery"] == query
    assert (plan["leadingOperationType"], plan["fields"], plan["sobjectType"]) == (operation, fields, "Account")
    assert (plan["sobjectCardinality"], plan["cardinality"]) == (2, ask(conn, query).total)


def test_an_index_leads_even_with_the_recycle_bin_filter(conn: sqlite3.Connection) -> None:
    query = "SELECT Id FROM Contact WHERE SystemModstamp >= 2026-03-10T00:00:00Z AND IsDeleted = false"
    assert explain(conn, SCHEMA, user(), query, now=NOW)["plans"][0]["fields"] == ["SystemModstamp"]
    query = "SELECT Id FROM Contact WHERE IsDeleted = true"
    assert explain(conn, SCHEMA, user(), query, all_rows=True, now=NOW)["plans"][0]["fields"] == ["IsDeleted"]


def test_row_factories_of_the_connection_do_not_matter(conn: sqlite3.Connection) -> None:
    conn.row_factory = sqlite3.Row
    assert ask(conn, "SELECT Name FROM Account ORDER BY Name").page()[0]["Name"] == "Acme"
