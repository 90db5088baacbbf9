"""Tripwires over a whole plan: what a person should look at before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from core.mapping.spec import Guards


@dataclass(frozen=True)
class Tripped:
    """A guard that stopped a plan."""

    guard: str
    message: str


def check(rows: pl.DataFrame, linked: int, guards: Guards, left: int | None = None) -> list[Tripped]:
    """The guards that the plan trips.

    Args:
        rows: the plan's rows.
        linked: how many records the job holds links for: the whole that a share is of.
        guards: the job's limits.
        left: how many records the side that is read still has, where all of them were looked at or counted.
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
    return found


def _beyond(told: str, n: int, linked: int, limit: float) -> str:
    return f"{told} ({100 * n / max(linked, 1):.1f} %); the limit is {100 * limit:.0f} %."
