"""A run is taken back as far as nobody has changed since what it wrote; the rest is listed; an undo can be undone."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from tests.integration.kit import Desk, add_job, tasks
from tests.integration.proofs.test_decisions import delete_here
from tests.integration.proofs.test_two_way import edit_here, ours


def done(desk: Desk, run_id: str) -> dict[str, int]:
    return dict(desk.ended(run_id)["counts"])


@pytest.mark.requirement("N3")
def test_updates_go_back_where_they_still_hold_what_we_wrote(desk: Desk) -> None:
    add_job(desk.ws, "tasks_out")
    made = tasks("back", 3, at=desk.clock.now(), priority="Normal")
    desk.ws.take_in("activities", made)
    desk.run("tasks_out")
    for task in made:
        edit_here(desk, task, subject="Written by mistake", priority="High")
    run = desk.run("tasks_out")
    assert run["counts"]["updated"] == 3
    there = {t["Description"]: t["Id"] for t in desk.tasks("back")}
    desk.org.update("Task", there["back 1"], Subject="Mended by hand")
    desk.org.delete("Task", there["back 2"])
    preview = desk.ws.preview_undo(run["run_id"])
    assert [t["Subject"] for t in desk.tasks("back")] == ["Written by mistake", "Mended by hand"], "nothing is written"
    counts = done(desk, desk.ws.undo(run["run_id"]))
    assert counts == preview.counts
    assert (counts["input"], counts["updated"], counts["skipped"]) == (3, 2, 1)
    now = [desk.org.soql(f"SELECT Subject, Priority FROM Task WHERE Id = '{there[f'back {n}']}'")[0] for n in (0, 1)]
    assert [(t["Subject"], t["Priority"]) for t in now] == [("Follow up 0", "Normal"), ("Mended by hand", "Normal")]
    reasons = {r["key"]: r["reason"] for r in preview.rows.iter_rows(named=True)}
    assert "Subject" in reasons["back-1"]
    assert "no longer there" in reasons["back-2"]
    assert desk.run("tasks_out")["counts"]["updated"] == 0, "what was taken back is not sent again"


@pytest.mark.requirement("N3")
def test_an_undo_can_be_undone(desk: Desk) -> None:
    add_job(desk.ws, "tasks_out")
    (task,) = tasks("again", 1, at=desk.clock.now())
    desk.ws.take_in("activities", [task])
    desk.run("tasks_out")
    edit_here(desk, task, subject="Second")
    first = desk.run("tasks_out")["run_id"]
    undone = desk.ws.undo(first)
    desk.ended(undone)
    assert desk.tasks("again")[0]["Subject"] == "Follow up 0"
    desk.ended(desk.ws.undo(undone))
    assert desk.tasks("again")[0]["Subject"] == "Second"
    told = desk.ws.database.read("SELECT subject, actor FROM event WHERE kind = 'run.undone' ORDER BY id").rows()
    assert told == [(first, "ana"), (undone, "ana")]


@pytest.mark.requirement("N3")
def test_what_was_created_is_deleted_unless_somebody_has_worked_on_it(desk: Desk) -> None:
    add_job(desk.ws, "tasks_out")
    desk.ws.take_in("activities", tasks("made", 3, at=desk.clock.now()))
    run = desk.run("tasks_out")["run_id"]
    there = {t["Description"]: t["Id"] for t in desk.tasks("made")}
    desk.org.update("Task", there["made 1"], Subject="Worked on")
    counts = done(desk, desk.ws.undo(run))
    assert (counts["deleted"], counts["skipped"]) == (2, 1)
    assert [t["Subject"] for t in desk.tasks("made")] == ["Worked on"]
    with pytest.raises(UsageError, match="nothing to undo"):
        desk.ws.preview_undo(desk.run("tasks_out")["run_id"])


@pytest.mark.requirement("N3", "X20")
def test_an_inbound_run_is_taken_back_and_deleted_records_come_out_of_the_bin(desk: Desk) -> None:
    add_job(desk.ws, "tasks_out")
    add_job(desk.ws, "tasks_in")
    made = tasks("inward", 3, at=desk.clock.now())
    desk.ws.take_in("activities", made)
    desk.run("tasks_out")
    desk.run("tasks_in")
    there = {t["Description"]: t["Id"] for t in desk.tasks("inward")}
    desk.advance(30)
    desk.org.update("Task", there["inward 0"], Subject="By the org")
    desk.org.delete("Task", there["inward 1"])
    desk.org.delete("Task", there["inward 2"])
    desk.advance(30)
    run = desk.run("tasks_in")["run_id"]
    assert ours(desk, "inward-0")["subject"] == "By the org"
    bin_ = desk.ws.recycle_bin("activity")
    assert set(bin_["key"]) >= {there["inward 1"], there["inward 2"]}
    assert desk.ws.restore("activity", [ours(desk, "inward-2")["id"]]) == 1
    counts = done(desk, desk.ws.undo(run))
    assert ours(desk, "inward-0")["subject"] == "Follow up 0"
    assert [ours(desk, t["external_id"])["deleted_at"] for t in made] == [None, None, None]
    assert counts["skipped"] >= 1, "one was restored by hand before"
    assert desk.run("tasks_out")["counts"]["created"] == 2, "their org records are gone: new ones are made"
    delete_here(desk, made[0])
    assert desk.ws.recycle_bin("activity").filter(desk.ws.recycle_bin("activity")["key"] == "inward-0").is_empty()
