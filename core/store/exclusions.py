"""Keeps the workspace's exclusion lists: domains and people that no job carries over, in either direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from core.errors import UsageError
from core.store import setting
from core.store.database import Database
from core.values import domains, emails

KEY = "exclusions"
KINDS = ("domain", "person")


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What is excluded: registrable domains, and e-mail addresses of people, in lower case."""

    domains: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.domains or self.people)


def read(db: Database, workspace_id: int) -> Exclusions:
    """The lists as they are."""
    kept = setting.get(db, workspace_id, KEY) or {}
    return Exclusions(frozenset(kept.get("domain", ())), frozenset(kept.get("person", ())))


def change(db: Database, workspace_id: int, kind: str, values: Iterable[str], *, exclude: bool) -> list[str]:
    """Put values on a list, or take them off; returns them as they are kept.

    Raises:
        UsageError: there is no such list, or a value is no domain or e-mail address.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no exclusion list of {kind}.", hint=f"Lists: {', '.join(KINDS)}.")
    named = sorted({_normal(kind, v) for v in values})
    kept = setting.get(db, workspace_id, KEY) or {}
    lists = {k: set(kept.get(k, ())) for k in KINDS}
    lists[kind] = lists[kind] | set(named) if exclude else lists[kind] - set(named)
    setting.put(db, workspace_id, KEY, {k: sorted(v) for k, v in lists.items()})
    return named


def _normal(kind: str, value: str) -> str:
    found = domains.from_website(value) if kind == "domain" else emails.normalize(pl.Series([value])).item(0)
    if not found:
        what = "a domain, like example.com" if kind == "domain" else "an e-mail address"
        raise UsageError(f"'{value}' is not {what}.")
    return str(found)
