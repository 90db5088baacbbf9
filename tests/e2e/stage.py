"""The stage of the browser's story: a practice org, sample files, and `syncline up` on an empty database."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from core.settings import Settings
from core.workspace import Workspace, open_workspace
from tests.demo_fixture import clean_environment, syncline
from tests.practice import ROOT, Practice

SCALE = 0.1
UP_SECONDS = 120.0
END_SECONDS = 30.0


class Stage:
    """Everything outside the browser that a chapter of the story may use."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.files = folder / "files"
        self.org = Practice(data_dir=folder / "org", seed="demo", scale=SCALE)
        self.port = _free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = {
            "SYNCLINE_HOME": str(self.home),
            "SYNCLINE_CA_FILE": str(self.org.env["ca_file"]),
            "SYNCLINE_PUBLIC_URL": self.url,
        }
        self.link = ""
        self._up: subprocess.Popen[str] | None = None
        self._token = ""
        self._workspace: Workspace | None = None
        self._http = requests.Session()
        self._http.trust_env = False

    def start(self, log: Path) -> None:
        """Make the sample files, and start worker and console; ``link`` is what the terminal shows then."""
        command = [sys.executable, "-m", "core.cli", "up", "--port", str(self.port), "--json"]
        with log.open("w") as out:
            self._up = subprocess.Popen(
                command, cwd=ROOT, env=clean_environment(**self.env), stdout=subprocess.PIPE, stderr=out, text=True
            )
        self._make_files()
        assert self._up.stdout is not None
        ready, _, _ = select.select([self._up.stdout], [], [], UP_SECONDS)
        line = self._up.stdout.readline() if ready else ""
        assert line, f"syncline up said nothing: {log.read_text()[-3000:]}"
        self.link = json.loads(line)["console_url"]

    def _make_files(self) -> None:
        sample = self.org.env["sample"]
        wishes = ["--scale", str(sample["scale"]), "--seed", str(sample["seed"]), "--now", str(sample["now"])]
        subprocess.run(
            [sys.executable, "-m", "local_org.sample", "--out", str(self.files), *wishes],
            cwd=ROOT, check=True, capture_output=True, timeout=120,
        )  # fmt: skip

    def stop(self) -> None:
        """End what was started."""
        if self._up is not None:
            self._up.send_signal(signal.SIGTERM)
            try:
                self._up.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
            assert self._up.stdout is not None
            self._up.stdout.close()
        self._http.close()
        self.org.stop()

    # The command line

    def cli(self, *args: str) -> Any:
        """What a command prints as JSON; exit code 1, findings or broken rows, is left to the caller."""
        done = syncline(*args, "--json", timeout=300, **self.env)
        assert done.returncode in (0, 1), f"{args}: {done.returncode} {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return json.loads(done.stdout)

    def take_in(self, kind: str, name: str) -> Any:
        """Take in a sample file by the command line."""
        return self.cli("intake", "--kind", kind, str(self.files / name))

    # The database, read beside the running worker

    def workspace(self) -> Workspace:
        """The workspace, in this process."""
        if self._workspace is None:
            config = Settings(home=self.home, database_url="", ca_file=self.env["SYNCLINE_CA_FILE"])
            self._workspace = open_workspace(actor="story", config=config)
        return self._workspace

    def open_rows(self, **only: Any) -> list[dict[str, Any]]:
        """The rows that did not go."""
        return self.workspace().open_rows(**only).to_dicts()

    def quiet(self, seconds: float = 90) -> None:
        """Wait until no run is under way."""
        for _ in until(seconds):
            if not any(r["status"] in ("queued", "running") for r in self.workspace().runs(limit=50)):
                return
        raise AssertionError("runs are still under way")

    # The HTTP API

    def make_token(self) -> None:
        """A token of the API, made by the command line."""
        self._token = self.cli("tokens", "create", "story", "--role", "operator")["token"]

    def post(self, kind: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        """Send rows with a token that the command line made; the answers, which must all be good."""
        answer = self._http.post(
            f"{self.url}/api/v1/{kind}", json=list(rows), headers={"Authorization": f"Bearer {self._token}"}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        answers: list[dict[str, Any]] = told if isinstance(told, list) else told["rows"]
        assert all(a["result"] in ("created", "updated") for a in answers), answers
        return answers

    # The org

    def tasks(self, where: str) -> list[dict[str, Any]]:
        """Tasks of the org."""
        fields = (
            "Id, WhoId, WhatId, OwnerId, Subject, Type, Status, Call_Outcome__c, CallDurationInSeconds, CallType, "
            "Description, Priority, ActivityDate"
        )
        return self.org.soql(f"SELECT {fields} FROM Task WHERE {where}")

    def tasks_when(self, where: str, *, count: int = 1, seconds: float = 60) -> list[dict[str, Any]]:
        """Tasks of the org, once there are so many."""
        found: list[dict[str, Any]] = []
        for _ in until(seconds):
            found = self.tasks(where)
            if len(found) >= count:
                break
        assert len(found) == count, f"{where}: {len(found)} of {count} Tasks"
        return found


def until(seconds: float, every: float = 0.5) -> Iterator[int]:
    """Turns of a loop that waits for something."""
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        yield n
        n += 1
        time.sleep(every)


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
