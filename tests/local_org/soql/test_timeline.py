"""ActivityHistories and OpenActivities: tasks and events of a parent, past and to come."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from local_org.org.model import OrgFault
from tests.local_org.soql.small_org import EVENT, NOW, TASK, add, make_id, rows, user

Fault = Callable[..., OrgFault]
ACME, BO = make_id("001", 1), make_id("003", 1)
HOUR = 3_600


@pytest.fixture(autouse=True)
def _activities(conn: sqlite3.Connection) -> None:
    moment = int(NOW.timestamp())
    conn.execute("DELETE FROM Task")
    both: dict[str, Any] = {"AccountId": ACME, "WhoId": BO, "WhatId": ACME}
    add(conn, TASK, 41, Subject="Done", IsClosed=1, Status="Completed", ActivityDate="2026-03-01", **both)
    add(conn, TASK, 42, Subject="To do", ActivityDate="2026-03-20", **both)
    add(conn, TASK, 43, Subject="Of a building", IsClosed=1, WhatId=make_id("a01", 1))
    add(conn, TASK, 44, Subject="Gone", IsClosed=1, IsDeleted=1, **both)
    add(conn, TASK, 45, Subject="Long ago", IsClosed=1, IsArchived=1, ActivityDate="2020-01-01", **both)
    add(conn, EVENT, 41, Subject="Met", EndDateTime=moment - HOUR, ActivityDate="2026-03-10", Location="Oslo", **both)
    add(conn, EVENT, 42, Subject="Will meet", EndDateTime=moment + HOUR, ActivityDate="2026-03-10", **both)


def timeline(conn: sqlite3.Connection, parent: str, query: str, **more: Any) -> list[dict[str, Any]]:
    (record,) = rows(conn, f"SELECT Id, ({query}) FROM {parent}", **more)
    nested = next(v for k, v in record.items() if k not in ("attributes", "Id"))
    return nested["records"] if nested else []


@pytest.mark.parametrize(
    ("relationship", "subjects"),
    [("ActivityHistories", ["Met", "Done"]), ("OpenActivities", ["To do", "Will meet"])],
)
@pytest.mark.parametrize("parent", [f"Account WHERE Id = '{ACME}'", f"Contact WHERE Id = '{BO}'"])
def test_past_and_future_of_a_parent(
    conn: sqlite3.Connection, parent: str, relationship: str, subjects: list[str]
) -> None:
    found = timeline(conn, parent, f"SELECT Subject FROM {relationship} ORDER BY ActivityDate DESC")
    assert [r["Subject"] for r in found] == subjects


def test_a_custom_object_shows_what_is_about_it(conn: sqlite3.Connection) -> None:
    found = timeline(conn, "Building__c", "SELECT Subject, WhatId FROM ActivityHistories")
    assert [r["Subject"] for r in found] == ["Of a building"]


def test_rows_tell_tasks_from_events(conn: sqlite3.Connection) -> None:
    query = "SELECT Id, IsTask, Location, Status, Who.Name FROM ActivityHistories ORDER BY Subject"
    done, met = timeline(conn, f"Account WHERE Id = '{ACME}'", query)
    assert done == {
        "attributes": {"type": "ActivityHistory",
                       "url": f"/services/data/v66.0/sobjects/ActivityHistory/{make_id('00T', 41)}"},
        "Id": make_id("00T", 41), "IsTask": True, "Location": None, "Status": "Completed",
        "Who": {"attributes": {"type": "Name", "url": f"/services/data/v66.0/sobjects/Contact/{BO}"}, "Name": "Bo Lee"},
    }  # fmt: skip
    assert (met["Id"], met["IsTask"], met["Location"], met["Status"]) == (make_id("00U", 41), False, "Oslo", None)


def test_only_the_activities_of_the_parents_are_read(conn: sqlite3.Connection) -> None:
    statements: list[str] = []
    conn.set_trace_callback(statements.append)
    timeline(conn, f"Account WHERE Id = '{ACME}'", "SELECT Subject FROM ActivityHistories")
    conn.set_trace_callback(None)
    (union,) = [s for s in statements if "UNION ALL" in s]
    plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {union}")]
    assert any(step.startswith("SEARCH Event USING INDEX") for step in plan), plan
    assert not any(step.startswith(("SCAN Task", "SCAN Event")) for step in plan), plan


def test_limits_and_filters_hold(conn: sqlite3.Connection) -> None:
    acme = f"Account WHERE Id = '{ACME}'"
    limited = timeline(conn, acme, "SELECT Subject FROM ActivityHistories ORDER BY ActivityDate LIMIT 1")
    assert [r["Subject"] for r in limited] == ["Done"]
    filtered = timeline(conn, acme, "SELECT Subject FROM Account.ActivityHistories WHERE IsTask = false")
    assert [r["Subject"] for r in filtered] == ["Met"]


def test_deleted_and_archived_ones_show_in_query_all(conn: sqlite3.Connection) -> None:
    query = "SELECT Subject FROM ActivityHistories ORDER BY Subject"
    found = timeline(conn, f"Account WHERE Id = '{ACME}'", query, all_rows=True)
    assert [r["Subject"] for r in found] == ["Done", "Gone", "Long ago", "Met"]


def test_what_is_hidden_on_tasks_is_hidden_here(conn: sqlite3.Connection) -> None:
    narrow = user(fields={"Task.Subject": "", "Event.Location": ""})
    found = timeline(conn, f"Account WHERE Id = '{ACME}'", "SELECT Subject FROM ActivityHistories", access=narrow)
    assert sorted(str(r["Subject"]) for r in found) == ["Met", "None"]
    with pytest.raises(OrgFault, match="No such column 'Location' on entity 'ActivityHistory'"):
        rows(conn, "SELECT (SELECT Location FROM ActivityHistories) FROM Account", access=narrow)


def test_there_are_none_without_tasks(conn: sqlite3.Connection) -> None:
    stranger = user(modify_all=False, view_all=False, objects={"Account": "r"})
    with pytest.raises(OrgFault, match="Didn't understand relationship 'ActivityHistories' in FROM part"):
        rows(conn, "SELECT (SELECT Id FROM ActivityHistories) FROM Account", access=stranger)


@pytest.mark.parametrize("name", ["ActivityHistory", "openactivity"])
def test_nobody_queries_them_directly(fault: Fault, name: str) -> None:
    found = fault(f"SELECT Id FROM {name}")
    assert (found.code, name in found.message) == ("INVALID_TYPE_FOR_OPERATION", True)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("SELECT Id FROM ActivityHistories WHERE IsTask = true LIMIT 5", "WHERE clause"),
        ("SELECT Id FROM ActivityHistories ORDER BY ActivityDate DESC, LastModifiedDate DESC", "row limit"),
        ("SELECT Id FROM ActivityHistories ORDER BY ActivityDate DESC, LastModifiedDate DESC LIMIT 500", "row limit"),
        ("SELECT Id FROM ActivityHistories ORDER BY ActivityDate, LastModifiedDate DESC LIMIT 499",
         "sort order: ActivityDate DESC, LastModifiedDate DESC"),
        ("SELECT Id FROM OpenActivities LIMIT 499", "sort order: ActivityDate ASC, LastModifiedDate DESC"),
    ],
)  # fmt: skip
def test_users_without_view_all_are_bound(conn: sqlite3.Connection, query: str, wanted: str) -> None:
    plain = user(modify_all=False, view_all=False, objects=dict.fromkeys(["Account", "Task", "Event"], "r"))
    with pytest.raises(OrgFault, match="There is an implementation restriction on") as caught:
        rows(conn, f"SELECT ({query}) FROM Account", access=plain)
    assert caught.value.code == "MALFORMED_QUERY"
    assert wanted in caught.value.message
    allowed = "SELECT Subject FROM OpenActivities ORDER BY ActivityDate ASC, LastModifiedDate DESC LIMIT 499"
    found = timeline(conn, f"Account WHERE Id = '{ACME}'", allowed, access=plain)
    assert [r["Subject"] for r in found] == ["Will meet", "To do"]
