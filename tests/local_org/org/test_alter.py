from __future__ import annotations

from pathlib import Path

import pytest

from local_org.org import alter, schema_io
from local_org.org.catalog import custom_field, custom_object
from local_org.org.engine import Org
from local_org.org.session import Session
from tests.local_org.org.desk import Desk, practice_schema


def described(session: Session, name: str) -> list[str]:
    return [f["name"] for f in session.describe(name)["fields"]]


def test_schema_survives_its_file() -> None:
    schema = practice_schema()
    assert schema_io.from_json(schema_io.to_json(schema)) == schema


def test_added_field_can_be_written_at_once(desk: Desk, org: Org) -> None:
    old = desk.make("Task")
    alter.add_field(org, "Activity", custom_field("Mood__c", "picklist", values=["Good", "Bad"], restricted=True))
    alter.add_field(org, "Task", custom_field("Done__c", "boolean"))
    assert desk.get("Task", desk.make("Task", Mood__c="good"), "Mood__c", "Done__c") == ["Good", False]
    assert desk.get("Task", old, "Mood__c", "Done__c") == [None, False]
    assert "Mood__c" in described(desk.session, "Event")


def test_removed_field(desk: Desk, org: Org) -> None:
    alter.remove_field(org, "Activity", "outcome__C")
    assert "Outcome__c" not in described(desk.session, "Task") + described(desk.session, "Event")
    assert desk.refused("create", "Task", {"Outcome__c": "Connected"}).code == "INVALID_FIELD"
    with pytest.raises(ValueError, match="no such field"):
        alter.remove_field(org, "Task", "Outcome__c")


def test_renamed_field_keeps_its_values(desk: Desk, org: Org) -> None:
    task = desk.make("Task", Outcome__c="Connected")
    alter.rename_field(org, "Activity", "Outcome__c", "Result__c")
    assert desk.get("Task", task, "Result__c") == ["Connected"]
    assert "Outcome__c" not in described(desk.session, "Task")


def test_required_field(desk: Desk, org: Org) -> None:
    task = desk.make("Task")
    alter.require_field(org, "Task", "Outcome__c")
    assert desk.refused("create", "Task", {}).message == "Required fields are missing: [Outcome__c]"
    assert desk.refused("update", "Task", {"Id": task, "Subject": "x"}).fields == ["Outcome__c"]
    desk.change("Task", task, Outcome__c="Connected")


def test_removed_picklist_value(desk: Desk, org: Org) -> None:
    alter.remove_picklist_value(org, "Task", "Outcome__c", "Connected")
    fault = desk.refused("create", "Task", {"Outcome__c": "Connected"})
    assert fault.message == "Call Outcome: bad value for restricted picklist field: Connected"
    [field] = [f for f in desk.session.describe("Task")["fields"] if f["name"] == "Outcome__c"]
    assert [value["value"] for value in field["picklistValues"]] == ["No Answer"]
    alter.add_picklist_values(org, "Task", "Outcome__c", ["Connected", "Busy"])
    desk.make("Task", Outcome__c="Connected")
    desk.make("Task", Outcome__c="Busy")


def test_shortened_field(desk: Desk, org: Org) -> None:
    alter.shorten_field(org, "Task", "Subject", 5)
    fault = desk.refused("create", "Task", {"Subject": "abcdef"})
    assert fault.message == "Subject: data value too large: abcdef (max length=5)"


def test_added_object_takes_activities(desk: Desk, org: Org) -> None:
    alter.add_object(org, custom_object("Lot__c", "Lot", "Lots", "a09", [], activities=True))
    lot = desk.make("Lot__c", Name="One")
    desk.make("Task", WhatId=lot, Status="Completed", ActivityDate="2026-01-01")
    assert desk.get("Lot__c", lot, "LastActivityDate") == ["2026-01-01"]


def test_change_is_kept_and_dated(desk: Desk, org: Org, tmp_path: Path) -> None:
    before = org.changed_at()
    org.clock.advance(30)
    alter.add_field(org, "Activity", custom_field("Mood__c", "string", length=9))
    assert [org.changed_at(name) for name in ("Task", "Event", "Lead")] == [before + 30, before + 30, before]
    org.close()
    with Org.open(tmp_path / "org.db") as again:
        task = again.schema.get("Task")
        assert task is not None
        assert task.field("Mood__c") is not None


def test_a_change_that_is_rolled_back_leaves_the_schema(desk: Desk, org: Org) -> None:
    def work() -> None:
        with org.write():
            alter.add_field(org, "Task", custom_field("Mood__c", "string", length=9))
            assert "Mood__c" in described(desk.session, "Task")
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert "Mood__c" not in described(desk.session, "Task")
    desk.make("Task", Subject="Call")
