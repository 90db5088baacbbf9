"""Takes in what is told about people and accounts that are known: opt-outs, engagement scores, segments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from core.connections.intake import Row
from core.store import ledger
from core.store.database import Batch
from core.store.records import columns_of, save_records, typed
from core.syncing.intake import references
from core.syncing.intake.decide import Answer, dumps
from core.values.times import instant_text

CHANNELS = {"email": "opted_out_email", "phone": "do_not_call"}
_SAID = {"email": "e-mail", "phone": "calls"}
_REFS = {
    "person": (("id", "person_id"), ("email", "person_email")),
    "account": (("id", "account_id"), ("domain", "account_domain")),
}
_READ = {
    "person": ("id", "fields", "updated_at", "hash", *CHANNELS.values()),
    "account": ("id", "fields", "updated_at", "hash"),
}


@dataclass
class _State:
    """The records in question, as they are while the rows are taken in one after the other."""

    records: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    touched: dict[str, dict[int, None]] = field(default_factory=lambda: {"person": {}, "account": {}})
    lines: list[tuple[str, str]] = field(default_factory=list)
    """Ledger lines of consent: subject and detail."""

    def set(self, table: str, record: int, **values: Any) -> None:
        self.records[table][record].update(values)
        self.touched[table][record] = None


def take_members(batch: Batch, kind: str, rows: Sequence[Row], now: datetime, actor: str) -> list[Answer]:
    """Apply opt-outs, scores or segment memberships.

    Args:
        batch: The transaction.
        kind: optouts, scores or segments.
        rows: Checked and good, at most one chunk.
        now: When they arrived.
        actor: Who sent them.
    """
    found = {table: references.find(batch, table, _refs(table, rows)) for table in _REFS}
    state = _State()
    for table, refs in found.items():
        state.records[table] = _load(batch, table, {i for each in refs.values() for i in each})
    answers = [_take(kind, row, found, state, now) for row in rows]
    for table, touched in state.touched.items():
        columns = [c for c in _READ[table] if c not in ("hash",)]
        types = columns_of(table)
        frame = pl.DataFrame(
            {c: pl.Series(c, [state.records[table][i][c] for i in touched], dtype=types[c]) for c in columns}
        )
        save_records(batch, table, frame)
    _write_consent(batch, state, now, actor)
    return answers


def _take(kind: str, row: Row, found: dict[str, Any], state: _State, now: datetime) -> Answer:
    table, matches, named = _matches(row, found)
    name = row.external_id or named
    if kind == "optouts" and row.values["opted_out"] is not True:
        return Answer(name, "rejected", "only a person may opt somebody in again; intake never does", "opted_out")
    if not matches:
        return Answer(name, "rejected", f"no {table} '{named}' is known; send it first", table)
    at = row.values.get("at") or now
    if kind == "optouts":
        # Whoever shares the address is opted out: one mail too few is mended, one too many is not.
        return Answer(name, _opt_out(row, matches, state, at))
    if len(matches) > 1:
        return Answer(name, "rejected", f"'{named}' is {len(matches)} records; name one by its id", table)
    given = _score(row) if kind == "scores" else _segments(row, state.records[table][matches[0]])
    return Answer(name, _set_fields(table, matches[0], given, state, at))


def _matches(row: Row, found: dict[str, Any]) -> tuple[str, list[int], str]:
    for table, keys in _REFS.items():
        given = [(how, row.values[column]) for how, column in keys if row.values.get(column)]
        if given:
            lists = [found[table][(row.source, how, value)] for how, value in given]
            return table, next((each for each in lists if each), []), str(given[0][1])
    return "person", [], ""


def _opt_out(row: Row, matches: Sequence[int], state: _State, at: datetime) -> str:
    channel = row.values["channel"]
    column = CHANNELS[channel]
    result = "unchanged"
    for record in matches:
        known = state.records["person"][record]
        if known[column] is not True:
            state.set("person", record, **{column: True, "updated_at": _later(at, known["updated_at"])})
            state.lines.append(
                (f"person/{record}", f"opted out of {_SAID[channel]}; told by {row.source}, as of {instant_text(at)}")
            )
            result = "updated"
    return result


def _score(row: Row) -> dict[str, Any]:
    given = {c: row.values[c] for c in ("engagement_score", "last_engagement_at") if c in row.values}
    return {c: instant_text(v) if isinstance(v, datetime) else v for c, v in given.items()}


def _segments(row: Row, known: dict[str, Any]) -> dict[str, Any]:
    before = json.loads(known["fields"] or "{}").get("segments") or []
    rest = [name for name in before if name != row.values["segment"]]
    if row.values.get("member") is False:
        return {"segments": rest or None}
    return {"segments": before if row.values["segment"] in before else [*before, row.values["segment"]]}


def _set_fields(table: str, record: int, given: dict[str, Any], state: _State, at: datetime) -> str:
    known = state.records[table][record]
    before = json.loads(known["fields"] or "{}")
    after = {k: v for k, v in {**before, **given}.items() if v is not None}
    if after == before:
        return "unchanged"
    state.set(table, record, fields=dumps(after) if after else None, updated_at=_later(at, known["updated_at"]))
    return "updated"


def _later(at: datetime, known: datetime | None) -> datetime:
    return at if known is None else max(at, known)


def _refs(table: str, rows: Sequence[Row]) -> set[tuple[str, str, str]]:
    return {
        (row.source, how, row.values[column]) for row in rows for how, column in _REFS[table] if row.values.get(column)
    }


def _load(batch: Batch, table: str, wanted: set[int]) -> dict[int, dict[str, Any]]:
    if not wanted:
        return {}
    staged = batch.stage(pl.DataFrame({"id": sorted(wanted)}))
    names = ", ".join(f"r.{c}" for c in _READ[table])
    frame = batch.read(
        f"SELECT {names} FROM {staged} s CROSS JOIN {table} r WHERE r.workspace_id = :w AND r.id = s.id",  # noqa: S608
        w=batch.workspace_id,
    )
    return {r["id"]: r for r in typed(table, frame).iter_rows(named=True)}


def _write_consent(batch: Batch, state: _State, now: datetime, actor: str) -> None:
    """One line per change of consent: who said so, and when."""
    lines = pl.DataFrame(state.lines, schema={"subject": pl.String, "detail": pl.String}, orient="row")
    constants = {"at": now, "actor": actor, "kind": "consent"}
    nulls = pl.lit(None, dtype=pl.String)
    ledger.write_many(
        batch, lines.with_columns(*(pl.lit(v).alias(k) for k, v in constants.items()), run_id=nulls, body=nulls)
    )
