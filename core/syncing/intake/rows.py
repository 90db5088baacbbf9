"""Takes a chunk of accounts, people or activities into the store in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from core.connections.intake import Row
from core.store.database import Batch
from core.store.records import by_key, columns_of, save_records, typed
from core.syncing.intake import references
from core.syncing.intake.decide import Answer, content_hash, decide, dumps, merged
from core.syncing.intake.erased import keep_out

TABLE_OF = {"accounts": "account", "people": "person", "activities": "activity"}
_LIGHT = ("id", "source", "external_id", "hash", "updated_at", "deleted_at")
_CARRIED = ("account_id", "account_domain")
"""Columns of a person's row that name an account; kept among the custom fields until that account is known."""
_PERSON_KEYS = (("id", "person_ref"), ("email", "person_email"), ("phone", "person_phone"))
OPTED_OUT = "the person has opted out of calls"

Key = tuple[str, str]
Record = dict[str, Any]


def take_rows(batch: Batch, kind: str, rows: Sequence[Row], now: datetime) -> list[Answer]:
    """Create, change and delete as the rows say; rows of one key follow one another in their order.

    Args:
        batch: The transaction.
        kind: accounts, people or activities.
        rows: Checked and good, at most one chunk.
        now: When they arrived.
    """
    table = TABLE_OF[kind]
    said = keep_out(batch, kind, rows)
    if table == "person" and any(said):
        rest = iter(_take(batch, kind, [r for r, why in zip(rows, said, strict=True) if not why], now))
        return [
            Answer(row.external_id, "rejected", why) if why else next(rest) for row, why in zip(rows, said, strict=True)
        ]
    answers = _take(batch, kind, rows, now)
    return [_with_note(answer, why) for answer, why in zip(answers, said, strict=True)]


def _take(batch: Batch, kind: str, rows: Sequence[Row], now: datetime) -> list[Answer]:
    """`take_rows` for rows of which nobody was erased."""
    table = TABLE_OF[kind]
    digests = [content_hash(row) for row in rows]
    notes = _attach_accounts(batch, rows) if table == "person" else [""] * len(rows)
    notes = _flag_calls(batch, rows) if table == "activity" else notes
    known = _known(batch, table, rows, digests)
    touched: dict[Key, set[str]] = {}
    answers = []
    for row, digest, note in zip(rows, digests, notes, strict=True):
        key = (row.source, row.external_id)
        decision = decide(row, known.get(key), now, table=table, digest=digest)
        if decision.sets:
            known[key] = merged(known.get(key) or _blank(table), decision.sets)
            touched.setdefault(key, set()).update(decision.sets)
        answers.append(_with_note(decision.answer, note))
    _save(batch, table, known, touched)
    if table == "account" and touched:
        attach_people(batch)
    return answers


def _known(batch: Batch, table: str, rows: Sequence[Row], digests: Sequence[str]) -> dict[Key, Record]:
    """The stored records that the rows name; those whose rows say nothing new with a few columns only."""
    told = pl.DataFrame(
        [
            (row.source, row.external_id, digest, bool(row.values.get("deleted")))
            for row, digest in zip(rows, digests, strict=True)
        ],
        schema={"source": pl.String, "external_id": pl.String, "digest": pl.String, "deletes": pl.Boolean},
        orient="row",
    )
    light = by_key(batch, table, told, _LIGHT)
    compared = told.join(light, on=["source", "external_id"])
    # A null hash compares to null, which is as new as a different one.
    same = (pl.col("digest") == pl.col("hash")).fill_null(value=False) & (
        pl.col("deletes") == pl.col("deleted_at").is_not_null()
    )
    new = compared.filter(~same).select("source", "external_id").unique()
    whole = by_key(batch, table, new) if new.height else typed(table, pl.DataFrame(schema=columns_of(table)))
    found = {(r["source"], r["external_id"]): r for r in light.iter_rows(named=True)}
    found.update({(r["source"], r["external_id"]): r for r in whole.iter_rows(named=True)})
    return found


def _blank(table: str) -> Record:
    return dict.fromkeys(columns_of(table))


def _save(batch: Batch, table: str, known: dict[Key, Record], touched: dict[Key, set[str]]) -> None:
    """Write what was decided; a newer time alone is no change, and gets no new number."""
    quiet = {"updated_at", "hash"}
    new = [known[k] for k in touched if known[k].get("id") is None]
    if new:
        first = batch.allocate(len(new))
        for number, record in enumerate(new, first):
            record["id"] = number
    fresh = {id(record) for record in new}
    changed = [known[k] for k in touched if id(known[k]) not in fresh and not touched[k] <= quiet]
    moved = [known[k] for k in touched if id(known[k]) not in fresh and touched[k] <= quiet]
    if new:
        save_records(
            batch, table, _frame(table, new, [c for c in columns_of(table) if any(r[c] is not None for r in new)])
        )
    if changed:
        columns = {"id", *(c for k in touched for c in touched[k])}
        if table == "activity":
            columns.add("kind")  # says which jobs to wake
        save_records(batch, table, _frame(table, changed, [c for c in columns_of(table) if c in columns]))
    if moved:
        frame = _frame(table, moved, ["id", "updated_at", "hash"])
        batch.update(
            table, frame.with_columns(pl.lit(batch.workspace_id).alias("workspace_id")), ("workspace_id", "id")
        )


def _frame(table: str, found: Sequence[Record], columns: Iterable[str]) -> pl.DataFrame:
    types = columns_of(table)
    return pl.DataFrame(
        {c: pl.Series(c, [r[c] for r in found], dtype=types[c]) for c in columns if c not in ("workspace_id", "seq")}
    )


def _with_note(answer: Answer, note: str) -> Answer:
    if not note or answer.result not in ("created", "updated"):
        return answer
    return Answer(
        answer.external_id, answer.result, f"{answer.reason}; {note}" if answer.reason else note, answer.field
    )


def _attach_accounts(batch: Batch, rows: Sequence[Row]) -> list[str]:
    """Turn the accounts that people's rows name into record ids; an unknown one is remembered and said."""
    refs = {ref for row in rows for ref in _account_refs(row)}
    found = references.find(batch, "account", refs)
    return [_attach_account(row, found) if any(c in row.values for c in _CARRIED) else "" for row in rows]


def _account_refs(row: Row) -> list[tuple[str, str, str]]:
    given = (("id", row.values.get("account_id")), ("domain", row.values.get("account_domain")))
    return [(row.source, how, value) for how, value in given if value]


def _attach_account(row: Row, found: dict[tuple[str, str, str], list[int]]) -> str:
    refs = _account_refs(row)
    given = {column: row.values.pop(column) for column in _CARRIED if column in row.values}
    matches = next((found[ref] for ref in refs if found[ref]), [])
    row.values["account_record_id"] = matches[0] if len(matches) == 1 else None
    fields = row.values.get("fields", {})
    keep = given if len(matches) != 1 else dict.fromkeys(_CARRIED)
    if fields is not None or any(keep.values()):
        row.values["fields"] = {**(fields or {}), **keep}
    if len(matches) == 1 or not refs:
        return ""
    if matches:
        return f"{len(matches)} accounts answer to '{refs[0][2]}', so it is attached to none"
    return f"account '{refs[0][2]}' is not known yet; it is attached when it comes"


def attach_people(batch: Batch) -> None:
    """Attach the people whose account was not known when they came; for whoever brings accounts in."""
    waiting = batch.read(
        "SELECT id, source, fields FROM person WHERE workspace_id = :w AND account_record_id IS NULL "
        "AND (fields LIKE '%\"account_id\"%' OR fields LIKE '%\"account_domain\"%')",
        w=batch.workspace_id,
    )
    people = [(i, source, json.loads(text)) for i, source, text in waiting.iter_rows()]
    refs = {
        i: [(s, how, str(f[c])) for c, how in zip(_CARRIED, ("id", "domain"), strict=True) if f.get(c)]
        for i, s, f in people
    }
    found = references.find(batch, "account", {ref for each in refs.values() for ref in each})
    attached = []
    for i, _, fields in people:
        matches = next((found[ref] for ref in refs[i] if found[ref]), [])
        if len(matches) == 1:
            rest = {k: v for k, v in fields.items() if k not in _CARRIED}
            attached.append({"id": i, "account_record_id": matches[0], "fields": dumps(rest) if rest else None})
    if attached:
        save_records(batch, "person", _frame("person", attached, ("id", "account_record_id", "fields")))


def _flag_calls(batch: Batch, rows: Sequence[Row]) -> list[str]:
    """Say of calls that they went to somebody who had opted out of calls; they are taken in all the same."""
    named = [_person_refs(row) if row.values.get("kind") == "call" else [] for row in rows]
    found = references.find(batch, "person", {ref for refs in named for ref in refs})
    out = references.opted_out(batch, {record for each in found.values() for record in each})
    return [OPTED_OUT if any(out & set(found[ref]) for ref in refs) else "" for refs in named]


def _person_refs(row: Row) -> list[tuple[str, str, str]]:
    given = ((how, row.values.get(column)) for how, column in _PERSON_KEYS)
    return [(row.source, how, value) for how, value in given if value]
