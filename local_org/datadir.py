"""Knows the files of one practice org's data directory: database, certificates, secrets, port, running server."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local_org.tls import write_private


class DataDirBusy(RuntimeError):
    """Another server already runs on this data directory."""


@dataclass(frozen=True, slots=True)
class DataDir:
    """One practice org on disk; every file of it that holds a secret has mode 0600."""

    path: Path

    @property
    def org_file(self) -> Path:
        """The org's rows and schema."""
        return self.path / "org.sqlite"

    @property
    def service_file(self) -> Path:
        """Sessions, refresh tokens, codes and Bulk jobs: what the org's web face remembers."""
        return self.path / "service.sqlite"

    @property
    def jobs(self) -> Path:
        """Where the data of Bulk jobs lies."""
        return self.path / "jobs"

    @property
    def info_file(self) -> Path:
        """Process id, port and address of the running server, for `fault` and for tests."""
        return self.path / "server.json"

    @property
    def control_file(self) -> Path:
        """The secret that opens the control endpoints."""
        return self.path / "control.secret"

    def prepare(self) -> IO[str]:
        """Make the directory and take its lock.

        Returns:
            The lock, held for as long as it stays open.

        Raises:
            DataDirBusy: Another server holds the lock.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.jobs.mkdir(exist_ok=True, mode=0o700)
        lock = (self.path / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as busy:
            lock.close()
            raise DataDirBusy(f"a practice org is already running on {self.path}") from busy
        return lock

    def secrets(self) -> dict[str, Any]:
        """The kept secrets: client id and secret, passwords by username, made once."""
        file = self.path / "secrets.json"
        if file.exists():
            kept: dict[str, Any] = json.loads(file.read_text())
            return kept
        made: dict[str, Any] = {
            "client_id": "3MVG9" + secrets.token_urlsafe(60).replace("-", "."),
            "client_secret": secrets.token_hex(32).upper(),
            "passwords": {},
        }
        self.keep_secrets(made)
        return made

    def keep_secrets(self, values: dict[str, Any]) -> None:
        """Write the secrets back after one was added."""
        write_private(self.path / "secrets.json", json.dumps(values, indent=1).encode())

    def control_secret(self) -> str:
        """The control endpoints' secret, made once."""
        if not self.control_file.exists():
            write_private(self.control_file, secrets.token_hex(24).encode())
        return self.control_file.read_text().strip()

    def kept_port(self) -> int:
        """The port of the last start, 0 when there was none."""
        file = self.path / "port"
        return int(file.read_text()) if file.exists() else 0

    def keep_port(self, port: int) -> None:
        """Remember the port, so that clients find the org again after a restart."""
        (self.path / "port").write_text(str(port))

    def announce(self, base_url: str, port: int) -> None:
        """Write the file by which `fault` finds the running server."""
        facts = {"pid": os.getpid(), "port": port, "base_url": base_url, "ca_file": str(self.path / "ca.pem")}
        write_private(self.info_file, json.dumps(facts).encode())

    def withdraw(self) -> None:
        """The server has stopped."""
        self.info_file.unlink(missing_ok=True)

    def running(self) -> dict[str, Any] | None:
        """What `announce` wrote, or ``None`` when no server runs here."""
        if not self.info_file.exists():
            return None
        facts: dict[str, Any] = json.loads(self.info_file.read_text())
        return facts
