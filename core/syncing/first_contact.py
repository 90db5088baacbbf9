"""Finds the other half of records that meet for the first time, by the job's match keys: inbound here, outbound there.

Outbound the org is asked before anything is created: a record that is there already is linked and not made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from core.connections.salesforce import frames, soql
from core.identity.keys import POINTS, Key, keys_of, match_first, normalized
from core.identity.match import CANDIDATE
from core.mapping.spec import KEY_PARTS, JobSpec, PairSpec, Role
from core.planning.filters import passes
from core.planning.outbound import CONTACTS, Ground
from core.records import table_of
from core.schema.describe import OrgObject
from core.store import links
from core.store.database import Batch
from core.syncing.context import Context
from core.syncing.rulings import Rulings

MATCHES: dict[str, Any] = {
    "Id": pl.String,
    "record_id": pl.Int64,
    "status": pl.String,
    "rule": pl.String,
    "candidates": pl.List(CANDIDATE),
}
"""Columns of inbound first-contact matches."""
USUAL = {"email": "Email", "domain": "Website"}
"""The org fields of these parts where the mapping of an inbound job does not name them."""
POINTED = ("email", "phone", "domain")
LIKE_AT_ONCE = 40


def inbound(batch: Batch, spec: JobSpec, pair: PairSpec, loose: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Unlinked workspace records that unlinked org rows certainly are; columns of :data:`MATCHES`.

    Args:
        batch: the transaction.
        spec: the job.
        pair: the object pair.
        loose: captured rows without a link.
        accounts: a lookup column of the rows, and ``account_record_id``: the linked accounts.
    """
    keys = [k for k in keys_of(pair.match) if all(p == "account" or _columns(pair, loose, p) for p in k.parts)]
    if loose.is_empty() or not keys:
        return pl.DataFrame(schema=MATCHES)
    left = pl.concat([_org_points(pair, loose, part, accounts) for part in _parts(keys)])
    right = _here(batch, table_of(spec.kind), keys, left)
    order = loose.sort("CreatedDate", "Id").select(left="Id")
    found = match_first(left, right, order, keys)
    numbered = pl.struct(pl.element().alias("record_id"), pl.lit("").alias("rule"))
    named = found.with_columns(pl.col("candidates").list.eval(numbered))
    rows = [
        {
            "Id": r["left"], "record_id": r["right"], "status": r["status"], "rule": r["rule"],
            "candidates": [{**c, "rule": r["rule"]} for c in r["candidates"]],
        }
        for r in named.iter_rows(named=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=MATCHES)


def _parts(keys: Iterable[Key]) -> list[str]:
    return list(dict.fromkeys(p for k in keys for p in k.parts))


def _columns(pair: PairSpec, rows: pl.DataFrame, part: str) -> list[str]:
    """The captured columns that hold a part of a key."""
    wanted = KEY_PARTS.get(part, (part,))
    named = [m.source for m in pair.mappings if m.target in wanted and m.source] or [USUAL.get(part, "")]
    have = {c.lower(): c for c in rows.columns}
    return [have[n.lower()] for n in named if n.lower() in have]


def _org_points(pair: PairSpec, rows: pl.DataFrame, part: str, accounts: pl.DataFrame) -> pl.DataFrame:
    if part == "account":
        column = accounts.columns[0]
        known = rows.select("Id", column).join(accounts, on=column) if column in rows.columns else accounts.clear()
        values = known["account_record_id"].cast(pl.String)
        return _points("left", known["Id"], part, values) if "Id" in known.columns else _no_points("left", pl.String)
    return pl.concat([_points("left", rows["Id"], part, rows[c]) for c in _columns(pair, rows, part)])


def _points(side: str, ids: pl.Series, part: str, values: pl.Series) -> pl.DataFrame:
    held = values.cast(pl.String) if part == "account" else normalized(part, values)
    frame = pl.DataFrame({side: ids, "value": held}, schema={side: ids.dtype, "value": pl.String})
    return frame.select(side, pl.lit(part).alias("part"), "value").drop_nulls("value")


def _no_points(side: str, kind: Any) -> pl.DataFrame:
    return pl.DataFrame(schema={side: kind, **POINTS})


# Inbound: what there is here


def _here(batch: Batch, table: str, keys: Sequence[Key], left: pl.DataFrame) -> pl.DataFrame:
    """Points of free workspace records that agree with a row in the first part of some key."""
    heads = list(dict.fromkeys(k.parts[0] for k in keys))
    found = pl.concat([_candidates(batch, table, p, left.filter(pl.col("part") == p)["value"]) for p in heads])
    staged = batch.stage(found.unique())
    free = batch.read(
        f"SELECT r.* FROM {table} r JOIN {staged} s ON s.record_id = r.id WHERE r.workspace_id = :w"  # noqa: S608
        " AND r.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM link l WHERE l.workspace_id = r.workspace_id"
        " AND l.table_name = :t AND l.record_id = r.id AND l.state = 'active')",
        w=batch.workspace_id, t=table,
    ).with_columns(pl.col("id").cast(pl.Int64))  # fmt: skip
    points = batch.read(
        f"SELECT c.record_id AS \"right\", c.kind AS part, c.value FROM contact_point c JOIN {staged} s"  # noqa: S608
        " ON s.record_id = c.record_id WHERE c.workspace_id = :w AND c.table_name = :t",
        w=batch.workspace_id, t=table,
    ).select(pl.col("right").cast(pl.Int64), pl.col("part", "value").cast(pl.String))  # fmt: skip
    plain = [_own_points(free, part) for part in _parts(keys) if part not in POINTED]
    return pl.concat([points.join(free.select(right="id"), on="right", how="semi"), *plain])


def _own_points(free: pl.DataFrame, part: str) -> pl.DataFrame:
    if part == "account":
        return _points("right", free["id"], part, free["account_record_id"])
    if part.startswith("fields."):
        name = part.removeprefix("fields.")
        told = [(json.loads(t) if t else {}).get(name) for t in free["fields"]]
        return _points(
            "right", free["id"], part, pl.Series([None if v is None else str(v) for v in told], dtype=pl.String)
        )
    return _points("right", free["id"], part, free[_stored(part)])


def _stored(part: str) -> str:
    return "lead_source" if part == "source" else part


def _candidates(batch: Batch, table: str, part: str, values: pl.Series) -> pl.DataFrame:
    """Numbers of records whose value of one part is among these."""
    staged = batch.stage(values.unique().to_frame("value"))
    if part in POINTED:
        text = (
            f"SELECT c.record_id FROM contact_point c JOIN {staged} s ON s.value = c.value"  # noqa: S608
            " WHERE c.workspace_id = :w AND c.table_name = :t AND c.kind = :k"
        )
        frame = batch.read(text, w=batch.workspace_id, t=table, k=part)
    elif part.startswith("fields."):
        text = f"SELECT id AS record_id FROM {table} WHERE workspace_id = :w AND fields LIKE :k"  # noqa: S608
        frame = batch.read(text, w=batch.workspace_id, k=f'%"{part.removeprefix("fields.")}"%')
    else:
        held = "CAST(r.account_record_id AS TEXT)" if part == "account" else f"LOWER(TRIM(r.{_stored(part)}))"
        text = (
            f"SELECT r.id AS record_id FROM {table} r JOIN {staged} s ON s.value = {held}"  # noqa: S608
            " WHERE r.workspace_id = :w"
        )
        frame = batch.read(text, w=batch.workspace_id)
    return frame.select(pl.col("record_id").cast(pl.Int64))


# Outbound: what there is in the org


def outbound(ctx: Context, spec: JobSpec, pair: PairSpec, rows: pl.DataFrame, found: Ground, made: Rulings) -> Ground:
    """The ground with links to org records that new records turn out to be, and with those that could be several."""
    org = ctx.org(pair.sobject)
    fresh = _fresh(spec, rows, found)
    targets = {p: _targets(pair, org, p) for k in keys_of(pair.match) for p in k.parts}
    keys = [k for k in keys_of(pair.match) if all(targets[p] for p in k.parts)]
    contacts = _decided(fresh, made)
    asked = fresh.join(contacts, on="local_id", how="anti")
    if asked.height and keys:
        contacts = pl.concat([contacts, _found(ctx, pair, asked, found, keys, targets)])
    met = contacts.filter(pl.col("org_id").is_not_null()).select(
        "org_id", pl.lit(None, dtype=pl.String).alias("baseline"), "local_id"
    )
    return replace(found, links=pl.concat([found.links.select(met.columns), met]), contacts=contacts)


def _fresh(spec: JobSpec, rows: pl.DataFrame, found: Ground) -> pl.DataFrame:
    """The records that would be created."""
    new = rows.join(found.links, on="local_id", how="anti").join(found.elsewhere, on="local_id", how="anti")
    alive = pl.col("deleted_at").is_null() & passes(spec.filters, dict(rows.schema))
    if "archived_at" in rows.columns:
        alive &= pl.col("archived_at").is_null()
    return new.filter(alive).sort("local_id")


def _targets(pair: PairSpec, org: OrgObject, part: str) -> list[str]:
    """The org's fields that hold a part of a key and that a query may filter by."""
    wanted = KEY_PARTS.get(part, (part,))
    fields = [org.field(m.target) for m in pair.mappings if m.source in wanted and m.role is not Role.KEY]
    return [f.name for f in fields if f is not None and f.filterable]


def _decided(fresh: pl.DataFrame, made: Rulings) -> pl.DataFrame:
    picked = {i: made.org_picks[i] for i in fresh["local_id"] if i in made.org_picks}
    rows = [
        {"local_id": i, "org_id": o, "status": "unique" if o else "none", "rule": "decided", "candidates": []}
        for i, o in picked.items()
    ]
    return pl.DataFrame(rows, schema=CONTACTS)


def _found(
    ctx: Context,
    pair: PairSpec,
    fresh: pl.DataFrame,
    found: Ground,
    keys: Sequence[Key],
    targets: dict[str, list[str]],
) -> pl.DataFrame:
    left = pl.concat([_local_points(pair, fresh, part, found) for part in _parts(keys)])
    fields = list(dict.fromkeys(["Id", *(f for names in targets.values() for f in names)]))
    there = _read(ctx, pair, fields, keys, left, targets)
    with ctx.db.reading(ctx.workspace_id) as batch:
        there = there.join(links.of_org(batch, there["Id"]).select(Id="org_id"), on="Id", how="anti")
    held = [_points("right", there["Id"], p, there[f]) for p in _parts(keys) for f in targets[p]]
    matched = match_first(left, pl.concat(held), fresh.select(left="local_id"), keys)
    return matched.select(local_id="left", org_id="right", status="status", rule="rule", candidates="candidates")


def _local_points(pair: PairSpec, rows: pl.DataFrame, part: str, found: Ground) -> pl.DataFrame:
    if part == "account":
        homes = rows.select("local_id", record_id="account_record_id").join(found.accounts, on="record_id")
        return _points("left", homes["local_id"], part, homes["org_id"])
    names = [n for n in KEY_PARTS.get(part, (part,)) if n in rows.columns]
    return pl.concat([_no_points("left", pl.Int64), *(_points("left", rows["local_id"], part, rows[n]) for n in names)])


def _read(
    ctx: Context, pair: PairSpec, fields: list[str], keys: Sequence[Key], left: pl.DataFrame, targets: dict[str, Any]
) -> pl.DataFrame:
    """The org's records that may agree in the first part of some key; what certainly agrees is judged here."""
    # A converted lead is over: its contact is asked for by the job of contacts.
    where = soql.eq("IsConverted", value=False) if pair.sobject.lower() == "lead" else ""
    heads = dict.fromkeys(k.parts[0] for k in keys)
    statements = [
        s
        for part in heads
        for field in targets[part]
        for s in _statements(pair, fields, field, part, left.filter(pl.col("part") == part)["value"].unique(), where)
    ]
    records = [r for s in dict.fromkeys(statements) for r in ctx.gateway.query(s)]
    return frames.to_frame(records, fields, {}).unique("Id", maintain_order=True)


def _statements(
    pair: PairSpec, fields: list[str], field: str, part: str, values: pl.Series, where: str
) -> Iterator[str]:
    """Text compares without case in SOQL; numbers and websites are written in many ways, so these are asked wider."""
    if part not in ("phone", "domain"):
        yield from soql.queries_in(fields, pair.sobject, field, values.to_list(), where=where)
        return
    told = [v[-4:] if part == "phone" else v for v in values.sort()]
    for at in range(0, len(told), LIKE_AT_ONCE):
        wide = soql.any_of(*(soql.contains(field, v) for v in dict.fromkeys(told[at : at + LIKE_AT_ONCE])))
        yield soql.select(fields, pair.sobject, soql.all_of(wide, where))
