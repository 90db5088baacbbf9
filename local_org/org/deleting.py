"""Moves rows to the recycle bin, with what hangs on them, and brings them back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from local_org.org import activities, person_accounts, relations, rollups, sharing
from local_org.org.ids import is_id, to18
from local_org.org.model import Access, Field, OrgFault, SaveResult, SObject
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.engine import Org


def delete(org: Org, access: Access, sobject: SObject, records: Iterable[Mapping[str, Any]]) -> list[SaveResult]:
    """Delete the records named by their Ids; call inside a write transaction."""
    bin_ = _Bin(org, access)
    results = []
    for record in records:
        given = next((value for key, value in record.items() if key.lower() == "id"), None)
        fault = bin_.refusal(sobject, given)
        if fault is None:
            bin_.take(sobject, [to18(str(given))])
        results.append(_result(given, fault))
    bin_.settle()
    return results


def undelete(org: Org, access: Access, sobject: SObject, record_ids: Iterable[str]) -> list[SaveResult]:
    """Restore the records; call inside a write transaction."""
    bin_ = _Bin(org, access)
    results = []
    for given in record_ids:
        fault = bin_.refusal_to_restore(sobject, given)
        if fault is None:
            bin_.restore(sobject, to18(given))
        results.append(_result(given, fault))
    bin_.settle()
    return results


def _result(given: Any, fault: OrgFault | None) -> SaveResult:
    if fault is not None:
        return SaveResult(id=None, success=False, errors=[fault])
    return SaveResult(id=to18(str(given)), success=True)


def _has_bin(sobject: SObject) -> bool:
    return sobject.field("IsDeleted") is not None


class _Bin:
    """One call's deletions or restorations."""

    def __init__(self, org: Org, access: Access) -> None:
        tx = org.transaction()
        if tx is None:
            raise RuntimeError("deleting needs a write transaction")
        self.conn: sqlite3.Connection = tx.conn
        self.stamp = tx.stamp
        self.schema = org.schema
        self.access = access
        self._parents: set[str] = set()
        self._loosened: dict[str, list[str]] = {}
        self._members: list[str] = []
        self._related: dict[str, list[str]] = {}
        """Activities whose relation rows went or came back."""

    def refusal(self, sobject: SObject, given: Any) -> OrgFault | None:
        """Why the record may not be deleted."""
        fault = self._unusable(sobject, given)
        if fault is not None:
            return fault
        if not sobject.deletable:
            return OrgFault("INSUFFICIENT_ACCESS_OR_READONLY", f"entity type cannot be deleted: {sobject.label}")
        if not self.access.may(sobject, "d"):
            return OrgFault(
                "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403, fields=[]
            )
        row = self._row(sobject, to18(given))
        if row is None:
            return OrgFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404, fields=[])
        if row[0]:
            return OrgFault("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
        if not self._mine(sobject, to18(given), "Read"):
            return OrgFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404, fields=[])
        if not self._mine(sobject, to18(given), "All"):
            message = "insufficient access rights on object id"
            return OrgFault("INSUFFICIENT_ACCESS_OR_READONLY", message, status=403, fields=[])
        return person_accounts.holds_back(self.conn, sobject, to18(given)) or self._held_back(sobject, to18(given))

    def _mine(self, sobject: SObject, record_id: str, level: sharing.Level) -> bool:
        allowed = sharing.allowed(self.conn, self.schema, self.access, sobject, [record_id], level)
        return allowed is None or record_id in allowed

    def _unusable(self, sobject: SObject, given: Any) -> OrgFault | None:
        if not given:
            return OrgFault("MISSING_ARGUMENT", "Id not specified in a delete call", fields=[])
        if not is_id(given) or given[:3] != sobject.key_prefix:
            message = f"{sobject.label} ID: id value of incorrect type: {given}"
            return OrgFault("MALFORMED_ID", message, fields=["Id"])
        return None

    def _row(self, sobject: SObject, record_id: str) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self.conn.execute(
            f'SELECT {"IsDeleted" if _has_bin(sobject) else 0}, "SystemModstamp" FROM {quoted(sobject.name)} '
            'WHERE "Id" = ?',
            (record_id,),
        ).fetchone()
        return found

    def _held_back(self, sobject: SObject, record_id: str) -> OrgFault | None:
        """An account keeps the won deals of other owners from being deleted by somebody who may not modify all."""
        if sobject.name != "Account" or self.access.modify_all:
            return None
        names = self.conn.execute(
            'SELECT "Name" FROM "Opportunity" WHERE "AccountId" = ? AND "IsWon" = 1 AND "IsDeleted" = 0 '
            'AND "OwnerId" <> ? ORDER BY "Name"',
            (record_id, self.access.user_id),
        ).fetchall()
        if not names:
            return None
        account = self.conn.execute('SELECT "Name" FROM "Account" WHERE "Id" = ?', (record_id,)).fetchone()[0]
        listed = ", ".join(name for (name,) in names)
        return OrgFault(
            "DELETE_FAILED",
            f"Your attempt to delete {account} could not be completed because it is associated with the following "
            f"opportunities.: {listed}",
            fields=[],
        )

    def take(self, sobject: SObject, ids: list[str]) -> None:
        """Delete records and what goes with them; objects without a recycle bin lose them for good."""
        if _has_bin(sobject):
            self._mark(sobject, ids, True, self.stamp)
        else:
            sql = f'DELETE FROM {quoted(sobject.name)} WHERE "Id" = ?'
            self.conn.executemany(sql, [(each,) for each in ids])
        for child in self.schema.objects:
            for f in child.fields:
                if sobject.name in f.reference_to and f.name not in _KEPT:
                    self._let_go(child, f, ids)

    def _let_go(self, child: SObject, f: Field, ids: list[str]) -> None:
        has_bin = _has_bin(child)
        live = ' AND "IsDeleted" = 0' if has_bin else ""
        found = self.conn.execute(
            f'SELECT "Id" FROM {quoted(child.name)} WHERE {quoted(f.name)} IN (SELECT value FROM json_each(?)){live}',
            (json.dumps(ids),),
        ).fetchall()
        children = [record_id for (record_id,) in found]
        if not children:
            return
        if f.cascade_delete and has_bin:
            self.take(child, self._orphans(child, f, children))
        else:
            self._clear(child, f, children)

    def _orphans(self, child: SObject, f: Field, ids: list[str]) -> list[str]:
        """Of activities, only those without another parent go along; the others lose this one."""
        if child.name not in activities.ACTIVITY:
            return ids
        other = "WhatId" if f.name == "WhoId" else "WhoId"
        found = self.conn.execute(
            f'SELECT "Id" FROM {quoted(child.name)} WHERE "Id" IN (SELECT value FROM json_each(?)) '
            f"AND {quoted(other)} IS NOT NULL",
            (json.dumps(ids),),
        ).fetchall()
        kept = {record_id for (record_id,) in found}
        if kept:
            self._clear(child, f, sorted(kept))
        return [each for each in ids if each not in kept]

    def _clear(self, child: SObject, f: Field, ids: list[str]) -> None:
        if not f.nillable:
            return
        if child.name in activities.ACTIVITY and f.name in ("WhoId", "WhatId"):
            self._loosened.setdefault(child.name, []).extend(ids)
        self.conn.executemany(
            f"UPDATE {quoted(child.name)} SET {quoted(f.name)} = NULL, "
            '"SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ?',
            [(self.stamp, each) for each in ids],
        )

    def _mark(self, sobject: SObject, ids: list[str], deleted: bool, stamp: int) -> None:
        if not ids:
            return
        if sobject.name in activities.ACTIVITY:
            self._remember_parents(sobject, ids)
        if sobject.name == "CampaignMember":
            self._members += ids
        for kind in activities.ACTIVITY:
            if sobject.name == f"{kind}Relation":
                self._remember_activities(kind, ids)
        self.conn.executemany(
            f'UPDATE {quoted(sobject.name)} SET "IsDeleted" = ?, "LastModifiedDate" = max("LastModifiedDate", ?), '
            '"LastModifiedById" = ?, "SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ?',
            [(int(deleted), stamp, self.access.user_id, stamp, each) for each in ids],
        )

    def _remember_parents(self, sobject: SObject, ids: list[str]) -> None:
        sql = (
            f'SELECT "WhoId", "WhatId", "AccountId" FROM {quoted(sobject.name)} '
            'WHERE "Id" IN (SELECT value FROM json_each(?))'
        )
        for row in self.conn.execute(sql, (json.dumps(ids),)):
            self._parents.update(each for each in row if each)

    def _remember_activities(self, kind: str, ids: list[str]) -> None:
        key, table = quoted(f"{kind}Id"), quoted(f"{kind}Relation")
        sql = f'SELECT {key} FROM {table} WHERE "Id" IN (SELECT value FROM json_each(?))'
        self._related.setdefault(kind, []).extend(one for (one,) in self.conn.execute(sql, (json.dumps(ids),)))

    def refusal_to_restore(self, sobject: SObject, given: Any) -> OrgFault | None:
        """Why the record may not be restored."""
        fault = self._unusable(sobject, given)
        if fault is not None:
            return fault
        if not self.access.may(sobject, "d"):
            return OrgFault(
                "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403, fields=[]
            )
        row = self._row(sobject, to18(given))
        if row is None or not row[0]:
            return OrgFault("UNDELETE_FAILED", "Entity is not in the recycle bin", fields=[])
        return self._taken_meanwhile(sobject, to18(given))

    def _taken_meanwhile(self, sobject: SObject, record_id: str) -> OrgFault | None:
        """A unique value that another record took while this one lay in the bin keeps it there."""
        table = quoted(sobject.name)
        for f in sobject.fields:
            if not f.unique:
                continue
            column = quoted(f.name)
            holder = self.conn.execute(
                f'SELECT o."Id" FROM {table} o JOIN {table} d ON o.{column} = d.{column} '
                'WHERE d."Id" = ? AND o."Id" <> d."Id" AND o."IsDeleted" = 0',
                (record_id,),
            ).fetchone()
            if holder:
                message = f"duplicate value found: {f.name} duplicates value on record with id: {holder[0][:15]}"
                return OrgFault("DUPLICATE_VALUE", message, fields=[])
        return None

    def restore(self, sobject: SObject, record_id: str) -> None:
        """Restore a record and the children that were deleted in the same second along with it."""
        row = self._row(sobject, record_id)
        if row is None:
            return
        self._mark(sobject, [record_id], False, self.stamp)
        for child in self.schema.objects:
            if not _has_bin(child):
                continue
            for f in child.fields:
                if f.cascade_delete and sobject.name in f.reference_to:
                    for (child_id,) in self.conn.execute(
                        f'SELECT "Id" FROM {quoted(child.name)} WHERE {quoted(f.name)} = ? AND "IsDeleted" = 1 '
                        'AND "SystemModstamp" = ?',
                        (record_id, row[1]),
                    ).fetchall():
                        self.restore(child, child_id)

    def settle(self) -> None:
        """Bring relations and parents' LastActivityDate in step with what is left."""
        rollups.count_members(self.conn, self._members, self.stamp)
        for kind, ids in self._loosened.items():
            relations.rebuild(self.conn, self.schema, kind, ids, self.stamp)
        for kind, ids in self._related.items():
            relations.recount(self.conn, self.schema, kind, ids, self.stamp)
        activities.refresh_last_activity(self.conn, self.schema, self._parents, self.stamp)


_KEPT = frozenset(
    {"MasterRecordId", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId", "RelationId"}
)
"""References that keep naming a deleted record: they are history."""
