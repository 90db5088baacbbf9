"""The smallest examples of what the random worlds have found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.property.invariants import Watch
from tests.property.world import World, contact, copied, tag_of


@pytest.fixture
def world(base: Path, tmp_path: Path) -> Iterator[World]:
    """A world of its own."""
    with copied(base, tmp_path / "world") as made:
        yield made


@pytest.mark.requirement("S5", "T18")
def test_an_opt_out_here_outlives_a_merge_there(world: World) -> None:
    watch = Watch(world)
    people = {p["Email"]: p for p in world.people_there().values()}
    world.opt_out_here(contact(1))
    world.tick(5)
    world.merge_there(people[contact(2)], people[contact(1)])
    watch.rest()


@pytest.mark.requirement("S3")
def test_what_a_filter_kept_out_comes_in_once_the_filter_is_lifted(world: World) -> None:
    """It has not changed since, and the mark has long passed it."""
    world.set_filter("Priority != 'Low'")
    made = world.new_there(0, Priority="Low")
    tag = tag_of(world.tasks()[made]["Description"])
    for _ in range(2):
        world.tick(1900)
        world.run("tasks_in")
    assert not [r for r in world.sides().here.values() if tag_of(r["notes"]) == tag]
    world.tick(5)
    world.set_filter("")
    world.tick(5)
    world.run("tasks_in")
    assert len([r for r in world.sides().here.values() if tag_of(r["notes"]) == tag]) == 1
    frame = world.ws.database.read("SELECT scope_read_at FROM mark WHERE job = 'tasks_in' AND workspace_id = 1")
    assert frame["scope_read_at"].to_list() == [None], "it is not read in full again"
