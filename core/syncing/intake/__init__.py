"""Takes rows of files and API calls into the workspace, chunk by chunk, and answers for every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from typing import Any

from core.clock import SystemClock
from core.connections.intake import Row, check_rows
from core.connections.intake.rows import shape_of
from core.mapping.vocabulary import Vocabulary, fault
from core.records import Kind
from core.store import ledger, setting
from core.store.database import Database
from core.syncing.intake.decide import Answer
from core.syncing.intake.members import take_members
from core.syncing.intake.rows import TABLE_OF, take_rows
from core.syncing.intake.users import link_users, take_users

VOCABULARY = "vocabulary"
"""The setting that holds the team's own words."""
CHUNK_ROWS = 10_000
CHUNK_BYTES = 33_554_432
"""A chunk is one transaction: so many rows, or roughly so many bytes of long texts, whichever comes first."""

__all__ = ["Answer", "link_users", "take_each", "take_in"]


def take_in(
    db: Database,
    workspace_id: int,
    kind: str,
    rows: Iterable[Mapping[str, Any] | Row],
    *,
    actor: str,
    source_name: str = "",
    now: datetime | None = None,
) -> list[Answer]:
    """Take rows in and answer for each, in their order; a broken row never stops the others.

    Args:
        db: The store.
        workspace_id: Whose they are.
        kind: accounts, people, activities, users, optouts, scores or segments.
        rows: Objects as sent to the API, or rows of `core.connections.intake.read_file`.
        actor: Who sends them.
        source_name: What ``source`` is where a row names none, and what the ledger's line is about.
        now: When they arrive; the present moment where absent.

    Raises:
        NotFound: there is no such kind.
    """
    return list(take_each(db, workspace_id, kind, rows, actor=actor, source_name=source_name, now=now))


def take_each(
    db: Database,
    workspace_id: int,
    kind: str,
    rows: Iterable[Mapping[str, Any] | Row],
    *,
    actor: str,
    source_name: str = "",
    now: datetime | None = None,
) -> Iterator[Answer]:
    """`take_in` for files of any length: answers come as their chunk is committed, the ledger's line at the end."""
    shape_of(kind)
    at = now or SystemClock().now()
    counts: Counter[str] = Counter()
    words = Vocabulary.model_validate(setting.get(db, workspace_id, VOCABULARY) or {})
    try:
        for part in _chunks(_declared(kind, _checked(kind, rows, source_name), words)):
            answers = _take_chunk(db, workspace_id, kind, part, at, actor)
            counts.update(a.result for a in answers)
            yield from answers
    finally:
        # Also after an error or when the reader stops: what was committed is told.
        _write_line(db, workspace_id, kind, counts, actor, source_name, at)


def _checked(kind: str, rows: Iterable[Mapping[str, Any] | Row], source_name: str) -> Iterator[Row]:
    for raw in rows:
        if isinstance(raw, Row):
            raw.source = raw.source or source_name
            yield raw
        else:
            yield from check_rows(kind, [raw], source_name)


def _declared(kind: str, rows: Iterator[Row], words: Vocabulary) -> Iterator[Row]:
    """The rows, those refused in which a custom field does not hold what the team has declared."""
    for row in rows:
        fields = row.values.get("fields") if words.fields and not row.reason else None
        known = words.of(_kind_of(kind, row)) if fields else {}
        for name, value in (fields or {}).items():
            why = fault(known[name], value) if name in known else ""
            if why:
                row.reason, row.field = f"fields.{name} {why}", f"fields.{name}"
        yield row


def _kind_of(kind: str, row: Row) -> Kind:
    given = {"accounts": "account", "people": "person"}.get(kind, row.values.get("kind"))
    return Kind(given) if given in list(Kind) else Kind.NOTE


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    for first in rows:
        part, size = [], 0
        for row in chain([first], islice(rows, CHUNK_ROWS - 1)):
            part.append(row)
            size += len(row.values.get("notes") or "") + len(row.values.get("subject") or "")
            if size > CHUNK_BYTES:
                break
        yield part


def _take_chunk(db: Database, workspace_id: int, kind: str, rows: list[Row], now: datetime, actor: str) -> list[Answer]:
    good = [row for row in rows if not row.reason]
    taken: Iterator[Answer] = iter(())
    if good:
        with db.batch(workspace_id) as batch:
            if kind in TABLE_OF:
                taken = iter(take_rows(batch, kind, good, now))
            elif kind == "users":
                taken = iter(take_users(batch, good))
            else:
                taken = iter(take_members(batch, kind, good, now, actor))
    return [Answer(r.external_id, "rejected", r.reason, r.field) if r.reason else next(taken) for r in rows]


def _write_line(
    db: Database, workspace_id: int, kind: str, counts: Counter[str], actor: str, source_name: str, at: datetime
) -> None:
    told = ", ".join(f"{counts[word]} {word}" for word in ("created", "updated", "unchanged", "deleted", "rejected"))
    with db.batch(workspace_id) as batch:
        ledger.write(
            batch,
            "intake",
            kind,
            actor=actor,
            at=at,
            detail=f"{counts.total()} rows from {source_name or actor}: {told}",
        )
