"""Measures the finder of duplicates on planted people: seconds, peak memory, precision and recall.

python -m benchmarks.audit.duplicates 1000000 --seed 7
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import polars as pl

from benchmarks.audit.planted_people import measured, plant
from core.identity.duplicates import PERSON, find


def main() -> None:
    """Plant, find, measure; one JSON line."""
    wishes = argparse.ArgumentParser(description=__doc__)
    wishes.add_argument("people", type=int)
    wishes.add_argument("--seed", type=int, default=7)
    given = wishes.parse_args()
    planted = plant(given.people, given.seed)
    records = planted.with_columns(
        name=pl.format("{} {}", "first_name", "last_name"), email=pl.col("email").str.to_lowercase()
    ).select(list(PERSON))
    wall, cpu = time.monotonic(), time.process_time()
    found = find(records)
    took = {"wall_s": round(time.monotonic() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}
    precision, recall = measured(found.pairs, planted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"people": planted.height, **took, "peak_mb": peak, "precision": round(precision, 4),
                      "recall": round(recall, 4), "pairs": found.pairs.height}))  # fmt: skip


if __name__ == "__main__":
    main()
