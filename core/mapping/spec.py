"""What a job owns, as frozen values: filter, field mappings, value maps, match keys, rules, schedule.

The same model is stored with the job, edited in the console, and written as YAML. Unknown keys are refused, so that a
typo in a file is an error and not a silent default.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.records import Direction, Kind


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Blank(StrEnum):
    """What an empty source value does to the target."""

    NEVER_CLEAR = "never_clear"
    CLEAR = "clear"
    FILL_ONLY = "fill_only"
    CREATE_ONLY = "create_only"


class Overflow(StrEnum):
    """What happens to a text longer than the target."""

    HOLD = "hold"
    CUT = "cut"
    SPILL = "spill"


class Policy(StrEnum):
    """Who wins when both sides changed the same field."""

    LAST_UPDATE_WINS = "last_update_wins"
    ORG_WINS = "org_wins"
    WORKSPACE_WINS = "workspace_wins"
    ASK = "ask"


class Role(StrEnum):
    """What a field mapping is for; all but VALUE are filled by the engine."""

    VALUE = "value"
    KEY = "key"
    """The match key: the org Id (never sent) or an External ID field (sent as upsert key)."""
    ACCOUNT = "account"
    """Resolves the account link; on create it goes out as WhatId, or as the parent lookup."""
    PERSON = "person"
    """WhoId outbound; the person of an inbound activity."""
    RELATED = "related"
    """WhatId outbound."""
    OWNER = "owner"
    """The org user of a workspace user, through the user links."""


ALWAYS_MATCHED = ("link", "external_id", "id")
"""Match rules that hold whatever keys a job has."""
PLAIN_KEYS = (*ALWAYS_MATCHED, "email", "phone", "domain")
"""Match keys that a job may name whether its mapping carries them or not."""
KEY_PARTS = {"phone": ("phone", "mobile_phone", "other_phone"), "domain": ("website", "domain")}
"""Parts of match keys that stand for several workspace fields."""


class FieldMapping(_Spec):
    """One row of a mapping; exactly one of ``source``, ``template`` or ``constant`` says where the value is from."""

    source: str | None = None
    """Outbound a workspace field (``subject``, ``fields.budget``), inbound an org field path (``Owner.Email``)."""
    target: str
    """Outbound an org field, inbound a workspace field."""
    template: str | None = None
    """Text with ``{{Label or field}}`` placeholders; outbound activities may use those of their person and account."""
    constant: str | None = None
    role: Role = Role.VALUE
    value_map: dict[str, str] | None = None
    """Source value to target value, compared without regard to case."""
    default: str | None = None
    """Used where the source is empty."""
    transform: str | None = None
    """Name of a transform of the closed set (``core.mapping.transforms``)."""
    blank: Blank = Blank.NEVER_CLEAR
    overflow: Overflow = Overflow.HOLD
    policy: Policy | None = None
    """Conflict policy of this field; the job's where unset."""
    create_only: bool = False
    required: bool = False
    """Hold rows in which this comes out empty, though the org would take them."""
    skip_empty: bool = False
    """Inbound: leave rows out in which this comes out empty, and count them as skipped."""
    engine: bool = False
    """A visible row that the engine fills by rule (``IsAllDayEvent``)."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldMapping:
        given = [x for x in (self.source, self.template, self.constant) if x is not None]
        if len(given) != 1:
            raise ValueError(f"{self.target}: give exactly one of source, template or constant")
        return self


class Condition(_Spec):
    """One workspace-side filter clause: ``field op value``."""

    field: str
    op: str
    """One of =, !=, in, not in, <, <=, >, >=, contains, is empty, is not empty."""
    value: Any = None


class PairSpec(_Spec):
    """One object pair of a job: which org object, which records, how fields correspond."""

    sobject: str
    where: str = ""
    """Inbound: SOQL after WHERE; empty means everything."""
    list_views: tuple[str, ...] = ()
    """Inbound: developer names of list views; a record that is in any of them passes."""
    through: str | None = None
    """Inbound: ``Contact.AccountId``: the list views are of that object, the records those that its lookup names."""
    checkbox: str | None = None
    """Inbound: a checkbox field that has to be true."""
    owned_by_team: bool = False
    """Inbound: only records whose owner is an org user that somebody of the team is linked to."""
    segment: str | None = None
    """Inbound: the segment that the records join here; they leave it when they leave the filter."""
    mappings: tuple[FieldMapping, ...]
    match: tuple[str, ...] = ("link", "external_id", "id", "email")
    """Match keys in the order they are tried on first contact, in this direction: workspace fields, ``email``,
    ``phone`` (any of its numbers), ``domain``, ``account``, or several joined by ``+`` (``last_name + company``)."""
    external_id_field: str | None = None
    """Outbound: the org's External ID field that carries our key; found by describe where unset and present."""
    parent_object: str | None = None
    parent_field: str | None = None
    participants: bool = False
    """Events: the people who took part travel along when the record is made (EventRelation), and never after."""
    related_to: str = "given_then_account"
    """Outbound activities, WhatId: given_then_account, account, given, record_then_account, none."""
    related_objects: tuple[str, ...] = ()
    """With record_then_account: custom objects in the order they are looked through for a record of the person."""

    def mapping_of(self, target: str) -> FieldMapping | None:
        """The mapping of a target field, in any case."""
        low = target.lower()
        return next((m for m in self.mappings if m.target.lower() == low), None)


class Schedule(_Spec):
    """When a job runs."""

    every_minutes: int | None = Field(default=15, ge=1)
    """Interval; ``None`` with ``as_it_happens`` false means by hand only."""
    as_it_happens: bool = False
    """Fresh data wakes the job: outbound what is taken in, inbound what the org tells of its changes."""
    daily_at: str | None = None
    """``HH:MM`` in the workspace's time zone; takes the place of the interval."""


class Guards(_Spec):
    """Tripwires: a plan beyond one of them waits for a person."""

    max_delete_share: float = Field(default=0.05, ge=0, le=1)
    min_deletes: int = 10
    """Fewer deletes than this never trip the share."""
    max_update_share: float = Field(default=0.8, ge=0, le=1)
    """Suddenly all changed: a share of the linked records; 1 for jobs whose every record changes each time."""
    min_updates: int = 500
    """Fewer updates than this never trip the share."""
    api_reserve_share: float = Field(default=0.05, ge=0, le=1)
    """The share of the org's API calls of a day that is left to people and other apps; opt-outs may use it."""


class JobSpec(_Spec):
    """One direction of one kind of record, with one or more object pairs."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    title: str
    direction: Direction
    kind: Kind
    template: str = ""
    """Name of the template it was made from."""
    pairs: tuple[PairSpec, ...] = Field(min_length=1)
    filters: tuple[Condition, ...] = ()
    """Outbound: workspace-side conditions, all must hold."""
    scope_every_hours: int = Field(default=24, ge=1)
    """Inbound with a filter: how often its Ids are compared with the linked records, for what changes unannounced."""
    updated_within_days: int | None = None
    """Outbound: only records updated that recently when the job first sees them."""
    create: bool = True
    update: bool = True
    delete: bool = False
    without_people: bool = True
    """Outbound accounts: whether new ones go at which nobody works; else they wait for their first person."""
    policy: Policy = Policy.LAST_UPDATE_WINS
    owner_rule: str = "linked_user"
    """linked_user: the caller's org user, the integration user where there is none; integration_user: always that."""
    inactive_owner: str = "integration_user"
    """What an inactive owner becomes: integration_user or hold."""
    zone: str = "workspace"
    """Zone in which an instant becomes a date: workspace, owner, or an IANA name."""
    schedule: Schedule = Schedule()
    guards: Guards = Guards()
    after: tuple[str, ...] = ()
    """Jobs that run before this one when both are due."""

    @model_validator(mode="after")
    def _polls_as_well(self) -> JobSpec:
        """Inbound, what happens in the org may go unheard: such a job always has an interval as well."""
        rhythm = self.schedule
        alone = rhythm.as_it_happens and rhythm.every_minutes is None and rhythm.daily_at is None
        if self.direction is Direction.INBOUND and alone:
            # The way to set a field of a frozen model while it is being made.
            object.__setattr__(self, "schedule", Schedule(as_it_happens=True))
        return self

    def pair(self, sobject: str) -> PairSpec:
        """The pair of an org object.

        Raises:
            KeyError: the job has no such pair.
        """
        for p in self.pairs:
            if p.sobject.lower() == sobject.lower():
                return p
        raise KeyError(sobject)

    def fingerprint(self) -> str:
        """A hash of everything that decides what the job writes (not of its title or schedule)."""
        body = self.model_dump_json(exclude={"title", "schedule", "after"})
        return hashlib.sha256(body.encode()).hexdigest()[:16]
