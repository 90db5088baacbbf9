"""What others do to records meanwhile: they take one away between two pages, refuse rows, or mend a row that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_org.org import merging
from local_org.org.engine import Org
from local_org.org.model import OrgFault, SaveResult, SObject
from local_org.org.session import Session
from local_org.soql import ResultSet
from local_org.web.faults import Faults

_TRIGGER = "PracticeTrigger: execution of Before{when}\n\ncaused by: System.DmlException: refused by the practice org"
_FILLERS: dict[str, Any] = {
    "date": "2026-01-01",
    "datetime": "2026-01-01T00:00:00Z",
    "email": "healed@practice.example",
    "boolean": False,
}


def between_pages(org: Org, faults: Faults, path: str, result: ResultSet, size: int) -> None:
    """After the first page of a longer result: delete, merge, convert or change the first record of the next one."""
    if len(result.ids) <= size:
        return
    fault = faults.strikes("between_pages", path)
    if fault is None:
        return
    session = org.session(_administrator(org))
    victim, first = result.ids[size], result.ids[0]
    if fault.value == "merge":
        merging.merge(session, result.sobject, first, [victim])
    elif fault.value == "convert":
        merging.convert_lead(session, victim)
    elif fault.value == "change":
        session.save("update", result.sobject, [{"Id": victim}])
    else:
        session.save("delete", result.sobject, [{"Id": victim}])


def _administrator(org: Org) -> str:
    sql = (
        'SELECT u."Id" FROM "User" u JOIN "Profile" p ON p."Id" = u."ProfileId" '
        'WHERE u."IsActive" = 1 AND p."PermissionsModifyAllData" = 1 ORDER BY u."Id"'
    )
    return str(org.connection().execute(sql).fetchone()[0])


def refused(op: str, value: str = "") -> SaveResult:
    """A row that the org refuses: by a trigger, or with the statusCode (and after a colon the text) of ``value``."""
    if value:
        code, _, text = value.partition(":")
        return SaveResult(None, False, errors=[OrgFault(code, text or code.replace("_", " ").lower(), fields=[])])
    when = "Delete" if op == "delete" else "Update" if op == "update" else "Insert"
    fault = OrgFault("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", _TRIGGER.format(when=when), fields=[])
    return SaveResult(None, False, errors=[fault])


class Healer:
    """An automation that mends rows which were refused: at once, or when they are sent again."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    def heal(
        self, faults: Faults, session: Session, op: str, name: str, records: list[dict[str, Any]],
        results: list[SaveResult], ext_field: str | None,
    ) -> list[SaveResult]:  # fmt: skip
        """The results, with those of refused rows replaced that could be saved once their fields were set right."""
        if op == "delete" or faults.peek("healed_row") is None:
            return results
        healed = list(results)
        for at, result in enumerate(results):
            if not result.success and self._strikes(faults, name, records[at]):
                healed[at] = self._mended(session, op, name, records[at], result, ext_field)
        return healed

    def _strikes(self, faults: Faults, name: str, record: Mapping[str, Any]) -> bool:
        fault = faults.peek("healed_row")
        key = f"{name}:{json.dumps(record, sort_keys=True, default=str)}"
        if fault is not None and fault.value == "next" and key not in self._failed:
            self._failed.add(key)
            return False
        return faults.strikes("healed_row") is not None

    def _mended(
        self, session: Session, op: str, name: str, record: dict[str, Any], result: SaveResult, ext_field: str | None
    ) -> SaveResult:
        sobject = session.sobject(name)
        named = {field for fault in result.errors for field in fault.fields or []}
        without = {key: value for key, value in record.items() if key not in named}
        filled = {field: _filler(sobject, field) for field in named}
        for candidate in (without, without | filled):
            again = session.save(op, name, [candidate], ext_field=ext_field)[0]
            if again.success:
                return again
        return result


def _filler(sobject: SObject, name: str) -> Any:
    """A value that the field takes."""
    f = sobject.field(name)
    if f is None:
        return None
    if f.picklist:
        return next((value.value for value in f.picklist if value.active), None)
    if f.type in ("int", "long", "double", "currency", "percent"):
        return 1
    return _FILLERS.get(f.type, "Healed"[: f.length or None] if f.length else "Healed")
