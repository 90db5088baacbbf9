"""What a user may not see in the org is not synced for that user, whoever's login reads or writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.kit import Desk, add_job, connect
from tests.practice import Practice


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Desk]:
    """A desk on an org whose leads are private."""
    with Practice(seed="demo", scale=0.02) as org:
        org.schema_change("sharing", object="Lead", model="Private")
        made = Desk(org, tmp_path)
        connect(made.ws, org)
        yield made
        made.close()


def call(desk: Desk, name: str, user: str, lead: str) -> dict[str, Any]:
    at = desk.clock.now().isoformat()
    return {"source": "dialer", "external_id": name, "kind": "call", "occurred_at": at, "updated_at": at, "user": user,
            "person": {"id": lead}, "duration_s": 5, "direction": "outbound", "outcome": "connected",
            "notes": name}  # fmt: skip


@pytest.mark.requirement("T5")
def test_calls_go_only_to_records_that_the_caller_may_see(guarded: Desk) -> None:
    desk, org = guarded, guarded.org
    ella, marc = org.soql("SELECT Id, Email FROM User WHERE IsActive = true AND Profile.Name = 'Standard User' LIMIT 2")
    hers = org.create("Lead", LastName="Hers", Company="H", Email="hers@h.example", OwnerId=ella["Id"])
    for name in ("people_in", "calls_out"):
        add_job(desk.ws, name)
    assert desk.run("people_in")["counts"]["created"] >= 1
    desk.ws.take_in("users", [{"email": u["Email"], "name": u["Email"]} for u in (ella, marc)])
    sight = "SELECT HasReadAccess FROM UserRecordAccess WHERE UserId = '{}' AND RecordId = '{}'"
    assert [org.soql(sight.format(u["Id"], hers))[0]["HasReadAccess"] for u in (ella, marc)] == [True, False]

    desk.ws.take_in(
        "activities", [call(desk, "by-ella", ella["Email"], hers), call(desk, "by-marc", marc["Email"], hers)]
    )
    preview = desk.ws.preview("calls_out")
    assert (preview.counts["created"], preview.counts["held"]) == (1, 1)
    counts = desk.run("calls_out")["counts"]
    assert (counts["created"], counts["held"]) == (1, 1)
    (task,) = org.soql(f"SELECT Description, WhoId, OwnerId FROM Task WHERE WhoId = '{hers}'")
    assert (task["Description"], task["WhoId"], task["OwnerId"]) == ("by-ella", hers, ella["Id"])
    (row,) = desk.ws.open_rows(job="calls_out").iter_rows(named=True)
    assert (row["key"], row["cause"], row["field"]) == ("by-marc", "no_access", "WhoId")
    assert "may not see the person" in row["reason"]

    # Shared with him, it goes; and where the integration user does everything, its own sight is what counts.
    org.update("Lead", hers, OwnerId=marc["Id"])
    (run,) = desk.ws.retry(job="calls_out")
    assert desk.ended(run)["counts"]["created"] == 1
    desk.ws.save_job(desk.ws.job("calls_out").model_copy(update={"owner_rule": "integration_user"}))
    desk.ws.take_in("activities", [call(desk, "for-ella", ella["Email"], hers)])
    assert desk.run("calls_out")["counts"]["created"] == 1


@pytest.mark.requirement("T5")
def test_objects_and_fields_that_are_out_of_sight_stop_the_job_by_name(guarded: Desk) -> None:
    desk, org = guarded, guarded.org
    spec = desk.ws.create_job("people_in")
    org.schema_change("hide_field", object="Contact", field="Phone")
    desk.ws.refresh_org(["Contact"])
    bad = [f for f in desk.ws.validate(spec) if f.severity == "fail"]
    assert ("Phone", "field-level security" in bad[0].message) == (bad[0].field, True)
    org.schema_change("show_field", object="Contact", field="Phone")
    desk.ws.refresh_org(["Contact"])
    assert not [f for f in desk.ws.validate(spec) if f.severity == "fail"]
