"""Races of the audit at 1,000,000 activities and people: frames against bare reads, duplicates against splink.

Both sides of a ratio take turns, each in a process of its own; medians of the pairs count. ONLY in the environment
names the frames to measure, where not all are.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.audit import filled, people
from benchmarks.audit.planted_people import measured
from benchmarks.report import ROOT, Measured
from core.audit.catalog import TABLES

BUILD = ROOT / "build" / "audit"
PEERS = Path(__file__).parent / "peers"
PAIRS = 5
SEED = 20_261
"""No seed that the finder was tuned on."""
GB = 1024
MOST_OF_ROWS, MOST_OF_FRAMES, MOST_OF_SPLINK = 2, 3, 2


@dataclass
class Side:
    """A process that does one thing whenever it is told to."""

    process: subprocess.Popen[str]
    took: list[dict[str, float]]

    @classmethod
    def start(cls, work: str, name: str, path: Path) -> Side:
        """Start it; it waits."""
        command = [sys.executable, "-m", "benchmarks.audit.measured", work, name, str(path)]
        return cls(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True), [])

    def turn(self) -> None:
        """Do it once."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.took.append(json.loads(self.process.stdout.readline()))

    def end(self) -> dict[str, Any]:
        """Medians of its turns, and the most memory that it held."""
        said, _ = self.process.communicate()
        medians = {k: round(statistics.median(t[k] for t in self.took), 3) for k in ("wall_s", "cpu_s")}
        return {"rows": self.took[-1]["rows"], **medians, **json.loads(said.splitlines()[-1])}


def race(ours: tuple[str, str], theirs: tuple[str, str], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides in turns; the first pair, in which everything is read from disk, does not count."""
    sides = (Side.start(*theirs, path), Side.start(*ours, path))
    for pair in range(PAIRS + 1):
        for side in sides:
            side.turn()
            if pair == 0:
                side.took.clear()
    reference, own = (side.end() for side in sides)
    return own, reference


def frames(scale: float) -> list[Measured]:
    """Every audit frame against a bare read of its rows."""
    path, n = _activities(scale)
    out = []
    for name in os.environ.get("ONLY", "").split() or list(TABLES):
        own, reference = race(("frame", name), ("rows", name), path)
        ratio = own["wall_s"] / max(reference["wall_s"], 0.001)
        met = ratio <= MOST_OF_ROWS and own["peak_mb"] <= GB
        work = f"frame {name}, {n:,} activities"
        out.append(Measured(f"A1 {name}", work, own, reference, ratio, "<= 2x a bare ADBC read, 1 GB", met))
    return out


def report(scale: float) -> list[Measured]:
    """The monthly report against the frames that it is made of."""
    path, n = _activities(scale)
    own, reference = race(("report", "-"), ("report-frames", "-"), path)
    ratio = own["wall_s"] / reference["wall_s"]
    met = ratio <= MOST_OF_FRAMES
    return [Measured("A2", f"monthly report, {n:,} activities", own, reference, ratio, "<= 3x its frames", met)]


def _activities(scale: float) -> tuple[Path, int]:
    """The filled database, made once, and how many activities it holds."""
    n = int(1_000_000 * scale)
    path = BUILD / f"activities-{n}.db"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        filled.fill(half, n)
        half.rename(path)
    return path, n


def duplicates(scale: float) -> list[Measured]:
    """Duplicate groups against splink on duckdb, both from the same database, from its rows to groups."""
    path, n = BUILD / "people.db", int(1_000_000 * scale)
    BUILD.mkdir(parents=True, exist_ok=True)
    planted = people.fill(path, n, SEED)
    mine, theirs = BUILD / "ours.parquet", BUILD / "splink.parquet"
    python = _peer()
    said = subprocess.run([str(python), str(PEERS / "splink_dedupe.py"), str(path), str(theirs)], check=True,
                          capture_output=True, text=True)  # fmt: skip
    reference = json.loads(said.stdout.splitlines()[-1])
    side = Side.start("duplicates", str(mine), path)
    side.turn()
    own = side.end()
    own |= _quality(pl.read_parquet(mine), planted)
    reference |= _best(pl.read_parquet(theirs).cast({"a": pl.Int64, "b": pl.Int64}), planted)
    ratio = own["wall_s"] / reference["wall_s"]
    as_good = own["precision"] >= reference["precision"] and own["recall"] >= reference["recall"]
    met = ratio <= MOST_OF_SPLINK and as_good and own["peak_mb"] <= 4 * GB
    made = Measured("A3", f"duplicate groups, {n:,} people", own, reference, ratio, "<= 2x splink, as good, 4 GB", met)
    return [made]


def _peer() -> Path:
    """The interpreter of an environment that has splink, made once."""
    home, pins = BUILD / "splink", (PEERS / "splink.txt").read_text()
    python, mark = home / "bin" / "python", home / "installed.txt"
    if not (mark.exists() and mark.read_text() == pins):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        wanted = ["--requirement", str(PEERS / "splink.txt")]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        mark.write_text(pins)
    return python


def _quality(pairs: pl.DataFrame, planted: pl.DataFrame) -> dict[str, float]:
    precision, recall = measured(pairs, planted)
    return {"pairs": pairs.height, "precision": round(precision, 4), "recall": round(recall, 4)}


def _best(pairs: pl.DataFrame, planted: pl.DataFrame) -> dict[str, float]:
    """The cut at which precision and recall are best together, which only the truth can tell."""
    cuts = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999]
    tried = [{"cut": c, **_quality(pairs.filter(pl.col("score") >= c), planted)} for c in cuts]
    return max(tried, key=lambda t: t["precision"] * t["recall"] / max(t["precision"] + t["recall"], 1e-9))
