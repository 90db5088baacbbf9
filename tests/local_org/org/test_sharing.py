from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_org import soql
from local_org.org import declaring, permissions, replication
from local_org.org.catalog import files
from local_org.org.engine import Org
from local_org.org.model import OrgFault
from local_org.org.session import Session
from tests.local_org.org.desk import Desk

Hire = Callable[..., Session]


@pytest.fixture
def hire(org: Org) -> Hire:
    def made(name: str, role: str | None = None, **options: Any) -> Session:
        more = {"UserRoleId": role} if role else {}
        return org.session(permissions.add_user(org, f"{name}@practice.example", more=more, **options))

    return made


def share(org: Org, **models: str) -> None:
    declaring.declare(org, files.declared({"sharing": models}, "sharing"))


def names(session: Session, query: str = "SELECT Name FROM Account ORDER BY Name") -> list[Any]:
    org = session.org
    # Sessions hold the access of their making: ask anew, as each request does.
    access = org.access(session.access.user_id)
    found = soql.run(org.connection(), org.schema, access, query, now=org.clock.moment()).page(0, 100)
    return [record["Name"] for record in found]


def again(session: Session) -> Session:
    return session.org.session(session.access.user_id)


def test_by_default_everybody_does_everything(org: Org, desk: Desk, hire: Hire) -> None:
    account = desk.make("Account", Name="A")
    assert org.schema.get("AccountShare") is None
    Desk(hire("ann")).delete("Account", account)


def test_private_shows_ones_own_and_those_of_roles_below(org: Org, desk: Desk, hire: Hire) -> None:
    top = desk.make("UserRole", Name="Top")
    low = desk.make("UserRole", Name="Low", ParentRoleId=top)
    boss, ann, bob = hire("boss", top), hire("ann", low), hire("bob", low)
    Desk(ann).make("Account", Name="A")
    Desk(bob).make("Account", Name="B")
    share(org, Account="Private")
    assert (names(boss), names(ann), names(bob)) == (["A", "B"], ["A"], ["B"])
    assert names(desk.session) == ["A", "B"]
    reader = hire("viewer", profile="Integration")
    assert names(reader) == ["A", "B"]


def test_queue_members_see_what_the_queue_owns(org: Org, desk: Desk, hire: Hire) -> None:
    ann, bob = hire("ann"), hire("bob")
    queue = desk.make("Group", Name="Inbound", Type="Queue")
    desk.make("GroupMember", GroupId=queue, UserOrGroupId=ann.access.user_id)
    desk.make("Lead", LastName="L", Company="C", OwnerId=queue)
    share(org, Lead="Private")
    assert (names(ann, "SELECT Name FROM Lead"), names(bob, "SELECT Name FROM Lead")) == (["L"], [])


def test_what_one_may_not_see_is_not_there(org: Org, desk: Desk, hire: Hire) -> None:
    ann = hire("ann")
    account = desk.make("Account", Name="Hidden")
    contact = desk.make("Contact", LastName="Lee", AccountId=account)
    share(org, Account="Private")
    ann = again(ann)
    with pytest.raises(OrgFault) as caught:
        ann.retrieve("Account", account)
    assert (caught.value.code, caught.value.status) == ("NOT_FOUND", 404)
    assert ann.retrieve_many("Account", [account]) == [None]
    access = org.access(ann.access.user_id)
    query = "SELECT Account.Name, AccountId FROM Contact"
    (row,) = soql.run(org.connection(), org.schema, access, query, now=org.clock.moment()).page()
    assert (row["Account"], row["AccountId"]) == (None, account)
    assert replication.updated(ann, "Account", org.clock.now() - 3600, org.clock.now() + 60).ids == []
    other = Desk(ann)
    for op, record in (("update", {"Id": account, "Name": "X"}), ("delete", {"Id": account})):
        assert (fault := other.refused(op, "Account", record)).code == "INVALID_CROSS_REFERENCE_KEY"
        assert fault.status == 404
    fault = other.refused("create", "Contact", {"LastName": "New", "AccountId": account})
    assert fault.code == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    # What stays as it was needs no right.
    other.change("Contact", contact, AccountId=account, Title="CEO")


@pytest.mark.parametrize(
    ("model", "edits", "deletes"), [("Read", False, False), ("ReadWrite", True, False), ("FullAccess", True, True)]
)
def test_read_edit_delete_by_default_of_the_org(
    org: Org, desk: Desk, hire: Hire, model: str, edits: bool, deletes: bool
) -> None:
    account = desk.make("Account", Name="A")
    share(org, Account=model)
    ann = Desk(hire("ann"))
    assert ann.get("Account", account, "Name") == ["A"]
    results = [
        ann.session.save("update", "Account", [{"Id": account, "Phone": "1"}])[0],
        ann.session.save("update", "Account", [{"Id": account, "OwnerId": ann.session.access.user_id}])[0],
    ]
    assert [r.success for r in results] == [edits, deletes]
    desk.change("Account", account, OwnerId=desk.session.access.user_id)
    gone = ann.session.save("delete", "Account", [{"Id": account}])[0]
    assert gone.success == deletes
    faults = [r.errors[0] for r in (*results, gone) if not r.success]
    assert {(f.code, f.status) for f in faults} <= {("INSUFFICIENT_ACCESS_OR_READONLY", 403)}


def test_a_share_opens_a_record_until_its_owner_changes(org: Org, desk: Desk, hire: Hire) -> None:
    share(org, Account="Private")
    ann, bob, eve = hire("ann"), hire("bob"), hire("eve")
    account = Desk(ann).make("Account", Name="A")
    record = {"AccountId": account, "UserOrGroupId": bob.access.user_id, "AccountAccessLevel": "Read"}
    assert Desk(eve).refused("create", "AccountShare", record).code in (
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    )
    made = Desk(ann).make("AccountShare", **record)
    assert (names(bob), names(eve)) == (["A"], [])
    assert Desk(again(bob)).refused("update", "Account", {"Id": account, "Phone": "1"}).status == 403
    desk.change("AccountShare", made, AccountAccessLevel="Edit")
    Desk(again(bob)).change("Account", account, Phone="1")
    desk.change("Account", account, OwnerId=eve.access.user_id)
    assert (names(bob), names(eve)) == ([], ["A"])


def test_groups_within_groups_and_roles_may_be_named(org: Org, desk: Desk, hire: Hire) -> None:
    share(org, Account="Private")
    role = desk.make("UserRole", Name="Field")
    ann, bob = hire("ann"), hire("bob", role)
    outer = desk.make("Group", Name="Outer", Type="Regular")
    inner = desk.make("Group", Name="Inner", Type="Regular")
    desk.make("GroupMember", GroupId=outer, UserOrGroupId=inner)
    desk.make("GroupMember", GroupId=inner, UserOrGroupId=ann.access.user_id)
    sql = 'SELECT "Id" FROM "Group" WHERE "RelatedId" = ? AND "Type" = \'Role\''
    group = org.connection().execute(sql, (role,)).fetchone()[0]
    for target, name in ((outer, "A"), (group, "B")):
        account = desk.make("Account", Name=name)
        desk.make("AccountShare", AccountId=account, UserOrGroupId=target, AccountAccessLevel="Read")
    assert (names(ann), names(bob)) == (["A"], ["B"])


def test_owners_of_a_child_read_its_account(org: Org, desk: Desk, hire: Hire) -> None:
    ann = hire("ann")
    account = desk.make("Account", Name="A")
    desk.make("Contact", LastName="Lee", AccountId=account, OwnerId=ann.access.user_id)
    share(org, Account="Private")
    assert names(ann) == ["A"]
    assert Desk(again(ann)).refused("update", "Account", {"Id": account, "Phone": "1"}).status == 403


def test_details_and_activities_follow_their_parents(org: Org, desk: Desk, hire: Hire) -> None:
    ann = hire("ann")
    mine = Desk(ann).make("Account", Name="Mine")
    other = desk.make("Account", Name="Other")
    for account in (mine, other):
        desk.make("Contact", LastName=account[-6:], AccountId=account)
        desk.make("Task", Subject=account, WhatId=account)
    desk.make("Task", Subject="alone")
    Desk(ann).make("Task", Subject="my own")
    share(org, Account="Private", Contact="ControlledByParent", Task="Private")
    assert names(ann, "SELECT Name FROM Contact") == [mine[-6:]]
    access = org.access(ann.access.user_id)
    query = "SELECT Subject FROM Task ORDER BY Subject"
    found = soql.run(org.connection(), org.schema, access, query, now=org.clock.moment()).page()
    assert {row["Subject"] for row in found} == {mine, "my own"}
    ordered = "ORDER BY ActivityDate ASC, LastModifiedDate DESC LIMIT 9"
    count = f"SELECT Id, (SELECT Id FROM OpenActivities {ordered}) FROM Account"
    (row,) = soql.run(org.connection(), org.schema, access, count, now=org.clock.moment()).page()
    assert (row["Id"], row["OpenActivities"]["totalSize"]) == (mine, 1)


def test_custom_objects_have_shares_of_their_own(org: Org, desk: Desk, hire: Hire) -> None:
    share(org, Property__c="Private")
    ann = hire("ann")
    lot = desk.make("Property__c", Name="Lot")
    assert names(ann, "SELECT Name FROM Property__c") == []
    desk.make("Property__Share", ParentId=lot, UserOrGroupId=ann.access.user_id, AccessLevel="Edit")
    assert names(ann, "SELECT Name FROM Property__c WHERE Id IN (SELECT ParentId FROM Property__Share)") == ["Lot"]


def access_of(org: Org, asker: Session, user: Session, ids: list[str], more: str = "") -> list[dict[str, Any]]:
    listed = ", ".join(f"'{each}'" for each in ids)
    query = (
        "SELECT RecordId, HasReadAccess, HasEditAccess, HasDeleteAccess, HasTransferAccess, HasAllAccess, "
        f"MaxAccessLevel FROM UserRecordAccess WHERE UserId = '{user.access.user_id}' AND RecordId IN ({listed}){more}"
    )
    access = org.access(asker.access.user_id)
    return soql.run(org.connection(), org.schema, access, query, now=org.clock.moment()).page()


def test_user_record_access(org: Org, desk: Desk, hire: Hire) -> None:
    ann, reader = hire("ann"), hire("reader", profile="Read Only")
    mine = Desk(ann).make("Account", Name="Mine")
    other = desk.make("Account", Name="Other")
    shared = desk.make("Account", Name="Shared")
    share(org, Account="Private")
    desk.make("AccountShare", AccountId=shared, UserOrGroupId=ann.access.user_id, AccountAccessLevel="Edit")
    desk.make("AccountShare", AccountId=shared, UserOrGroupId=reader.access.user_id, AccountAccessLevel="Edit")
    found = {row["RecordId"]: row for row in access_of(org, ann, ann, [mine, other[:15], shared])}
    assert {key: row["MaxAccessLevel"] for key, row in found.items()} == {mine: "All", other: "None", shared: "Edit"}
    flags = ("HasReadAccess", "HasEditAccess", "HasDeleteAccess", "HasTransferAccess", "HasAllAccess")
    assert [found[shared][flag] for flag in flags] == [True, True, False, False, False]
    (seen,) = access_of(org, desk.session, reader, [shared], " ORDER BY RecordId")
    assert seen["MaxAccessLevel"] == "Read"


@pytest.mark.parametrize(
    "where",
    [
        "",
        "WHERE RecordId = '001Hs0000000001IAA'",
        "WHERE UserId = '005Hs0000000001IAA'",
        "WHERE UserId = '005Hs0000000001IAA' AND RecordId = 'x'",
        "WHERE UserId = '005Hs0000000001IAA' AND RecordId = '001Hs0000000001IAA' AND HasReadAccess = true",
        "WHERE UserId = '005Hs0000000001IAA' OR RecordId = '001Hs0000000001IAA'",
        "WHERE UserId = '005Hs0000000001IAA' AND RecordId = '001Hs0000000001IAA' ORDER BY HasEditAccess",
    ],
)
def test_user_record_access_takes_no_other_filter(org: Org, admin: Session, where: str) -> None:
    query = f"SELECT RecordId FROM UserRecordAccess {where}"
    with pytest.raises(OrgFault, match="UserRecordAccess") as caught:
        soql.run(org.connection(), org.schema, admin.access, query, now=org.clock.moment())
    assert caught.value.code == "MALFORMED_QUERY"


def test_a_queue_takes_the_objects_that_it_lists(desk: Desk) -> None:
    queue = desk.make("Group", Name="Inbound", Type="Queue")
    desk.make("Lead", LastName="L", Company="C", OwnerId=queue)
    desk.make("QueueSobject", QueueId=queue, SobjectType="Lead")
    desk.make("Lead", LastName="L", Company="C", OwnerId=queue)
    fault = desk.refused("create", "Case", {"Subject": "S", "OwnerId": queue})
    assert (fault.code, fault.message) == ("INVALID_OPERATION", "Queue not associated with this SObject type")
    assert fault.fields == ["OwnerId"]
