"""Brings values into the form of their target and says, row by row, what speaks against sending them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from core.mapping import canonical
from core.mapping.canonical import Place
from core.mapping.spec import FieldMapping, Overflow, Role
from core.records import Kind, WorkspaceField
from core.schema.describe import OrgField
from core.schema.types import Form, form_of

CUT_MARK = "… [cut]"
SPILL_MARK = "… [whole text in a note]"
PROBLEM = pl.Struct({"field": pl.String, "cause": pl.String, "message": pl.String})
PROBLEMS = pl.List(PROBLEM)
"""Type of the ``problems`` column; cause is unmapped_value, bad_picklist, required_empty, too_long or bad_value."""
_SHOWN = 80
_WORKSPACE_FORMS = {
    "integer": Form.INTEGER,
    "number": Form.NUMBER,
    "boolean": Form.BOOLEAN,
    "date": Form.DATE,
    "datetime": Form.DATETIME,
}
_NOUNS = {
    Form.INTEGER: "a whole number that fits",
    Form.NUMBER: "a number that fits",
    Form.BOOLEAN: "true or false",
    Form.DATE: "a date",
    Form.DATETIME: "a date and time",
}


@dataclass(frozen=True)
class Target:
    """A field to be written, on either side, with what it accepts."""

    name: str
    label: str
    form: Form = Form.TEXT
    kind: str = "text"
    """The org type or workspace type, for the forms that text alone does not tell (email, user, key, picklist)."""
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    values: tuple[str, ...] = ()
    restricted: bool = False
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    required_on_create: bool = False
    required: bool = False
    overflow: Overflow = Overflow.HOLD

    @classmethod
    def of_org(cls, found: OrgField, mapping: FieldMapping | None = None) -> Target:
        """The target that an org field is."""
        form = form_of(found)
        texty = (form is Form.TEXT and not found.is_picklist) or found.type == "combobox"
        return cls(
            name=found.name,
            label=found.label,
            form=form,
            kind=found.type,
            length=found.length if texty else 0,
            precision=found.precision,
            scale=found.scale,
            digits=found.digits,
            values=found.active_values if found.type in ("picklist", "multipicklist") else (),
            restricted=found.restricted and found.type in ("picklist", "multipicklist"),
            createable=found.createable,
            updateable=found.updateable,
            nillable=found.nillable,
            required_on_create=found.required_on_create,
            required=mapping is not None and mapping.required,
            overflow=mapping.overflow if mapping is not None else Overflow.HOLD,
        )

    @classmethod
    def of_workspace(cls, found: WorkspaceField | None, mapping: FieldMapping, origin: OrgField | None) -> Target:
        """The target that a workspace field is; a custom field takes the form of the org field it is filled from."""
        resolved = mapping.role in (Role.ACCOUNT, Role.PERSON)
        kind = found.type if found else "custom"
        form = _WORKSPACE_FORMS.get(kind, Form.TEXT)
        if found is None and origin is not None and mapping.value_map is None and mapping.transform is None:
            form = form_of(origin) if form_of(origin) in _NOUNS else Form.TEXT
        return cls(
            name=mapping.target,
            label=found.label if found else mapping.target,
            form=Form.REFERENCE if resolved else form,
            # An address that the org took is taken as it is: one odd e-mail must not keep a person out.
            kind="key" if mapping.role is Role.KEY else "text" if kind == "email" else kind,
            scale=12,
            required=mapping.required,
        )

    @property
    def spills(self) -> bool:
        """Whether a text that is too long goes whole into a note beside it."""
        return self.overflow is Overflow.SPILL and self.length > 0

    @property
    def clearable(self) -> bool:
        """Whether null may be sent; an empty checkbox is no answer, never a No."""
        return self.nillable and self.form is not Form.BOOLEAN


def conform(target: Target, value: pl.Expr, place: Place) -> pl.Expr:
    """A value in the target's canonical form, null where it cannot be."""
    if target.form is Form.BOOLEAN:
        return canonical.boolean_text(value)
    if target.form is Form.DATE:
        return canonical.date_text(value, place)
    if target.form is Form.DATETIME:
        return canonical.datetime_text(value, place)
    if target.form is Form.INTEGER:
        return canonical.integer_text(value, target.digits)
    if target.form is Form.NUMBER:
        return canonical.decimal_text(value, target.precision, target.scale)
    if target.form is Form.MULTI:
        return _multi(target, value)
    return _text(target, value)


def _text(target: Target, value: pl.Expr) -> pl.Expr:
    if target.values or target.restricted:
        return _spelling(target, value)
    if target.kind == "email":
        value = canonical.email_text(value)
    elif target.kind in ("user", "key"):
        value = value.str.strip_chars().str.to_lowercase()
    if not target.length or target.overflow is Overflow.HOLD:
        return value
    mark = SPILL_MARK if target.overflow is Overflow.SPILL else CUT_MARK
    mark = mark if target.length > len(mark) else ""
    cut = value.str.head(target.length - len(mark)) + mark
    return pl.when(value.str.len_chars() > target.length).then(cut).otherwise(value)


def _spelling(target: Target, value: pl.Expr) -> pl.Expr:
    """The picklist's own spelling; a value it does not have stays as it is, or is null where it is restricted."""
    found = _known_value(target.values, value)
    return found if target.restricted else pl.coalesce(found, value)


def spelled(found: OrgField, value: pl.Expr) -> pl.Expr:
    """A value in a picklist's own spelling; one it does not have stays as it is."""
    return pl.coalesce(_known_value(found.active_values, value), value)


def _known_value(values: Sequence[str], value: pl.Expr) -> pl.Expr:
    known = {v.strip().lower(): v for v in reversed(values)}
    low = value.str.strip_chars().str.to_lowercase()
    return low.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.String)


def _multi(target: Target, value: pl.Expr) -> pl.Expr:
    each = pl.element().str.strip_chars()
    parts = value.str.split(";").list.eval(each.filter(each.str.len_bytes() > 0)).list.unique(maintain_order=True)
    if not target.values:
        return canonical.tidy(parts.list.join(";"))
    spelled = parts.list.eval(_spelling(target, pl.element()))
    whole = canonical.tidy(spelled.list.join(";", ignore_nulls=False))
    return whole


def cause(target: Target, i: int, *, mapped: bool, clears: bool, seen: bool) -> pl.Expr:
    """Why a row cannot be sent because of this field, or null.

    Args:
        target: the field.
        i: number of its ``_r``, ``_m``, ``_d`` and ``_v`` columns.
        mapped: whether it has a value map.
        clears: whether an empty source is sent as null.
        seen: whether the frame has the source at all.
    """
    raw, mapped_to, filled, value = (pl.col(f"_{k}{i}") for k in "rmdv")
    none = pl.lit(None, dtype=pl.String)
    out = none
    required = pl.lit(target.required and seen)
    required |= pl.col("is_create") & pl.lit(target.required_on_create or target.required)
    if clears and not target.nillable and target.form is not Form.BOOLEAN and seen:
        required |= ~pl.col("is_create")
    out = pl.when(required & value.is_null()).then(pl.lit("required_empty")).otherwise(out)
    if target.length and target.overflow is Overflow.HOLD:
        out = pl.when(filled.str.len_chars() > target.length).then(pl.lit("too_long")).otherwise(out)
    wrong = "bad_picklist" if target.restricted else "bad_value"
    out = pl.when(filled.is_not_null() & value.is_null()).then(pl.lit(wrong)).otherwise(out)
    if mapped:
        out = pl.when(raw.is_not_null() & mapped_to.is_null()).then(pl.lit("unmapped_value")).otherwise(out)
    return out


def finding(target: Target, i: int) -> pl.Expr:
    """The problem of a field as a struct; the message names the field and the value."""
    name = target.label if target.label == target.name else f"{target.label} ({target.name})"
    raw, filled = _quoted(f"_r{i}"), _quoted(f"_d{i}")
    choices = ", ".join(target.values[:12]) + (", …" if len(target.values) > 12 else "")
    noun = _NOUNS.get(target.form, "an e-mail address" if target.kind == "email" else "a value it can take")
    messages = {
        "unmapped_value": pl.format("{}: the value {} has no entry in the value map.", pl.lit(name), raw),
        "bad_picklist": pl.format("{}: {} is not one of its values: {}.", pl.lit(name), filled, pl.lit(choices)),
        "required_empty": pl.lit(f"{name} is required and nothing fills it."),
        "too_long": pl.format(
            "{}: {} characters, {} are allowed.", pl.lit(name), pl.col(f"_d{i}").str.len_chars(), pl.lit(target.length)
        ),
        "bad_value": pl.format("{}: {} is not {}.", pl.lit(name), filled, pl.lit(noun)),
    }
    return _struct(target.name, pl.col(f"_c{i}"), messages)


def _quoted(column: str) -> pl.Expr:
    text = pl.col(column).fill_null("")
    short = pl.when(text.str.len_chars() > _SHOWN).then(text.str.head(_SHOWN) + "…").otherwise(text)
    return pl.format('"{}"', short)


def _struct(name: str, why: pl.Expr, messages: Mapping[str, pl.Expr]) -> pl.Expr:
    message = pl.lit(None, dtype=pl.String)
    for key, text in messages.items():
        message = pl.when(why == key).then(text).otherwise(message)
    whole = pl.struct(pl.lit(name).alias("field"), why.alias("cause"), message.alias("message"))
    return pl.when(why.is_not_null()).then(whole).otherwise(None)


@dataclass(frozen=True)
class RowRule:
    """A rule over several fields of a row: at least one of them must have a value."""

    column: str
    any_of: tuple[str, ...]
    message: str
    always: bool
    """Whether it is checked on updates too, which takes that the mapping fills one of the fields."""

    def cause(self, index: Mapping[str, int]) -> pl.Expr:
        """``required_empty`` where none of the fields has a value."""
        empty = [pl.col(f"_v{index[f]}").is_null() for f in self.any_of if f in index]
        broken = pl.all_horizontal(empty) if empty else pl.lit(True)
        checked = broken if self.always else broken & pl.col("is_create")
        return pl.when(checked).then(pl.lit("required_empty")).otherwise(None)

    def finding(self) -> pl.Expr:
        """The problem as a struct."""
        return _struct(self.any_of[0], pl.col(self.column), {"required_empty": pl.lit(self.message)})


def row_rules(kind: Kind, mapped: set[str]) -> tuple[RowRule, ...]:
    """What an inbound record of the kind must have: a task a title, a touchpoint a subject or content."""
    rules = {
        Kind.TASK: (("subject",), "A task needs a title."),
        Kind.TOUCHPOINT: (("subject", "notes"), "A touchpoint needs a subject or content."),
    }
    if kind not in rules:
        return ()
    any_of, message = rules[kind]
    return (RowRule(f"_rule_{kind.value}", any_of, message, always=all(f in mapped for f in any_of)),)


def gather(done: pl.DataFrame, checked: Sequence[tuple[str, pl.Expr]]) -> pl.Series:
    """The ``problems`` column: one list per row, built only for the rows that have any."""
    told = done.select(pl.col(c).is_not_null().any() for c, _ in checked).row(0) if checked else ()
    checked = [pair for pair, any_row in zip(checked, told, strict=True) if any_row]
    if not checked:
        none = pl.lit(pl.Series([[]], dtype=PROBLEMS)).first()
        return pl.select(pl.repeat(none, done.height, dtype=PROBLEMS).alias("problems")).to_series()
    wrong = pl.any_horizontal([pl.col(c).is_not_null() for c, _ in checked])
    # In one piece: on frames in several chunks polars 2.1 panics at texts inside nested conditions.
    rows = done.with_row_index("_row").filter(wrong).rechunk()
    listed = pl.concat_list([expr.cast(PROBLEM) for _, expr in checked]).list.drop_nulls()
    found = rows.select("_row", listed.alias("problems"))
    every = pl.DataFrame({"_row": pl.int_range(0, done.height, dtype=pl.get_index_type(), eager=True)})
    joined = every.join(found, on="_row", how="left", maintain_order="left")
    empty = pl.lit(pl.Series([[]], dtype=PROBLEMS)).first()
    return joined.select(pl.col("problems").fill_null(empty)).to_series()
