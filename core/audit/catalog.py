"""Names the tables that analysts get: each with its columns, their types and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.planning import plan
from core.records import Outcome
from core.store.codec import INSTANT

TEXT, WHOLE, FLAG, DAY, SHARE = pl.String, pl.Int64, pl.Boolean, pl.Date, pl.Float64
_TYPE_WORDS = {
    str(INSTANT): "instant",
    str(pl.String): "text",
    str(pl.Int64): "number",
    str(pl.Boolean): "flag",
    str(pl.Date): "date",
    str(pl.Float64): "decimal",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the audit."""

    about: str
    columns: Mapping[str, tuple[Any, str]]
    """Name -> type and meaning."""

    @property
    def types(self) -> dict[str, Any]:
        """Name -> polars type."""
        return {name: dtype for name, (dtype, _) in self.columns.items()}


_OUTCOME_WORDS = "created, updated, deleted, unchanged, filtered, skipped, waiting, held, rejected or in_doubt"
_RECORD = {
    "record_id": (WHOLE, "number of the workspace record; empty where there is none yet"),
    "org_id": (TEXT, "Id of the org record, 18 characters"),
    "sobject": (TEXT, "org object"),
}
_CALLED = {
    "key": (TEXT, "what people call the record by: its external id, or its org Id"),
    "title": (TEXT, "its subject or name"),
}
_VERDICT = {
    "outcome": (TEXT, _OUTCOME_WORDS),
    "cause": (TEXT, "why, as one word: a cause of ours or the org's status code"),
    "reason": (TEXT, "why, in words"),
    "field": (TEXT, "the field that is to blame, where it is one"),
}
_ROW = {name: cell for name, cell in (_RECORD | _CALLED).items() if name in plan.ROWS}
_RUN = {"run_id": (TEXT, "the run"), "job": (TEXT, "the job")}
SYNC_STATE = {
    "org_id": (TEXT, "Id of the org record it is linked to"),
    "sobject": (TEXT, "that record's object"),
    "linked_how": (TEXT, "how the link came about"),
    "origin": (TEXT, "workspace where it was made here, org where a job brought it in"),
    "sync_state": (TEXT, "what became of it: a state of the balance, or no_trace"),
    "job": (TEXT, "the job that spoke last"),
    "cause": (TEXT, "why it is open or left out"),
    "reason": (TEXT, "the same in words"),
    "last_outcome": (TEXT, "outcome of the open row, else of the latest outbound result"),
    "last_at": (INSTANT, "when that was"),
}

RUNS = Table(
    "Every run, the oldest first. `n_input` is counted where rows are read, before any decision; the other `n_` "
    "columns are its outcomes and sum to it once the run is over.",
    {
        **_RUN,
        "kind": (TEXT, "run, plan or retry"),
        "direction": (TEXT, "inbound or outbound"),
        "status": (TEXT, "queued, planned, waiting_approval, running, paused, complete, complete_with_rejects, "
                         "partial, failed or canceled"),
        "actor": (TEXT, "who asked for it"),
        "reason": (TEXT, "why it ran: schedule, intake, by hand, retry"),
        "plan_id": (TEXT, "the plan that it applied"),
        "requested_at": (INSTANT, "asked for"),
        "started_at": (INSTANT, "begun"),
        "ended_at": (INSTANT, "ended"),
        "n_input": (WHOLE, "rows read"),
        **{f"n_{o.value}": (WHOLE, f"rows {o.value.replace('_', ' ')}") for o in Outcome},
        "n_planned": (WHOLE, "rows that the plan wanted to write"),
        "api_calls": (WHOLE, "calls of the org's API made for this run alone"),
        "api_calls_shared": (WHOLE, "calls shared with other runs of the same tick"),
        "tick_id": (TEXT, "the tick that they shared"),
        "error": (TEXT, "JSON: cause and message of what ended it early"),
    },
)  # fmt: skip
CHANGES = Table(
    "Every row of every plan: what was to happen to one record, or why nothing was.",
    {
        "plan_id": (TEXT, "the plan"),
        **_RUN,
        "row": (WHOLE, "place in the plan, from 1"),
        "sobject": _ROW["sobject"],
        "record_id": _ROW["record_id"],
        "org_id": _ROW["org_id"],
        **_CALLED,
        "action": (TEXT, "create, update, delete, link, move or none"),
        **_VERDICT,
        "fields": (TEXT, "names of the fields to be written, with commas"),
        "payload": (TEXT, "JSON: field -> value to be written"),
        "before": (TEXT, "JSON: field -> value that was there"),
        "made_at": (INSTANT, "when the plan was made"),
    },
)
RESULTS = Table(
    "What each row of each run came to, with the org's own words.",
    {
        **_RUN,
        "row": (WHOLE, "place in the plan, from 1"),
        "sobject": _ROW["sobject"],
        "record_id": _ROW["record_id"],
        "org_id": _ROW["org_id"],
        **_CALLED,
        "action": (TEXT, "what was done: create, update, delete, link, move or none"),
        **_VERDICT,
        "status_code": (TEXT, "the org's status code, verbatim"),
        "request": (TEXT, "JSON: what was sent"),
        "answer": (TEXT, "JSON: what the org said"),
        "before": (TEXT, "JSON: field -> value that was there"),
        "batch": (WHOLE, "batch of the outbox it travelled in"),
        "at": (INSTANT, "when it was booked"),
    },
)
LINKS = Table(
    "Which workspace record and which org record are one.",
    {
        "id": (WHOLE, "number of the link"),
        "table_name": (TEXT, "account, person or activity"),
        **_RECORD,
        "state": (TEXT, "active, superseded (another link took its place) or deleted"),
        "how": (
            TEXT,
            "how it came about: created_out, created_in, settled, merge, converted, restored, matched (found in the"
            " org), or the match rule",
        ),
        "evidence": (TEXT, "what spoke for it"),
        "job": (TEXT, "the job that made it"),
        "run_id": (TEXT, "the run that made it"),
        "baseline": (TEXT, "JSON: org field -> text that both sides last agreed on"),
        "org_modified_at": (INSTANT, "LastModifiedDate of the org record when both agreed"),
        "org_stamp_at": (INSTANT, "its SystemModstamp then"),
        "workspace_updated_at": (INSTANT, "change of the workspace record that was taken into account"),
        "created_at": (INSTANT, "made"),
        "updated_at": (INSTANT, "last changed"),
    },
)
LINEAGE = Table(
    "What became of records in the org: merged, converted, moved to another record, deleted, restored; one line per "
    "link that is not a record's only and active one.",
    {
        "table_name": (TEXT, "account, person or activity"),
        "record_id": (WHOLE, "number of the workspace record"),
        "key": (TEXT, "its external id"),
        "title": (TEXT, "its subject or name"),
        "org_id": (TEXT, "the org record it was linked to"),
        "sobject": (TEXT, "that record's object"),
        "became": (TEXT, "merged, converted, deleted, restored, moved or linked_twice"),
        "into_org_id": (TEXT, "the org record that counts now, the chain of merges followed to its end"),
        "into_sobject": (TEXT, "its object"),
        "evidence": (TEXT, "what told us"),
        "job": (TEXT, "the job that followed it"),
        "run_id": (TEXT, "the run that did"),
        "at": (INSTANT, "when"),
    },
)
ACTIVITIES = Table(
    "Every activity with the org record it is linked to and what became of it.",
    {
        "id": (WHOLE, "number of the record"),
        "kind": (TEXT, "call, note, email, meeting, task, touchpoint or campaign_touch"),
        "source": (TEXT, "the system it came from"),
        "external_id": (TEXT, "its key there"),
        "day": (DAY, "day of `occurred_at`, else of `created_at`, in the workspace's zone"),
        "occurred_at": (INSTANT, "when it took place"),
        "duration_s": (WHOLE, "seconds it took"),
        "direction": (TEXT, "inbound or outbound, as the source says"),
        "user": (TEXT, "e-mail of the team member, in lower case"),
        "subject": (TEXT, "subject"),
        "notes": (TEXT, "notes"),
        "outcome": (TEXT, "how the call or meeting went"),
        "type": (TEXT, "type"),
        "status": (TEXT, "status"),
        "priority": (TEXT, "priority"),
        "due_at": (TEXT, "due date"),
        "person_record_id": (WHOLE, "the person, where somebody chose them"),
        "account_record_id": (WHOLE, "the account"),
        "has_person": (FLAG, "it names a person, by choice, id, e-mail or phone"),
        "created_at": (INSTANT, "made here"),
        "updated_at": (INSTANT, "last changed at its source"),
        "deleted_at": (INSTANT, "deleted here"),
        **SYNC_STATE,
    },
)
CONSENT = Table(
    "Who may not be written to or called, by channel, on both sides; only people out on at least one of them.",
    {
        "record_id": (WHOLE, "number of the person"),
        "key": (TEXT, "their external id"),
        "title": (TEXT, "their name"),
        "channel": (TEXT, "email or phone"),
        "workspace_out": (FLAG, "opted out here"),
        "org_out": (FLAG, "opted out in the org, as both sides last agreed; empty where not linked or not mapped"),
        "org_id": (TEXT, "their org record"),
        "sobject": (TEXT, "its object"),
        "agreed_at": (INSTANT, "when both sides last agreed"),
    },
)
CONFIGURATION = Table(
    "Every change of configuration: who changed what, when, from what to what.",
    {
        "id": (WHOLE, "number of the line"),
        "at": (INSTANT, "when"),
        "actor": (TEXT, "who"),
        "kind": (TEXT, "what was done: job.saved, job.enabled, user.linked, token.created, ..."),
        "subject": (TEXT, "to what"),
        "detail": (TEXT, "in words"),
        "before": (TEXT, "JSON: as it was, where known"),
        "after": (TEXT, "JSON: as it is since"),
    },
)
OPEN_ROWS = Table(
    "Every row that waits, is held, was rejected or is in doubt: the latest word on it.",
    {
        "job": (TEXT, "the job"),
        "subject": (TEXT, "the workspace record's number outbound, the org Id inbound"),
        "sobject": _ROW["sobject"],
        "record_id": _ROW["record_id"],
        "org_id": _ROW["org_id"],
        **_CALLED,
        **_VERDICT,
        "value": (TEXT, "the value that is to blame"),
        "status_code": (TEXT, "the org's status code, verbatim"),
        "candidates": (TEXT, "JSON: who could be meant"),
        "disputes": (TEXT, "JSON: fields on which the sides disagree, with both values and times"),
        "decision": (TEXT, "JSON: what a person chose"),
        "tries": (WHOLE, "how often it was tried"),
        "is_aside": (FLAG, "put aside by a person"),
        "run_id": (TEXT, "the run that spoke last"),
        "retry_at": (INSTANT, "when a temporary error is tried again"),
        "first_at": (INSTANT, "open since"),
        "last_at": (INSTANT, "last looked at"),
    },
)
EVENTS = Table(
    "The ledger, append-only, the oldest line first.",
    {
        "id": (WHOLE, "number of the line"),
        "at": (INSTANT, "when"),
        "actor": (TEXT, "who: a person, a token or 'schedule'"),
        "kind": (TEXT, "what: conflict.decided, job.saved, match.decided, ..."),
        "subject": (TEXT, "to what"),
        "run_id": (TEXT, "in which run"),
        "detail": (TEXT, "in words"),
        "body": (TEXT, "JSON: the values; empty where they were erased"),
    },
)
STATES = ("synced", "filtered", "skipped", "waiting", "held", "rejected", "in_doubt", "deleted", "not_yet_run")
"""What can have become of an activity that was made in the workspace; each is in exactly one state."""
STATE_WORDS = {
    "synced": "in the org",
    "filtered": "left out by the job's filter",
    "skipped": "left out by the job's rules",
    "waiting": "waiting, come right by themselves",
    "held": "held for a person",
    "rejected": "refused by the org",
    "in_doubt": "sent, with the answer lost",
    "deleted": "deleted here or in the org",
    "not_yet_run": "not looked at by any run",
}
FOUND = ("ours", "native", "other_tools")
"""Whose an activity is that is found in the org."""
_CELL = {
    "day": (DAY, "day in the workspace's zone"),
    "user": (TEXT, "e-mail of the team member in lower case; empty where none is known"),
    "kind": (TEXT, "call, note, email, meeting, task, touchpoint or campaign_touch"),
}
BALANCE = Table(
    "The workspace's side of the double entry, one row per day, user and kind: made here = all states + difference.",
    {
        **_CELL,
        "made": (WHOLE, "activities made in the workspace"),
        **{name: (WHOLE, words) for name, words in STATE_WORDS.items()},
        "difference": (WHOLE, "made less all of them: not zero where a result says written and no link proves it"),
    },
)
ORG_BALANCE = Table(
    "The org's side of the double entry, one row per day, user and kind: found in the org = ours + native + other "
    "tools, each live and archived.",
    {
        **_CELL,
        "found": (WHOLE, "activities that the org holds"),
        **{
            f"{whose}_{where}": (WHOLE, f"{words}, {told}")
            for whose, words in (
                ("ours", "linked to an activity that was made in the workspace"),
                ("native", "entered in the org by a person"),
                ("other_tools", "written by another tool's user"),
            )
            for where, told in (("live", "not archived"), ("archived", "archived"))
        },
        "expected": (WHOLE, "activities of the workspace that are synced, and so must be found"),
        "missing": (WHOLE, "of these, those that the org no longer holds"),
        "unknown": (WHOLE, "written by our own user, and linked to nothing here"),
        "twins": (WHOLE, "second logs of an e-mail of ours by another tool: counted once, with ours"),
        "difference": (WHOLE, "missing plus unknown: zero where the org's side balances"),
    },
)
TABLES = {
    "runs": RUNS,
    "changes": CHANGES,
    "results": RESULTS,
    "links": LINKS,
    "lineage": LINEAGE,
    "activities": ACTIVITIES,
    "consent": CONSENT,
    "configuration": CONFIGURATION,
    "open_rows": OPEN_ROWS,
    "events": EVENTS,
    "balance": BALANCE,
}
"""The tables that `core.audit.frames.Frames` gives under these names."""


def markdown() -> str:
    """The tables as the documentation shows them."""
    parts = []
    for name, table in {**TABLES, "org_balance": ORG_BALANCE}.items():
        rows = [f"| `{c}` | {_TYPE_WORDS[str(t)]} | {words} |" for c, (t, words) in table.columns.items()]
        head = [f"### `{name}`", "", table.about, "", "| column | type | means |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts) + "\n"
