"""What one user can do through the API: describe, read, save, delete, undelete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from local_org.org import deleting, describe, formulas, sharing
from local_org.org.formula_parser import Moment
from local_org.org.ids import is_id, to18
from local_org.org.matching import upsert_key
from local_org.org.model import Access, Field, OrgFault, SaveResult, SObject
from local_org.org.row import no_such_column
from local_org.org.saving import Saver, plan_for
from local_org.org.store import quoted
from local_org.org.values import part_key, shown

if TYPE_CHECKING:
    from local_org.org.engine import Org

SAVES = ("create", "update", "upsert", "delete")
_ABOUT_ACCESS = ("User", "PermissionSetAssignment", "UserRole", "Group", "GroupMember")
"""A change of these may change what users may do."""
ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"


class _RolledBackError(Exception):
    def __init__(self, results: list[SaveResult]) -> None:
        super().__init__("all or none")
        self.results = results


def not_found() -> OrgFault:
    """The error for an object or row that does not exist for this user."""
    return OrgFault("NOT_FOUND", "The requested resource does not exist", status=404)


class Session:
    """The verbs of one user; cheap to make, safe to use from one thread at a time."""

    def __init__(self, org: Org, access: Access, api_version: str = "66.0") -> None:
        """Use `Org.session`."""
        self.org = org
        self.access = access
        self.api_version = api_version

    def sobject(self, name: str) -> SObject:
        """The object of that name in any case.

        Raises:
            OrgFault: NOT_FOUND when it does not exist or the user may not read it.
        """
        found = self.org.schema.get(name)
        if found is None or not self.access.may(found, "r"):
            raise not_found()
        return found

    def describe(self, name: str) -> dict[str, Any]:
        """The describe result of an object as this user sees it."""
        return describe.describe(self.sobject(name), self.org.schema, self.access, self.api_version)

    def describe_global(self) -> dict[str, Any]:
        """The list of objects that this user may read."""
        return describe.describe_global(self.org.schema, self.access, self.api_version)

    def retrieve(self, name: str, record_id: str, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """One row as JSON: all readable fields, or just those asked for.

        Raises:
            OrgFault: NOT_FOUND, ENTITY_IS_DELETED (404), or INVALID_FIELD for an unknown field.
        """
        sobject = self.sobject(name)
        chosen = self._chosen(sobject, fields)
        if not is_id(record_id) or record_id[:3] != sobject.key_prefix:
            raise not_found()
        row = self._read(sobject, chosen, [to18(record_id)]).get(to18(record_id))
        if row is None:
            raise not_found()
        if row.pop("IsDeleted*"):
            raise OrgFault("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
        return row

    def retrieve_many(
        self, name: str, record_ids: Iterable[str], fields: Sequence[str] | None = None
    ) -> list[dict[str, Any] | None]:
        """Rows in the order of the Ids, ``None`` for each that is missing, deleted or malformed."""
        sobject = self.sobject(name)
        chosen = self._chosen(sobject, fields)
        wanted = [to18(each) if is_id(each) else "" for each in record_ids]
        found = self._read(sobject, chosen, wanted)
        for key, row in list(found.items()):
            if row.pop("IsDeleted*"):
                del found[key]
        return [found.get(each) for each in wanted]

    def _chosen(self, sobject: SObject, fields: Sequence[str] | None) -> list[Field]:
        if fields is None:
            return [f for f in sobject.fields if self.access.sees(sobject, f)]
        chosen = []
        for name in fields:
            f = sobject.field(name.strip())
            if f is None or not self.access.sees(sobject, f):
                raise no_such_column(name, sobject)
            chosen.append(f)
        return chosen

    def _read(self, sobject: SObject, chosen: list[Field], ids: list[str]) -> dict[str, dict[str, Any]]:
        parts = [sobject.field(part) for f in chosen if not f.stored for part in f.compound_of]
        # A part of an address that the user cannot see is empty in the whole.
        seen = [f for f in parts if f is not None and self.access.sees(sobject, f)]
        stored = {f.name: f for f in [*chosen, *seen] if f.stored or f.worked_out}
        deleted = '"IsDeleted"' if sobject.field("IsDeleted") else "0"
        names = ", ".join(['"Id"', deleted, *(self._column(sobject, f) for f in stored.values())])
        sql = f'SELECT {names} FROM {quoted(sobject.name)} t WHERE "Id" IN (SELECT value FROM json_each(?))'
        if (bound := sharing.condition(self.org.schema, self.access, sobject, "t")) is not None:
            sql += f" AND {bound}"
        base = f"/services/data/v{self.api_version}/sobjects/{sobject.name}/"
        made = {}
        for record_id, gone, *values in self.org.connection().execute(sql, (json.dumps(ids),)):
            held = dict(zip(stored, values, strict=True))
            row: dict[str, Any] = {"attributes": {"type": sobject.name, "url": base + record_id}}
            for f in chosen:
                if f.type == "base64":
                    row[f.name] = f"{base}{record_id}/{f.name}" if held[f.name] else None
                else:
                    row[f.name] = shown(f, held[f.name]) if f.name in held else compound(f, held)
            row["IsDeleted*"] = gone
            made[record_id] = row
        return made

    def _column(self, sobject: SObject, f: Field) -> str:
        if f.type == "base64":
            return f"{quoted(f.name)} IS NOT NULL"
        if not f.worked_out:
            return quoted(f.name)
        moment = Moment(self.org.clock.now(), self.access.time_zone)
        return formulas.worked_out(self.org.schema, sobject, f, "t", moment)

    def save(
        self,
        op: str,
        name: str,
        records: Iterable[Mapping[str, Any]],
        *,
        all_or_none: bool = False,
        ext_field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> list[SaveResult]:
        """Create, update, upsert or delete records of one object in one transaction.

        Args:
            op: ``create``, ``update``, ``upsert`` or ``delete``.
            name: The object.
            records: Field values by API name; ``Id`` names the record of an update or delete. A lookup may be given
                as ``{"Account": {"Ext__c": "A1"}}``.
            all_or_none: Whether one failing row rolls all of them back.
            ext_field: The field an upsert matches on, by default ``Id``.
            headers: Request headers that change how rows are saved (duplicate rule).

        Returns:
            One result per record, in order. A failing row does not stop the others.

        Raises:
            OrgFault: When the call as a whole is wrong: unknown object, unknown upsert key.
        """
        if op not in SAVES:
            raise ValueError(f"not an operation: {op}")
        sobject = self.sobject(name)
        if op == "upsert":
            upsert_key(plan_for(self.org, self.access, sobject), sobject, ext_field)
        try:
            with self.org.purging() as conn:
                if op == "delete":
                    results = deleting.delete(self.org, self.access, sobject, records)
                else:
                    saver = Saver(self.org, self.access, sobject, conn, headers or {})
                    results = saver.save(op, records, ext_field)
                if all_or_none and not all(result.success for result in results):
                    raise _RolledBackError(results)
        except _RolledBackError as rolled_back:
            results = [_rolled_back(result) for result in rolled_back.results]
        if any(result.success for result in results) and sobject.name in _ABOUT_ACCESS:
            self.org.forget_access()
        return results

    def undelete(self, name: str, record_ids: Iterable[str]) -> list[SaveResult]:
        """Bring deleted rows back from the recycle bin, with what was deleted along with them."""
        sobject = self.sobject(name)
        with self.org.purging():
            return deleting.undelete(self.org, self.access, sobject, record_ids)


def compound(f: Field, held: Mapping[str, Any]) -> dict[str, Any] | None:
    """A compound address as an object, ``None`` when all its parts are empty."""
    keys = {part: part_key(part, f) for part in f.compound_of}
    if all(held.get(part) is None for part in keys):
        return None
    return dict(sorted((key, held.get(part)) for part, key in keys.items()))


def _rolled_back(result: SaveResult) -> SaveResult:
    if not result.success:
        return result
    fault = OrgFault("ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK, fields=[])
    return SaveResult(id=None, success=False, errors=[fault])
