"""Writes the intake files and the manifest from the command line: ``python -m local_org.sample --out DIR``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from local_org.sample.world import SEED
from local_org.sample.writing import write_intake


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files and say what there is."""
    parser = argparse.ArgumentParser(prog="python -m local_org.sample", description=__doc__)
    parser.add_argument("--out", required=True, help="directory to write into")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is about 6,000 activities")
    parser.add_argument("--seed", type=int, default=SEED, help="same seed, same bytes")
    parser.add_argument("--now", type=_moment, default=None, help="ISO-8601 moment to look back from (default: now)")
    args = parser.parse_args(argv)
    made = write_intake(args.out, scale=args.scale, seed=args.seed, now=args.now or datetime.now(UTC))
    for name, known in made["intake"]["files"].items():
        print(f"{name:18} {known['rows']:6} rows, {known['rejected']} of them broken")
    return 0


def _moment(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


if __name__ == "__main__":
    raise SystemExit(main())
