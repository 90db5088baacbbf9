"""Decides field by field who is right, from our value, the org's value and the baseline.

Every row of ``docs/decision-table.md`` is a test of this module.
"""

from __future__ import annotations

import polars as pl

TIE_SECONDS = 1
"""Changes that close together are a tie: the org wins, and the decision says so."""

DECISIONS = ("same", "ours", "theirs", "ask")


def decide(long: pl.DataFrame) -> pl.DataFrame:
    """Add ``decision`` and ``why`` to every compared field.

    Args:
        long: one row per record and field with ``ours``, ``theirs``, ``base`` String (canonical text),
            ``has_base`` Boolean, ``ours_at``, ``theirs_at`` Datetime(us, UTC) or null, ``policy`` String
            (last_update_wins, org_wins, workspace_wins, ask); further columns pass through. ``is_consent`` Boolean,
            where given, marks opt-outs (``true`` is out); ``is_silent`` Boolean that our empty value says nothing;
            ``is_filler`` Boolean that the org's value, where the baseline knows none, is its own default for what we
            did not send.

    Returns:
        The frame with ``decision`` (one of :data:`DECISIONS`), ``why`` String and ``both_changed`` Boolean.
    """
    ours, theirs, base = (canonical_text(pl.col(c)) for c in ("ours", "theirs", "base"))
    has_base = pl.col("has_base")
    ours_changed = has_base & ours.ne_missing(base)
    theirs_changed = has_base & theirs.ne_missing(base)
    contested = ~has_base | (ours_changed & theirs_changed)
    silent = _given(long, "is_silent") & has_base
    filler = _given(long, "is_filler") & ~has_base & ours.is_null()
    gap = (pl.col("ours_at") - pl.col("theirs_at")).dt.total_milliseconds()
    timed = gap.is_not_null()
    tie = gap.abs() <= TIE_SECONDS * 1000
    policy = pl.col("policy")
    later = pl.when(tie).then(pl.lit("theirs")).when(gap > 0).then(pl.lit("ours")).otherwise(pl.lit("theirs"))
    judged = (
        pl.when(policy == "org_wins")
        .then(pl.lit("theirs"))
        .when(policy == "workspace_wins")
        .then(pl.lit("ours"))
        .when((policy == "ask") | ~timed)
        .then(pl.lit("ask"))
        .otherwise(later)
    )
    reason = (
        pl.when(policy == "org_wins")
        .then(pl.lit("policy: the org wins"))
        .when(policy == "workspace_wins")
        .then(pl.lit("policy: the workspace wins"))
        .when(policy == "ask")
        .then(pl.lit("policy: a person decides"))
        .when(~timed)
        .then(pl.lit("a time of change is missing: a person decides"))
        .when(tie)
        .then(pl.lit("tie within one second: the org wins"))
        .when(gap > 0)
        .then(pl.lit("the workspace changed it last"))
        .otherwise(pl.lit("the org changed it last"))
    )
    settled = long.with_columns(
        pl.when(ours.eq_missing(theirs) | filler | (silent & ~theirs_changed))
        .then(pl.lit("same"))
        .when(silent)
        .then(pl.lit("theirs"))
        .when(~has_base & theirs.is_null())
        .then(pl.lit("ours"))
        .when(~has_base & ours.is_null())
        .then(pl.lit("theirs"))
        .when(contested)
        .then(judged)
        .when(ours_changed)
        .then(pl.lit("ours"))
        .otherwise(pl.lit("theirs"))
        .alias("decision"),
        pl.when(ours.eq_missing(theirs))
        .then(pl.lit("both sides are equal"))
        .when(filler)
        .then(pl.lit("the org's own default for what was not sent"))
        .when(silent)
        .then(pl.lit("the workspace says nothing of it"))
        .when(~has_base & (ours.is_null() | theirs.is_null()))
        .then(pl.lit("first contact: the side with a value fills the empty one"))
        .when(contested)
        .then(reason)
        .when(ours_changed)
        .then(pl.lit("only the workspace changed it"))
        .otherwise(pl.lit("only the org changed it"))
        .alias("why"),
        (has_base & ours_changed & theirs_changed & ours.ne_missing(theirs) & ~silent).alias("both_changed"),
    )
    return _sticky(settled) if "is_consent" in long.columns else settled


def _given(long: pl.DataFrame, flag: str) -> pl.Expr:
    return pl.col(flag).fill_null(value=False) if flag in long.columns else pl.lit(value=False)


def _sticky(judged: pl.DataFrame) -> pl.DataFrame:
    """An opt-out on either side stands, whatever the times and the policy: only a person takes it back."""
    here, there = ((pl.col(c) == "true").fill_null(value=False) for c in ("ours", "theirs"))
    stands = pl.col("is_consent").fill_null(value=False) & (here != there)
    kept = pl.when(here).then(pl.lit("ours")).otherwise(pl.lit("theirs"))
    return judged.with_columns(
        pl.when(stands).then(kept).otherwise("decision").alias("decision"),
        pl.when(stands).then(pl.lit("an opt-out stands until a person takes it back")).otherwise("why").alias("why"),
    )


def canonical_text(value: pl.Expr) -> pl.Expr:
    """A value as it is compared."""
    # The org trims trailing white space and stores an empty text as null; CRLF and LF are one line end.
    plain = value.str.replace_all("\r\n", "\n", literal=True).str.strip_chars_end()
    return pl.when(plain == "").then(None).otherwise(plain)
