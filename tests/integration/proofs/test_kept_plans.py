"""A plan that was kept writes nothing over what is newer, and no delete takes along what nobody here has seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.kit import Desk, add_job, tasks


@pytest.fixture
def outbound(desk: Desk) -> Desk:
    """Tasks go out."""
    add_job(desk.ws, "tasks_out")
    return desk


def sent(desk: Desk, tag: str, count: int) -> list[dict[str, Any]]:
    """Tasks that are in the org by now."""
    made = tasks(tag, count, at=desk.clock.now())
    desk.ws.take_in("activities", made)
    assert desk.run("tasks_out")["counts"]["created"] == count
    desk.advance(30)
    return made


def edit_here(desk: Desk, rows: list[dict[str, Any]], subject: str) -> None:
    now = desk.clock.now().isoformat()
    desk.ws.take_in("activities", [r | {"subject": subject, "updated_at": now} for r in rows])


def delete_here(desk: Desk, rows: list[dict[str, Any]]) -> None:
    now = desk.clock.now().isoformat()
    names = ("source", "external_id", "kind")
    desk.ws.take_in("activities", [{n: r[n] for n in names} | {"deleted": True, "updated_at": now} for r in rows])


def subjects(desk: Desk, tag: str) -> dict[str, str]:
    return {t["Description"]: t["Subject"] for t in desk.tasks(tag)}


def test_a_kept_plan_leaves_newer_edits_of_the_org_alone_and_sends_the_rest(outbound: Desk) -> None:
    made = sent(outbound, "kept", 3)
    edit_here(outbound, made, "Ours on Monday")
    plan_id = outbound.ws.plan("tasks_out")
    outbound.advance(3600)
    newer = next(t for t in outbound.tasks("kept") if t["Description"] == "kept 1")
    outbound.org.update("Task", newer["Id"], Subject="The org on Friday")
    outbound.advance(60)
    applied = outbound.ended(outbound.ws.apply(plan_id))
    assert {k: n for k, n in applied["counts"].items() if n} == {"input": 3, "updated": 2, "waiting": 1}
    assert subjects(outbound, "kept") == {
        "kept 0": "Ours on Monday",
        "kept 1": "The org on Friday",
        "kept 2": "Ours on Monday",
    }
    (left,) = outbound.ws.database.read("SELECT outcome, cause, reason FROM open_row WHERE job = 'tasks_out'").rows()
    assert left == ("waiting", "overtaken", "The org record changed since the plan was made.")
    # Its time come, it is decided anew: the org changed it last.
    outbound.advance(120)
    assert outbound.run("tasks_out")["counts"]["unchanged"] == 1
    assert subjects(outbound, "kept")["kept 1"] == "The org on Friday"
    assert outbound.ws.database.one("SELECT COUNT(*) FROM open_row WHERE job = 'tasks_out'") == 0


def test_a_kept_plan_on_which_nothing_moved_is_applied_as_it_stands(outbound: Desk) -> None:
    made = sent(outbound, "still", 2)
    edit_here(outbound, made, "Ours")
    plan_id = outbound.ws.plan("tasks_out")
    outbound.advance(3600)
    other = outbound.tasks("still")[0]
    outbound.org.update("Task", other["Id"], Priority="High")
    assert outbound.ended(outbound.ws.apply(plan_id))["counts"]["updated"] == 2
    assert set(subjects(outbound, "still").values()) == {"Ours"}


def test_a_kept_inbound_plan_whose_rows_came_in_meanwhile_is_refused(desk: Desk) -> None:
    add_job(desk.ws, "tasks_in")
    desk.run("tasks_in")
    desk.advance(5)
    account = desk.org.soql("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    desk.org.create("Task", Subject="Came in", WhatId=account, Description="came in once")
    plan_id = desk.ws.plan("tasks_in")
    assert desk.run("tasks_in")["counts"]["created"] == 1
    refused = desk.ended(desk.ws.apply(plan_id))
    assert (refused["status"], refused["error"]["cause"]) == ("failed", "PlanStale")
    assert "1 of its records were brought in by another run" in refused["error"]["message"]
    assert desk.ws.database.one("SELECT COUNT(*) FROM activity WHERE notes = 'came in once'") == 1


def test_a_kept_plan_is_refused_when_the_org_has_changed_its_fields(outbound: Desk) -> None:
    """The describe is read again: it would not be known otherwise."""
    outbound.ws.take_in("activities", tasks("shape", 1, at=outbound.clock.now()))
    outbound.work()
    plan_id = outbound.ws.plan("tasks_out")
    outbound.org.schema_change("add_field", object="Task", field="Depth__c", type="string", length=40)
    try:
        refused = outbound.ended(outbound.ws.apply(plan_id))
    finally:
        outbound.org.schema_change("remove_field", object="Task", field="Depth__c")
    assert refused["error"]["cause"] == "PlanStale"
    assert "Task has changed in the org" in refused["error"]["message"]
    assert outbound.tasks("shape") == []


@pytest.mark.requirement("O18")
def test_a_delete_is_held_where_the_org_has_changed_the_record(outbound: Desk) -> None:
    made = sent(outbound, "gone", 2)
    edited = next(t for t in outbound.tasks("gone") if t["Description"] == "gone 0")
    outbound.org.update("Task", edited["Id"], Subject="The org's own")
    outbound.advance(30)
    delete_here(outbound, made)
    counts = outbound.run("tasks_out")["counts"]
    assert (counts["deleted"], counts["held"]) == (1, 1)
    assert subjects(outbound, "gone") == {"gone 0": "The org's own"}
    before = outbound.ws.database.one("SELECT before FROM record_result WHERE outcome = 'deleted'")
    assert '"Subject":"Follow up 1"' in before
