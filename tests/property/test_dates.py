"""Dates and instants over both directions of a mapping: no day moves, however often a value goes to and fro."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.mapping.compile import inbound, outbound
from core.mapping.spec import FieldMapping, JobSpec, PairSpec
from core.records import Direction, Kind
from tests.unit.schema.describes import orgs

ZONES = (
    "UTC", "America/Chicago", "America/St_Johns", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu",
    "Asia/Tokyo", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati",
)  # fmt: skip
zones = st.sampled_from(ZONES)
days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
instants = st.datetimes(datetime(2015, 1, 1), datetime(2035, 12, 31)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
INSTANT = pl.Datetime("us", "UTC")
SPRING, AUTUMN = datetime(2026, 3, 8, 7, 59, 59, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
"""A second before clocks go forward in Chicago, and within the hour that they go through twice."""


def sent(sobject: str, kind: Kind, mapping: FieldMapping, value: date | datetime, zone: str) -> str | None:
    """What goes to the org for a value of the workspace."""
    pair = PairSpec(sobject=sobject, mappings=(mapping,))
    spec = JobSpec(name="j", title="J", direction=Direction.OUTBOUND, kind=kind, pairs=(pair,))
    dtype = INSTANT if isinstance(value, datetime) else pl.Date
    frame = pl.DataFrame(
        {"local_id": [1], "is_create": [True], mapping.source or "": [value]}, schema_overrides={mapping.source: dtype}
    )
    return outbound(spec, pair, orgs()[sobject], zone=zone).apply(frame)[f"o:{mapping.target}"].item()  # type: ignore[no-any-return]


def taken(sobject: str, kind: Kind, mapping: FieldMapping, text: str | None, zone: str) -> str | None:
    """What comes in for a text of the org."""
    pair = PairSpec(sobject=sobject, mappings=(mapping,))
    spec = JobSpec(name="j", title="J", direction=Direction.INBOUND, kind=kind, pairs=(pair,))
    frame = pl.DataFrame(
        {"local_id": [1], "is_create": [False], mapping.source or "": [text]},
        schema_overrides={mapping.source: pl.String},
    )
    return inbound(spec, pair, orgs()[sobject], zone=zone).apply(frame)[f"w:{mapping.target}"].item()  # type: ignore[no-any-return]


@pytest.mark.requirement("O2")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(days, zones, zones)
@example(date(2011, 12, 30), "Pacific/Apia", "UTC")
@example(date(2026, 3, 8), "America/Chicago", "Pacific/Kiritimati")
def test_a_date_is_the_same_day_on_both_sides_whatever_the_zones(day: date, here: str, later: str) -> None:
    """A due date never passes through a zone, not even when the workspace's zone changes in between."""
    there = sent("Task", Kind.TASK, FieldMapping(source="due_at", target="ActivityDate"), day, here)
    assert there == day.isoformat()
    back = taken("Task", Kind.TASK, FieldMapping(source="ActivityDate", target="due_at"), there, later)
    assert back == day.isoformat()


@pytest.mark.requirement("O14")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(instants, zones, zones)
@example(SPRING, "America/Chicago", "UTC")
@example(AUTUMN, "America/Chicago", "Europe/Berlin")
def test_an_instant_is_the_same_moment_on_both_sides_whatever_the_zones(at: datetime, here: str, later: str) -> None:
    mapping = FieldMapping(source="occurred_at", target="StartDateTime")
    there = sent("Event", Kind.TOUCHPOINT, mapping, at, here)
    assert there is not None
    assert datetime.fromisoformat(there) == at
    for spelled in (there, there.replace("Z", ".000+0000"), there.replace("Z", "+00:00")):
        back = taken(
            "Event", Kind.TOUCHPOINT, FieldMapping(source="StartDateTime", target="occurred_at"), spelled, later
        )
        assert back == there


@pytest.mark.requirement("O14")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(instants, zones)
@example(SPRING, "America/Chicago")
@example(SPRING + timedelta(seconds=1), "America/Chicago")
@example(AUTUMN, "America/Chicago")
@example(datetime(2026, 1, 1, 5, 59, 59, tzinfo=UTC), "America/Chicago")
@example(datetime(2026, 1, 1, 6, 0, tzinfo=UTC), "America/Chicago")
def test_the_day_of_an_instant_is_the_day_on_the_clock_of_the_zone(at: datetime, zone: str) -> None:
    mapping = FieldMapping(source="occurred_at", target="ActivityDate", transform="date_of")
    assert sent("Event", Kind.TOUCHPOINT, mapping, at, zone) == at.astimezone(ZoneInfo(zone)).date().isoformat()


@pytest.mark.requirement("O14")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(days, zones)
@example(date(2018, 11, 4), "America/Sao_Paulo")
@example(date(2026, 4, 24), "Africa/Cairo")
def test_a_day_that_becomes_an_instant_comes_back_as_the_same_day(day: date, zone: str) -> None:
    """Also where clocks go forward at midnight, so that the day begins at one."""
    there = sent("Event", Kind.TOUCHPOINT, FieldMapping(source="due_at", target="StartDateTime"), day, zone)
    assert there is not None
    began = datetime.fromisoformat(there).astimezone(ZoneInfo(zone))
    assert (began.date(), began.hour in (0, 1)) == (day, True)
    back = FieldMapping(source="StartDateTime", target="due_at", transform="date_of")
    assert taken("Event", Kind.TOUCHPOINT, back, there, zone) == day.isoformat()
