"""Compiles a job's mapping into whole-frame expressions: what is sent per field and row, and what speaks against it.

Outbound, workspace columns become ``o:<Field>``; inbound, org columns become ``w:<field>``. Beside each stands
``s:<field>``: whether it is sent for that row. Absent (not sent), null (sent as null) and a value are three things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from core.mapping import canonical, checks, templates, transforms
from core.mapping.canonical import Place
from core.mapping.checks import PROBLEMS, Target
from core.mapping.spec import Blank, FieldMapping, JobSpec, PairSpec, Role
from core.records import ACTIVITY_KINDS, Direction, Kind, workspace_fields
from core.schema.describe import OrgField, OrgObject, resolve

IS_CREATE = pl.col("is_create")
ACTIVITY_OBJECTS = frozenset({"task", "event"})
START_FIELDS = frozenset({"startdatetime", "activitydatetime"})
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


@dataclass(frozen=True)
class Column:
    """How one target field gets its value."""

    target: Target
    source: str | None = None
    """The input column, or None for a template or constant."""
    template: str | None = None
    constant: str | None = None
    transform: str | None = None
    value_map: tuple[tuple[str, str], ...] | None = None
    default: str | None = None
    blank: Blank = Blank.NEVER_CLEAR
    create_only: bool = False
    beside: str | None = None
    """Engine rows of an Event with a time: the start field (lower case) they stand beside."""
    check_only: bool = False
    """Never sent; there to report that a required field stays empty."""
    read: bool = True
    """Whether ``source`` is a column of the records (and not one that the planner resolves)."""


@dataclass(frozen=True)
class Compiled:
    """A pair's mapping, ready to be applied to frames."""

    direction: Direction
    kind: Kind
    sobject: str
    zone: str
    columns: tuple[Column, ...]
    key_field: str | None = None
    """Outbound: the External ID field used as upsert key; its value is sent on create only."""
    rules: tuple[checks.RowRule, ...] = field(default=())

    @property
    def prefix(self) -> str:
        """``o:`` outbound, ``w:`` inbound."""
        return "o:" if self.direction is Direction.OUTBOUND else "w:"

    @property
    def targets(self) -> tuple[str, ...]:
        """The target fields, in order; each has a value column and an ``s:`` column in the result."""
        return tuple(c.target.name for c in self.columns if not c.check_only)

    @property
    def sources(self) -> tuple[str, ...]:
        """The record columns that the mapping reads."""
        named = [c.source for c in self.columns if c.source and c.read]
        for column in self.columns:
            named += templates.sources(column.template, self.kind) if column.template else []
        return tuple(dict.fromkeys(named))

    @property
    def fill_only(self) -> frozenset[str]:
        """Targets that are to be written only where the other side is empty now; the planner knows that."""
        return frozenset(c.target.name for c in self.columns if c.blank is Blank.FILL_ONLY)

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The values to send for each row, in the order of the frame.

        Args:
            frame: outbound workspace records (typed columns), inbound captured rows (Utf8 by field path); with the
                resolved columns and ``is_create`` (Boolean). A missing column is absent for every row;
                ``absent:<column>`` (Boolean) says so row by row.

        Returns:
            ``local_id`` and ``Id`` where the frame has them; ``o:``/``w:`` (Utf8) and ``s:`` (Boolean) per target,
            ``spill:<target>`` where a text overflows into a note, and ``problems``, a list of
            ``{field, cause, message}``.
        """
        if "is_create" not in frame.columns:
            frame = frame.with_columns(is_create=pl.lit(False))
        place = Place.of(frame, self.zone)
        work = frame.lazy()
        for stage in (_raw, _mapped, _filled, _conformed, _timed, _judged):
            work = work.with_columns(_flat(stage(c, i, self, place) for i, c in enumerate(self.columns)))
        done = work.with_columns(r.cause(self._index).alias(r.column) for r in self.rules).collect()
        ids = [c for c in ("local_id", "Id") if c in frame.columns]
        out = done.select(*ids, *_flat(self._outputs(i, c, place) for i, c in enumerate(self.columns)))
        return out.with_columns(problems=self._problems(done))

    @property
    def _index(self) -> dict[str, int]:
        return {c.target.name.lower(): i for i, c in enumerate(self.columns)}

    def _outputs(self, i: int, column: Column, place: Place) -> list[pl.Expr]:
        if column.check_only:
            return []
        name = column.target.name
        out = [pl.col(f"_v{i}").alias(self.prefix + name), self._sent(i, column, place).alias(f"s:{name}")]
        if column.target.spills:
            long = pl.col(f"_d{i}").str.len_chars() > column.target.length
            out.append(pl.when(long).then(pl.col(f"_d{i}")).otherwise(None).alias(f"spill:{name}"))
        return out

    def _sent(self, i: int, column: Column, place: Place) -> pl.Expr:
        has_value = pl.col(f"_v{i}").is_not_null()
        target = column.target
        on_update = has_value
        if column.blank is Blank.CLEAR and target.clearable:
            on_update = pl.lit(True)
        if column.create_only or column.blank is Blank.CREATE_ONLY or not target.updateable:
            on_update = pl.lit(False)
        # An explicit null on create would suppress the org's own default, so only values go out.
        on_create = has_value if target.createable else pl.lit(False)
        sent = pl.when(IS_CREATE).then(on_create).otherwise(on_update) & pl.col(f"_c{i}").is_null()
        if column.beside is not None:
            sent &= self._start(column).is_not_null() | (IS_CREATE & pl.lit(target.name == "IsAllDayEvent"))
        return sent & ~_absent(column, place)

    def _start(self, column: Column) -> pl.Expr:
        return pl.col(f"_v{self._index[column.beside or '']}")

    def _problems(self, done: pl.DataFrame) -> pl.Series:
        checked = [(f"_c{i}", checks.finding(c.target, i)) for i, c in enumerate(self.columns)]
        checked += [(r.column, r.finding()) for r in self.rules]
        return checks.gather(done, checked)


def _flat(groups: object) -> list[pl.Expr]:
    return [e for group in groups for e in (group if isinstance(group, list) else [group])]  # type: ignore[attr-defined]


def _absent(column: Column, place: Place) -> pl.Expr:
    """Rows in which the source says nothing at all about the field."""
    if column.source is None:
        return pl.lit(False)
    if not place.has(column.source):
        return pl.lit(column.default is None) | ~IS_CREATE
    mark = f"absent:{column.source}"
    return pl.col(mark).fill_null(False) & ~IS_CREATE if place.has(mark) else pl.lit(False)


def _raw(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_r``: the source as canonical text, transformed."""
    if column.constant is not None:
        text = pl.lit(column.constant, dtype=pl.String)
    elif column.template is not None:
        text = templates.compile_template(column.template, compiled.kind, place)
    elif column.source is not None and place.has(column.source):
        text = canonical.text_of(pl.col(column.source), place.schema[column.source])
    else:
        text = pl.lit(None, dtype=pl.String)
    if column.transform:
        text = transforms.apply(column.transform, text, place)
    return canonical.tidy(text).alias(f"_r{i}")


def _mapped(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_m``: after the value map; null where the value has no entry."""
    raw = pl.col(f"_r{i}")
    if column.value_map is None:
        return raw.alias(f"_m{i}")
    table = dict(column.value_map)
    return raw.str.strip_chars().str.to_lowercase().replace_strict(
        list(table), list(table.values()), default=None, return_dtype=pl.String
    ).alias(f"_m{i}")  # fmt: skip


def _filled(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_d``: the default where the source is empty.

    A default never overwrites what is in the target: it fills creates, and stands in for null where the rule is CLEAR.
    """
    value = canonical.tidy(pl.col(f"_m{i}"))
    if column.default is None:
        return value.alias(f"_d{i}")
    fills = pl.col(f"_r{i}").is_null()
    if column.blank is not Blank.CLEAR:
        fills &= IS_CREATE
    return pl.when(fills).then(pl.lit(column.default)).otherwise(value).alias(f"_d{i}")


def _conformed(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_v``: in the canonical form of the target."""
    return checks.conform(column.target, pl.col(f"_d{i}"), place).alias(f"_v{i}")


def _timed(column: Column, i: int, compiled: Compiled, place: Place) -> list[pl.Expr]:
    """``_v`` again, for the engine row that says whether an Event has only a day."""
    if column.beside is None or column.target.name != "IsAllDayEvent":
        return []
    no_time = compiled._start(column).is_null()
    return [pl.when(no_time).then(pl.lit("true")).otherwise(pl.lit("false")).alias(f"_v{i}")]


def _judged(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_c``: the cause of a problem, or null."""
    cleared = column.blank is Blank.CLEAR and not column.check_only
    if column.beside is not None:
        return pl.lit(None, dtype=pl.String).alias(f"_c{i}")
    return checks.cause(column.target, i, mapped=column.value_map is not None, clears=cleared,
                        seen=_seen(column, place)).alias(f"_c{i}")  # fmt: skip


def _seen(column: Column, place: Place) -> bool:
    return column.source is None or place.has(column.source)


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
        columns += _out_column(mapping, found, pair, spec.kind)
    columns += _parents(pair, org, columns)
    if key is not None:
        columns = [c for c in columns if c.target.name != key.name] + _key_column(pair, key)
    columns += _left_empty(org, {c.target.name for c in columns})
    return Compiled(Direction.OUTBOUND, spec.kind, org.name, zone, tuple(columns), key.name if key else None)


def _out_column(mapping: FieldMapping, found: OrgField, pair: PairSpec, kind: Kind) -> list[Column]:
    target = Target.of_org(found, mapping)
    if mapping.engine and found.name in ENGINE_FILLED:
        return ENGINE_FILLED[found.name](target, mapping, pair)
    resolved = {Role.OWNER: "owner_org_id", Role.PERSON: "who_id", Role.RELATED: "what_id",
                Role.ACCOUNT: "account_org_id"}.get(mapping.role)  # fmt: skip
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
        Column(target, source=base.source, constant=base.constant, transform=base.transform,
               default=base.default or "30", beside=_start_of(pair))
    ]  # fmt: skip


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
        columns.append(_in_column(mapping, target, spec.kind))
    rules = checks.row_rules(spec.kind, {m.target for m in pair.mappings})
    return Compiled(Direction.INBOUND, spec.kind, org.name, zone, tuple(columns), rules=rules)


def _origin(mapping: FieldMapping, org: OrgObject) -> OrgField | None:
    return resolve(mapping.source, org).field if mapping.source else None


def _in_column(mapping: FieldMapping, target: Target, kind: Kind) -> Column:
    if mapping.role is Role.ACCOUNT:
        # The account of an activity is fixed once it exists; a person may change employer.
        return Column(target, source="account_record_id", create_only=kind in ACTIVITY_KINDS, read=False)
    if mapping.role is Role.PERSON:
        return Column(target, source="person_record_id", create_only=mapping.create_only, read=False)
    if mapping.role is Role.KEY:
        return Column(target, source=mapping.source, create_only=True)
    return _value_column(target, mapping, mapping.source)


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
        name = _spelled(path, org)
        if name is not None:
            out.setdefault(name.lower(), name)
    return list(out.values())


def _spelled(path: str, org: OrgObject) -> str | None:
    """A path in describe's own spelling, None where it does not exist or cannot be selected as one column."""
    found = resolve(path, org)
    if not found.exists or (found.field is not None and found.field.type in ("address", "location", "base64")):
        return None
    names = [s.relationship_name or "" for s in found.steps]
    last = found.field.name if found.field else path.split(".")[-1]
    return ".".join([*names, last]) if found.field or len(names) + 1 == len(path.split(".")) else path


__all__ = ["PROBLEMS", "Column", "Compiled", "external_id_field", "inbound", "is_timed", "map_entries", "outbound",
           "soql_fields"]  # fmt: skip
