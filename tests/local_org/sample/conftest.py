"""One small world and one of full size, each built once; and an org that is really filled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_org.org.catalog import standard_schema
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.sample.base import World
from local_org.sample.filling import fill
from local_org.sample.world import build_world
from local_org.sample.writing import write_intake

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SCALE = 0.1


@pytest.fixture(scope="session")
def full() -> World:
    """The world at scale 1."""
    return build_world(scale=1, seed=7, now=NOW)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the intake files at scale 1."""
    path = tmp_path_factory.mktemp("intake")
    write_intake(path, scale=1, seed=7, now=NOW)
    return path


@pytest.fixture(scope="session")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org filled at a tenth of the size."""
    made = Org.create(tmp_path_factory.mktemp("org") / "org.sqlite", standard_schema(), clock=Clock.at(NOW))
    fill(made, scale=SCALE, seed=7, now=NOW)
    yield made
    made.close()


@pytest.fixture(scope="session")
def said() -> dict[str, Any]:
    """The manifest of the filled org."""
    from local_org.sample.writing import manifest

    return manifest(scale=SCALE, seed=7, now=NOW)
