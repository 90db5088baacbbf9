"""Decides field by field who is right, from our value, the org's value and the baseline.

Every row of ``docs/decision-table.md`` is a test of this module.
"""

from __future__ import annotations

import polars as pl

TIE_SECONDS = 1
"""Changes that close together are a tie: the org wins, and the decision says so."""

_TIMES = ("ours_at", "theirs_at")
_INSTANT = pl.Datetime("us", "UTC")
DECISIONS = ("same", "ours", "theirs", "ask")


def decide(long: pl.DataFrame) -> pl.DataFrame:
    """Add ``decision`` and ``why`` to every compared field.

    Args:
        long: one row per record and field with ``ours``, ``theirs``, ``base`` String (canonical text),
            ``has_base`` Boolean, ``ours_at``, ``theirs_at`` Datetime(us, UTC) or null, ``policy`` String
            (last_update_wins, org_wins, workspace_wins, ask); further columns pass through. Where given, ``is_consent``
            Boolean marks opt-outs (``true`` is out), ``is_released`` Boolean that a person has opted them in again
            here, ``is_silent`` Boolean that our empty value says nothing, ``is_filler`` Boolean that the org's value,
            where the baseline knows none, is its own default for what we did not send, ``ruling`` String (ours, theirs
            or null) what a person has decided about these two values.

    Returns:
        The frame with ``decision`` (one of :data:`DECISIONS`), ``why`` String, ``both_changed`` Boolean, and
        ``is_opt_in`` Boolean: one side would opt a person in again, which waits for a person.
    """
    ours, theirs, base = (canonical_text(pl.col(c)) for c in ("ours", "theirs", "base"))
    has_base = pl.col("has_base")
    ours_changed = has_base & ours.ne_missing(base)
    theirs_changed = has_base & theirs.ne_missing(base)
    contested = ~has_base | (ours_changed & theirs_changed)
    silent = _given(long, "is_silent") & has_base
    ruling = pl.col("ruling") if "ruling" in long.columns else pl.lit(None, dtype=pl.String)
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
        .when(ruling.is_not_null())
        .then(ruling)
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
        .when(ruling.is_not_null())
        .then(pl.lit("decided by a person"))
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
    return _sticky(settled) if "is_consent" in long.columns else settled.with_columns(is_opt_in=pl.lit(value=False))


def ruled(long: pl.DataFrame, key: str, rulings: pl.DataFrame | None) -> pl.DataFrame:
    """The fields with the ``ruling`` that a person has made, as long as both values are those decided on.

    Args:
        long: rows ``key``, ``field``, ``ours``, ``theirs``.
        key: the column that names the record.
        rulings: ``key``, ``field``, ``ours``, ``theirs``, ``ruling`` String; ``None`` without any.
    """
    if rulings is None or rulings.is_empty():
        return long.with_columns(ruling=pl.lit(None, dtype=pl.String))
    by = [key, "field", "_ours", "_theirs"]
    plain = (canonical_text(pl.col(c)).alias(f"_{c}") for c in ("ours", "theirs"))
    made = rulings.with_columns(plain).select(*by, "ruling").unique(by)
    plain = (canonical_text(pl.col(c)).alias(f"_{c}") for c in ("ours", "theirs"))
    return long.with_columns(plain).join(made, on=by, how="left", nulls_equal=True).drop("_ours", "_theirs")


def disputes(judged: pl.DataFrame, key: str, deleted: str = "") -> pl.DataFrame:
    """What a person has to decide, per record: ``key`` and ``_disputes``, a JSON list with both values and times.

    Args:
        judged: the fields in question: ``key``, ``field``, ``ours``, ``theirs``, ``base``; times where known.
        key: the column that names the record.
        deleted: the side (org, workspace) on which the whole record was deleted, where that is what it is about.
    """
    times = [pl.col(c) if c in judged.columns else pl.lit(None, dtype=_INSTANT).alias(c) for c in _TIMES]
    stated = judged.with_columns(times).with_columns(pl.col(c).dt.strftime("%Y-%m-%dT%H:%M:%SZ") for c in _TIMES)
    one = pl.struct(
        "field", workspace="ours", org="theirs", baseline="base", workspace_at="ours_at", org_at="theirs_at",
        deleted=pl.lit(deleted),
    ).struct.json_encode()  # fmt: skip
    return (
        stated.sort(key, "field")
        .select(key, one.alias("_one"))
        .group_by(key, maintain_order=True)
        .agg((pl.lit("[") + pl.col("_one").str.join(",") + pl.lit("]")).alias("_disputes"))
    )


def _given(long: pl.DataFrame, flag: str) -> pl.Expr:
    return pl.col(flag).fill_null(value=False) if flag in long.columns else pl.lit(value=False)


def _sticky(judged: pl.DataFrame) -> pl.DataFrame:
    """An opt-out on either side stands, whatever the times and the policy: only a person takes it back."""
    here, there, was = ((pl.col(c) == "true").fill_null(value=False) for c in ("ours", "theirs", "base"))
    stands = pl.col("is_consent").fill_null(value=False) & (here != there)
    out_side = pl.when(here).then(pl.lit("ours")).otherwise(pl.lit("theirs"))
    # Somebody was opted in again here, by hand, and the org has not opted them out anew since.
    released = stands & there & was & pl.col("has_base") & _given(judged, "is_released")
    said_in = (pl.when(here).then("theirs").otherwise("ours") == "false").fill_null(value=False)
    taken_back = stands & was & said_in & pl.col("has_base") & ~released
    ruling = pl.col("ruling") if "ruling" in judged.columns else pl.lit(None, dtype=pl.String)
    ruled_out = (ruling == out_side).fill_null(value=False)
    return judged.with_columns(
        pl.when(released)
        .then(pl.lit("ours"))
        .when(taken_back & ~ruled_out)
        .then(pl.lit("ask"))
        .when(stands)
        .then(out_side)
        .otherwise("decision")
        .alias("decision"),
        pl.when(released)
        .then(pl.lit("a person has opted them in again"))
        .when(taken_back & ~ruled_out)
        .then(pl.lit("only a person may opt somebody in again"))
        .when(stands)
        .then(pl.lit("an opt-out stands until a person takes it back"))
        .otherwise("why")
        .alias("why"),
        (taken_back & ~ruled_out).alias("is_opt_in"),
    )


def canonical_text(value: pl.Expr) -> pl.Expr:
    """A value as it is compared."""
    # The org trims trailing white space and stores an empty text as null; CRLF and LF are one line end.
    plain = value.str.replace_all("\r\n", "\n", literal=True).str.strip_chars_end()
    return pl.when(plain == "").then(None).otherwise(plain)
