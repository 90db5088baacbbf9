"""Applies the rules of Task and Event: who and what, account, closing, times; and their traces on the parents."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_org.org import relations, statuses
from local_org.org.model import Schema
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.row import Row
    from local_org.org.saving import Saver

ACTIVITY = ("Task", "Event")
DAY_MINUTES = 24 * 60
LONGEST_MINUTES = 14 * DAY_MINUTES
ARCHIVE_SECONDS = 365 * 86400


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def local_day(seconds: int, time_zone: str) -> str:
    """The calendar date of an instant in a time zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(_zone(time_zone)).date().isoformat()


def task(saver: Saver, row: Row) -> None:
    """Derive and check what a Task must obey."""
    _who_and_what(saver, row)
    if row.changes("Status") or row.created:
        closed = str(row.get("Status") or "").lower() in _closed_statuses(saver)
        was = bool(row.old and row.old.get("IsClosed"))
        row.values["IsClosed"] = int(closed)
        if closed != was or row.created:
            row.values["CompletedDateTime"] = saver.stamp if closed else None
    if row.changes("Priority"):
        row.values["IsHighPriority"] = int(str(row.get("Priority")).lower() == "high")
    duration = row.values.get("CallDurationInSeconds")
    if duration is not None and duration < 0:
        row.fail(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"Call Duration: value outside of valid range on numeric field: {duration}",
            ["CallDurationInSeconds"],
        )


def _closed_statuses(saver: Saver) -> frozenset[str]:
    held: frozenset[str] | None = saver.memory.get("closed task statuses")
    if held is None:
        held = saver.memory["closed task statuses"] = statuses.closed_task_statuses(saver.conn, saver.schema)
    return held


def _who_and_what(saver: Saver, row: Row) -> None:
    if row.whos is not None:
        _take_whos(saver, row)
    who, what = row.get("WhoId"), row.get("WhatId")
    if not row.created and not row.changes("WhoId", "WhatId"):
        return
    for name in (who, what):
        if name and name not in saver.known:
            # An update may touch one of the two only: the other still decides about the account.
            _look_up(saver, name)
    known = saver.known.get(who) if who else None
    if known is not None and known.sobject == "Lead":
        if known.extra and row.changes("WhoId"):
            row.fail("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        if what:
            message = "Leads cannot be related to other records: a task or event with a lead has no Related To ID"
            row.fail("FIELD_INTEGRITY_EXCEPTION", message, ["WhatId"])
    row.values["AccountId"] = account_of(saver, who, what)
    if row.created:
        row.values["WhoCount"] = int(who is not None)
    row.values["WhatCount"] = int(what is not None)


def _take_whos(saver: Saver, row: Row) -> None:
    """Make WhoId one of the people that the request lists, the first unless it says or keeps another."""
    whos = row.whos or []
    who = row.get("WhoId")
    if row.values.get("WhoId") is not None and who not in whos:
        whos.insert(0, who)
    elif who not in whos:
        row.values["WhoId"] = whos[0] if whos else None
    for one in whos:
        if one not in saver.known:
            _look_up(saver, one)
        known = saver.known.get(one)
        if known is None or known.deleted or not known.seen:
            row.fail("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [f"{saver.sobject.name}WhoIds"])
    row.whos = whos


def _look_up(saver: Saver, record_id: str) -> None:
    for name in ("WhoId", "WhatId"):
        target = saver.plan.references[name][1].get(record_id[:3])
        if target is not None:
            saver.look_up(target.name, [record_id])


def account_of(saver: Saver, who: str | None, what: str | None) -> str | None:
    """The account of an activity: of what it is related to, else of the contact."""
    for record_id in (what, who):
        known = saver.known.get(record_id) if record_id else None
        if known is None:
            continue
        if known.sobject == "Account":
            return record_id
        if isinstance(known.extra, str):
            return known.extra
    return None


def event(saver: Saver, row: Row) -> None:
    """Derive and check what an Event must obey."""
    _who_and_what(saver, row)
    if row.created and row.get("EventSubtype") is None:
        row.values["EventSubtype"] = "Event"
    timing = ("IsAllDayEvent", "ActivityDateTime", "StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate")
    if row.created or row.changes(*timing):
        if row.get("IsAllDayEvent"):
            _all_day(row)
        else:
            _timed(row, saver.access.time_zone)


def _given(row: Row, *names: str) -> Any:
    """The first of the fields that this save sets, else what the record holds in the first."""
    for name in names:
        if row.values.get(name) is not None and (row.created or row.changes(name)):
            return row.values[name]
    return row.get(names[0])


def _all_day(row: Row) -> None:
    moved = row.changes("StartDateTime", "ActivityDateTime")
    start = _given(row, "StartDateTime", "ActivityDateTime") if moved else None
    if row.changes("ActivityDate") and row.get("ActivityDate"):
        day = date.fromisoformat(row.get("ActivityDate"))
    elif start is not None:
        day = datetime.fromtimestamp(start, UTC).date()
    elif row.get("ActivityDate"):
        day = date.fromisoformat(row.get("ActivityDate"))
    else:
        _missing(row, ["ActivityDate"])
        return
    minutes = _all_day_minutes(row, day)
    if minutes is None:
        return
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    last = day + timedelta(minutes=minutes - DAY_MINUTES)
    row.values["StartDateTime"] = row.values["ActivityDateTime"] = midnight
    row.values["EndDateTime"] = midnight + (minutes - DAY_MINUTES) * 60
    row.values["ActivityDate"], row.values["EndDate"] = day.isoformat(), last.isoformat()
    row.values["DurationInMinutes"] = minutes


def _all_day_minutes(row: Row, day: date) -> int | None:
    minutes: int | None = row.values.get("DurationInMinutes")
    end = row.values.get("EndDateTime") if row.changes("EndDateTime") else None
    if end is not None:
        last = datetime.fromtimestamp(end, UTC).date()
        spanned = ((last - day).days + 1) * DAY_MINUTES
        if minutes is not None and row.changes("DurationInMinutes") and minutes != spanned:
            _refuse(row, "Duration and end date do not fit together", "DurationInMinutes")
            return None
        minutes = spanned
    if minutes is None:
        minutes = (row.old or {}).get("DurationInMinutes") if row.old and row.old.get("IsAllDayEvent") else None
    minutes = DAY_MINUTES if minutes is None else minutes
    if minutes >= 0:
        # A part of a day counts as the whole day.
        minutes = max(DAY_MINUTES, -(-minutes // DAY_MINUTES) * DAY_MINUTES)
    return minutes if _plausible(row, minutes) else None


def _timed(row: Row, time_zone: str) -> None:
    start = _given(row, "StartDateTime", "ActivityDateTime")
    minutes, end = row.values.get("DurationInMinutes"), row.values.get("EndDateTime")
    if row.old is not None and not row.changes("DurationInMinutes"):
        minutes = None if row.changes("EndDateTime") and end is not None else row.old.get("DurationInMinutes")
    if row.old is not None and not row.changes("EndDateTime"):
        end = None
    missing = [] if minutes is not None or end is not None else ["DurationInMinutes"]
    missing += [] if start is not None else ["ActivityDateTime"]
    if missing:
        _missing(row, missing)
        return
    if row.created and _contradict(row.values.get("StartDateTime"), row.values.get("ActivityDateTime")):
        _refuse(row, "Start and due date time must be the same", "StartDateTime")
        return
    if minutes is not None and end is not None and end - start != minutes * 60:
        _refuse(row, "Duration and end date do not fit together", "DurationInMinutes")
        return
    minutes = minutes if minutes is not None else (end - start) // 60
    if end is not None and end < start:
        _refuse(row, "End date must be on or after the start date", "EndDateTime")
    elif _plausible(row, minutes):
        _set_times(row, start, minutes, time_zone)


def _contradict(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def _set_times(row: Row, start: int, minutes: int, time_zone: str) -> None:
    end = start + minutes * 60
    row.values["StartDateTime"] = row.values["ActivityDateTime"] = start
    row.values["EndDateTime"], row.values["DurationInMinutes"] = end, minutes
    row.values["ActivityDate"], row.values["EndDate"] = local_day(start, time_zone), local_day(end, time_zone)


def _plausible(row: Row, minutes: int) -> bool:
    if minutes < 0:
        _refuse(row, "Event duration cannot be negative", "DurationInMinutes")
    elif minutes > LONGEST_MINUTES:
        _refuse(row, "Event duration cannot be longer than 14 days", "DurationInMinutes")
    return 0 <= minutes <= LONGEST_MINUTES


def _missing(row: Row, names: list[str]) -> None:
    row.fail("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)


def _refuse(row: Row, message: str, name: str) -> None:
    row.fail("FIELD_INTEGRITY_EXCEPTION", message, [name])


class Links:
    """Collects, over one call, which relations and parents the written activities touch."""

    def __init__(self) -> None:
        """Start with nothing touched."""
        self._parents: set[str] = set()
        self._activities: dict[str, list[str]] = {}
        self._whos: dict[str, list[str]] = {}
        self._gone: dict[str, str] = {}

    def note(self, saver: Saver, rows: list[Row]) -> None:
        """Remember what the rows of a batch touch."""
        kind = saver.sobject.name
        closing = ("WhoId", "WhatId", "AccountId", "ActivityDate", "IsClosed")
        for row in rows:
            if row.whos is not None:
                self._whos[str(row.id)] = row.whos
            elif row.old and row.old.get("WhoId") and row.changes("WhoId"):
                self._gone[str(row.id)] = row.old["WhoId"]
            if row.created or row.whos is not None or row.changes("WhoId", "WhatId", "AccountId"):
                self._activities.setdefault(kind, []).append(str(row.id))
            if not row.changes(*closing):
                continue
            for name in ("WhoId", "WhatId", "AccountId"):
                self._parents.update(each for each in (row.get(name), (row.old or {}).get(name)) if each)

    def settle(self, conn: sqlite3.Connection, schema: Schema, stamp: int) -> None:
        """Bring relations and LastActivityDate up to date."""
        for kind, ids in self._activities.items():
            relations.rebuild(conn, schema, kind, ids, stamp, relations.Whos(self._whos, self._gone))
        refresh_last_activity(conn, schema, self._parents, stamp)


def refresh_last_activity(conn: sqlite3.Connection, schema: Schema, parents: set[str], stamp: int) -> None:
    """Set LastActivityDate of parents: the latest closed Task or Event. Moves SystemModstamp, not LastModifiedDate."""
    by_prefix: dict[str, list[str]] = {}
    for record_id in parents:
        by_prefix.setdefault(record_id[:3], []).append(record_id)
    for sobject in schema.objects:
        ids = by_prefix.get(sobject.key_prefix or "")
        if ids and sobject.field("LastActivityDate") and sobject.name not in ACTIVITY:
            _refresh(conn, sobject.name, ids, stamp)


def _refresh(conn: sqlite3.Connection, name: str, ids: list[str], stamp: int) -> None:
    columns = {"Account": ("WhatId", "AccountId"), "Contact": ("WhoId",), "Lead": ("WhoId",)}.get(name, ("WhatId",))
    sources = " UNION ALL ".join(
        f'SELECT max("ActivityDate") AS day FROM {quoted(kind)} WHERE {quoted(column)} = p."Id" AND "IsDeleted" = 0'
        + (' AND "IsClosed" = 1' if kind == "Task" else "")
        for kind in ACTIVITY
        for column in columns
    )
    table = quoted(name)
    changed = conn.execute(
        f'SELECT p."Id", (SELECT max(day) FROM ({sources})) AS newest FROM {table} p '
        'WHERE p."Id" IN (SELECT value FROM json_each(?)) AND newest IS NOT p."LastActivityDate"',
        (json.dumps(ids),),
    ).fetchall()
    conn.executemany(
        f'UPDATE {table} SET "LastActivityDate" = ?, "SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ?',
        [(day, stamp, record_id) for record_id, day in changed],
    )


def archive(conn: sqlite3.Connection, now: int) -> int:
    """Set IsArchived on what is over a year old: plain queries no longer find it, queryAll does."""
    limit = now - ARCHIVE_SECONDS
    day = datetime.fromtimestamp(limit, UTC).date().isoformat()
    events = conn.execute('UPDATE "Event" SET "IsArchived" = 1 WHERE "IsArchived" = 0 AND "EndDateTime" < ?', (limit,))
    tasks = conn.execute(
        'UPDATE "Task" SET "IsArchived" = 1 WHERE "IsArchived" = 0 AND "IsClosed" = 1 '
        'AND coalesce("CompletedDateTime", "CreatedDate") < ? AND coalesce("ActivityDate", ?) <= ?',
        (limit, day, day),
    )
    return events.rowcount + tasks.rowcount
