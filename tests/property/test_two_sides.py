"""Random work on both sides, with faults and crashes, in any order: nothing is lost, doubled, revived or in silence."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.property.invariants import Watch
from tests.property.world import JOBS, Row, World, contact, copied

FAULTS: dict[str, dict[str, Any]] = {
    "answer_cut": {"count": 1},
    "answer_cut before": {"name": "answer_cut", "count": 1, "value": "before"},
    "late_commit": {"count": 1, "value": "600"},
    "server_error": {"count": 2},
    "row_lock": {"rate": 0.5, "count": 3, "match": "composite"},
    "rows_failed": {"rate": 0.5, "count": 2, "match": "composite"},
    "equal_stamps": {},
    "expired_session": {"count": 1},
    "org_stopped": {"count": 2},
    "read_cut": {"count": 1},
    "allowance": {"count": 1},
    "query_timeout": {"count": 1},
    "between_pages": {"count": 1, "value": "change"},
}
TEXTS = {"subject": "Subject", "notes": "Description", "priority": "Priority", "status": "Status"}
WORDS = {
    "subject": ["Call back", "Meet", "Send the lease"],
    "notes": ["soon", "later", "never"],
    "priority": ["High", "Low", "Normal"],
    "status": ["In Progress", "Completed", "Not Started"],
}
LOW_STAYS_OUT = "Priority != 'Low'"
picks = st.integers(0, 20)
edits = st.sampled_from([(f, w) for f, words in WORDS.items() for w in words])


class TwoSides(RuleBasedStateMachine):
    """One workspace and one org, from the groundwork on."""

    base: Path

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="two-sides-")))
        self.world: World = self.stack.enter_context(copied(self.base, folder))
        self.watch = Watch(self.world)

    # --- picking

    def mine(self, pick: int, kinds: tuple[str, ...] = ("task",)) -> Row | None:
        alive = [r for r in self.watch.before.here.values() if r["deleted_at"] is None and r["kind"] in kinds]
        return alive[pick % len(alive)] if alive else None

    def theirs(self, pick: int, *, deleted: int = 0) -> Row | None:
        found = [t for t in self.watch.before.tasks.values() if t["IsDeleted"] == deleted]
        return found[pick % len(found)] if found else None

    def people(self, sobject: str) -> list[Row]:
        every = self.watch.before.people_there.values()
        return [p for p in every if p["sobject"] == sobject and not p["IsDeleted"] and not p["IsConverted"]]

    # --- people, here

    @rule(pick=picks, at=st.sampled_from([0.4, 1, 30]))
    def a_task_is_made_here(self, pick: int, at: float) -> None:
        self.world.tick(at)
        self.world.new_task(pick)
        self.watch.after_people()

    @rule(pick=picks)
    def a_call_is_logged_here(self, pick: int) -> None:
        self.world.tick()
        self.world.new_call(pick)
        self.watch.after_people()

    @rule(pick=picks, edit=edits, at=st.sampled_from([0.4, 1, 30]))
    def a_task_is_edited_here(self, pick: int, edit: tuple[str, str], at: float) -> None:
        self.world.tick(at)
        if (record := self.mine(pick)) is not None:
            self.world.edit_here(record, **{edit[0]: edit[1]})
        self.watch.after_people()

    @rule(pick=picks, at=st.sampled_from([1, 30]))
    def a_task_is_sent_again_with_a_newer_time(self, pick: int, at: float) -> None:
        self.world.tick(at)
        if (record := self.mine(pick)) is not None:
            self.world.edit_here(record, subject=record["subject"])
        self.watch.after_people()

    @rule(pick=picks)
    def an_activity_is_deleted_here(self, pick: int) -> None:
        self.world.tick()
        if (record := self.mine(pick, ("task", "call"))) is not None:
            self.world.delete_here(record)
        self.watch.after_people()

    @rule(pick=picks)
    def somebody_opts_out_here(self, pick: int) -> None:
        self.world.tick()
        self.world.opt_out_here(contact(pick % 4))
        self.watch.after_people()

    # --- people, there

    @rule(pick=picks)
    def a_task_is_made_there(self, pick: int) -> None:
        self.world.tick()
        self.world.new_there(pick)
        self.watch.after_people()

    @rule(pick=picks, edit=edits, at=st.sampled_from([0.4, 1, 30]))
    def a_task_is_edited_there(self, pick: int, edit: tuple[str, str], at: float) -> None:
        self.world.tick(at)
        if (task := self.theirs(pick)) is not None:
            self.world.edit_there(task, **{TEXTS[edit[0]]: edit[1]})
        self.watch.after_people()

    @rule(pick=picks)
    def a_task_is_deleted_there(self, pick: int) -> None:
        self.world.tick()
        if (task := self.theirs(pick)) is not None:
            self.world.delete_there(task)
        self.watch.after_people()

    @precondition(lambda self: self.world.deleted_there)
    @rule(pick=picks)
    def a_task_is_undeleted_there(self, pick: int) -> None:
        self.world.tick()
        deleted = sorted(self.world.deleted_there)
        self.world.undelete_there(self.watch.before.tasks[deleted[pick % len(deleted)]])
        self.watch.after_people()

    @rule(pick=picks, sobject=st.sampled_from(["Contact", "Lead"]))
    def somebody_opts_out_there(self, pick: int, sobject: str) -> None:
        self.world.tick()
        if people := self.people(sobject):
            self.world.opt_out_there(people[pick % len(people)])
        self.watch.after_people()

    @rule(pick=picks)
    def contacts_are_merged_there(self, pick: int) -> None:
        self.world.tick()
        people = self.people("Contact")
        if len(people) > 2:
            at = pick % len(people)
            self.world.merge_there(people[at], people[at - 1])
        self.watch.after_people()

    @rule(pick=picks)
    def a_lead_is_converted_there(self, pick: int) -> None:
        self.world.tick()
        if leads := self.people("Lead"):
            self.world.convert_there(leads[pick % len(leads)])
        self.watch.after_people()

    # --- the world around

    @rule(name=st.sampled_from(list(FAULTS)))
    def something_breaks(self, name: str) -> None:
        facts = FAULTS[name]
        self.world.fault(facts.get("name", name), **{k: v for k, v in facts.items() if k != "name"})

    @rule(where=st.sampled_from(["", LOW_STAYS_OUT]))
    def the_filter_changes(self, where: str) -> None:
        self.world.tick()
        self.world.set_filter(where)

    @rule()
    def all_is_well_again(self) -> None:
        self.world.tick()
        self.world.calm()
        self.watch.after_run()

    @rule(seconds=st.sampled_from([3, 60, 400, 1300]))
    def time_passes(self, seconds: int) -> None:
        self.world.tick(seconds)

    # --- runs

    @rule(job=st.sampled_from(JOBS), looks=st.sampled_from([1, 40]), commit_at=st.sampled_from([1, 3, 100]))
    def a_job_runs(self, job: str, looks: int, commit_at: int) -> None:
        self.world.tick(2)
        self.world.run(job, looks=looks, commit_at=commit_at)
        self.watch.after_run()

    @rule(job=st.sampled_from(["tasks_in", "tasks_out"]))
    def tasks_travel(self, job: str) -> None:
        self.world.tick(2)
        self.world.run(job)
        self.watch.after_run()

    @rule(job=st.sampled_from(JOBS), at=st.integers(1, 4), arrives=st.booleans())
    def a_run_is_killed(self, job: str, at: int, arrives: bool) -> None:
        self.world.tick(2)
        self.world.run(job, kill=(at, arrives))
        self.watch.after_run()

    @rule(job=st.sampled_from(JOBS))
    def a_dry_run_writes_nothing(self, job: str) -> None:
        self.world.tick()
        self.watch.dry_run(job)

    def teardown(self) -> None:
        if hasattr(self, "watch"):
            try:
                self.watch.rest()
            finally:
                self.stack.close()


def play(base: Path, **more: Any) -> None:
    machine = type("TwoSidesHere", (TwoSides,), {"base": base})
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True,
            phases=(Phase.explicit, Phase.generate), **more,
        ),
    )  # fmt: skip


@pytest.mark.requirement("O2", "X11")
def test_the_two_sides_stay_true_over_five_hundred_steps(base: Path) -> None:
    play(base, max_examples=20, stateful_step_count=25, derandomize=True)


@pytest.mark.nightly
def test_the_two_sides_stay_true_over_twenty_thousand_steps(base: Path) -> None:
    examples = int(os.environ.get("SYNCLINE_EXAMPLES", "500"))
    play(base, max_examples=examples, stateful_step_count=40)
