"""Measures the finder of duplicates on planted people: seconds, peak memory, precision and recall."""

from __future__ import annotations

import resource
import time

import polars as pl

from benchmarks.audit.planted_people import measured, plant
from benchmarks.report import Measured
from core.identity.duplicates import PERSON, find

PEOPLE = 1_000_000
LEAST_RECALL = 0.95
SEED = 7


def run(scale: float) -> list[Measured]:
    """Plant, find, and compare what was found with what was planted."""
    planted = plant(max(1000, int(PEOPLE * scale)), SEED)
    records = planted.with_columns(
        name=pl.format("{} {}", "first_name", "last_name"), email=pl.col("email").str.to_lowercase()
    ).select(list(PERSON))
    wall, cpu = time.monotonic(), time.process_time()
    found = find(records)
    took = {"wall_s": round(time.monotonic() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}
    precision, recall = measured(found.pairs, planted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    facts = took | {"peak_mb": peak, "precision": round(precision, 4), "pairs": found.pairs.height}
    return [
        Measured(
            "A1", f"duplicates of {planted.height:,} people, recall", facts, {}, round(recall, 4),
            f">= {LEAST_RECALL}", recall >= LEAST_RECALL,
        )
    ]  # fmt: skip
