"""Applies an inbound plan: records, links, baselines, results of one batch in one transaction."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from core.mapping.spec import JobSpec
from core.records import ACTIVITY_KINDS, Kind, table_of
from core.store import links
from core.store.codec import dumps
from core.store.database import Batch
from core.store.records import save_records
from core.syncing import books, succeed
from core.syncing.context import Context
from core.syncing.intake.rows import attach_people
from core.syncing.scope import SEGMENTS

STORE_NAMES = {
    "user": "user_email",
    "created_on": "created_on_at",
    "account": "account_record_id",
    "person": "person_record_id",
}
INSTANT_FIELDS = ("updated_at", "occurred_at", "created_on")
SOURCE = "salesforce"


def apply_batch(ctx: Context, spec: JobSpec, run_id: str, number: int) -> None:
    """Do one batch, or nothing if it is done already."""
    now = ctx.now()
    with ctx.db.batch(ctx.workspace_id, origin=f"{spec.name} {run_id}", actor="org") as batch:
        rows = batch.read(
            "SELECT c.* FROM change c JOIN run r ON r.plan_id = c.plan_id WHERE r.run_id = :r AND c.batch = :n"
            " AND NOT EXISTS (SELECT 1 FROM record_result x WHERE x.run_id = :r AND x.row = c.row) ORDER BY c.row",
            r=run_id,
            n=number,
        )
        if rows.is_empty():
            return
        rows = rows.with_columns(pl.col("record_id").cast(pl.Int64))
        # Merges and conversions first: an heir may go on as the record that is here already.
        succeed.follow(batch, spec, run_id, rows, now)
        created = _create(batch, spec, rows.filter(pl.col("action") == "create"), now)
        changed = rows.filter(pl.col("action") != "create")
        _update(batch, spec, changed.filter(pl.col("action") == "update"))
        _delete(batch, spec, changed.filter(pl.col("action") == "delete"), now)
        _archive(batch, spec, changed.filter(pl.col("action") == "archive"), now)
        _restore(batch, spec, changed.filter(pl.col("action").is_in(["update", "link", "restore"])))
        _hand_over(batch, spec, changed)
        if spec.kind is Kind.ACCOUNT:
            attach_people(batch)
        done = pl.concat([created, changed])
        _link(batch, spec, run_id, _linkable(done), now)
        books.book(batch, spec, run_id, done, now)
        batch.execute(
            "UPDATE batch SET state = 'done', done_at = :at WHERE run_id = :r AND number = :n",
            at=now,
            r=run_id,
            n=number,
        )


def refresh_baselines(ctx: Context, spec: JobSpec, run_id: str) -> None:
    """Record the stamps of rows that change nothing here, and hand over to outbound jobs what is theirs to send."""
    now = ctx.now()
    with ctx.db.batch(ctx.workspace_id) as batch:
        rows = batch.read(
            "SELECT c.* FROM change c JOIN run r ON r.plan_id = c.plan_id WHERE r.run_id = :r AND c.action = 'none'"
            " AND ((c.outcome = 'unchanged' AND c.baseline IS NOT NULL) OR c.cause = 'ours')",
            r=run_id,
        )
        if rows.height:
            rows = rows.with_columns(pl.col("record_id").cast(pl.Int64))
            _hand_over(batch, spec, rows)
            _link(batch, spec, run_id, rows, now)


def _create(batch: Batch, spec: JobSpec, rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    if rows.is_empty():
        return rows
    first = batch.allocate(rows.height)
    rows = rows.with_columns(record_id=pl.int_range(first, first + rows.height, dtype=pl.Int64))
    frame = _decoded(spec, rows).with_columns(
        id=rows["record_id"],
        source=pl.lit(SOURCE),
        created_at=pl.lit(now),
        external_id=rows["org_id"].str.to_lowercase(),
    )
    if spec.kind in ACTIVITY_KINDS:
        frame = frame.with_columns(kind=pl.lit(spec.kind.value))
        if "occurred_at" not in frame.columns and "created_on_at" in frame.columns:
            # A task has no time of its own: it counts for the day on which it was made.
            frame = frame.with_columns(occurred_at="created_on_at")
    save_records(batch, table_of(spec.kind), frame)
    return rows


def _update(batch: Batch, spec: JobSpec, rows: pl.DataFrame) -> None:
    for _, group in rows.group_by("fields", maintain_order=True):
        frame = _decoded(spec, group).drop("external_id", strict=False)
        if frame.width:
            frame = frame.with_columns(id=group["record_id"])
            save_records(batch, table_of(spec.kind), _keeping_custom(batch, spec, frame))


def _keeping_custom(batch: Batch, spec: JobSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Custom fields that the job does not carry stay as they are."""
    if "fields" not in frame.columns:
        return frame
    staged = batch.stage(frame.select("id"))
    have = batch.read(
        f"SELECT r.id, r.fields FROM {table_of(spec.kind)} r JOIN {staged} s ON s.id = r.id"  # noqa: S608
        " WHERE r.workspace_id = :w",
        w=batch.workspace_id,
    )
    old = {int(i): json.loads(t) if t else {} for i, t in have.iter_rows()}
    merged = [dumps({**old.get(i, {}), **json.loads(t)}) for i, t in frame.select("id", "fields").iter_rows()]
    return frame.with_columns(fields=pl.Series(merged, dtype=pl.String))


def _decoded(spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Payloads of one or several signatures as columns of the store's table."""
    names = sorted({n for t in rows["fields"].drop_nulls() for n in t.split(",") if n})
    struct = pl.Struct(dict.fromkeys(names, pl.String))
    wide = rows.select(pl.col("payload").str.json_decode(struct).alias("p")).unnest("p") if names else pl.DataFrame()
    custom = [n for n in names if n.startswith("fields.")]
    out = wide.select(_store_column(spec, n).alias(_store_name(spec, n)) for n in names if n not in custom)
    if custom:
        parsed = wide.select(pl.struct(pl.col(c).alias(c.removeprefix("fields.")) for c in custom).struct.json_encode())
        # Side by side and not as a column more: without another column there is nothing to add one to.
        out = pl.concat([out, _with_lists(parsed.to_series(), custom).alias("fields").to_frame()], how="horizontal")
    return out


def _with_lists(texts: pl.Series, custom: list[str]) -> pl.Series:
    """Custom fields as JSON text, with the segments as the list that they are."""
    if SEGMENTS not in custom:
        return texts
    name = SEGMENTS.removeprefix("fields.")
    return pl.Series([dumps({**f, name: json.loads(f[name]) if f[name] else None}) for f in map(json.loads, texts)])


def _store_name(spec: JobSpec, name: str) -> str:
    if spec.kind is Kind.PERSON and name == "source":
        return "lead_source"
    return STORE_NAMES.get(name, name)


def _store_column(spec: JobSpec, name: str) -> pl.Expr:
    column = pl.col(name)
    if name in INSTANT_FIELDS:
        return column.str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us", strict=False)
    if name in ("account", "person", "duration_s"):
        return column.cast(pl.Int64, strict=False)
    if name in ("opted_out_email", "do_not_call"):
        return pl.when(column == "true").then(pl.lit(value=True)).when(column == "false").then(pl.lit(value=False))
    return column


def _linkable(done: pl.DataFrame) -> pl.DataFrame:
    """Rows that say something of their link; one that left a segment was not read."""
    said = pl.col("action").is_in(["create", "update", "link", "restore"]) & (pl.col("cause") != "left_scope")
    # What an undo brings back has no record in the org any more.
    said &= (pl.col("action") != "restore") | pl.col("baseline").is_not_null()
    return done.filter(said)


def _archive(batch: Batch, spec: JobSpec, rows: pl.DataFrame, now: datetime) -> None:
    """Keep and hide what has left the filter; its link, its values and its history stay."""
    save_records(batch, table_of(spec.kind), rows.select(id="record_id").with_columns(archived_at=pl.lit(now)))


def _restore(batch: Batch, spec: JobSpec, rows: pl.DataFrame) -> None:
    """Bring back what is in the filter again."""
    table = table_of(spec.kind)
    staged = batch.stage(rows.filter(pl.col("cause") != "left_scope").select(id="record_id"))
    hidden = batch.read(
        f"SELECT r.id FROM {table} r JOIN {staged} s ON s.id = r.id WHERE r.workspace_id = :w"  # noqa: S608
        " AND r.archived_at IS NOT NULL",
        w=batch.workspace_id,
    ).with_columns(pl.col("id").cast(pl.Int64))
    save_records(batch, table, hidden.with_columns(archived_at=pl.lit(None, dtype=pl.Datetime("us", "UTC"))))
    undone = rows.filter((pl.col("action") == "restore") & ~pl.col("record_id").is_in(hidden["id"].to_list()))
    succeed.bring_back(batch, table, undone["record_id"])


def _hand_over(batch: Batch, spec: JobSpec, rows: pl.DataFrame) -> None:
    """Have outbound jobs look at the records whose newer values are left to them.

    Their marks may have passed a record before it was decided that ours counts: a source that sends the same again,
    with a newer time, gives it no new number of change. Without one, each job would leave the field to the other.
    """
    extras = [json.loads(t) if t else {} for t in rows["extra"].to_list()]
    left = pl.Series([bool(e.get("is_left_to_outbound")) for e in extras], dtype=pl.Boolean)
    save_records(batch, table_of(spec.kind), rows.filter(left).select(id="record_id").unique())


def _delete(batch: Batch, spec: JobSpec, rows: pl.DataFrame, now: datetime) -> None:
    if rows.is_empty():
        return
    frame = rows.select(id="record_id").with_columns(deleted_at=pl.lit(now), updated_at=pl.lit(now))
    save_records(batch, table_of(spec.kind), frame)
    links.end(batch, rows["org_id"], "deleted", now)


def _link(batch: Batch, spec: JobSpec, run_id: str, rows: pl.DataFrame, now: datetime) -> None:
    if rows.is_empty():
        return
    stamps = [json.loads(t) if t else {} for t in rows["extra"].to_list()]
    frame = rows.select("record_id", "org_id", "sobject", "baseline", "action").with_columns(
        org_stamp_at=_instants(stamps, "stamp"),
        org_modified_at=_instants(stamps, "modified"),
        evidence=pl.Series([str(s.get("rule") or "") for s in stamps]),
    )
    have = links.of_org(batch, frame["org_id"])
    old = frame.join(have.select("org_id"), on="org_id", how="semi")
    staged = batch.stage(old.select("org_id", "baseline", "org_stamp_at", "org_modified_at"))
    batch.execute(
        "UPDATE link SET baseline = COALESCE(s.baseline, link.baseline), org_stamp_at = s.org_stamp_at,"  # noqa: S608
        f" org_modified_at = s.org_modified_at, updated_at = :at FROM {staged} AS s"
        " WHERE link.workspace_id = :w AND link.state = 'active' AND link.org_id = s.org_id",
        at=now,
        w=batch.workspace_id,
    )
    new = frame.join(have.select("org_id"), on="org_id", how="anti")
    how = pl.when(pl.col("action") == "create").then(pl.lit("created_in")).otherwise("evidence")
    links.add(
        batch,
        new.select(
            "record_id", "org_id", "sobject", "baseline", "org_stamp_at", "org_modified_at", "evidence", how=how
        ).with_columns(
            table_name=pl.lit(table_of(spec.kind)), job=pl.lit(spec.name), run_id=pl.lit(run_id),
            created_at=pl.lit(now), updated_at=pl.lit(now),
        ),
    )  # fmt: skip


def _instants(stamps: list[dict[str, Any]], name: str) -> pl.Series:
    text = pl.Series([s.get(name) for s in stamps], dtype=pl.String)
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us", strict=False)
