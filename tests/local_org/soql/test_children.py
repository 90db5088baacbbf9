"""Many children of one row: the first page is nested, the rest is kept and paged."""

from __future__ import annotations

import sqlite3

import pytest

from local_org.soql import ResultSet
from tests.local_org.soql.small_org import CONTACT, TASK, add, ask, make_id


@pytest.fixture(autouse=True)
def _crowd(conn: sqlite3.Connection) -> None:
    for n in range(1_000, 2_100):
        add(conn, CONTACT, n, LastName=f"C{n}", Name=f"C{n}", AccountId=make_id("001", 2))


class Shelf:
    """Keeps results as the web does."""

    def __init__(self) -> None:
        self.kept: list[tuple[ResultSet, int]] = []

    def keep(self, result: ResultSet, start: int) -> str:
        self.kept.append((result, start))
        return f"/next/{len(self.kept)}-{start}"


def test_the_first_page_is_one_short_and_the_others_follow(conn: sqlite3.Connection) -> None:
    shelf = Shelf()
    result = ask(conn, "SELECT Name, (SELECT Name FROM Contacts ORDER BY Name) FROM Account ORDER BY Name")
    acme, beta = result.page(keep=shelf.keep)
    assert acme["Contacts"]["done"]
    assert "nextRecordsUrl" not in acme["Contacts"]
    nested = beta["Contacts"]
    assert {k: v for k, v in nested.items() if k != "records"} == {
        "totalSize": 1_100, "done": False, "nextRecordsUrl": "/next/1-499",
    }  # fmt: skip
    ((rest, start),) = shelf.kept
    assert (len(nested["records"]), start, rest.total, rest.child_size) == (499, 499, 1_100, 500)
    names = [r["Name"] for r in nested["records"]]
    while start < rest.total:
        names += [r["Name"] for r in rest.page(start, rest.child_size)]
        start += rest.child_size
    assert names == [f"C{n}" for n in range(1_000, 2_100)]


@pytest.mark.parametrize(("fields", "nested"), [("Description, Subject", 300), ("Description, Notes__c", 199)])
def test_long_texts_make_smaller_pages(conn: sqlite3.Connection, fields: str, nested: int) -> None:
    for n in range(300):
        add(conn, TASK, 5_000 + n, Subject=f"T{n}", WhatId=make_id("001", 2))
    shelf = Shelf()
    (record,) = ask(conn, f"SELECT (SELECT {fields} FROM Tasks) FROM Account WHERE Name = 'beta'").page(keep=shelf.keep)
    assert (record["Tasks"]["totalSize"], len(record["Tasks"]["records"])) == (300, nested)
    assert [(rest.child_size, start) for rest, start in shelf.kept] == ([] if nested == 300 else [(200, 199)])


def test_without_a_shelf_all_are_nested(conn: sqlite3.Connection) -> None:
    result = ask(conn, "SELECT (SELECT Name FROM Contacts) FROM Account WHERE Name = 'beta'")
    assert len(result.page()[0]["Contacts"]["records"]) == 1_100


def test_a_kept_page_survives_changes(conn: sqlite3.Connection) -> None:
    shelf = Shelf()
    ask(conn, "SELECT (SELECT Name FROM Contacts ORDER BY Name) FROM Account WHERE Name = 'beta'").page(keep=shelf.keep)
    ((rest, start),) = shelf.kept
    conn.execute("UPDATE Contact SET Name = 'A' WHERE Name = 'C1600'")
    conn.execute("DELETE FROM Contact WHERE Name = 'C1500'")
    names = [r["Name"] for r in rest.page(start, 500, conn=conn)]
    assert (len(names), "A" in names, rest.total) == (499, True, 1_100)
