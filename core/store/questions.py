"""Finds the open rows that ask a person something, a page at a time, and counts them by what they ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from core.planning.choices import BY_CAUSE, Asks
from core.store.database import Database

_DELETED = " OR ".join(f"""disputes LIKE '%"deleted":"{side}"%'""" for side in ("org", "workspace"))
_ASKS = (
    f"CASE WHEN outcome = 'in_doubt' THEN '{Asks.IN_DOUBT}' WHEN cause = 'conflict' AND ({_DELETED}) THEN"
    f" '{Asks.DELETE}' WHEN cause = 'conflict' THEN '{Asks.CONFLICT}'"
    + "".join(f" WHEN cause = '{cause}' THEN '{kind}'" for cause, kind in BY_CAUSE.items())
    + " END"
)
"""The rule of `core.planning.choices.asks` for the database."""
_ASKING = (
    f"SELECT o.*, {_ASKS} AS asks FROM open_row o WHERE workspace_id = :w AND NOT is_aside"
    " AND (CAST(:job AS TEXT) IS NULL OR job = :job) AND (CAST(:subject AS TEXT) IS NULL OR subject = :subject)"
    " AND job IN (SELECT name FROM job WHERE workspace_id = :w) AND (CAST(:text AS TEXT) IS NULL"
    " OR LOWER(title) LIKE :text ESCAPE '!' OR LOWER(key) LIKE :text ESCAPE '!'"
    " OR LOWER(COALESCE(org_id, '')) LIKE :text ESCAPE '!' OR LOWER(COALESCE(reason, '')) LIKE :text ESCAPE '!'"
    " OR LOWER(COALESCE(disputes, '')) LIKE :text ESCAPE '!')"
)
_PAGE = (
    f"SELECT * FROM ({_ASKING}) a WHERE asks IS NOT NULL AND (CAST(:kind AS TEXT) IS NULL OR asks = :kind)"
    f" ORDER BY CASE WHEN asks = '{Asks.ORPHAN}' THEN 1 ELSE 0 END, first_at, job, subject LIMIT :n OFFSET :skip"
)
_BY_KIND = f"SELECT asks, COUNT(*) AS n FROM ({_ASKING}) a WHERE asks IS NOT NULL GROUP BY asks"


def page(db: Database, workspace_id: int, only: Mapping[str, Any], most: int, skip: int) -> pl.DataFrame:
    """Open rows that ask, with ``asks`` (one of `Asks`): the oldest first, those of unknown people last.

    Args:
        db: the store.
        workspace_id: whose.
        only: ``job``, ``kind``, ``subject`` and ``text`` (as `core.store.codec.containing` makes it), each or ``None``.
        most: so many at most.
        skip: leave out so many first.
    """
    return db.read(_PAGE, {**only, "n": most, "skip": skip}, w=workspace_id)


def by_kind(db: Database, workspace_id: int, only: Mapping[str, Any]) -> dict[str, int]:
    """How many rows ask what; ``only`` as for `page`, without ``kind``."""
    found = db.read(_BY_KIND, dict(only), w=workspace_id)
    return {str(kind): int(n) for kind, n in found.iter_rows()}
