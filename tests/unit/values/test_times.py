"""Times: canonical texts, and that a Date and an Instant never become each other unasked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.values import times

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
WITH_ZONE_RULES = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SPELLINGS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.000%z", "%Y-%m-%d %H:%M:%S%z"]


@settings(deadline=None)
@given(MOMENTS, OFFSETS, st.sampled_from(SPELLINGS))
def test_every_spelling_of_an_instant_is_one_canonical_text(naive: datetime, zone: timezone, form: str) -> None:
    moment = naive.replace(microsecond=0, tzinfo=zone)
    canonical = times.instant_text(moment)
    for text in (moment.strftime(form), moment.isoformat(), moment.isoformat(" ")):
        assert times.canonical_instant(text) == canonical
        assert pl.select(times.canonical_instant_expr(pl.lit(text))).item() == canonical
    assert times.parse_instant(canonical) == moment


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-01-02T03:04:05.000+0000", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04Z", "2026-01-02T03:04:00Z"),
        (" 2026-01-02 03:04:05-08:00 ", "2026-01-02T11:04:05Z"),
        ("2026-01-02", None),
        ("2026-01-02T03:04:05", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-02T25:00:00Z", None),
        ("1767323045000", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_instants(text: str | None, canonical: str | None) -> None:
    assert times.canonical_instant(text) == canonical
    frame = pl.DataFrame({"t": pl.Series([text], dtype=pl.String)})
    assert frame.select(times.canonical_instant_expr("t")).item() == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-02-28", "2026-02-28"),
        (" 2026-02-28 ", "2026-02-28"),
        ("2026-02-29", None),
        ("2026-02-28T00:00:00Z", None),
        ("28/02/2026", None),
        (None, None),
    ],
)
def test_dates(text: str | None, canonical: str | None) -> None:
    assert times.canonical_date(text) == canonical
    frame = pl.DataFrame({"t": pl.Series([text], dtype=pl.String)})
    assert frame.select(times.canonical_date_expr("t")).item() == canonical


def test_a_time_without_a_zone_needs_one_named() -> None:
    text, zone = "2026-07-01T09:00:00", "America/New_York"
    assert times.canonical_instant(text, zone) == "2026-07-01T13:00:00Z"
    assert pl.select(times.canonical_instant_expr(pl.lit(text), zone)).item() == "2026-07-01T13:00:00Z"
    assert times.canonical_instant("2026-07-01T09:00:00Z", zone) == "2026-07-01T09:00:00Z"


@pytest.mark.parametrize(
    ("text", "canonical"), [("2026-03-08T02:30:00", None), ("2026-11-01T01:30:00", "2026-11-01T05:30:00Z")]
)
def test_clock_changes(text: str, canonical: str | None) -> None:
    zone = "America/New_York"
    assert times.canonical_instant(text, zone) == canonical
    assert pl.select(times.canonical_instant_expr(pl.lit(text), zone)).item() == canonical


def test_a_date_and_an_instant_never_become_each_other_silently() -> None:
    with pytest.raises(TypeError):
        times.date_text(datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(TypeError):
        times.instant_text(datetime(2026, 1, 2))
    assert times.date_text(date(2026, 1, 2)) == "2026-01-02"


@settings(deadline=None)
@given(WITH_ZONE_RULES, st.sampled_from(["America/Los_Angeles", "Asia/Tokyo", "UTC", "Pacific/Auckland"]))
def test_the_day_of_an_instant_depends_on_the_zone_asked_for(naive: datetime, zone: str) -> None:
    moment = naive.replace(microsecond=0, tzinfo=UTC)
    day = times.date_of_instant(moment, zone)
    typed = times.instant_expr(pl.lit(times.instant_text(moment)))
    assert pl.select(times.date_of(typed, zone)).item() == day
    assert abs((day - moment.date()).days) <= 1


def test_each_row_may_name_its_own_zone() -> None:
    frame = pl.DataFrame({"t": ["2026-01-02T03:00:00Z"] * 3, "z": ["America/Los_Angeles", "Asia/Tokyo", "Mars/Base"]})
    days = frame.with_columns(times.instant_expr("t")).select(
        times.date_of_each("t", "z", ["Asia/Tokyo", "America/Los_Angeles"])
    )
    assert days.to_series().to_list() == [date(2026, 1, 1), date(2026, 1, 2), None]
