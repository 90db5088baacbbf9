"""A console on a finished demo, without worker and org: for looking at every page quickly."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from pathlib import Path

from console.server import new_link
from core.settings import Settings
from core.workspace import Workspace, open_workspace
from tests.demo_fixture import clean_environment
from tests.practice import ROOT

UP_SECONDS = 120.0
END_SECONDS = 30.0


class Desk:
    """One console process on the data directory of a demo."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.link = ""
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self, log: Path) -> Desk:
        """Start the console; ``link`` is its one-time link."""
        env = clean_environment(SYNCLINE_HOME=str(self.home), SYNCLINE_CA_FILE=str(self.home / "org" / "ca.pem"))
        command = [sys.executable, "-m", "console.server", "--port", "0", "--print-url"]
        with log.open("w") as out:
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=out, text=True)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], UP_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        assert line, f"the console said nothing: {log.read_text()[-3000:]}"
        self.link = json.loads(line)["console_url"]
        self.url = self.link.partition("/open")[0]
        return self

    def fresh_link(self) -> str:
        """Another one-time link."""
        return new_link(self.home, int(self.url.rpartition(":")[2]))

    def workspace(self) -> Workspace:
        """The workspace that it shows, in this process."""
        return open_workspace(actor="desk", config=Settings(home=self.home, database_url=""))

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
