"""A compiled mapping and how it is applied: one pass of whole-frame expressions, stage after stage.

Absent (not sent), null (sent as null) and a value are three things: beside each value column stands ``s:<field>``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from core.mapping import canonical, checks, templates, transforms
from core.mapping.canonical import Place
from core.mapping.checks import Target
from core.mapping.spec import Blank
from core.records import Direction, Kind
from core.schema.types import Form

IS_CREATE = pl.col("is_create")
LEAD_PREFIX = "00Q"
TIMES = (Form.DATE, Form.DATETIME)


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
        frame = frame.with_columns(canonical.typed(frame[c]) for c in self._time_sources(frame))
        place = Place.of(frame, self.zone)
        work = frame.lazy()
        for stage in (_raw, _mapped, _filled, _conformed, _timed, _judged):
            work = work.with_columns(_flat(stage(c, i, self, place) for i, c in enumerate(self.columns)))
        done = work.with_columns(r.cause(self._index).alias(r.column) for r in self.rules).collect()
        ids = [c for c in ("local_id", "Id") if c in frame.columns]
        out = done.select(*ids, *_flat(self._outputs(i, c, place) for i, c in enumerate(self.columns)))
        return out.with_columns(problems=self._problems(done))

    def _time_sources(self, frame: pl.DataFrame) -> list[str]:
        """Text columns that feed dates and instants."""
        named = {c.source for c in self.columns if c.target.form in TIMES and c.source is not None}
        return [c for c in frame.columns if c in named and frame.schema[c] == pl.String]

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


def _ready(column: Column, place: Place) -> pl.DataType | None:
    """The type of a source that comes straight into the target's form, without a detour over text."""
    if column.source is None or column.value_map is not None or not place.has(column.source):
        return None
    dtype = place.schema[column.source]
    form = column.target.form
    if column.transform not in (None, "date_of"):
        return None
    if form is Form.DATE or (form is Form.DATETIME and column.transform is None):
        return dtype if dtype.is_temporal() else None
    if column.transform is None and (
        (form is Form.BOOLEAN and dtype == pl.Boolean) or (form is Form.INTEGER and dtype.is_integer())
    ):
        return dtype
    return None


def _raw(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_r``: the source as canonical text, transformed."""
    ready = _ready(column, place)
    if column.constant is not None:
        text = canonical.tidy(pl.lit(column.constant, dtype=pl.String))
    elif column.template is not None:
        text = templates.compile_template(column.template, compiled.kind, place)
    elif column.source is None or not place.has(column.source):
        text = pl.lit(None, dtype=pl.String)
    elif ready is not None and column.target.form in TIMES:
        text = canonical.time_text(pl.col(column.source), ready, place, day=column.target.form is Form.DATE)
    else:
        text = canonical.text_of(pl.col(column.source), place.schema[column.source])
    if column.source == "what_id" and place.has("who_id"):
        # The org refuses a related record beside a Lead.
        text = pl.when(pl.col("who_id").str.starts_with(LEAD_PREFIX).fill_null(False)).then(None).otherwise(text)
    if column.transform and ready is None:
        text = transforms.apply(column.transform, text, place)
    return text.alias(f"_r{i}")


def _mapped(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_m``: after the value map; null where the value has no entry."""
    raw = pl.col(f"_r{i}")
    if column.value_map is None:
        return raw.alias(f"_m{i}")
    table = dict(column.value_map)
    return (
        raw.str.strip_chars()
        .str.to_lowercase()
        .replace_strict(list(table), list(table.values()), default=None, return_dtype=pl.String)
        .alias(f"_m{i}")
    )


def _filled(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_d``: the default where the source is empty.

    A default never overwrites what is in the target: it fills creates, and stands in for null where the rule is CLEAR.
    """
    value = pl.col(f"_m{i}") if column.value_map is None else canonical.tidy(pl.col(f"_m{i}"))
    if column.default is None:
        return value.alias(f"_d{i}")
    default = pl.lit(column.default, dtype=pl.String)
    if _ready(column, place) is not None:
        default = checks.conform(column.target, default, place)
    fills = pl.col(f"_r{i}").is_null()
    if column.blank is not Blank.CLEAR:
        fills &= IS_CREATE
    return pl.when(fills).then(default).otherwise(value).alias(f"_d{i}")


def _conformed(column: Column, i: int, compiled: Compiled, place: Place) -> pl.Expr:
    """``_v``: in the canonical form of the target."""
    value = pl.col(f"_d{i}")
    if _ready(column, place) is None:
        value = checks.conform(column.target, value, place)
    elif column.target.form is Form.INTEGER and column.target.digits:
        value = pl.when(value.str.strip_prefix("-").str.len_bytes() <= column.target.digits).then(value).otherwise(None)
    return value.alias(f"_v{i}")


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
    return checks.cause(
        column.target, i, mapped=column.value_map is not None, clears=cleared, seen=_seen(column, place)
    ).alias(f"_c{i}")


def _seen(column: Column, place: Place) -> bool:
    return column.source is None or place.has(column.source)
