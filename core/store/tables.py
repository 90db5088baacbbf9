"""The tables of the store. Every one carries the workspace; each column says what it holds.

Records of a workspace have ids from the workspace's own counter (``workspace.seq``): unique within the workspace,
growing in commit order, because whoever takes numbers holds the counter's row until the commit. ``seq`` of a record
is the number of its last change, so "changed since" is one comparison that misses nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from core.store.codec import Json, UtcTime


def _at(*, nullable: bool = True, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable, index=index))


def _json(default: Any = None) -> Any:
    return Field(default=default, sa_column=Column(Json, nullable=True))


def _text() -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=True))


def _big(*, pk: bool = False, index: bool = False, nullable: bool = True) -> Any:
    if pk:
        return Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable, index=index))


class Workspace(SQLModel, table=True):
    """One team's workspace."""

    __tablename__ = "workspace"
    id: int = Field(primary_key=True)
    name: str = Field(unique=True)
    title: str = ""
    zone: str = "UTC"
    org_id: str | None = None
    """The org this workspace syncs with, recorded at the first connection; another one is refused."""
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, default=0))
    is_paused: bool = False
    """All writes to the org are stopped."""
    is_reading_paused: bool = False
    """Reading from the org is stopped as well; only ever together with ``is_paused``."""
    paused_by: str | None = None
    created_at: datetime = _at(nullable=False)
    created_by: str = ""


class Connection(SQLModel, table=True):
    """One user's connection to the workspace's org."""

    __tablename__ = "connection"
    id: int | None = Field(default=None, primary_key=True)
    workspace_id: int = Field(index=True)
    name: str
    flow: str = "web"
    """web, jwt or client_credentials."""
    login_url: str
    instance_url: str = ""
    org_id: str = ""
    user_id: str = ""
    username: str = ""
    client_id: str = ""
    secrets: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Encrypted JSON: access_token, refresh_token, client_secret, private_key."""
    api_version: str = "66.0"
    is_master: bool = True
    owner: str = ""
    """The workspace user whose own login it is; empty for the system's."""
    state: str = "new"
    """new, ok, auth_failed, over_limit, unreachable, paused."""
    state_reason: str = ""
    state_at: datetime | None = _at()
    clock_offset_s: float = 0.0
    api_used: int | None = None
    api_limit: int | None = None
    api_blocked_until_at: datetime | None = _at()
    created_at: datetime = _at(nullable=False)
    created_by: str = ""


class OAuthState(SQLModel, table=True):
    """A sign-in under way: single use, short-lived, bound to the browser and the actor that began it."""

    __tablename__ = "oauth_state"
    state_hash: str = Field(primary_key=True)
    workspace_id: int = Field(index=True)
    actor: str
    browser_hash: str
    verifier: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    login_url: str
    client_id: str
    client_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    redirect_uri: str
    name: str = ""
    owner: str = ""
    """The workspace user who links their own login by it; empty for the system's."""
    expires_at: datetime = _at(nullable=False)
    used_at: datetime | None = _at()


class ApiToken(SQLModel, table=True):
    """A token of the HTTP API; only its hash is kept."""

    __tablename__ = "api_token"
    id: int | None = Field(default=None, primary_key=True)
    workspace_id: int = Field(index=True)
    name: str
    role: str
    token_hash: str = Field(unique=True)
    created_at: datetime = _at(nullable=False)
    created_by: str = ""
    last_used_at: datetime | None = _at()
    revoked_at: datetime | None = _at()


class Setting(SQLModel, table=True):
    """A workspace setting, for example the allowed hosts."""

    __tablename__ = "setting"
    workspace_id: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: Any = _json()


class OrgDescribe(SQLModel, table=True):
    """The last describe of one org object."""

    __tablename__ = "org_describe"
    workspace_id: int = Field(primary_key=True)
    sobject: str = Field(primary_key=True)
    body: str = Field(sa_column=Column(Text, nullable=False))
    last_modified: str = ""
    fingerprint: str = ""
    fetched_at: datetime = _at(nullable=False)


class FieldContract(SQLModel, table=True):
    """What a job relies on of one org object's fields."""

    __tablename__ = "field_contract"
    workspace_id: int = Field(primary_key=True)
    job: str = Field(primary_key=True)
    sobject: str = Field(primary_key=True)
    mapping: str = ""
    """Fingerprint of the job that it was made of."""
    body: str = Field(sa_column=Column(Text, nullable=False))
    made_at: datetime = _at(nullable=False)


class OrgUser(SQLModel, table=True):
    """A user of the org, as last read."""

    __tablename__ = "org_user"
    workspace_id: int = Field(primary_key=True)
    org_id: str = Field(primary_key=True)
    username: str = ""
    email: str = ""
    name: str = ""
    zone: str = ""
    profile: str = ""
    is_active: bool = True


class WorkspaceUser(SQLModel, table=True):
    """A person of the team, and the org user they are linked to."""

    __tablename__ = "workspace_user"
    workspace_id: int = Field(primary_key=True)
    email: str = Field(primary_key=True)
    name: str = ""
    zone: str = ""
    is_active: bool = True
    org_user_id: str | None = None
    linked_how: str = ""
    """email, name, by hand."""


class Account(SQLModel, table=True):
    """A company."""

    __tablename__ = "account"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    seq: int = _big(nullable=False, index=True)
    source: str = ""
    external_id: str = ""
    name: str | None = None
    domain: str | None = None
    website: str | None = None
    phone: str | None = None
    industry: str | None = None
    type: str | None = None
    owner: str | None = None
    street: str | None = _text()
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    notes: str | None = _text()
    fields: str | None = _text()
    created_at: datetime | None = _at()
    updated_at: datetime | None = _at()
    deleted_at: datetime | None = _at()
    archived_at: datetime | None = _at()
    """When it left the filter of the job that brings it: kept and hidden until it is in the filter again."""
    hash: str | None = None


class Person(SQLModel, table=True):
    """A person one can call or write to; a Contact or a Lead in the org."""

    __tablename__ = "person"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    seq: int = _big(nullable=False, index=True)
    source: str = ""
    external_id: str = ""
    account_record_id: int | None = _big(index=True)
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    title: str | None = None
    company: str | None = None
    email: str | None = None
    phone: str | None = None
    mobile_phone: str | None = None
    other_phone: str | None = None
    owner: str | None = None
    stage: str | None = None
    lead_source: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    opted_out_email: bool | None = None
    do_not_call: bool | None = None
    fields: str | None = _text()
    created_at: datetime | None = _at()
    updated_at: datetime | None = _at()
    deleted_at: datetime | None = _at()
    archived_at: datetime | None = _at()
    """When it left the filter of the job that brings it: kept and hidden until it is in the filter again."""
    hash: str | None = None


class Activity(SQLModel, table=True):
    """A call, note, e-mail, meeting, task, touchpoint or campaign touch."""

    __tablename__ = "activity"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    seq: int = _big(nullable=False)
    kind: str = ""
    source: str = ""
    external_id: str = ""
    occurred_at: datetime | None = _at()
    duration_s: int | None = None
    direction: str | None = None
    person_ref: str | None = None
    """Person as given: an org Id or an external id."""
    person_email: str | None = None
    person_phone: str | None = None
    person_record_id: int | None = _big(index=True)
    account_ref: str | None = None
    account_domain: str | None = None
    account_record_id: int | None = _big(index=True)
    related_object: str | None = None
    related_id: str | None = None
    user_email: str | None = None
    subject: str | None = _text()
    notes: str | None = _text()
    outcome: str | None = None
    type: str | None = None
    status: str | None = None
    priority: str | None = None
    due_at: str | None = None
    """A date, ``YYYY-MM-DD``."""
    created_by: str | None = None
    created_on_at: datetime | None = _at()
    updated_by: str | None = None
    participants: str | None = _text()
    fields: str | None = _text()
    field_times: str | None = _text()
    """JSON: workspace field -> ISO instant of its last change, where known."""
    created_at: datetime | None = _at()
    updated_at: datetime | None = _at()
    deleted_at: datetime | None = _at()
    archived_at: datetime | None = _at()
    """When it left the filter of the job that brings it: kept and hidden until it is in the filter again."""
    hash: str | None = None


class Record(SQLModel, table=True):
    """A custom record: a property, listing, deal, or whatever else the org has that people are called about."""

    __tablename__ = "record"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    seq: int = _big(nullable=False, index=True)
    source: str = ""
    external_id: str = ""
    label: str | None = None
    """What kind of thing it is, as people call it: Property, Listing, Deal."""
    name: str | None = None
    phone: str | None = None
    account_record_id: int | None = _big(index=True)
    person_record_id: int | None = _big(index=True)
    """The person to call about it; further ones stand among its custom fields."""
    parent_ref: str | None = None
    """Org Id of the record it belongs to: the property of a listing."""
    status: str | None = None
    owner: str | None = None
    fields: str | None = _text()
    created_at: datetime | None = _at()
    updated_at: datetime | None = _at()
    deleted_at: datetime | None = _at()
    archived_at: datetime | None = _at()
    """When it left the filter of the job that brings it: kept and hidden until it is in the filter again."""
    hash: str | None = None


class ContactPoint(SQLModel, table=True):
    """A normalized phone, e-mail or domain by which a record is found."""

    __tablename__ = "contact_point"
    workspace_id: int = Field(primary_key=True)
    table_name: str = Field(primary_key=True)
    record_id: int = _big(pk=True)
    kind: str = Field(primary_key=True)
    """phone, email or domain."""
    value: str = Field(primary_key=True)


class Consent(SQLModel, table=True):
    """One line of the consent ledger: append-only, the latest of a person and channel counts."""

    __tablename__ = "consent"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    record_id: int = _big(nullable=False)
    """The person."""
    channel: str = ""
    """The person's field: opted_out_email or do_not_call."""
    state: str = ""
    """out or in; in only by a person's hand."""
    origin: str = ""
    """Where it came from: intake, a job with its run, or by hand."""
    actor: str = ""
    evidence: str | None = _text()
    """Why, in the words of who opted somebody in again."""
    at: datetime = _at(nullable=False)


class Link(SQLModel, table=True):
    """These two are one record."""

    __tablename__ = "link"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    table_name: str = ""
    record_id: int = _big(nullable=False)
    sobject: str = ""
    org_id: str = ""
    state: str = "active"
    """active, superseded, deleted."""
    how: str = ""
    """created_out, created_in, or the match rule."""
    evidence: str = ""
    job: str = ""
    run_id: str = ""
    baseline: str | None = _text()
    """JSON: org field -> canonical text that both sides last agreed on."""
    org_modified_at: datetime | None = _at()
    org_stamp_at: datetime | None = _at()
    workspace_updated_at: datetime | None = _at()
    created_at: datetime | None = _at()
    updated_at: datetime | None = _at()


class Job(SQLModel, table=True):
    """A job with its spec and its place in the schedule."""

    __tablename__ = "job"
    id: int | None = Field(default=None, primary_key=True)
    workspace_id: int = Field(index=True)
    name: str
    spec: Any = _json()
    version: int = 1
    is_enabled: bool = False
    enabled_by: str | None = None
    """Who switched it on: the standing approval of its plans that trip no guard."""
    next_run_at: datetime | None = _at()
    is_woken: bool = False
    """Fresh data waits: run at the next look, whatever the schedule says."""
    created_at: datetime = _at(nullable=False)
    created_by: str = ""
    updated_at: datetime = _at(nullable=False)
    updated_by: str = ""


class Mark(SQLModel, table=True):
    """How far a job has read one object: org stamp or workspace ``seq``."""

    __tablename__ = "mark"
    workspace_id: int = Field(primary_key=True)
    job: str = Field(primary_key=True)
    sobject: str = Field(primary_key=True)
    org_stamp_at: datetime | None = _at()
    """Everything up to here is recorded for certain; reading starts here again."""
    read_to_at: datetime | None = _at()
    """Greatest stamp read: up to here our own user's writes need no second reading."""
    workspace_seq: int | None = _big()
    parents_seq: int | None = _big()
    """People and accounts known when waiting rows were last looked at."""
    scope_read_at: datetime | None = _at()
    """When the Ids in the job's filter were last compared with the linked records."""
    mapping: str | None = None
    """Fingerprint of the job as it was then: after a change, rows that were held or refused are looked at again."""
    updated_at: datetime | None = _at()


class Run(SQLModel, table=True):
    """One execution of a job; ``n_input`` is counted where rows are read, the rest from record results."""

    __tablename__ = "run"
    workspace_id: int = Field(index=True)
    run_id: str = Field(primary_key=True)
    job: str
    kind: str = "run"
    """run, plan, retry."""
    direction: str = ""
    status: str = "queued"
    actor: str = ""
    reason: str = ""
    """Why it runs: schedule, intake, by hand, retry."""
    plan_id: str | None = None
    scope: Any = _json()
    """What a retry is limited to: {"records": [ids]}; a full sync: {"full": true}."""
    n_input: int = 0
    n_created: int = 0
    n_updated: int = 0
    n_deleted: int = 0
    n_unchanged: int = 0
    n_filtered: int = 0
    n_skipped: int = 0
    n_waiting: int = 0
    n_held: int = 0
    n_rejected: int = 0
    n_in_doubt: int = 0
    n_planned: int = 0
    """Rows that the plan wants to write: the whole of the progress bar."""
    api_calls: int = 0
    api_calls_shared: int = 0
    tick_id: str | None = None
    error: Any = _json()
    is_cancel_asked: bool = False
    requested_at: datetime = _at(nullable=False)
    started_at: datetime | None = _at()
    ended_at: datetime | None = _at()


class Capture(SQLModel, table=True):
    """How many rows a run read from one source, before any decision."""

    __tablename__ = "capture"
    workspace_id: int = Field(index=True)
    run_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    n_rows: int = 0
    note: str = ""
    at: datetime = _at(nullable=False)


class Plan(SQLModel, table=True):
    """A frozen plan and the ground it stands on."""

    __tablename__ = "plan"
    workspace_id: int = Field(index=True)
    plan_id: str = Field(primary_key=True)
    job: str
    run_id: str = ""
    """The run that made it."""
    status: str = "kept"
    """kept, approved, applied, stale, discarded."""
    fingerprint: str = ""
    ground: Any = _json()
    counts: Any = _json()
    guards: Any = _json()
    marks: Any = _json()
    """The marks to set once everything in it is settled."""
    made_by: str = ""
    approved_by: str | None = None
    made_at: datetime = _at(nullable=False)
    applied_at: datetime | None = _at()


class Change(SQLModel, table=True):
    """One row of a plan: what is to happen to one record, or why nothing is."""

    __tablename__ = "change"
    workspace_id: int = Field(default=0)
    plan_id: str = Field(primary_key=True)
    row: int = Field(primary_key=True)
    record_id: int | None = _big()
    org_id: str | None = None
    sobject: str = ""
    key: str = ""
    """What people call the record: external id, or org Id."""
    title: str = ""
    action: str = "none"
    """create, update, delete, link, none."""
    outcome: str = ""
    cause: str = ""
    reason: str | None = _text()
    field: str = ""
    fields: str | None = _text()
    """Names of the fields that the payload carries, with commas."""
    payload: str | None = _text()
    """JSON: target field -> canonical text or null."""
    before: str | None = _text()
    baseline: str | None = _text()
    """JSON: the baseline once this is applied."""
    extra: str | None = _text()
    """JSON: candidates, stamps, decisions that belong to the row."""
    parent: str = ""
    sent_as: str = ""
    """The workspace user whose login is to write it; empty for the system's own."""
    batch: int | None = None


class Batch(SQLModel, table=True):
    """One request (or Bulk job) of the outbox: written before it is sent."""

    __tablename__ = "batch"
    workspace_id: int = Field(index=True)
    run_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    sobject: str = ""
    action: str = ""
    route: str = "rest"
    """rest or bulk."""
    sent_as: str = ""
    """Workspace user whose login writes it; empty for the system's own."""
    state: str = "planned"
    """planned, intent (may have left), done, in_doubt."""
    holder: str | None = None
    """Token of the attempt that works on it: whoever takes the batch over writes a new one, and the earlier stops."""
    bulk_job_id: str | None = None
    n_rows: int = 0
    intent_at: datetime | None = _at()
    given_up_at: datetime | None = _at()
    """Org time at which we stopped waiting for the answer."""
    done_at: datetime | None = _at()


class RecordResult(SQLModel, table=True):
    """What one row of a run came to, with the org's own words."""

    __tablename__ = "record_result"
    workspace_id: int = Field(default=0)
    run_id: str = Field(primary_key=True)
    row: int = Field(primary_key=True)
    job: str = ""
    sobject: str = ""
    record_id: int | None = _big()
    org_id: str | None = None
    key: str = ""
    title: str = ""
    action: str = ""
    outcome: str = ""
    cause: str = ""
    reason: str | None = _text()
    field: str = ""
    status_code: str = ""
    request: str | None = _text()
    answer: str | None = _text()
    before: str | None = _text()
    batch: int | None = None
    at: datetime = _at(nullable=False)


class OpenRow(SQLModel, table=True):
    """A row that still waits, is held, was rejected or is in doubt: the latest word on it."""

    __tablename__ = "open_row"
    workspace_id: int = Field(primary_key=True)
    job: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    """``record_id`` outbound, org Id inbound."""
    sobject: str = ""
    record_id: int | None = _big()
    org_id: str | None = None
    key: str = ""
    title: str = ""
    outcome: str = ""
    cause: str = ""
    reason: str | None = _text()
    field: str = ""
    value: str | None = _text()
    status_code: str = ""
    candidates: str | None = _text()
    """JSON list of {record_id, rule} (or {org_id} of a row in doubt): what it could be."""
    disputes: str | None = _text()
    """JSON list of the fields that a person decides on: both values, the baseline, both times, and what was deleted."""
    decision: str | None = _text()
    """JSON: what a person chose, who, when and why; see `core.syncing.rulings`."""
    tries: int = 1
    is_aside: bool = False
    run_id: str = ""
    retry_at: datetime | None = _at()
    first_at: datetime = _at(nullable=False)
    last_at: datetime = _at(nullable=False)


class Event(SQLModel, table=True):
    """One line of the append-only ledger; values are kept apart so that they can be erased."""

    __tablename__ = "event"
    workspace_id: int = Field(primary_key=True)
    id: int = _big(pk=True)
    at: datetime = _at(nullable=False)
    actor: str = ""
    kind: str = ""
    subject: str = ""
    run_id: str | None = None
    detail: str = ""


class EventValue(SQLModel, table=True):
    """The erasable values of a ledger line."""

    __tablename__ = "event_value"
    workspace_id: int = Field(primary_key=True)
    event_id: int = _big(pk=True)
    body: str = Field(sa_column=Column(Text, nullable=False))


class Worker(SQLModel, table=True):
    """The worker's sign of life, one row per worker."""

    __tablename__ = "worker"
    worker_id: str = Field(primary_key=True)
    host: str = ""
    pid: int = 0
    started_at: datetime = _at(nullable=False)
    seen_at: datetime = _at(nullable=False)


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    found = SQLModel.metadata.tables[table]
    only: dict[str, Any] = {} if where is None else {"sqlite_where": text(where), "postgresql_where": text(where)}
    Index(name, *(found.c[c] for c in columns), unique=unique, **only)


_index("ix_activity_key", "activity", "workspace_id", "source", "external_id", unique=True)
_index("ix_activity_seq", "activity", "workspace_id", "kind", "seq")
_index("ix_activity_when", "activity", "workspace_id", "occurred_at")
_index("ix_account_key", "account", "workspace_id", "source", "external_id", unique=True)
_index("ix_record_key", "record", "workspace_id", "source", "external_id", unique=True)
_index("ix_person_key", "person", "workspace_id", "source", "external_id", unique=True)
_index("ix_consent", "consent", "workspace_id", "record_id", "channel", "id")
_index("ix_contact_point", "contact_point", "workspace_id", "kind", "value")
_index("ix_link_org", "link", "workspace_id", "org_id", "state")
_index("ix_link_record", "link", "workspace_id", "table_name", "record_id", "state")
# Two records are one, and never three: the last net should two workers ever link at once.
_ACTIVE = "state = 'active'"
_index("ux_link_org", "link", "workspace_id", "table_name", "org_id", unique=True, where=_ACTIVE)
_index("ux_link_record", "link", "workspace_id", "table_name", "record_id", "sobject", unique=True, where=_ACTIVE)
_index("ix_job_name", "job", "workspace_id", "name", unique=True)
_index("ix_run_when", "run", "workspace_id", "requested_at")
_index("ix_run_status", "run", "status")
_index("ix_result_record", "record_result", "workspace_id", "record_id")
_index("ix_result_org", "record_result", "workspace_id", "org_id")
_index("ix_result_outcome", "record_result", "run_id", "outcome")
_index("ix_change_outcome", "change", "plan_id", "outcome")
_index("ix_open_record", "open_row", "workspace_id", "record_id")
_index("ix_open_cause", "open_row", "workspace_id", "cause")
_index("ix_event_when", "event", "workspace_id", "at")
_index("ix_event_subject", "event", "workspace_id", "subject")

_tables = SQLModel.metadata.tables.values()
INSTANTS = frozenset(c.name for t in _tables for c in t.columns if isinstance(c.type, UtcTime))
BOOLEANS = frozenset(c.name for t in _tables for c in t.columns if isinstance(c.type, Boolean))
INTEGERS = frozenset(c.name for t in _tables for c in t.columns if isinstance(c.type, Integer))
