"""Every story step by step: each run's plan is the golden one, and after it both sides come to rest."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from core.mapping.spec import Blank, JobSpec
from core.records import Direction
from tests.scenarios.stories import STORIES, Golden, Story
from tests.scenarios.two_sides import TwoSides, changed_mappings, stamp


def job(base: JobSpec, story: Story) -> JobSpec:
    spec = JobSpec.model_validate({**base.model_dump(), **dict(story.job), "updated_within_days": None})
    if not story.blank:
        return spec
    noted = {"notes", "Description"}
    rule = {"blank": Blank(story.blank)}
    return changed_mappings(spec, lambda m: m.model_copy(update=rule) if m.target in noted else m)


def begin(story: Story) -> tuple[TwoSides, int, str]:
    """One linked task, in step on both sides."""
    world = TwoSides()
    world.job_in, world.job_out = job(world.job_in, story), job(world.job_out, story)
    number = world.make_here(**{"subject": "First", "notes": "Old", **dict(story.given)})
    world.run(Direction.OUTBOUND)
    world.run(Direction.INBOUND)
    (org_id,) = world.links
    return world, number, org_id


def plan_of(world: TwoSides, direction: Direction, edited: datetime | None) -> Golden:
    row = world.run(direction).row(0, named=True)
    payload: dict[str, Any] | None = json.loads(row["payload"]) if row["payload"] else None
    if payload and "updated_at" in payload:
        assert edited is not None
        assert payload["updated_at"] == stamp(edited)
        payload["updated_at"] = "<now>"
    return row["action"], row["outcome"], "" if row["outcome"] == "unchanged" else row["cause"], payload


def play(story: Story) -> TwoSides:
    world, number, org_id = begin(story)
    edited: datetime | None = None
    for step in story.steps:
        match step:
            case ("wait", seconds):
                world.wait(seconds)
            case ("here", values):
                world.edit_here(number, **values)
            case ("there", values):
                world.edit_there(org_id, **values)
                edited = world.now
            case ("delete", "here"):
                world.delete_here(number)
            case ("delete", "there"):
                world.delete_there(org_id)
            case ("leaves", user):
                world.inactive.add(user)
            case ("in" | "out" as way, golden):
                direction = Direction.INBOUND if way == "in" else Direction.OUTBOUND
                assert plan_of(world, direction, edited) == golden, (way, step)
            case ("see", here, there):
                assert {k: world.here[number][k] for k in here} == here
                assert {k: world.there[org_id].get(k) for k in there} == there
            case _:
                raise AssertionError(f"no such step: {step}")
    return world


def marked() -> list[Any]:
    ids = [pytest.mark.requirement(*s.requirements) if s.requirements else () for s in STORIES]
    return [pytest.param(s, id=s.name, marks=marks) for s, marks in zip(STORIES, ids, strict=True)]


@pytest.mark.parametrize("story", marked())
def test_a_story_has_its_golden_plans_and_comes_to_rest(story: Story) -> None:
    world = play(story)
    world.settle()


def test_every_story_has_its_own_name() -> None:
    assert len({s.name for s in STORIES}) == len(STORIES)
