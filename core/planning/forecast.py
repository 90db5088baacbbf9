"""Forecasts the API calls of a day: how often each job runs, what it moves, and what that has cost so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

ROWS_PER_CALL = 1_000.0
"""What one request carries at best, while a job has no history of its own."""
MINUTES_A_DAY = 1_440


@dataclass(frozen=True)
class Load:
    """One job's work on an ordinary day."""

    job: str
    is_on: bool
    every_minutes: int | None
    """The interval; ``None`` for daily, woken and hand-started jobs."""
    is_daily: bool
    is_woken: bool
    """Fresh data starts it as well."""
    rows_per_day: float
    idle_calls: float
    """Calls of a run that finds nothing to do."""
    rows_per_call: float = ROWS_PER_CALL

    @property
    def runs_per_day(self) -> float:
        """Runs by the schedule, and those that fresh data starts; at least one where somebody starts it by hand."""
        scheduled = 1.0 if self.is_daily else MINUTES_A_DAY / self.every_minutes if self.every_minutes else 0.0
        woken = min(self.rows_per_day, MINUTES_A_DAY) if self.is_woken else 0.0
        return scheduled + woken

    @property
    def calls_per_day(self) -> float:
        """What reading costs, and what carrying the rows costs: no run with rows does it in less than one call."""
        runs = self.runs_per_day
        carrying = max(self.rows_per_day / max(self.rows_per_call, 1.0), min(runs, self.rows_per_day))
        return runs * self.idle_calls + carrying

    def switched_on(self) -> Load:
        """The same job, as if it were on."""
        return replace(self, is_on=True)

    def supposing(self, *, every_minutes: int | None = None, times: float = 1.0) -> Load:
        """The same job with another interval, or with so many times the rows."""
        interval = every_minutes or self.every_minutes
        daily = self.is_daily and every_minutes is None
        return replace(self, every_minutes=interval, is_daily=daily, rows_per_day=self.rows_per_day * times)


@dataclass(frozen=True)
class Forecast:
    """A day's calls against the org's allowance."""

    limit: int
    others: int
    """Calls of other applications, as they were in the last 24 hours."""
    jobs: dict[str, float]

    @property
    def ours(self) -> float:
        """Calls of all our jobs that are on."""
        return sum(self.jobs.values())

    @property
    def total(self) -> float:
        """Calls of everybody."""
        return self.ours + self.others

    @property
    def share(self) -> float:
        """The part of the allowance that is used up by the end of the day; above 1 it runs dry before."""
        return self.total / self.limit if self.limit else 0.0

    @property
    def dry_after_hours(self) -> float | None:
        """After how many hours nothing is left; ``None`` where the day ends first."""
        return 24 / self.share if self.share > 1 else None


def forecast(loads: Sequence[Load], *, limit: int, others: int) -> Forecast:
    """The day of the jobs that are on."""
    return Forecast(limit, others, {load.job: load.calls_per_day for load in loads if load.is_on})
