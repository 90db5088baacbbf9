"""Runs benchmarks: ``python -m benchmarks [ROOM[.ONE]]``, all of them by default.

A room is a package of this one whose ``BENCHMARKS`` maps a name to what measures it: a function of the scale (1 is the
full size) that returns its lines. SCALE in the environment shrinks or grows the work.
"""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import benchmarks
from benchmarks.report import Measured, keep

Run = Callable[[float], list[Measured]]


def rooms() -> list[str]:
    """The names of all rooms."""
    return sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__) if found.ispkg)


def wanted(name: str) -> Iterator[Run]:
    """What a name stands for: nothing for all, a room, or one benchmark of a room.

    Raises:
        SystemExit: There is no such room or benchmark.
    """
    room, _, one = name.partition(".")
    if room and room not in rooms():
        raise SystemExit(f"there is no benchmark {room}; there are {', '.join(rooms())}")
    for each in [room] if room else rooms():
        table: dict[str, Run] = import_module(f"benchmarks.{each}").BENCHMARKS
        if one and one not in table:
            raise SystemExit(f"{room} has no benchmark {one}; it has {', '.join(table)}")
        yield from [table[one]] if one else table.values()


def main() -> int:
    """Run what was asked for; 1 when a target is missed."""
    scale, met = float(os.environ.get("SCALE", "1")), True
    for run in list(wanted(sys.argv[1] if len(sys.argv) > 1 else "")):
        lines = run(scale)
        keep(lines)
        met = met and all(line.met for line in lines)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
