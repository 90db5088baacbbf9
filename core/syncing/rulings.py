"""Reads what people have decided about a job's open rows, so that the next plan carries it out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.mapping.spec import JobSpec
from core.records import Direction
from core.syncing.context import Context

FIELDS = {"field": pl.String, "ours": pl.String, "theirs": pl.String, "ruling": pl.String}
"""One ruling: for these two values of a field, ``ours`` or ``theirs`` stands."""


@dataclass(frozen=True)
class Rulings:
    """Decisions by subject: the record's number outbound, the org Id inbound.

    Attributes:
        fields: ``local_id`` Int64 or ``Id`` String, and the columns of :data:`FIELDS`.
        may_delete: subjects that may be deleted although the other side changed them.
        picks: subject -> the workspace record that is meant; ``None`` where it is none of those there are.
        org_picks: subject -> the org record that it is; ``None`` where it is none of those there are.
    """

    fields: pl.DataFrame
    may_delete: tuple[Any, ...]
    picks: dict[Any, int | None]
    org_picks: dict[Any, str | None]


def of(ctx: Context, spec: JobSpec) -> Rulings:
    """The decisions that wait for the job's next plan."""
    frame = ctx.db.read(
        "SELECT subject, decision FROM open_row WHERE workspace_id = :w AND job = :j AND decision IS NOT NULL",
        w=ctx.workspace_id,
        j=spec.name,
    )
    outbound = spec.direction is Direction.OUTBOUND
    key, kind = ("local_id", int) if outbound else ("Id", str)
    made = [(kind(subject), json.loads(text)) for subject, text in frame.iter_rows()]
    rows = [{key: s, **{c: f[c] for c in FIELDS}} for s, d in made for f in d.get("fields") or []]
    return Rulings(
        pl.DataFrame(rows, schema={key: pl.Int64 if outbound else pl.String, **FIELDS}),
        tuple(s for s, d in made if d.get("may_delete")),
        {s: d["record_id"] for s, d in made if "record_id" in d},
        {s: d["org_id"] for s, d in made if "org_id" in d},
    )
