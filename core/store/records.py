"""Writes accounts, people and activities as sets, with all that follows from a write, and reads them back.

Whoever changes a record, intake or an inbound job, comes through `save_records`: fresh numbers of change, the contact
points by which records are found, and the waking of outbound jobs all happen in the caller's one transaction.

Staged frames stand first in a CROSS JOIN: SQLite then goes through them and seeks in the table by its index. Left to
itself it takes an unanalyzed table for small, and goes through the whole frame once for each of the table's rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Boolean, Integer
from sqlmodel import SQLModel

from core.errors import StoreError
from core.records import Kind, table_of
from core.store import consent
from core.store.codec import INSTANT, UtcTime
from core.store.database import Batch, Database, quoted
from core.values import domains, emails, phones

TABLES = ("account", "person", "record", "activity")
PHONE_COLUMNS = {"account": ("phone",), "record": ("phone",), "person": ("phone", "mobile_phone", "other_phone")}
_CONTACT_COLUMNS = {
    "account": (*PHONE_COLUMNS["account"], "domain", "website", "fields", "deleted_at"),
    "person": (*PHONE_COLUMNS["person"], "email", "fields", "deleted_at"),
    "record": (*PHONE_COLUMNS["record"], "fields", "deleted_at"),
}
_POINTS: dict[str, type[pl.DataType]] = {"record_id": pl.Int64, "kind": pl.String, "value": pl.String}
# What a column that may not be NULL gets when a new record comes without it; its own id works as a key as well.
_FILLED = {"source": "''", "external_id": "CAST(s.id AS TEXT)", "kind": "''"}


@lru_cache(maxsize=len(TABLES))
def columns_of(table: str) -> dict[str, pl.DataType]:
    """The columns of a record table, with the types that frames of it have.

    Raises:
        StoreError: it is not a table of records.
    """
    if table not in TABLES:
        raise StoreError(f"{table} is not a table of records")
    return {column.name: _dtype(column.type) for column in SQLModel.metadata.tables[table].columns}


def typed(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its columns in the table's types, so that a column of nulls is one of instants or numbers.

    Raises:
        StoreError: the frame has a column that the table lacks.
    """
    types = columns_of(table)
    unknown = [name for name in frame.columns if name not in types]
    if unknown:
        raise StoreError(f"{table} has no column {', '.join(unknown)}")
    return frame.with_columns(
        pl.col(name).cast(types[name])
        for name, dtype in frame.schema.items()
        if dtype != types[name] and not dtype.is_nested()
    )


def save_records(batch: Batch, table: str, frame: pl.DataFrame) -> None:
    """Add or change records; only the frame's columns are written, and they get numbers of change in its order.

    Args:
        batch: The transaction that the write belongs to.
        table: account, person, record or activity.
        frame: ``id`` (new ones from `Batch.allocate`), each once, and any of the table's columns. Absence is by
            column: rows that leave different values alone come as merged values, or in frames of their own.

    Raises:
        StoreError: an id is missing or comes twice, or the table lacks a column.
        ConsentBreach: an opt-out would be taken back, which only a person may do.
    """
    frame = typed(table, frame.drop("workspace_id", "seq", strict=False))
    if frame.is_empty():
        return
    if frame["id"].null_count() or frame["id"].n_unique() < frame.height:
        raise StoreError("records are saved by id, each once")
    if table == "person":
        consent.keep(batch, frame)
    first = batch.allocate(frame.height)
    frame = frame.with_columns(
        pl.lit(batch.workspace_id).alias("workspace_id"), pl.int_range(first, first + frame.height).alias("seq")
    )
    staged = batch.stage(frame)
    known = _update(batch, table, staged, frame.columns)
    if known < frame.height:
        _insert(batch, table, staged, frame.columns)
    if table in _CONTACT_COLUMNS and set(_CONTACT_COLUMNS[table]) & set(frame.columns):
        if known:
            _drop_contact_points(batch, table, staged)
        _add_contact_points(batch, table, frame, staged)
    wake_jobs(batch, _kinds(batch, table, frame, staged))


def load_records(
    db: Database,
    workspace_id: int,
    table: str,
    *,
    ids: Iterable[int] | None = None,
    after_seq: int | None = None,
    up_to_seq: int | None = None,
    kinds: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> pl.DataFrame:
    """Records in the order of their last change, deleted ones included; ``fields`` stays JSON text.

    Args:
        db: Where they are.
        workspace_id: Whose they are.
        table: account, person, record or activity.
        ids: Only these.
        after_seq: Only those changed after this number.
        up_to_seq: Only those last changed at or before this number.
        kinds: Only activities of these kinds.
        columns: Only these columns; all where empty.
    """
    clauses, params = ["workspace_id = :w"], {"w": workspace_id}
    more: dict[str, Any] = {}
    if ids is not None:
        clauses.append(f"id IN (SELECT {_each(db, 'ids', 'BIGINT')})")
        more["ids"] = json.dumps([int(i) for i in ids])
    if after_seq is not None:
        clauses.append("seq > :after_seq")
        more["after_seq"] = after_seq
    if up_to_seq is not None:
        clauses.append("seq <= :up_to_seq")
        more["up_to_seq"] = up_to_seq
    if kinds:
        clauses.append(f"kind IN (SELECT {_each(db, 'kinds', 'TEXT')})")
        more["kinds"] = json.dumps([str(k) for k in kinds])
    names = ", ".join(quoted(c) for c in (columns or columns_of(table)))
    frame = db.read(f"SELECT {names} FROM {table} WHERE {' AND '.join(clauses)} ORDER BY seq", params, **more)
    return typed(table, frame)


def count_records(db: Database, workspace_id: int, kind: Kind) -> int:
    """How many records of a kind there are, deleted ones included."""
    table = table_of(kind)
    only, params = (" AND kind = :k", {"k": kind.value}) if table == "activity" else ("", {})
    return int(db.one(f"SELECT COUNT(*) FROM {table} WHERE workspace_id = :w{only}", params, w=workspace_id))


def by_key(batch: Batch, table: str, keys: pl.DataFrame, columns: Sequence[str] = ()) -> pl.DataFrame:
    """The records that ``source`` and ``external_id`` of the frame name, as far as they are there."""
    staged = batch.stage(keys.select("source", "external_id").unique())
    names = ", ".join(f"r.{quoted(c)}" for c in (columns or columns_of(table)))
    frame = batch.read(
        f"SELECT {names} FROM {staged} s CROSS JOIN {table} r WHERE r.workspace_id = :w AND r.source = s.source "
        "AND r.external_id = s.external_id",
        w=batch.workspace_id,
    )
    return typed(table, frame)


def wake_jobs(batch: Batch, kinds: Iterable[str]) -> None:
    """Have the enabled outbound jobs of these kinds run at the next look, where they are set to 'as it happens'."""
    wanted = set(kinds)
    jobs = batch.read("SELECT name, spec FROM job WHERE workspace_id = :w AND is_enabled", w=batch.workspace_id)
    names = [name for name, spec in jobs.iter_rows() if _wakes(json.loads(spec or "{}"), wanted)]
    for name in names:
        batch.execute(
            "UPDATE job SET is_woken = true WHERE workspace_id = :w AND name = :n", w=batch.workspace_id, n=name
        )


def contact_points(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """What records are found by: ``record_id``, ``kind`` (phone, email, domain) and the normalized ``value``.

    A number with an extension is there twice, with and without it. Deleted records are not found.

    Args:
        table: account, person or record.
        frame: ``id``, and the table's columns of phones, e-mail, domain, website, ``fields`` and ``deleted_at``.
    """
    alive = frame.filter(pl.col("deleted_at").is_null())
    found = [_phone_points(table, alive)]
    if table == "person":
        found.append(_points(alive.select("id", value=emails.normalize(alive["email"])), "email"))
    elif table == "account":
        found += [
            _points(alive.select("id", value=domains.from_websites(alive[name])), "domain")
            for name in ("domain", "website")
        ]
    return pl.concat(found).unique(maintain_order=True)


def _dtype(kind: Any) -> pl.DataType:
    if isinstance(kind, UtcTime):
        return INSTANT
    if isinstance(kind, Boolean):
        return pl.Boolean()
    return pl.Int64() if isinstance(kind, BigInteger | Integer) else pl.String()


def _each(db: Database, name: str, sql_type: str) -> str:
    """The members of a JSON list parameter as rows: a list of any length in one statement."""
    if db.is_sqlite:
        return f"value FROM json_each(:{name})"
    return f"CAST(value AS {sql_type}) FROM json_array_elements_text(CAST(:{name} AS json))"


def _update(batch: Batch, table: str, staged: str, columns: list[str]) -> int:
    sets = ", ".join(f"{quoted(c)} = s.{quoted(c)}" for c in columns if c not in ("workspace_id", "id"))
    return batch.execute(
        f"UPDATE {table} SET {sets} FROM {staged} AS s WHERE {table}.workspace_id = :w AND {table}.id = s.id",
        w=batch.workspace_id,
    )


def _insert(batch: Batch, table: str, staged: str, columns: list[str]) -> None:
    filled = [name for name in _FILLED if name in columns_of(table)]
    plain = [name for name in columns if name not in filled]
    values = [f"s.{quoted(c)}" for c in plain]
    values += [f"COALESCE(s.{quoted(c)}, {_FILLED[c]})" if c in columns else _FILLED[c] for c in filled]
    names = ", ".join(map(quoted, plain + filled))
    batch.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {staged} AS s WHERE NOT EXISTS "
        f"(SELECT 1 FROM {table} r WHERE r.workspace_id = :w AND r.id = s.id) ORDER BY s.seq",
        w=batch.workspace_id,
    )


def _kinds(batch: Batch, table: str, frame: pl.DataFrame, staged: str) -> set[str]:
    if table != "activity":
        return {table}
    if "kind" in frame.columns:
        return set(frame["kind"].drop_nulls().unique())
    rows = batch.read(
        f"SELECT DISTINCT r.kind FROM {staged} s CROSS JOIN activity r WHERE r.workspace_id = :w AND r.id = s.id",
        w=batch.workspace_id,
    )
    return set(rows["kind"])


def _wakes(spec: dict[str, Any], kinds: set[str]) -> bool:
    as_it_happens = (spec.get("schedule") or {}).get("as_it_happens")
    return bool(as_it_happens) and spec.get("direction") == "outbound" and spec.get("kind") in kinds


def _drop_contact_points(batch: Batch, table: str, staged: str) -> None:
    batch.execute(
        "DELETE FROM contact_point WHERE workspace_id = :w AND table_name = :t "
        f"AND record_id IN (SELECT id FROM {staged})",
        w=batch.workspace_id,
        t=table,
    )


def _add_contact_points(batch: Batch, table: str, frame: pl.DataFrame, staged: str) -> None:
    names = ("id", *_CONTACT_COLUMNS[table])
    if not set(names) <= set(frame.columns):
        # Columns that were not written count as well: the points of a record are those of its whole row.
        wanted = ", ".join(f"r.{quoted(c)}" for c in names)
        frame = batch.read(
            f"SELECT {wanted} FROM {staged} s CROSS JOIN {table} r WHERE r.workspace_id = :w AND r.id = s.id",
            w=batch.workspace_id,
        )
    points = contact_points(table, typed(table, frame.select(names)))
    here = pl.lit(batch.workspace_id).alias("workspace_id"), pl.lit(table).alias("table_name")
    batch.insert("contact_point", points.with_columns(here))


def _phone_points(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    typed_in = [frame.select("id", value=pl.col(name)) for name in PHONE_COLUMNS[table]]
    numbers = pl.concat([*typed_in, _custom_phones(frame)])
    numbers = numbers.with_columns(phones.normalize(numbers["value"]))
    plain = numbers.with_columns(phones.plain_expr("value"))
    return _points(pl.concat([numbers, plain]), "phone")


def _custom_phones(frame: pl.DataFrame) -> pl.DataFrame:
    """Values of custom fields that their name gives away as phones."""
    rows = frame.filter(pl.col("fields").str.contains("(?i)phone|mobile")).select("id", "fields")
    found = [
        (record, str(value))
        for record, text in rows.iter_rows()
        for name, value in json.loads(text).items()
        if isinstance(value, str | int) and any(word in name.lower() for word in ("phone", "mobile"))
    ]
    return pl.DataFrame(found, schema={"id": pl.Int64, "value": pl.String}, orient="row")


def _points(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    return (
        frame.drop_nulls("value")
        .select(pl.col("id").alias("record_id"), pl.lit(kind).alias("kind"), "value")
        .cast(_POINTS)  # type: ignore[arg-type]
    )
