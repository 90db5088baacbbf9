"""The words for records: kinds of the workspace, outcomes of a row, states of a run, and their legal moves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a workspace record is."""

    ACCOUNT = "account"
    PERSON = "person"
    RECORD = "record"
    """Anything else the org keeps that people are called about: a property, a listing, a deal."""
    CALL = "call"
    NOTE = "note"
    EMAIL = "email"
    MEETING = "meeting"
    TASK = "task"
    TOUCHPOINT = "touchpoint"
    CAMPAIGN_TOUCH = "campaign_touch"


CONSENT_FIELDS = ("opted_out_email", "do_not_call")
"""Fields of a person in which true means out: they move toward in only by a person's decision."""

ACTIVITY_KINDS = (
    Kind.CALL,
    Kind.NOTE,
    Kind.EMAIL,
    Kind.MEETING,
    Kind.TASK,
    Kind.TOUCHPOINT,
    Kind.CAMPAIGN_TOUCH,
)


class Direction(StrEnum):
    """Which way a job carries records."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Outcome(StrEnum):
    """What became of one row of a run; one row has exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    FILTERED = "filtered"
    SKIPPED = "skipped"
    WAITING = "waiting"
    HELD = "held"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"


WRITTEN = (Outcome.CREATED, Outcome.UPDATED, Outcome.DELETED)
OPEN_OUTCOMES = (Outcome.WAITING, Outcome.HELD, Outcome.REJECTED, Outcome.IN_DOUBT)


class RunStatus(StrEnum):
    """State of a run."""

    QUEUED = "queued"
    PLANNED = "planned"
    WAITING_APPROVAL = "waiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    COMPLETE_WITH_REJECTS = "complete_with_rejects"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELED = "canceled"


RUN_MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.PLANNED,
            RunStatus.WAITING_APPROVAL,
            RunStatus.PAUSED,
            RunStatus.COMPLETE,
            RunStatus.COMPLETE_WITH_REJECTS,
            RunStatus.PARTIAL,
            RunStatus.FAILED,
            RunStatus.CANCELED,
        }
    ),
    RunStatus.PLANNED: frozenset({RunStatus.RUNNING, RunStatus.WAITING_APPROVAL, RunStatus.CANCELED}),
    RunStatus.WAITING_APPROVAL: frozenset({RunStatus.RUNNING, RunStatus.CANCELED, RunStatus.FAILED}),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.CANCELED}),
    RunStatus.PARTIAL: frozenset({RunStatus.RUNNING}),
    RunStatus.COMPLETE: frozenset(),
    RunStatus.COMPLETE_WITH_REJECTS: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELED: frozenset(),
}
OPEN_RUNS = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)
ENDED_RUNS = (
    RunStatus.COMPLETE,
    RunStatus.COMPLETE_WITH_REJECTS,
    RunStatus.PARTIAL,
    RunStatus.FAILED,
    RunStatus.CANCELED,
)


@dataclass(frozen=True, slots=True)
class WorkspaceField:
    """One field of a workspace record, as mappings and templates name it.

    ``type`` is one of text, longtext, integer, number, boolean, date, datetime, email, phone, user (a workspace
    user's e-mail), account, person (references the engine resolves), key.
    """

    name: str
    label: str
    type: str = "text"


def _fields(*rows: tuple[str, str, str] | tuple[str, str]) -> tuple[WorkspaceField, ...]:
    return tuple(WorkspaceField(*row) for row in rows)


ACCOUNT_FIELDS = _fields(
    ("external_id", "Account External Id", "key"),
    ("name", "Account Name"),
    ("domain", "Domain"),
    ("website", "Website"),
    ("phone", "Phone", "phone"),
    ("industry", "Industry"),
    ("type", "Account Type"),
    ("owner", "Account Owner", "user"),
    ("street", "Street", "longtext"),
    ("city", "City"),
    ("state", "State"),
    ("postal_code", "Postal Code"),
    ("country", "Country"),
    ("notes", "Description", "longtext"),
    ("updated_at", "Last Update Date", "datetime"),
)
PERSON_FIELDS = _fields(
    ("external_id", "Person External Id", "key"),
    ("account", "Account Id", "account"),
    ("first_name", "First Name"),
    ("last_name", "Last Name"),
    ("name", "Contact Name"),
    ("title", "Title"),
    ("company", "Company"),
    ("email", "E-mail", "email"),
    ("phone", "Phone", "phone"),
    ("mobile_phone", "Mobile Phone", "phone"),
    ("other_phone", "Other Phone", "phone"),
    ("owner", "Person Owner", "user"),
    ("stage", "Stage"),
    ("source", "Lead Source"),
    ("city", "City"),
    ("state", "State"),
    ("country", "Country"),
    ("opted_out_email", "Opted out of e-mail", "boolean"),
    ("do_not_call", "Do not call", "boolean"),
    ("updated_at", "Last Update Date", "datetime"),
)
RECORD_FIELDS = _fields(
    ("external_id", "Record External Id", "key"),
    ("label", "Record Label"),
    ("name", "Record Name"),
    ("phone", "Phone", "phone"),
    ("account", "Account Id", "account"),
    ("person", "Person", "person"),
    ("parent_ref", "Belongs to"),
    ("status", "Status"),
    ("owner", "Record Owner", "user"),
    ("updated_at", "Last Update Date", "datetime"),
)
_ACTIVITY_COMMON = (
    ("external_id", "External Id", "key"),
    ("account", "Account Id", "account"),
    ("person", "Person", "person"),
    ("user", "User", "user"),
    ("subject", "Subject"),
    ("notes", "Notes", "longtext"),
    ("type", "Type"),
    ("status", "Status"),
    ("priority", "Priority"),
    ("outcome", "Outcome"),
    ("direction", "Direction"),
    ("duration_s", "Duration in seconds", "integer"),
    ("occurred_at", "Date", "datetime"),
    ("due_at", "Due Date", "date"),
    ("created_by", "Creator"),
    ("created_on", "Create Date", "datetime"),
    ("updated_by", "Last Updater"),
    ("updated_at", "Last Update Date", "datetime"),
)
_LABELS: dict[Kind, dict[str, str]] = {
    Kind.TASK: {
        "external_id": "Task External Id",
        "subject": "Title",
        "notes": "Description",
        "user": "Assigned To",
        "created_by": "Assigner",
    },
    Kind.TOUCHPOINT: {
        "external_id": "Touchpoint External Id",
        "notes": "Content",
        "occurred_at": "Touchpoint Date",
        "user": "Touchpoint Creator",
        "created_by": "Touchpoint Creator",
    },
    Kind.CAMPAIGN_TOUCH: {
        "external_id": "Touchpoint External Id",
        "notes": "Description",
        "occurred_at": "Start Date",
        "user": "Created By",
    },
    Kind.CALL: {"external_id": "Call External Id", "user": "Caller", "occurred_at": "Call Date"},
}


def workspace_fields(kind: Kind) -> tuple[WorkspaceField, ...]:
    """The fields of a kind, with the labels its users know."""
    if kind is Kind.ACCOUNT:
        return ACCOUNT_FIELDS
    if kind is Kind.PERSON:
        return PERSON_FIELDS
    if kind is Kind.RECORD:
        return RECORD_FIELDS
    labels = _LABELS.get(kind, {})
    return tuple(WorkspaceField(n, labels.get(n, label), *t) for n, label, *t in _ACTIVITY_COMMON)


def table_of(kind: Kind) -> str:
    """The store's table that holds records of the kind."""
    return kind.value if kind in (Kind.ACCOUNT, Kind.PERSON, Kind.RECORD) else "activity"
