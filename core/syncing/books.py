"""Keeps the books of a run: the stored plan, the results of rows that stopped, open rows, marks, the closing."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from core.mapping.spec import JobSpec
from core.planning import ordering, plan
from core.planning.plan import Planned
from core.records import OPEN_OUTCOMES, Direction, RunStatus
from core.store import ledger, runs
from core.store.codec import dumps
from core.store.database import Batch, Database

APPLY_ROWS = 10_000
"""Rows of an inbound batch: one transaction."""
IN_DOUBT = "The org's answer was lost, and it cannot be told yet whether it was applied. The next run looks again."
"""Said of rows whose fate is not known."""

RESULT_COLUMNS = (
    "row", "sobject", "record_id", "org_id", "key", "title", "action", "outcome", "cause", "reason", "field",
)  # fmt: skip


def store_plan(
    db: Database, workspace_id: int, spec: JobSpec, planned: list[Planned], meta: dict[str, Any]
) -> dict[str, int]:
    """Keep a plan with its rows and batches; a plan of that id that was begun before is replaced.

    Args:
        db: the store.
        workspace_id: whose.
        spec: the job.
        planned: one per pair.
        meta: ``plan_id, run_id, made_by, made_at, ground, guards, status``.

    Returns:
        The counts by outcome.
    """
    rows = pl.concat([p.rows for p in planned]).with_row_index("row", 1).with_columns(pl.col("row").cast(pl.Int64))
    marks = {k: v for p in planned for k, v in p.marks.items() if v}
    counts = plan.counts(rows)
    numbered = _numbered(spec, rows)
    with db.batch(workspace_id) as batch:
        batch.execute("DELETE FROM change WHERE workspace_id = :w AND plan_id = :p", w=workspace_id, p=meta["plan_id"])
        batch.execute("DELETE FROM plan WHERE workspace_id = :w AND plan_id = :p", w=workspace_id, p=meta["plan_id"])
        head = {
            **meta,
            "workspace_id": workspace_id,
            "job": spec.name,
            "fingerprint": plan.fingerprint(rows),
            "counts": dumps(counts),
            "marks": dumps({k: {n: _iso(v) for n, v in m.items()} for k, m in marks.items()}),
            "ground": dumps(meta["ground"]),
            "guards": dumps(meta["guards"]),
        }
        columns = ", ".join(head)
        batch.execute(f"INSERT INTO plan ({columns}) VALUES ({', '.join(':' + c for c in head)})", head)  # noqa: S608
        batch.insert(
            "change",
            numbered.drop("route").with_columns(workspace_id=pl.lit(workspace_id), plan_id=pl.lit(meta["plan_id"])),
        )
        _log_decisions(batch, planned, meta)
    return counts


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _numbered(spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    if spec.direction is Direction.OUTBOUND:
        return rows.join(_batches(rows), on="row", how="left")
    # Merges before everything else: a winner may be here by then, as what was its loser.
    doing = rows.filter(pl.col("action") != "none").sort(pl.col("action") != "move", maintain_order=True)
    doing = doing.with_row_index("_place")
    cut = doing.select("row", batch=(pl.col("_place") // APPLY_ROWS + 1).cast(pl.Int64), route=pl.lit("store"))
    return rows.join(cut, on="row", how="left")


def _batches(rows: pl.DataFrame) -> pl.DataFrame:
    """``row``, ``batch``, ``route``: the rows of each login in batches of their own, one login after the other."""
    out: list[pl.DataFrame] = []
    last = 0
    for _, part in rows.sort("sent_as", maintain_order=True).group_by("sent_as", maintain_order=True):
        cut = ordering.batches(part).select("row", pl.col("batch") + last, "route")
        last = int(cut["batch"].max() or last)  # type: ignore[arg-type]
        out.append(cut)
    return pl.concat(out) if out else ordering.batches(rows).select("row", "batch", "route")


def _log_decisions(batch: Batch, planned: list[Planned], meta: dict[str, Any]) -> None:
    for p in planned:
        if p.decisions is None or p.decisions.is_empty():
            continue
        own = "record_id" if "record_id" in p.decisions.columns else "local_id"
        rows = p.decisions.join(
            p.rows.select("title", "key", "org_id", local="record_id"), left_on=own, right_on="local", how="left"
        ).unique(["key", "field", "ours", "theirs"])  # fmt: skip
        lines = [
            {
                "at": meta["made_at"],
                "actor": meta["made_by"],
                "kind": "conflict.decided",
                "subject": str(r["key"]),
                "run_id": meta["run_id"],
                "detail": f"{r['field']}: {_winner(r['decision'])} ({r['why']})",
                "body": dumps(
                    {
                        "field": r["field"],
                        "workspace": r["ours"],
                        "org": r["theirs"],
                        "baseline": r["base"],
                        "workspace_at": _iso(r["ours_at"]),
                        "org_at": _iso(r["theirs_at"]),
                        "decision": r["decision"],
                        "why": r["why"],
                    }
                ),
            }
            for r in rows.iter_rows(named=True)
        ]
        ledger.write_many(batch, pl.DataFrame(lines))


def _winner(decision: str) -> str:
    return {"ours": "the workspace wins", "theirs": "the org wins", "ask": "a person decides"}.get(decision, decision)


def begin(db: Database, workspace_id: int, spec: JobSpec, run_id: str, plan_id: str, at: datetime) -> None:
    """Book what stopped: results and open rows of every row on which nothing is to be done; repeating it is safe."""
    with db.batch(workspace_id) as batch:
        batch.execute(
            "INSERT INTO capture (workspace_id, run_id, source, n_rows, note, at)"
            " SELECT workspace_id, :r, source, n_rows, note, at FROM capture c WHERE c.run_id = (SELECT"
            " run_id FROM plan"
            " WHERE plan_id = :p) AND c.run_id <> :r AND NOT EXISTS (SELECT 1 FROM capture d WHERE d.run_id = :r)",
            r=run_id,
            p=plan_id,
        )
        stopped = batch.read(
            "SELECT * FROM change WHERE workspace_id = :w AND plan_id = :p AND action = 'none' AND NOT EXISTS"
            " (SELECT 1 FROM record_result x WHERE x.run_id = :r AND x.row = change.row)",
            w=workspace_id,
            p=plan_id,
            r=run_id,
        )
        book(batch, spec, run_id, stopped, at)
        batch.execute(
            "UPDATE run SET n_planned = (SELECT COUNT(*) FROM change WHERE plan_id = :p AND action <> 'none'),"
            " plan_id = :p WHERE run_id = :r",
            r=run_id,
            p=plan_id,
        )
        _make_batches(batch, run_id, plan_id)
        runs.refresh_counts(batch, run_id)


def _make_batches(batch: Batch, run_id: str, plan_id: str) -> None:
    batch.execute(
        "INSERT INTO batch (workspace_id, run_id, number, sent_as, sobject, action, route, state, n_rows)"
        " SELECT workspace_id, :r, batch, MAX(sent_as), MAX(sobject), MAX(action), CASE WHEN COUNT(*) > :bulk"
        " THEN 'bulk' ELSE 'rest' END, 'planned', COUNT(*) FROM change WHERE plan_id = :p AND batch IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.run_id = :r AND b.number = change.batch)"
        " GROUP BY workspace_id, batch",
        r=run_id,
        p=plan_id,
        bulk=ordering.PER_REQUEST,
    )


def capture_count(
    db: Database, workspace_id: int, run_id: str, source: str, n_rows: int, at: datetime, note: str = ""
) -> None:
    """Count rows where they are read, before any decision."""
    with db.batch(workspace_id) as batch:
        row = {
            "workspace_id": workspace_id,
            "run_id": run_id,
            "source": source,
            "n_rows": n_rows,
            "note": note,
            "at": at,
        }
        batch.upsert("capture", pl.DataFrame([row]), ("run_id", "source"))


def book(batch: Batch, spec: JobSpec, run_id: str, rows: pl.DataFrame, at: datetime) -> None:
    """Write record results, and bring the open rows in line with them.

    Args:
        batch: the transaction; results, links and baselines of the same rows belong into it too.
        spec: the job.
        run_id: the run.
        rows: change rows with their final ``outcome``, ``cause``, ``reason``, ``field``; optionally ``status_code``,
            ``request``, ``answer``, ``before``, ``batch``, ``is_temporary``.
        at: now.
    """
    if rows.is_empty():
        return
    extra = {"status_code": "", "request": None, "answer": None, "before": None, "batch": None, "extra": None}
    rows = rows.with_columns(
        pl.lit(v, dtype=pl.Int64 if k == "batch" else pl.String).alias(k)
        for k, v in extra.items()
        if k not in rows.columns
    )
    results = rows.select(
        *RESULT_COLUMNS, "status_code", "request", "answer", "before", pl.col("batch").cast(pl.Int64),
        workspace_id=pl.lit(batch.workspace_id), run_id=pl.lit(run_id), job=pl.lit(spec.name), at=pl.lit(at),
    )  # fmt: skip
    batch.upsert("record_result", results, ("run_id", "row"))
    subject = pl.col("record_id").cast(pl.String) if spec.direction is Direction.OUTBOUND else pl.col("org_id")
    keyed = rows.with_columns(subject=subject).filter(pl.col("subject").is_not_null())
    still = keyed.filter(pl.col("outcome").is_in([o.value for o in OPEN_OUTCOMES]))
    ledger.settle_open(batch, spec.name, keyed.join(still, on="subject", how="anti")["subject"])
    temporary = pl.col("is_temporary") if "is_temporary" in rows.columns else pl.lit(value=False)
    ledger.keep_open(
        batch,
        still.select(
            "subject", "sobject", "record_id", "org_id", "key", "title", "outcome", "cause", "reason", "field",
            "status_code", value=pl.lit(None, dtype=pl.String),
            candidates=_part("candidates", pl.col("cause").is_in(["ambiguous", "ambiguous_org", "orphan"])),
            disputes=_part("disputes", pl.col("cause").is_in(["conflict", "opt_in"])),
            job=pl.lit(spec.name), run_id=pl.lit(run_id), is_temporary=temporary,
        ),
        at,
    )  # fmt: skip


def _part(name: str, when: pl.Expr) -> pl.Expr:
    """One member of ``extra``, as JSON text."""
    found = pl.when(when).then(pl.col("extra").cast(pl.String)).str.json_path_match(f"$.{name}")
    return pl.when(found != "[]").then(found)


def close(
    db: Database, workspace_id: int, spec: JobSpec, run_id: str, at: datetime, stop: tuple[str, str] | None = None
) -> RunStatus:
    """End a run: rows never sent become waiting with the reason, marks move, the status follows from the counts."""
    with db.batch(workspace_id) as batch:
        plan_row = batch.read(
            "SELECT p.plan_id, p.marks FROM plan p JOIN run r ON r.plan_id = p.plan_id WHERE r.run_id = :r", r=run_id
        )
        if stop is not None:
            _book_unsent(batch, spec, run_id, at, stop)
        counts = runs.refresh_counts(batch, run_id)
        # Outbound rows that stopped are open rows and come again; what an inbound run did not reach must be read again.
        moves = stop is None or spec.direction is Direction.OUTBOUND
        if moves and plan_row.height and plan_row.item(0, 1):
            _move_marks(batch, spec, str(plan_row.item(0, 1)), at)
        if plan_row.height:
            batch.execute(
                "UPDATE plan SET status = 'applied', applied_at = :at WHERE plan_id = :p", at=at, p=plan_row.item(0, 0)
            )
        return _status(counts, stop)


def _book_unsent(batch: Batch, spec: JobSpec, run_id: str, at: datetime, stop: tuple[str, str]) -> None:
    cause, reason = stop
    unsent = batch.read(
        "SELECT c.*, b.state AS batch_state FROM change c JOIN run r ON r.plan_id = c.plan_id LEFT JOIN batch b"
        " ON b.run_id = r.run_id AND b.number = c.batch WHERE r.run_id = :r AND c.action <> 'none'"
        " AND NOT EXISTS (SELECT 1 FROM record_result x WHERE x.run_id = :r AND x.row = c.row)",
        r=run_id,
    )
    # A batch of the outbox that may have left is in doubt, whatever it was that ended the run.
    doubtful = pl.col("batch_state").is_in(["in_doubt", "intent"])
    rows = unsent.with_columns(
        outcome=pl.when(doubtful).then(pl.lit("in_doubt")).otherwise(pl.lit("waiting")),
        cause=pl.when(doubtful).then(pl.lit("in_doubt")).otherwise(pl.lit(cause)),
        reason=pl.when(doubtful).then(pl.lit(IN_DOUBT)).otherwise(pl.lit(reason)),
        is_temporary=~doubtful.fill_null(value=False),
    )
    book(batch, spec, run_id, rows, at)


def _move_marks(batch: Batch, spec: JobSpec, marks: str, at: datetime) -> None:
    for sobject, mark in json.loads(marks).items():
        values = {k: datetime.fromisoformat(v) if v and k.endswith("_at") else v for k, v in mark.items()}
        row = {**values, "sobject": sobject, "workspace_id": batch.workspace_id, "job": spec.name, "updated_at": at}
        batch.upsert("mark", pl.DataFrame([row]), ("workspace_id", "job", "sobject"))


def _status(counts: dict[str, int], stop: tuple[str, str] | None) -> RunStatus:
    if stop is not None and stop[0] == "canceled":
        return RunStatus.CANCELED
    if stop is not None or counts["in_doubt"]:
        return RunStatus.PARTIAL
    return RunStatus.COMPLETE_WITH_REJECTS if counts["rejected"] else RunStatus.COMPLETE
