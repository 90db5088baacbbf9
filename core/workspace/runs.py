"""Plans and runs: previewed, planned, approved, applied, watched, undone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.audit import health as reporting
from core.errors import UsageError, WorkerRunning
from core.mapping.spec import JobSpec
from core.planning import plan
from core.records import ENDED_RUNS, RunStatus
from core.running import schedule, steps
from core.running.worker import Worker, wait_for
from core.store import ledger, plans, runs
from core.store.roles import ANALYST, OPERATOR, VIEWER, may
from core.syncing import rehearse, trial
from core.syncing.rehearse import Rehearsal
from core.syncing.succeed import bring_back
from core.workspace.org import Org


@dataclass(frozen=True)
class Preview:
    """What a run would do now; nothing of it is kept or written.

    ``rows`` has the columns of a plan (``core.planning.plan.ROWS``) and ``row``; ``counts`` the outcomes with
    ``input``.
    """

    job: str
    counts: dict[str, int]
    rows: pl.DataFrame
    guards: list[str]
    api_calls: int


class Runs(Org):
    """Plans and runs: previewed, planned, approved, applied, watched, undone."""

    @may(ANALYST)
    def backfill_counts(self, name: str) -> dict[str, int]:
        """What a backfill of everything that is there would come to, by outcome; writes nothing."""
        return self.preview(name, full=True).counts

    @may(OPERATOR)
    def backfill(self, name: str) -> str:
        """Sync once everything that is there, beside what is new from now on; returns the run."""
        return self._ask(self.job(name), reason="backfill", scope={"full": True})

    @may(ANALYST)
    def preview(self, job: str | JobSpec, *, full: bool = False) -> Preview:
        """What a run of the job would do now, or with ``full`` one over everything; reads the org, writes nothing.

        Raises:
            NotFound: no such job, or the workspace is not connected.
            OrgError: the org did not answer.
        """
        spec = self.job(job) if isinstance(job, str) else job
        ctx = self._ctx()
        with ctx.gateway.tally() as tally:
            planned, sources = steps.compute(ctx, spec, {"full": True} if full else None)
        rows = pl.concat([p.rows for p in planned]).with_row_index("row", 1)
        tripped = steps.tripped_by(ctx, spec, rows, steps.left(ctx, spec, None, sources))
        self.engine.note(self.workspace_id)
        counts = {"input": sum(sources.values()), **plan.counts(rows)}
        return Preview(spec.name, counts, rows, [t.message for t in tripped], tally.calls)

    @may(ANALYST)
    def request_plan(self, job: str) -> str:
        """Queue the making of a plan; returns the id of the run that makes it, and soon names it as ``plan_id``."""
        return self._ask(self.job(job), reason="plan", kind="plan")

    @may(ANALYST)
    def plan(self, job: str, *, wait: float = 600) -> str:
        """Make and keep a plan; returns its id."""
        run_id = self.request_plan(job)
        self.wait(run_id, wait)
        found = runs.get(self.database, self.workspace_id, run_id)
        if found.plan_id is None or found.status == RunStatus.FAILED:
            raise UsageError(f"The plan was not made: {(found.error or {}).get('message', found.status)}")
        return found.plan_id

    @may(VIEWER)
    def plans(
        self, limit: int = 50, *, job: str | None = None, status: str | None = None, skip: int = 0
    ) -> pl.DataFrame:
        """Kept plans, newest first; ``counts``, ``ground``, ``guards`` are JSON, ``total`` how many fit in all."""
        return plans.list_frame(self.database, self.workspace_id, limit, job, status, skip)

    @may(VIEWER)
    def plan_info(self, plan_id: str) -> dict[str, Any]:
        """One plan's row.

        Raises:
            NotFound: there is no such plan.
        """
        return plans.head(self.database, self.workspace_id, plan_id)

    @may(VIEWER)
    def plan_rows(
        self,
        plan_id: str,
        *,
        outcome: str | None = None,
        after: int = 0,
        limit: int = 50,
        sobject: str = "",
        search: str = "",
        skip: int = 0,
    ) -> pl.DataFrame:
        """Rows of a plan by number, from the one after ``after``; ``search`` looks in title, keys and reason."""
        return plans.rows_page(
            self.database, self.workspace_id, plan_id, outcome, after, limit, sobject=sobject, search=search, skip=skip
        )

    @may(VIEWER)
    def plan_rows_found(
        self, plan_id: str, *, outcome: str | None = None, sobject: str = "", search: str = ""
    ) -> pl.DataFrame:
        """How many rows `plan_rows` would find in all, by object and cause: sobject, cause, reason, n."""
        return plans.rows_found(self.database, self.workspace_id, plan_id, outcome, sobject, search)

    @may(OPERATOR)
    def approve(self, plan_id: str) -> None:
        """Agree to a plan."""
        self._mark_plan(plan_id, "approved")

    @may(ANALYST)
    def discard(self, plan_id: str) -> None:
        """Throw a plan away."""
        self._mark_plan(plan_id, "discarded")

    def _mark_plan(self, plan_id: str, status: str) -> None:
        plans.mark(self.database, self.workspace_id, plan_id, status, self.actor)
        self._note(f"plan.{status}", plan_id)

    @may(OPERATOR)
    def rehearse(self, plan_id: str, *, sample: int = rehearse.SAMPLE, in_production: bool = False) -> Rehearsal:
        """Have the org say what it would make of a kept plan, and keep nothing of it.

        Args:
            plan_id: the plan, of an outbound job.
            sample: so many rows at most, of every object, action and set of fields some.
            in_production: whether it may be done in an org that is no sandbox.

        Raises:
            UsageError: an inbound plan, or a production org without leave.
            PlanError: writes are paused, or the org does not roll back; what it kept was deleted.
            OrgError: the org refused or did not answer.
        """
        kept = plans.head(self.database, self.workspace_id, plan_id)
        spec = self.job(str(kept["job"]))
        return rehearse.run(self._ctx(), spec, plan_id, self.actor, sample=sample, in_production=in_production)

    @may(OPERATOR)
    def apply(self, plan_id: str) -> str:
        """Apply an approved plan; returns the run that does it."""
        kept = plans.head(self.database, self.workspace_id, plan_id)
        if not kept["approved_by"]:
            self.approve(plan_id)
        return self._ask(self.job(str(kept["job"])), reason="plan approved", plan_id=plan_id)

    @may(OPERATOR)
    def request_run(self, job: str, *, reason: str = "by hand", full: bool = False) -> str:
        """Queue a run of a job; returns its id."""
        return self._ask(self.job(job), reason=reason, scope={"full": True} if full else None)

    def _ask(
        self, spec: JobSpec, *, reason: str, scope: Any = None, plan_id: str | None = None, kind: str = "run"
    ) -> str:
        with self.database.batch(self.workspace_id) as batch:
            return schedule.ask(
                batch, spec, actor=self.actor, reason=reason, at=self._now(), scope=scope, plan_id=plan_id, kind=kind
            )

    @may(OPERATOR)
    def try_job(self, job: str, user: str) -> str:
        """Run an outbound job for one person's latest activities only, before it is rolled out; returns the run.

        Raises:
            NotFound: the person is not linked to an org user, or has made nothing yet.
        """
        spec = self.job(job)
        records = trial.records_of(self._ctx(), spec, user)
        return self._ask(spec, reason=f"trial with {user.lower()}", scope={"records": records})

    @may(ANALYST)
    def checklist(self, run_id: str) -> list[dict[str, Any]]:
        """What a run wrote and what the org has of it now, field by field: see `core.syncing.trial.checklist`."""
        run = runs.get(self.database, self.workspace_id, run_id)
        return trial.checklist(self._ctx(), self.job(run.job), run_id)

    @may(OPERATOR)
    def run(self, job: str, *, full: bool = False, wait: float = 3600) -> dict[str, Any]:
        """Run a job to its end and tell what it came to; uses the worker there is, else one of its own."""
        return self.wait(self.request_run(job, full=full), wait)

    @may(ANALYST)
    def wait(self, run_id: str, seconds: float = 3600) -> dict[str, Any]:
        """Wait for a run; where no worker is running, be the worker meanwhile."""
        worker = Worker(self.engine, schedules=False)
        try:
            worker.start()
        except WorkerRunning:
            wait_for(self.database, run_id, seconds)
        else:
            try:
                wait_for(self.database, run_id, seconds)
            finally:
                worker.stop()
        return self.run_info(run_id)

    @may(VIEWER)
    def run_info(self, run_id: str) -> dict[str, Any]:
        """A run as interfaces print it, with ``error``, ``actor``, ``reason``, ``planned`` beside."""
        run = runs.get(self.database, self.workspace_id, run_id)
        out = runs.as_json(run.model_dump())
        return {
            **out,
            "actor": run.actor,
            "reason": run.reason,
            "planned": run.n_planned,
            "plan_id": run.plan_id,
            "error": run.error,
        }

    @may(VIEWER)
    def runs(
        self,
        limit: int = 100,
        job: str | None = None,
        *,
        statuses: Sequence[str] = (),
        search: str = "",
        jobs: Sequence[str] = (),
        skip: int = 0,
    ) -> list[dict[str, Any]]:
        """The latest runs, newest first; ``search`` looks in run, job, person and reason, and takes those of ``jobs``.

        ``total`` of each is how many fit in all.
        """
        frame = runs.list_frame(
            self.database, self.workspace_id, limit, job, statuses=statuses, search=search, jobs=jobs, skip=skip
        )
        shown = {"planned": "n_planned", "requested_at": "requested_at", "started": "started_at", "ended": "ended_at"}
        same = {c: c for c in ("actor", "reason", "kind", "error", "plan_id", "total")}
        return [
            {
                **runs.as_json(r),
                **{k: r[c] for k, c in (same | shown).items()},
                "error": json.loads(r["error"]) if r["error"] else None,
            }
            for r in frame.iter_rows(named=True)
        ]

    @may(VIEWER)
    def run_results(self, run_id: str, *, outcome: str | None = None, after: int = 0, limit: int = 50) -> pl.DataFrame:
        """Record results of a run by row number, with request and answer."""
        return runs.results_page(self.database, self.workspace_id, run_id, outcome, after, limit)

    @may(OPERATOR)
    def preview_undo(self, run_id: str) -> Preview:
        """What an undo of a run would do now: restored are fields that still hold what it wrote, the rest is listed.

        Raises:
            UsageError: the run wrote nothing, or has not ended.
        """
        spec = self._undoable(run_id)
        ctx = self._ctx()
        with ctx.gateway.tally() as tally:
            planned, sources = steps.compute(ctx, spec, {"undo": run_id})
        rows = pl.concat([p.rows for p in planned]).with_row_index("row", 1)
        counts = {"input": sum(sources.values()), **plan.counts(rows)}
        return Preview(spec.name, counts, rows, [], tally.calls)

    @may(OPERATOR)
    def undo(self, run_id: str) -> str:
        """Take back what a run wrote, as far as nobody has changed it since; returns the run that does it.

        That run can be undone as well.

        Raises:
            UsageError: the run has not ended.
        """
        spec = self._undoable(run_id)
        made = self._ask(spec, reason=f"undo of {run_id}", scope={"undo": run_id})
        self._note("run.undone", run_id, {"by": made})
        return made

    def _undoable(self, run_id: str) -> JobSpec:
        found = runs.get(self.database, self.workspace_id, run_id)
        if RunStatus(found.status) not in ENDED_RUNS:
            raise UsageError("That run has not ended yet.", hint="Cancel it, or wait.")
        return self.job(found.job)

    @may(VIEWER)
    def recycle_bin(
        self, kind: str | None = None, *, search: str = "", limit: int | None = None, skip: int = 0
    ) -> pl.DataFrame:
        """Records that a sync has deleted here, the latest first; columns are those of ``core.audit.bin.BIN``."""
        return reporting.recycle_bin(self.database, self.workspace_id, kind, search=search, limit=limit, skip=skip)

    @may(OPERATOR)
    def restore(self, table: str, record_ids: Sequence[int]) -> int:
        """Take records out of the recycle bin; returns how many.

        Their org records are gone, so that an outbound job makes new ones.
        """
        wanted = self.recycle_bin(table).filter(pl.col("record_id").is_in(list(record_ids)))["record_id"]
        with self.database.batch(self.workspace_id, origin="by hand", actor=self.actor) as batch:
            bring_back(batch, table, wanted)
            ledger.write(
                batch, "records.restored", table, actor=self.actor, at=self._now(), values={"records": wanted.to_list()}
            )
        return wanted.len()

    @may(OPERATOR)
    def cancel(self, run_id: str) -> None:
        """Stop a run after the batch under way."""
        status = runs.get(self.database, self.workspace_id, run_id).status
        if status in (RunStatus.QUEUED, RunStatus.WAITING_APPROVAL):
            runs.set_status(self.database, self.workspace_id, run_id, RunStatus.CANCELED, ended_at=self._now())
        self.database.execute(
            "UPDATE run SET is_cancel_asked = true WHERE run_id = :r AND workspace_id = :w",
            r=run_id,
            w=self.workspace_id,
        )
        self._note("run.canceled", run_id)
