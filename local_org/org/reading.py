"""Reads the field values of a request's record, and resolves lookups given by external ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local_org.org.activities import ACTIVITY
from local_org.org.ids import full_id
from local_org.org.matching import find
from local_org.org.model import Field, OrgFault, SObject
from local_org.org.row import Row, folded, no_such_column, not_writable
from local_org.org.values import TypeFault, check_for

if TYPE_CHECKING:
    from local_org.org.saving import Saver


MOST_WHOS = 50
"""People that one activity can be about."""


def parse(saver: Saver, rows: list[Row]) -> None:
    """Check every row's fields one by one and put the stored values into the row."""
    may = {letter: saver.access.may(saver.sobject, letter) for letter in "cu"}
    nested: list[tuple[Row, Field, Mapping[str, Any]]] = []
    for row in rows:
        if row.errors:
            continue
        allowed = saver.sobject.createable if row.created else saver.sobject.updateable
        if not allowed:
            verb = "inserted" if row.created else "updated"
            message = f"entity type cannot be {verb}: {saver.sobject.label}"
            row.fail("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
        elif not may["c" if row.created else "u"]:
            row.fail("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
        else:
            nested += [(row, f, value) for f, value in read(saver, row)]
    resolve(saver, nested)


def read(saver: Saver, row: Row) -> list[tuple[Field, Mapping[str, Any]]]:
    """Read one record's fields; lookups given by external ids are returned for later."""
    slots, created, values = saver.plan.slots, row.created, row.values
    blocked: list[str] = []
    nested: list[tuple[Field, Mapping[str, Any]]] = []
    for key, value in row.record.items():
        slot = slots.get(key.lower())
        if slot is None:
            other_key(saver, row, key, value, nested)
            continue
        if slot.name == "Id":
            if created and value:
                row.fail("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
        elif not (slot.createable if created else slot.updateable):
            blocked.append(slot.name)
        elif value is None:
            values[slot.name] = 0 if slot.boolean else None
        else:
            try:
                values[slot.name] = slot.check(value)
            except TypeFault as fault:
                row.fail(fault.code, f"{fault.message} at [line:1, column:{_column(row.record, key)}]")
            except OrgFault as fault:
                row.errors.append(fault)
    if blocked:
        row.errors.append(not_writable(blocked))
    return nested


def other_key(saver: Saver, row: Row, key: str, value: Any, nested: list[tuple[Field, Mapping[str, Any]]]) -> None:
    """Handle a key that is no field: attributes, a relationship, or an unknown column."""
    lower = key.lower()
    if lower == "attributes":
        return
    if lower == f"{saver.sobject.name.lower()}whoids" and saver.sobject.name in ACTIVITY:
        read_whos(saver, row, key, value)
        return
    f = saver.plan.relations.get(lower)
    if f is None or f.name.lower() not in saver.plan.slots or not isinstance(value, Mapping | None):
        row.errors.append(no_such_column(key, saver.sobject))
    elif value is None:
        row.values[f.name] = None
    elif not getattr(saver.plan.slots[f.name.lower()], "createable" if row.created else "updateable"):
        row.errors.append(not_writable([f.name]))
    else:
        nested.append((f, value))


def read_whos(saver: Saver, row: Row, key: str, value: Any) -> None:
    """Everybody that an activity is about; WhoId is the first of them unless it is said."""
    ids = [full_id(one) for one in value] if isinstance(value, list) else [] if value is None else [None]
    if None in ids or any(one[:3] not in saver.plan.references["WhoId"][1] for one in ids if one):
        row.fail("MALFORMED_ID", f"{key}: id value of incorrect type: {value}", [key])
    elif len(ids) > MOST_WHOS:
        row.fail("LIMIT_EXCEEDED", f"{key}: at most {MOST_WHOS} people can be related to an activity", [key])
    else:
        row.whos = list(dict.fromkeys(one for one in ids if one))


def resolve(saver: Saver, nested: list[tuple[Row, Field, Mapping[str, Any]]]) -> None:
    """Fill lookups that are given by an external id of the other record."""
    groups: dict[tuple[str, str], list[tuple[Row, Field, Any]]] = {}
    keys: dict[tuple[str, str], tuple[SObject, Field]] = {}
    for row, f, given in nested:
        try:
            target, key = foreign_key(saver, f, given)
            value = check_for(key)(next(v for k, v in given.items() if k.lower() == key.name.lower()))
        except OrgFault as fault:
            row.errors.append(fault)
            continue
        keys[target.name, key.name] = (target, key)
        groups.setdefault((target.name, key.name), []).append((row, f, value))
    for group, members in groups.items():
        target, key = keys[group]
        found = find(saver, target, key, [value for _, _, value in members])
        for row, f, value in members:
            matches = found.get(folded(key, value), [])
            if len(matches) == 1:
                row.values[f.name] = matches[0]
            elif matches:
                listed = ",".join(matches)
                message = f"more than one record found for external id field: [{listed}]"
                row.fail("DUPLICATE_EXTERNAL_ID", message)
            else:
                message = f"Foreign key external ID: {value} not found for field {key.name} in entity {target.name}"
                row.fail("INVALID_FIELD", message)


def foreign_key(saver: Saver, f: Field, given: Mapping[str, Any]) -> tuple[SObject, Field]:
    """The object and field by which a nested lookup names its record."""
    kind = (given.get("attributes") or {}).get("type")
    names = [key for key in given if key != "attributes"]
    for target_name in f.reference_to:
        target = saver.schema.get(target_name)
        if target is None or (kind and target.name.lower() != str(kind).lower()):
            continue
        key = target.field(names[0]) if len(names) == 1 else None
        if key is not None and (key.external_id or key.id_lookup) and saver.access.sees(target, key):
            return target, key
    named = ", ".join(names)
    raise OrgFault(
        "INVALID_FIELD", f"The external foreign key reference does not reference a valid entity: {named}", fields=[]
    )


def _column(record: Mapping[str, Any], key: str) -> int:
    """The column at which the value of a key starts in the record as compact JSON."""
    text = json.dumps(dict(record), separators=(",", ":"), default=str)
    return text.find(f"{json.dumps(key)}:") + len(json.dumps(key)) + 2
