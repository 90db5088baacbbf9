"""Tripwires over a whole plan: what a person should look at before anything is written."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from core.mapping.spec import Guards


@dataclass(frozen=True)
class Tripped:
    """A guard that stopped a plan."""

    guard: str
    message: str


@dataclass(frozen=True)
class Budget:
    """API calls: those used in the last 24 hours by everybody, the org's limit, and what the plan needs."""

    used: int
    limit: int
    needed: int = 0


def reserve(budget: Budget, guards: Guards) -> Tripped | None:
    """The guard that a run trips which would use up what is to be left to people and other apps."""
    kept = math.ceil(guards.api_reserve_share * budget.limit)
    left = budget.limit - budget.used
    if budget.needed <= 0 or left - budget.needed >= kept:
        return None
    told = f"The run needs about {budget.needed:,} API calls; {max(left, 0):,} of {budget.limit:,} are left today"
    return Tripped("api_reserve", f"{told}, and {kept:,} of them are kept back for people and other apps.")


def check(
    rows: pl.DataFrame, linked: int, guards: Guards, left: int | None = None, budget: Budget | None = None
) -> list[Tripped]:
    """The guards that the plan trips.

    Args:
        rows: the plan's rows.
        linked: how many records the job holds links for: the whole that a share is of.
        guards: the job's limits.
        left: how many records the side that is read still has, where all of them were looked at or counted.
        budget: the org's API calls, where they are known and the job must leave some.
    """
    deletes = rows.filter(pl.col("action") == "delete").height
    updates = rows.filter(pl.col("action") == "update").height
    found = []
    if deletes >= guards.min_deletes and deletes > guards.max_delete_share * max(linked, 1):
        told = f"The plan would delete {deletes} of {linked} linked records"
        found.append(Tripped("mass_delete", _beyond(told, deletes, linked, guards.max_delete_share)))
    if updates >= guards.min_updates and updates > guards.max_update_share * max(linked, 1):
        told = f"The plan would change {updates} of {linked} linked records at once"
        found.append(Tripped("all_changed", _beyond(told, updates, linked, guards.max_update_share)))
    if left == 0 and linked >= guards.min_deletes:
        told = f"There is not one record left where {linked} were linked: was something emptied or restored?"
        found.append(Tripped("suddenly_empty", told))
    spent = reserve(budget, guards) if budget is not None else None
    return [*found, spent] if spent is not None else found


def _beyond(told: str, n: int, linked: int, limit: float) -> str:
    return f"{told} ({100 * n / max(linked, 1):.1f} %); the limit is {100 * limit:.0f} %."
