"""Reads who changed the configuration, when, and what it was before and after: jobs, users, hosts, tokens, switches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from core.audit.shape import shaped
from core.store import ledger
from core.store.codec import INSTANT
from core.store.database import Database

TOPICS = (
    "job",
    "connection",
    "hosts",
    "user",
    "role",
    "token",
    "workspace",
    "list",
    "alerts",
    "exclusion",
    "vocabulary",
    "config",
)
"""First words of the ledger's kinds that are configuration; the rest of the ledger is work."""
LOG: dict[str, Any] = {
    "id": pl.Int64,
    "at": INSTANT,
    "actor": pl.String,
    "kind": pl.String,
    "subject": pl.String,
    "detail": pl.String,
    "body": pl.String,
    "total": pl.Int64,
}
"""Columns of `log`: ``body`` is the JSON of what was set, with ``before`` and ``after`` where something was changed;
``total`` is how many changes fit in all."""
_MOST_FIELDS = 200


def log(
    db: Database, workspace_id: int, *, topic: str = "", search: str = "", limit: int = 50, skip: int = 0
) -> pl.DataFrame:
    """Changes of configuration, newest first; columns are those of `LOG`.

    Args:
        db: the store.
        workspace_id: whose.
        topic: one of `TOPICS`.
        search: only those with the text, in any case, in subject, actor, kind or detail.
        limit: so many at most.
        skip: leave out so many first.
    """
    topics = (topic,) if topic in TOPICS else TOPICS
    return shaped(ledger.found(db, workspace_id, topics, search=search, limit=limit, skip=skip), LOG)


def differences(body: str | None) -> list[tuple[str, str, str]]:
    """What changed, as (where, before, after) for each value that differs; what was set where nothing was before.

    Lists of named things, such as field mappings, are compared by their names and not by their places.
    """
    found = json.loads(body) if body else {}
    if not isinstance(found, dict):
        return [("", "", _text(found))]
    if set(found) >= {"before", "after"}:
        before, after = _flat(found["before"]), _flat(found["after"])
    else:
        before, after = {}, _flat(found)
    names = [*before, *(n for n in after if n not in before)]
    changed = [(n, before.get(n, ""), after.get(n, "")) for n in names if before.get(n, "") != after.get(n, "")]
    return changed[:_MOST_FIELDS]


def _flat(value: Any, at: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        return {k: v for name, part in value.items() for k, v in _flat(part, f"{at}.{name}" if at else name).items()}
    if isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
        out: dict[str, str] = {}
        for n, part in enumerate(value):
            name = next((str(part[k]) for k in ("target", "sobject", "name", "field") if part.get(k)), str(n + 1))
            out |= _flat(part, f"{at}.{name}" if at else name)
        return out
    return {at: _text(value)} if value not in (None, "", [], {}) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
