"""What a day of jobs costs in API calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.planning.forecast import Load, forecast

QUIET = Load("in", True, 15, False, False, rows_per_day=0, idle_calls=2)


def test_a_job_that_finds_nothing_costs_what_looking_costs() -> None:
    assert QUIET.runs_per_day == 96
    assert QUIET.calls_per_day == 192


def test_rows_ride_in_full_requests_but_no_run_with_rows_does_without_one() -> None:
    assert replace(QUIET, rows_per_day=500_000, rows_per_call=1_000).calls_per_day == 192 + 500
    assert replace(QUIET, rows_per_day=50, idle_calls=0).calls_per_day == 50
    assert replace(QUIET, rows_per_day=5_000, idle_calls=0).calls_per_day == 96


@pytest.mark.parametrize(
    ("load", "runs"),
    [
        (replace(QUIET, every_minutes=None, is_daily=True), 1),
        (replace(QUIET, every_minutes=None), 0),
        (replace(QUIET, every_minutes=None, is_woken=True, rows_per_day=40), 40),
        (replace(QUIET, every_minutes=60, is_woken=True, rows_per_day=40), 64),
    ],
)
def test_runs_of_a_day(load: Load, runs: int) -> None:
    assert load.runs_per_day == runs


@pytest.mark.requirement("N8")
def test_jobs_are_stacked_against_the_limit_and_other_applications() -> None:
    off = replace(QUIET, job="off", is_on=False)
    told = forecast([QUIET, off], limit=1_000, others=300)
    assert (told.ours, told.total, told.share) == (192, 492, 0.492)
    assert told.dry_after_hours is None
    on = forecast([QUIET, off.switched_on().supposing(every_minutes=1)], limit=1_000, others=300)
    assert on.total == 300 + 192 + 2_880
    assert on.dry_after_hours == pytest.approx(24 / 3.372)


def test_what_if_by_schedule_and_volume() -> None:
    load = replace(QUIET, rows_per_day=100, idle_calls=1)
    assert load.supposing(every_minutes=60).calls_per_day == 48
    assert load.supposing(times=10).rows_per_day == 1_000
    daily = replace(load, every_minutes=None, is_daily=True)
    assert daily.supposing().runs_per_day == 1
    assert daily.supposing(every_minutes=30).runs_per_day == 48


def test_an_unknown_limit_forecasts_no_share() -> None:
    assert forecast([QUIET], limit=0, others=0).share == 0
