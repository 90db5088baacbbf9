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


def check(rows: pl.DataFrame, linked: int, guards: Guards) -> list[Tripped]:
    """The guards that the plan trips.

    Args:
        rows: the plan's rows.
        linked: how many records the job holds links for: the whole that a share is of.
        guards: the job's limits.
    """
    deletes = rows.filter(pl.col("action") == "delete").height
    if deletes >= guards.min_deletes and deletes > guards.max_delete_share * max(linked, 1):
        share = 100 * deletes / max(linked, 1)
        limit = 100 * guards.max_delete_share
        return [
            Tripped(
                "mass_delete",
                f"The plan would delete {deletes} of {linked} linked records ({share:.1f} %);"
                f" the limit is {limit:.0f} %.",
            )
        ]
    return []
