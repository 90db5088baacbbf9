"""Starts our programs as child processes, hears what they say, and sees to it that all of them end with us."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from core.errors import SynclineError

STOP_SECONDS = 30
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Child:
    """One process: its first line of output is an answer, what it writes to stderr is kept in mind."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path | None) -> None:
        self.name = name
        self.process = process
        self._log = log
        self._held: list[str] = []
        self._is_held = True
        self._lock = threading.Lock()
        self._last: deque[str] = deque(maxlen=20)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def answer(self, seconds: float) -> dict[str, Any]:
        """The JSON object that it says first.

        Raises:
            SynclineError: it ended, kept silent, or said what was wrong.
        """
        assert self.process.stdout is not None  # noqa: S101
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise SynclineError(self._why(silent=not ready))
        self._pass_on()
        threading.Thread(target=self._drain, daemon=True).start()
        return dict(json.loads(line))

    def end_of_work(self, seconds: float) -> None:
        """Wait for a program that does one thing and ends.

        Raises:
            SynclineError: it failed, or is not ready in time.
        """
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise SynclineError(self._why(silent=True)) from None
        if code:
            raise SynclineError(self._why(silent=False))

    def _why(self, *, silent: bool) -> str:
        if silent:
            return f"The {self.name} did not get ready in time."
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self._listener.join(5)
        said = next((text for text in reversed(self._last) if text.strip()), "").strip()
        return said if said else f"The {self.name} ended by itself (code {self.process.returncode})."

    def last_words(self) -> str:
        """Why a process that should be running is not."""
        return f"The {self.name} ended by itself (code {self.process.returncode}): {self._why(silent=False)}"

    def _listen(self) -> None:
        """Until the child has answered its words are held back: they may become our own sentence."""
        assert self.process.stderr is not None  # noqa: S101
        for line in self.process.stderr:
            self._last.append(line)
            with self._lock:
                if self._is_held:
                    self._held.append(line)
                else:
                    self._write(line)

    def _pass_on(self) -> None:
        with self._lock:
            self._is_held = False
            for line in self._held:
                self._write(line)
            self._held.clear()

    def _write(self, line: str) -> None:
        if self._log is None:
            sys.stderr.write(line)
            return
        with self._log.open("a", encoding="utf-8") as out:
            out.write(line)

    def _drain(self) -> None:
        assert self.process.stdout is not None  # noqa: S101
        for line in self.process.stdout:
            self._write(line)

    def stop(self) -> None:
        """End it, politely first."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Children:
    """Processes that end with us: by `stop`, or by the pipe between us when we are killed."""

    def __init__(self, logs: Path | None = None) -> None:
        """Keep what the children write to stderr in this folder; without one it goes to our own stderr."""
        self._logs = logs
        self._running: list[Child] = []
        self._lifeline, self._kept_open = os.pipe()

    def start(self, name: str, module: str, *args: str, env: Mapping[str, str] | None = None) -> Child:
        """Start one of our own programs with this interpreter."""
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        process = subprocess.Popen(  # noqa: S603 - our own modules, fixed arguments
            [sys.executable, "-m", "core.cli.child", str(self._lifeline), module, *args],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=(self._lifeline,),
            start_new_session=True,
        )
        log = self._logs / f"{name.replace(' ', '-')}.log" if self._logs else None
        child = Child(name, process, log)
        self._running.append(child)
        return child

    def dead(self) -> Child | None:
        """One that has ended by itself."""
        return next((c for c in self._running if c.process.poll() is not None), None)

    def forget(self, child: Child) -> None:
        """A child that has done its work."""
        self._running.remove(child)

    def stop(self) -> None:
        """End all of them, the last one started first."""
        while self._running:
            self._running.pop().stop()


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first signal that asks us to end into KeyboardInterrupt, and let nothing disturb the cleaning up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
