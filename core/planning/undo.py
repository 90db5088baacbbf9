"""Decides what of a run can be taken back: only what still holds what the run wrote; the rest is listed."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from core.planning import plan
from core.planning.conflicts import canonical_text
from core.records import Direction, Outcome

IN_THE_BIN = "It was deleted in the org: its recycle bin keeps it for 15 days, and gives it back there."
GONE = "It is no longer there."


def rows(
    done: pl.DataFrame, now: pl.DataFrame, direction: Direction, ignored: Collection[str], consents: Collection[str]
) -> pl.DataFrame:
    """The plan that takes a run back.

    Args:
        done: what the run wrote: ``row`` Int64, ``record_id`` Int64, ``org_id``, ``sobject``, ``key``, ``title``,
            ``action``, ``payload``, ``before``, ``baseline`` String, ``is_gone`` Boolean: the record it wrote to is not
            there any more.
        now: ``row`` Int64, ``field`` String, ``now`` String: the present values of the fields it wrote.
        direction: of the run.
        ignored: fields that change by themselves and say nothing of anybody's edit.
        consents: consent fields, which an undo moves toward out only.

    Returns:
        Rows of a plan: updates back to the values before, deletes of what was created, ``restore`` of what was deleted
        here; what cannot be taken back is skipped with cause ``undo_left`` and the reason.
    """
    fields = _judged(done, now, ignored, consents)
    back = fields.filter("holds")
    left = fields.filter(~pl.col("holds")).group_by("row").agg(_left=pl.col("field").sort().str.join(", "))
    v = done.join(plan.fold(back, "row", value="was", alias="_payload"), on="row", how="left")
    v = v.join(plan.fold(back, "row", value="now", alias="_before"), on="row", how="left").join(left, "row", how="left")
    inbound = pl.lit(direction is Direction.INBOUND)
    kept = pl.col("_left").is_null()
    did = pl.col("action")
    action = (
        pl.when((did == "update") & ~pl.col("is_gone") & pl.col("_payload").is_not_null())
        .then(pl.lit("update"))
        .when((did == "create") & ~pl.col("is_gone") & kept)
        .then(pl.lit("delete"))
        .when((did == "delete") & inbound & pl.col("is_gone"))
        .then(pl.lit("restore"))
        .otherwise(pl.lit("none"))
    )
    outcomes = {"update": Outcome.UPDATED, "delete": Outcome.DELETED, "restore": Outcome.UPDATED}
    v = v.with_columns(action.alias("_action"))
    changed = pl.format("Left alone, for it changed since: {}.", pl.col("_left"))
    why = (
        pl.when(did == "delete")
        .then(pl.when(inbound).then(pl.lit("It was restored before.")).otherwise(pl.lit(IN_THE_BIN)))
        .when(pl.col("is_gone"))
        .then(pl.lit(GONE))
        .when(~kept)
        .then(changed)
    )
    doing = pl.col("_action") != "none"
    updating = pl.col("_action") == "update"
    return plan.shaped(
        v.with_columns(
            _key="key",
            _title="title",
            action="_action",
            _outcome=pl.col("_action").replace_strict(
                {k: o.value for k, o in outcomes.items()}, default=Outcome.SKIPPED.value, return_dtype=pl.String
            ),
            _cause=pl.when(doing).then(pl.lit("")).otherwise(pl.lit("undo_left")),
            _reason=pl.when(doing & ~updating).then(None).otherwise(why),
            _field=pl.when(updating).then(pl.lit("")).otherwise(pl.col("_left").fill_null("")),
            payload=pl.when(updating).then("_payload"),
            before=pl.when(updating).then("_before").when(pl.col("_action") == "delete").then("payload"),
        )
    )


def _judged(done: pl.DataFrame, now: pl.DataFrame, ignored: Collection[str], consents: Collection[str]) -> pl.DataFrame:
    """``row``, ``field``, ``was``, ``now``, ``holds``: whether the field still holds what was written."""
    wrote = plan.unfold(done, "row", "payload").rename({"value": "wrote"}).filter(~pl.col("field").is_in(list(ignored)))
    was = plan.unfold(done, "row", "before").rename({"value": "was"}).with_columns(known=pl.lit(value=True))
    long = wrote.join(was, on=["row", "field"], how="left").join(now, on=["row", "field"], how="left")
    long = long.join(done.select("row", did="action"), on="row")
    same = canonical_text(pl.col("now")).eq_missing(canonical_text(pl.col("wrote")))
    restorable = (pl.col("did") != "update") | pl.col("known").fill_null(value=False)
    opts_in = pl.col("field").is_in(list(consents)) & (pl.col("did") == "update") & pl.col("was").ne_missing("true")
    return long.with_columns(holds=same & restorable & ~opts_in)
