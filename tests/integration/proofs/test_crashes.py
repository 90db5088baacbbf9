"""A worker dies at every bad moment of an outbound run: afterwards each call is in the org exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.kit import Desk, WorkerProcess, assert_each_once, calls, groundwork, struck, until
from tests.practice import Practice

Base = tuple[Practice, Path]


@pytest.fixture(params=[False, True], ids=["without_key", "with_key"])
def roomy(request: pytest.FixtureRequest) -> Iterator[Base]:
    """An org of its own, for a run of thousands."""
    with Practice(activity_key=request.param) as org, groundwork(org) as ground:
        yield org, ground


def states(desk: Desk, run_id: str) -> list[str]:
    return [b["state"] for b in desk.batches(run_id)]


def kill_when(worker: WorkerProcess, moment: Callable[[], object]) -> None:
    """End the worker as a power cut would, at a moment."""
    until(moment)
    worker.kill()


def let_coverage_pass(desk: Desk, run_id: str) -> None:
    """The next worker looks, cannot tell yet, and dies; then the org's replication clock passes the moment."""
    told = ("intent", "in_doubt")
    kill_when(
        desk.start_worker(),
        lambda: all(b["given_up_at"] for b in desk.batches(run_id) if b["state"] in told),
    )
    desk.org.advance_clock(90)


@pytest.mark.requirement("N4")
def test_five_thousand_calls_survive_every_kind_of_death(roomy: Base, desk_on: Callable[[Base], Desk]) -> None:
    desk = desk_on(roomy)
    twins = [call | {"external_id": f"twin-{i}"} for i, call in enumerate(calls("twin", 1) * 3)]
    sent = calls("crash", 4_997) + twins
    assert {a.result for a in desk.ws.take_in("activities", sent)} == {"created"}
    run_id = desk.ws.request_run("calls_out")
    # The org is still at work on the first request; it commits when the worker is long dead.
    desk.org.fault_on("late_commit", value="60", count=1)
    kill_when(desk.start_worker(), lambda: struck(desk.org, "late_commit"))
    # An answer is booked, the next intent perhaps on disk.
    desk.org.fault_on("latency", value="300", match="composite")
    kill_when(desk.start_worker(), lambda: states(desk, run_id).count("done") == 2)
    # The intent is on disk, the request perhaps on its way.
    kill_when(desk.start_worker(), lambda: "intent" in states(desk, run_id))
    let_coverage_pass(desk, run_id)
    desk.org.fault_off("latency")
    desk.org.fault_on("answer_cut", count=1)
    desk.start_worker()
    info = desk.ended(run_id)
    assert struck(desk.org, "answer_cut") == 1
    assert (info["status"], info["counts"]["created"]) == ("complete", 5_000)
    assert_each_once(desk, "crash", sent[:-3])
    assert_each_once(desk, "twin", twins)


@pytest.mark.nightly
@pytest.mark.requirement("N4")
@pytest.mark.parametrize("seed", range(12))
def test_deaths_at_arbitrary_moments(either: Desk, seed: int) -> None:
    """Ten kills per run, spread by the seed over the whole of it."""
    sent = calls(f"sweep{seed}", 3_000)
    either.ws.take_in("activities", sent)
    run_id = either.ws.request_run("calls_out")
    either.org.fault_on("latency", value="120")
    for kill in range(10):
        worker = either.start_worker().ready()
        time.sleep((seed * 7 + kill * 13) % 29 / 10)
        worker.kill()
        either.org.advance_clock(75)
    either.org.fault_off("latency")
    either.start_worker()
    until(lambda: _settled(either, run_id), 300)
    assert either.ended(run_id)["counts"]["created"] == 3_000
    assert_each_once(either, f"sweep{seed}", sent)


def _settled(desk: Desk, run_id: str) -> bool:
    desk.org.advance_clock(10)
    return desk.status(run_id) == "complete"
