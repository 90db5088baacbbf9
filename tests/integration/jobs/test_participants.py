"""The people of a meeting: invited in the org with the Event, brought in with it, and not rewritten afterwards."""

from __future__ import annotations

import json

import pytest

from tests.integration.kit import Desk, add_job


@pytest.mark.requirement("O17")
def test_participants_travel_with_the_record_and_never_after(desk: Desk) -> None:
    org, ws = desk.org, desk.ws
    account = org.create("Account", Name="Guests", Website="guests.example")
    host, guest = (
        org.create("Contact", LastName=n, Email=f"{n}@guests.example".lower(), AccountId=account) for n in ("Ho", "Gu")
    )
    lead = org.create("Lead", LastName="Le", Company="L", Email="le@lead.example")
    for name in ("accounts_in", "people_in"):
        add_job(ws, name)
        desk.run(name)

    # Outbound: the first is WhoId, the others are invited; whom the org does not know stays here.
    add_job(ws, "meetings_out")
    at = desk.clock.now().isoformat()
    met = {"source": "app", "external_id": "m-1", "kind": "meeting", "subject": "Tour of the dock", "occurred_at": at,
           "updated_at": at, "duration_s": 1800, "person": {"email": "ho@guests.example"},
           "participants": ["ho@guests.example", "GU@guests.example", "le@lead.example", "no@x.example"]}  # fmt: skip
    ws.take_in("activities", [met])
    shown = ws.preview("meetings_out").rows
    extra = json.loads(shown.filter(shown["key"] == "m-1")["extra"][0])
    assert set(extra["participants"]) == {guest, lead}
    assert desk.run("meetings_out")["counts"]["created"] == 1
    (event,) = org.soql("SELECT Id, WhoId FROM Event WHERE Subject = 'Tour of the dock'")
    people = f"SELECT RelationId, IsInvitee FROM EventRelation WHERE EventId = '{event['Id']}' AND IsWhat = false"
    assert event["WhoId"] == host
    assert {r["RelationId"]: r["IsInvitee"] for r in org.soql(people)} == {host: False, guest: True, lead: True}
    desk.advance(60)
    later = {**met, "participants": ["ho@guests.example"], "notes": "went well",
             "updated_at": desk.clock.now().isoformat()}  # fmt: skip
    ws.take_in("activities", [later])
    assert desk.run("meetings_out")["counts"]["updated"] == 1
    assert len(org.soql(people)) == 3, "an update invites nobody and takes nobody off"

    # Inbound: who is on the Event when it comes in; later changes there do not rewrite them.
    other = org.create("Event", Subject="Site visit", WhoId=host, WhatId=account, DurationInMinutes=30,
                       ActivityDateTime="2031-05-06T10:00:00Z")  # fmt: skip
    org.create("EventRelation", EventId=other, RelationId=guest)
    add_job(ws, "touchpoints_in")
    desk.run("touchpoints_in")
    kept = "SELECT a.participants, a.subject FROM activity a JOIN link l ON l.record_id = a.id WHERE l.org_id = :o"
    row = ws.database.read(kept, o=other).row(0, named=True)
    assert sorted(json.loads(row["participants"])) == ["gu@guests.example", "ho@guests.example"]
    desk.advance(60)
    org.create("EventRelation", EventId=other, RelationId=lead)
    org.update("Event", other, Subject="Site visit, again")
    assert desk.run("touchpoints_in")["counts"]["updated"] == 1
    after = ws.database.read(kept, o=other).row(0, named=True)
    assert (after["subject"], after["participants"]) == ("Site visit, again", row["participants"])
