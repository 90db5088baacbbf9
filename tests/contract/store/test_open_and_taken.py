"""Open rows are tried again less and less often; a batch has one holder; two records are one and never three."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from sqlalchemy.exc import IntegrityError

from core.errors import BatchTaken
from core.store import ledger, links
from core.store.database import Database
from core.syncing import outbox
from core.syncing.context import Context

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ROW = dict.fromkeys(
    (
        "sobject",
        "key",
        "title",
        "outcome",
        "reason",
        "field",
        "value",
        "status_code",
        "run_id",
        "candidates",
        "disputes",
        "org_id",
    ),
    "",
)


def left_open(db: Database, cause: str, *, temporary: bool = True) -> tuple[int, timedelta | None]:
    """Keep the row open once more; how often it has been tried, and how long it waits now."""
    row = {**ROW, "job": "calls_out", "subject": "1", "record_id": 1, "cause": cause, "is_temporary": temporary}
    with db.batch(1) as batch:
        ledger.keep_open(batch, pl.DataFrame([row]), NOW)
    tries, retry_at = db.read("SELECT tries, retry_at FROM open_row").row(0)
    return tries, retry_at - NOW if retry_at is not None else None


@pytest.mark.requirement("X18")
def test_a_row_is_tried_again_after_1_5_15_and_60_minutes(database: Database) -> None:
    seen = [left_open(database, "UNABLE_TO_LOCK_ROW") for _ in range(6)]
    assert seen == [(n, timedelta(minutes=m)) for n, m in enumerate((1, 5, 15, 60, 60, 60), 1)]
    assert left_open(database, "paused") == (1, timedelta(minutes=1)), "another cause begins anew"
    assert left_open(database, "unmapped_value", temporary=False) == (1, None)


def context(db: Database) -> Context:
    return cast(Context, SimpleNamespace(db=db, workspace_id=1))


def test_who_takes_a_batch_over_is_the_only_one_who_can_go_on(database: Database) -> None:
    """A worker that counts as dead but still runs must not send once another has its batch."""
    database.execute(
        "INSERT INTO batch (workspace_id, run_id, number, sobject, action, route, sent_as, state, n_rows)"
        " VALUES (1, 'run_1', 1, 'Task', 'create', 'rest', '', 'planned', 1)"
    )
    ctx = context(database)
    first = outbox.take(ctx, "run_1", 1)
    second = outbox.take(ctx, "run_1", 1)
    with pytest.raises(BatchTaken):
        outbox.keep(ctx, first, state="intent", intent_at=NOW)
    assert outbox.take(ctx, "run_1", 1).state == "planned"
    with pytest.raises(BatchTaken):
        outbox.keep(ctx, second, state="intent")
    third = outbox.take(ctx, "run_1", 1)
    outbox.keep(ctx, third, state="intent", intent_at=NOW)
    assert (third.state, database.one("SELECT state FROM batch")) == ("intent", "intent")


def link(db: Database, record_id: int, org_id: str, state: str = "active", sobject: str = "Task") -> None:
    row: dict[str, Any] = {"record_id": record_id, "org_id": org_id, "sobject": sobject, "table_name": "activity"}
    row |= dict.fromkeys(("how", "evidence", "job", "run_id"), "")
    with db.batch(1) as batch:
        links.add(batch, pl.DataFrame([row]))
        if state != "active":
            batch.execute("UPDATE link SET state = :s WHERE org_id = :o", s=state, o=org_id)


@pytest.mark.parametrize(("record_id", "org_id"), [(1, "00TB"), (2, "00TA")])
def test_a_record_has_one_active_link_each_way(database: Database, record_id: int, org_id: str) -> None:
    link(database, 1, "00TA")
    with pytest.raises(IntegrityError):
        link(database, record_id, org_id)


def test_ended_links_and_other_objects_are_no_second_link(database: Database) -> None:
    link(database, 1, "00TA", "superseded")
    link(database, 1, "00TB", "deleted")
    link(database, 1, "00TC")
    link(database, 1, "00UA", sobject="Event")
    assert database.one("SELECT COUNT(*) FROM link") == 4
