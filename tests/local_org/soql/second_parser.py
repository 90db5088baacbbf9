"""Reads queries with an independent parser of SOQL, soql-parser-js on node: all of them in one process."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "witness"


class Unavailable(Exception):
    """The package could not be fetched."""


def install(target: Path) -> Path:
    """The folder with the package, fetched as the lock file says when it is not there yet."""
    target.mkdir(parents=True, exist_ok=True)
    done, lock = target / "installed.json", HERE / "package-lock.json"
    with (target / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if done.exists() and done.read_text() == lock.read_text():
            return target
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, target / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=target, capture_output=True, text=True, timeout=300, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"{error} {getattr(error, 'stderr', '') or ''}".strip()) from error
        done.write_text(lock.read_text())
    return target


def read(target: Path, queries: Sequence[str]) -> list[dict[str, Any]]:
    """One answer per query: `{"tree": ...}`, or `{"error": first and last line of the message}`."""
    ran = subprocess.run(
        ["node", str(HERE / "read.cjs")],
        input="".join(json.dumps(q) + "\n" for q in queries),
        env={**os.environ, "NODE_PATH": str(target / "node_modules")},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == len(queries)
    return answers
