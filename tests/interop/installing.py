"""Puts each real client into an environment of its own under build/, pinned, once, however many runs begin together."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLIENTS = Path(__file__).parent / "clients"
_MARK = "installed.txt"
_SECONDS = 600


def npm_home(build: Path, name: str, *, scripts: bool = False) -> Path:
    """The folder with the npm client `name`, pinned by ``clients/NAME.json``; with `scripts` packages run their own."""
    home, wanted = build / "npm" / name, (CLIENTS / f"{name}.json").read_text()
    with _locked(home):
        if not _holds(home, wanted):
            shutil.rmtree(home / "node_modules", ignore_errors=True)
            (home / "package.json").write_text(wanted)
            quiet = ["--no-audit", "--no-fund", "--loglevel=error", *([] if scripts else ["--ignore-scripts"])]
            _run(["npm", "install", *quiet], home)
            (home / _MARK).write_text(wanted)
    return home


def python_of(build: Path, name: str) -> Path:
    """The interpreter of the Python client `name`, as ``clients/NAME.txt`` pins it."""
    home, pins = build / "venvs" / name, CLIENTS / f"{name}.txt"
    python = home / "bin" / "python"
    with _locked(home):
        if not _holds(home, pins.read_text()):
            _run([sys.executable, "-m", "venv", "--clear", str(home)], home)
            _run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(pins)], home)
            (home / _MARK).write_text(pins.read_text())
    return python


def _holds(home: Path, wanted: str) -> bool:
    mark = home / _MARK
    return mark.exists() and mark.read_text() == wanted


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed: {(done.stderr or done.stdout)[-3000:]}"
