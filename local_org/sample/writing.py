"""Writes the intake files that match a filled org, and says what is in both."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from local_org.sample.intake import build_intake, write_files
from local_org.sample.manifest import make_manifest
from local_org.sample.world import SEED, build_world


def write_intake(directory: str | Path, *, scale: float = 1.0, seed: int = SEED, now: datetime) -> dict[str, Any]:
    """Write the workspace's intake files and ``manifest.json`` into a directory; returns the manifest.

    The files name records of the org that `fill` makes from the same scale, seed and now.

    Args:
        directory: Where to write; made where it is missing, files of the same name are replaced.
        scale: 1 is about 6,000 activities.
        seed: Same seed, same bytes.
        now: The moment that the rows look back from, with a time zone.
    """
    world = build_world(scale=scale, seed=seed, now=now)
    intake = build_intake(world)
    write_files(Path(directory), intake)
    made = make_manifest(world, intake)
    text = json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (Path(directory) / "manifest.json").write_bytes(text.encode())
    return made


def manifest(scale: float, seed: int, now: datetime) -> dict[str, Any]:
    """What `fill` and `write_intake` make of the same arguments: counts, planted cases with their Ids."""
    world = build_world(scale=scale, seed=seed, now=now)
    return make_manifest(world, build_intake(world))
