from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.audit.jobs import schedule_words
from core.mapping.load import make_job
from core.mapping.spec import JobSpec, Schedule
from core.store.listening import Heard, of_job


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(), "every 15 minutes"),
        (Schedule(every_minutes=1), "every minute"),
        (Schedule(every_minutes=60), "every hour"),
        (Schedule(every_minutes=120), "every 2 hours"),
        (Schedule(every_minutes=90), "every 90 minutes"),
        (Schedule(every_minutes=1440), "every day"),
        (Schedule(every_minutes=None), "by hand"),
        (Schedule(every_minutes=None, as_it_happens=True), "as it happens"),
        (Schedule(every_minutes=15, as_it_happens=True), "as it happens, and every 15 minutes"),
        (Schedule(daily_at="07:30"), "daily at 07:30"),
        (Schedule(daily_at="07:30", as_it_happens=True), "as it happens, and daily at 07:30"),
    ],
)
def test_a_schedule_in_words(schedule: Schedule, words: str) -> None:
    assert schedule_words(schedule) == words


def test_what_comes_in_as_it_happens_is_polled_as_well() -> None:
    alone = Schedule(every_minutes=None, as_it_happens=True)
    inbound, outbound = make_job("people_in"), make_job("calls_out")
    made = JobSpec.model_validate({**inbound.model_dump(), "schedule": alone})
    assert schedule_words(made.schedule) == "as it happens, and every 15 minutes"
    assert JobSpec.model_validate({**outbound.model_dump(), "schedule": alone}).schedule == alone


def test_a_job_whose_changes_the_org_does_not_tell_is_polled() -> None:
    heard = Heard(org="o", state="listening", reason="", since="2026-11-22T05:00:00+00:00", places={},
                  refused={"Lead": "Restricted channel"})  # fmt: skip
    since = datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert of_job(heard, ["Contact"]) == {"state": "listening", "reason": "", "since_at": since}
    polled = of_job(heard, ["Contact", "Lead"])
    assert (polled["state"], polled["reason"]) == (
        "polling", "The org does not tell these changes (Lead: Restricted channel).",
    )  # fmt: skip
