from __future__ import annotations

import pytest

from core.audit.jobs import schedule_words
from core.mapping.spec import Schedule


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
