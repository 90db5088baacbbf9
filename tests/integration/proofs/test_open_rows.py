"""Inbound rows that stopped here are asked for again by their Ids, for the mark has passed them."""

from __future__ import annotations

from typing import Any

import pytest

from core.syncing.capture import capture
from tests.integration.kit import Desk, add_job, tasks

PAST_THE_MARGIN = 1900


def open_rows(desk: Desk, job: str = "tasks_in") -> list[tuple[str, str]]:
    frame = desk.ws.database.read("SELECT outcome, cause FROM open_row WHERE job = :j ORDER BY subject", j=job)
    return [(str(outcome), str(cause)) for outcome, cause in frame.iter_rows()]


def logged(desk: Desk, notes: str) -> list[dict[str, Any]]:
    found = desk.ws.database.read("SELECT subject, deleted_at FROM activity WHERE notes = :n", n=notes)
    return list(found.iter_rows(named=True))


def pass_the_mark(desk: Desk) -> None:
    """Run until the mark has left everything that is there now behind."""
    for _ in range(2):
        desk.advance(PAST_THE_MARGIN)
        desk.run("tasks_in")


def task_of_a_new_account(desk: Desk, name: str) -> None:
    """A Task that waits here, because its account has not come in yet."""
    account = desk.org.create("Account", Name=name, Website=f"https://{name}.com")
    desk.org.create("Task", Subject=f"For {name}", WhatId=account, Description=name)
    assert desk.run("tasks_in")["counts"]["waiting"] >= 1


@pytest.fixture
def inbound(desk: Desk) -> Desk:
    """A desk into which Tasks come, with a mark that has passed everything."""
    add_job(desk.ws, "tasks_in")
    desk.run("tasks_in")
    pass_the_mark(desk)
    desk.run("accounts_in")
    desk.run("tasks_in")
    desk.advance(5)
    return desk


@pytest.mark.requirement("X19")
def test_a_task_that_waits_for_its_account_comes_in_once_the_account_is_here(inbound: Desk) -> None:
    task_of_a_new_account(inbound, "newco")
    pass_the_mark(inbound)
    assert inbound.run("tasks_in")["counts"]["input"] == 0, "nothing has come that it may be waiting for"
    assert open_rows(inbound) == [("waiting", "parent")]
    assert inbound.run("accounts_in")["counts"]["created"] == 1
    came = inbound.run("tasks_in")
    assert (came["counts"]["input"], came["counts"]["created"], came["api_calls"]) == (1, 1, 1)
    assert (open_rows(inbound), len(logged(inbound, "newco"))) == ([], 1)
    assert inbound.run("tasks_in")["counts"]["input"] == 0


@pytest.mark.requirement("X19")
def test_what_was_deleted_while_it_waited_is_known_to_be_gone(inbound: Desk) -> None:
    task_of_a_new_account(inbound, "shortlived")
    (there,) = inbound.tasks("shortlived")
    pass_the_mark(inbound)
    inbound.run("accounts_in")
    inbound.org.delete("Task", there["Id"])
    assert inbound.run("tasks_in")["counts"]["filtered"] == 1
    assert (open_rows(inbound), logged(inbound, "shortlived")) == ([], [])


@pytest.mark.requirement("X19")
def test_a_row_put_aside_is_left_alone_until_somebody_asks_for_it(inbound: Desk) -> None:
    task_of_a_new_account(inbound, "asideco")
    pass_the_mark(inbound)
    (there,) = inbound.tasks("asideco")
    inbound.ws.put_aside("tasks_in", [there["Id"]])
    inbound.run("accounts_in")
    assert inbound.run("tasks_in")["counts"]["input"] == 0
    inbound.ws.put_aside("tasks_in", [there["Id"]], aside=False)
    assert inbound.run("tasks_in")["counts"]["created"] == 1


def test_a_held_delete_is_decided_anew_when_it_is_retried(inbound: Desk) -> None:
    """The org deleted what was edited here; once the edit is taken back, nothing stands against it."""
    add_job(inbound.ws, "tasks_out")
    (task,) = tasks("heldback", 1, at=inbound.clock.now())
    inbound.ws.take_in("activities", [task])
    inbound.run("tasks_out")
    inbound.advance(30)
    (there,) = inbound.tasks("heldback")
    inbound.org.delete("Task", there["Id"])
    inbound.ws.take_in("activities", [task | {"subject": "Edited", "updated_at": inbound.clock.now().isoformat()}])
    inbound.advance(5)
    assert inbound.run("tasks_in")["counts"]["held"] == 1
    pass_the_mark(inbound)
    inbound.ws.take_in("activities", [task | {"updated_at": inbound.clock.now().isoformat()}])
    assert inbound.run("tasks_in")["counts"]["deleted"] == 0, "a held row waits for a person"
    (again,) = [inbound.ended(run_id) for run_id in inbound.ws.retry(job="tasks_in")]
    assert (again["counts"]["deleted"], again["api_calls"]) == (1, 1)
    assert open_rows(inbound) == []
    assert [r["deleted_at"] is not None for r in logged(inbound, task["notes"])] == [True]


def test_rows_asked_for_by_name_are_all_that_is_read_and_move_no_mark(inbound: Desk) -> None:
    for name in ("firstco", "secondco"):
        task_of_a_new_account(inbound, name)
    (wanted,) = inbound.tasks("secondco")
    ctx = inbound.ws.context()
    before = ctx.gateway.calls
    (found,) = capture(ctx, inbound.ws.job("tasks_in"), records=[wanted["Id"]])
    assert (found.rows["Id"].to_list(), found.mark) == ([wanted["Id"]], {})
    assert ctx.gateway.calls - before == 1
    (nothing,) = capture(ctx, inbound.ws.job("tasks_in"), records=[])
    assert (nothing.rows.height, ctx.gateway.calls - before) == (0, 1)
