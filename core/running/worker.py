"""The worker: takes queued runs, one at a time per pair of sides, and lives until it is told to stop."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error

from core.private import private
from core.records import OPEN_RUNS, RunStatus
from core.running import flows, locks, schedule
from core.running.alerting import Watch
from core.running.engine import Engine
from core.running.listening import Listeners
from core.store.database import Database
from core.store.tables import Worker as WorkerRow

log = structlog.get_logger()
AT_ONCE = 3
LOOK_EVERY = 0.3
"""Seconds between looks at the queue."""
HEARTBEAT_EVERY = 5.0
FLOWS_VERSION = "1"
"""Raised when a flow's steps change, so that a run begun by an earlier version is not continued wrongly."""


class Worker:
    """One worker of a process; `start` takes its place, `stop` lets runs under way finish their step."""

    def __init__(self, engine: Engine, *, schedules: bool = True) -> None:
        self.engine = engine
        self._schedules = schedules
        self._place: locks.Place | None = None
        self._active: dict[str, tuple[int, str]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watch = Watch(engine.doors) if schedules else None
        self._listeners = Listeners(engine) if schedules else None

    def start(self) -> None:
        """Take a place, take up what an earlier process left, and begin to look for work.

        Raises:
            WorkerRunning: there is no free place.
        """
        doors = self.engine.doors
        self._place = locks.take_place(doors.db, doors.home)
        flows.use(self.engine)
        DBOS(config=_config(doors.db, str(doors.home), self._place.executor_id))
        DBOS.launch()
        self._thread = threading.Thread(target=self._look, name="syncline-worker", daemon=True)
        self._thread.start()
        if self._watch is not None:
            self._watch.start()

    def stop(self) -> None:
        """Stop looking for work, wait for the steps under way, and give the place back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=60)
        if self._watch is not None:
            self._watch.stop()
        if self._listeners is not None:
            self._listeners.stop()
        DBOS.destroy(workflow_completion_timeout_sec=30)
        if self._place is not None:
            self._forget_heartbeat(self._place.executor_id)
            self._place.release()

    def _look(self) -> None:
        beat = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() - beat > HEARTBEAT_EVERY:
                    self._heartbeat()
                    beat = time.monotonic()
                    if self._listeners is not None and self._place is not None:
                        self._listeners.tend(self._place.executor_id)
                if self._schedules:
                    schedule.queue_due(self.engine.doors.db, self.engine.doors.clock.now())
                self._take()
            except Exception:
                # Whatever it was, the next look may succeed: a worker that dies of a hiccup helps nobody.
                log.exception("the worker's look for work failed")
                time.sleep(1)
            self._stop.wait(LOOK_EVERY)

    def _take(self) -> None:
        # Several workers look at the same queue on PostgreSQL: one at a time chooses, and says so before it lets go.
        with self.engine.doors.db.advisory_lock("syncline-take-runs"):
            self._choose()

    def _choose(self) -> None:
        queued = self.engine.doors.db.read(
            "SELECT r.workspace_id, r.run_id, r.job, r.status FROM run r WHERE r.status IN ('queued', 'running')"
            " ORDER BY r.requested_at, r.run_id"
        )
        rows = list(queued.iter_rows())
        alive = {run_id for _, run_id, _, _ in rows}
        self._active = {r: g for r, g in self._active.items() if r in alive}
        for workspace_id, run_id, job, _status in rows:
            if len(self._active) >= AT_ONCE:
                return
            others = [r for r in rows if r[1] != run_id]
            if run_id in self._active or not self._free(int(workspace_id), job, others):
                continue
            self._active[run_id] = (int(workspace_id), job)
            self.engine.doors.db.execute(
                "UPDATE run SET status = 'running', started_at = :now WHERE run_id = :r AND status = 'queued'",
                now=self.engine.doors.clock.now(),
                r=run_id,
            )
            self._begin(int(workspace_id), run_id)

    def _free(self, workspace_id: int, job: str, rows: list[tuple[Any, ...]]) -> bool:
        """Whether no run under way, here or elsewhere, touches the same records, and nothing that comes first waits."""
        jobs = _jobs(self.engine.doors.db, workspace_id)
        mine = jobs.get(job)
        if mine is None:
            return True
        busy = [j for w, j in self._active.values() if w == workspace_id]
        busy += [j for w, _, j, status in rows if int(w) == workspace_id and status == "running"]
        if any(jobs.get(j, {}).get("kind") == mine["kind"] or j == job for j in busy):
            return False
        waiting = [j for w, _, j, _ in rows if int(w) == workspace_id and j != job]
        return not any(j in mine["after"] for j in waiting)

    def _begin(self, workspace_id: int, run_id: str) -> None:
        with SetWorkflowID(run_id):
            DBOS.start_workflow(flows.run, workspace_id, run_id)

    def _heartbeat(self) -> None:
        if self._place is None:
            return
        now = self.engine.doors.clock.now()
        with self.engine.doors.db.writing() as session:
            session.merge(
                WorkerRow(
                    worker_id=self._place.executor_id,
                    host=os.uname().nodename,
                    pid=os.getpid(),
                    started_at=now,
                    seen_at=now,
                )
            )
            session.commit()
        self._take_over()

    def _take_over(self) -> None:
        """On PostgreSQL: continue what a dead worker left."""
        assert self._place is not None  # noqa: S101
        dead = locks.dead_places(self.engine.doors.db, self._place.executor_id)
        if dead:
            with suppress(dbos_error.DBOSException):
                DBOS._recover_pending_workflows(dead)

    def _forget_heartbeat(self, worker_id: str) -> None:
        self.engine.doors.db.execute("DELETE FROM worker WHERE worker_id = :i", i=worker_id)


def _jobs(db: Database, workspace_id: int) -> dict[str, dict[str, Any]]:
    frame = db.read("SELECT name, spec FROM job WHERE workspace_id = :w", w=workspace_id)
    out = {}
    for name, spec in frame.iter_rows():
        decoded = json.loads(spec)
        out[name] = {"kind": decoded["kind"], "after": decoded.get("after") or ()}
    return out


def _config(db: Database, home: str, executor_id: str) -> DBOSConfig:
    url = db.url
    if db.is_sqlite:
        path = private(Path(home) / "runs.db")
        with sqlite3.connect(path) as conn:
            conn.execute("PRAGMA journal_mode = wal")
        url = f"sqlite:///{path}"
    return {
        "name": "syncline",
        "system_database_url": url,
        "application_version": FLOWS_VERSION,
        "executor_id": executor_id,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        "console_log_level": "WARNING",
        "enable_otlp": False,
        "max_executor_threads": 16,
    }


def wait_for(db: Database, run_id: str, seconds: float) -> RunStatus:
    """Wait until a run has ended or waits for a person; its status then, or the present one when time is over."""
    until = time.monotonic() + seconds
    while True:
        status = RunStatus(str(db.one("SELECT status FROM run WHERE run_id = :r", r=run_id)))
        if status not in OPEN_RUNS or time.monotonic() > until:
            return status
        time.sleep(0.1)
