"""Decides which record type a record has and which picklist values it may hold, and adds record types to an org."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local_org.org.catalog.custom import rebuilt, with_fields
from local_org.org.catalog.declare import standard_field
from local_org.org.ids import MASTER_RECORD_TYPE
from local_org.org.model import PicklistValue, RecordType, Schema, SObject

if TYPE_CHECKING:
    from local_org.org.engine import Org
    from local_org.org.row import Row
    from local_org.org.saving import Saver

FIELD = "RecordTypeId"
"""An object has this field as soon as it has a record type."""
_WORDS = frozenset({"name", "label", "default", "active", "values", "profiles", "description", "person"})


def default_of(sobject: SObject, profile: str) -> RecordType | None:
    """The record type of a new record that names none; ``None`` is the master record type."""
    return next((each for each in sobject.record_types if each.default and each.open_to(profile)), None)


def found(sobject: SObject, record_type_id: str | None) -> RecordType | None:
    """The record type with that Id (15 or 18 characters)."""
    wanted = (record_type_id or "")[:15]
    return next((each for each in sobject.record_types if each.id[:15] == wanted), None)


def values_of(sobject: SObject, field: str, record_type_id: str | None) -> tuple[PicklistValue, ...]:
    """The active values of a picklist for one record type, with that record type's default marked."""
    f, kind = sobject.field(field), found(sobject, record_type_id)
    active = tuple(value for value in (f.picklist if f else ()) if value.active)
    allowed = kind.picklists.get(f.name) if kind and f else None
    if allowed is None:
        return active
    plain = {value.rstrip("*"): value.endswith("*") for value in allowed}
    return tuple(replace(value, default=plain[value.value]) for value in active if value.value in plain)


def shown_values(sobject: SObject, described: Mapping[str, Any], record_type_id: str | None) -> list[dict[str, Any]]:
    """The ``picklistValues`` of a described field for one record type."""
    allowed = {value.value: value.default for value in values_of(sobject, described["name"], record_type_id)}
    return [
        {**value, "defaultValue": allowed[value["value"]]}
        for value in described["picklistValues"]
        if value["value"] in allowed
    ]


def infos(sobject: SObject, profile: str, api_version: str) -> list[dict[str, Any]]:
    """``recordTypeInfos`` of a describe: the object's own record types, and the master at the end."""
    if not sobject.layoutable:
        return []
    default = default_of(sobject, profile)
    own = [
        _info(sobject, api_version, each.id, each.name, each.label, each.active, each.open_to(profile), each is default)
        for each in sobject.record_types
    ]
    master = _info(sobject, api_version, MASTER_RECORD_TYPE, "Master", "Master", True, True, default is None)
    return [*own, {**master, "master": True}]


def _info(
    sobject: SObject, version: str, type_id: str, name: str, label: str, active: bool, available: bool, default: bool
) -> dict[str, Any]:
    layout = f"/services/data/v{version}/sobjects/{sobject.name}/describe/layouts/{type_id}"
    return {
        "active": active,
        "available": available,
        "defaultRecordTypeMapping": default,
        "developerName": name,
        "master": False,
        "name": label,
        "recordTypeId": type_id,
        "urls": {"layout": layout},
    }


def check(saver: Saver, row: Row) -> None:
    """Give a new record its record type and that type's defaults; refuse a type or a value that is not allowed."""
    sobject, profile = saver.sobject, saver.access.profile
    if row.created and row.values.get(FIELD) is None:
        default = default_of(sobject, profile)
        row.values[FIELD] = default.id if default else None
    elif row.values.get(FIELD) and row.changes(FIELD):
        chosen = found(sobject, row.values[FIELD])
        if chosen is None or not (chosen.open_to(profile) or (saver.access.modify_all and chosen.active)):
            message = f"Record Type ID: this ID value isn't valid for the user: {row.values[FIELD]}"
            row.fail("INVALID_CROSS_REFERENCE_KEY", message, [FIELD])
            return
    kind = found(sobject, row.get(FIELD))
    if kind is not None:
        _apply(saver, row, kind)


def _apply(saver: Saver, row: Row, kind: RecordType) -> None:
    for name, allowed in kind.picklists.items():
        f = saver.sobject.field(name)
        if f is None:
            continue
        plain = [value.rstrip("*") for value in allowed]
        if row.created and row.values.get(name) is None and name not in row.values:
            row.values[name] = next((value.rstrip("*") for value in allowed if value.endswith("*")), None)
        value = row.values.get(name)
        given = any(key.lower() == name.lower() for key in row.record)
        if value is None or not f.restricted or not given:
            continue
        for part in value.split(";") if f.type == "multipicklist" else [value]:
            if part not in plain:
                message = f"{f.label}: bad value for restricted picklist field: {part}"
                row.fail("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [f.name])


def add(org: Org, sobject: str, specs: Iterable[Mapping[str, Any]]) -> None:
    """Add record types to an object, or replace those of the same name; the first brings the field RecordTypeId.

    Args:
        org: The org.
        sobject: The object.
        specs: ``name`` (its API name), ``label``, ``default``, ``active``, ``profiles`` (names; all, where absent) and
            ``values``: picklist fields to the values allowed, a trailing ``*`` marks the default.

    Raises:
        ValueError: There is no such object, field or value, or a word that record types do not know.
    """
    held = org.schema.get(sobject)
    if held is None:
        raise ValueError(f"no such object: {sobject}")
    made = {each.name: each for each in held.record_types}
    with org.write():
        for spec in specs:
            made[str(spec["name"])] = _made(org, held, spec, made.get(str(spec["name"])))
        if held.field(FIELD) is None:
            held = with_fields(held, [standard_field(_SPEC, {})])
        held = rebuilt(held, record_types=tuple(made.values()))
        objects = tuple(held if o.name == held.name else o for o in org.schema.objects)
        org.replace_schema(Schema(objects), [held.name])


_SPEC = {
    **{"name": FIELD, "type": "reference", "may": "CUN", "label": "Record Type ID"},
    **{"to": "RecordType", "relationship": "RecordType"},
}


def _made(org: Org, sobject: SObject, spec: Mapping[str, Any], held: RecordType | None) -> RecordType:
    unknown = sorted(spec.keys() - _WORDS)
    if unknown:
        raise ValueError(f"unknown words of a record type: {', '.join(unknown)}")
    name = str(spec["name"])
    label, active = str(spec.get("label", name.replace("_", " "))), bool(spec.get("active", True))
    row = {"Name": label, "DeveloperName": name, "SobjectType": sobject.name, "IsActive": active}
    if spec.get("person"):
        row["IsPersonType"] = True
    if held is None:
        type_id = org.insert_raw("RecordType", row | {"Description": spec.get("description")})
    else:
        type_id = held.id
        with org.write() as conn:
            sql = (
                'UPDATE "RecordType" SET "Name" = ?, "IsActive" = ?, "LastModifiedDate" = ?, "SystemModstamp" = ? '
                'WHERE "Id" = ?'
            )
            conn.execute(sql, (label, int(active), org.stamp, org.stamp, type_id))
    picklists = {_picklist(sobject, key, values): tuple(map(str, values)) for key, values in _values(spec).items()}
    profiles = tuple(map(str, spec.get("profiles", ())))
    default, person = bool(spec.get("default", False)), bool(spec.get("person", False))
    return RecordType(type_id, name, label, default, active, picklists, profiles, person)


def _values(spec: Mapping[str, Any]) -> Mapping[str, Iterable[str]]:
    found: Mapping[str, Iterable[str]] = spec.get("values") or {}
    return found


def _picklist(sobject: SObject, name: str, values: Iterable[str]) -> str:
    """The name of the field in its own casing, its values checked."""
    f = sobject.field(name)
    known = {value.value for value in f.picklist} if f else set()
    strange = [value for value in values if str(value).rstrip("*") not in known]
    if f is None or strange:
        raise ValueError(f"{sobject.name}.{name} has no values {', '.join(strange) or 'at all'}")
    return f.name
