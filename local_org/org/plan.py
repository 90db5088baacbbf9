"""Works out, once per user and object, how a record of that object is checked and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from local_org.org.model import AUDIT_FIELDS, Access, Field, Schema, SObject
from local_org.org.store import columns, quoted
from local_org.org.values import Check, check_for

_REFERENCE_EXTRAS = {
    "Contact": "AccountId",
    "Opportunity": "AccountId",
    "Case": "AccountId",
    "Lead": "IsConverted",
    "User": "IsActive",
}


class Slot(NamedTuple):
    """What a request may do with one field."""

    name: str
    check: Check
    createable: bool
    updateable: bool
    boolean: bool


class Insert(NamedTuple):
    """A statement that fills some columns, and what takes their values out of a record that has them all."""

    sql: str
    blank: Mapping[str, None]
    cells: Callable[[Mapping[str, Any]], tuple[Any, ...]]


@dataclass(slots=True)
class Plan:
    """Everything about writing one object that does not depend on the record."""

    sobject: SObject
    access: Access
    slots: Mapping[str, Slot]
    """By lower-case name; fields that the user cannot see are absent."""
    relations: Mapping[str, Field]
    """Reference fields by lower-case relationship name."""
    references: Mapping[str, tuple[Field, Mapping[str, SObject]]]
    """Reference fields by name, with the objects they may name by key prefix."""
    defaults: Mapping[str, Any]
    required: tuple[str, ...]
    """Must be filled on create."""
    never_null: frozenset[str]
    """Must not be emptied by an update."""
    always_filled: tuple[str, ...]
    """Custom required fields: an update must leave them filled even if it does not touch them."""
    unique: tuple[Field, ...]
    columns: tuple[str, ...]
    select_sql: str
    """Reads all columns of the rows whose Ids are in a JSON array."""
    inserts: dict[tuple[str, ...], Insert] = field(default_factory=dict)

    def insert(self, used: AbstractSet[str]) -> Insert:
        """How records are written that fill no other columns than these."""
        names = tuple(name for name in self.columns if name in used)
        made = self.inserts.get(names)
        if made is None:
            listed, marks = ", ".join(map(quoted, names)), ", ".join("?" * len(names))
            sql = f"INSERT INTO {quoted(self.sobject.name)} ({listed}) VALUES ({marks})"
            made = self.inserts[names] = Insert(sql, dict.fromkeys(names), itemgetter(*names))
        return made


def make_plan(schema: Schema, access: Access, sobject: SObject) -> Plan:
    """The plan for this user and object."""
    names = columns(sobject)
    table = quoted(sobject.name)
    quoted_names = ", ".join(map(quoted, names))
    writable = [f for f in sobject.fields if f.stored and f.type != "id"]
    return Plan(
        sobject=sobject,
        access=access,
        slots={f.name.lower(): _slot(sobject, f, access) for f in sobject.fields if access.sees(sobject, f)},
        relations={f.relationship_name.lower(): f for f in writable if f.relationship_name and f.reference_to},
        references={f.name: (f, _targets(schema, f)) for f in writable if f.type == "reference"},
        defaults={f.name: _default(f) for f in writable if _default(f) is not None},
        required=tuple(f.name for f in writable if f.required),
        never_null=frozenset(f.name for f in writable if not f.nillable and f.type != "boolean"),
        always_filled=tuple(f.name for f in writable if f.custom and f.required),
        unique=tuple(f for f in writable if f.unique),
        columns=names,
        select_sql=f'SELECT {quoted_names} FROM {table} WHERE "Id" IN (SELECT value FROM json_each(?))',
    )


def _slot(sobject: SObject, f: Field, access: Access) -> Slot:
    edits = access.edits(sobject, f)
    createable = f.createable or (access.set_audit and f.name in AUDIT_FIELDS)
    return Slot(f.name, check_for(f), createable and edits, f.updateable and edits, f.type == "boolean")


def _targets(schema: Schema, f: Field) -> dict[str, SObject]:
    found = (schema.get(name) for name in f.reference_to)
    return {target.key_prefix: target for target in found if target is not None and target.key_prefix}


def _default(f: Field) -> Any:
    return int(bool(f.default)) if f.type == "boolean" else f.default


def reference_extra(target: SObject) -> str | None:
    """The column that is read along when a lookup to this object is checked: its account, or whether it is usable."""
    if target.name in _REFERENCE_EXTRAS:
        return _REFERENCE_EXTRAS[target.name]
    if not target.custom:
        return None
    return next((f.name for f in target.fields if f.reference_to == ("Account",)), None)
