"""Finds the people and accounts that intake rows name by id, e-mail, phone or domain, for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from core.store.database import Batch
from core.values import domains, emails, ids, phones

_NORMALIZED = {"email": emails.normalize, "phone": phones.normalize, "domain": domains.from_websites}


def find(batch: Batch, table: str, refs: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], list[int]]:
    """Record ids for each reference ``(source, how, value)``, where ``how`` is id, email, phone or domain.

    An id is looked for as the source's own external id, as the org Id of a linked record, as any source's external
    id, and as our own id; the first that finds anything counts. Deleted records are not found.
    """
    wanted = {ref for ref in refs if ref[2]}
    found: dict[tuple[str, str, str], list[int]] = {ref: [] for ref in wanted}
    if not wanted:
        return found
    by_id = pl.DataFrame(
        [
            (s, v, v.lower(), ids.normalize_id(v), int(v) if v.isdecimal() and v.isascii() and len(v) < 19 else None)
            for s, how, v in wanted
            if how == "id"
        ],
        schema={"source": pl.String, "given": pl.String, "key": pl.String, "org_id": pl.String, "own": pl.Int64},
        orient="row",
    )
    for source, given, record in _by_id(batch, table, by_id).iter_rows():
        found[(source, "id", given)].append(record)
    for how in _NORMALIZED:
        for source, given, record in _by_point(
            batch, table, how, [(s, v) for s, h, v in wanted if h == how]
        ).iter_rows():
            found[(source, how, given)].append(record)
    return {ref: sorted(records) for ref, records in found.items()}


def _by_id(batch: Batch, table: str, refs: pl.DataFrame) -> pl.DataFrame:
    nothing = pl.DataFrame(schema={"source": pl.String, "given": pl.String, "id": pl.Int64})
    out = [nothing]
    # The frame stands first in a CROSS JOIN, so that SQLite seeks in the table; see `core.store.records`.
    alive = "r.workspace_id = :w AND r.deleted_at IS NULL"
    for joined in (
        f"CROSS JOIN {table} r WHERE {alive} AND r.source = s.source AND r.external_id = s.key",
        f"CROSS JOIN link l CROSS JOIN {table} r WHERE l.workspace_id = :w AND l.org_id = s.org_id "
        f"AND l.table_name = '{table}' AND l.state = 'active' AND {alive} AND r.id = l.record_id",
        f"CROSS JOIN (SELECT DISTINCT source FROM {table} WHERE workspace_id = :w) k CROSS JOIN {table} r "  # noqa: S608
        f"WHERE {alive} AND r.source = k.source AND r.external_id = s.key",
        f"CROSS JOIN {table} r WHERE {alive} AND r.id = s.own",
    ):
        if refs.is_empty():
            break
        sql = f"SELECT s.source, s.given, r.id FROM {batch.stage(refs)} s {joined}"  # noqa: S608
        rows = batch.read(sql, w=batch.workspace_id).cast({"id": pl.Int64}).unique()
        out.append(rows)
        refs = refs.join(rows, on=["source", "given"], how="anti")
    return pl.concat(out)


def _by_point(batch: Batch, table: str, how: str, refs: list[tuple[str, str]]) -> pl.DataFrame:
    frame = pl.DataFrame(refs, schema={"source": pl.String, "given": pl.String}, orient="row")
    frame = frame.with_columns(value=_NORMALIZED[how](frame["given"])).drop_nulls("value")
    if frame.is_empty():
        return frame.select("source", "given", id=pl.lit(0, dtype=pl.Int64))
    return batch.read(
        f"SELECT s.source, s.given, p.record_id AS id FROM {batch.stage(frame)} s CROSS JOIN contact_point p "  # noqa: S608
        "WHERE p.workspace_id = :w AND p.table_name = :t AND p.kind = :k AND p.value = s.value",
        w=batch.workspace_id,
        t=table,
        k=how,
    )


def opted_out(batch: Batch, people: set[int]) -> set[int]:
    """Those of the people who have opted out of calls."""
    if not people:
        return set()
    staged = batch.stage(pl.DataFrame({"id": sorted(people)}))
    rows = batch.read(
        f"SELECT r.id FROM {staged} s CROSS JOIN person r "  # noqa: S608
        "WHERE r.workspace_id = :w AND r.id = s.id AND r.do_not_call",
        w=batch.workspace_id,
    )
    return set(rows["id"])
