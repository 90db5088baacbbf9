"""Spells noted changes the way change events read on the wire."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local_org.org.model import Access, Field, Schema, SObject
from local_org.web.streaming.capture import Change, captured, told

ALL = "/data/ChangeEvents"
MOST_RECORDS = 100
"""Records of one transaction that may share an event, where the same happened to them."""


def channel_of(sobject: SObject) -> str:
    """``/data/AccountChangeEvent``, ``/data/Deal__ChangeEvent``."""
    return f"/data/{sobject.name[:-3]}__ChangeEvent" if sobject.custom else f"/data/{sobject.name}ChangeEvent"


def object_of(schema: Schema, channel: str) -> SObject | None:
    """The object whose changes a channel tells, in any case."""
    return next((o for o in captured(schema) if channel_of(o).lower() == channel.lower()), None)


def grouped(changes: list[Change]) -> Iterator[list[Change]]:
    """Changes that one event tells: the same done to several records in one transaction."""
    group: list[Change] = []
    for change in changes:
        if group and (not group[0].same_but_record(change) or len(group) == MOST_RECORDS):
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def event(group: list[Change], sobject: SObject, access: Access, version: str, gap: str = "") -> dict[str, Any]:
    """The ``data`` of one event as this user may see it.

    Args:
        group: The changes that it tells.
        sobject: Their object.
        access: What the subscriber may read; fields that are hidden from him do not appear.
        version: The API version of the connection, in ``changeOrigin``.
        gap: Empty, or the change type of a gap event, which tells that something changed and not what.
    """
    first = group[0]
    seen = {f.name: f for f in told(sobject) if access.sees(sobject, f)}
    values = {} if gap else {name: value for name, value in first.values.items() if name in seen}
    header: dict[str, Any] = {
        "entityName": sobject.name,
        "recordIds": [change.record for change in group],
        "changeType": gap or first.kind,
        "changeOrigin": f"com/salesforce/api/rest/{version}",
        "transactionKey": str(uuid.UUID(hashlib.sha256(str(first.tx).encode()).hexdigest()[:32])),
        "sequenceNumber": first.place,
        "commitTimestamp": first.at * 1000,
        "commitNumber": first.tx,
        "commitUser": first.user or access.user_id,
    }
    if first.kind == "UPDATE" and not gap:
        header["changedFields"] = [_path(sobject, seen[name]) for name in values]
        header["nulledFields"] = [_path(sobject, seen[name]) for name, value in values.items() if value is None]
        header["diffFields"] = []
    payload: dict[str, Any] = {"ChangeEventHeader": header}
    for name, value in values.items():
        _put(payload, sobject, seen[name], _shown(seen[name], value))
    schema_id = hashlib.sha256(repr([f.name for f in told(sobject)]).encode()).hexdigest()[:22]
    return {"schema": schema_id, "payload": payload, "event": {"replayId": group[-1].seq}}


def _whole(sobject: SObject, part: Field) -> Field | None:
    """The compound field that a field is a part of."""
    return sobject.field(part.compound) if part.compound and part.compound != part.name else None


def _short(whole: Field, part: Field) -> str:
    """A part's name inside its compound: ``City`` of ``BillingAddress``."""
    prefix = whole.name.removesuffix("Address")
    return part.name.removeprefix(prefix) if whole.type in ("address", "location") else part.name


def _path(sobject: SObject, field: Field) -> str:
    whole = _whole(sobject, field)
    return field.name if whole is None else f"{whole.name}.{_short(whole, field)}"


def _put(payload: dict[str, Any], sobject: SObject, field: Field, value: Any) -> None:
    whole = _whole(sobject, field)
    if whole is None:
        # The stored whole of a person's name is told through its parts.
        if not field.compound_of:
            payload[field.name] = value
        return
    held = payload.setdefault(whole.name, {})
    held[_short(whole, field)] = value


def _shown(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    if field.type == "datetime":
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value
