"""Tells in words what changed between two describes of an object, and how much it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.schema.describe import OrgField, OrgObject
from core.schema.types import form_of

Severity = Literal["breaking", "risky", "harmless"]
RANK: dict[str, int] = {"breaking": 0, "risky": 1, "harmless": 2}


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what an org described before and what it describes now."""

    severity: Severity
    """breaking: writes or reads by the old describe fail; risky: some rows may; harmless: none will."""
    code: str
    sobject: str
    field: str
    """Empty where the object itself is meant."""
    message: str
    values: tuple[str, ...] = ()
    """Picklist values concerned."""


def compare(before: OrgObject | None, after: OrgObject | None) -> list[Drift]:
    """All differences, the worst first; an object that is gone is one difference."""
    if before is None or after is None:
        return _whole(before, after)
    out = _permissions(before, after)
    renamed = _renamed(before, after)
    for old in before.fields:
        new = after.field(old.name)
        if new is not None:
            out += _field(after, old, new)
        elif old.name in renamed:
            text = f"{before.name}.{old.name} is gone; {renamed[old.name]} looks like its new name."
            out.append(Drift("breaking", "field_renamed", before.name, old.name, text, (renamed[old.name],)))
        else:
            text = f"{before.name}.{old.name} is gone, or it is now hidden from the connected user."
            out.append(Drift("breaking", "field_gone", before.name, old.name, text))
    out += [_added(after, f) for f in after.fields if before.field(f.name) is None]
    return sorted(out, key=lambda d: RANK[d.severity])


def _whole(before: OrgObject | None, after: OrgObject | None) -> list[Drift]:
    if before is not None and after is None:
        text = f"{before.name} is gone, or it is now hidden from the connected user."
        return [Drift("breaking", "object_gone", before.name, "", text)]
    if after is not None and before is None:
        return [Drift("harmless", "object_new", after.name, "", f"{after.name} is new.")]
    return []


def _permissions(before: OrgObject, after: OrgObject) -> list[Drift]:
    out = []
    for name, verb in (
        ("createable", "create"),
        ("updateable", "edit"),
        ("deletable", "delete"),
        ("queryable", "read"),
    ):
        had, has = getattr(before, name), getattr(after, name)
        if had and not has:
            text = f"The connected user may no longer {verb} {after.name} records."
            out.append(Drift("breaking", f"object_no_{verb}", after.name, "", text))
        elif has and not had:
            text = f"The connected user may now {verb} {after.name} records."
            out.append(Drift("harmless", f"object_may_{verb}", after.name, "", text))
    return out


def _renamed(before: OrgObject, after: OrgObject) -> dict[str, str]:
    """Custom fields gone whose label and type now belong to exactly one new field."""
    gone = [f for f in before.fields if f.custom and after.field(f.name) is None]
    fresh = [f for f in after.fields if f.custom and before.field(f.name) is None]
    out = {}
    for old in gone:
        same = [f for f in fresh if f.label.lower() == old.label.lower() and f.type == old.type]
        if len(same) == 1:
            out[old.name] = same[0].name
    return out


def _added(after: OrgObject, new: OrgField) -> Drift:
    if new.required_on_create:
        text = f"{after.name}.{new.name} is new, and the org requires it when a record is created."
        return Drift("breaking", "required_new", after.name, new.name, text)
    return Drift("harmless", "field_new", after.name, new.name, f"{after.name}.{new.name} is new.")


def _field(after: OrgObject, old: OrgField, new: OrgField) -> list[Drift]:
    found: list[Drift] = []

    def say(severity: Severity, code: str, text: str, values: tuple[str, ...] = ()) -> None:
        found.append(Drift(severity, code, after.name, new.name, f"{after.name}.{new.name} {text}", values))

    _said_type(old, new, say)
    _said_access(old, new, say)
    _said_picklist(old, new, say)
    if old.label != new.label:
        say("harmless", "label", f'is now labeled "{new.label}" (was "{old.label}").')
    return found


Say = Callable[..., None]


def _said_type(old: OrgField, new: OrgField, say: Say) -> None:
    if old.type != new.type:
        same = form_of(old) is form_of(new)
        say("risky" if same else "breaking", "type", f"is now of type {new.type} (was {old.type}).")
    if new.length < old.length and new.length:
        say("risky", "shorter", f"now takes {new.length} characters (was {old.length}).")
    elif new.length > old.length:
        say("harmless", "longer", f"now takes {new.length} characters (was {old.length}).")
    if (new.precision, new.scale) != (old.precision, old.scale):
        say(
            "risky",
            "precision",
            f"now has {new.precision} digits, {new.scale} of them decimals (was {old.precision}, {old.scale}).",
        )
    if set(new.reference_to) != set(old.reference_to):
        lost = set(old.reference_to) - set(new.reference_to)
        say(
            "breaking" if lost else "harmless",
            "reference",
            f"now leads to {', '.join(new.reference_to) or 'nothing'} "
            f"(was {', '.join(old.reference_to) or 'nothing'}).",
        )
    if old.external_id and not new.external_id:
        say("breaking", "no_external_id", "is no longer an External ID.")
    if new.unique != old.unique:
        text = "must now be unique." if new.unique else "need no longer be unique."
        say("risky", "unique", text)


def _said_access(old: OrgField, new: OrgField, say: Say) -> None:
    if new.required_on_create and not old.required_on_create:
        say("breaking", "required", "is now required when a record is created.")
    elif old.required_on_create and not new.required_on_create:
        say("harmless", "not_required", "is no longer required.")
    elif old.nillable and not new.nillable:
        say("risky", "not_nillable", "may no longer be empty.")
    for name, verb in (("createable", "set on create"), ("updateable", "updated")):
        had, has = getattr(old, name), getattr(new, name)
        if had and not has:
            say("breaking", f"no_{name}", f"can no longer be {verb} by the connected user.")
        elif has and not had:
            say("harmless", name, f"can now be {verb} by the connected user.")
    if new.calculated and not old.calculated:
        say("breaking", "calculated", "is now a formula or roll-up.")
    if old.filterable and not new.filterable:
        say("risky", "not_filterable", "can no longer be filtered by.")


def _said_picklist(old: OrgField, new: OrgField, say: Say) -> None:
    before, after = set(old.active_values), set(new.active_values)
    if new.restricted and not old.restricted:
        say("risky", "restricted", "now takes only the values of its picklist.")
    gone = tuple(v for v in old.active_values if v not in after)
    if gone:
        severity: Severity = "breaking" if new.restricted else "risky"
        say(severity, "values_gone", f"has lost the values {', '.join(gone)}.", gone)
    fresh = tuple(v for v in new.active_values if v not in before)
    if fresh:
        say("harmless", "values_new", f"has the new values {', '.join(fresh)}.", fresh)
