"""Decides who must be told what: the level of each job, the connection and the allowance, and the changes of level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


class Rules(BaseModel):
    """From where on somebody is told; 0 switches a threshold off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rejected_warning: int = Field(default=1, ge=0)
    """Open rows of a job that the org refused."""
    rejected_critical: int = Field(default=100, ge=0)
    held_warning: int = Field(default=50, ge=0)
    """Open rows of a job that wait for a person."""
    age_warning: int = Field(default=120, ge=0)
    """Minutes since the last run of a job that came to its end."""
    age_critical: int = Field(default=1_440, ge=0)
    api_warning: int = Field(default=75, ge=0, le=100)
    """Percent of the org's API allowance that all applications have used."""
    api_critical: int = Field(default=95, ge=0, le=100)


@dataclass(frozen=True)
class Verdict:
    """The level of one subject, and why."""

    title: str
    level: Level
    why: str


@dataclass(frozen=True)
class Notice:
    """One change of level that somebody is told about."""

    subject: str
    title: str
    was: Level
    level: Level
    why: str
    at: datetime

    @property
    def is_recovery(self) -> bool:
        """Whether it is good news."""
        return self.level is Level.OK

    @property
    def headline(self) -> str:
        """The notice in one line."""
        word = {Level.OK: "Recovered", Level.WARNING: "Warning", Level.CRITICAL: "Critical"}[self.level]
        return f"{word}: {self.title}"


def judge(overview: Mapping[str, Any], rules: Rules) -> dict[str, Verdict]:
    """The level of ``connection``, ``api`` and each ``job:NAME`` that is on.

    Args:
        overview: connection, jobs and metrics, as `core.audit.overview.overview` tells them.
        rules: the thresholds.
    """
    out = {f"job:{j['name']}": _job(j, rules) for j in overview["jobs"] if j["state"] not in ("off", "paused")}
    connection = overview["connection"]
    if connection is not None:
        out["connection"] = _connection(connection)
        out["api"] = _api(connection, rules)
    return out


def _job(job: Mapping[str, Any], rules: Rules) -> Verdict:
    title = str(job["title"])
    rejected, held = job["open"].get("rejected", 0), job["open"].get("held", 0)
    age = (job["data_age_s"] or 0) / 60
    if job["state"] == "stopped":
        return Verdict(title, Level.CRITICAL, str(job["why"]))
    if _over(rejected, rules.rejected_critical):
        return Verdict(title, Level.CRITICAL, f"{rejected:,} rows were refused by the org.")
    if _over(age, rules.age_critical):
        return Verdict(title, Level.CRITICAL, f"Its data is {_age(age)} old.")
    if job["state"] == "behind":
        return Verdict(title, Level.WARNING, str(job["why"]))
    if _over(rejected, rules.rejected_warning):
        return Verdict(title, Level.WARNING, f"{rejected:,} rows were refused by the org.")
    if _over(held, rules.held_warning):
        return Verdict(title, Level.WARNING, f"{held:,} rows wait for a person.")
    if _over(age, rules.age_warning):
        return Verdict(title, Level.WARNING, f"Its data is {_age(age)} old.")
    return Verdict(title, Level.OK, "It is within its limits.")


def _over(value: float, limit: float) -> bool:
    return bool(limit) and value >= limit


def _age(minutes: float) -> str:
    return f"{minutes / 60:.0f} hours" if minutes >= 120 else f"{minutes:.0f} minutes"


def _connection(connection: Mapping[str, Any]) -> Verdict:
    if connection["state"] == "auth_failed":
        return Verdict("Connection", Level.CRITICAL, str(connection["reason"] or "The org refuses our sign-in."))
    if connection["state"] == "unreachable":
        return Verdict("Connection", Level.WARNING, str(connection["reason"] or "The org does not answer."))
    return Verdict("Connection", Level.OK, "The org answers.")


def _api(connection: Mapping[str, Any], rules: Rules) -> Verdict:
    used, limit = connection["api_used"], connection["api_limit"]
    if connection["state"] == "over_limit":
        return Verdict("API allowance", Level.CRITICAL, "The org's API allowance is used up.")
    if not used or not limit:
        return Verdict("API allowance", Level.OK, "It is not known yet.")
    percent = 100 * used / limit
    told = f"{percent:.0f} % of the {limit:,} calls of 24 hours are used."
    if _over(percent, rules.api_critical):
        return Verdict("API allowance", Level.CRITICAL, told)
    return Verdict("API allowance", Level.WARNING if _over(percent, rules.api_warning) else Level.OK, told)


def turn(
    before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Verdict], mutes: Mapping[str, str], at: datetime
) -> tuple[list[Notice], dict[str, dict[str, Any]]]:
    """What has changed since the last look: the notices, and what to remember.

    A subject tells once when its level changes, also when it recovers; one that is muted changes in silence. A subject
    that is seen for the first time and is well, or is not judged any more, tells nothing.

    Args:
        before: what the last look remembered: subject -> ``level, since, title, why``.
        now: the levels now.
        mutes: subject, or ``all``, -> ISO instant until which it is silent.
        at: now.
    """
    notices, after = [], {}
    for subject, verdict in now.items():
        kept = before.get(subject, {})
        was = Level(kept.get("level", Level.OK))
        since = kept["since"] if kept and was is verdict.level else at.isoformat()
        after[subject] = {"level": verdict.level.value, "since": since, "title": verdict.title, "why": verdict.why}
        if was is not verdict.level and not is_muted(subject, mutes, at):
            notices.append(Notice(subject, verdict.title, was, verdict.level, verdict.why, at))
    return notices, after


def is_muted(subject: str, mutes: Mapping[str, str], at: datetime) -> bool:
    """Whether a subject, or everything, is silent now."""
    return any(datetime.fromisoformat(mutes[key]) > at for key in (subject, "all") if key in mutes)


def muted(mutes: Mapping[str, str], subject: str, hours: float, at: datetime) -> dict[str, str]:
    """The mutes with one more, or with it taken away (0 hours); those that are over are forgotten."""
    kept = {s: until for s, until in mutes.items() if datetime.fromisoformat(until) > at and s != subject}
    return {**kept, subject: (at + timedelta(hours=hours)).isoformat()} if hours > 0 else kept


def worst(states: Sequence[Mapping[str, Any]]) -> Level:
    """The worst level among what is remembered."""
    levels = [Level(s["level"]) for s in states]
    return max(levels, key=list(Level).index, default=Level.OK)
