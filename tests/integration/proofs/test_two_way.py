"""Tasks that both sides edit: the last update wins, both values are remembered, and then there is peace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from core.mapping.spec import FieldMapping
from tests.integration.kit import Desk, add_job, groundwork, tasks, until
from tests.practice import Practice


@pytest.fixture(scope="module")
def apart() -> Iterator[tuple[Practice, Path]]:
    """An org of its own: these tests count everything that two runs read, the leavings of others among them."""
    with Practice() as org, groundwork(org) as ground:
        yield org, ground


@pytest.fixture
def both(desk_on: Callable[[tuple[Practice, Path]], Desk], apart: tuple[Practice, Path]) -> Desk:
    """Tasks travel both ways."""
    desk = desk_on(apart)
    add_job(desk.ws, "tasks_out")
    add_job(desk.ws, "tasks_in")
    return desk


def rounds(desk: Desk, count: int = 1) -> list[dict[str, int]]:
    """Both jobs, one after the other; what each came to."""
    return [desk.run(job)["counts"] for _ in range(count) for job in ("tasks_out", "tasks_in")]


def quiet(counts: dict[str, int]) -> bool:
    return not any(counts[o] for o in ("created", "updated", "deleted", "held", "rejected", "waiting", "in_doubt"))


def ours(desk: Desk, key: str) -> dict[str, Any]:
    return desk.ws.database.read("SELECT * FROM activity WHERE external_id = :k", k=key).row(0, named=True)


def decisions(desk: Desk) -> list[dict[str, Any]]:
    frame = desk.ws.database.read(
        "SELECT v.body FROM event e JOIN event_value v ON v.workspace_id = e.workspace_id AND v.event_id = e.id"
        " WHERE e.kind = 'conflict.decided' ORDER BY e.id"
    )
    return [json.loads(b) for b in frame["body"].to_list()]


def said_of(desk: Desk, info: dict[str, Any], org_id: str) -> tuple[str, str]:
    """What a run came to for one record, and why."""
    results = desk.ws.run_results(info["run_id"], limit=500)
    (told,) = results.filter(results["org_id"] == org_id).iter_rows(named=True)
    return told["outcome"], told["reason"]


def edit_here(desk: Desk, task: dict[str, Any], **changes: Any) -> None:
    now = desk.clock.now().isoformat()
    (answer,) = desk.ws.take_in("activities", [task | changes | {"updated_at": now}])
    assert answer.result == "updated"


@pytest.mark.requirement("O2")
@pytest.mark.parametrize("later", ["org", "workspace"])
def test_the_last_update_wins_and_both_values_are_in_the_ledger(both: Desk, later: str) -> None:
    (task,) = tasks(f"way {later}", 1, at=both.clock.now())
    both.ws.take_in("activities", [task])
    rounds(both)
    (there,) = both.tasks(f"way {later}")
    edits = [
        lambda: both.org.update("Task", there["Id"], Subject="By the org"),
        lambda: edit_here(both, task, subject="By the workspace"),
    ]
    for edit in edits if later == "workspace" else reversed(edits):
        both.advance(30)
        edit()
    both.advance(30)
    rounds(both)
    wanted = "By the org" if later == "org" else "By the workspace"
    assert both.tasks(f"way {later}")[0]["Subject"] == wanted
    assert ours(both, task["external_id"])["subject"] == wanted
    mine = [d for d in decisions(both) if d["field"] in ("Subject", "subject")]
    assert mine, "no decision is in the ledger"
    assert all((d["workspace"], d["org"]) == ("By the workspace", "By the org") for d in mine)
    assert mine[0]["baseline"] == "Follow up 0"
    assert all(map(quiet, rounds(both, 2)))


@pytest.mark.requirement("O2")
def test_a_value_that_is_sent_again_with_a_newer_time_still_goes_out(both: Desk) -> None:
    """The outbound job has passed the record by then, and the newer time gives it no new number of change."""
    (task,) = tasks("again newer", 1, at=both.clock.now())
    both.ws.take_in("activities", [task])
    rounds(both)
    (there,) = both.tasks("again newer")
    both.advance(30)
    edit_here(both, task, subject="By the workspace")
    both.advance(30)
    both.org.update("Task", there["Id"], Subject="By the org")
    both.advance(30)
    assert said_of(both, both.run("tasks_out"), there["Id"]) == (
        "unchanged", "The org's newer Subject comes in with the inbound job.",
    )  # fmt: skip
    again = task | {"subject": "By the workspace", "updated_at": both.clock.now().isoformat()}
    (answer,) = both.ws.take_in("activities", [again])
    assert answer.result == "unchanged"
    both.advance(30)
    assert said_of(both, both.run("tasks_in"), there["Id"]) == (
        "unchanged", "The workspace's newer subject goes out with the outbound job.",
    )  # fmt: skip
    assert both.run("tasks_out")["counts"]["updated"] == 1
    assert both.tasks("again newer")[0]["Subject"] == "By the workspace"
    assert ours(both, task["external_id"])["subject"] == "By the workspace"
    assert all(map(quiet, rounds(both, 2)))


@pytest.mark.requirement("O2")
def test_edits_of_different_fields_both_survive(both: Desk) -> None:
    (task,) = tasks("fields", 1, at=both.clock.now())
    both.ws.take_in("activities", [task])
    rounds(both)
    (there,) = both.tasks("fields")
    both.advance(30)
    both.org.update("Task", there["Id"], Priority="High")
    edit_here(both, task, subject="Renamed here")
    both.advance(30)
    rounds(both, 2)
    (there,) = both.org.soql(f"SELECT Subject, Priority FROM Task WHERE Id = '{there['Id']}'")
    mine = ours(both, task["external_id"])
    assert (there["Subject"], there["Priority"]) == (mine["subject"], mine["priority"]) == ("Renamed here", "High")
    assert all(map(quiet, rounds(both)))


@pytest.mark.requirement("O18")
def test_deletions_travel_both_ways_and_nothing_comes_back(both: Desk) -> None:
    made = tasks("gone", 3, at=both.clock.now())
    both.ws.take_in("activities", made)
    rounds(both)
    there = {t["Description"]: t["Id"] for t in both.tasks("gone")}
    both.advance(30)
    both.org.delete("Task", there["gone 0"])
    both.ws.take_in("activities", [{k: made[1][k] for k in ("source", "external_id", "kind")} | {
        "deleted": True, "updated_at": both.clock.now().isoformat()}])  # fmt: skip
    both.advance(30)
    rounds(both, 2)
    assert [t["Description"] for t in both.tasks("gone")] == ["gone 2"]
    assert [ours(both, t["external_id"])["deleted_at"] is not None for t in made] == [True, True, False]
    assert all(map(quiet, rounds(both)))


@pytest.mark.requirement("O2", "O12")
def test_a_round_trip_leaves_no_updates_and_no_differences(both: Desk) -> None:
    """The org spells the status in its own way and fills in a priority, an owner and a maker: none of it comes back."""
    rounds(both)  # brings in what other tests have left in the org
    made = tasks("peace", 3, at=both.clock.now(), status="completed")
    both.ws.take_in("activities", made)
    assert both.run("tasks_out")["counts"]["created"] == 3
    assert {t["Status"] for t in both.tasks("peace")} == {"Completed"}
    mine = [ours(both, t["external_id"]) for t in made]
    assert quiet(both.run("tasks_in")["counts"])
    assert [ours(both, t["external_id"]) for t in made] == mine
    for job in ("tasks_out", "tasks_in"):
        found = both.ws.compare(job)
        assert found.filter(found["record_id"].is_in([m["id"] for m in mine])).is_empty()
    both.advance(30)
    both.org.update("Task", both.tasks("peace")[0]["Id"], Priority="High")
    both.advance(30)
    counts = both.run("tasks_in")["counts"]
    assert counts["updated"] == 1
    assert sorted(str(ours(both, t["external_id"])["priority"]) for t in made) == ["High", "None", "None"]
    assert all(map(quiet, rounds(both, 2)))


@pytest.mark.requirement("X11")
def test_a_full_sync_looks_again_and_sees_what_was_deleted_meanwhile(both: Desk) -> None:
    """A mapping that is added later reaches records whose stamp is known; the mark passes no delete unseen."""
    made = tasks("again", 2, at=both.clock.now())
    both.ws.take_in("activities", made)
    rounds(both)
    there = {t["Description"]: t["Id"] for t in both.tasks("again")}
    both.org.update("Task", there["again 1"], CallObject="extra")
    both.advance(60)
    rounds(both)
    spec = both.ws.job("tasks_in")
    pair = spec.pairs[0]
    more = FieldMapping(source="CallObject", target="fields.extra")
    pairs = (pair.model_copy(update={"mappings": (*pair.mappings, more)}),)
    both.ws.save_job(spec.model_copy(update={"pairs": pairs}))
    both.org.delete("Task", there["again 0"])
    both.advance(3600)
    assert both.run("tasks_in", full=True)["counts"]["deleted"] == 1
    assert [ours(both, t["external_id"])["deleted_at"] is not None for t in made] == [True, False]
    assert json.loads(ours(both, made[1]["external_id"])["fields"])["extra"] == "extra"
    both.ws.save_job(spec)


def mark(desk: Desk) -> datetime:
    frame = desk.ws.database.read("SELECT org_stamp_at FROM mark WHERE job = 'tasks_in'")
    return frame.item(0, 0)  # type: ignore[no-any-return]


@pytest.mark.requirement("X11")
def test_a_row_that_commits_late_with_an_older_stamp_is_found(both: Desk) -> None:
    """A transaction of somebody else stays open while two runs read past its stamp."""
    account = both.org.soql("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    token = both.org.token()
    rounds(both)
    with both.org.fault("late_commit", count=1, value="60"):
        before = mark(both)
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(
                f"{both.org.data_url}/sobjects/Task", timeout=4, verify=both.org.env["ca_file"],
                json={"Subject": "Late", "WhatId": account, "Description": "latecomer"},
                headers={"Authorization": f"Bearer {token}"},
            )  # fmt: skip
    both.org.create("Task", Subject="Early", WhatId=account, Description="latecomer early")
    both.advance(40)
    until(lambda: len(both.tasks("latecomer")) == 2)
    rounds(both)
    assert mark(both) >= before
    subjects = both.ws.database.read(
        "SELECT subject FROM activity WHERE source = 'salesforce' AND subject IN ('Late', 'Early')"
    )
    assert sorted(subjects["subject"].to_list()) == ["Early", "Late"]
    assert all(map(quiet, rounds(both)))


@pytest.mark.requirement("X11")
def test_the_mark_stays_behind_the_margin_and_never_goes_back(both: Desk) -> None:
    """However often it runs, the last twenty minutes are read again, and what is read again changes nothing."""
    both.ws.take_in("activities", tasks("margin", 2, at=both.clock.now()))
    rounds(both)
    marks = []
    for _ in range(3):
        both.advance(300)
        assert all(map(quiet, rounds(both)))
        marks.append(mark(both))
        assert (both.clock.now() - marks[-1]).total_seconds() >= 20 * 60 - 5
    assert marks == sorted(marks)


@pytest.mark.requirement("X11")
def test_an_inbound_run_that_is_stopped_reads_everything_again(both: Desk) -> None:
    """The mark never passes a change that was not stored."""
    account = both.org.soql("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    rounds(both)
    both.ws.pause()
    assert both.run("tasks_in")["status"] == "complete", "a pause of writing stops what comes in"
    before = mark(both)
    both.org.create("Task", Subject="Left over", WhatId=account, Description="left over")
    both.advance(60)
    both.ws.pause(reading=True)
    info = both.run("tasks_in")
    assert info["status"] == "partial"
    jobs = {j["name"]: j for j in both.ws.overview()["jobs"]}
    assert {jobs[n]["state"] for n in ("tasks_in", "tasks_out")} == {"paused"}
    assert "Reading" in jobs["tasks_in"]["why"]
    assert mark(both) == before
    both.ws.resume()
    both.advance(26 * 60)
    assert both.run("tasks_in")["counts"]["created"] == 1
    frame = both.ws.database.read("SELECT COUNT(*) AS n FROM activity WHERE subject = 'Left over'")
    assert frame.item(0, 0) == 1
