from __future__ import annotations

import json
from typing import Any

import pytest

from core.audit.explain import explain
from core.store.codec import dumps
from core.store.database import Database
from core.store.tables import OrgDescribe
from tests.integration.audit import world
from tests.integration.audit.world import NOW, WS

TASK = {
    "name": "Task",
    "fields": [
        {"name": n, "type": t, "length": 255, "createable": True, "updateable": True}
        for n, t in (("Subject", "string"), ("Status", "picklist"), ("Description", "textarea"))
    ],
}


def story(db: Database, key: str) -> dict[str, Any]:
    told = explain(db, WS, key)
    assert json.loads(json.dumps(told)) == told
    return told


def only(db: Database, key: str) -> dict[str, Any]:
    (record,) = story(db, key)["records"]
    assert isinstance(record, dict)
    return record


KEYS = {
    world.ORG_TASK: (world.SENT, "org Id"),
    world.ORG_TASK[:15]: (world.SENT, "org Id"),
    "c-21": (world.SENT, "external id"),
    "dialer:c-21": (world.SENT, "external id"),
    "1:dialer:c-21": (world.SENT, "external id"),
    "21": (world.SENT, "record number"),
    " Dana@Acme.example ": (world.DANA, "e-mail"),
    "(312) 555-0101": (world.DANA, "phone"),
    "https://www.acme.example/contact": (1, "domain"),
    "(312) 555-0199": (world.WAITING, "its person's phone"),
}


@pytest.mark.requirement("N1")
def test_any_key_finds_the_record(filled: Database) -> None:
    found = {key: only(filled, key) for key in KEYS}
    assert {k: (r["record_id"], r["found_by"]) for k, r in found.items()} == KEYS


@pytest.mark.parametrize("key", ["", "   ", "nothing-like-it", "%", "other:c-21", "003000000000002AAA"])
def test_a_key_that_means_nothing_finds_nothing(lite: Database, key: str) -> None:
    assert story(lite, key)["found"] == 0


def test_another_workspace_knows_nothing_of_it(lite: Database) -> None:
    told = explain(lite, 2, world.ORG_TASK)
    assert (told["found"], told["org_only"][0]["attempts"]) == (0, [])


@pytest.mark.requirement("T20", "N1")
def test_a_synced_record_tells_its_link_its_attempts_and_its_decisions(filled: Database) -> None:
    record = only(filled, "c-21")
    assert record["link"]["org_id"] == world.ORG_TASK
    assert record["link"]["story"].startswith("Syncline created the org record (Calls, outbound")
    (attempt,) = record["attempts"]
    assert (attempt["outcome"], attempt["request"]) == ("created", {"Subject": "Call 21"})
    assert attempt["answer"]["success"] is True
    (event,) = record["events"]
    assert (event["detail"], event["values"]) == ("Subject: the workspace wins", {"workspace": "a", "org": "b"})
    assert (record["person"]["name"], record["person"]["org_id"], record["account"]["name"]) == (
        "Dana Fox", world.ORG_DANA, "Acme",
    )  # fmt: skip
    assert record["writers"]["Subject"]["run_id"] == "run_out"
    assert record["verdict"].startswith(f"It is Task {world.ORG_TASK} in the org.")
    assert record["next_run_at"] == "2026-11-21T12:05:00Z"


def test_a_conflict_is_decided_by_its_rule_and_not_by_whoever_started_the_run(lite: Database) -> None:
    (event,) = only(lite, "c-21")["events"]
    assert event["story"] == ("Conflict decided by the rule that the last update wins: Subject: the workspace wins")


def test_the_person_a_call_went_to_is_known_although_nobody_chose_them(lite: Database) -> None:
    baseline = dumps({"Subject": "Call 21", "WhoId": world.ORG_DANA})
    lite.execute("UPDATE activity SET person_record_id = NULL, account_record_id = NULL, subject = NULL WHERE id = 21")
    lite.execute("UPDATE link SET baseline = :b WHERE record_id = 21", b=baseline)
    sent = only(lite, "c-21")
    assert (sent["person"]["name"], sent["account"]["name"], sent["title"]) == (
        "Dana Fox",
        "Acme",
        "Call with Dana Fox",
    )
    assert sent["matched"]["rule"] == "sent"
    lite.execute("UPDATE activity SET person_phone = '312.555.0101' WHERE id = 21")
    assert only(lite, "c-21")["matched"] == {
        "record_id": world.DANA, "status": "unique", "rule": "phone", "evidence": "the phone +13125550101",
        "candidates": [world.DANA],
    }  # fmt: skip


def test_a_call_that_waits_says_whom_nobody_knows(lite: Database) -> None:
    waiting = only(lite, "c-23")
    assert (waiting["matched"]["status"], waiting["matched"]["evidence"]) == ("none", "nobody has +13125550199")
    assert waiting["title"] == "Call 23"


def test_both_sides_are_laid_beside_each_other_as_far_as_they_are_known(lite: Database) -> None:
    world.put(lite, OrgDescribe(workspace_id=WS, sobject="Task", body=dumps(TASK), fetched_at=NOW))
    fields = {f["field"]: f for f in only(lite, "c-21")["fields"]}
    assert (fields["Subject"]["workspace"], fields["Subject"]["org"], fields["Subject"]["differs"]) == (
        "Call: Dana Fox", "Call 21", True,
    )  # fmt: skip
    assert only(lite, "c-21")["verdict"].find("Changed here since both sides last agreed: Subject") > 0


def test_a_held_record_tells_why_and_who_could_be_meant(filled: Database) -> None:
    record = only(filled, "c-22")
    (row,) = record["open"]
    assert (row["outcome"], row["cause"]) == ("held", "ambiguous")
    assert [c["name"] for c in row["candidates"]] == ["Dana Fox", "Erin Hale"]
    assert record["verdict"].startswith("It is not in the org. Held in Calls, outbound: because of ambiguous")


def test_jobs_say_whether_they_take_it_and_why_not(lite: Database) -> None:
    jobs = {j["job"]: j for j in only(lite, "c-24")["jobs"]}
    assert (jobs["calls_out"]["takes"], jobs["calls_out"]["why"]) == (False, "The job's filter leaves it out.")
    assert (jobs["tasks_in"]["fits"], jobs["tasks_in"]["why"]) == (False, "It is for records of the kind task.")
    fresh = {j["job"]: j for j in only(lite, "c-25")["jobs"]}
    assert (fresh["calls_out"]["takes"], fresh["calls_out"]["last"]) == (True, None)


def test_a_deleted_record_says_so(lite: Database) -> None:
    assert only(lite, "c-26")["verdict"] == "It was deleted in the workspace on 21 Nov 2026, 12:00."


def test_a_person_comes_with_their_latest_activities(lite: Database) -> None:
    assert [a["record_id"] for a in only(lite, "p-1")["activities"]] == [world.SENT]


def test_an_org_record_that_never_came_in_tells_what_runs_made_of_it(filled: Database) -> None:
    told = story(filled, world.ORG_LOOSE)
    assert told["found"] == 0
    (loose,) = told["org_only"]
    assert [a["reason"] for a in loose["attempts"]] == ["It was never here."]


def test_a_user_of_the_team_is_told_with_their_org_user(lite: Database) -> None:
    assert story(lite, "ann@team.example")["user"]["org_name"] == "Ann Roe"


def test_the_story_of_a_wide_key_is_cut_and_says_so(lite: Database) -> None:
    world.put(lite, *(world.call(100 + n, person_email="x@y.example") for n in range(25)))
    told = story(lite, "x@y.example")
    assert (len(told["records"]), told["more"]) == (20, True)


def test_erased_values_leave_the_event(lite: Database) -> None:
    lite.execute("DELETE FROM event_value")
    assert only(lite, "c-21")["events"][0]["values"] is None
