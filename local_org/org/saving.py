"""Carries out create, update and upsert: parse, check, apply the rules, write, in batches of 200."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from local_org.org import rules
from local_org.org.ids import MASTER_RECORD_TYPE, is_id, to18
from local_org.org.model import Access, Field, OrgFault, SaveResult, SObject
from local_org.org.plan import Plan, make_plan, reference_extra
from local_org.org.store import quoted
from local_org.org.values import TypeFault, check_for

if TYPE_CHECKING:
    from local_org.org.engine import Org

BATCH = 200
"""Rows that Salesforce handles together; duplicates are looked for within one batch."""


class Known(NamedTuple):
    """What was found out about a record that a lookup names."""

    sobject: str
    deleted: bool
    extra: Any


class Row:
    """One record on its way into the org."""

    __slots__ = ("created", "errors", "id", "index", "old", "record", "values")

    def __init__(self, index: int, record: Mapping[str, Any]) -> None:
        """Start with what the request said."""
        self.index = index
        self.record = record
        self.id: str | None = None
        self.old: dict[str, Any] | None = None
        self.values: dict[str, Any] = {}
        self.errors: list[OrgFault] = []
        self.created = False

    def get(self, name: str) -> Any:
        """The value after this save."""
        if name in self.values:
            return self.values[name]
        return self.old.get(name) if self.old else None

    def changes(self, *names: str) -> bool:
        """Whether the save gives one of the fields another value (on create: any value)."""
        old = self.old or {}
        return any(name in self.values and self.values[name] != old.get(name) for name in names)

    def fail(self, code: str, message: str, fields: list[str] | None = None, *, status: int = 400) -> None:
        """Add an error: the row will not be written."""
        self.errors.append(OrgFault(code, message, fields=[] if fields is None else fields, status=status))


class Saver:
    """One call of create, update or upsert on one object."""

    def __init__(
        self,
        org: Org,
        access: Access,
        sobject: SObject,
        conn: sqlite3.Connection,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; ``conn`` is the writer inside a transaction."""
        self.headers = {key.lower(): value for key, value in (headers or {}).items()}
        self.org = org
        self.access = access
        self.sobject = sobject
        self.conn = conn
        self.schema = org.schema
        self.stamp = org.stamp
        self.plan = plan_for(org, access, sobject)
        self.known: dict[str, Known | None] = {}
        self.rules = rules.for_object(org, sobject)
        self._taken: dict[tuple[str, Any], str] = {}
        self._ids: Iterator[str] = iter(())

    def save(self, op: str, records: Iterable[Mapping[str, Any]], ext_field: str | None = None) -> list[SaveResult]:
        """Save all records; the answers are in the order of the records."""
        results: list[SaveResult] = []
        stream = iter(records)
        while batch := list(islice(stream, BATCH)):
            rows = [Row(index, record) for index, record in enumerate(batch)]
            self._batch(op, rows, ext_field)
            results += [_result(row) for row in rows]
        self.rules.finish(self)
        return results

    def _batch(self, op: str, rows: list[Row], ext_field: str | None) -> None:
        if op == "upsert":
            self._match(rows, ext_field)
        elif op == "update":
            for row in rows:
                self._take_id(row)
        else:
            for row in rows:
                row.created = True
        self._load_old([row for row in rows if not row.created and not row.errors])
        self._parse(rows)
        self._load_references(rows)
        self._load_taken(rows)
        created = sum(row.created and not row.errors for row in rows)
        self._ids = iter(self.org.new_ids(self.sobject, created))
        for row in rows:
            self._check(row)
        self._write([row for row in rows if not row.errors])
        self.rules.after(self, [row for row in rows if not row.errors])

    # -- which record is meant

    def _take_id(self, row: Row) -> None:
        given = next((value for key, value in row.record.items() if key.lower() == "id"), None)
        if given in (None, ""):
            row.fail("MISSING_ARGUMENT", "Id not specified in an update call")
        elif not is_id(given) or given[:3] != self.sobject.key_prefix:
            message = f"{self.sobject.label} ID: id value of incorrect type: {given}"
            row.fail("MALFORMED_ID", message, ["Id"])
        else:
            row.id = to18(given)

    def _match(self, rows: list[Row], ext_field: str | None) -> None:
        f = upsert_key(self.plan, self.sobject, ext_field)
        if f.type == "id":
            for row in rows:
                row.created = not any(key.lower() == "id" and value for key, value in row.record.items())
                if not row.created:
                    self._take_id(row)
            return
        keyed = [(row, self._key_of(row, f)) for row in rows]
        found = self.find(self.sobject, f, [key for _, key in keyed if key is not None])
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

    def _key_of(self, row: Row, f: Field) -> Any:
        given = next((value for key, value in row.record.items() if key.lower() == f.name.lower()), None)
        try:
            value = check_for(f)(given) if given is not None else None
        except OrgFault as fault:
            row.errors.append(fault)
            return None
        if value is None:
            row.fail("MISSING_ARGUMENT", f"{f.name} not specified")
        return value

    def find(self, target: SObject, f: Field, values: Sequence[Any]) -> dict[Any, list[str]]:
        """Ids of live records by the value of a field, texts folded as the field compares them."""
        live = 'AND "IsDeleted" = 0' if target.field("IsDeleted") else ""
        found: dict[Any, list[str]] = {}
        if values:
            sql = (
                f'SELECT {quoted(f.name)}, "Id" FROM {quoted(target.name)} '
                f"WHERE {quoted(f.name)} IN (SELECT value FROM json_each(?)) {live} ORDER BY 2"
            )
            for value, record_id in self.conn.execute(sql, (json.dumps(list(values)),)):
                found.setdefault(folded(f, value), []).append(record_id)
        return found

    def _load_old(self, rows: list[Row]) -> None:
        wanted = json.dumps([row.id for row in rows])
        names = self.plan.columns
        at = names.index("Id")
        held = {
            found[at]: dict(zip(names, found, strict=True))
            for found in self.conn.execute(self.plan.select_sql, (wanted,))
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

    # -- what the request says

    def _parse(self, rows: list[Row]) -> None:
        may = {letter: self.access.may(self.sobject, letter) for letter in "cu"}
        nested: list[tuple[Row, Field, Mapping[str, Any]]] = []
        for row in rows:
            if row.errors:
                continue
            allowed = self.sobject.createable if row.created else self.sobject.updateable
            if not allowed:
                verb = "inserted" if row.created else "updated"
                message = f"entity type cannot be {verb}: {self.sobject.label}"
                row.fail("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
            elif not may["c" if row.created else "u"]:
                row.fail("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
            else:
                nested += [(row, f, value) for f, value in self._read(row)]
        self._resolve(nested)

    def _read(self, row: Row) -> list[tuple[Field, Mapping[str, Any]]]:
        slots, created, values = self.plan.slots, row.created, row.values
        blocked: list[str] = []
        nested: list[tuple[Field, Mapping[str, Any]]] = []
        for key, value in row.record.items():
            slot = slots.get(key.lower())
            if slot is None:
                self._other_key(row, key, value, nested)
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

    def _other_key(self, row: Row, key: str, value: Any, nested: list[tuple[Field, Mapping[str, Any]]]) -> None:
        lower = key.lower()
        if lower == "attributes":
            return
        f = self.plan.relations.get(lower)
        if f is None or f.name.lower() not in self.plan.slots or not isinstance(value, Mapping | None):
            row.errors.append(no_such_column(key, self.sobject))
        elif value is None:
            row.values[f.name] = None
        elif not getattr(self.plan.slots[f.name.lower()], "createable" if row.created else "updateable"):
            row.errors.append(not_writable([f.name]))
        else:
            nested.append((f, value))

    def _resolve(self, nested: list[tuple[Row, Field, Mapping[str, Any]]]) -> None:
        """Fill lookups that are given by an external id of the other record."""
        groups: dict[tuple[str, str], list[tuple[Row, Field, Any]]] = {}
        keys: dict[tuple[str, str], tuple[SObject, Field]] = {}
        for row, f, given in nested:
            try:
                target, key = self._foreign_key(f, given)
                value = check_for(key)(next(v for k, v in given.items() if k.lower() == key.name.lower()))
            except OrgFault as fault:
                row.errors.append(fault)
                continue
            keys[target.name, key.name] = (target, key)
            groups.setdefault((target.name, key.name), []).append((row, f, value))
        for group, members in groups.items():
            target, key = keys[group]
            found = self.find(target, key, [value for _, _, value in members])
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

    def _foreign_key(self, f: Field, given: Mapping[str, Any]) -> tuple[SObject, Field]:
        kind = (given.get("attributes") or {}).get("type")
        names = [key for key in given if key != "attributes"]
        for target_name in f.reference_to:
            target = self.schema.get(target_name)
            if target is None or (kind and target.name.lower() != str(kind).lower()):
                continue
            key = target.field(names[0]) if len(names) == 1 else None
            if key is not None and (key.external_id or key.id_lookup) and self.access.sees(target, key):
                return target, key
        named = ", ".join(names)
        raise OrgFault(
            "INVALID_FIELD", f"The external foreign key reference does not reference a valid entity: {named}", fields=[]
        )

    # -- what the row refers to and collides with

    def _load_references(self, rows: list[Row]) -> None:
        wanted: dict[str, set[str]] = {}
        for row in rows:
            if row.errors:
                continue
            for name, (_, targets) in self.plan.references.items():
                value = row.values.get(name)
                if value and value not in self.known and value[:3] in targets:
                    wanted.setdefault(targets[value[:3]].name, set()).add(value)
        for name, ids in wanted.items():
            self.look_up(name, ids)

    def look_up(self, name: str, ids: Iterable[str]) -> None:
        """Find out whether these records of one object exist, are deleted, and what comes along (`reference_extra`)."""
        target = self.schema.get(name)
        ids = [each for each in ids if each not in self.known]
        if target is None or not ids:
            return
        self.known.update(dict.fromkeys(ids))
        extra = reference_extra(target)
        deleted = '"IsDeleted"' if target.field("IsDeleted") else "0"
        sql = (
            f'SELECT "Id", {deleted}, {quoted(extra) if extra else "NULL"} FROM {quoted(name)} '
            'WHERE "Id" IN (SELECT value FROM json_each(?))'
        )
        for record_id, gone, more in self.conn.execute(sql, (json.dumps(ids),)):
            self.known[record_id] = Known(name, bool(gone), more)

    def _load_taken(self, rows: list[Row]) -> None:
        self._taken.clear()
        for f in self.plan.unique:
            values = [row.values[f.name] for row in rows if not row.errors and row.values.get(f.name) is not None]
            for value, ids in self.find(self.sobject, f, values).items():
                self._taken[f.name, value] = ids[0]

    def _check(self, row: Row) -> None:
        if row.errors:
            return
        self._check_references(row)
        if row.errors:
            return
        if row.created:
            self._fill_defaults(row)
        self.rules.before(self, row)
        self._check_required(row)
        if not row.errors:
            self.rules.validate(self, row)
        if not row.errors:
            self._check_unique(row)
        if not row.errors and row.created:
            row.id = next(self._ids)
            self._finish_create(row)
        if not row.errors:
            for f in self.plan.unique:
                if row.values.get(f.name) is not None:
                    self._taken[f.name, folded(f, row.values[f.name])] = str(row.id)

    def _check_references(self, row: Row) -> None:
        for name, (f, targets) in self.plan.references.items():
            value = row.values.get(name)
            if not value:
                continue
            if value == MASTER_RECORD_TYPE and name == "RecordTypeId":
                row.values[name] = None
                continue
            target = targets.get(value[:3])
            if target is None:
                code = "FIELD_INTEGRITY_EXCEPTION"
                row.fail(code, f"{f.label}: id value of incorrect type: {value}", [name])
                continue
            known = self.known.get(value)
            if known is None:
                row.fail("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [name])
            elif known.deleted:
                row.fail("ENTITY_IS_DELETED", "entity is deleted", [])
            elif not self.access.may(target, "r"):
                message = f"insufficient access rights on cross-reference id: {value[:15]}"
                row.fail("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
            elif name == "OwnerId" and target.name == "User" and not known.extra and row.changes("OwnerId"):
                owned = self.sobject.label.lower()
                message = f"operation performed with inactive user [{value[:15]}] as owner of {owned}"
                row.fail("INACTIVE_OWNER_OR_USER", message)

    def _fill_defaults(self, row: Row) -> None:
        values = row.values
        for name, value in self.plan.defaults.items():
            if values.get(name) is None and (name not in values or name in self.plan.never_null):
                values[name] = value
        if "OwnerId" in self.plan.references and values.get("OwnerId") is None:
            owner = self.plan.references["OwnerId"][0]
            if owner.defaulted_on_create:
                values["OwnerId"] = self.access.user_id

    def _check_required(self, row: Row) -> None:
        if row.created:
            missing = [name for name in self.plan.required if row.values.get(name) is None]
        else:
            emptied = [name for name, value in row.values.items() if value is None and name in self.plan.never_null]
            unfilled = [name for name in self.plan.always_filled if row.get(name) is None and name not in emptied]
            missing = emptied + unfilled
        if missing:
            row.fail("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)

    def _check_unique(self, row: Row) -> None:
        for f in self.plan.unique:
            value = row.values.get(f.name)
            holder = self._taken.get((f.name, folded(f, value))) if value is not None else None
            if holder is not None and holder != row.id:
                message = f"duplicate value found: {f.name} duplicates value on record with id: {holder[:15]}"
                row.fail("DUPLICATE_VALUE", message)

    # -- the write

    def _finish_create(self, row: Row) -> None:
        values, stamp, user = row.values, self.stamp, self.access.user_id
        values["Id"] = row.id
        values["CreatedDate"] = values["LastModifiedDate"] = values["SystemModstamp"] = stamp
        values["CreatedById"] = values["LastModifiedById"] = user
        if self.sobject.custom and values.get("Name") is None:
            values["Name"] = row.id

    def _write(self, rows: list[Row]) -> None:
        names = self.plan.columns
        new = [[row.values.get(name) for name in names] for row in rows if row.created]
        if new:
            self.conn.executemany(self.plan.insert_sql, new)
        for row in rows:
            if not row.created:
                self._update(row)

    def _update(self, row: Row) -> None:
        old = row.old or {}
        values = row.values
        # A transaction that began earlier must not move a row's stamps back.
        stamp = max(self.stamp, old.get("SystemModstamp") or 0)
        values["SystemModstamp"] = stamp
        if "LastModifiedDate" in old:
            values["LastModifiedDate"] = stamp
            values["LastModifiedById"] = self.access.user_id
        assigned = ", ".join(f"{quoted(name)} = ?" for name in values)
        sql = f'UPDATE {quoted(self.sobject.name)} SET {assigned} WHERE "Id" = ?'
        self.conn.execute(sql, (*values.values(), row.id))


def plan_for(org: Org, access: Access, sobject: SObject) -> Plan:
    """The kept plan of this user and object."""
    key = (access.user_id, sobject.name)
    plan: Plan | None = org.plans.get(key)
    if plan is None or plan.sobject is not sobject:
        plan = make_plan(org.schema, access, sobject)
        org.plans[key] = plan
    return plan


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


def folded(f: Field, value: Any) -> Any:
    """A value as the field compares it: texts without case unless the field is case sensitive."""
    return value.lower() if isinstance(value, str) and not f.case_sensitive else value


def no_such_column(name: str, sobject: SObject) -> OrgFault:
    """The error for a field that does not exist for this user."""
    return OrgFault("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")


def not_writable(names: list[str]) -> OrgFault:
    """The error for fields that the user, or anybody, cannot write."""
    return OrgFault(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set.",
        fields=names,
    )


def _column(record: Mapping[str, Any], key: str) -> int:
    """The column at which the value of a key starts in the record as compact JSON."""
    text = json.dumps(dict(record), separators=(",", ":"), default=str)
    return text.find(f"{json.dumps(key)}:") + len(json.dumps(key)) + 2


def _result(row: Row) -> SaveResult:
    if row.errors:
        return SaveResult(id=None, success=False, errors=row.errors)
    return SaveResult(id=row.id, success=True, created=row.created)
