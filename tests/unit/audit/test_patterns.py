"""What is regularly missing is found, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from core.audit import catalog, patterns

LAST = date(2026, 10, 31)
ZONES = pl.DataFrame({"user": ["", "late@t.example"], "zone": ["America/Chicago", "Europe/London"]})


def activity(n: int, **values: Any) -> dict[str, Any]:
    at = values.pop("at", datetime(2026, 10, 1 + n % 28, 16, n % 60, tzinfo=UTC))
    given = {
        "id": n, "kind": "call", "external_id": f"c-{n:04d}", "day": at.date(), "occurred_at": at, "duration_s": 90,
        "user": "ann@t.example", "subject": "s", "notes": "talked", "outcome": "Connected", "has_person": True,
        "person_record_id": 1000 + n, "origin": "workspace", "sync_state": "synced",
    }  # fmt: skip
    return {**given, **values}


def find(*rows: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    frame = pl.DataFrame(rows, schema_overrides={k: t for k, t in catalog.ACTIVITIES.types.items() if k in rows[0]})
    frame = frame.with_columns(deleted_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")))
    found = patterns.find(frame, ZONES, LAST)
    assert dict(found.schema) == patterns.PATTERNS
    return {(r["pattern"], r["user"] or r["kind"]): r for r in found.iter_rows(named=True)}


def test_a_clean_month_has_no_pattern() -> None:
    assert find(*(activity(n) for n in range(40))) == {}


def test_each_gap_is_counted_among_those_that_could_have_it() -> None:
    rows = [activity(n) for n in range(40)]
    rows[1] |= {"outcome": " ", "duration_s": 0}
    rows[2] |= {"has_person": False}
    rows[3] |= {"notes": None}
    rows[4] |= {"outcome": "No Answer", "notes": None, "duration_s": 0}
    rows[5] |= {"duration_s": 0}
    rows[6] |= {"user": ""}
    rows[7] |= {"kind": "task", "subject": ""}
    found = find(*rows)
    told = {k: (v["n"], v["of"], v["examples"]) for k, v in found.items()}
    assert told == {
        ("no_outcome", "call"): (1, 39, ["c-0001"]),
        ("no_person", "call"): (1, 39, ["c-0002"]),
        ("no_notes", "call"): (1, 37, ["c-0003"]),
        ("no_duration", "call"): (1, 37, ["c-0005"]),
        ("no_user", "call"): (1, 39, ["c-0006"]),
        ("no_subject", "task"): (1, 1, ["c-0007"]),
    }
    assert found["no_outcome", "call"]["words"] == "1 call without an outcome"


def test_a_burst_is_one_outside_working_hours_on_the_members_own_clock() -> None:
    night = datetime(2026, 10, 7, 2, 0, tzinfo=UTC)
    late = [activity(n, user="late@t.example", at=night + timedelta(minutes=n)) for n in range(8)]
    same_hour_in_chicago = [activity(50 + n, at=datetime(2026, 10, 7, 14, n, tzinfo=UTC)) for n in range(8)]
    few = [activity(80 + n, user="few@t.example", at=night + timedelta(minutes=n)) for n in range(7)]
    found = find(*late, *same_hour_in_chicago, *few)
    assert {k: v["n"] for k, v in found.items()} == {("after_hours", "late@t.example"): 8}


def test_who_logged_steadily_and_fell_silent_is_named() -> None:
    steady = [activity(n, user="gone@t.example", at=datetime(2026, 10, 1 + n, 16, tzinfo=UTC)) for n in range(8)]
    going_on = [activity(50 + n, at=datetime(2026, 10, 3 + n, 16, tzinfo=UTC)) for n in range(28)]
    found = find(*steady, *going_on)
    assert list(found) == [("stopped", "gone@t.example")]
    assert found["stopped", "gone@t.example"]["last_day"] == date(2026, 10, 8)


def test_the_same_call_from_two_sources_looks_logged_twice() -> None:
    at = datetime(2026, 10, 7, 16, 0, 5, tzinfo=UTC)
    twice = [activity(n, person_record_id=7, at=at + timedelta(seconds=20 * n)) for n in range(2)]
    found = find(*twice, activity(9, person_record_id=7, at=at + timedelta(hours=1)))
    assert {k: v["n"] for k, v in found.items()} == {("twice", "call"): 2}


def test_what_came_from_the_org_is_not_judged() -> None:
    assert find(activity(1, origin="org", outcome=None, notes=None)) == {}
