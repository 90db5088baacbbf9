"""A workspace and an org side by side in one process: what people do on either, and the runs in between.

Everything that a person does is remembered with its time, so that the invariants can tell it from what a run did.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import requests

from core.connections.salesforce.rest import Rest
from core.records import ENDED_RUNS, RunStatus
from core.running import flows, steps
from core.settings import Settings
from core.workspace import Workspace, open_workspace
from tests.integration.kit import add_job, connect
from tests.property.inside import Hands, Inside, Killed

JOBS = ("accounts_in", "people_in", "calls_out", "tasks_in", "tasks_out", "opt_outs_out")
FIELDS = {"subject": "Subject", "notes": "Description", "priority": "Priority", "status": "Status"}
BUSY = Rest.__init__.__kwdefaults__ or {}
Row = dict[str, Any]


@dataclass
class Sides:
    """What both sides hold at one moment."""

    tasks: dict[str, Row]
    people_there: dict[str, Row]
    here: dict[int, Row]
    people_here: dict[int, Row]
    links: dict[str, int]
    """Active links of activities: org Id -> record."""


@dataclass
class Told:
    """What people have done to the org's Tasks, in order, to replay it: when, which Task, which values."""

    at: datetime
    org_id: str
    values: Row


@dataclass
class World:
    """One workspace, one org, one clock."""

    folder: Path
    activity_key: bool = False
    made: int = 0
    step: int = 0
    told: list[Told] = field(default_factory=list)
    touched: dict[str, int] = field(default_factory=dict)
    """Org Id -> the step at which a person last changed the Task."""
    deleted_here: set[str] = field(default_factory=set)
    deleted_there: set[str] = field(default_factory=set)
    undeleted: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    """Org Ids that a late commit has touched."""
    out: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """E-mail address -> the sides on which its person opted out."""
    merged: dict[str, str] = field(default_factory=dict)
    read_by: dict[str, int] = field(default_factory=dict)
    """Run of tasks_in -> the step at which it was planned."""
    memory: dict[str, dict[Any, Any]] = field(default_factory=dict)
    """Run -> what the job engine remembers of its finished steps."""
    blocked: datetime | None = None
    broken: list[str] = field(default_factory=list)
    """What went over the wire and must not have."""
    writes: int = 0

    def __post_init__(self) -> None:
        self.hands = Hands()
        kept = self.folder / "now"
        if kept.exists():
            self.hands.at = datetime.fromisoformat(kept.read_text())
        self.org = Inside(self.folder / "org", self.hands, activity_key=self.activity_key)
        self.org.wire.seen = self._seen
        self._stack = ExitStack()
        self._stack.enter_context(self.org.reached())
        self._stack.enter_context(mock.patch.dict(BUSY, {"sleep": self.hands.advance}))
        config = Settings(home=self.folder / "home", database_url="")
        self.ws = open_workspace(actor="ana", config=config, clock=self.hands)

    def close(self) -> None:
        """End it."""
        (self.folder / "now").write_text(self.hands.at.isoformat())
        self._stack.close()
        self.ws.database.close()
        self.org.stop()

    # --- the groundwork

    def build(self) -> None:
        """Two accounts, four contacts, two leads, and a few tasks that are in step; and a workspace of others."""
        connect(self.ws, self.org)
        for name in JOBS:
            add_job(self.ws, name)
        accounts = [self.org.create("Account", Name=f"Acme {i}", Website=f"https://acme{i}.com") for i in range(2)]
        for i in range(4):
            self.org.create("Contact", LastName=f"Tern {i}", Email=contact(i), AccountId=accounts[i % 2])
        for i in range(2):
            self.org.create("Lead", LastName=f"Lee {i}", Company=f"Lee {i}", Email=f"l{i}@lee{i}.com")
        self.hands.advance(5)
        for name in ("accounts_in", "people_in"):
            self.run(name)
        for i in range(2):
            self.new_task(i)
            self.new_call(i)
            self.new_there(i)
        for name in JOBS:
            self.run(name)
        other = Workspace(self.ws.doors, 2, "others", "zoe", self.ws.engine)
        with self.ws.database.writing() as session:
            row = self.ws.row()
            session.add(type(row)(**{**row.model_dump(), "id": 2, "name": "others", "seq": 0}))
            session.commit()
        other.take_in("activities", [{"external_id": "o-1", "kind": "task", "subject": "Others"}])

    # --- time and faults

    def tick(self, seconds: float = 1) -> None:
        """A step begins."""
        self.step += 1
        self.hands.advance(seconds)

    def fault(self, name: str, **facts: Any) -> None:
        """Switch a fault on."""
        self.org.fault_on(name, **facts)

    def calm(self) -> None:
        """No fault is on, and no transaction is open."""
        self.org.fault_off()
        self.let_go()

    def let_go(self) -> None:
        """Open transactions commit."""
        before = self.tasks()
        if self.org.wire.let_go():
            after = self.tasks()
            self.late |= {i for i in after if after[i] != before.get(i)}

    def _seen(self, request: requests.PreparedRequest, status: int) -> None:
        now = self.hands.now()
        if self.blocked is not None and now < self.blocked:
            self.broken.append(f"{request.method} {request.url} although the allowance is used up")
        self.blocked = None if self.blocked is not None and now >= self.blocked else self.blocked
        if status == 403:
            self.blocked = now + timedelta(minutes=15)
        text = request.body if isinstance(request.body, str) else (request.body or b"").decode()
        wrote = request.method in ("POST", "PATCH", "DELETE") and "/oauth2/" not in str(request.url)
        if wrote and ('"composite/sobjects' in text or "/composite/sobjects" in text) and text != '"method":"GET"':
            bodies = json.loads(text).get("compositeRequest", [{}])
            self.writes += sum(b.get("method", "POST") != "GET" for b in bodies)

    # --- people, here

    def new_tag(self) -> str:
        self.made += 1
        return f"k{self.made}."

    def new_task(self, account: int, **values: Any) -> str:
        """A task of the workspace."""
        tag = self.new_tag()
        row = {"external_id": tag, "source": "app", "kind": "task", "subject": "Follow up", "notes": tag, **values}
        self.intake(row | {"account": {"domain": f"acme{account % 2}.com"}})
        return tag

    def new_call(self, person: int) -> str:
        """A call of the dialer."""
        tag = self.new_tag()
        row = {"external_id": tag, "source": "app", "kind": "call", "notes": tag, "outcome": "connected"}
        at = self.hands.now().isoformat()
        self.intake(row | {"person": {"email": contact(person % 4)}, "occurred_at": at, "duration_s": 30})
        return tag

    def intake(self, row: Row) -> str:
        (answer,) = self.ws.take_in("activities", [row | {"updated_at": self.hands.now().isoformat()}])
        assert answer.result != "rejected", answer
        return str(answer.result)

    def edit_here(self, record: Row, **values: Any) -> None:
        """An edit of an activity of the workspace."""
        if "notes" in values:
            values["notes"] = f"{tag_of(record['notes'])} {values['notes']}"
        self.intake({k: record[k] for k in ("external_id", "source", "kind")} | values)

    def delete_here(self, record: Row) -> None:
        """An activity of the workspace is deleted."""
        self.intake({k: record[k] for k in ("external_id", "source", "kind")} | {"deleted": True})
        self.deleted_here.add(tag_of(record["notes"]))

    def opt_out_here(self, email: str) -> None:
        """A person opts out in the workspace."""
        row = {"person": {"email": email}, "channel": "email", "opted_out": True}
        (answer,) = self.ws.take_in("optouts", [row])
        if answer.result in ("updated", "unchanged"):
            self.out[email].add("here")

    # --- people, there

    def new_there(self, account: int, **values: Any) -> str:
        """A Task that a person makes in the org."""
        tag = self.new_tag()
        found = self.org.soql(f"SELECT Id FROM Account WHERE Name = 'Acme {account % 2}'")
        fields = {"Subject": "Theirs", "Description": tag, "Priority": "Normal", "Status": "Not Started", **values}
        org_id = self.org.create("Task", WhatId=found[0]["Id"], **fields)
        self._tell(org_id, {**fields, "IsDeleted": 0})
        return org_id

    def edit_there(self, task: Row, **values: Any) -> None:
        """A person edits a Task in the org."""
        if "Description" in values:
            values["Description"] = f"{tag_of(task['Description'])} {values['Description']}"
        self.org.update("Task", task["Id"], **values)
        self._tell(task["Id"], values)

    def delete_there(self, task: Row) -> None:
        """A person deletes a Task in the org."""
        self.org.delete("Task", task["Id"])
        self.deleted_there.add(task["Id"])
        self._tell(task["Id"], {"IsDeleted": 1})

    def undelete_there(self, task: Row) -> None:
        """A person takes a Task out of the recycle bin."""
        self.org._control("POST", "undelete", {"object": "Task", "ids": [task["Id"]]})
        self.deleted_there.discard(task["Id"])
        self.undeleted.add(tag_of(task["Description"]))
        self._tell(task["Id"], {"IsDeleted": 0})

    def opt_out_there(self, person: Row) -> None:
        """A person opts out in the org."""
        self.org.update(person["sobject"], person["Id"], HasOptedOutOfEmail=True)
        self.out[person["Email"]].add("there")

    def merge_there(self, winner: Row, loser: Row) -> None:
        """Two contacts become one."""
        self.org.merge("Contact", winner["Id"], [loser["Id"]])
        self.merged[loser["Email"]] = winner["Email"]

    def convert_there(self, lead: Row) -> None:
        """A lead becomes a contact."""
        self.org.convert(lead["Id"])

    def _tell(self, org_id: str, values: Row) -> None:
        self.told.append(Told(self.hands.now(), org_id, values))
        self.touched[org_id] = self.step

    # --- runs

    def run(self, job: str, *, kill: tuple[int, bool] | None = None, looks: int = 40, commit_at: int = 3) -> str | None:
        """A run of a job from beginning to end, after those that a crash has left; its status, ``None`` if killed.

        Args:
            job: its name.
            kill: the n-th request kills the process, and whether it arrives.
            looks: how often a batch in doubt is looked for before the run ends.
            commit_at: at which look open transactions commit.
        """
        if not self.recover(looks, commit_at):
            return None
        return self._walk(self.ws.request_run(job), kill, looks, commit_at)

    def recover(self, looks: int = 40, commit_at: int = 3) -> bool:
        """Go on with what a crash has left."""
        for run_id in [r for r in self.memory if self.status(r) not in ENDED_RUNS]:
            if self.status(run_id) in (RunStatus.QUEUED, RunStatus.RUNNING):
                self._walk(run_id, None, looks, commit_at)
        return True

    def _walk(self, run_id: str, kill: tuple[int, bool] | None, looks: int, commit_at: int) -> str | None:
        engine, known = self.ws.engine, self.memory.setdefault(run_id, {})
        slept = 0

        def remembered(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
            def once(*args: Any) -> Any:
                # A look at a batch in doubt is a step of its own each time.
                key = (name, *[str(a) for a in args], slept)
                if key not in known:
                    known[key] = step(engine, *args)
                return known[key]

            return once

        def sleep(seconds: float) -> None:
            nonlocal slept
            slept += 1
            if slept == commit_at:
                self.let_go()
            self.hands.advance(seconds)

        if self.ws.run_info(run_id)["job"] == "tasks_in":
            self.read_by[run_id] = self.step
        wire = self.org.wire
        wire.kill_at, wire.kill_after = kill or (0, False)
        played = {n: remembered(n, getattr(steps, n)) for n in ("prepare", "do_batch", "close")}
        try:
            with mock.patch.multiple(flows, DBOS=SimpleNamespace(sleep=sleep), IN_DOUBT_LOOKS=looks, **played):
                flows.walk(self.ws.workspace_id, run_id)
        except Killed:
            self.ws.engine = self.ws.engine.__class__(self.ws.doors)
            return None
        finally:
            wire.kill_at = 0
        return self.status(run_id)

    def status(self, run_id: str) -> RunStatus:
        """A run's status."""
        return RunStatus(str(self.ws.database.one("SELECT status FROM run WHERE run_id = :r", r=run_id)))

    # --- looking

    def tasks(self) -> dict[str, Row]:
        """The org's Tasks, deleted ones too."""
        return self._rows("Task", ("Subject", "Description", "Priority", "Status", "IsDeleted", "SystemModstamp"))

    def people_there(self) -> dict[str, Row]:
        """The org's contacts and leads."""
        names = ("Email", "HasOptedOutOfEmail", "IsDeleted")
        contacts = {i: {**r, "sobject": "Contact", "IsConverted": 0} for i, r in self._rows("Contact", names).items()}
        leads = {i: {**r, "sobject": "Lead"} for i, r in self._rows("Lead", (*names, "IsConverted")).items()}
        return contacts | leads

    def _rows(self, sobject: str, names: tuple[str, ...]) -> dict[str, Row]:
        columns = ("Id", *names)
        sql = f'SELECT {", ".join(columns)} FROM "{sobject}" ORDER BY Id'
        found = self.org.site.org.connection().execute(sql).fetchall()
        return {r[0]: dict(zip(columns, r, strict=True)) for r in found}

    def sides(self) -> Sides:
        """Both sides as they are."""
        db = self.ws.database
        here = db.read(
            "SELECT id, kind, source, external_id, subject, notes, priority, status, due_at, deleted_at, archived_at"
            " FROM activity WHERE workspace_id = 1"
        )
        people = db.read("SELECT id, email, opted_out_email, deleted_at FROM person WHERE workspace_id = 1")
        links = db.read("SELECT org_id, record_id FROM link WHERE state = 'active' AND table_name = 'activity'")
        return Sides(
            self.tasks(), self.people_there(),
            {int(r["id"]): r for r in here.iter_rows(named=True)},
            {int(r["id"]): r for r in people.iter_rows(named=True)},
            {str(o): int(r) for o, r in links.iter_rows()},
        )  # fmt: skip


def contact(number: int) -> str:
    """A contact's e-mail address."""
    return f"p{number}@acme{number % 2}.com"


def tag_of(text: str | None) -> str:
    """By what an activity is known, whatever else becomes of it."""
    return (text or "").split(" ")[0]


@contextmanager
def copied(base: Path, to: Path) -> Iterator[World]:
    """A world of its own, as the groundwork left it."""
    shutil.copytree(base, to, dirs_exist_ok=True)
    world = World(to)
    world.made = 100
    try:
        yield world
    finally:
        world.close()
