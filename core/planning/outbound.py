"""Plans an outbound job: which workspace records go to the org, as what, and why the others do not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from core.mapping.spec import JobSpec, PairSpec, Policy, Role
from core.planning import plan
from core.planning.conflicts import canonical_text, decide, disputes, ruled
from core.planning.filters import passes
from core.records import CONSENT_FIELDS, Kind, Outcome

NEEDS_ACCOUNT = (Kind.TASK, Kind.TOUCHPOINT, Kind.CAMPAIGN_TOUCH)
NEEDS_PERSON = (Kind.CALL,)
"""These wait for their person even where none was named; the others only for one that was named and is unknown."""
RECORDS = {"person_record_id": pl.Int64, "record_org_id": pl.String}
ELSEWHERE = {"local_id": pl.Int64, "elsewhere": pl.String}
CONTACTS: dict[str, Any] = {
    "local_id": pl.Int64,
    "org_id": pl.String,
    "status": pl.String,
    "rule": pl.String,
    "candidates": pl.List(pl.String),
}
RELEASED = {"local_id": pl.Int64, "source": pl.String}
AMBIGUOUS_ORG = "ambiguous_org"
"""Cause of new rows that several records of the org could be."""
OPT_IN = "One side would opt this person in again: a person decides."
NEEDS_TEXT = {
    Kind.TASK: (("subject",), "A task needs a title."),
    Kind.TOUCHPOINT: (("subject", "notes"), "A touchpoint needs a subject or content."),
}


@dataclass(frozen=True)
class Ground:
    """What an outbound plan stands on, besides the rows themselves.

    Attributes:
        links: ``local_id`` Int64, ``org_id`` String, ``baseline`` String (JSON): the active links of these rows.
        people: ``record_id`` Int64, ``org_id`` String or null, ``sobject`` String, ``person_name``, ``person_email``
            String, ``home`` Int64 (the person's account).
        accounts: ``record_id`` Int64, ``org_id`` String or null, ``account_name`` String.
        person_match: result of ``identity.match.match_people`` for these rows.
        account_match: result of ``identity.match.match_accounts``.
        users: ``user`` String (e-mail), ``org_user_id`` String or null, ``org_active`` Boolean, ``row_zone`` String.
        integration_user: Id of the connection's own user.
        people_come / accounts_come: whether a switched-on job will bring missing ones to the org.
        now: the time of planning, UTC.
        records: ``person_record_id`` Int64, ``record_org_id`` String: the one custom record each person is on.
        elsewhere: ``local_id`` Int64, ``elsewhere`` String: accounts and people that are another object in the org.
        contacts: what records without a link were found to be in the org: columns of :data:`CONTACTS`; those with an
            ``org_id`` are among the links, without a baseline; those with the status ``ambiguous`` could be several.
        released: people opted in again by hand: ``local_id`` Int64, ``source`` String (the consent field).
        rulings: what people have decided about fields: ``local_id`` Int64, ``field``, ``ours``, ``theirs``, ``ruling``.
        may_delete: records that a person has said may be deleted in the org although it changed since.
        peopled: accounts at which somebody works, where the job wants to know.
    """

    links: pl.DataFrame
    people: pl.DataFrame
    accounts: pl.DataFrame
    person_match: pl.DataFrame
    account_match: pl.DataFrame
    users: pl.DataFrame
    integration_user: str
    now: datetime
    people_come: bool = False
    accounts_come: bool = False
    clock_offset_s: float = 0.0
    records: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RECORDS))
    elsewhere: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ELSEWHERE))
    contacts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CONTACTS))
    released: pl.DataFrame | None = None
    rulings: pl.DataFrame | None = None
    may_delete: tuple[int, ...] = ()
    peopled: frozenset[int] = frozenset()


def resolve(spec: JobSpec, pair: PairSpec, rows: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Give every row its link, person, account, owner and parent, and a verdict where it stops here.

    Args:
        spec: the job.
        pair: the object pair.
        rows: workspace records: ``local_id`` Int64, ``_key``, ``_title`` String, ``related_id`` String (18 characters
            or null), ``user`` String, ``deleted_at``, ``updated_at`` Datetime, and the kind's workspace fields.
        ground: see :class:`Ground`.

    Returns:
        The rows with ``is_create``, ``org_id``, ``baseline``, ``who_id``, ``what_id``, ``account_org_id``,
        ``owner_org_id``, ``person_name``, ``person_email``, ``account_name``, ``row_zone`` and the verdict columns.
    """
    r = rows.join(ground.links, on="local_id", how="left").with_columns(pl.col("org_id").is_null().alias("is_create"))
    r = r.join(ground.elsewhere, on="local_id", how="left")
    r = r.join(
        ground.contacts.select("local_id", contact="status", contact_rule="rule", contact_candidates="candidates"),
        on="local_id",
        how="left",
    )
    r = r.join(
        ground.person_match.select("local_id", "person_record_id", "candidates", person_status="status"),
        on="local_id",
        how="left",
    )
    r = r.join(ground.records, on="person_record_id", how="left")
    r = r.join(_one_each(ground.people), left_on="person_record_id", right_on="record_id", how="left")
    r = r.join(
        ground.account_match.select(
            "local_id", "account_record_id", account_status="status", account_candidates="candidates"
        ),
        on="local_id",
        how="left",
    )
    r = r.with_columns(pl.coalesce("account_record_id", "home").alias("account_record_id"))
    accounts = ground.accounts.select("record_id", "account_name", account_org_id="org_id")
    r = r.join(accounts, left_on="account_record_id", right_on="record_id", how="left")
    r = r.join(ground.users, on="user", how="left")
    r = _owners(spec, r, ground.integration_user)
    return _with_employer(spec, pair, _verdicts(spec, _related(pair, r), ground), ground)


def _with_employer(spec: JobSpec, pair: PairSpec, v: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Let a new contact wait until the account that it belongs to has been brought to the org."""
    belongs = any(m.role is Role.ACCOUNT for m in pair.mappings)
    if spec.kind is not Kind.PERSON or not belongs or not ground.accounts_come:
        return v
    homeless = pl.col("account_record_id").is_not_null() & pl.col("account_org_id").is_null()
    new = pl.col("is_create") & pl.col("deleted_at").is_null()
    return plan.stop(v, new & homeless, Outcome.WAITING, "parent", "Its account is not in the org yet.", "AccountId")


def _one_each(people: pl.DataFrame) -> pl.DataFrame:
    # Somebody who is linked as a Lead and as a Contact is one person: the Contact counts.
    found = people.select("record_id", "person_name", "person_email", "home", who_id="org_id", who_object="sobject")
    is_lead = (pl.col("who_object") == "Lead").fill_null(value=True)
    return found.sort(is_lead, "who_id", nulls_last=True).unique("record_id", keep="first")


def _owners(spec: JobSpec, r: pl.DataFrame, integration_user: str) -> pl.DataFrame:
    active = pl.col("org_user_id").is_not_null() & pl.col("org_active").fill_null(value=False)
    fallback = pl.when(active).then("org_user_id").otherwise(pl.lit(integration_user))
    if spec.owner_rule == "integration_user":
        fallback = pl.lit(integration_user)
    # The fallback is for new records: an existing one keeps its owner unless the workspace names an active linked user.
    named = pl.when(active).then("org_user_id") if spec.owner_rule == "linked_user" else pl.lit(None, dtype=pl.String)
    owner = pl.when("is_create").then(fallback).otherwise(named)
    inactive = pl.col("org_user_id").is_not_null() & ~pl.col("org_active").fill_null(value=False)
    inactive &= pl.lit(value=spec.owner_rule == "linked_user")
    return r.with_columns(owner.alias("owner_org_id"), inactive.alias("owner_inactive"))


def _related(pair: PairSpec, r: pl.DataFrame) -> pl.DataFrame:
    rule = pair.related_to
    nothing = pl.lit(None, dtype=pl.String)
    by_record = rule == "record_then_account"
    given = pl.col("related_id") if by_record or rule in ("given_then_account", "given") else nothing
    record = pl.col("record_org_id") if by_record else nothing
    account = pl.col("account_org_id") if by_record or rule in ("given_then_account", "account") else nothing
    # The org refuses a WhatId beside a Lead.
    lead = (pl.col("who_object") == "Lead").fill_null(value=False)
    return r.with_columns(pl.when(lead).then(None).otherwise(pl.coalesce(given, record, account)).alias("what_id"))


def _verdicts(spec: JobSpec, r: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    v = plan.open_verdict(r)
    new, gone = pl.col("is_create"), pl.col("deleted_at").is_not_null()
    v = plan.stop(v, gone & new, Outcome.FILTERED, "deleted", "It was deleted here before it was ever sent.")
    other = pl.format("It is a {} in the org, and this job writes another object.", pl.col("elsewhere"))
    v = plan.stop(v, new & pl.col("elsewhere").is_not_null(), Outcome.FILTERED, "other_object", other)
    if not spec.delete:
        v = plan.stop(
            v, gone, Outcome.SKIPPED, "delete_off", "It was deleted here; the job is set to keep it in the org."
        )
    live = ~gone
    if spec.kind in NEEDS_TEXT:
        fields, reason = NEEDS_TEXT[spec.kind]
        silent = pl.all_horizontal(pl.col(f).fill_null("").str.strip_chars() == "" for f in fields)
        v = plan.stop(v, live & silent, Outcome.REJECTED, "required_empty", reason, fields[0])
    v = plan.stop(
        v, live & ~passes(spec.filters, dict(r.schema)), Outcome.FILTERED, "filter", "The job's filter leaves it out."
    )
    if "archived_at" in r.columns and not is_consent_only(spec):
        hidden = live & pl.col("archived_at").is_not_null()
        v = plan.stop(v, hidden, Outcome.FILTERED, "archived", "It left the filter of its inbound job, and rests here.")
    if spec.updated_within_days is not None:
        floor = ground.now - timedelta(days=spec.updated_within_days)
        old = live & new & (pl.col("updated_at") < floor)
        reason = f"It was last updated more than {spec.updated_within_days} days ago, before the job first saw it."
        v = plan.stop(v, old, Outcome.FILTERED, "too_old", reason)
    several = pl.format("{} records of the org could be it: pick one.", pl.col("contact_candidates").list.len())
    v = plan.stop(v, live & new & (pl.col("contact") == "ambiguous"), Outcome.HELD, AMBIGUOUS_ORG, several, "Id")
    if not spec.create:
        v = plan.stop(v, live & new, Outcome.SKIPPED, "create_off", "The job does not create org records.")
    if not spec.update:
        met = pl.format("{} The job does not update org records.", _met())
        v = plan.stop(v, live & ~new & _is_met(), Outcome.UNCHANGED, "linked", met)
        v = plan.stop(v, live & ~new, Outcome.SKIPPED, "update_off", "The job does not update org records.")
    if spec.kind is Kind.ACCOUNT and not spec.without_people:
        lonely = live & new & ~pl.col("local_id").is_in(list(ground.peopled))
        v = plan.stop(
            v, lonely, Outcome.WAITING, "parent", "Nobody works there yet: the job wants accounts with people."
        )
    return _people_verdicts(spec, _account_verdicts(spec, v, ground), ground)


def _with_contact(v: pl.DataFrame) -> pl.DataFrame:
    """The rows with the columns of a first contact; empty where none was looked for."""
    kinds: dict[str, Any] = {"contact": pl.String, "contact_rule": pl.String, "contact_candidates": pl.List(pl.String)}
    return v.with_columns(pl.lit(None, dtype=t).alias(c) for c, t in kinds.items() if c not in v.columns)


def _is_met() -> pl.Expr:
    """Rows whose org record was found on first contact, and that are linked by this run."""
    return (pl.col("contact") == "unique").fill_null(value=False)


def _met() -> pl.Expr:
    return pl.format("It is in the org already, by {}, and linked to it.", pl.col("contact_rule"))


def _met_extra() -> pl.Expr:
    return pl.struct(matched_by="contact_rule").struct.json_encode()


def is_consent_only(spec: JobSpec) -> bool:
    """Whether the job carries opt-outs and nothing else: those pass for archived people as well."""
    carried = {m.source for p in spec.pairs for m in p.mappings if m.role is Role.VALUE}
    return carried <= set(CONSENT_FIELDS)


def _people_verdicts(spec: JobSpec, v: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    if spec.kind in (Kind.ACCOUNT, Kind.PERSON):
        return v
    new = pl.col("is_create") & pl.col("deleted_at").is_null()
    status = pl.col("person_status")
    n = pl.col("candidates").list.len()
    several = pl.format("{} people could be meant: pick one.", n)
    v = plan.stop(v, new & (status == "ambiguous"), Outcome.HELD, "ambiguous", several, "WhoId")
    lacking = ["none", "no_reference"] if spec.kind in NEEDS_PERSON else ["none"]
    unknown = new & status.is_in(lacking)
    v = plan.stop(
        v, unknown, Outcome.WAITING, "orphan", "Nobody in the workspace has this phone, e-mail or id.", "WhoId"
    )
    missing = new & (status == "unique") & pl.col("who_id").is_null()
    if ground.people_come:
        return plan.stop(v, missing, Outcome.WAITING, "parent", "The person is not in the org yet.", "WhoId")
    return plan.stop(
        v,
        missing,
        Outcome.SKIPPED,
        "no_parent",
        "The person is not in the org, and no job brings people there.",
        "WhoId",
    )


def _account_verdicts(spec: JobSpec, v: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    if spec.kind not in NEEDS_ACCOUNT:
        return v
    new = pl.col("is_create") & pl.col("deleted_at").is_null()
    status = pl.col("account_status")
    v = plan.stop(
        v,
        new & (status == "ambiguous"),
        Outcome.HELD,
        "ambiguous",
        "Several accounts have this domain: pick one.",
        "WhatId",
    )
    v = plan.stop(
        v,
        new & pl.col("account_record_id").is_null(),
        Outcome.SKIPPED,
        "no_account",
        "Its account is not known here.",
        "WhatId",
    )
    missing = new & pl.col("account_org_id").is_null()
    if ground.accounts_come:
        return plan.stop(v, missing, Outcome.WAITING, "parent", "Its account is not in the org yet.", "WhatId")
    return plan.stop(
        v,
        missing,
        Outcome.SKIPPED,
        "no_parent",
        "Its account is not in the org, and no job brings accounts there.",
        "WhatId",
    )


def held_by_mapping(spec: JobSpec, resolved: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """Hold the rows that the mapping finds fault with; the others keep an open verdict."""
    with_problems = plan.first_problem(mapped.select("local_id", "problems"))
    v = resolved.join(with_problems.drop("problems"), on="local_id", how="left")
    faulty = pl.col("p_cause").is_not_null() & pl.col("deleted_at").is_null()
    hit = pl.col("_outcome").is_null() & faulty
    v = v.with_columns(
        pl.when(hit).then(pl.lit(Outcome.HELD.value)).otherwise("_outcome").alias("_outcome"),
        pl.when(hit).then("p_cause").otherwise("_cause").alias("_cause"),
        pl.when(hit).then("p_message").otherwise("_reason").alias("_reason"),
        pl.when(hit).then("p_field").otherwise("_field").alias("_field"),
    )
    if spec.inactive_owner == "hold":
        v = plan.stop(
            v,
            pl.col("owner_inactive") & pl.col("deleted_at").is_null(),
            Outcome.HELD,
            "inactive_owner",
            "The org user of its owner is inactive.",
            "OwnerId",
        )
    return v


def deletes_looked_at(
    spec: JobSpec, pair: PairSpec, verdicts: pl.DataFrame, org_now: pl.DataFrame, may_delete: Collection[int] = ()
) -> pl.DataFrame:
    """Hold deletes that would take along what the org changed since both sides last agreed.

    Args:
        spec: the job.
        pair: the object pair.
        verdicts: rows with verdict columns, ``org_id``, ``baseline``.
        org_now: the org's present values of the records to be deleted, as :func:`updates` takes them.
        may_delete: records of which a person has said that they may go all the same.

    Returns:
        The rows with ``_before`` String: JSON of the org's values that a delete takes away, and ``_disputes``.
    """
    fields = [c for c in org_now.columns if c not in ("org_id", "_modified_at", "_gone")]
    going = verdicts.filter(pl.col("_outcome").is_null() & pl.col("deleted_at").is_not_null())
    there = going.select("local_id", "org_id", "baseline").join(
        org_now.filter(~pl.col("_gone").fill_null(value=True)), on="org_id"
    )
    theirs = there.unpivot(fields, index="local_id", variable_name="field", value_name="theirs")
    before = plan.fold(theirs.drop_nulls("theirs"), "local_id", value="theirs", alias="_before")
    v = verdicts.join(before, on="local_id", how="left")
    contested = [f for f in fields if _policy(spec, pair, f) != Policy.WORKSPACE_WINS]
    base = plan.unfold(there, "local_id", "baseline").rename({"value": "base"})
    both = theirs.filter(pl.col("field").is_in(contested)).join(base, on=["local_id", "field"])
    changed = both.filter(canonical_text(pl.col("theirs")).ne_missing(canonical_text(pl.col("base"))))
    changed = changed.filter(~pl.col("local_id").is_in(list(may_delete)))
    told = disputes(changed.with_columns(ours=pl.lit(None, dtype=pl.String)), "local_id", deleted="workspace")
    v = v.join(told, on="local_id", how="left")
    named = changed.group_by("local_id").agg(pl.col("field").sort().str.join(", ").alias("_moved"))
    reason = pl.format("It was deleted here, but the org changed {} since: a person decides.", pl.col("_moved"))
    v = v.join(named, on="local_id", how="left")
    return plan.stop(v, pl.col("_moved").is_not_null(), Outcome.HELD, "conflict", reason).drop("_moved")


def creates_and_deletes(pair: PairSpec, verdicts: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """The plan's rows for everything but updates."""
    fields = [c[2:] for c in mapped.columns if c.startswith("o:")]
    payload = plan.wide_json(mapped, "local_id", fields, "o:", "s:", "payload")
    v = verdicts.filter(~(pl.col("_outcome").is_null() & ~pl.col("is_create") & pl.col("deleted_at").is_null()))
    v = _with_contact(v.join(payload, on="local_id", how="left"))
    opened = pl.col("_outcome").is_null()
    creates = opened & pl.col("is_create") & pl.col("deleted_at").is_null()
    deletes = opened & pl.col("deleted_at").is_not_null()
    listed = pl.when(pl.col("_field") == "WhatId").then("account_candidates").otherwise("candidates")
    candidates = pl.struct(listed.alias("candidates")).struct.json_encode()
    disputed = pl.format('{{"disputes":{}}}', pl.col("_disputes")) if "_disputes" in v.columns else pl.lit(None)
    return plan.shaped(
        v.with_columns(
            record_id="local_id",
            sobject=pl.lit(pair.sobject),
            action=pl.when(creates)
            .then(pl.lit("create"))
            .when(deletes)
            .then(pl.lit("delete"))
            .otherwise(pl.lit("none")),
            _outcome=pl.when(creates)
            .then(pl.lit("created"))
            .when(deletes)
            .then(pl.lit("deleted"))
            .otherwise("_outcome"),
            baseline=pl.when(creates).then("payload"),
            payload=pl.when(creates).then("payload"),
            before=pl.when(deletes).then("_before") if "_before" in v.columns else pl.lit(None, dtype=pl.String),
            extra=pl.when(pl.col("_cause") == "ambiguous")
            .then(candidates)
            .when(pl.col("_cause") == AMBIGUOUS_ORG)
            .then(pl.struct(candidates=_org_candidates()).struct.json_encode())
            .when(_is_met())
            .then(_met_extra())
            .when(pl.col("_cause") == "conflict")
            .then(disputed),
            parent=pl.coalesce("what_id", "account_org_id", "who_id"),
        )
    )


def _org_candidates() -> pl.Expr:
    each = pl.struct(pl.element().alias("org_id"))
    return pl.col("contact_candidates").list.eval(each)


def updates(
    spec: JobSpec,
    pair: PairSpec,
    verdicts: pl.DataFrame,
    mapped: pl.DataFrame,
    org_now: pl.DataFrame,
    ground: Ground,
) -> plan.Planned:
    """The plan's rows for records that are linked: what we changed, what the org changed, who wins.

    Args:
        spec: the job.
        pair: the object pair.
        verdicts: rows with verdict columns, ``org_id``, ``baseline``, ``updated_at``.
        mapped: the compiled mapping's output.
        org_now: the org's present values: ``org_id``, one Utf8 column per mapped org field, ``_modified_at``
            Datetime, ``_gone`` Boolean (deleted in the org).
        ground: rulings, released people and clocks.
    """
    todo = verdicts.filter(pl.col("_outcome").is_null() & ~pl.col("is_create") & pl.col("deleted_at").is_null())
    if todo.is_empty():
        return plan.Planned(plan.empty())
    todo = todo.join(org_now.select("org_id", "_modified_at", "_gone"), on="org_id", how="left")
    todo = plan.stop(
        todo,
        pl.col("_gone").fill_null(value=True),
        Outcome.HELD,
        "gone_in_org",
        "The org record was deleted or is out of sight.",
    )
    long = _long(spec, pair, todo, mapped, org_now, ground)
    judged = decide(ruled(long, "local_id", ground.rulings))
    return _fold_updates(pair, todo, judged)


def _long(
    spec: JobSpec, pair: PairSpec, todo: pl.DataFrame, mapped: pl.DataFrame, org_now: pl.DataFrame, ground: Ground
) -> pl.DataFrame:
    fields = [c[2:] for c in mapped.columns if c.startswith("o:") and c[2:] in org_now.columns]
    rows = todo.filter(pl.col("_outcome").is_null()).select("local_id", "org_id", "updated_at", "_modified_at")
    ours = rows.join(mapped, on="local_id").unpivot(
        [f"o:{f}" for f in fields],
        index=["local_id", "org_id", "updated_at", "_modified_at"],
        variable_name="field",
        value_name="ours",
    )
    sent = rows.join(mapped, on="local_id").unpivot(
        [f"s:{f}" for f in fields], index="local_id", variable_name="field", value_name="sent"
    )
    cut = pl.col("field").str.slice(2)
    ours = ours.with_columns(cut).join(sent.with_columns(cut), on=["local_id", "field"])
    theirs = org_now.unpivot(fields, index="org_id", variable_name="field", value_name="theirs")
    base = plan.unfold(todo, "local_id", "baseline").rename({"value": "base"}).with_columns(has_base=pl.lit(value=True))
    consent = [m.target for m in pair.mappings if m.source in CONSENT_FIELDS]
    policies = pl.DataFrame(
        {"field": fields, "policy": [_policy(spec, pair, f) for f in fields]},
        schema={"field": pl.String, "policy": pl.String},
    )
    sources = {m.target: m.source or "" for m in pair.mappings}
    free = pl.DataFrame(schema=RELEASED) if ground.released is None else ground.released
    return (
        ours.filter("sent")
        .join(theirs, on=["org_id", "field"], how="left")
        .join(base, on=["local_id", "field"], how="left")
        .join(policies, on="field", how="left")
        .with_columns(pl.col("field").replace_strict(sources, default="", return_dtype=pl.String).alias("source"))
        .join(free.with_columns(is_released=pl.lit(value=True)), on=["local_id", "source"], how="left")
        .with_columns(
            pl.col("has_base").fill_null(value=False),
            pl.col("is_released").fill_null(value=False),
            is_consent=pl.col("field").is_in(consent),
            ours_at=pl.col("updated_at") + pl.duration(milliseconds=int(ground.clock_offset_s * 1000)),
            theirs_at=pl.col("_modified_at"),
        )
    )


def _policy(spec: JobSpec, pair: PairSpec, field_name: str) -> str:
    mapping = pair.mapping_of(field_name)
    return str(mapping.policy if mapping and mapping.policy else spec.policy)


def _fold_updates(pair: PairSpec, todo: pl.DataFrame, judged: pl.DataFrame) -> plan.Planned:
    ours = judged.filter(pl.col("decision") == "ours")
    payload = plan.fold(ours, "local_id", value="ours", alias="payload")
    before = plan.fold(ours, "local_id", value="theirs", alias="before")
    # What a person gave to the org is settled: from here on only the org's side has changed.
    settled = pl.col("decision").is_in(["ours", "same"]) | pl.col("ruling").is_not_null()
    agreed = judged.filter(settled).select("local_id", "field", value="ours")
    kept = plan.unfold(todo, "local_id", "baseline").join(agreed, on=["local_id", "field"], how="anti")
    baseline = plan.fold(pl.concat([kept, agreed]), "local_id", alias="new_baseline")
    asked = (
        judged.filter(pl.col("decision") == "ask")
        .group_by("local_id")
        .agg(ask=pl.col("field").sort().str.join(", "), opt_in=pl.col("is_opt_in").any())
    )
    lost = (
        judged.filter(pl.col("decision") == "theirs")
        .group_by("local_id")
        .agg(lost=pl.col("field").sort().str.join(", "))
    )
    v = _with_contact(todo.drop("_disputes", strict=False))
    disputed = disputes(judged.filter(pl.col("decision") == "ask"), "local_id")
    passing = opt_outs(todo, judged)
    for part in (payload, before, baseline, asked, lost, disputed, passing):
        v = v.join(part, on="local_id", how="left")
    v = plan.stop(v, pl.col("opt_in").fill_null(value=False), Outcome.HELD, "opt_in", OPT_IN, "")
    conflict = pl.format("Both sides changed {}: a person decides.", pl.col("ask"))
    v = plan.stop(v, pl.col("ask").is_not_null(), Outcome.HELD, "conflict", conflict)
    doing = pl.col("_outcome").is_null() & pl.col("payload").is_not_null()
    held = pl.col("_outcome").is_not_null() & pl.col("pass_payload").is_not_null()
    newer = pl.format("The org's newer {} comes in with the inbound job.", pl.col("lost"))
    idle = pl.when(pl.col("lost").is_not_null()).then(newer).otherwise(pl.lit("Both sides are equal."))
    idle = pl.when(_is_met()).then(pl.format("{} {}", _met(), idle)).otherwise(idle)
    rows = plan.shaped(
        v.with_columns(
            record_id="local_id",
            sobject=pl.lit(pair.sobject),
            action=pl.when(doing | held).then(pl.lit("update")).otherwise(pl.lit("none")),
            _reason=pl.when(pl.col("_outcome").is_null() & ~doing)
            .then(idle)
            .when(doing & _is_met())
            .then(_met())
            .otherwise("_reason"),
            _outcome=pl.when(doing)
            .then(pl.lit("updated"))
            .when(pl.col("_outcome").is_null())
            .then(pl.lit("unchanged"))
            .otherwise("_outcome"),
            payload=pl.when(doing).then("payload").when(held).then("pass_payload"),
            before=pl.when(doing).then("before").when(held).then("pass_before"),
            baseline=pl.when(pl.col("_outcome").is_null()).then("new_baseline").when(held).then("pass_baseline"),
            extra=pl.when(pl.col("_cause").is_in(["conflict", "opt_in"]))
            .then(pl.format('{{"disputes":{}}}', pl.col("_disputes")))
            .when(_is_met())
            .then(_met_extra()),
            parent=pl.coalesce("what_id", "account_org_id", "who_id", "org_id"),
        )
    )
    return plan.Planned(rows, decisions=judged.filter("both_changed"))


def opt_outs(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The changes toward opted-out, which pass whatever else stops a record.

    Returns:
        ``local_id``, ``pass_payload``, ``pass_before``, ``pass_baseline`` String (JSON), of records that have any.
    """
    out = judged.filter(pl.col("is_consent") & (pl.col("decision") == "ours") & (pl.col("ours") == "true"))
    agreed = out.select("local_id", "field", value="ours")
    here = rows.join(out, on="local_id", how="semi")
    kept = plan.unfold(here, "local_id", "baseline").join(agreed, on=["local_id", "field"], how="anti")
    return (
        plan.fold(out, "local_id", value="ours", alias="pass_payload")
        .join(plan.fold(out, "local_id", value="theirs", alias="pass_before"), on="local_id")
        .join(plan.fold(pl.concat([kept, agreed]), "local_id", alias="pass_baseline"), on="local_id")
    )


def stopped_opt_outs(
    spec: JobSpec, pair: PairSpec, verdicts: pl.DataFrame, mapped: pl.DataFrame, org_now: pl.DataFrame, ground: Ground
) -> pl.DataFrame:
    """The opt-outs of linked records that stopped for another reason: columns as of :func:`opt_outs`."""
    rows = stopped(verdicts).with_columns(pl.lit(None, dtype=pl.String).alias("_outcome"))
    rows = rows.join(org_now.filter(~pl.col("_gone")).select("org_id", "_modified_at"), on="org_id")
    return opt_outs(rows, decide(ruled(_long(spec, pair, rows, mapped, org_now, ground), "local_id", ground.rulings)))


def stopped(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Linked records that live and go no further."""
    linked = ~pl.col("is_create") & pl.col("deleted_at").is_null()
    return verdicts.filter(pl.col("_outcome").is_not_null() & linked)


def with_opt_outs(rows: pl.DataFrame, passing: pl.DataFrame) -> pl.DataFrame:
    """The plan's rows, with updates of nothing but the opt-out in place of rows that stopped; their outcome stays."""
    if passing.is_empty():
        return rows
    out = rows.join(passing, left_on="record_id", right_on="local_id", how="left")
    goes = pl.col("pass_payload").is_not_null()
    return plan.shaped(
        out.with_columns(
            action=pl.when(goes).then(pl.lit("update")).otherwise("action"),
            payload=pl.when(goes).then("pass_payload").otherwise("payload"),
            before=pl.when(goes).then("pass_before").otherwise("before"),
            baseline=pl.when(goes).then("pass_baseline").otherwise("baseline"),
        )
    )


def differing(todo: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """The linked records that differ from what both sides last agreed on: ``local_id``.

    Only for these must the org be asked; the others need no API call.
    """
    fields = [c[2:] for c in mapped.columns if c.startswith("o:")]
    rows = mapped.join(todo.select("local_id"), on="local_id", how="semi")
    long = rows.unpivot([f"o:{f}" for f in fields], index="local_id", variable_name="field", value_name="ours")
    sent = rows.unpivot([f"s:{f}" for f in fields], index="local_id", variable_name="field", value_name="sent")
    cut = pl.col("field").str.slice(2)
    long = long.with_columns(cut).join(sent.with_columns(cut), on=["local_id", "field"]).filter("sent")
    base = plan.unfold(todo, "local_id", "baseline").rename({"value": "base"}).with_columns(known=pl.lit(value=True))
    compared = long.join(base, on=["local_id", "field"], how="left")
    moved = pl.col("known").is_null() | pl.col("ours").ne_missing(pl.col("base"))
    return compared.filter(moved).select("local_id").unique()
