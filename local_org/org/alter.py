"""Changes an org's schema at run time, as an administrator would between two syncs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local_org.org import formulas, statuses
from local_org.org.catalog.custom import ACTIVITY, check_name, extend, rebuilt, with_fields, without_field
from local_org.org.model import Field, PicklistValue, Schema, SObject

if TYPE_CHECKING:
    from local_org.org.engine import Org


def add_object(org: Org, sobject: SObject) -> None:
    """Add a custom object; nobody but users with ``*`` grants may use it at first."""
    org.replace_schema(extend(org.schema, objects=[sobject]), [sobject.name, *ACTIVITY])


def add_field(org: Org, sobject: str, f: Field) -> None:
    """Add a field, or replace the one of the same name; on ``Activity`` it appears on Task and Event."""
    org.replace_schema(extend(org.schema, fields={sobject: [f]}), _names(org, sobject))


def remove_field(org: Org, sobject: str, name: str) -> None:
    """Remove a field: it is gone from describe and from SOQL, its values stay in the file.

    Raises:
        ValueError: When there is no such field.
    """
    found_field(org, sobject, name)
    made = {
        target: without_field(_object(org, target), _field(org, target, name).name) for target in _names(org, sobject)
    }
    _swap(org, made)


def must_be_free(org: Org, sobject: str, name: str) -> None:
    """See that a field may be removed.

    Raises:
        ValueError: There is no such field, or a formula or roll-up needs it.
    """
    held = _object(org, sobject)
    without = without_field(held, found_field(org, sobject, name).name)
    formulas.check(Schema(tuple(without if o is held else o for o in org.schema.objects)))


def change_field(org: Org, sobject: str, name: str, **changes: Any) -> Field:
    """Change attributes of a field (see `Field`) and return it as it is now."""
    made = {
        target: with_fields(_object(org, target), [replace(_field(org, target, name), **changes)])
        for target in _names(org, sobject)
    }
    _swap(org, made)
    return found_field(org, sobject, name)


def rename_field(org: Org, sobject: str, name: str, new_name: str) -> None:
    """Rename a field's API name; its values move along.

    Raises:
        ValueError: There is no such field, or the new name is none.
    """
    check_name(new_name, "field")
    for target in _names(org, sobject):
        old = _field(org, target, name)
        held = _object(org, target)
        fields = tuple(replace(f, name=new_name) if f is old else f for f in held.fields)
        _swap(org, {target: rebuilt(held, fields=fields)})
        with org.write() as conn:
            conn.execute(f'UPDATE "{target}" SET "{new_name}" = "{old.name}"')


def require_field(org: Org, sobject: str, name: str) -> None:
    """Make a field required on every save."""
    change_field(org, sobject, name, nillable=False, permissionable=False, defaulted_on_create=False, default=None)


def shorten_field(org: Org, sobject: str, name: str, length: int) -> None:
    """Shorten a text field; longer values that are there stay."""
    change_field(org, sobject, name, length=length)


def add_picklist_values(org: Org, sobject: str, name: str, values: Iterable[str]) -> None:
    """Add values at the end of a picklist, or bring removed ones back."""
    values = list(values)
    f = found_field(org, sobject, name)
    kept = tuple(v for v in f.picklist if v.value not in values)
    with org.write():
        change_field(org, sobject, name, picklist=(*kept, *(PicklistValue(value) for value in values)))
        statuses.list_values(org)


def remove_picklist_value(org: Org, sobject: str, name: str, value: str) -> None:
    """Deactivate a picklist value: describe no longer lists it, a restricted field refuses it.

    Raises:
        ValueError: When the field has no such value.
    """
    f = found_field(org, sobject, name)
    if value not in [v.value for v in f.picklist]:
        raise ValueError(f"{f.name} has no value {value}")
    picklist = tuple(replace(v, active=False, default=False) if v.value == value else v for v in f.picklist)
    default = None if f.default == value else f.default
    change_field(org, sobject, name, picklist=picklist, default=default)


def found_field(org: Org, sobject: str, name: str) -> Field:
    """The field, on Task for ``Activity``.

    Raises:
        ValueError: When there is no such field.
    """
    return _field(org, _names(org, sobject)[0], name)


def _names(org: Org, sobject: str) -> tuple[str, ...]:
    return ACTIVITY if sobject == "Activity" else (_object(org, sobject).name,)


def _object(org: Org, name: str) -> SObject:
    found = org.schema.get(name)
    if found is None:
        raise ValueError(f"no such object: {name}")
    return found


def _field(org: Org, sobject: str, name: str) -> Field:
    found = _object(org, sobject).field(name)
    if found is None:
        raise ValueError(f"no such field: {sobject}.{name}")
    return found


def _swap(org: Org, made: dict[str, SObject]) -> None:
    objects = tuple(made.get(o.name, o) for o in org.schema.objects)
    org.replace_schema(Schema(objects), made)
