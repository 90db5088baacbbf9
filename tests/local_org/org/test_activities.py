from __future__ import annotations

from typing import Any

import pytest

from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.ids import make_id
from local_org.org.merging import merge
from local_org.org.model import SaveResult
from local_org.org.session import Session
from tests.local_org.org.desk import Desk

START = "2026-03-03T02:30:00.000+0000"
"""Half past six in the evening of 2 March in Los Angeles."""


def test_task_defaults(desk: Desk, admin_id: str) -> None:
    task = desk.make("Task")
    names = ("Status", "Priority", "IsClosed", "IsHighPriority", "OwnerId", "TaskSubtype", "CompletedDateTime")
    assert desk.get("Task", task, *names) == ["Not Started", "Normal", False, False, admin_id, "Task", None]


def test_completing_a_task_and_opening_it_again(desk: Desk) -> None:
    task = desk.make("Task", Status="In Progress", Priority="High")
    desk.change("Task", task, Status="Completed")
    closed = desk.get("Task", task, "IsClosed", "CompletedDateTime", "IsHighPriority")
    assert closed == [True, "2026-03-02T20:00:00.000+0000", True]
    desk.change("Task", task, Status="Deferred", Priority="Low")
    assert desk.get("Task", task, "IsClosed", "CompletedDateTime", "IsHighPriority") == [False, None, False]


def test_completion_time_stays_when_a_closed_task_is_edited(desk: Desk, clock: Clock) -> None:
    task = desk.make("Task", Status="Completed")
    clock.advance(60)
    desk.change("Task", task, Status="Completed", Subject="Call")
    assert desk.get("Task", task, "CompletedDateTime") == ["2026-03-02T20:00:00.000+0000"]


@pytest.mark.parametrize("name", ["IsClosed", "AccountId", "CompletedDateTime", "IsHighPriority", "IsArchived"])
def test_derived_fields_cannot_be_written(desk: Desk, name: str) -> None:
    assert desk.refused("create", "Task", {name: None}).code == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_subtype_is_set_on_create_only(desk: Desk) -> None:
    task = desk.make("Task", TaskSubtype="Call")
    assert desk.refused("update", "Task", {"Id": task, "TaskSubtype": "Email"}).fields == ["TaskSubtype"]


def test_who_is_a_person(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    fault = desk.refused("create", "Task", {"WhoId": account})
    assert fault.code == "FIELD_INTEGRITY_EXCEPTION"
    assert fault.message == f"Name ID: id value of incorrect type: {account}"
    assert fault.fields == ["WhoId"]


def test_what_is_no_person(desk: Desk) -> None:
    contact = desk.make("Contact", LastName="Doe")
    fault = desk.refused("create", "Event", {"WhatId": contact, "StartDateTime": START, "DurationInMinutes": 5})
    assert fault.message == f"Related To ID: id value of incorrect type: {contact}"


def test_a_lead_stands_alone(desk: Desk) -> None:
    lead, account = desk.make("Lead", LastName="Doe", Company="C"), desk.make("Account", Name="A")
    fault = desk.refused("create", "Task", {"WhoId": lead, "WhatId": account})
    assert (fault.code, fault.fields) == ("FIELD_INTEGRITY_EXCEPTION", ["WhatId"])
    task = desk.make("Task", WhoId=lead)
    assert desk.refused("update", "Task", {"Id": task, "WhatId": account}).code == "FIELD_INTEGRITY_EXCEPTION"


def test_account_of_an_activity(desk: Desk) -> None:
    acme, other = desk.make("Account", Name="Acme"), desk.make("Account", Name="Other")
    contact = desk.make("Contact", LastName="Doe", AccountId=acme)
    deal = desk.make("Opportunity", Name="D", StageName="Prospecting", CloseDate="2026-01-01", AccountId=other)
    building = desk.make("Property__c", Account__c=other)
    campaign = desk.make("Campaign", Name="Spring")

    def account(**values: Any) -> Any:
        return desk.get("Task", desk.make("Task", **values), "AccountId")[0]

    assert account(WhatId=other, WhoId=contact) == other
    assert account(WhatId=deal, WhoId=contact) == other
    assert account(WhatId=building) == other
    assert account(WhoId=contact) == acme
    assert account(WhatId=campaign, WhoId=contact) == acme
    assert account() is None


def test_account_follows_an_update_of_the_related_record(desk: Desk) -> None:
    acme, other = desk.make("Account", Name="Acme"), desk.make("Account", Name="Other")
    contact = desk.make("Contact", LastName="Doe", AccountId=acme)
    task = desk.make("Task", WhoId=contact, WhatId=other)
    desk.change("Task", task, WhatId=None)
    assert desk.get("Task", task, "AccountId", "WhatCount", "WhoCount") == [acme, 0, 1]


def test_relations_say_what_who_and_what_say(desk: Desk, org: Org) -> None:
    contact, account = desk.make("Contact", LastName="Doe"), desk.make("Account", Name="A")
    task = desk.make("Task", WhoId=contact, WhatId=account)
    sql = "SELECT RelationId, IsWhat FROM TaskRelation WHERE TaskId = ? ORDER BY IsWhat"
    assert org.connection().execute(sql, (task,)).fetchall() == [(contact, 0), (account, 1)]
    desk.change("Task", task, WhoId=None)
    assert org.connection().execute(sql, (task,)).fetchall() == [(account, 1)]


def test_invitees_stay_when_the_parent_changes(desk: Desk, org: Org) -> None:
    one, two, three = (desk.make("Contact", LastName=name) for name in ("One", "Two", "Three"))
    event = desk.make("Event", WhoId=one, StartDateTime=START, DurationInMinutes=30)
    desk.make("EventRelation", EventId=event, RelationId=two)
    desk.change("Event", event, WhoId=three)
    sql = "SELECT RelationId, IsParent, IsInvitee FROM EventRelation WHERE EventId = ? ORDER BY IsParent"
    assert org.connection().execute(sql, (event,)).fetchall() == [(two, 0, 1), (three, 1, 0)]
    assert desk.get("Event", event, "IsGroupEvent", "GroupEventType") == [True, "1"]


def event_times(desk: Desk, event: str) -> list[Any]:
    return desk.get("Event", event, "StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate", "EndDate")


@pytest.mark.parametrize(
    "given",
    [
        {"StartDateTime": START, "DurationInMinutes": 360},
        {"ActivityDateTime": START, "DurationInMinutes": 360},
        {"StartDateTime": START, "EndDateTime": "2026-03-03T08:30:00Z"},
        {"StartDateTime": START, "EndDateTime": "2026-03-03T08:30:00Z", "DurationInMinutes": 360},
        {"StartDateTime": START, "DurationInMinutes": 360, "ActivityDate": "2026-03-03"},
    ],
)
def test_timed_event_has_its_date_in_the_users_zone(desk: Desk, given: dict[str, Any]) -> None:
    event = desk.make("Event", **given)
    end = "2026-03-03T08:30:00.000+0000"
    assert event_times(desk, event) == [START, end, 360, "2026-03-02", "2026-03-03"]
    assert desk.get("Event", event, "ActivityDateTime") == [START]


def test_moving_an_event_keeps_its_length(desk: Desk) -> None:
    event = desk.make("Event", StartDateTime=START, DurationInMinutes=60)
    desk.change("Event", event, StartDateTime="2026-03-04T18:00:00Z")
    assert event_times(desk, event)[1:] == ["2026-03-04T19:00:00.000+0000", 60, "2026-03-04", "2026-03-04"]
    desk.change("Event", event, EndDateTime="2026-03-04T18:15:00Z")
    assert event_times(desk, event)[2] == 15
    desk.change("Event", event, DurationInMinutes=45)
    assert event_times(desk, event)[1] == "2026-03-04T18:45:00.000+0000"


@pytest.mark.parametrize(
    ("given", "message", "fields"),
    [
        (
            {},
            "Required fields are missing: [DurationInMinutes, ActivityDateTime]",
            ["DurationInMinutes", "ActivityDateTime"],
        ),
        ({"StartDateTime": START}, "Required fields are missing: [DurationInMinutes]", ["DurationInMinutes"]),
        ({"DurationInMinutes": 5}, "Required fields are missing: [ActivityDateTime]", ["ActivityDateTime"]),
    ],
)
def test_event_needs_a_start_and_a_length(desk: Desk, given: dict[str, Any], message: str, fields: list[str]) -> None:
    fault = desk.refused("create", "Event", {"Subject": "Tour", **given})
    assert (fault.code, fault.message, fault.fields) == ("REQUIRED_FIELD_MISSING", message, fields)


@pytest.mark.parametrize(
    "given",
    [
        {"DurationInMinutes": 30, "EndDateTime": "2026-03-03T08:30:00Z"},
        {"DurationInMinutes": -1},
        {"DurationInMinutes": 14 * 1440 + 1},
        {"EndDateTime": "2026-03-03T02:00:00Z"},
        {"DurationInMinutes": 30, "ActivityDateTime": "2026-03-03T02:31:00Z"},
    ],
)
def test_event_times_must_fit_together(desk: Desk, given: dict[str, Any]) -> None:
    fault = desk.refused("create", "Event", {"StartDateTime": START, **given})
    assert fault.code == "FIELD_INTEGRITY_EXCEPTION"


def test_all_day_event_is_midnight_utc_of_its_date(desk: Desk) -> None:
    event = desk.make("Event", IsAllDayEvent=True, ActivityDate="2026-03-05")
    midnight = "2026-03-05T00:00:00.000+0000"
    assert event_times(desk, event) == [midnight, midnight, 1440, "2026-03-05", "2026-03-05"]


def test_all_day_event_over_two_days(desk: Desk) -> None:
    event = desk.make(
        "Event", IsAllDayEvent=True, StartDateTime="2026-03-05T00:00:00Z", EndDateTime="2026-03-06T00:00:00Z"
    )
    assert event_times(desk, event)[2:] == [2880, "2026-03-05", "2026-03-06"]


def test_last_activity_of_the_parents(desk: Desk, clock: Clock) -> None:
    account = desk.make("Account", Name="A")
    contact = desk.make("Contact", LastName="Doe", AccountId=account)
    clock.advance(10)
    task = desk.make("Task", WhoId=contact, ActivityDate="2026-02-01", Status="Completed")
    desk.make("Task", WhoId=contact, ActivityDate="2026-02-20")
    names = ("LastActivityDate", "LastModifiedDate", "SystemModstamp")
    before, after = "2026-03-02T20:00:00.000+0000", "2026-03-02T20:00:10.000+0000"
    assert desk.get("Contact", contact, *names) == ["2026-02-01", before, after]
    assert desk.get("Account", account, *names) == ["2026-02-01", before, after]
    desk.delete("Task", task)
    assert desk.get("Contact", contact, "LastActivityDate") == [None]


def test_last_activity_leaves_the_old_parent(desk: Desk) -> None:
    one, two = desk.make("Contact", LastName="One"), desk.make("Contact", LastName="Two")
    event = desk.make("Event", WhoId=one, StartDateTime=START, DurationInMinutes=5)
    desk.change("Event", event, WhoId=two)
    assert [desk.get("Contact", each, "LastActivityDate") for each in (one, two)] == [[None], ["2026-03-02"]]


def test_custom_fields_of_activity_are_on_both(desk: Desk) -> None:
    desk.make("Task", Outcome__c="connected")
    event = desk.make("Event", Outcome__c="No Answer", StartDateTime=START, DurationInMinutes=5)
    assert desk.get("Event", event, "Outcome__c") == ["No Answer"]
    fault = desk.refused("update", "Event", {"Id": event, "Outcome__c": "Gatekeeper"})
    assert fault.message == "Call Outcome: bad value for restricted picklist field: Gatekeeper"


def test_old_activities_are_archived(desk: Desk, org: Org, clock: Clock) -> None:
    old = desk.make("Event", StartDateTime=START, DurationInMinutes=5)
    done, still_open = desk.make("Task", Status="Completed"), desk.make("Task")
    assert org.archive_activities() == 0
    clock.advance(366 * 86400)
    assert org.archive_activities() == 2
    archived = [desk.get(name, each, "IsArchived") for name, each in (("Event", old), ("Task", done))]
    assert archived == [[True], [True]]
    assert desk.get("Task", still_open, "IsArchived") == [False]


def test_loaded_activities_get_their_relations(desk: Desk, org: Org, admin: Session) -> None:
    contact = desk.make("Contact", LastName="Doe")
    row = {"Id": "00THs0000000100MAA", "WhoId": contact, "ActivityDate": "2026-01-05", "IsClosed": True}
    org.bulk_load("Task", [{**row, "SystemModstamp": 1000}])
    org.derive_activities()
    assert desk.get("Contact", contact, "LastActivityDate") == ["2026-01-05"]
    found = org.connection().execute("SELECT RelationId, SystemModstamp FROM TaskRelation").fetchall()
    assert found == [(contact, 1000)]
    made: SaveResult = admin.save("create", "Task", [{}])[0]
    assert str(made.id) > "00THs0000000100MAA"


def test_an_activity_can_be_about_several_people(desk: Desk, org: Org) -> None:
    one, two, three = (desk.make("Contact", LastName=name) for name in ("One", "Two", "Three"))
    task = desk.make("Task", Subject="Call", TaskWhoIds=[two, one[:15]])

    def people(kind: str = "Task", record: str = task) -> tuple[set[str], str | None, int]:
        sql = f"SELECT RelationId FROM {kind}Relation WHERE {kind}Id = ? AND IsWhat = 0"
        found = {row[0] for row in org.connection().execute(sql, (record,))}
        who, count = desk.get(kind, record, "WhoId", "WhoCount")
        return found, who, count

    assert people() == ({one, two}, two, 2)
    desk.change("Task", task, WhoId=three)
    assert people() == ({one, three}, three, 2)
    desk.change("Task", task, Subject="Later")
    assert people() == ({one, three}, three, 2)
    desk.change("Task", task, TaskWhoIds=[one, two, three])
    assert people() == ({one, two, three}, three, 3)
    desk.change("Task", task, TaskWhoIds=[])
    assert people() == (set(), None, 0)
    start = "2026-03-04T10:00:00Z"
    event = desk.make("Event", Subject="M", DurationInMinutes=5, StartDateTime=start, WhoId=one, EventWhoIds=[two])
    assert people("Event", event) == ({one, two}, one, 2)


def test_relations_written_directly_count(desk: Desk, admin: Session, clock: Clock) -> None:
    one, two, three = (desk.make("Contact", LastName=name) for name in ("One", "Two", "Three"))
    task = desk.make("Task", WhoId=one, WhatId=desk.make("Account", Name="A"))
    second = desk.make("TaskRelation", TaskId=task, RelationId=two)
    assert desk.get("Task", task, "WhoId", "WhoCount") == [one, 2]
    desk.delete("TaskRelation", second)
    assert desk.get("Task", task, "WhoId", "WhoCount") == [one, 1]
    event = desk.make("Event", StartDateTime=START, DurationInMinutes=5, WhoId=one)
    desk.make("EventRelation", EventId=event, RelationId=two)
    assert desk.get("Event", event, "WhoCount") == [1]
    desk.make("EventRelation", EventId=event, RelationId=three, IsParent=True)
    assert desk.get("Event", event, "WhoCount") == [2]
    clock.advance(5)
    desk.delete("Task", task)
    assert admin.undelete("Task", [task])[0].success
    assert desk.get("Task", task, "WhoCount") == [1]


def test_people_of_an_activity_are_checked(desk: Desk) -> None:
    account, contact = desk.make("Account", Name="A"), desk.make("Contact", LastName="C")
    for given, code in (
        ([account], "MALFORMED_ID"),
        ("all", "MALFORMED_ID"),
        ([make_id("003", n) for n in range(51)], "LIMIT_EXCEEDED"),
        ([contact, make_id("003", 9999)], "INVALID_CROSS_REFERENCE_KEY"),
    ):
        assert desk.refused("create", "Task", {"TaskWhoIds": given}).code == code
    assert desk.refused("create", "Account", {"Name": "A", "TaskWhoIds": [contact]}).code == "INVALID_FIELD"


def test_further_people_follow_a_merge(desk: Desk, org: Org, admin: Session) -> None:
    one, two, master = (desk.make("Contact", LastName=name) for name in ("One", "Two", "Master"))
    task = desk.make("Task", TaskWhoIds=[one, two])
    merge(admin, "Contact", master, [two])
    found = org.connection().execute("SELECT RelationId FROM TaskRelation WHERE TaskId = ?", (task,)).fetchall()
    assert {row[0] for row in found} == {one, master}
    merge(admin, "Contact", master, [one])
    assert desk.get("Task", task, "WhoId", "WhoCount") == [master, 1]
