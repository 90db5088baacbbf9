"""Makes the plan of an inbound run: capture, links, first-contact matches, mapping, decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from core.mapping import canonical, checks
from core.mapping.compile import inbound as compile_inbound
from core.mapping.spec import Blank, JobSpec, PairSpec, Role
from core.planning import inbound, plan
from core.planning.plan import Planned
from core.records import Direction, Kind, table_of
from core.store import consent, links
from core.store.database import Batch
from core.store.records import load_records
from core.syncing import erased, excluded, first_contact, outbox, participants, rulings, scope, succession
from core.syncing.capture import Captured
from core.syncing.context import Context
from core.syncing.plan_out import zone_of
from core.syncing.select import planning_columns
from core.values import domains

SYSTEM_FIELDS = frozenset(
    {
        "Id",
        "SystemModstamp",
        "LastModifiedDate",
        "LastModifiedById",
        "CreatedDate",
        "IsDeleted",
        "IsArchived",
        "MasterRecordId",
    }
)


def plan_all(ctx: Context, spec: JobSpec, captured: Sequence[Captured]) -> list[Planned]:
    """What the captured rows of every pair become; who became whom is known over all of them."""
    heirs = succession.of(ctx, spec, captured)
    return [_plan_pair(ctx, spec, c, heirs) for c in captured]


def _plan_pair(ctx: Context, spec: JobSpec, captured: Captured, heirs: pl.DataFrame) -> Planned:
    """What the captured rows of one pair become, and the records that have left its filter."""
    left = scope.left_rows(ctx, spec, captured.pair, captured.left)
    rows = with_values(captured.rows).join(heirs, on="Id", how="left")
    if rows.is_empty():
        return Planned(left, {captured.pair.sobject: captured.mark})
    # Asked before the links are read: what is booked in between has its link by then.
    in_flight = outbox.in_flight_since(ctx, captured.pair.sobject)
    found = ground_of(ctx, spec, captured.pair, rows, heirs)
    made = rulings.of(ctx, spec)
    ground = replace(
        found,
        matches=_picked(found, made, rows),
        in_flight_since=in_flight,
        read_at=captured.read_at,
        read_before=captured.read_before,
        is_full=captured.is_full,
        rulings=made.fields,
        may_delete=made.may_delete,
    )
    resolved = excluded.inbound(ctx, spec, inbound.resolve(spec, rows, ground))
    compiled = compile_inbound(spec, captured.pair, ctx.org(captured.pair.sobject), zone=zone_of(ctx, spec))
    mapped = compiled.apply(resolved)
    resolved = erased.inbound(ctx, spec, resolved, mapped)
    verdicts = inbound.rejected_by_mapping(inbound.left_out(captured.pair, resolved, mapped), mapped)
    moving = verdicts.filter(pl.col("_outcome").is_null() & pl.col("record_id").is_not_null())
    base_rows = baseline_rows(captured.pair, moving, captured.rows.columns)
    mapped_base = with_known(captured.pair, compiled.apply(base_rows), base_rows)
    ours = mirrored(ctx, captured.pair, present_values(ctx, spec.kind, moving["record_id"].drop_nulls().unique()))
    moving_times = ours.select("record_id", now_updated="_updated_at")
    verdicts = verdicts.join(moving_times, on="record_id", how="left").with_columns(
        pl.coalesce("now_updated", "updated_at").alias("updated_at")
    )
    ours = ours.drop("_updated_at")
    mapped = scope.joined(captured.pair, mapped, ours, verdicts)
    planned = inbound.finish(spec, captured.pair, verdicts, mapped, mapped_base, ours, ground)
    mark = mark_before(captured.mark, verdicts.filter(pl.col("_cause") == inbound.IN_FLIGHT)["stamp_at"].min())
    made_here = participants.inbound(ctx, captured.pair, planned.rows)
    return Planned(pl.concat([made_here, left]), {captured.pair.sobject: mark}, planned.decisions)


def mark_before(mark: dict[str, Any], stamp: Any) -> dict[str, Any]:
    """The mark, but not beyond a row that was read and must be read again."""
    if stamp is None:
        return mark
    return {k: min(at, stamp) if k in ("org_stamp_at", "read_to_at") and at else at for k, at in mark.items()}


def with_values(rows: pl.DataFrame) -> pl.DataFrame:
    """Captured rows with ``local_id`` and ``org_values``, the JSON that becomes their baseline."""
    tracked = [c for c in rows.columns if c not in SYSTEM_FIELDS]
    rows = rows.with_row_index("local_id").with_columns(pl.col("local_id").cast(pl.Int64))
    flagged = rows.with_columns(pl.lit(value=True).alias(f"t:{c}") for c in tracked)
    renamed = flagged.rename({c: f"v:{c}" for c in tracked})
    values = plan.wide_json(renamed, "local_id", tracked, "v:", "t:", "org_values")
    return rows.join(values, on="local_id")


def ground_of(
    ctx: Context, spec: JobSpec, pair: PairSpec, rows: pl.DataFrame, heirs: pl.DataFrame | None = None
) -> inbound.Ground:
    """Everything an inbound plan stands on for these rows; ``heirs`` as `succession.of` tells them."""
    with ctx.db.reading(ctx.workspace_id) as batch:
        linked = _linked(batch, spec.kind, rows["Id"])
        if heirs is not None and heirs.height:
            linked = pl.concat([linked, _adopted(batch, spec.kind, rows, linked, heirs)])
        linked = pl.concat([linked, _returned(batch, spec.kind, rows, linked)])
        loose = rows.filter(pl.col("IsDeleted") != "true").join(linked, on="Id", how="anti")
        accounts = _parents(batch, rows, _lookup(pair, Role.ACCOUNT, "AccountId"), "account", "account_record_id")
        matches = first_contact.inbound(batch, spec, pair, loose, accounts)
        people = _parents(batch, rows, _lookup(pair, Role.PERSON, "WhoId"), "person", "person_record_id")
        by_domain = _by_domain(batch, pair, rows)
        released = consent.states(batch, linked["record_id"]).filter(pl.col("state") == "in")
    return inbound.Ground(
        linked,
        matches,
        accounts,
        people,
        ctx.comes_in(Kind.ACCOUNT),
        ctx.offset_s,
        by_domain,
        ctx.integration_user,
        twin_clears=twin_clears(ctx, spec, pair),
        own_users=_own_users(ctx),
        released=released.select("record_id", field="channel") if spec.kind is Kind.PERSON else None,
    )


def _own_users(ctx: Context) -> tuple[str, ...]:
    found = ctx.db.read("SELECT DISTINCT user_id FROM connection WHERE workspace_id = :w", w=ctx.workspace_id)
    return tuple(str(i) for i in found["user_id"] if i)


def _by_domain(batch: Batch, pair: PairSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """The one account that has the domain of a lead's e-mail address."""
    if pair.sobject.lower() != "lead" or "Email" not in rows.columns:
        return pl.DataFrame(schema=inbound.BY_DOMAIN)
    keys = rows.select("Id", value=domains.from_emails(rows["Email"], free_mail=False)).drop_nulls("value")
    points = batch.read(
        f"SELECT DISTINCT c.value, c.record_id FROM contact_point c JOIN {batch.stage(keys)} s ON s.value = c.value"  # noqa: S608
        " WHERE c.workspace_id = :w AND c.table_name = 'account' AND c.kind = 'domain'",
        w=batch.workspace_id,
    ).with_columns(pl.col("value").cast(pl.String), pl.col("record_id").cast(pl.Int64))
    alone = points.filter(pl.len().over("value") == 1)
    return keys.join(alone, on="value").select("Id", domain_account="record_id")


def _picked(ground: inbound.Ground, made: rulings.Rulings, rows: pl.DataFrame) -> pl.DataFrame:
    """First-contact matches, with what people have picked in place of what was found."""
    here = {i: r for i, r in made.picks.items() if i in set(rows["Id"]) - set(ground.links["Id"])}
    if not here:
        return ground.matches
    chosen = pl.DataFrame(
        {
            "Id": list(here),
            "record_id": list(here.values()),
            "status": ["none" if r is None else "unique" for r in here.values()],
            "rule": "decided",
            "candidates": [[]] * len(here),
        },
        schema=ground.matches.schema,
    )
    return pl.concat([ground.matches.join(chosen, on="Id", how="anti"), chosen])


def twin_clears(ctx: Context, spec: JobSpec, pair: PairSpec) -> frozenset[str] | None:
    """The org fields that switched-on outbound jobs of the pair empty where ours are empty; ``None`` without one."""
    twins = [
        p
        for job in ctx.jobs()
        if job.kind is spec.kind and job.direction is Direction.OUTBOUND
        for p in job.pairs
        if p.sobject == pair.sobject
    ]
    if not twins:
        return None
    return frozenset(m.target for p in twins for m in p.mappings if m.blank is Blank.CLEAR)


def _linked(batch: Batch, kind: Kind, org_ids: pl.Series) -> pl.DataFrame:
    found = links.of_org(batch, org_ids).filter(pl.col("table_name") == table_of(kind))
    return _with_records(batch, kind, found)


def _returned(batch: Batch, kind: Kind, rows: pl.DataFrame, linked: pl.DataFrame) -> pl.DataFrame:
    """Links to be: what is out of the org's recycle bin again is the record that was deleted here with it."""
    table = table_of(kind)
    free = rows.filter(pl.col("IsDeleted") != "true").join(linked, on="Id", how="anti")
    ended = links.of_org(batch, free["Id"], state="deleted").filter(pl.col("table_name") == table)
    last = ended.sort("id").unique("org_id", keep="last", maintain_order=True).unique("record_id", keep="last")
    alone = last.join(links.of_records(batch, table, last["record_id"]), on="record_id", how="anti")
    none = pl.lit(None, dtype=linked.schema["org_stamp_at"])
    return _with_records(batch, kind, alone).with_columns(
        was="Id", was_how=pl.lit("restored"), org_stamp_at=none, is_gone=pl.lit(value=False),
        is_adopted=pl.lit(value=True), made_here=pl.lit(value=False),
    )  # fmt: skip


def _with_records(batch: Batch, kind: Kind, found: pl.DataFrame) -> pl.DataFrame:
    table = table_of(kind)
    kind_column = "r.kind" if table == "activity" else f"'{table}'"
    staged = batch.stage(found.select("record_id"))
    records = batch.read(
        f"SELECT r.id AS record_id, {kind_column} AS linked_kind, r.updated_at, r.deleted_at,"  # noqa: S608
        f" r.archived_at FROM {table} r"
        f" JOIN {staged} s ON s.record_id = r.id WHERE r.workspace_id = :w",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64), pl.col("linked_kind").cast(pl.String))
    joined = found.join(records, on="record_id", how="left")
    return joined.select(
        pl.col("org_id").alias("Id"), "record_id", pl.col("baseline").cast(pl.String), "org_stamp_at", "linked_kind",
        "updated_at", pl.col("deleted_at").is_not_null().alias("is_gone"),
        pl.col("archived_at").is_not_null().alias("is_archived"), pl.lit(value=False).alias("is_adopted"),
        pl.col("how").is_in(["created_out", "settled"]).alias("made_here"),
        was=pl.lit(None, dtype=pl.String), was_how=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def _lookup(pair: PairSpec, role: Role, usual: str) -> str:
    """The lookup that names an account or person: of standard objects the usual one, else the mapped one."""
    mapped = next((m.source for m in pair.mappings if m.role is role and m.source), usual)
    return mapped if pair.sobject.endswith("__c") else usual


def _adopted(batch: Batch, kind: Kind, rows: pl.DataFrame, linked: pl.DataFrame, heirs: pl.DataFrame) -> pl.DataFrame:
    """Links to be: heirs that are not linked yet take over the record that lives on as them, the oldest of several."""
    free = rows.join(linked, on="Id", how="anti")
    wanted = heirs.join(free.select(heir="Id"), on="heir", how="semi")
    losers = _linked(batch, kind, wanted["Id"]).filter(~pl.col("is_gone")).drop("was", "was_how").join(wanted, on="Id")
    won = losers.sort("record_id").unique("heir", keep="first")
    return won.with_columns(
        Id="heir",
        was="Id",
        was_how="became",
        org_stamp_at=pl.lit(None, dtype=linked.schema["org_stamp_at"]),
        is_adopted=pl.lit(value=True),
        made_here=pl.lit(value=False),
    ).select(linked.columns)


def _parents(batch: Batch, rows: pl.DataFrame, column: str, table: str, name: str) -> pl.DataFrame:
    schema = {column: pl.String, name: pl.Int64}
    if column not in rows.columns:
        return pl.DataFrame(schema=schema)
    found = links.of_org(batch, rows[column].drop_nulls().unique()).filter(pl.col("table_name") == table)
    return found.select(pl.col("org_id").alias(column), pl.col("record_id").alias(name)).cast(schema)  # type: ignore[arg-type]


def baseline_rows(pair: PairSpec, moving: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The baselines of linked rows as if they were captured rows.

    A lookup that still points to the same record has the same values behind it.
    """
    paths = [m.source for m in pair.mappings if m.source and "." in m.source]
    records: list[dict[str, Any]] = []
    for row in moving.select("local_id", "baseline", *columns).iter_rows(named=True):
        base = json.loads(row["baseline"] or "{}")
        for path in paths:
            lookup = path.split(".")[0] + "Id"
            if path in row and base.get(lookup) is not None and base.get(lookup) == row.get(lookup):
                base[path] = row[path]
        records.append({"local_id": row["local_id"], "_known": list(base), **{c: base.get(c) for c in columns}})
    schema: dict[str, Any] = {"local_id": pl.Int64, "_known": pl.List(pl.String), **dict.fromkeys(columns, pl.String)}
    return pl.DataFrame(records, schema=schema).with_columns(is_create=pl.lit(value=False), **_resolved(moving))


def _resolved(moving: pl.DataFrame) -> dict[str, pl.Series]:
    return {c: moving[c] for c in ("account_record_id", "person_record_id") if c in moving.columns}


def with_known(pair: PairSpec, mapped: pl.DataFrame, base_rows: pl.DataFrame) -> pl.DataFrame:
    """Mapped baselines with ``h:<field>``: whether the baseline knows the org field behind it."""
    flags = []
    for m in pair.mappings:
        if f"w:{m.target}" in mapped.columns:
            known = base_rows["_known"].list.contains(m.source) if m.source else pl.Series([False] * base_rows.height)
            flags.append(known.alias(f"h:{m.target}"))
    return mapped.with_columns(flags)


def mirrored(ctx: Context, pair: PairSpec, ours: pl.DataFrame) -> pl.DataFrame:
    """Our values as they look once they have been to the org and back: picklist values in the org's spelling."""
    org = ctx.org(pair.sobject)
    spelled = []
    for m in pair.mappings:
        plain = m.role is Role.VALUE and m.source and m.value_map is None and m.transform is None
        found = org.field(m.source) if plain and m.source else None
        if found is not None and found.type == "picklist" and m.target in ours.columns:
            spelled.append(checks.spelled(found, pl.col(m.target)).alias(m.target))
    return ours.with_columns(spelled)


def present_values(ctx: Context, kind: Kind, ids: pl.Series) -> pl.DataFrame:
    """The workspace's values of records as canonical text, by workspace field."""
    frame = planning_columns(kind, load_records(ctx.db, ctx.workspace_id, table_of(kind), ids=ids.to_list()))
    text = [
        canonical.text_of(pl.col(c), t).alias(c)
        for c, t in frame.schema.items()
        if c not in ("local_id", "_key", "_title")
    ]
    extra = [
        pl.col(c).cast(pl.String).alias(n)
        for c, n in (("account_record_id", "account"), ("person_record_id", "person"))
        if c in frame.columns
    ]
    return frame.select(pl.col("local_id").alias("record_id"), pl.col("updated_at").alias("_updated_at"), *text, *extra)
