"""A finished small demo, made once per test run and shared by every suite and every test process.

A suite takes what it needs in its own conftest::

    from tests.demo_fixture import demo_copy, demo_folder, demo_home, demo_org, demo_summary

``demo_home`` is only to be read. A test that writes takes ``demo_copy``, and one that talks to the org ``demo_org``
beside it: the org of that very copy, running, at a port of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.practice import ROOT, Practice

if TYPE_CHECKING:
    from core.workspace import Workspace

SCALE = 0.1
MAKING_SECONDS = 400


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("SYNCLINE_")}, **more}


def free_port() -> int:
    """A free port below those that the system hands to outgoing connections: one of these could take it meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with closing(socket.socket()) as door:
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def syncline(*args: str, timeout: float = 300, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "core.cli", *args],
        cwd=ROOT,
        env=clean_environment(**env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def in_demo(home: Path, *args: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command against the database of a demo."""
    env = {"SYNCLINE_HOME": str(home), "SYNCLINE_CA_FILE": str(home / "org" / "ca.pem")}
    return syncline(*args, timeout=timeout, **env)


def open_demo(home: Path, actor: str = "test") -> Workspace:
    """The workspace of a demo, in this process."""
    from core.settings import Settings
    from core.workspace import open_workspace

    return open_workspace(actor=actor, config=Settings(home=home, database_url="", ca_file=str(home / "org/ca.pem")))


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shared demo and what it printed lie; made by the first test process that comes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-demo"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "summary.json").exists():
            _make(folder)
    return folder


def _make(folder: Path) -> None:
    home = folder / "demo"
    shutil.rmtree(home, ignore_errors=True)
    args = ("demo", "--once", "--json", "--scale", str(SCALE), "--data-dir", str(home))
    made = syncline(*args, timeout=MAKING_SECONDS)
    if made.returncode:
        raise RuntimeError(f"the demo ended with {made.returncode}: {made.stdout[-3000:]} {made.stderr[-3000:]}")
    fresh = folder / "summary.json.new"
    fresh.write_text(made.stdout, encoding="utf-8")
    fresh.rename(folder / "summary.json")


@pytest.fixture(scope="session")
def demo_home(demo_folder: Path) -> Path:
    """The data directory of a finished ``demo --once``; never written to."""
    return demo_folder / "demo"


@pytest.fixture(scope="session")
def demo_summary(demo_folder: Path) -> dict[str, Any]:
    """What ``demo --once --json`` printed when the shared demo was made."""
    return dict(json.loads((demo_folder / "summary.json").read_text(encoding="utf-8")))


@pytest.fixture
def demo_copy(demo_home: Path, tmp_path: Path) -> Path:
    """A copy of the shared demo that a test may change; its org has a port of its own."""
    return copy_demo(demo_home, tmp_path / "demo")


def copy_demo(home: Path, target: Path) -> Path:
    """Copy a demo that is not running."""
    shutil.copytree(home, target, ignore=shutil.ignore_patterns("*.lock", "lock", "*.db-*"))
    for name in ("syncline.db", "runs.db"):
        with closing(sqlite3.connect(home / name)) as source, closing(sqlite3.connect(target / name)) as copied:
            source.backup(copied)
    _move_org(target, _free_port())
    return target


def _free_port() -> int:
    with closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def _move_org(home: Path, port: int) -> None:
    """Give the org of a copy another port than the original's, on both sides."""
    host = f"127.0.0.1:{port}"
    (home / "org" / "port").write_text(str(port))
    with closing(sqlite3.connect(home / "syncline.db")) as db, db:
        db.execute("UPDATE connection SET instance_url = ?, login_url = ?", (f"https://{host}", f"https://{host}"))
        db.execute("UPDATE setting SET value = ? WHERE key = 'allowed_hosts'", (json.dumps([host]),))


@pytest.fixture
def demo_org(demo_copy: Path) -> Iterator[Practice]:
    """The practice org of ``demo_copy``, running."""
    with Practice(data_dir=demo_copy / "org", seed="demo", scale=SCALE) as practice:
        yield practice
