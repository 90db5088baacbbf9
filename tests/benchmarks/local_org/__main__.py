"""Measures whether the practice org is fast enough never to be what a benchmark of ours measures.

``python -m tests.benchmarks.local_org``; NAME picks one of P1 to P4, SCALE shrinks or grows the work.
"""

from __future__ import annotations

import os

from tests.benchmarks.local_org import bulk_query, collections, starting
from tests.benchmarks.report import keep

BENCHMARKS = {"P1": starting.run, "P2": collections.run, "P3": bulk_query.run}


def main() -> int:
    """Run what NAME asks for, all by default; 1 when a target is missed."""
    wanted, scale = os.environ.get("NAME", ""), float(os.environ.get("SCALE", "1"))
    lines = [line for name, run in BENCHMARKS.items() if wanted in ("", name) for line in run(scale)]
    keep(lines)
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    raise SystemExit(main())
