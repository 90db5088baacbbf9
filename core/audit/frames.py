"""Hands the ledger to analysts as polars frames: runs, changes, results, links, records, open rows, events, balance."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.audit import balance as books
from core.audit.opened import open_rows
from core.audit.shape import shaped
from core.records import Outcome
from core.store.codec import INSTANT
from core.store.database import Database
from core.store.records import columns_of, load_records

RUNS: dict[str, Any] = {
    "run_id": pl.String,
    "job": pl.String,
    "kind": pl.String,
    "direction": pl.String,
    "status": pl.String,
    "actor": pl.String,
    "reason": pl.String,
    "plan_id": pl.String,
    "requested_at": INSTANT,
    "started_at": INSTANT,
    "ended_at": INSTANT,
    "n_input": pl.Int64,
    **{f"n_{o.value}": pl.Int64 for o in Outcome},
    "n_planned": pl.Int64,
    "api_calls": pl.Int64,
    "api_calls_shared": pl.Int64,
    "tick_id": pl.String,
    "error": pl.String,
}
CHANGES: dict[str, Any] = {
    "plan_id": pl.String,
    "run_id": pl.String,
    "job": pl.String,
    "row": pl.Int64,
    "sobject": pl.String,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "key": pl.String,
    "title": pl.String,
    "action": pl.String,
    "outcome": pl.String,
    "cause": pl.String,
    "reason": pl.String,
    "field": pl.String,
    "fields": pl.String,
    "payload": pl.String,
    "before": pl.String,
    "made_at": INSTANT,
}
RESULTS: dict[str, Any] = {
    "run_id": pl.String,
    "job": pl.String,
    "row": pl.Int64,
    "sobject": pl.String,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "key": pl.String,
    "title": pl.String,
    "action": pl.String,
    "outcome": pl.String,
    "cause": pl.String,
    "reason": pl.String,
    "field": pl.String,
    "status_code": pl.String,
    "request": pl.String,
    "answer": pl.String,
    "before": pl.String,
    "batch": pl.Int64,
    "at": INSTANT,
}
LINKS: dict[str, Any] = {
    "id": pl.Int64,
    "table_name": pl.String,
    "record_id": pl.Int64,
    "sobject": pl.String,
    "org_id": pl.String,
    "state": pl.String,
    "how": pl.String,
    "evidence": pl.String,
    "job": pl.String,
    "run_id": pl.String,
    "baseline": pl.String,
    "org_modified_at": INSTANT,
    "org_stamp_at": INSTANT,
    "workspace_updated_at": INSTANT,
    "created_at": INSTANT,
    "updated_at": INSTANT,
}
EVENTS: dict[str, Any] = {
    "id": pl.Int64,
    "at": INSTANT,
    "actor": pl.String,
    "kind": pl.String,
    "subject": pl.String,
    "run_id": pl.String,
    "detail": pl.String,
    "body": pl.String,
}
ACTIVITIES: dict[str, Any] = {
    "id": pl.Int64,
    "kind": pl.String,
    "source": pl.String,
    "external_id": pl.String,
    "day": pl.Date,
    "occurred_at": INSTANT,
    "duration_s": pl.Int64,
    "direction": pl.String,
    "user": pl.String,
    "subject": pl.String,
    "notes": pl.String,
    "outcome": pl.String,
    "type": pl.String,
    "status": pl.String,
    "priority": pl.String,
    "due_at": pl.String,
    "person_record_id": pl.Int64,
    "account_record_id": pl.Int64,
    "created_at": INSTANT,
    "updated_at": INSTANT,
    "deleted_at": INSTANT,
    **{name: dtype for name, dtype in books.BY_RECORD.items() if name != "id"},
}


class Frames:
    """The tables of one workspace, read anew at each call; every instant is a Datetime in UTC."""

    def __init__(self, db: Database, workspace_id: int) -> None:
        self._db = db
        self._workspace_id = workspace_id

    def _read(self, sql: str, columns: dict[str, Any], **params: Any) -> pl.DataFrame:
        return shaped(self._db.read(sql, {"w": self._workspace_id, **params}), columns)

    def runs(self) -> pl.DataFrame:
        """Every run, oldest first; columns are those of `RUNS`.

        ``n_input`` is what was read, counted before any decision; the other ``n_*`` are its outcomes and sum to it once
        the run is over. ``n_planned`` is what the plan wanted to write. ``error`` is JSON: cause, message.
        """
        return self._read("SELECT * FROM run WHERE workspace_id = :w ORDER BY requested_at, run_id", RUNS)

    def changes(self) -> pl.DataFrame:
        """Every row of every plan: what was to happen to one record, or why nothing was.

        Columns are those of `CHANGES`. ``payload`` (what would be written) and ``before`` are JSON by field;
        ``fields`` names those of the payload.
        """
        return self._read(
            "SELECT c.*, p.run_id, p.job, p.made_at FROM change c JOIN plan p ON p.plan_id = c.plan_id"
            " AND p.workspace_id = c.workspace_id WHERE c.workspace_id = :w ORDER BY p.made_at, c.plan_id, c.row",
            CHANGES,
        )

    def results(self) -> pl.DataFrame:
        """What each row of each run came to, in order; columns are those of `RESULTS`.

        ``request``, ``answer`` and ``before`` are JSON; ``status_code`` and ``reason`` of a rejected row are the org's
        own.
        """
        return self._read("SELECT * FROM record_result WHERE workspace_id = :w ORDER BY at, run_id, row", RESULTS)

    def links(self) -> pl.DataFrame:
        """Which workspace record is which org record; columns are those of `LINKS`.

        ``state`` is active, superseded or deleted; ``how`` says how the link came about; ``baseline`` is JSON: org
        field to the text that both sides last agreed on.
        """
        return self._read("SELECT * FROM link WHERE workspace_id = :w ORDER BY id", LINKS)

    def activities(self) -> pl.DataFrame:
        """Every activity with the org record it is linked to and what became of it; columns are those of `ACTIVITIES`.

        ``day`` is that of ``occurred_at`` in the workspace's zone and ``outcome`` how the call or meeting went;
        ``org_id`` to ``last_at`` are as in `core.audit.balance.by_record`.
        """
        zone = str(self._db.one("SELECT zone FROM workspace WHERE id = :w", w=self._workspace_id) or "UTC")
        rows = load_records(self._db, self._workspace_id, "activity").drop("kind").sort("occurred_at", "id")
        cells = books.entered(self._db, self._workspace_id, zone)
        became = books.by_record(self._db, self._workspace_id)
        joined = rows.join(cells, on="id", how="left", maintain_order="left")
        return shaped(joined.join(became, on="id", how="left", maintain_order="left"), ACTIVITIES)

    def people(self) -> pl.DataFrame:
        """Every person with ``org_id``, ``sobject`` (Contact or Lead) and ``linked_how`` of its active link, if any."""
        return self._linked("person")

    def accounts(self) -> pl.DataFrame:
        """Every account with ``org_id``, ``sobject`` and ``linked_how`` of its active link, if it has one."""
        return self._linked("account")

    def _linked(self, table: str) -> pl.DataFrame:
        hidden = ("workspace_id", "seq", "hash")
        columns: dict[str, Any] = {c: t for c, t in columns_of(table).items() if c not in hidden}
        records = load_records(self._db, self._workspace_id, table).sort("id")
        linked = self._read(
            "SELECT record_id AS id, org_id, sobject, how AS linked_how FROM link WHERE workspace_id = :w"
            " AND table_name = :t AND state = 'active'",
            {"id": pl.Int64, "org_id": pl.String, "sobject": pl.String, "linked_how": pl.String},
            t=table,
        )
        joined = records.join(linked, on="id", how="left", maintain_order="left")
        return joined.select(*columns, "org_id", "sobject", "linked_how")

    def open_rows(self) -> pl.DataFrame:
        """Every row that waits, is held, was rejected or is in doubt; see `core.audit.opened.OPEN_ROWS`."""
        return open_rows(self._db, self._workspace_id, limit=None)

    def events(self) -> pl.DataFrame:
        """The ledger, oldest first; columns are those of `EVENTS`, ``body`` is JSON, null where it was erased."""
        return self._read(
            "SELECT e.*, v.body FROM event e LEFT JOIN event_value v ON v.workspace_id = e.workspace_id"
            " AND v.event_id = e.id WHERE e.workspace_id = :w ORDER BY e.id",
            EVENTS,
        )

    def balance(self) -> pl.DataFrame:
        """The double entry of activities by day, user and kind; see `core.audit.balance.balance`."""
        return books.balance(self._db, self._workspace_id)
