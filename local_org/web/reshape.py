"""Changes an org's schema and permissions while it runs, so that drift can be practiced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local_org.org import permissions
from local_org.org.catalog import custom_field, extend
from local_org.org.catalog.custom import ACTIVITY, without_field
from local_org.org.engine import Org
from local_org.org.model import Field, PicklistValue, Schema, SObject


def apply(org: Org, change: str, facts: dict[str, Any]) -> None:
    """Make one change.

    Args:
        org: The org.
        change: One of `CHANGES`.
        facts: ``object`` and ``field``, and what the change needs.

    Raises:
        ValueError: An unknown change, object or field.
    """
    if change not in CHANGES:
        raise ValueError(f"no change is named {change!r}; known: {', '.join(CHANGES)}")
    CHANGES[change](org, facts)


def _add_field(org: Org, facts: dict[str, Any]) -> None:
    """``object`` (or Activity), ``field`` ending in __c, ``type``, ``length``, ``values``, and flags of a field."""
    known = {"object", "field", "type", "label", "length", "scale", "values", "required", "to", "child"}
    named = {name: facts[name] for name in known - {"object", "field", "type"} if name in facts}
    flags = {name: value for name, value in facts.items() if name not in known}
    made = custom_field(facts["field"], facts.get("type", "string"), **_sized(facts, named), **flags)
    names = list(ACTIVITY) if facts["object"] == "Activity" else [_object(org, facts).name]
    org.replace_schema(extend(org.schema, fields={facts["object"]: [made]}), names)


def _sized(facts: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    return named if facts.get("type", "string") != "string" else {"length": 255} | named


def _remove_field(org: Org, facts: dict[str, Any]) -> None:
    sobject, field = _field(org, facts)
    _swap(org, without_field(sobject, field.name))


def _rename_field(org: Org, facts: dict[str, Any]) -> None:
    """The old name is gone; the values move to the new one."""
    sobject, field = _field(org, facts)
    fresh = replace(field, name=str(facts["to"]))
    fields = tuple(fresh if f.name == field.name else f for f in sobject.fields)
    with org.write() as conn:
        _swap(org, replace(sobject, fields=fields, _by_lower={}))
        conn.execute(f'UPDATE "{sobject.name}" SET "{fresh.name}" = "{field.name}"')  # noqa: S608 - schema names


def _change_field(**changes: Any) -> Callable[[Org, dict[str, Any]], None]:
    def change(org: Org, facts: dict[str, Any]) -> None:
        _set(org, facts, **changes)

    return change


def _shorten(org: Org, facts: dict[str, Any]) -> None:
    _set(org, facts, length=int(facts["length"]))


def _remove_value(org: Org, facts: dict[str, Any]) -> None:
    _, field = _field(org, facts)
    if all(value.value != facts["value"] for value in field.picklist):
        raise ValueError(f"{field.name} has no value {facts['value']!r}")
    _set(org, facts, picklist=tuple(value for value in field.picklist if value.value != facts["value"]))


def _add_value(org: Org, facts: dict[str, Any]) -> None:
    _, field = _field(org, facts)
    _set(org, facts, picklist=(*field.picklist, PicklistValue(str(facts["value"]))))


def _hide(org: Org, facts: dict[str, Any]) -> None:
    _letters(org, facts, "")


def _read_only(org: Org, facts: dict[str, Any]) -> None:
    _letters(org, facts, "r")


def _show(org: Org, facts: dict[str, Any]) -> None:
    _letters(org, facts, "re")


def _letters(org: Org, facts: dict[str, Any], letters: str) -> None:
    sobject, field = _field(org, facts)
    permissions.hide_field(org, sobject.name, field.name, profile=facts.get("profile"), letters=letters)


def _grant(org: Org, facts: dict[str, Any]) -> None:
    """``profile``, ``object`` and ``letters`` out of crudVM."""
    row = org.connection().execute('SELECT "Id" FROM "Profile" WHERE "Name" = ?', (facts["profile"],)).fetchone()
    if row is None:
        raise ValueError(f"no profile is named {facts['profile']!r}")
    permissions.set_object_access(org, row[0], _object(org, facts).name, str(facts["letters"]))


def _api(org: Org, facts: dict[str, Any]) -> None:
    """``profile`` and ``enabled``: whether its users may use the API."""
    with org.write() as conn:
        conn.execute(
            'UPDATE "Profile" SET "PermissionsApiEnabled" = ? WHERE "Name" = ?',
            (int(bool(facts["enabled"])), facts["profile"]),
        )
    org.forget_access()


CHANGES: dict[str, Callable[[Org, dict[str, Any]], None]] = {
    "add_field": _add_field,
    "remove_field": _remove_field,
    "rename_field": _rename_field,
    "require_field": _change_field(nillable=False, defaulted_on_create=False, permissionable=False),
    "unrequire_field": _change_field(nillable=True),
    "shorten_field": _shorten,
    "remove_value": _remove_value,
    "add_value": _add_value,
    "restrict_field": _change_field(restricted=True),
    "unrestrict_field": _change_field(restricted=False),
    "hide_field": _hide,
    "read_only_field": _read_only,
    "show_field": _show,
    "grant_object": _grant,
    "api_access": _api,
}
"""Every change by name. All take ``object``; changes of a field take ``field`` as well."""


def _set(org: Org, facts: dict[str, Any], **changes: Any) -> None:
    sobject, field = _field(org, facts)
    fields = tuple(replace(f, **changes) if f.name == field.name else f for f in sobject.fields)
    _swap(org, replace(sobject, fields=fields, _by_lower={}))


def _swap(org: Org, sobject: SObject) -> None:
    objects = tuple(sobject if o.name == sobject.name else o for o in org.schema.objects)
    org.replace_schema(Schema(objects), [sobject.name])


def _object(org: Org, facts: dict[str, Any]) -> SObject:
    found = org.schema.get(str(facts.get("object", "")))
    if found is None:
        raise ValueError(f"no object is named {facts.get('object')!r}")
    return found


def _field(org: Org, facts: dict[str, Any]) -> tuple[SObject, Field]:
    sobject = _object(org, facts)
    field = sobject.field(str(facts.get("field", "")))
    if field is None:
        raise ValueError(f"{sobject.name} has no field {facts.get('field')!r}")
    return sobject, field
