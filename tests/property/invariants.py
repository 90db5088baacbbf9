"""What must hold whatever people, runs, faults and crashes do: checked against what both sides really hold."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from core.errors import SynclineError
from tests.property.world import FIELDS, Row, Sides, World, tag_of

Value = str | None


def plain(value: Any) -> Value:
    """As the sides are compared: empty is null."""
    return str(value).rstrip() or None if value is not None else None


@dataclass
class Watch:
    """What was seen so far; `after` looks at each step."""

    world: World
    agreed: dict[tuple[str, str], Value] = field(default_factory=dict)
    """Org Id and workspace field -> the value that both sides last had."""
    theirs: dict[tuple[str, str], Value] = field(default_factory=dict)
    """A value that a person has set in the org, and that is not agreed yet."""
    ours: dict[tuple[str, str], Value] = field(default_factory=dict)
    """The same here."""
    others: str = ""

    def __post_init__(self) -> None:
        self.before = self.world.sides()
        self.first = self.before.tasks
        self.others = self._others()
        self._agree(self.before)

    def _others(self) -> str:
        read = self.world.ws.database.read
        return str(
            [
                read(f"SELECT * FROM {table} WHERE workspace_id = 2 ORDER BY 1, 2").rows()
                for table in ("activity", "person", "link", "run", "mark", "event", "open_row", "batch")
            ]
        )

    # --- one step

    def after_people(self) -> None:
        """Take in what people did."""
        now = self.world.sides()
        for org_id, task in now.tasks.items():
            was = self.before.tasks.get(org_id, task)
            for name, theirs in FIELDS.items():
                if task[theirs] != was[theirs]:
                    self.theirs[org_id, name] = plain(task[theirs])
        for org_id, record in now.links.items():
            was_here = self.before.here.get(record)
            for name in FIELDS:
                if was_here is not None and now.here[record][name] != was_here[name]:
                    self.ours[org_id, name] = plain(now.here[record][name])
        self.always(now)

    def after_run(self) -> None:
        """Look at what a run did."""
        now = self.world.sides()
        self._overwrites(now)
        self._revivals(now)
        self._consent(now)
        self.always(now)

    def dry_run(self, job: str) -> None:
        """I8: a preview writes nothing, here or there."""
        before = (self.world.sides(), self._own())
        with contextlib.suppress(SynclineError):
            self.world.ws.preview(job)
        assert (self.world.sides(), self._own()) == before, f"the preview of {job} has written"

    def _own(self) -> str:
        read = self.world.ws.database.read
        tables = ("link", "run", "plan", "mark", "event", "open_row", "batch", "record_result")
        return str([read(f"SELECT * FROM {t} WHERE workspace_id = 1 ORDER BY 1, 2").rows() for t in tables])

    def always(self, now: Sides) -> None:
        """What holds after every step."""
        self._doubles(now)
        self._marks(now)
        assert not self.world.broken, self.world.broken  # I12
        assert self._others() == self.others, "rows of another workspace have changed"  # I11
        self._agree(now)
        self.before = now

    def _agree(self, now: Sides) -> None:
        for org_id, record in now.links.items():
            task, mine = now.tasks.get(org_id), now.here.get(record)
            if task is None or mine is None:
                continue
            for name, theirs in FIELDS.items():
                if plain(task[theirs]) == plain(mine[name]):
                    self.agreed[org_id, name] = plain(mine[name])
                    self.theirs.pop((org_id, name), None)
                    self.ours.pop((org_id, name), None)

    def _doubles(self, now: Sides) -> None:
        """I1: one intent, one record."""
        made = Counter(tag_of(t["Description"]) for t in now.tasks.values())
        assert not [t for t, n in made.items() if n > 1], f"doubled in the org: {made.most_common(3)}"
        here = Counter(tag_of(r["notes"]) for r in now.here.values() if r["deleted_at"] is None)
        assert not [t for t, n in here.items() if n > 1], f"doubled here: {here.most_common(3)}"
        records = Counter(now.links.values())
        assert not [r for r, n in records.items() if n > 1], f"one record, several links: {records.most_common(3)}"

    def _overwrites(self, now: Sides) -> None:
        """I2: what is written over is what both agreed on, or the decision is recorded with both values."""
        said = {(d["field"], plain(d["workspace"]), plain(d["org"])) for d in self.decisions()}
        for org_id, record in now.links.items():
            if org_id not in self.before.tasks or record not in self.before.here:
                continue
            task, was = now.tasks[org_id], self.before.tasks[org_id]
            mine, was_mine = now.here[record], self.before.here[record]
            for name, theirs in FIELDS.items():
                key = (org_id, name)
                if key not in self.agreed:
                    continue
                lost, new = plain(was[theirs]), plain(task[theirs])
                if new != lost and self.theirs.get(key, self.agreed[key]) == lost != self.agreed[key]:
                    assert (theirs, new, lost) in said or (name, new, lost) in said, f"lost {lost!r} for {new!r}"
                lost, new = plain(was_mine[name]), plain(mine[name])
                if new != lost and self.ours.get(key, self.agreed[key]) == lost != self.agreed[key]:
                    assert (name, lost, new) in said or (theirs, lost, new) in said, f"lost {lost!r} for {new!r} here"

    def decisions(self) -> list[Row]:
        """Every recorded decision."""
        frame = self.world.ws.database.read(
            "SELECT v.body FROM event e JOIN event_value v ON v.workspace_id = e.workspace_id AND v.event_id = e.id"
            " WHERE e.kind = 'conflict.decided'"
        )
        return [json.loads(b) for b in frame["body"].to_list()]

    def _revivals(self, now: Sides) -> None:
        """I3: no run brings back what was deleted."""
        for org_id, was in self.before.tasks.items():
            assert not was["IsDeleted"] or now.tasks[org_id]["IsDeleted"], f"{org_id} was revived in the org"
        for record, was in self.before.here.items():
            is_back = tag_of(was["notes"]) in self.world.undeleted  # by a person, out of the recycle bin of the org
            is_kept = was["deleted_at"] is None or now.here[record]["deleted_at"] is not None
            assert is_back or is_kept, f"{record} was revived here"
        dead = self.world.deleted_here - self.world.undeleted
        alive = {tag_of(r["notes"]) for r in now.here.values() if r["deleted_at"] is None}
        assert not dead & alive, f"{dead & alive} came back here"
        gone = {tag_of(self.before.tasks[i]["Description"]) for i in self.world.deleted_there if i in self.before.tasks}
        there = {tag_of(t["Description"]) for t in now.tasks.values() if not t["IsDeleted"]}
        assert not gone & there, f"{gone & there} came back in the org"

    def _consent(self, now: Sides) -> None:
        """I4: no run takes an opt-out back."""
        for record, was in self.before.people_here.items():
            assert not was["opted_out_email"] or now.people_here[record]["opted_out_email"], f"{was} is in again"
        for org_id, was in self.before.people_there.items():
            stays = now.people_there[org_id]["HasOptedOutOfEmail"]
            assert not was["HasOptedOutOfEmail"] or stays, f"{was} is in again"

    def _marks(self, now: Sides) -> None:
        """I5: the mark passes no change of a person that no run has read."""
        db = self.world.ws.database
        mark = db.one("SELECT org_stamp_at FROM mark WHERE workspace_id = 1 AND job = 'tasks_in'")
        if mark is None:
            return
        seen = db.read("SELECT run_id, org_id FROM record_result WHERE workspace_id = 1 AND job = 'tasks_in'")
        last: dict[str, int] = {}
        for run_id, org_id in seen.iter_rows():
            last[org_id] = max(last.get(org_id, -1), self.world.read_by.get(run_id, -1))
        for org_id, step in self.world.touched.items():
            task = now.tasks[org_id]
            if self.world.is_filtered and task["Priority"] == "Low":
                continue  # kept out by the filter; that it comes in once that is lifted is seen at the end
            passed = task["SystemModstamp"] * 1_000_000 < mark
            assert not passed or last.get(org_id, -1) > step, f"the mark has passed {task}, which was not read"

    # --- the end of an example

    def rest(self) -> None:
        """Faults stop: I9, I7, agreement, I6."""
        world = self.world
        world.calm()
        world.set_filter("")
        world.hands.advance(16 * 60)
        self._round()
        left = world.ws.database.read("SELECT * FROM batch WHERE state IN ('in_doubt', 'intent')")
        assert left.is_empty(), f"still in doubt: {left.to_dicts()}"  # I9
        world.hands.advance(16 * 60)
        self._round()
        world.hands.advance(16 * 60)
        before, world.writes = world.sides(), 0
        self._round()
        after = world.sides()
        assert world.writes == 0, "a third round still writes"  # I7
        assert _values(before) == _values(after), "a third round still changes something"  # I7
        self._agreement(after)
        self._replayed(after)

    def _round(self) -> None:
        for job in ("accounts_in", "people_in", "opt_outs_out", "calls_out", "tasks_in", "tasks_out"):
            self.world.tick(5)
            self.world.run(job)
            self.after_run()

    def _agreement(self, now: Sides) -> None:
        open_rows = self.world.ws.database.read("SELECT org_id, record_id, outcome, cause, reason FROM open_row")
        held = {str(o) for o in open_rows["org_id"] if o} | {str(r) for r in open_rows["record_id"] if r is not None}
        for org_id, record in now.links.items():
            task, mine = now.tasks[org_id], now.here[record]
            if org_id in held or str(record) in held or mine["archived_at"] is not None or mine["kind"] != "task":
                continue
            assert bool(task["IsDeleted"]) == (mine["deleted_at"] is not None), f"only one is deleted: {task} {mine}"
            for name, theirs in FIELDS.items():
                # What an outbound job never empties may stay empty here.
                differs = plain(mine[name]) is not None and plain(mine[name]) != plain(task[theirs])
                assert not differs, f"{name} differs: {mine} and {task}"
        linked = set(now.links.values())
        for record, mine in now.here.items():
            is_alone = record not in linked and mine["deleted_at"] is None and str(record) not in held
            assert not is_alone, f"never arrived in the org, and nothing is said of it: {mine}"
        for org_id, task in now.tasks.items():
            is_alone = org_id not in now.links and not task["IsDeleted"] and org_id not in held
            assert not is_alone or self._said(org_id), f"never came in, and nothing is said of it: {task}"
        self._opt_outs(now)

    def _said(self, org_id: str) -> bool:
        """Whether the last word on a Task of the org is an outcome with a reason."""
        frame = self.world.ws.database.read(
            "SELECT outcome FROM record_result WHERE org_id = :o AND workspace_id = 1 ORDER BY at DESC LIMIT 1",
            o=org_id,
        )
        return frame.height == 1 and frame.item(0, 0) in ("filtered", "skipped", "waiting", "held", "rejected")

    def _opt_outs(self, now: Sides) -> None:
        """Who opted out anywhere is out everywhere, over merges as well."""
        for first in self.world.out:
            email = first
            while email in self.world.merged:
                email = self.world.merged[email]
            for person in now.people_here.values():
                if person["email"] == email and person["deleted_at"] is None:
                    assert person["opted_out_email"], f"{first} opted out, and {person} is in"
            for there in now.people_there.values():
                if there["Email"] == email and not there["IsDeleted"] and not there["IsConverted"]:
                    assert there["HasOptedOutOfEmail"], f"{first} opted out, and {there} is in"

    def _replayed(self, now: Sides) -> None:
        """I6: the first snapshot, what people did and what the ledger says we did give the org as it is."""
        rows = self.world.ws.database.read(
            "SELECT r.org_id, r.outcome, c.payload, b.intent_at FROM record_result r"
            " JOIN run u ON u.run_id = r.run_id JOIN change c ON c.plan_id = u.plan_id AND c.row = r.row"
            " JOIN batch b ON b.run_id = r.run_id AND b.number = r.batch"
            " WHERE r.sobject = 'Task' AND u.direction = 'outbound' AND r.org_id IS NOT NULL"
            " AND r.outcome IN ('created', 'updated', 'deleted')"
        )
        steps = [(t.at, t.org_id, t.values) for t in self.world.told]
        for org_id, outcome, payload, at in rows.iter_rows():
            values = {"IsDeleted": 1} if outcome == "deleted" else json.loads(payload)
            steps.append((at, org_id, values | ({"IsDeleted": 0} if outcome == "created" else {})))
        org: dict[str, Row] = {i: dict(t) for i, t in self.first.items()}
        for _, org_id, values in sorted(steps, key=lambda s: s[0]):
            org.setdefault(org_id, {}).update(values)
        assert org.keys() == now.tasks.keys(), f"not in the ledger: {org.keys() ^ now.tasks.keys()}"
        for org_id, task in now.tasks.items():
            if org_id in self.world.late:
                continue
            for name in (*FIELDS.values(), "IsDeleted"):
                is_told = name in org[org_id]
                assert not is_told or plain(org[org_id][name]) == plain(task[name]), (name, org[org_id], task)


def _values(sides: Sides) -> tuple[Any, ...]:
    return (
        {i: {k: v for k, v in t.items() if k != "SystemModstamp"} for i, t in sides.tasks.items()},
        sides.people_there, sides.here, sides.people_here, sides.links,
    )  # fmt: skip
