"""Checks whether the org will take the values of an outbound field mapping: constants, maps, types, lengths."""

from __future__ import annotations

from functools import cache

import polars as pl

from core.mapping.canonical import Place
from core.mapping.checks import Target, conform
from core.mapping.compile import ENGINE_FILLED
from core.mapping.findings import Finding, fail, warn
from core.mapping.spec import FieldMapping, JobSpec, Overflow, Role
from core.records import workspace_fields
from core.schema.describe import OrgField
from core.schema.types import Form, form_of

# What a source of the type may hold in practice; longer ones exist, and are then held or cut.
_LENGTHS = {"longtext": 32_000, "email": 80, "phone": 40, "user": 80, "text": 40}
_IMPOSSIBLE = {
    "datetime": {Form.BOOLEAN, Form.INTEGER, Form.NUMBER},
    "date": {Form.BOOLEAN, Form.INTEGER, Form.NUMBER},
    "boolean": {Form.DATE, Form.DATETIME, Form.INTEGER, Form.NUMBER},
    "integer": {Form.DATE, Form.DATETIME, Form.BOOLEAN},
    "number": {Form.DATE, Form.DATETIME, Form.BOOLEAN},
}


def check(spec: JobSpec, found: OrgField, mapping: FieldMapping) -> list[Finding]:
    """The findings about the values of one field mapping."""
    return _values(found, mapping) + _fit(spec, found, mapping)


def _values(found: OrgField, mapping: FieldMapping) -> list[Finding]:
    """Constants, defaults and value map targets that the field would refuse."""
    if mapping.role is not Role.VALUE or (mapping.engine and found.name in ENGINE_FILLED and mapping.constant):
        return []
    target = Target.of_org(found, mapping)
    out = []
    given = [("constant", mapping.constant), ("default", mapping.default)]
    given += [("value_map", v) for v in dict.fromkeys((mapping.value_map or {}).values())]
    for origin, value in given:
        if not value or (target.values and _in_picklist(value, target)) or (target.values and not target.restricted):
            if value and target.values and not _in_picklist(value, target):
                out.append(_not_in_picklist(found, origin, value, restricted=False))
            continue
        if target.restricted:
            out.append(_not_in_picklist(found, origin, value, restricted=True))
        elif _conformed(target, value) is None:
            out.append(
                fail(
                    f"{origin}_bad_value",
                    found.name,
                    f'{found.name}: "{value}" is not a value that a field of type {found.type} takes.',
                    "Change the value.",
                )
            )
        elif target.length and len(value) > target.length and mapping.overflow is Overflow.HOLD:
            out.append(
                fail(
                    f"{origin}_too_long",
                    found.name,
                    f"{found.name}: the {_ORIGINS[origin]} has {len(value)} characters, {target.length} are allowed.",
                    "Shorten it.",
                )
            )
    return out


_ORIGINS = {"constant": "constant", "default": "default", "value_map": "value map's target"}


def _in_picklist(value: str, target: Target) -> bool:
    parts = value.split(";") if target.form is Form.MULTI else [value]
    allowed = {v.lower() for v in target.values}
    return all(p.strip().lower() in allowed for p in parts if p.strip())


def _not_in_picklist(found: OrgField, origin: str, value: str, *, restricted: bool) -> Finding:
    message = f'{found.name}: the {_ORIGINS[origin]} "{value}" is not one of its picklist values.'
    shown = ", ".join(found.active_values[:12]) or "none is active"
    make = fail if restricted else warn
    return make(f"{origin}_not_in_picklist", found.name, message, f"Choose one of them: {shown}.")


@cache
def _conformed(target: Target, value: str) -> str | None:
    text = pl.select(conform(target, pl.lit(value, dtype=pl.String), Place({}))).item()
    return None if text is None else str(text)


def _fit(spec: JobSpec, found: OrgField, mapping: FieldMapping) -> list[Finding]:
    """Whether what the source holds can be told in the target."""
    types = {f.name: f.type for f in workspace_fields(spec.kind)}
    kind = types.get(mapping.source or "")
    if mapping.role is not Role.VALUE or kind is None or mapping.transform is not None or mapping.value_map is not None:
        return []
    form = form_of(found)
    if form in _IMPOSSIBLE.get(kind, ()):
        return [
            fail(
                "type_mismatch",
                found.name,
                f"{found.name} ({found.type}) cannot take {mapping.source}, which is a {kind}.",
                "Choose another field or a transform.",
            )
        ]
    out = []
    if kind == "date" and form is Form.DATETIME:
        out.append(
            warn(
                "date_to_datetime",
                found.name,
                f"{found.name} wants a time, and {mapping.source} is only a day: the begin of that day will be sent.",
                "Map a date field instead.",
            )
        )
    need = _LENGTHS.get(kind, 0)
    texty = form is Form.TEXT and not found.is_picklist and mapping.overflow is Overflow.HOLD
    # Names and cities are short in practice: only fields that truly hold less than people write are told.
    told = need if kind == "longtext" else need // 2
    if texty and 0 < found.length < told:
        out.append(
            warn(
                "target_short",
                found.name,
                f"{found.name} takes {found.length} characters, and "
                f"{mapping.source} can be longer: such rows will be held.",
                "Choose 'cut' or 'spill' for texts that are too long.",
            )
        )
    return out
