"""A replay under another policy says who would have won, and what would have been lost."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from core.audit import backtest, catalog
from core.mapping.spec import Policy
from core.store.codec import dumps

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
JOBS = pl.DataFrame({"run_id": ["r1"], "job": ["tasks_out"]})


def event(
    n: int, decision: str, ours_at: str, theirs_at: str, field: str = "Subject", **more: str
) -> dict[str, object]:
    values = {"field": field, "workspace": "ours", "org": "theirs", "baseline": "base", "decision": decision,
              "workspace_at": ours_at, "org_at": theirs_at, "why": "", **more}  # fmt: skip
    return {"id": n, "at": AT, "actor": "ann", "kind": "conflict.decided", "subject": f"t-{n}", "run_id": "r1",
            "detail": "", "body": dumps(values)}  # fmt: skip


def events(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=catalog.EVENTS.types)


EARLY, LATE = "2026-11-01T10:00:00+00:00", "2026-11-01T11:00:00+00:00"
PAST = events(event(1, "ours", LATE, EARLY), event(2, "theirs", EARLY, LATE), event(3, "ours", LATE, EARLY))


def test_each_policy_says_who_would_have_won_and_what_was_lost() -> None:
    rows = backtest.replay(PAST, JOBS)
    assert dict(rows.schema) == backtest.ROWS
    told = {(r["policy"], r["key"]): (r["would"], r["lost"]) for r in rows.iter_rows(named=True)}
    assert told["last_update_wins", "t-1"] == ("ours", "theirs")
    assert told["org_wins", "t-1"] == ("theirs", "ours")
    assert told["workspace_wins", "t-2"] == ("ours", "theirs")
    assert told["ask", "t-2"] == ("ask", None)
    assert set(rows["job"]) == {"tasks_out"}


def test_the_policy_that_was_in_force_changes_nothing() -> None:
    rows = backtest.replay(PAST, JOBS, [Policy.LAST_UPDATE_WINS])
    assert not rows["is_other"].any()


def test_the_summary_counts_what_later_changes_each_policy_throws_away() -> None:
    told = {r["policy"]: r for r in backtest.summary(backtest.replay(PAST, JOBS)).iter_rows(named=True)}
    assert {p: (t["workspace_lost"], t["org_lost"], t["newer_lost"], t["asks"]) for p, t in told.items()} == {
        "ask": (0, 0, 0, 3),
        "last_update_wins": (1, 2, 0, 0),
        "org_wins": (3, 0, 2, 0),
        "workspace_wins": (0, 3, 1, 0),
    }
    assert told["org_wins"]["other_than_decided"] == 2


def test_no_policy_takes_an_opt_out_back() -> None:
    out = events(event(1, "theirs", LATE, EARLY, "HasOptedOutOfEmail", workspace="false", org="true", baseline="false"))
    assert set(backtest.replay(out, JOBS)["would"]) == {"theirs"}


def test_what_was_erased_cannot_be_replayed() -> None:
    gone = PAST.with_columns(body=pl.lit(None, dtype=pl.String))
    assert backtest.replay(gone, JOBS).is_empty()
    assert backtest.summary(backtest.replay(gone, JOBS)).is_empty()
