"""Measures of one benchmark: printed as a table, kept in build/benchmarks.json beside those of earlier runs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "build" / "benchmarks.json"


@dataclass(slots=True)
class Measured:
    """One line: what was done, how long it took, and how that compares with the target.

    `ratio` is dimensionless or a rate as `target` says; `met` is whether the target is reached.
    """

    name: str
    work: str
    syncline: dict[str, Any]
    reference: dict[str, Any]
    ratio: float
    target: str
    met: bool
    peers: dict[str, Any] = field(default_factory=dict)


def keep(lines: list[Measured]) -> None:
    """Print the lines, and write them into the file in the place of earlier ones of the same name."""
    held = json.loads(FILE.read_text()) if FILE.exists() else []
    names = {line.name for line in lines}
    FILE.parent.mkdir(exist_ok=True)
    kept = [line for line in held if line["name"] not in names] + [asdict(line) for line in lines]
    FILE.write_text(json.dumps(sorted(kept, key=lambda line: str(line["name"])), indent=1))
    for line in lines:
        print(
            f"{line.name:<4} {line.ratio:>12,.2f}  {line.target:<34} {'met' if line.met else 'MISSED':<7} {line.work}"
        )
        print(f"     {json.dumps(line.syncline)}")
        if line.reference:
            print(f"     reference {json.dumps(line.reference)}")


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """The most memory that a process has held so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def reset_peak(pid: int) -> None:
    """Begin to measure the peak anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
