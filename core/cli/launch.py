"""Starts worker and console as processes, and sees to it that everything started is ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import typer

from core.workspace import Workspace

STOP_SECONDS = 30


class Children:
    """Processes that end with us."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *args: str, env: Mapping[str, str] | None = None, pipe: bool = False) -> subprocess.Popen[str]:
        """Start one of our own programs with this interpreter."""
        child = subprocess.Popen(  # noqa: S603 - our own modules, fixed arguments
            [sys.executable, *args],
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE if pipe else None,
            text=True,
            start_new_session=True,
        )
        self._running.append(child)
        return child

    def dead(self) -> subprocess.Popen[str] | None:
        """One that has ended by itself."""
        return next((c for c in self._running if c.poll() is not None), None)

    def stop(self) -> None:
        """End all of them, last started first."""
        for child in reversed(self._running):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self._running.clear()


def first_line(child: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    """The JSON object that a child says first.

    Raises:
        RuntimeError: it ended or kept silent.
    """
    assert child.stdout is not None  # noqa: S101
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    line = child.stdout.readline() if ready else ""
    if not line:
        raise RuntimeError("The process did not start; its messages are above.")
    threading.Thread(target=_drain, args=(child,), daemon=True).start()
    found = json.loads(line)
    return dict(found)


def _drain(child: subprocess.Popen[str]) -> None:
    assert child.stdout is not None  # noqa: S101
    for line in child.stdout:
        sys.stderr.write(line)


class Launcher:
    """Worker and console for one database."""

    def __init__(self, *, port: int, as_json: bool, workspace: str, env: Mapping[str, str] | None = None,
                 children: Children | None = None) -> None:  # fmt: skip
        self.port = port
        self.as_json = as_json
        self.workspace = workspace
        self.env = {**(env or {}), "SYNCLINE_WORKSPACE": workspace}
        self.children = children or Children()

    def start(self) -> dict[str, Any]:
        """Start both; tells ``console_url`` (with its one-time key) and ``api_url``."""
        self.children.start("-m", "core.cli.worker_process", env=self.env)
        console = self.children.start(
            "-m", "console.server", "--port", str(self.port), "--print-url", env=self.env, pipe=True
        )
        return first_line(console, 90)

    def serve(self) -> int:
        """Start both and stay until stopped."""
        try:
            urls = self.start()
            self.announce(urls)
            return self.stay()
        finally:
            self.children.stop()

    def announce(self, urls: Mapping[str, Any]) -> None:
        """Say where to look."""
        if self.as_json:
            typer.echo(json.dumps(dict(urls)))
        else:
            typer.echo(f"Console: {urls['console_url']}\nStop with Ctrl+C.")
        sys.stdout.flush()

    def stay(self) -> int:
        """Wait for a signal, or for a process that should not have ended."""
        asked = threading.Event()

        def ask(_signal: int, _frame: FrameType | None) -> None:
            asked.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask)
        while not asked.wait(0.5):
            dead = self.children.dead()
            if dead is not None:
                typer.echo(f"A process ended by itself (code {dead.returncode}); stopping.", err=True)
                return 1
        return 0


def work(ws: Workspace, *, as_json: bool = False) -> int:
    """Be a worker until stopped."""
    from core.running.worker import Worker

    worker = Worker(ws.engine)
    worker.start()
    typer.echo(
        json.dumps({"worker": "running", "pid": os.getpid()}) if as_json else "Worker running. Stop with Ctrl+C."
    )
    sys.stdout.flush()
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _s, _f: asked.set())
    parent = os.getppid()
    while not asked.wait(0.5):
        if os.getppid() != parent:
            break  # whoever started us is gone
        time.sleep(0)
    worker.stop()
    return 0
