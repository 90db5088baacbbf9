"""Finds the records that a save means: by Id, by external id, or not there yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from local_org.org.ids import is_id, to18
from local_org.org.model import Field, OrgFault, SObject
from local_org.org.plan import Plan
from local_org.org.row import Row, folded
from local_org.org.store import quoted
from local_org.org.values import check_for

if TYPE_CHECKING:
    from local_org.org.saving import Saver


def take_id(saver: Saver, row: Row) -> None:
    """Take the row's Id from the request; refuse one that is missing or of another object."""
    given = next((value for key, value in row.record.items() if key.lower() == "id"), None)
    if given in (None, ""):
        row.fail("MISSING_ARGUMENT", "Id not specified in an update call")
    elif not is_id(given) or given[:3] != saver.sobject.key_prefix:
        message = f"{saver.sobject.label} ID: id value of incorrect type: {given}"
        row.fail("MALFORMED_ID", message, ["Id"])
    else:
        row.id = to18(given)


def match(saver: Saver, rows: list[Row], ext_field: str | None) -> None:
    """Find, for an upsert, which rows exist already; no match means a new record."""
    f = upsert_key(saver.plan, saver.sobject, ext_field)
    if f.type == "id":
        for row in rows:
            row.created = not any(key.lower() == "id" and value for key, value in row.record.items())
            if not row.created:
                take_id(saver, row)
        return
    keyed = [(row, key_of(saver, row, f)) for row in rows]
    found = find(saver, saver.sobject, f, [key for _, key in keyed if key is not None])
    seen: dict[Any, int] = {}
    for _, key in keyed:
        seen[folded(f, key)] = seen.get(folded(f, key), 0) + 1
    for row, key in keyed:
        if key is None:
            continue
        matches = found.get(folded(f, key), [])
        if seen[folded(f, key)] > 1:
            row.fail("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", [f.name])
        elif len(matches) > 1:
            listed = ",".join(matches)
            row.fail("DUPLICATE_EXTERNAL_ID", f"more than one record found for external id field: [{listed}]")
        row.created, row.id = not matches, matches[0] if matches else None


def key_of(saver: Saver, row: Row, f: Field) -> Any:
    """The row's value of the upsert field as it is stored; ``None`` after adding an error."""
    given = next((value for key, value in row.record.items() if key.lower() == f.name.lower()), None)
    try:
        value = check_for(f)(given) if given is not None else None
    except OrgFault as fault:
        row.errors.append(fault)
        return None
    if value is None:
        row.fail("MISSING_ARGUMENT", f"{f.name} not specified")
    return value


def find(saver: Saver, target: SObject, f: Field, values: Sequence[Any]) -> dict[Any, list[str]]:
    """Ids of live records by the value of a field, texts folded as the field compares them."""
    live = 'AND "IsDeleted" = 0' if target.field("IsDeleted") else ""
    found: dict[Any, list[str]] = {}
    if values:
        sql = (
            f'SELECT {quoted(f.name)}, "Id" FROM {quoted(target.name)} '
            f"WHERE {quoted(f.name)} IN (SELECT value FROM json_each(?)) {live} ORDER BY 2"
        )
        for value, record_id in saver.conn.execute(sql, (json.dumps(list(values)),)):
            found.setdefault(folded(f, value), []).append(record_id)
    return found


def load_old(saver: Saver, rows: list[Row]) -> None:
    """Ids of live records by the value of a field, texts folded as the field compares them."""
    wanted = json.dumps([row.id for row in rows])
    names = saver.plan.columns
    at = names.index("Id")
    held = {
        found[at]: dict(zip(names, found, strict=True))
        for found in saver.conn.execute(saver.plan.select_sql, (wanted,))
    }
    seen: set[str | None] = set()
    for row in rows:
        row.old = held.get(row.id or "")
        if row.old is None:
            row.fail("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)
        elif row.old.get("IsDeleted"):
            row.fail("ENTITY_IS_DELETED", "entity is deleted", status=404)
        elif row.id in seen:
            row.fail("DUPLICATE_VALUE", f"Duplicate id specified: {row.id}", ["Id"])
        seen.add(row.id)


def upsert_key(plan: Plan, sobject: SObject, name: str | None) -> Field:
    """The field that an upsert matches on.

    Raises:
        OrgFault: NOT_FOUND when the field is not an external id (or idLookup) field that the user can see.
    """
    f = sobject.field(name or "Id")
    if f is None or f.name.lower() not in plan.slots or not (f.external_id or f.id_lookup):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise OrgFault("NOT_FOUND", message, status=404)
    return f
