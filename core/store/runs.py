"""Runs, their captures and results, and the books that must balance."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from sqlmodel import Session, select

from core.errors import NotFound, StoreError
from core.records import OPEN_RUNS, RUN_MOVES, Outcome, RunStatus
from core.store.codec import containing, dumps, from_micros
from core.store.database import Batch, Database
from core.store.tables import Run

OUTCOMES = tuple(o.value for o in Outcome)


def new_id(prefix: str, at: datetime) -> str:
    """A short unique id that sorts by time: ``run_20261121T202458_3f9c2a``."""
    return f"{prefix}_{at:%Y%m%dT%H%M%S}_{secrets.token_hex(4)}"


def request(batch: Batch, run: Mapping[str, Any]) -> str:
    """Ask for a run, in the caller's transaction; a run of the whole job that is still queued serves again.

    Args:
        batch: the transaction.
        run: ``run_id, job, kind, direction, actor, reason, requested_at, plan_id, scope`` (JSON-able or ``None``).

    Returns:
        The id of the run that will do it.
    """
    if run.get("scope") is None and run.get("plan_id") is None:
        queued = batch.read(
            "SELECT run_id FROM run WHERE workspace_id = :w AND job = :job AND status = 'queued' AND scope IS NULL"
            " AND plan_id IS NULL AND kind = :kind ORDER BY requested_at LIMIT 1",
            w=batch.workspace_id,
            job=run["job"],
            kind=run.get("kind", "run"),
        )
        if queued.height:
            return str(queued.item(0, 0))
    counters = ", ".join(f"n_{o}" for o in OUTCOMES)
    zeros = ", ".join("0" for _ in OUTCOMES)
    batch.execute(
        "INSERT INTO run (workspace_id, run_id, job, kind, direction, status, actor, reason, plan_id, scope, n_input,"
        f" n_planned, api_calls, api_calls_shared, is_cancel_asked, requested_at, {counters})"
        " VALUES (:w, :run_id, :job, :kind, :direction, 'queued', :actor, :reason, :plan_id, :scope, 0, 0, 0, 0,"
        f" false, :requested_at, {zeros})",
        {
            "w": batch.workspace_id,
            "kind": "run",
            "plan_id": None,
            **run,
            "scope": None if run.get("scope") is None else dumps(run["scope"]),
        },
    )
    return str(run["run_id"])


def get(db: Database, workspace_id: int, run_id: str) -> Run:
    """One run.

    Raises:
        NotFound: the workspace has no such run.
    """
    with db.session() as session:
        run = session.exec(select(Run).where(Run.workspace_id == workspace_id, Run.run_id == run_id)).first()
    if run is None:
        raise NotFound(f"There is no run {run_id}.", hint="`syncline runs list` names them.")
    return run


def move(session: Session, run: Run, to: RunStatus) -> None:
    """Take a run to another state.

    Raises:
        StoreError: the move is not a legal one.
    """
    now = RunStatus(run.status)
    if to == now:
        return
    if to not in RUN_MOVES[now]:
        raise StoreError(f"A run cannot go from {now} to {to}.")
    run.status = to.value
    session.add(run)


def set_status(db: Database, workspace_id: int, run_id: str, to: RunStatus, **fields: Any) -> None:
    """Take a run to another state and set further columns."""
    with db.writing() as session:
        run = session.exec(select(Run).where(Run.workspace_id == workspace_id, Run.run_id == run_id)).one()
        move(session, run, to)
        for name, value in fields.items():
            setattr(run, name, value)
        session.commit()


def count_results(batch: Batch, run_id: str) -> dict[str, int]:
    """The outcomes of a run, counted from its stored record results."""
    frame = batch.read(
        "SELECT outcome, COUNT(*) AS n FROM record_result WHERE run_id = :r AND workspace_id = :w GROUP BY outcome",
        r=run_id,
        w=batch.workspace_id,
    )
    have = dict(frame.iter_rows())
    return {o: int(have.get(o, 0)) for o in OUTCOMES}


def count_input(batch: Batch, run_id: str) -> int:
    """The rows a run has read, as its captures counted them before any decision."""
    frame = batch.read(
        "SELECT COALESCE(SUM(n_rows), 0) AS n FROM capture WHERE run_id = :r AND workspace_id = :w",
        r=run_id,
        w=batch.workspace_id,
    )
    return int(frame.item(0, 0))


def refresh_counts(batch: Batch, run_id: str) -> dict[str, int]:
    """Set the run's counters from what is stored; returns them with ``input``."""
    outcomes = count_results(batch, run_id)
    n_input = count_input(batch, run_id)
    sets = ", ".join(f"n_{o} = :{o}" for o in OUTCOMES)
    batch.execute(
        f"UPDATE run SET n_input = :n_input, {sets} WHERE run_id = :r AND workspace_id = :w",
        {"n_input": n_input, "r": run_id, "w": batch.workspace_id, **outcomes},
    )
    return {"input": n_input, **outcomes}


def as_json(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run as it is printed everywhere."""
    out = {
        "run_id": run["run_id"],
        "job": run["job"],
        "direction": run["direction"],
        "status": run["status"],
        "counts": {"input": run["n_input"], **{o: run[f"n_{o}"] for o in OUTCOMES}},
        "api_calls": run["api_calls"],
        "started_at": _iso(run["started_at"]),
        "ended_at": _iso(run["ended_at"]),
    }
    if run.get("tick_id"):
        out |= {"api_calls_shared": run["api_calls_shared"], "tick_id": run["tick_id"]}
    return out


def balanced(counts: Mapping[str, int]) -> bool:
    """Whether what was read equals the sum of what became of it."""
    return counts["input"] == sum(counts[o] for o in OUTCOMES)


def audit_books(db: Database, workspace_id: int, run_id: str) -> dict[str, int]:
    """Count a run's books again from the stored rows, not from its counters."""
    with db.batch(workspace_id) as batch:
        return {"input": count_input(batch, run_id), **count_results(batch, run_id)}


def list_frame(
    db: Database,
    workspace_id: int,
    limit: int = 200,
    job: str | None = None,
    *,
    statuses: Sequence[str] = (),
    search: str = "",
    jobs: Sequence[str] = (),
    skip: int = 0,
) -> pl.DataFrame:
    """The latest runs, newest first, with all columns of the run table and ``total``: how many fit in all.

    Args:
        db: the store.
        workspace_id: whose.
        limit: so many at most.
        job: only this job's.
        statuses: only those in one of these states.
        search: only those with the text in run, job, person or reason, or of one of ``jobs``.
        jobs: see ``search``.
        skip: leave out so many first.
    """
    text = containing(search)
    params: dict[str, Any] = {"w": workspace_id, "n": limit, "job": job or "", "t": text, "skip": skip}
    clauses = ["workspace_id = :w", "(:job = '' OR job = :job)"]
    if statuses:
        clauses.append(_one_of("status", statuses, params))
    if text:
        found = [f"LOWER({c}) LIKE :t ESCAPE '!'" for c in ("run_id", "job", "actor", "reason")]
        if jobs:
            found.append(_one_of("job", jobs, params))
        clauses.append(f"({' OR '.join(found)})")
    return db.read(
        f"SELECT *, COUNT(*) OVER () AS total FROM run WHERE {' AND '.join(clauses)}"
        " ORDER BY requested_at DESC, run_id DESC LIMIT :n OFFSET :skip",
        params,
    )


def _one_of(column: str, values: Sequence[str], params: dict[str, Any]) -> str:
    names = {f"{column}_{n}": v for n, v in enumerate(values)}
    params |= names
    return f"{column} IN ({', '.join(f':{n}' for n in names)})"


def results_page(
    db: Database, workspace_id: int, run_id: str, outcome: str | None, after: int, limit: int
) -> pl.DataFrame:
    """Record results of a run by row number, from the one after ``after``."""
    return db.read(
        "SELECT * FROM record_result WHERE workspace_id = :w AND run_id = :r AND row > :a AND (:o = '' OR outcome = :o)"
        " ORDER BY row LIMIT :n",
        w=workspace_id,
        r=run_id,
        a=after,
        o=outcome or "",
        n=limit,
    )


def open_runs(db: Database, workspace_id: int) -> pl.DataFrame:
    """Runs that are queued or under way."""
    states = ", ".join(f"'{s.value}'" for s in OPEN_RUNS)
    return db.read(f"SELECT * FROM run WHERE workspace_id = :w AND status IN ({states})", w=workspace_id)


def _iso(value: Any) -> str | None:
    if value is None:
        return None
    at = value if isinstance(value, datetime) else from_micros(int(value))
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
