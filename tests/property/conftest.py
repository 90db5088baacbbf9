"""The groundwork of the worlds in this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.property.world import World


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace and an org that are in step, made once and copied for each example."""
    folder = tmp_path_factory.mktemp("base") / "base"
    folder.mkdir()
    world = World(folder)
    world.build()
    world.close()
    return folder
