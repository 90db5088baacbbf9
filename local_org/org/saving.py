"""Carries out create, update and upsert: parse, check, apply the rules, write, in batches of 200."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from local_org.org import matching, reading, record_types, rules, sharing
from local_org.org.ids import MASTER_RECORD_TYPE
from local_org.org.model import AUDIT_FIELDS, Access, SaveResult, SObject
from local_org.org.plan import Plan, make_plan, reference_extra
from local_org.org.row import Known, Row, folded
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.engine import Org

BATCH = 200
"""Rows that Salesforce handles together; duplicates are looked for within one batch."""


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
        self.memory: dict[str, Any] = {}
        """What the rules read once and use for every row of the call."""
        self._taken: dict[tuple[str, Any], str] = {}
        self._ids: Iterator[str] = iter(())

    def save(self, op: str, records: Iterable[Mapping[str, Any]], ext_field: str | None = None) -> list[SaveResult]:
        """Save all records; the answers are in the order of the records."""
        results: list[SaveResult] = []
        stream = iter(records)
        while batch := list(islice(stream, BATCH)):
            rows = [Row(index, record) for index, record in enumerate(batch)]
            self._batch(op, rows, ext_field)
            results += [row.result() for row in rows]
        self.rules.finish(self)
        return results

    def _batch(self, op: str, rows: list[Row], ext_field: str | None) -> None:
        if op == "upsert":
            matching.match(self, rows, ext_field)
        elif op == "update":
            for row in rows:
                matching.take_id(self, row)
        else:
            for row in rows:
                row.created = True
        old = [row for row in rows if not row.created and not row.errors]
        matching.load_old(self, old)
        self._refuse_others(old)
        reading.parse(self, rows)
        self._load_references(rows)
        self._load_taken(rows)
        created = sum(row.created and not row.errors for row in rows)
        self._ids = iter(self.org.new_ids(self.sobject, created))
        for row in rows:
            self._check(row)
        self._write([row for row in rows if not row.errors])
        self.rules.after(self, [row for row in rows if not row.errors])

    def _refuse_others(self, rows: list[Row]) -> None:
        """Refuse changes of records that belong to others: unseen ones are as good as missing."""
        for level in _LEVELS:
            asked = [row for row in rows if not row.errors and (level != "All" or _transfers(row))]
            allowed = self._allowed(self.sobject, [str(row.id) for row in asked], level)
            for row in asked if allowed is not None else ():
                if row.id in (allowed or ()):
                    continue
                if level == "Read":
                    row.fail("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)
                else:
                    message = "insufficient access rights on object id"
                    row.fail("INSUFFICIENT_ACCESS_OR_READONLY", message, status=403)

    def _allowed(self, sobject: SObject, ids: list[str], level: sharing.Level) -> set[str] | None:
        return sharing.allowed(self.conn, self.schema, self.access, sobject, ids, level)

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
        seen = self._allowed(target, list(ids), "Read")
        for record_id, gone, more in self.conn.execute(sql, (json.dumps(ids),)):
            self.known[record_id] = Known(name, bool(gone), more, seen is None or record_id in seen)

    def _load_taken(self, rows: list[Row]) -> None:
        self._taken.clear()
        for f in self.plan.unique:
            values = [row.values[f.name] for row in rows if not row.errors and row.values.get(f.name) is not None]
            for value, ids in matching.find(self, self.sobject, f, values).items():
                self._taken[f.name, value] = ids[0]

    def _check(self, row: Row) -> None:
        if row.errors:
            return
        self._check_references(row)
        if row.errors:
            return
        if self.sobject.record_types:
            record_types.check(self, row)
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
            self._take_unique(row)

    def _take_unique(self, row: Row) -> None:
        """Later rows of the batch meet the values of this one, and may have those that it gave up."""
        for f in self.plan.unique:
            if f.name not in row.values:
                continue
            before, after = folded(f, (row.old or {}).get(f.name)), folded(f, row.values[f.name])
            if before != after and self._taken.get((f.name, before)) == row.id:
                del self._taken[f.name, before]
            if after is not None:
                self._taken[f.name, after] = str(row.id)

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
            elif not self.access.may(target, "r") or not (known.seen or self._kept(row, name)):
                message = f"insufficient access rights on cross-reference id: {value[:15]}"
                row.fail("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
            elif name == "OwnerId" and target.name == "User" and not known.extra and row.changes("OwnerId"):
                owned = self.sobject.label.lower()
                message = f"operation performed with inactive user [{value[:15]}] as owner of {owned}"
                row.fail("INACTIVE_OWNER_OR_USER", message)
            elif (
                name == "OwnerId" and target.name == "Group" and row.changes("OwnerId") and not self._queue_fits(value)
            ):
                row.fail("INVALID_OPERATION", "Queue not associated with this SObject type", [name])

    def _queue_fits(self, queue: str) -> bool:
        """Whether a queue takes records of this object; one that lists no objects takes all."""
        key = f"queue {queue}"
        if key not in self.memory:
            listed: list[str] = []
            if self.schema.get("QueueSobject") is not None:
                sql = 'SELECT "SobjectType" FROM "QueueSobject" WHERE "QueueId" = ?'
                listed = [name for (name,) in self.conn.execute(sql, (queue,))]
            self.memory[key] = not listed or self.sobject.name in listed
        return bool(self.memory[key])

    def _kept(self, row: Row, name: str) -> bool:
        """Whether a lookup stays as it was: nobody needs a right on the record for that."""
        return row.old is not None and not row.changes(name)

    def _fill_defaults(self, row: Row) -> None:
        defaults = self.plan.defaults
        for name in defaults.keys() & row.values.keys():
            if row.values[name] is None and name in self.plan.never_null:
                row.values[name] = defaults[name]
        values = row.values = {**defaults, **row.values}
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
        values["SystemModstamp"] = stamp
        for name, value in zip(AUDIT_FIELDS, (stamp, user, stamp, user), strict=True):
            # Who may set them has said so in the request; everybody else's were refused.
            if values.get(name) is None:
                values[name] = value
        if self.sobject.custom and values.get("Name") is None:
            values["Name"] = row.id

    def _write(self, rows: list[Row]) -> None:
        new = [row.values for row in rows if row.created]
        if new:
            # Most of an object's columns are empty in most records: naming them costs more than the values do.
            sql, blank, cells = self.plan.insert(set().union(*new))
            self.conn.executemany(sql, [cells({**blank, **values}) for values in new])
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


_LEVELS: tuple[sharing.Level, ...] = ("Read", "Edit", "All")


def _transfers(row: Row) -> bool:
    """Whether the request gives the record another owner."""
    given = next((value for key, value in row.record.items() if key.lower() == "ownerid"), None)
    return bool(given) and str(given)[:15] != str((row.old or {}).get("OwnerId") or "")[:15]


def plan_for(org: Org, access: Access, sobject: SObject) -> Plan:
    """The kept plan of this user and object."""
    key = (access.user_id, sobject.name)
    plan: Plan | None = org.plans.get(key)
    if plan is None or plan.sobject is not sobject or plan.access is not access:
        plan = make_plan(org.schema, access, sobject)
        org.plans[key] = plan
    return plan
