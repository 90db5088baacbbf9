"""More than five thousand rows go out as one Bulk job; whatever dies around it, every call is there once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.kit import Desk, assert_each_once, calls, groundwork, struck, until
from tests.practice import Practice

Base = tuple[Practice, Path]
MANY = 5_001


KEYED = pytest.param(True, id="with_key", marks=pytest.mark.nightly)


@pytest.fixture(scope="module", params=[pytest.param(False, id="without_key"), KEYED])
def roomy(request: pytest.FixtureRequest) -> Iterator[Base]:
    with Practice(activity_key=request.param) as org, groundwork(org) as ground:
        yield org, ground


@pytest.fixture
def bulky(roomy: Base, desk_on: Callable[[Base], Desk]) -> Desk:
    return desk_on(roomy)


def begin(desk: Desk, tag: str) -> tuple[list[dict[str, object]], str]:
    sent = calls(tag, MANY)
    desk.ws.take_in("activities", sent)
    return sent, desk.ws.request_run("calls_out")


def open_jobs(desk: Desk) -> list[str]:
    told = desk.org.rest("GET", "jobs/ingest")
    return [j["id"] for j in told["records"] if j["state"] == "Open"]


def finish(desk: Desk, tag: str, sent: list[dict[str, object]], run_id: str) -> None:
    info = desk.ended(run_id)
    assert (info["status"], info["counts"]["created"]) == ("complete", MANY)
    assert [b["route"] for b in desk.batches(run_id)] == ["bulk"]
    assert open_jobs(desk) == []
    assert_each_once(desk, tag, sent)


@pytest.mark.requirement("N4")
def test_deaths_before_the_job_after_the_upload_and_after_the_start(bulky: Desk) -> None:
    """Each worker gets one step further than the one before."""
    sent, run_id = begin(bulky, "bulk")

    def batch() -> dict[str, object]:
        found = bulky.batches(run_id)
        return found[0] if found else {}

    bulky.org.fault_on("slow", value="1", match="jobs/ingest")
    worker = bulky.start_worker()
    until(lambda: batch().get("intent_at") and not batch()["bulk_job_id"])
    worker.kill()
    until(lambda: open_jobs(bulky))
    worker = bulky.start_worker()
    until(lambda: batch()["bulk_job_id"])
    worker.kill()
    worker = bulky.start_worker()
    until(lambda: batch()["state"] == "intent")
    worker.kill()
    bulky.org.fault_off("slow")
    bulky.org.fault_on("job_delay", value="3")
    worker = bulky.start_worker()
    until(
        lambda: any(
            c["method"] == "PATCH" and c["path"].endswith(str(batch()["bulk_job_id"])) for c in bulky.org.calls()
        )
    )
    worker.kill()
    bulky.start_worker()
    finish(bulky, "bulk", sent, run_id)


@pytest.mark.requirement("N4")
def test_a_lost_answer_to_the_creation_of_the_job(bulky: Desk) -> None:
    """The empty job that stands open is ended; one that somebody else of our user has open is left alone."""
    before = bulky.org.rest(
        "POST", "jobs/ingest", json={"operation": "update", "object": "Task", "contentType": "CSV"},
        username=bulky.org.user("Integration")["username"],
    )  # fmt: skip
    sent, run_id = begin(bulky, "made")
    bulky.org.fault_on("answer_cut", count=1, match="jobs/ingest")
    bulky.work()
    info = bulky.ended(run_id)
    assert info["counts"]["created"] == MANY
    assert open_jobs(bulky) == [before["id"]]
    bulky.org.rest("PATCH", f"jobs/ingest/{before['id']}", json={"state": "Aborted"})
    assert_each_once(bulky, "made", sent)


@pytest.mark.requirement("N4")
def test_lost_answers_to_the_upload_and_to_the_start(bulky: Desk) -> None:
    sent, run_id = begin(bulky, "sent")
    bulky.org.fault_on("answer_cut", count=1, match="/batches")
    bulky.work()
    until(lambda: struck(bulky.org, "answer_cut"))
    until(lambda: bulky.batches(run_id)[0]["state"] in ("intent", "done"))
    finish(bulky, "sent", sent, run_id)
    sent, run_id = begin(bulky, "started")
    bulky.org.fault_on("answer_cut", count=3, match="/jobs/ingest/750")
    finish(bulky, "started", sent, run_id)


def test_a_job_that_fails_as_a_whole_loses_nothing(bulky: Desk) -> None:
    """The rows wait with the reason, and go through with the next run."""
    sent, run_id = begin(bulky, "failed")
    bulky.org.fault_on("job_failed", count=1)
    bulky.work()
    info = bulky.ended(run_id)
    assert (info["counts"]["created"], info["counts"]["waiting"]) == (0, MANY)
    bulky.advance(120)
    assert bulky.run("calls_out")["counts"]["created"] == MANY
    assert_each_once(bulky, "failed", sent)


def test_the_org_stops_while_the_job_is_going_on(bulky: Desk) -> None:
    """The job goes on without us; its results are booked, and nothing is sent a second time."""
    sent, run_id = begin(bulky, "alone")
    bulky.org.fault_on("job_delay", value="4")
    bulky.work()
    until(lambda: bulky.batches(run_id) and bulky.batches(run_id)[0]["state"] == "intent")
    bulky.org.fault_on("org_stopped")
    bulky.ws.cancel(run_id)
    info = bulky.ended(run_id)
    assert (info["status"], info["counts"]["in_doubt"]) == ("canceled", MANY)
    bulky.org.fault_off("org_stopped")
    until(lambda: len(bulky.tasks("alone")) == MANY)
    assert bulky.run("calls_out")["counts"]["created"] == 0
    assert bulky.ended(run_id)["counts"]["created"] == MANY
    assert_each_once(bulky, "alone", sent)
