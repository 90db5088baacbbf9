"""Changes in the org come in as they happen where it tells them, and by polling where it does not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from core.connections.salesforce import cometd
from core.mapping.spec import Schedule
from core.running import listening
from core.running.worker import Worker
from core.store import listening as kept
from tests.integration.kit import Desk, add_job, struck, tasks, until

JOB = "people_in"
CONTACTS = "/data/ContactChangeEvent"


def heed(desk: Desk, every_minutes: int = 1440) -> str:
    """Have people come in as it happens, so seldom by the clock that only events can be what brings them; one's Id."""
    rhythm = Schedule(every_minutes=every_minutes, as_it_happens=True)
    desk.ws.save_job(desk.ws.job(JOB).model_copy(update={"schedule": rhythm}))
    desk.ws.enable(JOB)
    return str(desk.org.soql("SELECT Id FROM Contact WHERE Email = 'p0@acme0-realty.com'")[0]["Id"])


@contextlib.contextmanager
def working(desk: Desk) -> Iterator[None]:
    """Be a worker that keeps the schedule, and end as one."""
    desk.rest()
    worker = Worker(desk.ws.engine)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
    assert [t.name for t in threading.enumerate() if t.name.startswith("syncline-listening")] == []


def changes(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = next(j["changes"] for j in desk.ws.jobs() if j["name"] == JOB)
    return found


def listens(desk: Desk) -> None:
    until(lambda: changes(desk)["state"] == "listening", why=lambda: str(changes(desk)))


def title(desk: Desk) -> str:
    return str(desk.ws.database.one("SELECT title FROM person WHERE email = 'p0@acme0-realty.com'"))


def arrives(desk: Desk, person: str, text: str) -> None:
    """Change a title in the org, and wait until it is here."""
    desk.org.update("Contact", person, Title=text)
    until(lambda: title(desk) == text, why=lambda: f"{text} did not arrive: {changes(desk)}, {reasons(desk)}")


def reasons(desk: Desk) -> list[str]:
    """Why each run of the job was asked for, oldest first."""
    frame = desk.ws.database.read("SELECT reason FROM run WHERE job = :j ORDER BY requested_at, run_id", j=JOB)
    return list(frame["reason"])


def settled(desk: Desk) -> int:
    """Wait until nothing is asked for; how many runs there were."""
    until(lambda: desk.ws.database.one(
        "SELECT (SELECT COUNT(*) FROM run WHERE status IN ('queued', 'running')) + (SELECT COUNT(*) FROM job"
        " WHERE is_woken)"
    ) == 0)  # fmt: skip
    return len(reasons(desk))


@pytest.mark.requirement("X26")
def test_changes_of_the_org_arrive_as_they_happen_over_a_restart_as_well(desk: Desk) -> None:
    assert (Schedule().every_minutes, Schedule().as_it_happens) == (15, False), "the default is a schedule"
    assert changes(desk) is None, "asked only where it is set"
    person = heed(desk)
    asked = len(reasons(desk))
    with working(desk):
        listens(desk)
        assert (changes(desk)["reason"], changes(desk)["since_at"] is None) == ("", False)
        arrives(desk, person, "Broker")
        before = settled(desk)
        others = desk.org.soql("SELECT Id, Email FROM Contact WHERE Email LIKE 'p1%realty.com' LIMIT 100")
        titles = {**{row["Id"]: f"Broker {row['Email']}" for row in others}, person: "The last"}
        burst = [{"attributes": {"type": "Contact"}, "Id": i, "Title": told} for i, told in titles.items()]
        saved = desk.org.rest("PATCH", "composite/sobjects", json={"allOrNone": True, "records": burst})
        assert all(row["success"] for row in saved)
        until(lambda: title(desk) == "The last")
        assert before < settled(desk) < before + 10, "a hundred events ask once, or a few times"
    assert (changes(desk)["state"], changes(desk)["reason"]) == (
        "polling", "Nobody listens: the worker was stopped.",
    )  # fmt: skip
    place = kept.read(desk.ws.database, 1)["places"][CONTACTS]
    desk.org.update("Contact", person, Title="While nobody listened")
    with working(desk):
        until(lambda: title(desk) == "While nobody listened")
        until(lambda: kept.read(desk.ws.database, 1)["places"][CONTACTS] > place)
    assert set(reasons(desk)[asked:]) == {"change events"}


@pytest.mark.requirement("X26")
def test_an_org_without_change_events_is_polled_and_it_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    there = cometd.PATH
    monkeypatch.setattr(cometd, "PATH", f"{there}/nothing")
    monkeypatch.setattr(listening, "REFUSED_PAUSES", (0.5,))
    person = heed(desk, every_minutes=1)
    with working(desk):
        until(lambda: changes(desk)["reason"] == "The org offers no change events.")
        assert (changes(desk)["state"], changes(desk)["since_at"] is None) == ("polling", False)
        desk.org.update("Contact", person, Title="Polled")
        desk.advance(61)
        until(lambda: title(desk) == "Polled")
        assert "change events" not in reasons(desk)
        desk.org.fault_on("expired_session", match="/cometd", count=1)
        monkeypatch.setattr(cometd, "PATH", there)
        listens(desk)
        assert struck(desk.org, "expired_session") == 1, "a session that has ended is renewed at the door"


@pytest.mark.requirement("X26")
def test_what_happens_while_the_connection_is_broken_is_read_once_it_stands_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "GATHER_S", 0.3)
    person, org = heed(desk), desk.org
    with working(desk):
        listens(desk)
        arrives(desk, person, "Heard")
        org.fault_on("event_gap")
        arrives(desk, person, "Told as a gap")
        org.fault_on("org_stopped", match="/cometd")
        org.update("Contact", person, Title="Ends a wait under way")
        until(lambda: changes(desk)["state"] == "polling", why=lambda: str(changes(desk)))
        assert changes(desk)["reason"] == "The org's change events do not answer as they should."
        settled(desk)
        org.update("Contact", person, Title="Missed")
        assert title(desk) != "Missed"
        org.fault_on("event_lost")
        org.fault_off("org_stopped")
        until(lambda: title(desk) == "Missed")
        listens(desk)
        org.fault_off("all")
        org.end_sessions()
        arrives(desk, person, "The session has ended")
        arrives(desk, person, "And was renewed")


@pytest.mark.requirement("T8", "X26")
def test_tasks_travel_both_ways_as_they_happen_and_records_one_way(desk: Desk) -> None:
    assert Schedule().every_minutes == 15, "the default is a schedule"
    at_once = Schedule(every_minutes=1440, as_it_happens=True)
    for name in ("tasks_in", "tasks_out"):
        add_job(desk.ws, name, schedule=at_once)
    rhythms = {j["name"]: (j["direction"], j["schedule"]) for j in desk.ws.jobs()}
    assert rhythms == {
        "accounts_in": ("inbound", "by hand"), "people_in": ("inbound", "by hand"),
        "calls_out": ("outbound", "by hand"), "tasks_in": ("inbound", "as it happens, and every day"),
        "tasks_out": ("outbound", "as it happens, and every day"),
    }  # fmt: skip
    account = desk.org.soql("SELECT Id FROM Account WHERE Name = 'Acme 0'")[0]["Id"]
    with working(desk):
        until(lambda: next(j["changes"]["state"] for j in desk.ws.jobs() if j["name"] == "tasks_in") == "listening")
        task = desk.org.create("Task", Subject="Made in the org", WhatId=account, ActivityDate="2026-12-01")
        until(lambda: subjects(desk, "Made in the org"))
        desk.ws.take_in("activities", tasks("made here", 1, at=desk.clock.now()))
        (made,) = until(lambda: desk.tasks("made here"))
        desk.org.update("Task", made["Id"], Subject="Renamed in the org")
        until(lambda: subjects(desk, "Renamed in the org"))
        desk.org.update("Account", account, Phone="+1 312 555 7777")
        desk.org.update("Task", task, Subject="Once more")
        until(lambda: subjects(desk, "Once more"))
    frame = desk.ws.database.read("SELECT job, reason FROM run WHERE job IN ('accounts_in', 'tasks_in', 'tasks_out')")
    asked = frame.filter(frame["reason"].is_in(["change events", "intake"]))
    assert set(asked.iter_rows()) == {("tasks_in", "change events"), ("tasks_out", "intake")}, "the others are by hand"


def subjects(desk: Desk, text: str) -> int:
    return int(desk.ws.database.one("SELECT COUNT(*) FROM activity WHERE kind = 'task' AND subject = :t", t=text))
