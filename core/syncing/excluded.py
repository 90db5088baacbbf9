"""Stops rows, in both directions, that concern a domain or person on the exclusion lists or are marked private."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from core.connections.salesforce import soql
from core.mapping.spec import JobSpec
from core.planning import plan
from core.records import ACTIVITY_KINDS, Kind, Outcome, table_of
from core.store import exclusions
from core.store.exclusions import Exclusions
from core.syncing.context import Context
from core.values import domains, emails

PRIVATE = "fields.private"
"""A custom field of an activity: true keeps it here."""
_PEOPLE = ("Contact", "Lead")


def outbound(ctx: Context, spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Stop excluded rows of an outbound plan; opt-outs have a job of their own, which is not asked.

    Args:
        ctx: the run's context.
        spec: the job.
        rows: result of ``planning.outbound.resolve``, with ``_given_email`` of activities.
    """
    if PRIVATE in rows.columns and spec.kind in ACTIVITY_KINDS:
        private = pl.col(PRIVATE).str.to_lowercase().is_in(["true", "yes", "1"]).fill_null(value=False)
        rows = left_out(rows, private, "private", pl.lit("It is marked private."))
    if spec.kind is Kind.MEETING and "participants" in rows.columns:
        rows = left_out(rows, _of_team(ctx, rows), "teammates", pl.lit("Only teammates took part in it."))
    lists = exclusions.read(ctx.db, ctx.workspace_id)
    if not lists:
        return rows
    mails = [c for c in ("email", "person_email", "_given_email") if c in rows.columns]
    sites = [c for c in ("domain", "website", "account_domain") if c in rows.columns]
    return _stopped(ctx, lists, rows, "local_id", mails, sites)


def inbound(ctx: Context, spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Stop excluded rows of an inbound plan.

    Args:
        ctx: the run's context.
        spec: the job.
        rows: result of ``planning.inbound.resolve``.
    """
    lists = exclusions.read(ctx.db, ctx.workspace_id)
    if not lists:
        return rows
    if spec.kind in ACTIVITY_KINDS and "WhoId" in rows.columns:
        rows = rows.join(_addresses(ctx, rows["WhoId"]), on="WhoId", how="left")
    mails = [c for c in ("Email", "_who_email") if c in rows.columns and spec.kind is not Kind.ACCOUNT]
    sites = [c for c in ("Website",) if c in rows.columns and spec.kind is Kind.ACCOUNT]
    return _stopped(ctx, lists, rows, "local_id", mails, sites).drop("_who_email", strict=False)


def _addresses(ctx: Context, who_ids: pl.Series) -> pl.DataFrame:
    """E-mail addresses of the people of org activities, asked of the org: an excluded one is not known here."""
    wanted = who_ids.drop_nulls().unique().sort().to_list()
    found = [
        (str(r["Id"]), r["Email"])
        for sobject in _PEOPLE
        for statement in soql.queries_in(["Id", "Email"], sobject, "Id", wanted)
        for r in ctx.gateway.query(statement)
    ]
    return pl.DataFrame(found, schema={"WhoId": pl.String, "_who_email": pl.String}, orient="row")


def _of_team(ctx: Context, rows: pl.DataFrame) -> pl.Expr:
    """Meetings that say who took part, and in which nobody from outside did."""
    users = ctx.db.read("SELECT email FROM workspace_user WHERE workspace_id = :w", w=ctx.workspace_id)
    team = {str(e).lower() for e in users["email"]}
    inside = [bool(p) and {_address(x) for x in json.loads(p)} <= team for p in rows["participants"]]
    named = rows.select(c for c in ("person_record_id", "_given_email") if c in rows.columns)
    alone = named.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return pl.lit(pl.Series(inside, dtype=pl.Boolean) & alone)


def _address(participant: Any) -> str:
    found = participant.get("email") if isinstance(participant, dict) else participant
    return str(found or "").strip().lower()


def _stopped(
    ctx: Context, lists: Exclusions, rows: pl.DataFrame, key: str, mails: Sequence[str], sites: Sequence[str]
) -> pl.DataFrame:
    told = [rows.select(key, person=emails.normalize(rows[c]), domain=domains.from_emails(rows[c])) for c in mails]
    told += [
        rows.select(key, person=pl.lit(None, dtype=pl.String), domain=domains.from_websites(rows[c])) for c in sites
    ]
    told.append(_of_accounts(ctx, rows, key))
    found = pl.concat(told).filter(
        pl.col("person").is_in(list(lists.people)).fill_null(value=False)
        | pl.col("domain").is_in(list(lists.domains)).fill_null(value=False)
    )
    named = found.group_by(key).agg(
        _excluded=pl.coalesce(
            pl.col("person").filter(pl.col("person").is_in(list(lists.people))).first(), pl.col("domain").first()
        )
    )
    rows = rows.join(named, on=key, how="left")
    reason = pl.format("{} is on the exclusion list.", pl.col("_excluded"))
    return left_out(rows, pl.col("_excluded").is_not_null(), "excluded", reason).drop("_excluded")


def left_out(rows: pl.DataFrame, hit: pl.Expr, cause: str, reason: pl.Expr) -> pl.DataFrame:
    """Filter rows that are still open, and those that would wait for what may never come."""
    pending = hit & pl.col("_outcome").is_in([Outcome.WAITING.value, Outcome.SKIPPED.value, Outcome.HELD.value])
    rows = rows.with_columns(pl.when(pending).then(None).otherwise("_outcome").alias("_outcome"))
    return plan.stop(rows, hit, Outcome.FILTERED, cause, reason)


def _of_accounts(ctx: Context, rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """The domains of the accounts that the rows belong to."""
    empty = pl.DataFrame(schema={key: rows.schema[key], "person": pl.String, "domain": pl.String})
    if "account_record_id" not in rows.columns:
        return empty
    wanted = rows.select(key, record_id="account_record_id").drop_nulls()
    with ctx.db.reading(ctx.workspace_id) as batch:
        points = batch.read(
            "SELECT DISTINCT c.record_id, c.value AS domain FROM contact_point c"  # noqa: S608
            f" JOIN {batch.stage(wanted.select('record_id').unique())} s ON s.record_id = c.record_id"
            " WHERE c.workspace_id = :w AND c.table_name = :t AND c.kind = 'domain'",
            w=ctx.workspace_id,
            t=table_of(Kind.ACCOUNT),
        ).with_columns(pl.col("record_id").cast(pl.Int64), pl.col("domain").cast(pl.String))
    joined = wanted.join(points, on="record_id")
    return joined.select(key, pl.lit(None, dtype=pl.String).alias("person"), "domain")
