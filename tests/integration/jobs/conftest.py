"""A seeded practice org for the jobs, and desks on it that are connected and have no job yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.kit import Desk, connect, new_desk
from tests.practice import Practice


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Practice, Path]]:
    """The sample org, small, and a home whose workspace is connected to it."""
    with Practice(seed="demo", scale=0.05) as org:
        desk = Desk(org, tmp_path_factory.mktemp("ground"))
        connect(desk.ws, org)
        desk.close()
        yield org, desk.home


@pytest.fixture
def desks(shop: tuple[Practice, Path], tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    """Makes desks, each with a workspace of its own."""
    org, ground = shop
    made: list[Desk] = []

    def make() -> Desk:
        org.advance_clock(15)  # what another desk has just written as the same user is none of this one's
        org.reset_calls()
        made.append(new_desk(org, ground, tmp_path / f"home{len(made)}"))
        return made[-1]

    yield make
    org.fault_off("all")
    for desk in made:
        desk.close()


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    """One of them."""
    return desks()
