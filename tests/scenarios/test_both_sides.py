"""Random edits, deletes, merges, opt-outs, filter changes and faults on both sides, through many real runs.

The org is the practice org in this process, the store a real database, the runs walk the steps that a worker walks.
`make test` takes some 500 steps, `make nightly` 20,000.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.connections.salesforce import transport
from core.mapping.spec import Guards
from tests.integration.kit import add_job, connect
from tests.scenarios.in_process import InnerDesk, Inside, snapshot, temporary, unwired_session

JOBS = ("people_in", "opt_outs_out", "tasks_out", "tasks_in")
FIELDS = {"subject": "Subject", "priority": "Priority", "status": "Status"}
VALUES = {
    "subject": st.sampled_from(["Call back", "Send offer", "Ünïcode ✓", "a"]),
    "priority": st.sampled_from(["High", "Normal", "Low"]),
    "status": st.sampled_from(["Not Started", "In Progress", "Completed"]),
}
edits = st.sampled_from(sorted(FIELDS)).flatmap(lambda f: VALUES[f].map(lambda v: (f, v)))
picks = st.integers(0, 9)


class BothSides(RuleBasedStateMachine):
    """A workspace and an org with tasks and people, and four jobs between them."""

    def __init__(self) -> None:
        super().__init__()
        self._real = transport.new_session
        self.home, self.org = temporary(), Inside(activity_key=bool(os.environ.get("SYNCLINE_KEYED")))
        transport.new_session = unwired_session(self.org)
        self.desk = InnerDesk(self.org, self.home)
        self.number = 0
        self.here: dict[str, dict[str, Any]] = {}
        self.deleted_here: set[str] = set()
        self.there: dict[str, str] = {}
        self.people: list[str] = []
        self.ever_out: set[int] = set()

    @initialize(people=st.integers(2, 4))
    def begin(self, people: int) -> None:
        """A connected workspace with an account and some people, all jobs switched on."""
        self.account = self.org.create("Account", Name="Acme", Website="https://acme-both.com")
        for n in range(people):
            self.people.append(self.org.create("Contact", LastName=f"P{n}", Email=f"p{n}@acme-both.com"))
        connect(self.desk.ws, self.org)
        guards = Guards(max_delete_share=1, max_update_share=1)
        for name in ("accounts_in", *JOBS):
            add_job(self.desk.ws, name, guards=guards)
        self.desk.run("accounts_in")
        self.desk.run("people_in")

    # What people do

    @rule(seconds=st.sampled_from([1, 1, 30, 300, 1500]))
    def time_passes(self, seconds: int) -> None:
        self.desk.advance(seconds)

    @rule(edit=edits)
    def make_here(self, edit: tuple[str, str]) -> None:
        self.number += 1
        task = {"source": "app", "external_id": f"h{self.number}", "kind": "task", "subject": f"Task {self.number}",
                "notes": f"h{self.number}.", "account": {"domain": "acme-both.com"}, edit[0]: edit[1]}  # fmt: skip
        self._take(task, "created")
        self.here[task["external_id"]] = task

    @rule(edit=edits)
    def make_there(self, edit: tuple[str, str]) -> None:
        self.number += 1
        fields = {"Subject": f"Task {self.number}", FIELDS[edit[0]]: edit[1]}
        made = self.org.create("Task", WhatId=self.account, Description=f"t{self.number}.", **fields)
        self.there[made] = f"t{self.number}."

    @precondition(lambda self: self.here.keys() - self.deleted_here)
    @rule(pick=picks, edit=edits)
    def edit_here(self, pick: int, edit: tuple[str, str]) -> None:
        alive = sorted(self.here.keys() - self.deleted_here)
        task = self.here[alive[pick % len(alive)]]
        if self._alive(task["external_id"]):
            task[edit[0]] = edit[1]
            self._take(task)

    @rule(pick=picks, edit=edits)
    def edit_there(self, pick: int, edit: tuple[str, str]) -> None:
        tasks = self._org_tasks()
        if tasks:
            self.org.update("Task", tasks[pick % len(tasks)]["Id"], **{FIELDS[edit[0]]: edit[1]})

    @precondition(lambda self: self.here.keys() - self.deleted_here)
    @rule(pick=picks)
    def delete_here(self, pick: int) -> None:
        alive = sorted(self.here.keys() - self.deleted_here)
        name = alive[pick % len(alive)]
        if self._alive(name):
            self._take(
                {k: self.here[name][k] for k in ("source", "external_id", "kind")} | {"deleted": True}, "deleted"
            )
        self.deleted_here.add(name)

    @rule(pick=picks)
    def delete_there(self, pick: int) -> None:
        tasks = self._org_tasks()
        if tasks:
            self.org.delete("Task", tasks[pick % len(tasks)]["Id"])

    @rule(pick=picks)
    def opt_out_here(self, pick: int) -> None:
        email = f"p{pick % len(self.people)}@acme-both.com"
        self.desk.ws.take_in("optouts", [{"person": {"email": email}, "channel": "email", "opted_out": True}])

    @rule(pick=picks, out=st.booleans())
    def consent_there(self, pick: int, out: bool) -> None:
        alive = self._contacts()
        self.org.update("Contact", alive[pick % len(alive)], HasOptedOutOfEmail=out)

    @precondition(lambda self: len(self._contacts()) > 1)
    @rule(pick=picks)
    def merge(self, pick: int) -> None:
        alive = self._contacts()
        self.org.merge("Contact", alive[pick % len(alive)], [alive[(pick + 1) % len(alive)]])

    @rule(only_open=st.booleans())
    def change_the_filter(self, only_open: bool) -> None:
        spec = self.desk.ws.job("tasks_in")
        where = "Priority != 'Low'" if only_open else ""
        self.desk.ws.save_job(spec.model_copy(update={"pairs": (spec.pairs[0].model_copy(update={"where": where}),)}))

    @rule(fault=st.sampled_from(["answer_cut", "row_lock", "server_error", "expired_session"]))
    def a_fault(self, fault: str) -> None:
        self.org.fault_on(fault, count=1)

    # What runs do

    @rule(job=st.sampled_from(JOBS))
    def run(self, job: str) -> None:
        self.desk.run(job)

    @rule(job=st.sampled_from(JOBS), ahead=st.sampled_from([1, 60]))
    def run_later(self, job: str, ahead: int) -> None:
        self.desk.advance(ahead)
        self.desk.run(job)

    @rule(job=st.sampled_from(JOBS))
    def preview(self, job: str) -> None:
        """A dry run writes nothing (I8)."""
        self.org.fault_off("all")
        before = snapshot(self.desk, self.org)
        self.desk.ws.preview(job)
        assert snapshot(self.desk, self.org) == before

    # What must hold after every step

    @invariant()
    def one_intent_makes_one_record(self) -> None:
        """Nothing is doubled on either side, and nothing deleted comes back (I1, I3)."""
        if not self.people:
            return
        texts = Counter(t["Description"] for t in self.org.soql("SELECT Description FROM Task", all_rows=True))
        assert not [t for t, n in texts.items() if n > 1], texts
        notes = self.desk.ws.database.read("SELECT notes, COUNT(*) AS n FROM activity GROUP BY notes")
        assert not notes.filter(notes["n"] > 1).height, notes.to_dicts()
        for name in self.deleted_here:
            assert not self._alive(name), f"{name} was deleted here and is back"

    @invariant()
    def opt_outs_move_only_toward_out(self) -> None:
        """I4."""
        out = self.desk.ws.database.read("SELECT id FROM person WHERE opted_out_email")
        now = {int(i) for i in out["id"]} if out.height else set()
        assert self.ever_out <= now, "somebody was opted in again by a sync"
        self.ever_out = now

    @invariant()
    def nothing_is_of_another_workspace(self) -> None:
        """I11."""
        assert not self.desk.ws.database.one("SELECT COUNT(*) FROM link WHERE workspace_id <> 1")

    def teardown(self) -> None:
        try:
            if self.people:
                self.come_to_rest()
        finally:
            transport.new_session = self._real
            self.desk.close()
            self.org.stop()
            shutil.rmtree(self.home, ignore_errors=True)

    def come_to_rest(self) -> None:
        """After faults stop, two rounds later nothing moves, nothing is in doubt, and both sides agree (I5, I7, I9)."""
        self.org.fault_off("all")
        self.change_the_filter(only_open=False)
        for _ in range(3):
            self.desk.advance(1500)
            for job in JOBS:
                self.desk.run(job)
        moved = ("created", "updated", "deleted", "in_doubt")
        self.desk.advance(1500)
        for job in JOBS:
            info = self.desk.run(job)
            assert info["status"] == "complete", info
            rows = (
                self.desk.ws.run_results(info["run_id"]).select("org_id", "key", "outcome", "reason", "before").rows()
            )
            assert not any(info["counts"][o] for o in moved), (job, rows)
        self.one_intent_makes_one_record()
        self.opt_outs_move_only_toward_out()
        self.both_sides_agree()

    def both_sides_agree(self) -> None:
        held = self.desk.ws.open_rows(limit=10_000)
        spared = {int(i) for i in held["record_id"].drop_nulls()}
        known = self.desk.ws.database.read(
            "SELECT a.id, a.subject, a.priority, a.status, l.org_id FROM activity a JOIN link l ON l.record_id = a.id"
            " AND l.state = 'active' AND l.table_name = 'activity' WHERE a.deleted_at IS NULL"
        )
        there = {t["Id"]: t for t in self._org_tasks()}
        for row in known.iter_rows(named=True):
            if int(row["id"]) in spared:
                continue
            assert row["org_id"] in there, row
            for ours, theirs in FIELDS.items():
                same = row[ours] is None or row[ours] == there[row["org_id"]][theirs]
                assert same, (ours, row, there[row["org_id"]])
        missing = there.keys() - set(known["org_id"]) - set(held["org_id"].drop_nulls())
        assert not missing, "a change was passed over"

    # Looking

    def _take(self, task: dict[str, Any], result: str = "") -> None:
        (answer,) = self.desk.ws.take_in("activities", [task | {"updated_at": self.desk.clock.now().isoformat()}])
        assert not result or answer.result == result, answer

    def _alive(self, external_id: str) -> bool:
        found = "SELECT COUNT(*) FROM activity WHERE external_id = :e AND deleted_at IS NULL"
        return bool(self.desk.ws.database.one(found, e=external_id))

    def _org_tasks(self) -> list[dict[str, Any]]:
        return self.org.soql("SELECT Id, Subject, Priority, Status FROM Task ORDER BY Id")

    def _contacts(self) -> list[str]:
        return [c["Id"] for c in self.org.soql("SELECT Id FROM Contact ORDER BY Id")] if self.people else []


def profile(examples: int, steps: int) -> settings:
    """Failures are short enough to be read as they are: shrinking them takes longer than reading."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


class Long(BothSides):
    """The nightly profile."""


BothSides.TestCase.settings = profile(12, 42)
Long.TestCase.settings = profile(200, 100)
IDS = ("O2", "O18", "X11", "N4", "S5")
TestBothSides = pytest.mark.requirement(*IDS)(BothSides.TestCase)
TestBothSidesForLong = pytest.mark.nightly(Long.TestCase)
