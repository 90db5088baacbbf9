"""Decides what one row of intake does to one record: create, change, delete, or nothing, and why.

It looks at values only: the row as checked, the record as stored, the time. Absent keys leave what is there, None
clears it, and consent moves toward opted out and never back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.connections.intake import Row

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
CONSENT = ("opted_out_email", "do_not_call")
# How mappings name what the store keeps in several columns, or under another name.
_FIELD_OF = {
    "user_email": "user",
    "person_ref": "person",
    "person_email": "person",
    "person_phone": "person",
    "account_ref": "account",
    "account_domain": "account",
    "related_object": "related_to",
    "related_id": "related_to",
    "created_on_at": "created_on",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one row."""

    external_id: str
    result: str
    """created, updated, unchanged, deleted or rejected."""
    reason: str = ""
    field: str = ""

    def as_dict(self) -> dict[str, str]:
        """As the API answers."""
        return {"external_id": self.external_id, "result": self.result, "reason": self.reason, "field": self.field}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a row, and the columns to set on its record."""

    answer: Answer
    sets: Mapping[str, Any] = field(default_factory=dict)


def content_hash(row: Row) -> str:
    """A hash of what the row says, but for when: the same row sent again is known without reading its record."""
    # Keys in another order give another hash: such a row is compared with its record, and found unchanged there.
    told = {k: v for k, v in row.values.items() if k != "updated_at"}
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def decide(row: Row, stored: Mapping[str, Any] | None, now: datetime, *, table: str, digest: str) -> Decision:
    """What the row does to the record it names.

    Args:
        row: Checked, with references already turned into columns of the table.
        stored: The record's columns; None where the key is new.
        now: When it arrived.
        table: account, person or activity.
        digest: The row's `content_hash`.
    """
    if stored is None:
        return _create(row, now, table, digest)
    at, known_at = row.values.get("updated_at"), stored["updated_at"]
    if stored["hash"] == digest and (stored["deleted_at"] is None) == (not row.values.get("deleted")):
        return Decision(_answer(row, "unchanged"), _moved(at, known_at))
    if at is not None and known_at is not None and at < known_at:
        return Decision(_answer(row, "unchanged", f"older than what is known: {_text(at)} against {_text(known_at)}"))
    if row.values.get("deleted"):
        return _delete(row, stored, now, digest)
    if stored["deleted_at"] is not None and row.values.get("deleted") is not False:
        return Decision(_answer(row, "unchanged", 'it is deleted; "deleted": false brings it back'))
    if table == "activity" and row.values.get("kind") not in (None, stored["kind"]):
        reason = f"kind does not change: it is a {stored['kind']}"
        return Decision(_answer(row, "rejected", reason, "kind"))
    return _change(row, stored, now, table, digest)


def merged(stored: Mapping[str, Any], sets: Mapping[str, Any]) -> dict[str, Any]:
    """The record as it is after a decision."""
    return {**stored, **sets}


def _create(row: Row, now: datetime, table: str, digest: str) -> Decision:
    if row.values.get("deleted"):
        return Decision(_answer(row, "unchanged", "nothing is known under this key, so nothing is deleted"))
    if table == "activity" and not row.values.get("kind"):
        return Decision(_answer(row, "rejected", "kind is missing; a new activity needs one", "kind"))
    sets = {k: v for k, v in row.values.items() if k not in ("fields", "deleted") and v is not None}
    if custom := {k: v for k, v in (row.values.get("fields") or {}).items() if v is not None}:
        sets["fields"] = dumps(custom)
    sets.update(source=row.source, external_id=row.external_id, hash=digest, created_at=now)
    sets["updated_at"] = row.values.get("updated_at") or now
    return Decision(_answer(row, "created"), sets)


def _delete(row: Row, stored: Mapping[str, Any], now: datetime, digest: str) -> Decision:
    at = row.values.get("updated_at") or now
    if stored["deleted_at"] is not None:
        return Decision(_answer(row, "unchanged", "it is deleted already"), _moved(at, stored["updated_at"]))
    return Decision(_answer(row, "deleted"), {"deleted_at": at, "updated_at": at, "hash": digest})


def _change(row: Row, stored: Mapping[str, Any], now: datetime, table: str, digest: str) -> Decision:
    sets: dict[str, Any] = {}
    changed: set[str] = set()
    reason, kept = "", ""
    for column, value in row.values.items():
        if column in CONSENT and stored[column] and not value:
            kept, reason = column, f"{column} stays true: only a person may opt somebody in again"
        elif column == "fields":
            before = json.loads(stored["fields"] or "{}")
            after = _merged_fields(before, value)
            if after != before:
                sets["fields"] = dumps(after) if after else None
                changed |= {f"fields.{k}" for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
        elif column not in ("deleted", "updated_at") and value != stored[column]:
            sets[column] = value
            changed.add(_FIELD_OF.get(column, column))
    revived = stored["deleted_at"] is not None
    if not sets and not revived:
        moved = {"hash": digest} if not kept else {}
        return Decision(
            _answer(row, "unchanged", reason, kept),
            {**moved, **_moved(row.values.get("updated_at"), stored["updated_at"])},
        )
    at = row.values.get("updated_at") or now
    if table == "activity":
        sets["field_times"] = _field_times(stored, changed, at)
    sets.update(updated_at=at, hash=digest)
    if revived:
        sets["deleted_at"], reason = None, reason or "it was deleted and is back"
    return Decision(_answer(row, "updated", reason, kept), sets)


def _merged_fields(before: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {}
    return {k: v for k, v in {**before, **given}.items() if v is not None}


def _field_times(stored: Mapping[str, Any], changed: set[str], at: datetime) -> str:
    return dumps({**json.loads(stored["field_times"] or "{}"), **dict.fromkeys(sorted(changed), _text(at))})


def _moved(at: datetime | None, known_at: datetime | None) -> dict[str, Any]:
    """A newer time with the same content is remembered, so that a row from between the two counts as older."""
    return {"updated_at": at} if at is not None and (known_at is None or at > known_at) else {}


def _answer(row: Row, result: str, reason: str = "", field: str = "") -> Answer:
    return Answer(row.external_id, result, reason, field)


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def dumps(value: Any) -> str:
    """Compact JSON text, as the ``fields`` columns hold it."""
    return _encode(value)
