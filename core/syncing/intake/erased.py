"""Keeps somebody who was erased from coming back by the next file or call: known by hash, refused or left unnamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.connections.intake import Row
from core.store import erasing
from core.store.database import Batch
from core.syncing.intake import references
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
        return [REFUSED if is_erased(row.values, row.source, row.external_id, marks) else "" for row in rows]
    numbers = _numbers_of_nobody_else(batch, rows, marks)
    return [_stripped(row) if _names_erased(row, marks) or _number_alone(row) in numbers else "" for row in rows]


def is_erased(given: Mapping[str, Any], source: str, external_id: str, marks: frozenset[str]) -> bool:
    """Whether a person's values are those of somebody erased; a number counts with the name, since others answer it."""
    name = str(given.get("name") or f"{given.get('first_name') or ''} {given.get('last_name') or ''}")
    numbers = [str(given[c]) for c in _PHONES if given.get(c)]
    known = [erasing.key_mark(source, external_id), erasing.hashed(str(given.get("email") or ""))]
    known += [erasing.phone_mark(v, name) for n in numbers for v in _spellings(n)]
    return not marks.isdisjoint(known)


def _spellings(number: str) -> tuple[str, str]:
    return number, phones.normalize_one(number) or number


def _names_erased(row: Row, marks: frozenset[str]) -> bool:
    given = row.values
    known = [erasing.hashed(str(given.get("person_email") or ""))]
    known.append(erasing.key_mark(row.source, str(given.get("person_ref") or "")))
    return not marks.isdisjoint(known)


def _number_alone(row: Row) -> str:
    """The number of an activity that names its person by nothing else."""
    given = row.values
    return "" if given.get("person_email") or given.get("person_ref") else str(given.get("person_phone") or "")


def _numbers_of_nobody_else(batch: Batch, rows: Sequence[Row], marks: frozenset[str]) -> frozenset[str]:
    """Numbers of somebody erased that nobody here has; those of others who answer them too name the others."""
    alone = {n for row in rows if (n := _number_alone(row))}
    theirs = [n for n in alone if not marks.isdisjoint(erasing.hashed(v) for v in _spellings(n))]
    held = references.find(batch, "person", [("", "phone", n) for n in theirs])
    return frozenset(n for (_, _, n), records in held.items() if not records)


def _stripped(row: Row) -> str:
    for name in _PERSONAL:
        row.values.pop(name, None)
    return UNNAMED
