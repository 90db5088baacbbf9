"""Decides which rows of a push are sent again, and how: the guilty row of a refused collection alone, locked rows last.

The org answers row by row. A collection that it refuses as a whole (a value it cannot read, a trigger that runs into a
limit) is cut into smaller ones until the guilty row stands alone; the others go. Rows with a temporary error are sent
again, only they; rows that stay locked go one by one in the end, so that no two of ours wait for the same parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from core.connections.salesforce import faults
from core.connections.salesforce.composite import COLLECTIONS, ROWS, RowAnswer

TRIES = 3
"""A row that met a temporary error is sent so often within one run."""
SERIAL_MOST = 100
"""So many locked rows of a batch go one by one, five to a call; with more the org is busy, and later is better."""


@dataclass(frozen=True)
class Lane:
    """Rows that are sent in the same way.

    Attributes:
        rows: change rows, those of one parent together.
        size: rows of a collection.
        tries: how often they have been sent, this time included.
        is_serial: whether each goes by itself because it was locked.
    """

    rows: pl.DataFrame
    size: int = ROWS
    tries: int = 1
    is_serial: bool = False

    def calls(self) -> list[Lane]:
        """The lane as calls of up to five collections."""
        most = self.size * COLLECTIONS
        parts = [self.rows.slice(at, most) for at in range(0, self.rows.height, most)]
        return [Lane(p, self.size, self.tries, self.is_serial) for p in parts]


def sort_out(lane: Lane, answers: Sequence[RowAnswer]) -> tuple[list[bool], list[Lane]]:
    """What the answers to a call mean.

    Returns:
        For each row whether its answer is the last word, and the lanes in which the others are sent again.
    """
    fates = [_fate(lane, n, a) for n, a in enumerate(answers)]
    if fates.count("alone") > SERIAL_MOST:
        fates = ["done" if f == "alone" else f for f in fates]
    again = [
        Lane(lane.rows.filter(pl.Series([f == "split" for f in fates])), -(-lane.size // COLLECTIONS), lane.tries),
        Lane(lane.rows.filter(pl.Series([f == "again" for f in fates])), lane.size, lane.tries + 1, lane.is_serial),
        Lane(lane.rows.filter(pl.Series([f == "alone" for f in fates])), 1, lane.tries + 1, is_serial=True),
    ]
    return [f == "done" for f in fates], [a for a in again if a.rows.height]


def smaller(lane: Lane) -> list[Lane]:
    """The lane of a call that the org could not read, as calls of smaller collections, in the end of one row each."""
    if lane.size == 1:
        return [Lane(lane.rows.slice(at, 1), 1, lane.tries, lane.is_serial) for at in range(lane.rows.height)]
    size = -(-min(lane.size, lane.rows.height) // COLLECTIONS)
    return Lane(lane.rows, size, lane.tries, lane.is_serial).calls()


def _fate(lane: Lane, number: int, answer: RowAnswer) -> str:
    if answer.success:
        return "done"
    fault = faults.fault(answer.status_code)
    if fault.retryable:
        if lane.tries < TRIES:
            return "again"
        return "alone" if fault.kind is faults.Kind.LOCK and not lane.is_serial else "done"
    first = number - number % lane.size
    is_whole = 400 <= answer.http < 500 and min(lane.size, lane.rows.height - first) > 1
    return "split" if is_whole else "done"
