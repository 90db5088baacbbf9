"""Replays the conflicts of the past under another policy, and counts what would have been lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from core.mapping.spec import Policy
from core.planning.conflicts import decide
from core.store.codec import INSTANT

ROWS: dict[str, Any] = {
    "at": INSTANT,
    "job": pl.String,
    "key": pl.String,
    "field": pl.String,
    "workspace": pl.String,
    "org": pl.String,
    "baseline": pl.String,
    "workspace_at": INSTANT,
    "org_at": INSTANT,
    "policy": pl.String,
    "decided": pl.String,
    "would": pl.String,
    "is_other": pl.Boolean,
    "lost": pl.String,
    "lost_side": pl.String,
    "why": pl.String,
}
"""One row per recorded conflict and policy. ``decided`` and ``would``: ours (the workspace wins), theirs, ask, same.
``lost`` is the value that the policy would have overwritten, ``lost_side`` whose it was."""
SUMMARY: dict[str, Any] = {
    "policy": pl.String,
    "conflicts": pl.Int64,
    "workspace_wins": pl.Int64,
    "org_wins": pl.Int64,
    "asks": pl.Int64,
    "workspace_lost": pl.Int64,
    "org_lost": pl.Int64,
    "newer_lost": pl.Int64,
    "other_than_decided": pl.Int64,
}
"""One row per policy. ``newer_lost``: overwritten although it was the later change."""
_CONSENT = ("opted_out_email", "do_not_call", "HasOptedOutOfEmail", "DoNotCall")
_BODY = ("field", "workspace", "org", "baseline", "workspace_at", "org_at", "decision")


def replay(events: pl.DataFrame, jobs: pl.DataFrame, policies: Sequence[Policy] = tuple(Policy)) -> pl.DataFrame:
    """Every recorded conflict under each policy; columns are those of `ROWS`.

    Conflicts whose values were erased cannot be replayed and are left out.

    Args:
        events: the ledger as `Frames.events` gives it.
        jobs: ``run_id``, ``job``.
        policies: which to try.
    """
    body = pl.col("body")
    told = events.filter((pl.col("kind") == "conflict.decided") & body.is_not_null()).select(
        "at", "run_id", key="subject", **{f"b_{n}": body.str.json_path_match(f"$.{n}") for n in _BODY}
    )
    found = told.join(jobs.select("run_id", "job").unique("run_id"), on="run_id", how="left").filter(
        pl.col("b_field").is_not_null()
    )
    if found.is_empty():
        return pl.DataFrame(schema=ROWS)
    long = found.select(
        "at", "job", "key", field="b_field", ours="b_workspace", theirs="b_org", base="b_baseline",
        ours_at=_instant("b_workspace_at"), theirs_at=_instant("b_org_at"), decided="b_decision",
        has_base=pl.col("b_baseline").is_not_null(), is_consent=pl.col("b_field").is_in(_CONSENT),
    )  # fmt: skip
    parts = [decide(long.with_columns(policy=pl.lit(p.value))) for p in policies]
    return _told(pl.concat(parts))


def _instant(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    would = pl.col("decision")
    return rows.select(
        "at", "job", "key", "field", "policy", "decided", "why", workspace="ours", org="theirs", baseline="base",
        workspace_at="ours_at", org_at="theirs_at", would=would, is_other=would != pl.col("decided"),
        lost=pl.when(would == "ours").then("theirs").when(would == "theirs").then("ours"),
        lost_side=pl.when(would == "ours").then(pl.lit("org")).when(would == "theirs").then(pl.lit("workspace")),
    ).select(pl.col(c).cast(t) for c, t in ROWS.items()).sort("at", "key", "field", "policy")  # fmt: skip


def summary(rows: pl.DataFrame) -> pl.DataFrame:
    """The replay counted by policy; columns are those of `SUMMARY`."""
    would, lost = pl.col("would"), pl.col("lost_side")
    later_here = pl.col("workspace_at") > pl.col("org_at")
    newer = ((lost == "workspace") & later_here) | ((lost == "org") & (pl.col("org_at") > pl.col("workspace_at")))
    counted = rows.group_by("policy").agg(
        conflicts=pl.len(),
        workspace_wins=(would == "ours").sum(),
        org_wins=(would == "theirs").sum(),
        asks=(would == "ask").sum(),
        workspace_lost=(lost == "workspace").sum(),
        org_lost=(lost == "org").sum(),
        newer_lost=newer.fill_null(value=False).sum(),
        other_than_decided=pl.col("is_other").sum(),
    )
    return counted.select(pl.col(c).cast(t) for c, t in SUMMARY.items()).sort("policy")
