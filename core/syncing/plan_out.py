"""Makes the plan of an outbound run: changed records, matches, mapping, and where the org must be asked, the diff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from core.connections.salesforce import frames
from core.mapping.compile import KEY_COLUMN, Compiled, external_id_field, soql_fields
from core.mapping.compile import outbound as compile_outbound
from core.mapping.spec import JobSpec, PairSpec
from core.planning import outbound, plan
from core.planning.plan import Planned
from core.records import ACTIVITY_KINDS, CONSENT_FIELDS, Direction, Kind, Outcome
from core.syncing import access, excluded, first_contact, participants, rulings, spill
from core.syncing.context import Context
from core.syncing.select import by_pair, changed_since, ground, planning_columns
from core.values import ids

RESOLVED = ("account_record_id", "person_record_id", "person_email")
"""Columns of the record whose names planning uses for what it finds out itself."""


@dataclass(frozen=True)
class Selected:
    """The workspace records of one pair that a run looks at, and the marks to set when all of them are settled."""

    pair: PairSpec
    rows: pl.DataFrame
    marks: dict[str, Any]


def select(ctx: Context, spec: JobSpec, scope: dict[str, Any] | None) -> list[Selected]:
    """Read the records of this run, each for the pair of the object it is linked to."""
    records, marks = changed_since(ctx, spec, scope)
    return [Selected(p, rows, marks if p is spec.pairs[0] else {}) for p, rows in by_pair(ctx, spec, records)]


def plan_pair(ctx: Context, spec: JobSpec, selected: Selected) -> Planned:
    """What is to happen to the selected records in the org."""
    pair = selected.pair
    if selected.rows.is_empty():
        return Planned(plan.empty(), selected.marks)
    org = ctx.org(pair.sobject)
    rows = planning_rows(ctx, spec, selected.rows)
    made = rulings.of(ctx, spec)
    found = first_contact.outbound(ctx, spec, pair, rows, ground(ctx, spec, pair, rows, made), made)
    given = rows.with_columns(_given_email="person_email") if "person_email" in rows.columns else rows
    resolved = outbound.resolve(spec, pair, given.drop(RESOLVED, strict=False), found)
    if not outbound.is_consent_only(spec):
        resolved = excluded.outbound(ctx, spec, resolved)
    resolved = access.outbound(ctx, spec, resolved)
    resolved = resolved.with_columns(sent_as=_login_of(ctx, spec, resolved))
    resolved = resolved.with_columns(_title=_title_of(spec, resolved))
    if spec.zone != "owner":
        resolved = resolved.drop("row_zone")
    compiled = compile_outbound(spec, pair, org, zone=zone_of(ctx, spec))
    mapped = compiled.apply(resolved)
    verdicts = outbound.held_by_mapping(spec, resolved, mapped)
    todo = _todo(verdicts)
    differing = outbound.differing(todo, mapped)
    going = verdicts.filter(pl.col("_outcome").is_null() & pl.col("deleted_at").is_not_null())
    loose = _stopped_but_out(spec, pair, verdicts, mapped)
    asked = pl.concat([going["org_id"], todo.join(differing, on="local_id", how="semi")["org_id"], loose])
    org_now = read_org_now(ctx, pair, asked.unique(maintain_order=True).to_list())
    if going.height:
        verdicts = outbound.deletes_looked_at(spec, pair, verdicts, org_now, found.may_delete)
    others = outbound.creates_and_deletes(pair, verdicts, mapped)
    if loose.len():
        passing = outbound.stopped_opt_outs(spec, pair, verdicts, mapped, org_now, found)
        others = outbound.with_opt_outs(others, passing)
    settled = without_filled(compiled, mapped, todo, org_now)
    changed = _changed(spec, pair, settled, verdicts, differing, org_now, found)
    rows = spill.attach(pl.concat([others, changed.rows]), mapped)
    rows = participants.outbound(ctx, pair, rows, resolved)
    return Planned(rows, selected.marks, changed.decisions)


def _stopped_but_out(spec: JobSpec, pair: PairSpec, verdicts: pl.DataFrame, mapped: pl.DataFrame) -> pl.Series:
    """Org Ids of linked people who stopped for some reason, and of whom an opt-out is not known to be there."""
    fields = [m.target for m in pair.mappings if m.source in CONSENT_FIELDS and f"o:{m.target}" in mapped.columns]
    stopped = outbound.stopped(verdicts).select("local_id", "org_id", "baseline")
    if spec.kind is not Kind.PERSON or not fields or stopped.is_empty():
        return pl.Series("org_id", [], dtype=pl.String)
    differing = outbound.differing(stopped, mapped.select("local_id", *(f"{p}:{f}" for f in fields for p in "os")))
    return stopped.join(differing, on="local_id", how="semi")["org_id"]


def _login_of(ctx: Context, spec: JobSpec, rows: pl.DataFrame) -> pl.Expr:
    """Whose login writes a row: what a person did is written by their own, where they have linked one."""
    people = ctx.logins.people() if spec.kind in ACTIVITY_KINDS and spec.owner_rule == "linked_user" else []
    return pl.when(pl.col("user").is_in(people)).then("user").otherwise(pl.lit("")).cast(pl.String)


def _title_of(spec: JobSpec, rows: pl.DataFrame) -> pl.Expr:
    """What people call the row: its subject, else whom it is with, else its key."""
    if spec.kind not in ACTIVITY_KINDS:
        return pl.col("_title")
    whom = pl.coalesce(c for c in ("person_name", "_given_email", "person_phone", "person_ref") if c in rows.columns)
    named = pl.format("{} with {}", pl.lit(spec.kind.value.replace("_", " ").capitalize()), whom)
    return pl.coalesce("subject", named, "_key")


def zone_of(ctx: Context, spec: JobSpec) -> str:
    """The zone in which the job's instants become dates, where a row has none of its own."""
    return ctx.zone if spec.zone in ("workspace", "owner") else spec.zone


def planning_rows(ctx: Context, spec: JobSpec, records: pl.DataFrame) -> pl.DataFrame:
    """Records with the columns that outbound planning and mappings name, and the key they carry in the org."""
    rows = planning_columns(spec.kind, records)
    related = ids.normalize_ids(rows["related_id"]) if "related_id" in rows.columns else pl.Series([None] * rows.height)
    key = pl.concat_str([pl.lit(f"{ctx.workspace_id}:"), pl.col("source"), pl.lit(":"), pl.col("external_id")])
    if "user" not in rows.columns:
        rows = rows.with_columns(pl.col("owner").alias("user"))
    return rows.with_columns(
        related.cast(pl.String).alias("related_id"), pl.col("user").str.to_lowercase(), key.alias(KEY_COLUMN)
    )


def _todo(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The linked records that live and go on."""
    return verdicts.filter(pl.col("_outcome").is_null() & ~pl.col("is_create") & pl.col("deleted_at").is_null())


def _changed(
    spec: JobSpec,
    pair: PairSpec,
    mapped: pl.DataFrame,
    verdicts: pl.DataFrame,
    differing: pl.DataFrame,
    org_now: pl.DataFrame,
    found: outbound.Ground,
) -> Planned:
    idle = _todo(verdicts).join(differing, on="local_id", how="anti")
    same = plan.shaped(
        idle.with_columns(
            record_id="local_id",
            sobject=pl.lit(pair.sobject),
            _outcome=pl.lit(Outcome.UNCHANGED.value),
            _reason=pl.lit("Nothing changed since both sides last agreed."),
            baseline=pl.lit(None, dtype=pl.String),
        )
    )
    moving = verdicts.join(differing, on="local_id", how="semi")
    if moving.is_empty():
        return Planned(same)
    out = outbound.updates(spec, pair, moving, mapped, org_now, found)
    return Planned(pl.concat([same, out.rows]), decisions=out.decisions)


def read_org_now(ctx: Context, pair: PairSpec, org_ids: list[str]) -> pl.DataFrame:
    """The org's present values of records: ``org_id``, a Utf8 column per mapped field, ``_modified_at``, ``_gone``."""
    org = ctx.org(pair.sobject)
    fields = soql_fields(pair, org, direction=Direction.OUTBOUND)
    records = ctx.gateway.retrieve(pair.sobject, org_ids, fields)
    have = [r for r in records if r is not None]
    types = {f: found.type for f in fields if (found := org.field(f)) is not None}
    frame = frames.to_frame(have, fields, types)
    missing = pl.DataFrame(
        {"Id": [i for i, r in zip(org_ids, records, strict=True) if r is None]}, schema={"Id": pl.String}
    )
    frame = pl.concat([frame, missing], how="diagonal").with_columns(
        org_id="Id",
        _modified_at=pl.col("LastModifiedDate").str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us", strict=False),
        _gone=pl.col("LastModifiedDate").is_null() | (pl.col("IsDeleted") == "true"),
    )
    return frame.drop("Id")


def without_filled(
    compiled: Compiled, mapped: pl.DataFrame, moving: pl.DataFrame, org_now: pl.DataFrame
) -> pl.DataFrame:
    """Targets that may only be filled are not sent where the org has a value."""
    fields = [f for f in compiled.fill_only if f in org_now.columns]
    if not fields:
        return mapped
    theirs = moving.select("local_id", "org_id").join(org_now.select("org_id", *fields), on="org_id", how="left")
    filled = theirs.select("local_id", *(pl.col(f).is_not_null().alias(f"filled:{f}") for f in fields))
    out = mapped.join(filled, on="local_id", how="left").with_columns(
        (pl.col(f"s:{f}") & ~pl.col(f"filled:{f}").fill_null(value=False)).alias(f"s:{f}") for f in fields
    )
    return out.drop([f"filled:{f}" for f in fields])


def upsert_field(ctx: Context, pair: PairSpec) -> str | None:
    """The External ID field that carries our key in the org, where there is one."""
    found = external_id_field(pair, ctx.org(pair.sobject))
    return found.name if found else None
