"""Answers getUpdated and getDeleted: which rows changed in a window, and up to when the answer can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_org.org import sharing
from local_org.org.engine import BIN_SECONDS
from local_org.org.model import OrgFault, SObject
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.session import Session

OLDEST_START = 30 * 86400
"""How far back a window may begin, in seconds."""
SHORTEST = 60
"""A window is longer than a minute, in seconds."""
MOST_IDS = 600_000


@dataclass(frozen=True, slots=True)
class Updated:
    """Ids of live rows created or changed in the window; times in seconds since 1970."""

    ids: list[str]
    latest_date_covered: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """Rows deleted (or merged away) in the window, with when; times in seconds since 1970."""

    records: list[tuple[str, int]]
    earliest_date_available: int
    latest_date_covered: int


def updated(session: Session, name: str, start: int, end: int) -> Updated:
    """Rows whose SystemModstamp lies in the window, both ends included.

    ``latest_date_covered`` never passes the start of a transaction that is still open: the next window begins there.

    Raises:
        OrgFault: INVALID_REPLICATION_DATE for a window that is too old or too short; EXCEEDED_ID_LIMIT.
    """
    sobject, covered = _window(session, name, start, end)
    if start < session.org.clock.now() - OLDEST_START:
        raise OrgFault("INVALID_REPLICATION_DATE", "startDate is too far in the past")
    live = ' AND "IsDeleted" = 0' if sobject.field("IsDeleted") else ""
    live += _seen(session, sobject)
    found = session.org.connection().execute(
        f'SELECT "Id" FROM {quoted(sobject.name)} t WHERE "SystemModstamp" BETWEEN ? AND ?{live} '
        'ORDER BY "SystemModstamp", "Id" LIMIT ?',
        (start, end, MOST_IDS + 1),
    )
    ids = [record_id for (record_id,) in found]
    _within_limit(len(ids))
    return Updated(ids, covered)


def deleted(session: Session, name: str, start: int, end: int) -> Deleted:
    """Rows deleted in the window that are still in the recycle bin; merge losers are among them.

    ``earliest_date_available`` after ``start`` means that older deletions have been forgotten: read everything anew.

    Raises:
        OrgFault: INVALID_REPLICATION_DATE for a window that is too short; EXCEEDED_ID_LIMIT.
    """
    sobject, covered = _window(session, name, start, end)
    org = session.org
    earliest = org.clock.now() - BIN_SECONDS
    if sobject.field("IsDeleted") is None:
        return Deleted([], earliest, covered)
    found = org.connection().execute(
        f'SELECT "Id", "SystemModstamp" FROM {quoted(sobject.name)} t '
        f'WHERE "IsDeleted" = 1 AND "SystemModstamp" BETWEEN ? AND ?{_seen(session, sobject)} '
        'ORDER BY "SystemModstamp", "Id" LIMIT ?',
        (max(start, earliest), end, MOST_IDS + 1),
    )
    records = [(record_id, when) for record_id, when in found]
    _within_limit(len(records))
    return Deleted(records, earliest, covered)


def _seen(session: Session, sobject: SObject) -> str:
    """The condition that leaves out what the user may not see."""
    found = sharing.condition(session.org.schema, session.access, sobject, "t")
    return "" if found is None else f" AND {found}"


def _window(session: Session, name: str, start: int, end: int) -> tuple[SObject, int]:
    """The object, and how far the answer covers; read before the rows are, so that it cannot promise too much."""
    sobject = session.sobject(name)
    if not sobject.replicateable or sobject.field("SystemModstamp") is None:
        raise OrgFault("INVALID_TYPE", f"sObject type '{sobject.name}' is not replicable")
    if end - start < SHORTEST:
        raise OrgFault("INVALID_REPLICATION_DATE", "The endDate must be at least one minute greater than the startDate")
    return sobject, min(end, session.org.covered())


def _within_limit(count: int) -> None:
    if count > MOST_IDS:
        raise OrgFault("EXCEEDED_ID_LIMIT", f"The query returned more than {MOST_IDS} ids: use a shorter window")
