"""Date literals as ranges of days, and days as instants, around midnights and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_org.soql.periods import RANGE_NAMES, RANGE_NAMES_N, day_range, local_day, midnight

TODAY = date(2026, 3, 10)
"""A Tuesday."""


@pytest.mark.parametrize(
    ("literal", "first", "last"),
    [
        ("YESTERDAY", "2026-03-09", "2026-03-09"),
        ("TODAY", "2026-03-10", "2026-03-10"),
        ("TOMORROW", "2026-03-11", "2026-03-11"),
        ("LAST_WEEK", "2026-03-01", "2026-03-07"),
        ("THIS_WEEK", "2026-03-08", "2026-03-14"),
        ("NEXT_WEEK", "2026-03-15", "2026-03-21"),
        ("LAST_MONTH", "2026-02-01", "2026-02-28"),
        ("THIS_MONTH", "2026-03-01", "2026-03-31"),
        ("NEXT_MONTH", "2026-04-01", "2026-04-30"),
        ("LAST_90_DAYS", "2025-12-10", "2026-03-10"),
        ("NEXT_90_DAYS", "2026-03-11", "2026-06-08"),
        ("LAST_N_DAYS:2", "2026-03-08", "2026-03-10"),
        ("NEXT_N_DAYS:2", "2026-03-11", "2026-03-12"),
        ("N_DAYS_AGO:2", "2026-03-08", "2026-03-08"),
        ("LAST_N_WEEKS:2", "2026-02-22", "2026-03-07"),
        ("NEXT_N_WEEKS:2", "2026-03-15", "2026-03-28"),
        ("N_WEEKS_AGO:1", "2026-03-01", "2026-03-07"),
        ("LAST_N_MONTHS:3", "2025-12-01", "2026-02-28"),
        ("NEXT_N_MONTHS:1", "2026-04-01", "2026-04-30"),
        ("N_MONTHS_AGO:3", "2025-12-01", "2025-12-31"),
        ("THIS_QUARTER", "2026-01-01", "2026-03-31"),
        ("LAST_QUARTER", "2025-10-01", "2025-12-31"),
        ("NEXT_QUARTER", "2026-04-01", "2026-06-30"),
        ("LAST_N_QUARTERS:2", "2025-07-01", "2025-12-31"),
        ("NEXT_N_QUARTERS:4", "2026-04-01", "2027-03-31"),
        ("N_QUARTERS_AGO:5", "2024-10-01", "2024-12-31"),
        ("THIS_YEAR", "2026-01-01", "2026-12-31"),
        ("LAST_YEAR", "2025-01-01", "2025-12-31"),
        ("NEXT_YEAR", "2027-01-01", "2027-12-31"),
        ("LAST_N_YEARS:2", "2024-01-01", "2025-12-31"),
        ("NEXT_N_YEARS:2", "2027-01-01", "2028-12-31"),
        ("N_YEARS_AGO:10", "2016-01-01", "2016-12-31"),
        ("THIS_FISCAL_QUARTER", "2026-01-01", "2026-03-31"),
        ("LAST_FISCAL_YEAR", "2025-01-01", "2025-12-31"),
        ("LAST_N_FISCAL_QUARTERS:1", "2025-10-01", "2025-12-31"),
        ("NEXT_N_FISCAL_YEARS:1", "2027-01-01", "2027-12-31"),
        ("N_FISCAL_QUARTERS_AGO:1", "2025-10-01", "2025-12-31"),
        ("N_FISCAL_YEARS_AGO:1", "2025-01-01", "2025-12-31"),
    ],
)
def test_ranges(literal: str, first: str, last: str) -> None:
    start, end = day_range(literal, TODAY)
    assert (start.isoformat(), (end - timedelta(days=1)).isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("today", "first_weekday", "first"),
    [
        ("2026-03-15", 6, "2026-03-15"),
        ("2026-03-15", 0, "2026-03-09"),
        ("2026-03-16", 0, "2026-03-16"),
        ("2026-03-16", 5, "2026-03-14"),
    ],
)
def test_weeks_begin_by_locale(today: str, first_weekday: int, first: str) -> None:
    day = date.fromisoformat(today)
    start, end = day_range("THIS_WEEK", day, first_weekday)
    assert (start.isoformat(), end - start) == (first, timedelta(weeks=1))
    assert day_range("LAST_WEEK", day, first_weekday) == (start - timedelta(weeks=1), start)
    assert day_range("LAST_N_WEEKS:2", day, first_weekday) == (start - timedelta(weeks=2), start)
    assert day_range("THIS_MONTH", day, first_weekday) == day_range("THIS_MONTH", day)


@given(st.sampled_from(sorted(RANGE_NAMES_N)), st.integers(0, 10**9), st.dates(date(1950, 1, 1), date(2100, 1, 1)))
def test_no_number_leaves_the_calendar(name: str, number: int, today: date) -> None:
    start, end = day_range(f"{name}:{number}", today)
    assert start <= end


@given(st.sampled_from(["WEEK", "MONTH", "QUARTER", "YEAR"]), st.dates(date(1950, 1, 1), date(2100, 1, 1)))
def test_periods_join_without_gap(unit: str, today: date) -> None:
    last, this, following = (day_range(f"{which}_{unit}", today) for which in ("LAST", "THIS", "NEXT"))
    assert (last[1], this[1]) == (this[0], following[0])
    assert this[0] <= today < this[1]
    assert day_range(f"LAST_N_{unit}S:1", today) == last == day_range(f"N_{unit}S_AGO:1", today)


def test_every_plain_literal_is_a_range_of_at_least_a_day() -> None:
    assert all(start < end for start, end in (day_range(n, TODAY) for n in RANGE_NAMES))


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        ("2026-03-10T07:30:00", "America/Los_Angeles", "2026-03-10"),
        ("2026-03-10T06:59:59", "America/Los_Angeles", "2026-03-09"),
        ("2026-03-10T10:30:00", "Pacific/Kiritimati", "2026-03-11"),
        ("2026-03-10T23:59:59", "UTC", "2026-03-10"),
    ],
)
def test_today_is_the_users(moment: str, zone: str, expected: str) -> None:
    assert local_day(datetime.fromisoformat(moment).replace(tzinfo=UTC), zone).isoformat() == expected


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-08", "America/Los_Angeles", 23),
        ("2026-11-01", "America/Los_Angeles", 25),
        ("2026-03-09", "America/Los_Angeles", 24),
        ("2018-11-04", "America/Sao_Paulo", 23),
    ],
)
def test_days_are_as_long_as_the_clock_makes_them(day: str, zone: str, hours: int) -> None:
    start = date.fromisoformat(day)
    assert midnight(start + timedelta(days=1), zone) - midnight(start, zone) == hours * 3600
