"""A pause stops what has not been started, wherever a run has got to; the rest goes on once it is lifted."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from core.planning import ordering
from core.store.database import Database
from core.store.migrate import migrate
from core.syncing import bulk_route, outbox
from tests.integration.kit import Desk, assert_each_once, calls


@pytest.mark.requirement("X29")
def test_a_pause_withdraws_a_bulk_job_that_is_not_started(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "BULK_FROM", 200)
    monkeypatch.setattr(ordering, "PER_REQUEST", 100)
    real = bulk_route._load

    def load(*given: Any) -> str:
        job_id = real(*given)
        desk.ws.pause()
        return job_id

    monkeypatch.setattr(bulk_route, "_load", load)
    sent = calls("paused", 200)
    desk.ws.take_in("activities", sent)
    info = desk.run("calls_out")
    assert (info["status"], info["counts"]["waiting"], desk.tasks("paused")) == ("partial", 200, [])
    (batch,) = desk.batches(info["run_id"])
    assert (batch["route"], batch["state"], batch["bulk_job_id"]) == ("bulk", "planned", None)
    assert all(j["state"] != "Open" for j in desk.org.rest("GET", "jobs/ingest")["records"])
    assert set(desk.ws.open_rows(job="calls_out")["cause"]) == {"paused"}
    monkeypatch.setattr(bulk_route, "_load", real)
    desk.ws.resume()
    desk.advance(61)
    assert desk.run("calls_out")["counts"]["created"] == 200
    assert_each_once(desk, "paused", sent)


@pytest.mark.requirement("X29")
def test_a_pause_ends_the_tries_within_a_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = calls("tried", 20)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("row_lock", count=5)
    real = outbox.book_answers

    def book(*given: Any, **more: Any) -> None:
        real(*given, **more)
        desk.ws.pause()

    monkeypatch.setattr(outbox, "book_answers", book)
    info = desk.run("calls_out")
    assert (info["counts"]["created"], info["counts"]["waiting"]) == (15, 5)
    assert [c["rows"] for c in desk.pushes()] == [20]
    monkeypatch.setattr(outbox, "book_answers", real)
    desk.ws.resume()
    desk.advance(61)
    assert desk.run("calls_out")["counts"]["created"] == 5
    assert_each_once(desk, "tried", sent)


def test_migrating_what_lacks_nothing_waits_for_no_writer(desk: Desk) -> None:

    other = Database(desk.ws.database.url)
    migrated = threading.Thread(target=migrate, args=(other,), daemon=True)
    with desk.ws.database.batch(1):
        migrated.start()
        migrated.join(10)
        assert not migrated.is_alive()
    before = desk.ws.database.read("SELECT tbl, idx, stat FROM sqlite_stat1").height
    desk.ws.database.execute("DELETE FROM sqlite_stat1")
    migrate(other)
    assert desk.ws.database.read("SELECT tbl, idx, stat FROM sqlite_stat1").height == before > 0
    other.close()
