"""Several records at once: created on both sides, the delete guard, and edits of every kind in any order."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.mapping.spec import Policy
from core.planning import guards
from core.records import Direction
from tests.scenarios.two_sides import TwoSides


def in_step(n: int) -> TwoSides:
    world = TwoSides()
    for i in range(n):
        world.make_here(subject=f"Task {i}")
    world.run(Direction.OUTBOUND)
    world.run(Direction.INBOUND)
    world.wait(60)
    return world


@pytest.mark.requirement("O2")
def test_what_is_created_on_both_sides_is_made_once_on_the_other() -> None:
    world = TwoSides()
    world.make_here(subject="Ours")
    world.make_there(Subject="Theirs")
    into, out = world.sync()
    assert into["action"].to_list() == ["create"]
    assert out.sort("record_id")["action"].to_list() == ["create", "none"]
    world.settle()
    assert [r["subject"] for r in world.here.values()] == ["Ours", "Theirs"]
    assert sorted(r["Subject"] for r in world.there.values()) == ["Ours", "Theirs"]
    assert len(world.links) == 2


@pytest.mark.requirement("O18")
@pytest.mark.parametrize("direction", list(Direction))
def test_a_mass_delete_stops_before_anything_is_written(direction: Direction) -> None:
    world = in_step(40)
    delete: Any = world.delete_here if direction is Direction.OUTBOUND else world.delete_there
    for key in list(world.here if direction is Direction.OUTBOUND else world.there)[:12]:
        delete(key)
    before = world.state()
    rows = world.run(direction)
    assert rows.filter(pl.col("action") == "delete").height == 12
    assert guards.check(rows, 40, world.job_out.guards)[0].guard == "mass_delete"
    assert world.state() == before


@pytest.mark.requirement("O18")
def test_a_few_deletes_pass_the_guard_and_travel() -> None:
    world = in_step(40)
    for number in range(1, 4):
        world.delete_here(number)
    world.settle()
    assert sum(r["IsDeleted"] == "true" for r in world.there.values()) == 3
    assert len(world.links) == 37


@pytest.mark.requirement("O2")
def test_a_plan_that_was_not_applied_is_made_the_same_again() -> None:
    world = in_step(5)
    world.edit_here(1, subject="Ours")
    world.edit_there(list(world.there)[1], Subject="Theirs")
    before = world.state()
    again = [(world.plan_in().rows, world.plan_out().rows) for _ in range(2)]
    assert again[0][0].equals(again[1][0])
    assert again[0][1].equals(again[1][1])
    assert world.state() == before, "planning writes nothing"


FIELDS = {"subject": "Subject", "notes": "Description", "priority": "Priority"}
values = st.sampled_from(["High", "Low", "Normal"])
fields = st.sampled_from(list(FIELDS))


class BothSides(RuleBasedStateMachine):
    """Two people and two jobs at work on a handful of tasks."""

    @initialize(policy=st.sampled_from([Policy.LAST_UPDATE_WINS, Policy.ORG_WINS, Policy.WORKSPACE_WINS]))
    def begin(self, policy: Policy) -> None:
        self.world = TwoSides()
        self.world.job_in = self.world.job_in.model_copy(update={"policy": policy})
        self.world.job_out = self.world.job_out.model_copy(update={"policy": policy})
        for i in range(3):
            self.world.make_here(subject=f"Task {i}", notes="Old")
        self.world.sync()
        self.world.sync()
        self.deleted: set[int] = set()

    @rule(seconds=st.sampled_from([0.5, 1, 2, 60]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(pick=st.integers(0, 9), field=fields, value=values)
    def edit_here(self, pick: int, field: str, value: str) -> None:
        alive = [i for i, r in self.world.here.items() if r["deleted_at"] is None]
        if alive:
            self.world.edit_here(alive[pick % len(alive)], **{field: value})

    @rule(pick=st.integers(0, 9), field=fields, value=values)
    def edit_there(self, pick: int, field: str, value: str) -> None:
        alive = [i for i, r in self.world.there.items() if r["IsDeleted"] == "false"]
        if alive:
            self.world.edit_there(alive[pick % len(alive)], **{FIELDS[field]: value})

    @rule(value=values)
    def create_here(self, value: str) -> None:
        self.world.make_here(subject=value)

    @rule(value=values)
    def create_there(self, value: str) -> None:
        self.world.make_there(Subject=value)

    @precondition(lambda self: len(self.world.here) > 2 and not self.deleted)
    @rule()
    def delete_here(self) -> None:
        number = next(i for i, r in self.world.here.items() if r["deleted_at"] is None)
        self.world.delete_here(number)
        self.deleted.add(number)

    @rule(direction=st.sampled_from(list(Direction)))
    def run(self, direction: Direction) -> None:
        links = {k: json.loads(v["baseline"]) for k, v in self.world.links.items()}
        seen = len(self.world.decisions)
        rows = self.world.run(direction)
        told = {(d["local_id"], d["field"]) for d in self.world.decisions[seen:]}
        self.nothing_is_overwritten_in_silence(direction, rows, links, told)

    def nothing_is_overwritten_in_silence(
        self, direction: Direction, rows: pl.DataFrame, links: dict[str, Any], told: set[tuple[int, str]]
    ) -> None:
        """A value that is written over is the one both sides agreed on, or the decision is recorded (I2)."""
        names = FIELDS.values() if direction is Direction.OUTBOUND else FIELDS
        places = {k: i for i, k in enumerate(self.world.there)}
        for row in rows.filter(pl.col("action") == "update").to_dicts():
            before, base = json.loads(row["before"]), links[row["org_id"]]
            local = row["record_id"] if direction is Direction.OUTBOUND else places[row["org_id"]]
            for name in set(before) & set(names):
                known = base.get(name if direction is Direction.OUTBOUND else FIELDS[name])
                assert before[name] == known or (local, name) in told, (name, before, base)

    @invariant()
    def links_are_one_to_one(self) -> None:
        """One record here, one there (I1), and what was deleted here stays deleted (I3)."""
        linked = [v["record_id"] for v in self.world.links.values()]
        assert len(linked) == len(set(linked))
        assert all(self.world.here[i]["deleted_at"] is not None for i in self.deleted)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.settle()
        alive = {i for i, r in self.world.here.items() if r["deleted_at"] is None}
        linked = {v["record_id"] for v in self.world.links.values()}
        held = self.world.plan_out().rows.filter(pl.col("cause") == "conflict")["record_id"].to_list()
        assert alive <= linked, "what lives is linked"
        assert linked - alive <= set(held), "what was deleted here stays linked only while a person is asked"
        for org_id, link in self.world.links.items():
            if link["record_id"] not in alive:
                continue
            here, there = self.world.here[link["record_id"]], self.world.there[org_id]
            assert {f: here.get(f) for f in FIELDS} == {f: there.get(o) for f, o in FIELDS.items()}


# Shrinking a story takes minutes, and the steps of a failure are short enough to be read as they are.
BothSides.TestCase.settings = settings(
    max_examples=10, stateful_step_count=12, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
TestBothSides = pytest.mark.requirement("O2")(BothSides.TestCase)
