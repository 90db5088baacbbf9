"""The steps of a run, each safe to repeat: prepare, one batch, close; they know nothing of the job engine."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import polars as pl
import structlog
from polars.exceptions import PanicException
from sqlmodel import select

from core.errors import (
    BatchTaken,
    ConsentBreach,
    ContractBroken,
    GrantRejected,
    NotFound,
    NotValid,
    OrgError,
    SynclineError,
    TerminalOrgError,
    TransientOrgError,
)
from core.mapping.lint import lint
from core.mapping.spec import JobSpec
from core.planning import guards, ordering, outbound
from core.records import ENDED_RUNS, Direction, RunStatus
from core.running.engine import Engine
from core.store import ledger, links, runs
from core.store.records import count_records
from core.store.tables import Job, Run, Workspace
from core.syncing import (
    apply_in,
    apply_out,
    books,
    capture,
    contracts,
    firewall,
    ground,
    outbox,
    plan_in,
    plan_out,
    undo,
)
from core.syncing.context import Context

log = structlog.get_logger()
COME_BACK = timedelta(minutes=1)
"""A scheduled job that met a passing error runs again so soon, or when the API allowance is back."""
TAKEN_OVER_S = 1200.0
"""So long the other worker may need, the longest request of the org included."""
Verdict = dict[str, Any]
"""What a step tells the flow: ``state`` (ready, ended, done, in_doubt, stop), and what belongs to it."""


def prepare(engine: Engine, workspace_id: int, run_id: str) -> Verdict:
    """Plan a run, or take up the plan it was given, and book everything on which nothing is to be done."""
    try:
        return _prepared(engine, workspace_id, run_id)
    except (Exception, PanicException) as error:
        fail(engine, workspace_id, run_id, error)
        return {"state": "ended"}


def _prepared(engine: Engine, workspace_id: int, run_id: str) -> Verdict:
    run = runs.get(engine.doors.db, workspace_id, run_id)
    if RunStatus(run.status) in ENDED_RUNS:
        return {"state": "ended"}
    if run.status == RunStatus.QUEUED:
        runs.set_status(engine.doors.db, workspace_id, run_id, RunStatus.RUNNING, started_at=engine.doors.clock.now())
    with _booked(engine, workspace_id, run_id) as ctx:
        spec, enabled_by = load_job(ctx, run.job)
        _settle_earlier(ctx, spec, run_id)
        plan_id = run.plan_id or make_plan(ctx, spec, run)
        if run.kind == "plan":
            runs.set_status(ctx.db, workspace_id, run_id, RunStatus.PLANNED, ended_at=ctx.now(), plan_id=plan_id)
            return {"state": "ended"}
        fresh = _is_own(ctx, plan_id, run_id)
        ground.check(ctx, spec, plan_id, fresh=fresh)
        if not _approved(ctx, plan_id, enabled_by):
            runs.set_status(ctx.db, workspace_id, run_id, RunStatus.WAITING_APPROVAL, plan_id=plan_id)
            return {"state": "ended"}
        firewall.check(ctx, spec, run_id, ctx.db.read("SELECT * FROM change WHERE plan_id = :p", p=plan_id))
        books.begin(ctx.db, workspace_id, spec, run_id, plan_id, ctx.now())
        # What an older plan found agreed may not be what is agreed now.
        if fresh and spec.direction is Direction.INBOUND:
            apply_in.refresh_baselines(ctx, spec, run_id)
        elif fresh:
            outbox.refresh_baselines(ctx, spec, run_id)
        return {"state": "ready", "batches": _batches(ctx, run_id)}


def _is_own(ctx: Context, plan_id: str, run_id: str) -> bool:
    """Whether this very run made the plan, now or before a crash."""
    return bool(ctx.db.one("SELECT run_id FROM plan WHERE plan_id = :p", p=plan_id) == run_id)


def load_job(ctx: Context, name: str) -> tuple[JobSpec, str | None]:
    """A job's spec, and who switched it on.

    Raises:
        NotFound: there is no such job.
    """
    with ctx.db.session() as session:
        row = session.exec(select(Job).where(Job.workspace_id == ctx.workspace_id, Job.name == name)).first()
    if row is None:
        raise NotFound(f"There is no job {name}.")
    return JobSpec.model_validate(row.spec), row.enabled_by if row.is_enabled else None


def validate(ctx: Context, spec: JobSpec) -> None:
    """Refuse a job whose mapping cannot work, before anything is read or written.

    Raises:
        NotValid: naming the fields.
    """
    findings = lint(spec, ctx.orgs(p.sobject for p in spec.pairs), other_jobs=ctx.jobs())
    failed = [f for f in findings if f.severity == "fail"]
    if failed:
        raise NotValid(
            f"The job does not validate: {' '.join(f.sentence() for f in failed[:5])}",
            hint="Mend it on the Jobs page, then run it again.",
            fields=[f.field for f in failed],
        )


def make_plan(ctx: Context, spec: JobSpec, run: Run) -> str:
    """Read both sides, decide, keep the plan; returns its id."""
    planned, n_rows = _computed(ctx, spec, run.scope)
    contracts.check(ctx, spec)
    validate(ctx, spec)
    contracts.keep(ctx, spec)
    for source, n in n_rows.items():
        books.capture_count(ctx.db, ctx.workspace_id, run.run_id, source, n, ctx.now())
    plan_id = run.run_id.replace("run_", "plan_", 1)
    rows = pl.concat([p.rows for p in planned])
    # An undo is looked at by the person who asks for it, and does no more than the run did.
    is_undo = bool(run.scope and "undo" in run.scope)
    tripped = [] if is_undo else tripped_by(ctx, spec, rows, left(ctx, spec, run.scope, n_rows))
    meta = {
        "plan_id": plan_id,
        "run_id": run.run_id,
        "status": "kept",
        "made_by": run.actor,
        "made_at": ctx.now(),
        "ground": ground.of(ctx, spec),
        "guards": [{"guard": t.guard, "message": t.message} for t in tripped],
    }
    books.store_plan(ctx.db, ctx.workspace_id, spec, planned, meta)
    return plan_id


def _computed(ctx: Context, spec: JobSpec, scope: dict[str, Any] | None) -> tuple[list[Any], dict[str, int]]:
    """What `compute` says; where the org cannot read our question any more, what has changed there."""
    try:
        return compute(ctx, spec, scope)
    except TerminalOrgError as error:
        if error.status_code in contracts.SCHEMA_CODES:
            contracts.check_again(ctx, spec)
        raise


def tripped_by(ctx: Context, spec: JobSpec, rows: pl.DataFrame, whole: int | None) -> list[guards.Tripped]:
    """The guards that the rows of a plan trip; ``whole`` is what `left` says."""
    budget, usage = None, ctx.gateway.usage
    if usage is not None and spec.direction is Direction.OUTBOUND and not outbound.is_consent_only(spec):
        numbered = rows if "row" in rows.columns else rows.with_row_index("row", 1)
        budget = guards.Budget(usage.used, usage.limit, ordering.calls(numbered.cast({"row": pl.Int64})))
    return guards.check(rows, linked(ctx, spec), spec.guards, whole, budget)


def compute(ctx: Context, spec: JobSpec, scope: dict[str, Any] | None) -> tuple[list[Any], dict[str, int]]:
    """The plan of a job as it stands now, and how many rows each source gave; writes nothing but read describes."""
    if scope and "undo" in scope:
        return undo.plan(ctx, spec, scope["undo"])
    if spec.direction is Direction.INBOUND:
        captured = capture.capture(
            ctx, spec, full=bool(scope and scope.get("full")), records=scope.get("records") if scope else None
        )
        return plan_in.plan_all(ctx, spec, captured), {c.pair.sobject: c.n_rows for c in captured}
    selected = plan_out.select(ctx, spec, scope)
    n_rows = sum(s.rows.height for s in selected)
    if n_rows:
        capture.refresh_describes(ctx, [p.sobject for p in spec.pairs])
    return [plan_out.plan_pair(ctx, spec, s) for s in selected], {"workspace": n_rows}


def left(ctx: Context, spec: JobSpec, scope: dict[str, Any] | None, n_rows: dict[str, int]) -> int | None:
    """How many records the side that is read has left: what a full reading of the org gave, or what there is here."""
    if spec.direction is Direction.INBOUND:
        return sum(n_rows.values()) if scope and scope.get("full") else None
    return count_records(ctx.db, ctx.workspace_id, spec.kind)


def linked(ctx: Context, spec: JobSpec) -> int:
    """How many records of the job's kind are linked to its objects, by whichever job: the whole of a guard's share."""
    return links.count(ctx.db, ctx.workspace_id, spec.kind, [p.sobject for p in spec.pairs])


def _settle_earlier(ctx: Context, spec: JobSpec, run_id: str) -> None:
    """What earlier runs of the job left in doubt is looked for first."""
    left = ctx.db.read(
        "SELECT b.run_id, b.number FROM batch b JOIN run r ON r.run_id = b.run_id WHERE b.workspace_id"
        " = :w AND r.job = :j"
        " AND (b.state IN ('in_doubt', 'intent') OR (b.state = 'planned' AND b.bulk_job_id IS NOT NULL))"
        " AND r.run_id <> :r AND r.status NOT IN ('queued', 'running')",
        w=ctx.workspace_id, j=spec.name, r=run_id,
    )  # fmt: skip
    for earlier, number in left.iter_rows():
        try:
            apply_out.settle_late(ctx, spec, earlier, int(number))
        except GrantRejected:
            raise
        except TerminalOrgError as error:
            # One batch that the org cannot tell of any more must not hold up the job for good: its rows stay in doubt.
            log.warning("a batch stays in doubt", run_id=earlier, number=int(number), why=error.sentence())


def _approved(ctx: Context, plan_id: str, enabled_by: str | None) -> bool:
    plan = ctx.db.read("SELECT status, guards, approved_by FROM plan WHERE plan_id = :p", p=plan_id).row(0, named=True)
    if plan["approved_by"]:
        return True
    if plan["guards"] not in (None, "[]"):
        return False
    ctx.db.execute(
        "UPDATE plan SET approved_by = :who, status = 'approved' WHERE plan_id = :p",
        who=f"standing approval of {enabled_by}" if enabled_by else "who asked for the run",
        p=plan_id,
    )
    return True


def _batches(ctx: Context, run_id: str) -> list[int]:
    frame = ctx.db.read("SELECT number FROM batch WHERE run_id = :r ORDER BY number", r=run_id)
    return [int(n) for n in frame["number"].to_list()]


def do_batch(engine: Engine, workspace_id: int, run_id: str, number: int) -> Verdict:
    """Do one batch; ``in_doubt`` asks the flow to come back later."""
    try:
        with _booked(engine, workspace_id, run_id) as ctx:
            spec, _ = load_job(ctx, runs.get(ctx.db, workspace_id, run_id).job)
            asked = _asked_to_stop(ctx, run_id, spec.direction)
            if asked is not None:
                return {"state": "stop", "cause": asked[0], "reason": asked[1]}
            if spec.direction is Direction.INBOUND:
                apply_in.apply_batch(ctx, spec, run_id, number)
                return {"state": "done"}
            return {"state": "done" if apply_out.apply_batch(ctx, spec, run_id, number) else "in_doubt"}
    except ConsentBreach as error:
        return {"state": "stop", "cause": "ConsentBreach", "reason": error.sentence()}
    except ContractBroken as error:
        return {"state": "stop", "cause": "ContractBroken", "reason": error.sentence()}
    except BatchTaken:
        return _finished_elsewhere(engine, run_id, number)
    except OrgError as error:
        if isinstance(error, TransientOrgError) and _may_have_left(engine, run_id, number):
            return {"state": "in_doubt"}
        cause = error.status_code or type(error).__name__
        passing = isinstance(error, TransientOrgError)
        return {"state": "stop", "cause": cause, "reason": error.sentence(), "is_passing": passing}


def _finished_elsewhere(engine: Engine, run_id: str, number: int) -> Verdict:
    """Wait for the worker that has taken a batch over: two answers to one step of a flow would confuse it."""
    until = time.monotonic() + TAKEN_OVER_S
    while time.monotonic() < until:
        state = engine.doors.db.one("SELECT state FROM batch WHERE run_id = :r AND number = :n", r=run_id, n=number)
        if state == "done":
            return {"state": "done"}
        time.sleep(1)
    return {"state": "in_doubt"}


def _may_have_left(engine: Engine, run_id: str, number: int) -> bool:
    """Whether a request of the batch may have reached the org, so that it must be looked for again."""
    state = engine.doors.db.one("SELECT state FROM batch WHERE run_id = :r AND number = :n", r=run_id, n=number)
    return state in ("intent", "in_doubt")


def _asked_to_stop(ctx: Context, run_id: str, direction: Direction) -> tuple[str, str] | None:
    with ctx.db.session() as session:
        if session.get_one(Run, run_id).is_cancel_asked:
            return "canceled", "The run was canceled before it came to this row."
        head = session.get_one(Workspace, ctx.workspace_id)
        if direction is Direction.OUTBOUND and head.is_paused:
            return "paused", "All writes to the org are paused."
        if direction is Direction.INBOUND and head.is_reading_paused:
            return "paused", "Reading from the org is paused."
    return None


def close(engine: Engine, workspace_id: int, run_id: str, stop: Verdict | None) -> str:
    """End a run; returns its status."""
    db, now = engine.doors.db, engine.doors.clock.now()
    run = runs.get(db, workspace_id, run_id)
    if RunStatus(run.status) in ENDED_RUNS:
        return run.status
    with db.session() as session:
        job = session.exec(select(Job).where(Job.workspace_id == workspace_id, Job.name == run.job)).one()
    spec = JobSpec.model_validate(job.spec)
    halted = (str(stop["cause"]), str(stop["reason"])) if stop else None
    status = books.close(db, workspace_id, spec, run_id, now, halted)
    error = {"cause": halted[0], "message": halted[1]} if halted else None
    runs.set_status(db, workspace_id, run_id, status, ended_at=now, error=error)
    if stop is not None and stop.get("is_passing"):
        _come_back(engine, workspace_id, spec)
    return status.value


def _come_back(engine: Engine, workspace_id: int, spec: JobSpec) -> None:
    """Have the schedule run a job again soon that only met a passing error; one that runs by hand is left alone."""
    schedule = spec.schedule
    if not (schedule.every_minutes or schedule.daily_at or schedule.as_it_happens):
        return
    db, at = engine.doors.db, engine.doors.clock.now() + COME_BACK
    told = db.read("SELECT api_blocked_until_at FROM connection WHERE workspace_id = :w AND is_master", w=workspace_id)
    blocked = told.item(0, 0) if told.height else None
    db.execute(
        "UPDATE job SET next_run_at = :at WHERE workspace_id = :w AND name = :n AND is_enabled"
        " AND (next_run_at IS NULL OR next_run_at > :at)",
        at=max(at, blocked) if blocked else at,
        w=workspace_id,
        n=spec.name,
    )


def fail(engine: Engine, workspace_id: int, run_id: str, error: BaseException) -> None:
    """End a run that could not be done, with what a person needs to know; the traceback goes to the log."""
    said = error.sentence() if isinstance(error, SynclineError) else "Something went wrong inside Syncline."
    log.error("run failed", run_id=run_id, error=said, trace="".join(traceback.format_exception(error))[-4000:])
    db, now = engine.doors.db, engine.doors.clock.now()
    if RunStatus(runs.get(db, workspace_id, run_id).status) in ENDED_RUNS:
        return
    facts = {"cause": type(error).__name__, "message": said, "hint": getattr(error, "hint", None)}
    _book_rest(engine, workspace_id, run_id, (type(error).__name__, said))
    with db.batch(workspace_id) as batch:
        runs.refresh_counts(batch, run_id)
        batch.execute(
            "UPDATE run SET n_input = 0 WHERE run_id = :r AND NOT EXISTS (SELECT 1 FROM record_result x"
            " WHERE x.run_id = :r)",
            r=run_id,
        )
        batch.execute(
            "DELETE FROM capture WHERE run_id = :r AND NOT EXISTS (SELECT 1 FROM record_result x WHERE x.run_id = :r)",
            r=run_id,
        )
        ledger.write(batch, "run.failed", run_id, actor="worker", at=now, run_id=run_id, detail=said)
    runs.set_status(db, workspace_id, run_id, RunStatus.FAILED, ended_at=now, error=facts)
    if isinstance(error, OrgError):
        engine.note(workspace_id, error)
    if isinstance(error, TransientOrgError):
        spec = _spec_of(engine, run_id)
        if spec is not None:
            _come_back(engine, workspace_id, spec)


def _book_rest(engine: Engine, workspace_id: int, run_id: str, stop: tuple[str, str]) -> None:
    """Keep the books of a run that had begun to write: what it did not come to waits, or is in doubt."""
    db = engine.doors.db
    begun = db.one(
        "SELECT (SELECT COUNT(*) FROM record_result WHERE run_id = :r) + (SELECT COUNT(*) FROM batch"
        " WHERE run_id = :r)",
        r=run_id,
    )
    if not begun:
        return
    spec = _spec_of(engine, run_id)
    if spec is not None:
        books.close(db, workspace_id, spec, run_id, engine.doors.clock.now(), stop)


def _spec_of(engine: Engine, run_id: str) -> JobSpec | None:
    """The job of a run, unless it is gone."""
    text = engine.doors.db.one(
        "SELECT j.spec FROM job j JOIN run r ON r.workspace_id = j.workspace_id AND r.job = j.name WHERE r.run_id = :r",
        r=run_id,
    )
    return JobSpec.model_validate_json(text) if text else None


@contextmanager
def _booked(engine: Engine, workspace_id: int, run_id: str) -> Iterator[Context]:
    """A context whose API calls are booked on the run, whatever happens."""
    ctx = engine.context(workspace_id)
    with ctx.gateway.tally() as tally:
        try:
            yield ctx
        except OrgError as error:
            engine.note(workspace_id, error)
            raise
        else:
            # A step that asked the org nothing has learned nothing of the connection.
            if tally.calls:
                engine.note(workspace_id)
        finally:
            if tally.calls:
                ctx.db.execute("UPDATE run SET api_calls = api_calls + :n WHERE run_id = :r", n=tally.calls, r=run_id)
