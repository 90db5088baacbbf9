"""Activities and questions are counted and paged alike by both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from sqlmodel import SQLModel

from core.audit import inbox, volume
from core.audit.bin import BIN, recycle_bin
from core.planning.choices import Asks, asks
from core.store import ledger, questions
from core.store.database import Database
from core.store.tables import Activity, Job, Link, RecordResult, Run
from tests.contract.store.test_open_and_taken import ROW

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KINDS = (
    ("held", "conflict", ""), ("held", "conflict", "org"), ("held", "ambiguous", ""), ("waiting", "orphan", ""),
    ("held", "opt_in", ""), ("held", "gone_in_org", ""), ("in_doubt", "in_doubt", ""), ("held", "too_long", ""),
)  # fmt: skip


def kept(db: Database, *rows: SQLModel) -> None:
    """Put rows into the store."""
    with db.writing() as session:
        session.add_all(rows)
        session.commit()


def ran(run_id: str, record_id: int, outcome: str) -> list[SQLModel]:
    """An outbound run that came to this outcome for one activity."""
    row = {"workspace_id": 1, "run_id": run_id, "job": "calls_out"}
    run = Run(**row, direction="outbound", kind="run", status="complete", actor="x", requested_at=NOW)
    result = RecordResult(**row, row=1, record_id=record_id, outcome=outcome)
    result.cause, result.reason, result.at = "filter", "left out", NOW
    return [run, result]


@pytest.fixture
def logged(database: Database) -> Database:
    """Five calls: synced, held, filtered, written without a trace, not yet run; the last has no time of its own."""
    users = ("A@x.example", "a@x.example", None, "b@x.example", "b@x.example")
    outcomes = ("connected", " connected ", None, "", "voicemail")
    for n, (user, outcome) in enumerate(zip(users, outcomes, strict=True), 1):
        at = NOW - timedelta(days=n - 1)
        call = Activity(workspace_id=1, id=n, seq=n, kind="call", source="app", external_id=f"c{n}", created_at=at)
        call.occurred_at, call.user_email, call.outcome = (at if n < 5 else None), user, outcome
        kept(database, call)
    link = Link(workspace_id=1, id=1, table_name="activity", record_id=1, org_id="00T1", sobject="Task", state="active")
    kept(database, link, *ran("r1", 3, "filtered"), *ran("r2", 4, "created"))
    with database.batch(1) as batch:
        held = {**ROW, "job": "calls_out", "subject": "2", "record_id": 2, "outcome": "held", "cause": "ambiguous"}
        ledger.keep_open(batch, pl.DataFrame([{**held, "is_temporary": False}]), NOW)
    return database


def test_what_became_of_each_is_counted(logged: Database) -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    assert volume.first_day(logged, 1) == date(2026, 11, 17)
    found = volume.cube(logged, 1, first, last)
    told = dict(found.select("day", "sync_state").iter_rows())
    assert [told[date(2026, 11, 21 - n)] for n in range(5)] == ["synced", "held", "filtered", "no_trace", "not_yet_run"]
    assert set(found["user"]) == {"a@x.example", "", "b@x.example"}
    assert set(found["outcome"]) == {"connected", "", "voicemail"}
    rows = volume.rows(logged, 1, first, last, only={"outcome": "connected"})
    assert rows.select("id", "org_id", "cause").rows() == [(1, "00T1", None), (2, None, "ambiguous")]
    assert volume.rows(logged, 1, first, last, limit=1, skip=2)["reason"].to_list() == ["left out"]
    assert volume.cube(logged, 2, first, last).is_empty()


def test_the_database_asks_what_the_rule_asks(database: Database) -> None:
    kept(database, Job(workspace_id=1, id=1, name="j", spec={}, created_at=NOW, updated_at=NOW))
    with database.batch(1) as batch:
        for n, (outcome, cause, deleted) in enumerate(KINDS):
            told = f'[{{"field":"Subject","org":"50 %","deleted":"{deleted}"}}]'
            row = {**ROW, "job": "j", "subject": str(n), "record_id": n, "outcome": outcome, "cause": cause}
            one = pl.DataFrame([{**row, "disputes": told, "is_temporary": False}])
            ledger.keep_open(batch, one, NOW + timedelta(minutes=n))
    only = dict.fromkeys(("job", "kind", "subject", "text"))
    wanted = [asks(outcome, cause, about_delete=bool(deleted)) for outcome, cause, deleted in KINDS]
    listed = questions.page(database, 1, only, 100, 0)
    assert dict(listed.select("subject", "asks").iter_rows()) == {str(n): a.value for n, a in enumerate(wanted) if a}
    assert listed["asks"][-1] == Asks.ORPHAN
    assert questions.by_kind(database, 1, only) == {a.value: 1 for a in wanted if a}
    assert questions.page(database, 1, {**only, "text": "%50 !%%"}, 3, 1).height == 3
    assert inbox.count_inbox(database, 1, search="nothing like it") == {}


def test_an_empty_bin_has_its_columns(database: Database) -> None:
    found = recycle_bin(database, 1, "activity", search="x", limit=5)
    assert (found.height, dict(found.schema)) == (0, BIN)
