"""Keeps the demo's data directory: takes it or refuses it, empties it, and remembers how far a first start has come."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import IO, Any

from core.errors import UsageError
from core.private import private

MARKER = ".syncline-demo"
LOCK = "demo.lock"
LOCKS_OF_CHILDREN = ("org/lock", "worker.lock")
QUIET_SECONDS = 40.0
"""How long the processes of a demo that was killed are given to notice and end."""


def default_folder() -> Path:
    """Where the demo lives: ``$SYNCLINE_HOME/demo``, or the data directory itself where that is a demo's."""
    home = Path(os.environ.get("SYNCLINE_HOME") or Path.home() / ".syncline").expanduser()
    return home if (home / MARKER).exists() else home / "demo"


class Folder:
    """A demo's data directory, held by one demo at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.logs = self.path / "logs"
        self._lock: IO[str] | None = None

    def take(self, *, fresh: bool = False) -> None:
        """Take the directory, making it where it is not there.

        Args:
            fresh: delete the demo that is in it first.

        Raises:
            UsageError: it holds something that no demo made, or a demo is running on it.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is not a directory.", hint="Name another with --data-dir.")
        if not self._is_ours():
            raise UsageError(
                f"{self.path} holds something that no demo made.", hint="Name an empty directory with --data-dir."
            )
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(self.path / LOCK)
        if self._lock is None:
            raise UsageError(f"A demo is already running on {self.path}.", hint="Stop it, or name another --data-dir.")
        if not (self.path / MARKER).exists():
            self._write({})
        self._wait_for_quiet()
        if fresh:
            # What is known goes first: a deletion that is interrupted leaves an unfinished demo, not a broken one.
            self._write({})
            self._empty()
        self.logs.mkdir(exist_ok=True, mode=0o700)

    def release(self) -> None:
        """Let others take the directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _is_ours(self) -> bool:
        if (self.path / MARKER).exists() or not self.path.exists():
            return True
        # A first start that was stopped at once leaves these and no marker.
        return not {p.name for p in self.path.iterdir()} - {LOCK, f"{MARKER}.new"}

    def _wait_for_quiet(self) -> None:
        until = time.monotonic() + QUIET_SECONDS
        while not all(_is_free(self.path / name) for name in LOCKS_OF_CHILDREN):
            if time.monotonic() > until:
                raise UsageError(
                    f"Something of an earlier demo is still running on {self.path}.", hint="Stop it first."
                )
            time.sleep(0.2)

    def _empty(self) -> None:
        for entry in self.path.iterdir():
            if entry.name in (LOCK, MARKER):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def known(self) -> dict[str, Any]:
        """What was remembered of this demo."""
        marker = self.path / MARKER
        return dict(json.loads(marker.read_text(encoding="utf-8") or "{}")) if marker.exists() else {}

    def remember(self, **facts: Any) -> None:
        """Remember facts beside those that are known."""
        self._write({**self.known(), **facts})

    def _write(self, facts: dict[str, Any]) -> None:
        fresh = self.path / f"{MARKER}.new"
        fresh.write_text(json.dumps(facts) + "\n", encoding="utf-8")
        fresh.replace(self.path / MARKER)

    def keep(self, name: str, wanted: Any, usual: Any, *, hint: str) -> Any:
        """A setting that a demo keeps for its life: the one remembered, else the one wanted, else the usual one.

        Raises:
            UsageError: another is wanted than the one remembered.
        """
        known = self.known().get(name)
        if known is None:
            known = usual if wanted is None else wanted
            self.remember(**{name: known})
        elif wanted is not None and wanted != known:
            raise UsageError(f"The demo in {self.path} was made with another {name}: {known}.", hint=hint)
        return known

    def keep_database(self, url: str, made_elsewhere: bool) -> None:
        """Claim a database for this demo; its URL, which may hold a password, is remembered as a hash.

        Raises:
            UsageError: the demo has another one, or the workspace in this one is not the demo's.
        """
        digest = hashlib.sha256(url.encode()).hexdigest() if url else "own"
        known = self.known().get("database")
        if known is None and made_elsewhere:
            raise UsageError(
                "That database holds a workspace that this demo did not make.", hint="Name an empty database."
            )
        if known is not None and known != digest:
            raise UsageError(
                f"The demo in {self.path} keeps its data in another database.",
                hint="Name that one with --database-url, or begin anew with --fresh.",
            )
        self.remember(database=digest)


def _locked(path: Path) -> IO[str] | None:
    handle = private(path).open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def _is_free(path: Path) -> bool:
    if not path.exists():
        return True
    handle = _locked(path)
    if handle is not None:
        handle.close()
    return handle is not None
