"""Keeps the whole of a text that is too long for its field as notes beside the record, which the notes job carries."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from core.mapping.spec import JobSpec
from core.records import ACTIVITY_KINDS, Kind, table_of
from core.store.codec import dumps
from core.store.database import Batch
from core.store.records import by_key, save_records, typed

SOURCE = "spill"
PART = 30_000
"""Characters of one note: less than Task.Description holds, so that no note spills again."""


def attach(rows: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """The plan's rows with the whole texts, for those that write a field whose text was cut.

    Args:
        rows: a plan's rows.
        mapped: the compiled mapping's output, with ``spill:<field>`` where a field spills.
    """
    columns = [c for c in mapped.columns if c.startswith("spill:")]
    if not columns:
        return rows
    cut = mapped.select("local_id", *columns).filter(pl.any_horizontal(pl.col(c).is_not_null() for c in columns))
    if cut.is_empty():
        return rows
    whole = {
        r["local_id"]: {c.removeprefix("spill:"): r[c] for c in columns if r[c] is not None}
        for r in cut.iter_rows(named=True)
    }
    extra = [
        _with_texts(r, whole.get(r["record_id"], {}))
        for r in rows.select("record_id", "action", "fields", "extra").iter_rows(named=True)
    ]
    return rows.with_columns(extra=pl.Series(extra, dtype=pl.String))


def _with_texts(row: dict[str, Any], texts: dict[str, str]) -> str | None:
    sent = set((row["fields"] or "").split(","))
    going = {f: t for f, t in texts.items() if f in sent}
    if row["action"] not in ("create", "update") or not going:
        return str(row["extra"]) if row["extra"] is not None else None
    return dumps({**(json.loads(row["extra"]) if row["extra"] else {}), "spill": going})


def keep_notes(batch: Batch, spec: JobSpec, rows: pl.DataFrame, now: datetime) -> None:
    """Save the whole texts of rows that were written as notes of the same person, account and user.

    Args:
        batch: the transaction in which the rows are booked.
        spec: the job.
        rows: good rows of the plan: ``record_id``, ``key``, ``title``, ``extra``.
        now: our time.
    """
    spilled = rows.filter(pl.col("extra").str.contains('"spill"', literal=True))
    if spilled.is_empty():
        return
    about = _about(batch, table_of(spec.kind), spilled["record_id"])
    notes = [
        note
        for r in spilled.iter_rows(named=True)
        for field, text in json.loads(r["extra"])["spill"].items()
        for note in _notes(spec, r, about[r["record_id"]], field, text)
    ]
    frame = pl.DataFrame(notes, infer_schema_length=None).with_columns(
        source=pl.lit(SOURCE), kind=pl.lit(Kind.NOTE.value), updated_at=pl.lit(now)
    )
    _save(batch, frame, now)


def _about(batch: Batch, table: str, ids: pl.Series) -> dict[int, dict[str, Any]]:
    """The records that the texts are of, by id."""
    staged = batch.stage(pl.DataFrame({"id": ids}, schema={"id": pl.Int64}).unique())
    frame = batch.read(
        f"SELECT r.* FROM {staged} s CROSS JOIN {table} r WHERE r.workspace_id = :w AND r.id = s.id",  # noqa: S608
        w=batch.workspace_id,
    )
    return {int(r["id"]): r for r in typed(table, frame).iter_rows(named=True)}


def _notes(spec: JobSpec, row: dict[str, Any], about: dict[str, Any], field: str, text: str) -> list[dict[str, Any]]:
    pieces = [text[at : at + PART] for at in range(0, len(text), PART)]
    person = row["record_id"] if spec.kind is Kind.PERSON else about.get("person_record_id")
    account = row["record_id"] if spec.kind is Kind.ACCOUNT else about.get("account_record_id")
    day = about.get("occurred_at") if spec.kind in ACTIVITY_KINDS else about.get("updated_at")
    return [
        {
            "external_id": f"{spec.kind.value}/{row['record_id']}/{field}/{n}".lower(),
            "subject": f"{row['title']}: {field} {n} of {len(pieces)}"[:255],
            "notes": piece,
            "person_record_id": person,
            "account_record_id": account,
            **{k: about.get(k) for k in ("person_ref", "person_email", "person_phone", "account_ref", "user_email")},
            "occurred_at": day,
        }
        for n, piece in enumerate(pieces, 1)
    ]


def _save(batch: Batch, frame: pl.DataFrame, now: datetime) -> None:
    have = by_key(batch, "activity", frame.select("source", "external_id"), ("id", "source", "external_id"))
    joined = frame.join(have, on=["source", "external_id"], how="left")
    known, new = joined.filter(pl.col("id").is_not_null()), joined.filter(pl.col("id").is_null())
    if known.height:
        save_records(batch, "activity", known)
    if new.height:
        first = batch.allocate(new.height)
        numbered = new.with_columns(id=pl.int_range(first, first + new.height, dtype=pl.Int64), created_at=pl.lit(now))
        save_records(batch, "activity", numbered)
