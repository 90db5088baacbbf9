"""The org has a bad day: one plain sentence says so, nothing is lost, and the rows go through once it is over."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.spec import Schedule
from tests.integration.kit import Desk, assert_each_once, calls, plain, sign_in, struck, until


def master(desk: Desk) -> Any:
    return desk.ws.connections()[0]


def test_an_org_that_is_stopped_keeps_everything_waiting(desk: Desk) -> None:
    sent = calls("stopped day", 20)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("org_stopped")
    desk.work()
    run_id = desk.ws.request_run("calls_out")
    info = desk.ended(run_id)
    assert (info["status"], info["counts"]["input"]) == ("failed", 0)
    plain(info["error"]["message"])
    assert master(desk).state in ("unreachable", "ok")
    desk.org.fault_off("org_stopped")
    assert desk.run("calls_out")["counts"]["created"] == 20
    assert master(desk).state == "ok"
    assert_each_once(desk, "stopped day", sent)


@pytest.mark.requirement("N4")
def test_an_org_that_stops_in_the_middle_of_a_run(either: Desk) -> None:
    """A 503 to a write proves nothing: the batch is in doubt until the org is back and has been asked."""
    sent = calls("mid day", 2_500)
    either.ws.take_in("activities", sent)
    either.org.fault_on("latency", value="300", match="composite")
    either.work()
    run_id = either.ws.request_run("calls_out")
    until(lambda: any(b["state"] == "done" for b in either.batches(run_id)))
    either.org.fault_on("org_stopped")
    until(lambda: "in_doubt" in [b["state"] for b in either.batches(run_id)] or either.ws.run_info(run_id)["error"])
    either.org.fault_off("all")
    either.advance(90)
    info = either.ended(run_id)
    if info["status"] != "complete":
        plain(info["error"]["message"])
        either.advance(90)
        either.run("calls_out")
    assert_each_once(either, "mid day", sent)


def test_an_allowance_that_is_used_up_stops_at_once_and_stays_stopped(desk: Desk) -> None:
    sent = calls("spent", 2_400)
    desk.ws.take_in("activities", sent)
    desk.work()
    desk.ws.preview("calls_out")
    desk.org.reset_calls()
    desk.org.fault_on("latency", value="250", match="composite")
    run_id = desk.ws.request_run("calls_out")
    until(lambda: any(b["state"] == "done" for b in desk.batches(run_id)))
    desk.org.fault_on("allowance")
    info = desk.ended(run_id)
    counts = info["counts"]
    assert (info["status"], counts["waiting"] > 0, counts["created"] + counts["waiting"]) == ("partial", True, 2_400)
    plain(info["error"]["message"])
    assert master(desk).state == "over_limit"
    assert struck(desk.org, "allowance") == 1
    desk.org.fault_off("all")
    desk.reset()
    desk.org.reset_calls()
    desk.work()
    (again,) = [desk.ended(run_id) for run_id in desk.ws.retry(job="calls_out")]
    assert again["status"] == "failed"
    plain(again["error"]["message"])
    assert desk.org.calls() == []
    desk.advance(16 * 60)
    assert desk.run("calls_out")["counts"]["created"] == counts["waiting"]
    assert master(desk).state == "ok"
    assert_each_once(desk, "spent", sent)


@pytest.mark.requirement("X3")
def test_a_session_that_ends_in_the_middle_is_renewed_once(desk: Desk) -> None:
    sent = calls("renewed", 3_000)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("latency", value="200", match="composite")
    desk.work()
    run_id = desk.ws.request_run("calls_out")
    until(lambda: any(b["state"] == "done" for b in desk.batches(run_id)))
    desk.org.reset_calls()
    desk.org.end_sessions()
    info = desk.ended(run_id)
    assert (info["status"], info["counts"]["created"]) == ("complete", 3_000)
    seen = desk.org.calls()
    assert [c["status"] for c in seen].count(401) == 1
    assert sum(c["path"].endswith("/token") for c in seen) == 1
    assert_each_once(desk, "renewed", sent)


@pytest.mark.requirement("X3", "X2")
def test_a_revoked_grant_stops_every_job_and_raises_no_storm(desk: Desk) -> None:
    """Jobs that are due do not even start; whoever asks for a run is told to reconnect; after that it goes on."""
    for name in ("accounts_in", "people_in", "calls_out"):
        spec = desk.ws.job(name)
        desk.ws.save_job(spec.model_copy(update={"schedule": Schedule(every_minutes=1, as_it_happens=True)}))
    sign_in(desk.ws, desk.org)
    sent = calls("revoked", 10)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("revoked_grant")
    desk.org.end_sessions()
    desk.org.reset_calls()
    desk.start_worker().ready()
    until(lambda: master(desk).state == "auth_failed")
    failed = until(lambda: next((r["run_id"] for r in desk.ws.runs() if r["status"] == "failed"), None))
    first = desk.ws.run_info(str(failed))
    plain(first["error"]["message"])
    assert "econnect" in first["error"]["message"]
    asked = [desk.ended(desk.ws.request_run(n)) for n in ("accounts_in", "people_in", "calls_out")]
    assert {a["status"] for a in asked} == {"failed"}
    tokens = [c for c in desk.org.calls() if c["path"].endswith("/token")]
    assert len(tokens) == 1
    before = len(desk.ws.runs())
    desk.ws.take_in("activities", calls("revoked more", 1))
    for worker in desk.workers:
        worker.kill()
    desk.start_worker().ready()
    assert len([c for c in desk.org.calls() if c["path"].endswith("/token")]) == 1
    assert len(desk.ws.runs()) == before
    desk.org.fault_off("revoked_grant")
    sign_in(desk.ws, desk.org)
    until(lambda: len(desk.tasks("revoked")) == 11)
    assert master(desk).state == "ok"
    assert_each_once(desk, "revoked note", sent)
