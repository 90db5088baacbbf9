from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from local_org import soql
from local_org.org import permissions
from local_org.org.engine import Org
from local_org.org.model import OrgFault
from local_org.org.session import Session
from tests.local_org.org.conftest import admin, admin_id, clock, desk, org, template
from tests.local_org.org.desk import Desk

__all__ = ["admin", "admin_id", "clock", "desk", "org", "template"]


def names(session: Session, query: str) -> list[Any]:
    held: Org = session.org
    access = held.access(session.access.user_id)
    conn: sqlite3.Connection = held.connection()
    return [row["Name"] for row in soql.run(conn, held.schema, access, query, now=held.clock.moment()).page()]


@pytest.fixture
def leads(org: Org, desk: Desk) -> Session:
    """Leads of a manager, of somebody below, of a queue, and of an outsider; the manager's session."""
    top = desk.make("UserRole", Name="Top")
    low = desk.make("UserRole", Name="Low", ParentRoleId=top)
    boss = permissions.add_user(org, "boss@practice.example", more={"UserRoleId": top})
    rep = permissions.add_user(org, "rep@practice.example", more={"UserRoleId": low})
    queue = desk.make("Group", Name="Inbound", Type="Queue")
    for name, owner in (("Boss", boss), ("Rep", rep), ("Queue", queue), ("Other", desk.session.access.user_id)):
        desk.make("Lead", LastName=name, Company="C", OwnerId=owner)
    return org.session(boss)


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("everything", ["Boss", "Other", "Queue", "Rep"]),
        ("mine", ["Boss"]),
        ("MINE", ["Boss"]),
        ("team", ["Boss", "Rep"]),
        ("queue_owned", ["Queue"]),
        ("user_owned", ["Boss", "Other", "Rep"]),
        ("scopingRule", ["Boss", "Other", "Queue", "Rep"]),
    ],
)
def test_whose_records_a_scope_means(leads: Session, scope: str, found: list[str]) -> None:
    assert names(leads, f"SELECT Name FROM Lead USING SCOPE {scope} ORDER BY Name") == found


def test_delegated_activities_are_those_made_for_others(org: Org, desk: Desk) -> None:
    other = permissions.add_user(org, "rep@practice.example")
    desk.make("Task", Subject="for me")
    desk.make("Task", Subject="for you", OwnerId=other)
    query = "SELECT Subject FROM Task USING SCOPE delegated"
    found = soql.run(org.connection(), org.schema, desk.session.access, query, now=org.clock.moment()).page()
    assert [row["Subject"] for row in found] == ["for you"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT Id FROM Contact USING SCOPE queue_owned", "'queue_owned' is not supported for sObject Contact"),
        ("SELECT Id FROM TaskRelation USING SCOPE mine", "'mine' is not supported for sObject TaskRelation"),
        ("SELECT Id FROM Lead USING SCOPE ours", "'ours' is not a valid scope"),
    ],
)
def test_scopes_that_describe_does_not_list_are_refused(admin: Session, query: str, why: str) -> None:
    held = admin.org
    with pytest.raises(OrgFault, match=why) as caught:
        soql.run(held.connection(), held.schema, admin.access, query, now=held.clock.moment())
    assert caught.value.code == "MALFORMED_QUERY"
