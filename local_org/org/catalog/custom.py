"""Declares custom objects and fields and grows a schema by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from local_org.org.catalog.declare import Spec, picklist, searching, sizes, spelled_out, standard_field
from local_org.org.model import Field, FieldType, PicklistValue, Schema, SObject

ACTIVITY = ("Task", "Event")
"""Custom fields of the pseudo-object Activity appear on both."""

_API_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_ACTIVITY_PARENTS = ("Contact", "Lead")


def check_name(name: str, what: str) -> None:
    """See that a custom field or object may be called that.

    Raises:
        ValueError: The name does not end in ``__c``, or holds something else than letters, digits and underscores.
    """
    if not name.endswith("__c"):
        raise ValueError(f"a custom {what}'s name ends in __c: {name}")
    if _API_NAME.match(name) is None:
        raise ValueError(f"a custom {what}'s name begins with a letter and holds letters, digits and _: {name!r}")


def custom_field(
    name: str,
    kind: FieldType,
    label: str | None = None,
    *,
    length: int = 0,
    scale: int = 0,
    values: Iterable[str | PicklistValue] = (),
    required: bool = False,
    to: str | Iterable[str] = (),
    child: str | None = None,
    **flags: Any,
) -> Field:
    """A custom field (its name ends in ``__c``).

    Args:
        name: API name, for example ``Call_Outcome__c``.
        kind: Field type as describe names it.
        label: Label; by default made from the name.
        length: Length of texts, precision of numbers, digits of ints.
        scale: Digits after the decimal point.
        values: Picklist values; a trailing ``*`` marks the default.
        required: Whether the field must be filled on every save.
        to: The object or objects that a reference points to.
        child: Name of the child relationship on those objects, without ``__r``.
        flags: Any other attribute of `Field`, for example ``restricted=True``, ``external_id=True``, ``unique=True``.
    """
    check_name(name, "field")
    made: dict[str, Any] = {"name": name, "type": kind, "label": label or _label(name), "custom": True}
    made.update(sizes(kind, length, scale))
    made.update(searching(kind, made["length"]))
    made["nillable"] = not required and kind != "boolean"
    made["permissionable"] = not required
    made["defaulted_on_create"] = kind == "boolean"
    if kind == "boolean":
        made["default"] = False
    if values:
        made["picklist"], made["default"] = picklist(values)
        made["defaulted_on_create"] = made["default"] is not None
    if kind == "reference":
        made["reference_to"] = (to,) if isinstance(to, str) else tuple(to)
        made["relationship_name"] = name[:-1] + "r"
        made["child_relationship"] = f"{child}__r" if child and not child.endswith("__r") else child
    if flags.get("external_id"):
        made["id_lookup"] = True
    if flags.get("formula") or flags.get("rollup"):
        made.update(createable=False, updateable=False, calculated=True, defaulted_on_create=False)
    return Field(**{**made, **flags})


def _label(name: str) -> str:
    """The name without namespace and suffix, as words."""
    return name.removesuffix("__c").rpartition("__")[2].replace("_", " ")


def custom_object(
    name: str,
    label: str,
    label_plural: str,
    key_prefix: str,
    declared: Iterable[Field],
    *,
    activities: bool = False,
    name_label: str | None = None,
    auto_number: bool = False,
) -> SObject:
    """A custom object with the fields that every one has, followed by its own."""
    check_name(name, "object")
    named: Spec = {"name": "Name", "type": "string", "length": 80, "label": name_label or f"{label} Name"}
    named = {**named, "may": "D" if auto_number else "CUND", "auto_number": auto_number, **_NAMED}
    last = ({"name": "LastActivityDate", "type": "date", "may": "N", "label": "Last Activity"},) if activities else ()
    specs = spelled_out([*_FIRST, named, {"use": "audit"}, *last, {"use": "viewed"}])
    standard = [standard_field(spec, {}) for spec in specs]
    return SObject(name, label, label_plural, key_prefix, (*standard, *declared), custom=True, activities=activities)


_NAMED: Spec = {"name_field": True, "id_lookup": True}
_FIRST: tuple[Spec, ...] = (
    {"name": "Id", "type": "id", "may": "D", "label": "Record ID", "id_lookup": True},
    {
        **{"name": "OwnerId", "type": "reference", "may": "CUD", "label": "Owner ID"},
        **{"to": ["Group", "User"], "relationship": "Owner"},
    },
    {"name": "IsDeleted", "type": "boolean", "may": "D", "label": "Deleted"},
)


def extend(
    schema: Schema, *, objects: Iterable[SObject] = (), fields: Mapping[str, Iterable[Field]] | None = None
) -> Schema:
    """A schema with more objects, and more fields on the objects it has.

    Args:
        schema: The schema to grow; it is not changed.
        objects: New objects; one of the same name replaces the old.
        fields: Object name (or ``Activity``) to new fields; a field of the same name replaces the old.
    """
    added = {o.name: o for o in objects}
    merged = {o.name: added.pop(o.name, o) for o in schema.objects} | added
    for name, new in (fields or {}).items():
        new = tuple(new)
        for target in ACTIVITY if name == "Activity" else (name,):
            sobject = schema.get(target) or merged.get(target)
            if sobject is None:
                raise ValueError(f"no such object: {name}")
            merged[sobject.name] = with_fields(merged[sobject.name], new)
    return linked(merged.values())


def with_fields(sobject: SObject, new: Iterable[Field]) -> SObject:
    """The object with fields replaced (same name) or appended."""
    by_name = {f.name: f for f in sobject.fields} | {f.name: f for f in new}
    return rebuilt(sobject, fields=tuple(by_name.values()))


def without_field(sobject: SObject, name: str) -> SObject:
    """The object without the named field."""
    return rebuilt(sobject, fields=tuple(f for f in sobject.fields if f.name != name))


def rebuilt(sobject: SObject, **changes: Any) -> SObject:
    """A changed copy with a lookup table of its own (plain ``replace`` would share the old one)."""
    return replace(sobject, **changes, _by_lower={})


def linked(objects: Iterable[SObject]) -> Schema:
    """A schema in which lookups name new objects too: WhatId and relations those with activities, ParentId of files."""
    made = {o.name: o for o in objects}
    parents = tuple(sorted(o.name for o in made.values() if o.activities))
    for name in ("Task", "Event", "TaskRelation", "EventRelation"):
        if name not in made:
            continue
        what = made[name].field("WhatId")
        relation = made[name].field("RelationId")
        if what:
            made[name] = with_fields(made[name], [replace(what, reference_to=parents)])
        if relation:
            people = (*_ACTIVITY_PARENTS, *(("User",) if name == "EventRelation" else ()))
            targets = tuple(sorted({*people, *parents}))
            made[name] = with_fields(made[name], [replace(relation, reference_to=targets)])
    parent = made["Attachment"].field("ParentId") if "Attachment" in made else None
    if parent:
        holders = {*parent.reference_to, *(o.name for o in made.values() if o.custom)}
        made["Attachment"] = with_fields(
            made["Attachment"], [replace(parent, reference_to=tuple(sorted(holders & made.keys())))]
        )
    return Schema(tuple(made.values()))
