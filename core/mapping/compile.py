"""Compiles a job's mapping: which column fills which field by what rule, and what a capture has to read for it.

Outbound, workspace columns become ``o:<Field>``; inbound, org columns become ``w:<field>`` (see ``compiled``).
"""

from __future__ import annotations

from collections.abc import Callable

from core.mapping import checks
from core.mapping.checks import PROBLEMS, Target
from core.mapping.compiled import Column, Compiled
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Role
from core.records import ACTIVITY_KINDS, Direction, Kind, workspace_fields
from core.schema.describe import OrgField, OrgObject, resolve, spelled

ACTIVITY_OBJECTS = frozenset({"task", "event"})
START_FIELDS = frozenset({"startdatetime", "activitydatetime"})
RECORD_TYPE = "RecordTypeId"
KEY_COLUMN = "upsert_key"
"""Optional outbound column: the value of the External ID field that carries our key."""
_ALWAYS_READ = (
    "Id",
    "SystemModstamp",
    "LastModifiedDate",
    "LastModifiedById",
    "CreatedDate",
    "IsDeleted",
)
_READ_OF_OBJECT = {
    "account": ("MasterRecordId",),
    "contact": ("MasterRecordId", "AccountId"),
    "lead": ("MasterRecordId", "IsConverted", "ConvertedContactId", "ConvertedAccountId"),
    "task": ("WhoId", "WhatId", "AccountId", "IsArchived"),
    "event": ("WhoId", "WhatId", "AccountId", "IsArchived"),
}


def outbound(spec: JobSpec, pair: PairSpec, org: OrgObject, *, zone: str) -> Compiled:
    """The mapping of workspace records to an org object.

    Args:
        spec: the job.
        pair: one of its pairs.
        org: the pair's object, as described now; fields missing there are left out (lint names them).
        zone: IANA zone in which instants become dates where the frame has no ``row_zone``.
    """
    key = external_id_field(pair, org)
    columns: list[Column] = []
    for mapping in pair.mappings:
        found = org.field(mapping.target)
        if found is None or not found.writable or found.name == "Id":
            continue
        columns += _out_column(mapping, found, pair, org, spec.kind)
    columns += _parents(pair, org, columns)
    if key is not None:
        columns = [c for c in columns if c.target.name != key.name] + _key_column(pair, key)
    columns += _left_empty(org, {c.target.name for c in columns})
    return Compiled(Direction.OUTBOUND, spec.kind, org.name, zone, tuple(columns), key.name if key else None)


def _with_record_types(mapping: FieldMapping, org: OrgObject) -> FieldMapping:
    """A mapping of record types by developer name as one of the Ids that this org gave them."""

    def id_of(name: str | None) -> str | None:
        known = org.record_type(name) if name else None
        return known.id if known else name

    values = {k: id_of(v) or v for k, v in mapping.value_map.items()} if mapping.value_map is not None else None
    if mapping.source is not None and values is None:
        values = {r.name: r.id for r in org.record_types}
    told = {"constant": id_of(mapping.constant), "default": id_of(mapping.default), "value_map": values}
    return mapping.model_copy(update=told)


def _out_column(mapping: FieldMapping, found: OrgField, pair: PairSpec, org: OrgObject, kind: Kind) -> list[Column]:
    if found.name == RECORD_TYPE:
        mapping = _with_record_types(mapping, org)
    target = Target.of_org(found, mapping)
    if mapping.engine and found.name in ENGINE_FILLED:
        return ENGINE_FILLED[found.name](target, mapping, pair)
    resolved = {
        Role.OWNER: "owner_org_id",
        Role.PERSON: "who_id",
        Role.RELATED: "what_id",
        Role.ACCOUNT: "account_org_id",
    }.get(mapping.role)
    if mapping.role is Role.KEY:
        return [Column(target, source=mapping.source, create_only=True)]
    if resolved is not None:
        # An update never moves an activity to another record (its owner, and the person, may change).
        fixed = mapping.role is Role.RELATED or mapping.create_only
        return [Column(target, source=resolved, create_only=fixed, default=mapping.default, read=False)]
    return [_value_column(target, mapping, mapping.source)]


def _value_column(target: Target, mapping: FieldMapping, source: str | None) -> Column:
    return Column(
        target,
        source=source,
        template=mapping.template,
        constant=mapping.constant,
        transform=mapping.transform,
        value_map=map_entries(mapping),
        default=mapping.default,
        blank=mapping.blank,
        create_only=mapping.create_only,
    )


def map_entries(mapping: FieldMapping) -> tuple[tuple[str, str], ...] | None:
    """The value map with its keys as they are compared: trimmed, in lower case; the first of doubled keys counts."""
    if mapping.value_map is None:
        return None
    out: dict[str, str] = {}
    for key, value in mapping.value_map.items():
        out.setdefault(key.strip().lower(), value)
    return tuple(out.items())


def is_timed(pair: PairSpec) -> bool:
    """Whether the pair maps the time of an Event, and not only its day."""
    return any(m.target.lower() in START_FIELDS for m in pair.mappings if not m.engine)


def _start_of(pair: PairSpec) -> str:
    return next(m.target.lower() for m in pair.mappings if m.target.lower() in START_FIELDS and not m.engine)


def _all_day(target: Target, mapping: FieldMapping, pair: PairSpec) -> list[Column]:
    if is_timed(pair):
        return [Column(target, constant="false", beside=_start_of(pair))]
    return [Column(target, constant="true", create_only=True)]


def _duration(target: Target, mapping: FieldMapping, pair: PairSpec) -> list[Column]:
    if not is_timed(pair) or pair.mapping_of("EndDateTime") is not None:
        return []
    base = _value_column(target, mapping, mapping.source)
    return [
        Column(
            target,
            source=base.source,
            constant=base.constant,
            transform=base.transform,
            default=base.default or "30",
            beside=_start_of(pair),
        )
    ]


EngineRule = Callable[[Target, FieldMapping, PairSpec], list[Column]]
ENGINE_FILLED: dict[str, EngineRule] = {"IsAllDayEvent": _all_day, "DurationInMinutes": _duration}
"""Fields that visible engine rows may fill by rule."""


def _parents(pair: PairSpec, org: OrgObject, columns: list[Column]) -> list[Column]:
    """The related record of an activity and the parent lookup, where the mapping does not name them itself."""
    have = {c.target.name for c in columns}
    out: list[Column] = []
    what = org.field("WhatId") if org.name.lower() in ACTIVITY_OBJECTS else None
    if what is not None and what.createable and what.name not in have and pair.related_to != "none":
        out.append(Column(Target.of_org(what), source="what_id", create_only=True, read=False))
    parent = org.field(pair.parent_field) if pair.parent_field else None
    if parent is not None and parent.writable and parent.name not in have and parent.name not in ("WhatId", "WhoId"):
        source = "account_org_id" if (pair.parent_object or "Account").lower() == "account" else "what_id"
        out.append(Column(Target.of_org(parent), source=source, create_only=True, read=False))
    return out


def external_id_field(pair: PairSpec, org: OrgObject) -> OrgField | None:
    """The External ID field that carries our key: the pair's, else a mapped one, else the org's own Syncline key."""
    if pair.external_id_field:
        return org.field(pair.external_id_field)
    for mapping in pair.mappings:
        found = org.field(mapping.target) if mapping.role is Role.KEY else None
        if found is not None and found.external_id and found.createable:
            return found
    ours = [f for f in org.fields if f.external_id and f.createable and "syncline" in f.name.lower()]
    return ours[0] if len(ours) == 1 else None


def _key_column(pair: PairSpec, key: OrgField) -> list[Column]:
    mapping = pair.mapping_of(key.name)
    source = mapping.source if mapping is not None else None
    target = Target.of_org(key, None)
    return [Column(target, source=source or KEY_COLUMN, create_only=True, read=source is not None)]


def _left_empty(org: OrgObject, have: set[str]) -> list[Column]:
    missing = [f for f in org.required_on_create if f.name not in have]
    return [Column(Target.of_org(f), check_only=True) for f in missing]


def inbound(spec: JobSpec, pair: PairSpec, org: OrgObject, *, zone: str) -> Compiled:
    """The mapping of captured org rows to workspace records.

    Args:
        spec: the job.
        pair: one of its pairs.
        org: the pair's object, as described now.
        zone: IANA zone in which a date becomes an instant and an instant a date.
    """
    types = {f.name: f for f in workspace_fields(spec.kind)}
    columns = []
    for mapping in pair.mappings:
        target = Target.of_workspace(types.get(mapping.target), mapping, _origin(mapping, org))
        columns.append(_in_column(mapping, target, spec.kind, org))
    rules = checks.row_rules(spec.kind, {m.target for m in pair.mappings})
    return Compiled(Direction.INBOUND, spec.kind, org.name, zone, tuple(columns), rules=rules)


def _origin(mapping: FieldMapping, org: OrgObject) -> OrgField | None:
    return resolve(mapping.source, org).field if mapping.source else None


def _in_column(mapping: FieldMapping, target: Target, kind: Kind, org: OrgObject) -> Column:
    source = spelled(mapping.source, org) or mapping.source if mapping.source else None
    if mapping.role is Role.ACCOUNT:
        # The account of an activity is fixed once it exists; a person may change employer.
        return Column(target, source="account_record_id", create_only=kind in ACTIVITY_KINDS, read=False)
    if mapping.role is Role.PERSON:
        return Column(target, source="person_record_id", create_only=mapping.create_only, read=False)
    if mapping.role is Role.KEY:
        return Column(target, source=source, create_only=True)
    return _value_column(target, mapping, source)


def soql_fields(pair: PairSpec, org: OrgObject, *, direction: Direction = Direction.INBOUND) -> list[str]:
    """What a capture of the pair must select, restricted to what the user may see.

    Args:
        pair: the pair.
        org: its object.
        direction: inbound the sources of the mapping are read, outbound its targets (to compare before writing).
    """
    wanted = list(_ALWAYS_READ) + list(_READ_OF_OBJECT.get(org.name.lower(), ()))
    inbound_pair = direction is Direction.INBOUND
    wanted += [p for m in pair.mappings if (p := m.source if inbound_pair else m.target)]
    wanted += [p for p in (pair.parent_field, pair.external_id_field) if p]
    key = external_id_field(pair, org)
    wanted += [key.name] if key else []
    out: dict[str, str] = {}
    for path in wanted:
        name = _selectable(path, org)
        if name is not None:
            out.setdefault(name.lower(), name)
    return list(out.values())


def _selectable(path: str, org: OrgObject) -> str | None:
    """A path in the org's own spelling, None where it does not exist or cannot be selected as one column."""
    found = resolve(path, org).field
    compound = found is not None and found.type in ("address", "location", "base64")
    return None if compound else spelled(path, org)


__all__ = [
    "PROBLEMS",
    "RECORD_TYPE",
    "Column",
    "Compiled",
    "external_id_field",
    "inbound",
    "is_timed",
    "map_entries",
    "outbound",
    "soql_fields",
]
