"""The lock files: everything pinned and hashed, one version of each package, what an editable install needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-lab.lock")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.M)


def entries(path: Path) -> list[str]:
    """Each requirement with its continuation lines, comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    return [e for e in re.split(r"\n(?=\S)", "\n".join(lines)) if e.strip()]


def pins(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall(path.read_text(encoding="utf-8")):
        found.setdefault(name.lower(), set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_and_hashed(root: Path, lock: str) -> None:
    for entry in entries(root / lock):
        assert PIN.match(entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_address(root: Path, lock: str) -> None:
    assert "://" not in (root / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_locks_agree_with_each_other(root: Path, lock: str) -> None:
    run, other = pins(root / LOCKS[0]), pins(root / lock)
    assert {name: other.get(name) for name in run} == run


@pytest.mark.parametrize("name", ["hatchling", "editables"])
def test_the_lock_can_build_the_project(root: Path, name: str) -> None:
    assert name in pins(root / LOCKS[0])


def test_every_dependency_is_locked(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[<>=~! ]", d)[0].lower() for d in project["dependencies"]}
    assert names <= pins(root / LOCKS[0]).keys()
    dev = {re.split(r"[\[<>=~! ]", d)[0].lower() for d in project["optional-dependencies"]["dev"]}
    assert dev <= pins(root / LOCKS[1]).keys()
