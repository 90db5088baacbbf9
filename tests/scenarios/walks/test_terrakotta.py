"""Terrakotta's page from top to bottom: connect, choose, map, match outcomes, test with one user, roll out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.walks.conftest import Walker


def calls(walker: Walker, user: str, **people: str) -> list[dict[str, Any]]:
    at = walker.desk.clock.now().isoformat()
    return [
        {"source": "terrakotta", "external_id": f"tk-{n}", "kind": "call", "occurred_at": at, "updated_at": at,
         "user": user, "duration_s": 75, "direction": "outbound", "notes": f"tk {n}", "outcome": "connected",
         "person": {"id": i}}
        for n, i in people.items()
    ]  # fmt: skip


@pytest.mark.requirement("T2", "T3", "T4", "T8", "T9", "T10", "T11", "T12", "T15", "T16")
def test_calls_notes_and_outcomes_sync_automatically(walker: Walker) -> None:
    org = walker.desk.org
    caller = walker.soql("SELECT Id, Email FROM User WHERE IsActive = true AND Profile.Name = 'Standard User'")[0]
    account = org.create("Account", Name="Pier 9", Website="pier9.example")
    contact = org.create("Contact", FirstName="Ida", LastName="Pier", Email="ida@pier9.example", AccountId=account)
    lead = org.create("Lead", LastName="Lark", Company="Lark", Email="lark@lark.example", Phone="+1 312 555 0190")
    place = org.create("Property__c", Name="Pier 9 North", Owner_Contact__c=contact, Owner_Account__c=account)
    walker.name(account=account, contact=contact, lead=lead, property=place, caller=caller["Id"])

    # 1, 2: connected as the integration user, and nothing is on.
    (connection,) = walker.cli("connect", "list")
    assert (connection["state"], connection["username"]) == ("ok", org.user("Integration")["username"])
    assert walker.cli("jobs", "list") == []

    # 3: what to pull (contacts, leads, accounts, properties), which way, how often.
    for template in ("accounts_in", "people_in", "calls_out", "tasks_out"):
        walker.cli("jobs", "create", template)
    assert {r["name"] for r in walker.cli("jobs", "preset", "plain", "--attach", "calls_out")} >= {"properties_in"}
    listed = {j["name"]: j for j in walker.cli("jobs", "list")}
    assert not any(j["is_enabled"] for j in listed.values())
    shown = walker.cli("jobs", "show", "calls_out")
    assert shown["schedule"] == {"every_minutes": 15, "as_it_happens": True, "daily_at": None}
    assert {n: j["direction"] for n, j in listed.items()}["people_in"] == "inbound"

    # 4: every phone field, the subject's template, type, notes, outcome, related to.
    people = walker.cli("jobs", "show", "people_in")
    phones = {
        m["source"] for p in people["pairs"] for m in p["mappings"] if "phone" in m["target"] or "mobile" in m["target"]
    }
    assert {"Phone", "MobilePhone", "OtherPhone", "Mobile_Direct__c"} <= phones
    mapped = {m["target"]: m for m in shown["pairs"][0]["mappings"]}
    assert mapped["Subject"]["template"] == "Call: {{Contact Name}}"
    assert (mapped["Type"]["constant"], mapped["Description"]["source"]) == ("Call", "notes")
    assert mapped["Call_Outcome__c"]["source"] == "outcome"

    # 5: the team's outcomes; one that the org does not know is named before anything is pushed.
    walker.cli("words", "set", "outcomes", "connected", "voicemail", "no_answer", "follow_up")
    told = walker.cli("jobs", "validate", "calls_out")
    assert any(f["field"] == "Call_Outcome__c" and "follow_up" in f["message"] for f in told)
    values = [v["value"] for f in org.rest("GET", "sobjects/Task/describe")["fields"]
              if f["name"] == "Call_Outcome__c" for v in f["picklistValues"]]  # fmt: skip
    callback = next(v for v in values if "Call" in v)
    walker.edit("calls_out", lambda t: t.replace("callback:", f"follow_up: {callback}\n          callback:"))
    assert not any("follow_up" in f["message"] for f in walker.cli("jobs", "validate", "calls_out"))

    # 6: one linked user first: a contact, a lead and a property.
    assert walker.post("users", [{"email": caller["Email"], "name": "Caller"}]) == ["created"]
    (user,) = walker.cli("users", "list")
    assert (user["org_user_id"], user["linked_how"]) == (caller["Id"], "email")
    for name in ("accounts_in", "people_in", "properties_in", "calls_out", "tasks_out"):
        walker.by_hand(name)
        walker.cli("jobs", "enable", name)
    for name in ("accounts_in", "people_in", "properties_in"):
        assert walker.run(name)["created"] > 0
    made = calls(walker, caller["Email"], contact=contact, lead=lead)
    made += [{**made[0], "external_id": "tk-property", "notes": "tk property",
              "related_to": {"object": "Property__c", "id": place}}]  # fmt: skip
    assert (
        walker.post("activities", [*made, {**made[0], "external_id": "tk-other", "user": "other@team.example"}])
        == ["created"] * 4
    )
    tried = walker.cli("jobs", "try", "calls_out", "--user", caller["Email"])
    assert tried["run"]["counts"]["created"] == 3, "the other caller's waits for the roll-out"
    assert all(entry["ok"] for entry in tried["checklist"]), tried["checklist"]
    checked = {(e["key"], e["field"]) for e in tried["checklist"]}
    for key in ("tk-contact", "tk-lead", "tk-property"):
        assert {(key, f) for f in ("Subject", "Type", "Status", "Call_Outcome__c", "Description", "WhoId")} <= checked
    fields = "Description, Subject, Type, Status, WhoId, WhatId, OwnerId, CallDurationInSeconds"
    there = {t["Description"]: t for t in walker.soql(f"SELECT {fields} FROM Task WHERE CallDurationInSeconds = 75")}
    assert {n: (t["WhoId"], t["WhatId"]) for n, t in there.items()} == {
        "tk contact": (contact, place), "tk lead": (lead, None), "tk property": (contact, place),
    }  # fmt: skip
    assert {(t["OwnerId"], t["Type"], t["Status"]) for t in there.values()} == {(caller["Id"], "Call", "Completed")}

    # What a value changed in the org shows: the checklist looks, it does not believe.
    task = walker.soql("SELECT Id FROM Task WHERE CallDurationInSeconds = 75 AND Subject = 'Call: Lark'")[0]["Id"]
    org.update("Task", task, Type="Other")
    bad = [e for e in walker.desk.ws.checklist(tried["run"]["run_id"]) if not e["ok"]]
    assert [(e["key"], e["field"], e["expected"], e["actual"]) for e in bad] == [("tk-lead", "Type", "Call", "Other")]

    # Rolled out: what is left goes by itself; a follow-up becomes an open task with its due date.
    golden = walker.plan("calls_out")
    assert [(a, o) for a, o, _, _ in golden] == [("create", "created")] + [("none", "unchanged")] * 3
    day = made[0]["occurred_at"][:10]
    assert golden[0][3] == {
        "Subject": "Call: Ida Pier", "Type": "Call", "Status": "Completed", "Priority": "Normal", "TaskSubtype": "Call",
        "CallType": "Outbound", "CallDurationInSeconds": "75", "Description": "tk contact", "ActivityDate": day,
        "Call_Outcome__c": "Connected", "WhoId": "<contact>", "WhatId": "<property>",
        "OwnerId": org.user("Integration")["id"],
    }  # fmt: skip
    assert walker.run("calls_out")["created"] == 1
    follow = {"source": "terrakotta", "external_id": "tk-fu", "kind": "task", "subject": "Send the rent roll",
              "due_at": "2031-02-03", "status": "Not Started", "user": caller["Email"], "person": {"id": contact},
              "account": {"id": account}, "updated_at": made[0]["updated_at"]}  # fmt: skip
    walker.post("activities", [follow])
    assert walker.run("tasks_out") == {"input": 1, "created": 1}
    (open_task,) = walker.soql("SELECT ActivityDate, IsClosed, OwnerId FROM Task WHERE Subject = 'Send the rent roll'")
    assert open_task == {"ActivityDate": "2031-02-03", "IsClosed": False, "OwnerId": caller["Id"]}
