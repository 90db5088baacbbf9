"""One worker on SQLite, one run for many that ask at once, and calls that become Tasks as they happen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core.mapping.spec import Schedule
from tests.integration.kit import Desk, assert_each_once, calls, plain, until


def test_a_second_worker_is_refused_in_one_sentence(desk: Desk) -> None:
    sent = calls("second", 60)
    desk.ws.take_in("activities", sent)
    first = desk.start_worker().ready()
    second = desk.start_worker()
    code, said = second.refused()
    assert code != 0
    assert "already running" in plain(json.loads(said)["error"])
    info = desk.ended(desk.ws.request_run("calls_out"))
    assert info["counts"]["created"] == 60
    assert first.process.poll() is None
    assert_each_once(desk, "second", sent)
    assert first.stop() == 0


def test_processes_that_ask_at_once_get_one_run_each_and_nothing_twice(desk: Desk) -> None:
    """Eight ask for calls, eight for tasks, before any worker looks; all of them mean the same two runs."""
    sent = calls("asked", 50)
    desk.ws.take_in("activities", sent)
    others = [desk.open(f"asker{i}") for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda ws: [ws.request_run(j) for j in ("calls_out", "people_in")] * 2, others))
    assert len({runs[0] for runs in asked}) == len({runs[1] for runs in asked}) == 1
    desk.work()
    for run_id in asked[0][:2]:
        assert desk.ended(run_id)["status"] == "complete"
    assert_each_once(desk, "asked", sent)
    for ws in others:
        ws.database.close()


def test_two_who_wait_share_one_worker(desk: Desk) -> None:
    """`ws.run` is its own worker where there is none; of two at once one works and both get their answer."""
    sent = calls("shared", 40)
    desk.ws.take_in("activities", sent)
    other = desk.open("ben")
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda ws: ws.run("calls_out", wait=120), (desk.ws, other)))
    assert {t["status"] for t in told} == {"complete"}
    assert sum(t["counts"]["created"] for t in {t["run_id"]: t for t in told}.values()) == 40
    assert_each_once(desk, "shared", sent)
    other.database.close()


@pytest.fixture
def eager(desk: Desk) -> Desk:
    """Its calls go out as they happen."""
    spec = desk.ws.job("calls_out")
    desk.ws.save_job(spec.model_copy(update={"schedule": Schedule(every_minutes=15, as_it_happens=True)}))
    return desk


@pytest.mark.requirement("T3", "T4", "T8", "T9", "T12")
def test_a_call_that_is_posted_becomes_a_task_at_once(eager: Desk) -> None:
    eager.start_worker().ready()
    (call,) = calls("happened", 1)
    eager.ws.take_in("activities", [call])
    (task,) = until(lambda: eager.tasks("happened"))
    person = eager.org.soql("SELECT Id, AccountId, Name FROM Contact WHERE Email = 'p0@acme0-realty.com'")[0]
    wanted: dict[str, Any] = {
        "Subject": f"Call: {person['Name']}", "WhoId": person["Id"], "WhatId": person["AccountId"],
        "OwnerId": eager.org.user("Integration")["id"], "Type": "Call", "Status": "Completed",
        "CallDisposition": "Connected", "CallDurationInSeconds": 30, "Description": "happened note 0",
        "CallType": "Outbound", "ActivityDate": call["occurred_at"][:10],
    }  # fmt: skip
    assert {k: task[k] for k in wanted} == wanted
    (again,) = calls("happened twice", 1)
    eager.ws.take_in("activities", [again])
    until(lambda: len(eager.tasks("happened")) == 2)


def test_a_paused_workspace_writes_nothing_until_it_is_resumed(eager: Desk, tmp_path: Path) -> None:
    """The switch holds over a restart of the worker, and for runs that somebody asks for."""
    eager.ws.pause()
    sent = calls("paused", 5)
    eager.ws.take_in("activities", sent)
    worker = eager.start_worker().ready()
    info = eager.ended(eager.ws.request_run("calls_out"))
    assert (info["status"], info["counts"]["waiting"]) == ("partial", 5)
    assert "paused" in info["error"]["message"]
    worker.kill()
    eager.start_worker().ready()
    assert eager.tasks("paused") == []
    assert eager.pushes() == []
    eager.ws.resume()
    assert eager.ended(eager.ws.retry(job="calls_out")[0])["counts"]["created"] == 5
    assert_each_once(eager, "paused", sent)
