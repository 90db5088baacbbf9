"""Lays both sides of a linked record next to each other, as far as the store knows them, field by field.

The org's side is the baseline: what both sides last agreed on. What the org holds this minute only the org can tell;
``compare`` asks it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from core.mapping import canonical
from core.mapping import compile as compiling
from core.mapping.spec import JobSpec
from core.records import Direction, Kind
from core.schema.describe import OrgObject
from core.store.database import Database

RENAMED = {"id": "local_id", "user_email": "user", "created_on_at": "created_on"}


def planning_frame(kind: Kind, record: pl.DataFrame) -> pl.DataFrame:
    """A record's row with the names that mappings and filters use; custom fields as ``fields.x``."""
    frame = record.rename({k: v for k, v in RENAMED.items() if k in record.columns})
    if kind is Kind.PERSON:
        frame = frame.rename({"source": "record_source", "lead_source": "source"})
    if "due_at" in frame.columns:
        frame = frame.with_columns(pl.col("due_at").str.to_date("%Y-%m-%d", strict=False))
    custom = json.loads(record.item(0, "fields") or "{}")
    return frame.drop("fields").with_columns(
        pl.lit(None if v is None else _text(v), dtype=pl.String).alias(f"fields.{n}") for n, v in custom.items()
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def describes(db: Database, workspace_id: int) -> dict[str, OrgObject]:
    """The org objects as last described, by name in lower case."""
    rows = db.read("SELECT sobject, body FROM org_describe WHERE workspace_id = :w", w=workspace_id)
    return {name.lower(): OrgObject.from_describe(json.loads(body)) for name, body in rows.iter_rows()}


def fields(
    spec: JobSpec,
    link: Mapping[str, Any],
    record: pl.DataFrame,
    org: OrgObject,
    zone: str,
    beside: Mapping[str, str | None],
) -> list[dict[str, Any]]:
    """The mapped fields of a linked record on both sides, those that differ first.

    Args:
        spec: a job of the record's kind with a pair of the link's object.
        link: the active link with its ``baseline`` (org field -> text both last agreed on).
        record: the record's one row, with the store's columns.
        org: the link's object.
        zone: the workspace's zone.
        beside: what templates and dates take from elsewhere: ``person_name``, ``person_email``, ``account_name``,
            ``row_zone`` (the zone of the record's user).

    Returns:
        ``field`` (the target's name), ``workspace_field``, ``org_field`` (both sides' names), ``workspace``,
        ``org`` (as last agreed), ``differs``, ``writes`` (which side the
        job writes), ``job``. Values are canonical text on the side that the job writes.
    """
    base = link["baseline"]
    frame = planning_frame(spec.kind, record)
    known = {k: v for k, v in beside.items() if k != canonical.ROW_ZONE or spec.zone == "owner"}
    frame = frame.with_columns(pl.lit(v, dtype=pl.String).alias(k) for k, v in known.items())
    zone = zone if spec.zone in ("workspace", "owner") else spec.zone
    read = _outbound if spec.direction is Direction.OUTBOUND else _inbound
    rows = read(spec, base, frame, org, zone)
    for row in rows:
        row["differs"] = _plain(row["workspace"]) != _plain(row["org"])
        row["job"] = spec.name
        row["writes"] = "org" if spec.direction is Direction.OUTBOUND else "workspace"
    return sorted(rows, key=lambda r: (not r["differs"], r["field"]))


def _outbound(
    spec: JobSpec, base: dict[str, Any], frame: pl.DataFrame, org: OrgObject, zone: str
) -> list[dict[str, Any]]:
    compiled = compiling.outbound(spec, spec.pair(org.name), org, zone=zone)
    resolved = {c.target.name for c in compiled.columns if not c.read}
    origins = {m.target.lower(): m.source or m.template or "" for m in spec.pair(org.name).mappings}
    mapped = compiled.apply(frame).row(0, named=True)
    return [
        {
            "field": name,
            "workspace_field": origins.get(name.lower(), ""),
            "org_field": name,
            "workspace": mapped[f"o:{name}"],
            "org": base.get(name),
        }
        for name in compiled.targets
        if name not in resolved and name in base and mapped[f"s:{name}"]
    ]


def _inbound(
    spec: JobSpec, base: dict[str, Any], frame: pl.DataFrame, org: OrgObject, zone: str
) -> list[dict[str, Any]]:
    pair = spec.pair(org.name)
    compiled = compiling.inbound(spec, pair, org, zone=zone)
    columns = {c: pl.Series([base.get(c)], dtype=pl.String) for c in compiled.sources}
    mapped = compiled.apply(pl.DataFrame({"local_id": [1], **columns})).row(0, named=True)
    ours = _canonical(frame)
    sources = {m.target: m.source for m in pair.mappings}
    resolved = {c.target.name for c in compiled.columns if not c.read}
    return [
        {
            "field": name,
            "workspace_field": name,
            "org_field": sources.get(name) or "",
            "workspace": ours.get(name),
            "org": mapped[f"w:{name}"],
        }
        for name in compiled.targets
        if name in ours and name not in resolved and (sources.get(name) in base) and mapped[f"s:{name}"]
    ]


def _canonical(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.select(canonical.text_of(pl.col(c), t).alias(c) for c, t in frame.schema.items()).row(0, named=True)


def _plain(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").rstrip()


def kind_of(table: str, row: Mapping[str, Any]) -> Kind:
    """What a record is."""
    return Kind(row["kind"]) if table == "activity" else Kind(table)
