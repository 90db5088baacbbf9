"""Random stories: what a plain model of the org expects is what the org holds, and no poll misses a change."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from local_org.org import permissions, replication
from local_org.org.clock import Clock
from local_org.org.engine import OpenTransaction, Org
from local_org.org.session import Session
from tests.local_org.org.desk import NOON, Desk

KEYS = st.sampled_from(["a", "A", "b", "B", "c"])
PICKS = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("create"), KEYS, PICKS),
    st.tuples(st.just("upsert"), KEYS, PICKS),
    st.tuples(st.just("rekey"), KEYS, PICKS),
    st.tuples(st.just("delete"), KEYS, PICKS),
    st.tuples(st.just("undelete"), KEYS, PICKS),
)


@contextmanager
def fresh(template: Path) -> Iterator[tuple[Org, Session]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "org.db"
        shutil.copy(template, path)
        with Org.open(path, clock=Clock.at(NOON)) as org:
            yield org, org.session(str(permissions.user_id_of(org, "admin@practice.example")))


class Model:
    """Accounts by Id: key and whether they are in the bin."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, bool]] = {}

    def holder(self, key: str) -> str | None:
        live = (each for each, (held, gone) in self.rows.items() if held.lower() == key.lower() and not gone)
        return next(live, None)

    def pick(self, number: int) -> str | None:
        return sorted(self.rows)[number % len(self.rows)] if self.rows else None


def play(session: Session, model: Model, step: tuple[str, str, int]) -> None:
    verb, key, number = step
    holder, picked = model.holder(key), model.pick(number)
    if verb in ("create", "upsert"):
        [result] = session.save(verb, "Account", [{"Name": "x", "Ext__c": key}], ext_field="Ext__c")
        expected = verb == "upsert" or holder is None
        if result.success:
            assert result.created == (holder is None)
            model.rows[str(result.id)] = (key, False)
    elif picked is None:
        return
    elif verb == "rekey":
        [result] = session.save("update", "Account", [{"Id": picked, "Ext__c": key}])
        expected = not model.rows[picked][1] and holder in (None, picked)
        if expected:
            model.rows[picked] = (key, False)
    elif verb == "delete":
        [result] = session.save("delete", "Account", [{"Id": picked}])
        expected = not model.rows[picked][1]
        model.rows[picked] = (model.rows[picked][0], True)
    else:
        [result] = session.undelete("Account", [picked])
        expected = model.rows[picked][1] and model.holder(model.rows[picked][0]) is None
        if expected:
            model.rows[picked] = (model.rows[picked][0], False)
    assert result.success == expected, (step, result.errors)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_keys_are_unique_through_any_story(template: Path, steps: list[tuple[str, str, int]]) -> None:
    with fresh(template) as (org, session):
        model = Model()
        for step in steps:
            play(session, model, step)
        held = org.connection().execute("SELECT Id, Ext__c, IsDeleted FROM Account").fetchall()
        assert {row[0]: (row[1], bool(row[2])) for row in held} == model.rows


ACTS = st.sampled_from(["wait", "write", "edit", "begin", "commit", "commit edit", "abandon", "poll"])


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, min_size=12, max_size=30))
def test_polling_from_latest_date_covered_misses_nothing(template: Path, acts: list[str]) -> None:
    with fresh(template) as (org, session):
        desk, late, versions = Desk(session), list[OpenTransaction](), dict[str, int]()
        seen: dict[str, int] = {}
        mark = org.clock.now()

        def write(record_id: str | None = None) -> None:
            if record_id is None:
                record_id = desk.make("Account", Name="x", NumberOfEmployees=1)
                versions[record_id] = 0
            versions[record_id] += 1
            desk.change("Account", record_id, NumberOfEmployees=versions[record_id])

        def poll() -> int:
            answer = replication.updated(session, "Account", mark, org.clock.now() + 120)
            for record_id in answer.ids:
                seen[record_id] = desk.get("Account", record_id, "NumberOfEmployees")[0]
            return answer.latest_date_covered

        for act in acts:
            if act == "wait":
                org.clock.advance(7)
            elif act == "write" or (act == "edit" and not versions):
                write()
            elif act == "edit":
                write(next(iter(versions)))
            elif act == "begin":
                late.append(org.open_transaction())
            elif act == "commit" and late:
                late.pop(0).commit(write)
            elif act == "commit edit" and late:
                late.pop(0).commit(lambda: write(next(iter(versions), None)))
            elif act == "abandon" and late:
                late.pop().close()
            elif act == "poll":
                mark = poll()
        poll()
        assert seen == versions
