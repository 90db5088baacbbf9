"""Follows runs to their end and lets people see how far they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.cli import show
from core.records import OPEN_RUNS

if TYPE_CHECKING:
    from core.workspace import Workspace

LOOK_EVERY = 0.2


@contextmanager
def working(ws: Workspace) -> Iterator[None]:
    """See to it that there is a worker meanwhile: the one that is running, else one of our own."""
    from core.errors import WorkerRunning
    from core.running.worker import Worker

    worker = Worker(ws.engine, schedules=False)
    try:
        worker.start()
    except WorkerRunning:
        yield
        return
    try:
        yield
    finally:
        worker.stop()


def follow(ws: Workspace, run_id: str, *, quiet: bool) -> dict[str, Any]:
    """Wait for a run to end or to wait for a person; the run then. A worker must be running."""
    line = _Line(quiet)
    while True:
        told = ws.run_info(run_id)
        line.show(told)
        if told["status"] not in OPEN_RUNS:
            line.clear()
            return told
        time.sleep(LOOK_EVERY)


class _Line:
    """One line on the terminal that is written over; nothing where nobody watches."""

    def __init__(self, quiet: bool) -> None:
        self._is_shown = not quiet and sys.stderr.isatty()
        self._began = time.monotonic()

    def show(self, told: dict[str, Any]) -> None:
        if not self._is_shown:
            return
        done = {k: v for k, v in told["counts"].items() if k != "input"}
        of = f" of {told['planned']:,} to write" if told.get("planned") else ""
        text = f"{told['job']}: {told['status']}, {show.counted(done)}{of} ({time.monotonic() - self._began:.0f} s)"
        sys.stderr.write(f"\r\x1b[K{text[:110]}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
