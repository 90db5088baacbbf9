"""Keeps somebody who was erased from coming back by the next file or call: known by hash, refused or left unnamed."""

from __future__ import annotations

from collections.abc import Sequence

from core.connections.intake import Row
from core.store import erasing
from core.store.database import Batch
from core.values import phones

REFUSED = "this person was erased on request and is not taken in again"
UNNAMED = "its person was erased on request: it is taken in without what names them"
_PHONES = ("phone", "mobile_phone", "other_phone")
_PERSONAL = ("person_ref", "person_email", "person_phone", "subject", "notes", "participants", "fields")


def keep_out(batch: Batch, kind: str, rows: Sequence[Row]) -> list[str]:
    """What is to be said of each row; people's rows with a word are to be refused, activities' are stripped here."""
    marks = erasing.erased(batch)
    if not marks or kind not in ("people", "activities"):
        return [""] * len(rows)
    if kind == "people":
        return [REFUSED if _is_erased(row, marks) else "" for row in rows]
    return [_stripped(row) if _names_erased(row, marks) else "" for row in rows]


def _is_erased(row: Row, marks: frozenset[str]) -> bool:
    given = row.values
    name = str(given.get("name") or f"{given.get('first_name') or ''} {given.get('last_name') or ''}")
    numbers = [str(given[c]) for c in _PHONES if given.get(c)]
    known = [erasing.key_mark(row.source, row.external_id), erasing.hashed(str(given.get("email") or ""))]
    known += [erasing.phone_mark(v, name) for n in numbers for v in (n, phones.normalize_one(n) or n)]
    return not marks.isdisjoint(known)


def _names_erased(row: Row, marks: frozenset[str]) -> bool:
    given = row.values
    known = [erasing.hashed(str(given.get("person_email") or ""))]
    known.append(erasing.key_mark(row.source, str(given.get("person_ref") or "")))
    return not marks.isdisjoint(known)


def _stripped(row: Row) -> str:
    for name in _PERSONAL:
        row.values.pop(name, None)
    return UNNAMED
