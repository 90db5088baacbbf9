"""Fills an SQLite workspace with as many activities as wished, and everything that runs have written about them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from core.store.database import Database
from core.store.migrate import migrate

MONTH = "2026-10"
_T0 = 1_767_225_600_000_000
"""1 January 2026, in microseconds: activities lie in the 320 days after it."""
_EACH = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n) INSERT INTO"
_WHEN = f"{_T0} + (i * 27648000 / :n) * 1000000"
"""The ledger is written as time passes; activities arrive within two hours, one before the other."""
_RUN = "((i - 1) * 1000 / :n)"
_ORG_ID = "'00T' || substr('000000000000000' || i, -12) || 'AAA'"
_KIND = "CASE WHEN i % 10 < 6 THEN 'call' WHEN i % 10 < 8 THEN 'email' WHEN i % 10 = 8 THEN 'meeting' ELSE 'note' END"
_ROWS = (
    # Every tenth was never taken up by a run, two more wait or are held; the rest is written and linked.
    f"{_EACH} activity (workspace_id, id, seq, kind, source, external_id, occurred_at, duration_s, direction,"
    " person_record_id, person_email, user_email, subject, notes, outcome, status, created_at, updated_at)"
    f" SELECT 1, i, i, {_KIND}, 'dialer', 'a-' || i, {_WHEN} - (i * 7919 % 7200) * 1000000,"
    " i * 37 % 900, 'outbound', :n + 1 + i % :p,"
    " CASE WHEN i % 3 = 0 THEN 'person' || (i % :p) || '@firm' || (i % 997) || '.example' END,"
    " 'member' || (i % 60) || '@team.example', 'Follow-up ' || i || ' on the lease', 'Spoke about square ' || i * 31 ||"
    " ', parking, the break option and when the keys can be handed over. Will call again on Friday.',"
    " CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'Voicemail' ELSE 'Connected' END, 'Completed',"
    f" {_WHEN} + 60000000, {_WHEN} + 60000000 FROM n",
    f"{_EACH} link (workspace_id, id, table_name, record_id, sobject, org_id, state, how, evidence, job, run_id,"
    " baseline, created_at, updated_at, org_modified_at, org_stamp_at)"
    f" SELECT 1, i, 'activity', i, 'Task', {_ORG_ID}, CASE WHEN i % 211 = 0 THEN 'deleted' ELSE 'active' END,"
    f" CASE WHEN i % 8 = 0 THEN 'created_in' ELSE 'created_out' END, '', 'calls_out', 'run_' || {_RUN},"
    " '{\"Subject\":\"Follow-up ' || i || ' on the lease\",\"Status\":\"Completed\",\"WhoId\":\"003' ||"
    " substr('000000000000000' || (i % :p), -12) || 'AAA\",\"ActivityDate\":\"2026-05-01\",\"OwnerId\":"
    "\"005000000000001AAA\",\"CallDurationInSeconds\":\"' || (i * 37 % 900) || '\"}',"
    f" {_WHEN} + 90000000, {_WHEN} + 90000000, {_WHEN} + 90000000, {_WHEN} + 90000000 FROM n WHERE i % 10 < 8",
    f"{_EACH} record_result (workspace_id, run_id, \"row\", job, sobject, record_id, org_id, key, title, action,"
    " outcome, cause, reason, field, status_code, request, answer, at)"
    f" SELECT 1, 'run_' || {_RUN}, i, 'calls_out', 'Task', i, {_ORG_ID}, 'a-' || i,"
    " 'Follow-up ' || i || ' on the lease', CASE WHEN i % 10 < 8 THEN 'create' ELSE 'none' END,"
    " CASE WHEN i % 10 < 8 THEN 'created' WHEN i % 40 = 8 THEN 'rejected' WHEN i % 10 = 8 THEN 'waiting' ELSE"
    " 'filtered' END, CASE WHEN i % 10 < 8 THEN '' WHEN i % 40 = 8 THEN 'STRING_TOO_LONG' WHEN i % 10 = 8 THEN"
    " 'orphan' ELSE 'filter' END, '', '', CASE WHEN i % 40 = 8 THEN 'STRING_TOO_LONG' ELSE '' END,"
    " '{\"Subject\":\"Follow-up ' || i || ' on the lease\",\"Status\":\"Completed\",\"CallDurationInSeconds\":' ||"
    " (i * 37 % 900) || '}', '{\"id\":\"00T' || substr('000000000000000' || i, -12) || 'AAA\",\"success\":true}',"
    f" {_WHEN} + 90000000 FROM n",
    f"{_EACH} change (workspace_id, plan_id, \"row\", record_id, org_id, sobject, key, title, action, outcome, cause,"
    " reason, field, fields, payload, parent, sent_as)"
    f" SELECT 1, 'plan_' || {_RUN}, i, i, {_ORG_ID}, 'Task', 'a-' || i,"
    " 'Follow-up ' || i || ' on the lease', CASE WHEN i % 10 < 8 THEN 'create' ELSE 'none' END, CASE WHEN i % 10 < 8"
    " THEN 'created' WHEN i % 10 = 8 THEN 'waiting' ELSE 'filtered' END, '', '', '', 'Subject,Status',"
    " '{\"Subject\":\"Follow-up ' || i || ' on the lease\",\"Status\":\"Completed\"}', '', '' FROM n",
    f"{_EACH} open_row (workspace_id, job, subject, sobject, record_id, key, title, outcome, cause, reason, field,"
    " status_code, tries, is_aside, run_id, first_at, last_at)"
    " SELECT 1, 'calls_out', '' || i, 'Task', i, 'a-' || i, 'Follow-up ' || i || ' on the lease',"
    " CASE WHEN i % 40 = 8 THEN 'rejected' ELSE 'waiting' END, CASE WHEN i % 40 = 8 THEN 'STRING_TOO_LONG' ELSE"
    f" 'orphan' END, 'Nobody has it', '', '', 1, 0, 'run_' || {_RUN}, {_WHEN}, {_WHEN} FROM n WHERE i % 10 = 8",
    f"{_EACH} run (workspace_id, run_id, job, kind, direction, status, actor, reason, plan_id, requested_at,"
    " started_at, ended_at, n_input, n_created, n_updated, n_deleted, n_unchanged, n_filtered, n_skipped, n_waiting,"
    " n_held, n_rejected, n_in_doubt, n_planned, api_calls, api_calls_shared, is_cancel_asked)"
    " SELECT 1, 'run_' || (i - 1), 'calls_out', 'run', 'outbound', 'complete', 'schedule', 'schedule', 'plan_' ||"
    f" (i - 1), {_T0} + i * 27648000000, {_T0} + i * 27648000000, {_T0} + i * 27648000000, 1000, 800, 0, 0, 0, 100, 0,"
    " 75, 0, 25, 0, 800, 4, 1, 0 FROM n WHERE i <= 1000",
    f"{_EACH} plan (workspace_id, plan_id, job, run_id, status, fingerprint, made_by, made_at)"
    " SELECT 1, 'plan_' || (i - 1), 'calls_out', 'run_' || (i - 1), 'applied', '', 'schedule',"
    f" {_T0} + i * 27648000000 FROM n WHERE i <= 1000",
    f"{_EACH} event (workspace_id, id, at, actor, kind, subject, run_id, detail)"
    " SELECT 1, i, " + _WHEN + ", 'ann', CASE WHEN i % 10 = 0 THEN 'job.saved' ELSE 'conflict.decided' END,"
    f" 'a-' || i, 'run_' || {_RUN}, 'Subject: the workspace wins' FROM n WHERE i <= :n / 10",
    f"{_EACH} event_value (workspace_id, event_id, body)"
    " SELECT 1, i, CASE WHEN i % 10 = 0 THEN '{\"before\":{\"a\":1},\"after\":{\"a\":2}}' ELSE"
    " '{\"field\":\"Subject\",\"workspace\":\"a\",\"org\":\"b\",\"decision\":\"ours\",\"why\":\"later\"}' END"
    " FROM n WHERE i <= :n / 10",
    f"{_EACH} person (workspace_id, id, seq, source, external_id, first_name, last_name, name, email,"
    " opted_out_email, do_not_call, created_at, updated_at)"
    " SELECT 1, :n + i, i, 'crm', 'p-' || i, 'First' || i, 'Last' || i, 'First' || i || ' Last' || i, 'person' || i"
    f" || '@firm.example', i % 20 = 0, i % 50 = 0, {_T0}, {_T0} FROM n WHERE i <= :p",
    f"{_EACH} link (workspace_id, id, table_name, record_id, sobject, org_id, state, how, evidence, job, run_id,"
    " baseline, created_at, updated_at)"
    " SELECT 1, :n + i, 'person', :n + i, 'Contact', '003' || substr('000000000000000' || i, -12) || 'AAA',"
    " 'active', 'email', 'email', 'people_in', 'run_1', '{\"HasOptedOutOfEmail\":\"' || CASE WHEN i % 20 = 0 THEN"
    f" 'true' ELSE 'false' END || '\",\"DoNotCall\":\"false\"}}', {_T0}, {_T0} FROM n WHERE i <= :p",
)  # fmt: skip


def fill(path: Path, activities: int) -> None:
    """Make a database with one workspace of so many activities; a tenth as many people and ledger lines."""
    path.unlink(missing_ok=True)
    made = Database(f"sqlite:///{path}")
    migrate(made)
    made.close()
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")
        conn.execute("INSERT INTO workspace (id, name, title, zone, seq, is_paused, is_reading_paused, created_at,"
                     " created_by) VALUES (1, 'main', 'Race', 'America/Chicago', 10000000, 0, 0, 0, '')")  # fmt: skip
        for statement in _ROWS:
            conn.execute(statement, {"n": activities, "p": max(activities // 10, 1)})
        conn.commit()
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
