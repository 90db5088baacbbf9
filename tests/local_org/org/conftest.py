"""An org in a temporary file, its administrator, and a desk to work at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_org.org import permissions
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.session import Session
from tests.local_org.org.desk import NOON, Desk, practice_schema


@pytest.fixture
def clock() -> Clock:
    return Clock.at(NOON)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a fresh org, made once; each test works on a copy."""
    path = tmp_path_factory.mktemp("template") / "org.db"
    with Org.create(path, practice_schema(), clock=Clock.at(NOON)) as org:
        permissions.add_user(
            org, "admin@practice.example", profile="System Administrator", first_name="Ada", last_name="Admin"
        )
    return path


@pytest.fixture
def org(template: Path, tmp_path: Path, clock: Clock) -> Iterator[Org]:
    shutil.copy(template, tmp_path / "org.db")
    with Org.open(tmp_path / "org.db", clock=clock) as made:
        yield made


@pytest.fixture
def admin_id(org: Org) -> str:
    return str(permissions.user_id_of(org, "admin@practice.example"))


@pytest.fixture
def admin(org: Org, admin_id: str) -> Session:
    return org.session(admin_id)


@pytest.fixture
def desk(admin: Session) -> Desk:
    return Desk(admin)
