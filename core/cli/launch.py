"""Starts worker and console as processes for one database, says where to look, and stays until told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from types import FrameType
from typing import TYPE_CHECKING, Any

from core.cli.children import SIGNALS, Children, stoppable
from core.errors import SynclineError, UsageError

if TYPE_CHECKING:
    from core.workspace import Workspace

START_SECONDS = 120.0


class Launcher:
    """Worker and console for one database."""

    def __init__(self, port: int, workspace: str, children: Children, env: Mapping[str, str] | None = None) -> None:
        self.port = port
        # The org sends the browser back to where the console really listens, unless a public address is named.
        own = {} if os.environ.get("SYNCLINE_PUBLIC_URL") else {"SYNCLINE_PUBLIC_URL": f"http://localhost:{port}"}
        self.env = {"SYNCLINE_WORKSPACE": workspace, **own, **(env or {})}
        self.children = children

    def start(self) -> dict[str, Any]:
        """Start both; tells ``console_url``, with its one-time key, and ``api_url``.

        Raises:
            SynclineError: one of them did not start.
        """
        worker = self.children.start("worker", "core.cli.worker_process", env=self.env)
        # Both take seconds to start, so they do it side by side; the console's answer waits in its pipe.
        console = self.children.start(
            "console", "console.server", "--port", str(self.port), "--print-url", env=self.env
        )
        told = worker.answer(START_SECONDS)
        if "error" in told:
            raise SynclineError(told["error"], hint=told.get("hint"))
        return console.answer(START_SECONDS)

    def stay(self) -> None:
        """Stay until a process ends that should not have.

        Raises:
            SynclineError: one has; the message says which and why.
        """
        while True:
            dead = self.children.dead()
            if dead is not None:
                raise SynclineError(dead.last_words(), hint="Everything else was stopped.")
            time.sleep(0.5)


def require_port(port: int) -> int:
    """The port if it is free; a free one for 0.

    Raises:
        UsageError: somebody uses it.
    """
    with closing(socket.socket()) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(f"Port {port} is in use.", hint="Name another with --port.") from None
        return int(door.getsockname()[1])


def serve(ws: Workspace, *, port: int, as_json: bool) -> int:
    """Be `syncline up`: worker and console, until stopped."""
    port = require_port(port)
    _require_place(ws)
    children = Children()
    try:
        with stoppable():
            try:
                launcher = Launcher(port, ws.name, children)
                urls = launcher.start()
                sys.stdout.write(json.dumps(urls) + "\n" if as_json else f"Console: {urls['console_url']}\n")
                sys.stdout.write("" if as_json else "Stop with Ctrl+C.\n")
                sys.stdout.flush()
                launcher.stay()
            finally:
                children.stop()
    except KeyboardInterrupt:
        return 0
    return 0


def _require_place(ws: Workspace) -> None:
    """Refuse early what the worker process would refuse late: a second worker on SQLite."""
    from core.running.locks import take_place

    if ws.database.is_sqlite:
        take_place(ws.database, ws.doors.home).release()


def work(ws: Workspace, *, as_json: bool = False) -> int:
    """Be a worker until stopped.

    Raises:
        WorkerRunning: there is no free place.
    """
    from core.running.worker import Worker

    asked = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    for number in SIGNALS:
        signal.signal(number, ask)
    worker = Worker(ws.engine)
    worker.start()
    told = json.dumps({"worker": "running", "pid": os.getpid()}) if as_json else "Worker running. Stop with Ctrl+C."
    sys.stdout.write(told + "\n")
    sys.stdout.flush()
    asked.wait()
    worker.stop()
    return 0
