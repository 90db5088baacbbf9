"""Configuration as code: exported here, imported into an empty workspace on another org, it syncs the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.mapping.workspace_config import from_yaml, to_yaml
from tests.integration.kit import BY_HAND, Desk, connect
from tests.practice import Practice

JOBS = ("accounts_in", "people_in", "calls_out")
SOURCES = ("accounts_in", "people_in")


def configured(desk: Desk) -> None:
    """A workspace with something of everything that a configuration holds."""
    ws = desk.ws
    ws.configure(title="Brokers", zone="America/Chicago")
    owner = desk.org.soql("SELECT Email FROM User WHERE IsActive = true AND Profile.Name = 'Standard User'")[0]["Email"]
    ws.take_in("users", [{"email": owner, "name": "Eleanor"}, {"email": "dialer@team.example", "name": "D"}])
    ws.link_user("dialer@team.example", desk.org.user("Integration")["id"])
    ws.add_field("person", "budget", "number", label="Budget")
    ws.set_words("outcomes", ["connected", "voicemail"])
    ws.exclude("domain", ["rival.example"])
    for name in JOBS:
        spec = ws.create_job(name)
        ws.save_job(spec.model_copy(update={"schedule": BY_HAND}))
        ws.enable(name)
    spec = ws.job("people_in")
    contact = spec.pair("Contact").model_copy(update={"list_views": ("Prospecting_List",)})
    ws.save_job(spec.model_copy(update={"pairs": (contact,), "schedule": BY_HAND}))


def brought(desk: Desk) -> dict[str, Any]:
    """What the jobs bring in, and what a call becomes in the org."""
    counts = {name: desk.run(name)["counts"] for name in SOURCES}
    at = "2026-11-20T15:00:00+00:00"
    email = desk.ws.database.read("SELECT email FROM person WHERE email IS NOT NULL ORDER BY LOWER(email) LIMIT 1")
    row = {"source": "dialer", "external_id": "cfg-1", "kind": "call", "occurred_at": at, "duration_s": 30,
           "person": {"email": email.item()}, "outcome": "connected", "notes": "cfg-1", "user": "dialer@team.example",
           "updated_at": desk.clock.now().isoformat(), "direction": "outbound"}  # fmt: skip
    desk.ws.take_in("activities", [row])
    counts["calls_out"] = desk.run("calls_out")["counts"]
    fields = "Subject, Type, Status, Call_Outcome__c, CallDurationInSeconds, ActivityDate, Owner.Username, Who.Name"
    found = desk.org.soql(f"SELECT {fields}, Description FROM Task WHERE CallDurationInSeconds = 30")
    tasks = [t for t in found if t.pop("Description") == "cfg-1"]
    names = desk.ws.database.read("SELECT name FROM person ORDER BY name")["name"].to_list()
    return {"counts": counts, "tasks": tasks, "people": names}


@pytest.mark.requirement("X23")
def test_what_is_exported_syncs_the_same_in_an_empty_workspace_on_another_org(tmp_path: Path) -> None:
    with Practice(seed="demo", scale=0.05) as one, Practice(seed="demo", scale=0.05) as other:
        here, there = Desk(one, tmp_path / "one"), Desk(other, tmp_path / "other")
        try:
            connect(here.ws, one)
            configured(here)
            text = here.ws.export_config()
            assert not re.search(r"\b00[5D13]\w{12,15}\b|\b012\w{12,15}\b", text), "no org Id is in it"
            assert one.user("Integration")["username"] in text
            assert "Prospecting_List" in text
            assert to_yaml(from_yaml(text)) == text
            assert here.ws.diff_config(text) == []
            connect(there.ws, other)
            assert there.ws.jobs() == []
            assert {f.severity for fs in there.ws.validate_config(text).values() for f in fs} <= {"pass", "warn"}
            assert there.ws.jobs() == [], "validating saves nothing"
            assert "job calls_out: added." in there.ws.diff_config(text)
            there.ws.import_config(text)
            assert [j["is_enabled"] for j in there.ws.jobs()] == [False] * 3, "an import switches nothing on"
            there.ws.import_config(text, enable=True)
            assert there.ws.export_config() == text
            assert there.ws.diff_config(text) == []
            mine = brought(here)
            here.rest()
            theirs = brought(there)
        finally:
            here.close()
            there.close()
    assert mine["tasks"]
    assert mine["people"]
    assert theirs == mine


@pytest.mark.requirement("X23")
def test_a_diff_names_every_difference(desk: Desk) -> None:
    configured(desk)
    text = desk.ws.export_config()
    ws = desk.ws
    ws.configure(zone="Europe/Berlin")
    ws.link_user("dialer@team.example", None)
    ws.add_field("person", "budget", "text")
    ws.set_words("outcomes", ["connected"])
    ws.exclude("domain", ["rival.example"], exclude=False)
    ws.disable("calls_out")
    spec = ws.job("calls_out")
    ws.save_job(spec.model_copy(update={"delete": True}))
    assert ws.diff_config(text) == [
        "zone: Europe/Berlin → America/Chicago.",
        f"user dialer@team.example: org_username: nothing → {desk.org.user('Integration')['username']}.",
        "custom field person budget: label: nothing → Budget.",
        "custom field person budget: type: text → number.",
        "outcomes: connected → connected, voicemail.",
        "exclusion of domain rival.example: added.",
        "job calls_out: delete: on → off.",
        "job calls_out: switched on.",
    ]
    with pytest.raises(UsageError, match=r"Line \d+: jobs.1.pairs"):
        ws.diff_config(text.replace("sobject: Account", "sobjekt: Account"))
    with pytest.raises(UsageError, match="not YAML"):
        ws.import_config("jobs: [")


@pytest.mark.requirement("X22")
def test_every_change_of_configuration_is_recorded_with_before_and_after(desk: Desk) -> None:
    configured(desk)
    ws = desk.ws
    had = ws.config_log(limit=1_000).height
    ben = ws.acting_as("ben")
    spec = ws.job("calls_out")
    ben.save_job(spec)
    ben.exclude("domain", ["rival.example"])
    assert ws.config_log(limit=1_000).height == had, "what changes nothing is no change"
    ben.save_job(spec.model_copy(update={"delete": True}))
    ben.disable("calls_out")
    ben.configure(zone="Europe/Berlin")
    ben.link_user("dialer@team.example", None)
    ben.set_words("outcomes", ["connected"])
    ben.exclude("person", ["vip@x.example"])
    ben.allow_host("other.example")
    ben.create_token("robot", "viewer")
    ben.revoke_token("robot")
    ben.pause()
    ben.resume()
    ben.set_role("cara", "viewer")
    ben.set_alert_rules(held_warning=123)
    ben.keep_for(requests=400)
    told = [
        {**line, **{"before": None, "after": None}, **(json.loads(line["body"]) if line["body"] else {})}
        for line in ben.config_log(limit=1_000).iter_rows(named=True)
    ]
    new = told[: len(told) - had]
    assert {line["actor"] for line in new} == {"ben"}
    assert [line["kind"] for line in reversed(new)] == [
        "job.saved", "job.disabled", "workspace.configured", "user.linked", "vocabulary.changed", "exclusion.added",
        "hosts.allowed", "token.created", "token.revoked", "workspace.paused", "workspace.resumed", "role.set",
        "alerts.rules", "config.retention",
    ]  # fmt: skip
    by_kind = {line["kind"]: line for line in new}
    assert (by_kind["job.saved"]["before"]["delete"], by_kind["job.saved"]["after"]["delete"]) == (False, True)
    assert by_kind["workspace.configured"]["before"]["zone"] == "America/Chicago"
    assert by_kind["workspace.configured"]["after"]["zone"] == "Europe/Berlin"
    assert by_kind["user.linked"]["before"]["org_user_id"].startswith("005")
    assert by_kind["user.linked"]["after"] == {"org_user_id": None}
    assert by_kind["vocabulary.changed"]["before"]["outcomes"] == ["connected", "voicemail"]
    assert by_kind["exclusion.added"]["after"]["person"] == ["vip@x.example"]
    assert by_kind["role.set"]["after"] == {"role": "viewer"}
    assert all(line["at"] is not None for line in new)
    assert set(ben.config_log(search="calls_out", limit=5)["subject"]) == {"calls_out"}
    assert sorted(ben.frames.configuration()["kind"]) == sorted(line["kind"] for line in told), "one log, two doors"
    assert "secret" not in str(told).lower()
