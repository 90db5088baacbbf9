"""A practice org for this folder, with accounts and people, and desks on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.kit import Desk, groundwork, new_desk
from tests.practice import Practice


@pytest.fixture(scope="session")
def grounded() -> Iterator[tuple[Practice, Path]]:
    """An org without an External ID field on Activity, and the groundwork for its desks."""
    with Practice() as org, groundwork(org) as ground:
        yield org, ground


@pytest.fixture(scope="session")
def keyed() -> Iterator[tuple[Practice, Path]]:
    """An org with Syncline_Key__c on Activity."""
    with Practice(activity_key=True) as org, groundwork(org) as ground:
        yield org, ground


@pytest.fixture
def desk_on(tmp_path: Path) -> Iterator[Callable[[tuple[Practice, Path]], Desk]]:
    """Makes desks on an org, and leaves it without faults."""
    made: list[Desk] = []

    def make(base: tuple[Practice, Path]) -> Desk:
        org, ground = base
        org.fault_off("all")
        org.advance_clock(15)  # what another desk has just written as the same user is none of this one's
        org.reset_calls()
        made.append(new_desk(org, ground, tmp_path / f"home{len(made)}"))
        return made[-1]

    yield make
    for desk in made:
        desk.org.fault_off("all")
        desk.close()


@pytest.fixture
def desk(desk_on: Callable[[tuple[Practice, Path]], Desk], grounded: tuple[Practice, Path]) -> Desk:
    """A desk on the org without a key field."""
    return desk_on(grounded)


@pytest.fixture(params=["without_key", "with_key"])
def either(request: pytest.FixtureRequest, desk_on: Callable[[tuple[Practice, Path]], Desk]) -> Desk:
    """The same on both orgs: calls go out as creates, or as upserts on our key."""
    return desk_on(request.getfixturevalue("grounded" if request.param == "without_key" else "keyed"))
