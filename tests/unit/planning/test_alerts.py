"""Who is told what: levels, one notice for each change of level, recovery, mutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.planning.alerts import Level, Rules, judge, muted, turn, worst

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = {"state": "ok", "reason": "", "api_used": 10, "api_limit": 1000}


def job(**more: Any) -> dict[str, Any]:
    told = {"name": "calls_out", "title": "Calls", "state": "in_step", "why": "", "open": {}, "data_age_s": 60}
    return {**told, **more}


def levels(jobs: list[dict[str, Any]], connection: dict[str, Any] | None = None, **rules: int) -> dict[str, str]:
    found = judge({"jobs": jobs, "connection": connection or GOOD}, Rules(**rules))
    return {subject: v.level.value for subject, v in found.items()}


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (job(), "ok"),
        (job(state="stopped", why="The last run failed."), "critical"),
        (job(state="behind", why="Late."), "warning"),
        (job(open={"rejected": 1}), "warning"),
        (job(open={"rejected": 100}), "critical"),
        (job(open={"held": 49}), "ok"),
        (job(open={"held": 50}), "warning"),
        (job(data_age_s=120 * 60), "warning"),
        (job(data_age_s=24 * 3600), "critical"),
        (job(data_age_s=None, state="not_yet_run"), "ok"),
    ],
)
def test_the_level_of_a_job(found: dict[str, Any], level: str) -> None:
    assert levels([found])["job:calls_out"] == level


@pytest.mark.parametrize("state", ["off", "paused"])
def test_a_job_that_is_off_or_paused_is_not_judged(state: str) -> None:
    assert "job:calls_out" not in levels([job(state=state, open={"rejected": 500})])


def test_thresholds_are_settings_and_zero_switches_one_off() -> None:
    assert levels([job(open={"rejected": 9})], rejected_warning=10)["job:calls_out"] == "ok"
    assert levels([job(data_age_s=10**7)], age_warning=0, age_critical=0)["job:calls_out"] == "ok"


@pytest.mark.parametrize(
    ("connection", "subject", "level"),
    [
        ({**GOOD, "state": "auth_failed"}, "connection", "critical"),
        ({**GOOD, "state": "unreachable"}, "connection", "warning"),
        ({**GOOD, "api_used": 750}, "api", "warning"),
        ({**GOOD, "api_used": 960}, "api", "critical"),
        ({**GOOD, "state": "over_limit"}, "api", "critical"),
        ({**GOOD, "api_used": None, "api_limit": None}, "api", "ok"),
    ],
)
def test_the_connection_and_the_allowance(connection: dict[str, Any], subject: str, level: str) -> None:
    assert levels([], connection)[subject] == level


def told(before: dict[str, Any], found: dict[str, Any], mutes: dict[str, str] | None = None) -> tuple[Any, Any]:
    return turn(before, judge({"jobs": [found], "connection": None}, Rules()), mutes or {}, NOW)


@pytest.mark.requirement("X15")
def test_a_change_is_told_once_and_so_is_the_recovery() -> None:
    first, state = told({}, job())
    assert first == []
    worse, state = told(state, job(state="stopped", why="Broken."))
    assert [(n.was, n.level, n.why, n.is_recovery) for n in worse] == [(Level.OK, Level.CRITICAL, "Broken.", False)]
    assert worse[0].headline == "Critical: Calls"
    again, state = told(state, job(state="stopped", why="Broken."))
    assert again == []
    better, state = told(state, job())
    assert [(n.was, n.headline, n.is_recovery) for n in better] == [(Level.CRITICAL, "Recovered: Calls", True)]
    assert told(state, job())[0] == []


def test_a_muted_subject_changes_in_silence() -> None:
    for key in ("job:calls_out", "all"):
        silent, state = told({}, job(state="stopped"), muted({}, key, 1, NOW))
        assert (silent, state["job:calls_out"]["level"]) == ([], "critical")
    over = {"all": (NOW - timedelta(minutes=1)).isoformat()}
    assert len(told({}, job(state="stopped"), over)[0]) == 1


def test_mutes_end_by_hand_and_by_time() -> None:
    both = muted(muted({}, "api", 1, NOW), "all", 2, NOW)
    assert set(both) == {"api", "all"}
    assert set(muted(both, "all", 0, NOW)) == {"api"}
    assert muted(both, "", 0, NOW + timedelta(hours=3)) == {}


def test_the_worst_level() -> None:
    assert worst([{"level": "ok"}, {"level": "critical"}, {"level": "warning"}]) is Level.CRITICAL
    assert worst([]) is Level.OK
