"""Plans an inbound job: what each org record read becomes in the workspace, and why the others change nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from core.mapping.spec import Blank, JobSpec, PairSpec, Policy, Role
from core.planning import plan
from core.planning.conflicts import canonical_text, decide, disputes, ruled
from core.records import ACTIVITY_KINDS, CONSENT_FIELDS, Kind, Outcome

NEEDS_ACCOUNT = (Kind.TASK, Kind.TOUCHPOINT)
RELEASED = {"record_id": pl.Int64, "field": pl.String}
OPT_IN = "One side would opt this person in again: a person decides."
PASSENGERS = ("updated_at", "updated_by", "created_by", "created_on")
"""Who and when: they come along when something else changes, and are no change by themselves."""
BY_DOMAIN = {"Id": pl.String, "domain_account": pl.Int64}
IN_FLIGHT = "in_flight"
"""Cause of rows that wait until it is booked what became of our own last requests."""
SETTLED = timedelta(seconds=2)
"""So old a stamp must be for no later edit to bear it: its own second, and what the org's clock is uncertain by."""
BORN = ("created_by", "created_on")
"""Passengers that never change: they only fill, so that what was made here keeps its maker and its day."""


@dataclass(frozen=True)
class Ground:
    """What an inbound plan stands on, besides the captured rows.

    Attributes:
        links: ``Id`` String, ``record_id`` Int64, ``baseline`` String (JSON), ``org_stamp_at`` Datetime,
            ``linked_kind`` String (kind of the workspace record), ``updated_at`` Datetime (of the record),
            ``is_gone`` Boolean (the record was deleted here), ``is_archived`` Boolean (it had left the filter),
            ``is_adopted`` Boolean (not linked yet: the record's own lives on as it), ``was`` String (then, the Id of
            that own one), ``was_how`` String (merged, converted or restored), ``made_here`` Boolean (we created it in
            the org).
        matches: ``Id`` String, ``record_id`` Int64, ``status``, ``rule``: first-contact matches of unlinked rows.
        accounts: ``AccountId`` String (or another lookup), ``account_record_id`` Int64: linked accounts.
        people: ``WhoId`` String (or another lookup), ``person_record_id`` Int64: linked people.
        accounts_come: whether a switched-on job brings accounts in.
        own_user: the user we write as.
        own_users: the org users of all our connections, people's own logins among them.
        by_domain: ``Id`` String, ``domain_account`` Int64: the account whose domain is that of a lead's e-mail address;
            a lead names none itself.
        in_flight_since: org time of the oldest create of this object whose fate is not booked yet.
        released: people opted in again by hand: ``record_id`` Int64, ``field`` String (the consent field).
        rulings: what people have decided about fields: ``Id`` String, ``field``, ``ours``, ``theirs``, ``ruling``.
        may_delete: org Ids of which a person has said that their delete counts although the record changed here since.
        read_at: org time at which the rows began to be read; stamps of about then may still get another edit.
        read_before: the greatest stamp that an earlier run read.
        is_full: whether rows whose stamp is known are looked at again, as after a change of the mapping.
        twin_clears: the org fields that an outbound job of the same object empties where ours are empty; ``None``
            without such a job.
    """

    links: pl.DataFrame
    matches: pl.DataFrame
    accounts: pl.DataFrame
    people: pl.DataFrame
    accounts_come: bool = False
    clock_offset_s: float = 0.0
    by_domain: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BY_DOMAIN))
    own_user: str = ""
    own_users: tuple[str, ...] = ()
    in_flight_since: datetime | None = None
    read_at: datetime | None = None
    read_before: datetime | None = None
    is_full: bool = False
    twin_clears: frozenset[str] | None = None
    released: pl.DataFrame | None = None
    rulings: pl.DataFrame | None = None
    may_delete: tuple[str, ...] = ()


def resolve(spec: JobSpec, captured: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Give every captured row its link, account and person, and a verdict where it stops here.

    Args:
        spec: the job.
        captured: Utf8 columns named by org field path in canonical text, among them ``Id`` and ``SystemModstamp``;
            ``heir``, ``became``, ``into_account`` where a record lives on as another one.
        ground: see :class:`Ground`.

    Returns:
        The rows with ``record_id``, ``is_create``, ``account_record_id``, ``person_record_id``, ``stamp_at``,
        ``modified_at``, ``_key``, ``_title`` and the verdict columns.
    """
    r = captured.join(ground.links, on="Id", how="left")
    r = r.join(
        ground.matches.select(
            "Id", matched="record_id", match_status="status", match_rule="rule", match_candidates="candidates"
        ),
        on="Id",
        how="left",
    )
    r = r.with_columns(
        pl.col("record_id").is_not_null().alias("is_linked"),
        pl.coalesce("record_id", "matched").alias("record_id"),
        _instant(r, "SystemModstamp").alias("stamp_at"),
        _known_stamp(r, ground.read_at).alias("known_stamp"),
        _instant(r, "LastModifiedDate").alias("modified_at"),
        _instant(r, "CreatedDate").alias("org_created_at"),
        pl.col("Id").alias("_key"),
        _title(r).alias("_title"),
    ).with_columns(pl.col("record_id").is_null().alias("is_create"))
    for frame, name in ((ground.accounts, "account_record_id"), (ground.people, "person_record_id")):
        column = frame.columns[0]
        if column in r.columns:
            r = r.join(frame, on=column, how="left")
        else:
            r = r.with_columns(pl.lit(None, dtype=pl.Int64).alias(name))
    r = r.join(ground.by_domain, on="Id", how="left").with_columns(
        pl.coalesce("account_record_id", "domain_account").alias("account_record_id")
    )
    return _verdicts(spec, r, ground)


def _instant(r: pl.DataFrame, name: str) -> pl.Expr:
    if name not in r.columns:
        return pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us", strict=False)


def _known_stamp(r: pl.DataFrame, read_at: datetime | None) -> pl.Expr:
    """The stamp up to which the record is known for certain, as text.

    Stamps are whole seconds (Salesforce stores no less): while that second is not over, another edit may bear the same.
    """
    stamp = _instant(r, "SystemModstamp")
    if read_at is None:
        return pl.col("SystemModstamp")
    before = (stamp - timedelta(seconds=1)).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return pl.when(stamp > read_at - SETTLED).then(before).otherwise("SystemModstamp")


def _title(r: pl.DataFrame) -> pl.Expr:
    names = [c for c in ("Subject", "Name", "LastName", "Id") if c in r.columns]
    return pl.coalesce(names)


def _flag(r: pl.DataFrame, name: str) -> pl.Expr:
    return (pl.col(name) == "true").fill_null(value=False) if name in r.columns else pl.lit(value=False)


def _verdicts(spec: JobSpec, r: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    v = plan.open_verdict(r)
    gone, linked = _flag(r, "IsDeleted"), pl.col("is_linked")
    # First of all, and deleted ones too: once it is booked that it was ours, its delete has to come in.
    v = plan.stop(
        v, _in_flight(v, ground) & ~linked, Outcome.WAITING, IN_FLIGHT, "It may be one that was just sent from here."
    )
    moves = linked & _moves(v)
    v = plan.stop(v, gone & ~linked, Outcome.FILTERED, "deleted", "It is deleted in the org and was never here.")
    converted = _flag(r, "IsConverted")
    v = plan.stop(
        v, converted & ~linked, Outcome.FILTERED, "converted", "The lead was converted; its contact comes in instead."
    )
    seen = (
        linked
        & ~gone
        & ~moves
        & ~_archived(v)
        & (pl.col("org_stamp_at") >= pl.col("stamp_at"))
        & pl.lit(not ground.is_full)
    )
    v = plan.stop(v, seen, Outcome.UNCHANGED, "seen", "Already recorded with this SystemModstamp.")
    if spec.kind in ACTIVITY_KINDS:
        other = linked & (pl.col("linked_kind") != spec.kind.value)
        if ground.read_before is not None and not ground.is_full:
            again = other & (pl.col("stamp_at") <= ground.read_before)
            v = plan.stop(v, again, Outcome.UNCHANGED, "seen", "It was read before, and is another job's.")
        v = plan.stop(
            v,
            other,
            Outcome.FILTERED,
            "ours",
            pl.format("It is a {} that was logged from here.", pl.col("linked_kind")),
        )
    if not spec.delete:
        kept = gone & linked & ~_moves(v)
        v = plan.stop(
            v, kept, Outcome.SKIPPED, "delete_off", "It was deleted in the org; the job is set to keep it here."
        )
    live = ~gone & ~moves
    v = plan.stop(
        v,
        live & (pl.col("match_status") == "ambiguous").fill_null(value=False),
        Outcome.HELD,
        "ambiguous",
        "Several workspace records match: pick one.",
    )
    v = plan.stop(
        v, linked & live & pl.col("is_gone"), Outcome.SKIPPED, "deleted_here", "It was deleted in the workspace."
    )
    return _toggles(spec, v, live, ground)


def _archived(v: pl.DataFrame) -> pl.Expr:
    """Rows whose record had left the filter, and that are in it again."""
    return pl.col("is_archived").fill_null(value=False) if "is_archived" in v.columns else pl.lit(value=False)


def _in_flight(r: pl.DataFrame, ground: Ground) -> pl.Expr:
    """Whether a row may be one of ours whose answer is not booked yet: bringing it in would make a second record."""
    if ground.in_flight_since is None or "CreatedById" not in r.columns:
        return pl.lit(value=False)
    mine = pl.col("CreatedById").is_in([ground.own_user, *ground.own_users]) & (
        pl.col("org_created_at") >= ground.in_flight_since
    )
    return mine.fill_null(value=False)


def _moves(r: pl.DataFrame) -> pl.Expr:
    """Rows of records that live on as another one: what is here goes with them."""
    return pl.col("heir").is_not_null() if "heir" in r.columns else pl.lit(value=False)


def _toggles(spec: JobSpec, v: pl.DataFrame, live: pl.Expr, ground: Ground) -> pl.DataFrame:
    new = live & pl.col("is_create")
    if not spec.create:
        v = plan.stop(v, new, Outcome.SKIPPED, "create_off", "The job does not create workspace records.")
    if not spec.update:
        v = plan.stop(
            v, live & ~pl.col("is_create"), Outcome.SKIPPED, "update_off", "The job does not update workspace records."
        )
    if spec.kind not in NEEDS_ACCOUNT:
        return v
    homeless = pl.col("AccountId").is_null() if "AccountId" in v.columns else pl.lit(value=True)
    v = plan.stop(v, new & homeless, Outcome.SKIPPED, "no_account", "It belongs to no account.", "AccountId")
    unknown = new & pl.col("account_record_id").is_null()
    if ground.accounts_come:
        return plan.stop(v, unknown, Outcome.WAITING, "parent", "Its account is not in the workspace yet.", "AccountId")
    return plan.stop(
        v,
        unknown,
        Outcome.SKIPPED,
        "no_parent",
        "Its account is not in the workspace, and no job brings accounts.",
        "AccountId",
    )


def left_out(pair: PairSpec, resolved: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """Leave rows out whose key value is empty, as a list import does without an e-mail address or a website."""
    v = resolved
    for mapping in (m for m in pair.mappings if m.skip_empty):
        empty = mapped.select("local_id", _empty=pl.col(f"w:{mapping.target}").is_null())
        reason = f"{mapping.source} is empty in the org, so it is not brought in."
        v = v.join(empty, on="local_id", how="left")
        stops = pl.col("_empty") & ~_flag(v, "IsDeleted") & pl.col("is_create")
        v = plan.stop(v, stops, Outcome.SKIPPED, "no_value", reason, mapping.target).drop("_empty")
    return v


def rejected_by_mapping(resolved: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """Stop the rows that the mapping finds fault with: rejected where a needed value is missing, else held."""
    problems = plan.first_problem(mapped.select("local_id", "problems")).drop("problems")
    v = resolved.join(problems, on="local_id", how="left")
    hit = (
        pl.col("_outcome").is_null()
        & pl.col("p_cause").is_not_null()
        & (pl.col("IsDeleted") != "true").fill_null(value=True)
        & ~(_moves(v) & pl.col("is_linked"))
    )
    missing = pl.col("p_cause") == "required_empty"
    return v.with_columns(
        pl.when(hit & missing)
        .then(pl.lit(Outcome.REJECTED.value))
        .when(hit)
        .then(pl.lit(Outcome.HELD.value))
        .otherwise("_outcome")
        .alias("_outcome"),
        pl.when(hit).then("p_cause").otherwise("_cause").alias("_cause"),
        pl.when(hit).then("p_message").otherwise("_reason").alias("_reason"),
        pl.when(hit).then("p_field").otherwise("_field").alias("_field"),
    )


def finish(
    spec: JobSpec,
    pair: PairSpec,
    verdicts: pl.DataFrame,
    mapped: pl.DataFrame,
    mapped_base: pl.DataFrame,
    ours: pl.DataFrame,
    ground: Ground,
) -> plan.Planned:
    """The plan's rows: creates, updates field by field, deletes, moves of merged records, and everything that stopped.

    Args:
        spec: the job.
        pair: the object pair.
        verdicts: result of :func:`rejected_by_mapping`.
        mapped: the compiled mapping applied to the captured rows: ``local_id``, ``w:<field>``, ``s:<field>``.
        mapped_base: the same applied to the baselines of linked rows, with ``h:<field>`` Boolean: whether the
            baseline knows the org field behind it.
        ours: the workspace's present values of linked rows: ``record_id``, one Utf8 column per workspace field.
        ground: see :class:`Ground`.
    """
    fields = [c[2:] for c in mapped.columns if c.startswith("w:")]
    keys = [m.target for m in pair.mappings if m.role is Role.KEY]
    compared = [f for f in fields if f not in keys]
    opened = pl.col("_outcome").is_null()
    gone = (pl.col("IsDeleted") == "true").fill_null(value=False) | (_moves(verdicts) & pl.col("is_linked"))
    verdicts = _deleted_but_changed(spec, pair, verdicts, mapped_base, ours, ground)
    updating = opened & ~gone & ~pl.col("is_create")
    long = _long(spec, pair, verdicts.filter(updating), mapped, mapped_base, ours, compared, ground)
    judged = _with_passengers(decide(ruled(long, "Id", ground.rulings)))
    rest = _all_but_updates(pair, verdicts.filter(~updating.fill_null(value=False)), mapped, fields)
    changed = _updates(pair, verdicts.filter(updating), judged)
    return plan.Planned(pl.concat([rest, changed]), decisions=judged.filter("both_changed"))


def _deleted_but_changed(
    spec: JobSpec, pair: PairSpec, v: pl.DataFrame, mapped_base: pl.DataFrame, ours: pl.DataFrame, ground: Ground
) -> pl.DataFrame:
    """Hold deletes of the org that would take along what was changed here since both sides last agreed."""
    gone = (pl.col("IsDeleted") == "true").fill_null(value=False)
    alive = pl.col("is_linked") & ~pl.col("is_gone").fill_null(value=False)
    going = v.filter(pl.col("_outcome").is_null() & gone & alive & ~_moves(v)).select("local_id", "record_id")
    going = going.join(v.select("local_id", "Id"), on="local_id").filter(~pl.col("Id").is_in(ground.may_delete))
    if spec.policy is Policy.ORG_WINS or going.is_empty():
        return v
    fields = [m.target for m in pair.mappings if m.role is Role.VALUE and m.target not in PASSENGERS]
    fields = [f for f in fields if f in ours.columns and f"h:{f}" in mapped_base.columns]
    base = going.join(mapped_base, on="local_id")
    long = _melt(base, fields, "w:", ["local_id", "record_id"], "base")
    long = long.join(_melt(base, fields, "h:", ["local_id"], "known"), on=["local_id", "field"]).filter("known")
    mine = ours.unpivot(fields, index="record_id", variable_name="field", value_name="ours")
    long = long.join(mine, on=["record_id", "field"])
    # Where nothing is said here, the baseline holds what the org or we ourselves filled in.
    silent = canonical_text(pl.col("ours")).is_null() & _never_empties(pair, fields, ground)
    moved = long.filter(canonical_text(pl.col("ours")).ne_missing(canonical_text(pl.col("base"))) & ~silent)
    told = disputes(moved.with_columns(theirs=pl.lit(None, dtype=pl.String)), "local_id", deleted="org")
    v = v.join(told, on="local_id", how="left")
    named = moved.group_by("local_id").agg(pl.col("field").sort().str.join(", ").alias("_moved"))
    reason = pl.format("It was deleted in the org, but {} changed here since: a person decides.", pl.col("_moved"))
    v = v.join(named, on="local_id", how="left")
    return plan.stop(v, pl.col("_moved").is_not_null(), Outcome.HELD, "conflict", reason).drop("_moved")


def _long(
    spec: JobSpec,
    pair: PairSpec,
    todo: pl.DataFrame,
    mapped: pl.DataFrame,
    mapped_base: pl.DataFrame,
    ours: pl.DataFrame,
    fields: list[str],
    ground: Ground,
) -> pl.DataFrame:
    index = ["local_id", "Id", "record_id", "updated_at", "modified_at", "is_filler"]
    todo = todo.with_columns(is_filler=_filled_by_the_org(todo, ground))
    rows = todo.select(index)
    long = _melt(rows.join(mapped, on="local_id"), fields, "w:", index, "theirs")
    for prefix, name, frame in (("s:", "sent", mapped), ("w:", "base", mapped_base), ("h:", "has_base", mapped_base)):
        long = long.join(_melt(frame, fields, prefix, ["local_id"], name), on=["local_id", "field"], how="left")
    shared = [f for f in fields if f in ours.columns]
    mine = ours.unpivot(shared, index="record_id", variable_name="field", value_name="ours")
    policies = {m.target: str(m.policy or spec.policy) for m in pair.mappings}
    fill_only = [m.target for m in pair.mappings if m.blank is Blank.FILL_ONLY]
    sources = {m.target: m.source or "" for m in pair.mappings}
    free = pl.DataFrame(schema=RELEASED) if ground.released is None else ground.released
    long = long.join(free.with_columns(is_released=pl.lit(value=True)), on=["record_id", "field"], how="left")
    return long.join(mine, on=["record_id", "field"], how="left").with_columns(
        pl.col("is_released").fill_null(value=False),
        pl.col("has_base").fill_null(value=False),
        sent=pl.col("sent").fill_null(value=False) & ~(pl.col("field").is_in(fill_only) & pl.col("ours").is_not_null()),
        ours_at=pl.col("updated_at") + pl.duration(milliseconds=int(ground.clock_offset_s * 1000)),
        theirs_at=pl.col("modified_at"),
        is_silent=canonical_text(pl.col("ours")).is_null() & _never_empties(pair, fields, ground),
        policy=pl.col("field").replace_strict(policies, default=str(spec.policy), return_dtype=pl.String),
        source_path=pl.col("field").replace_strict(sources, default="", return_dtype=pl.String),
        is_consent=pl.col("field").is_in(CONSENT_FIELDS),
    )


def _filled_by_the_org(todo: pl.DataFrame, ground: Ground) -> pl.Expr:
    """Whether a record was made from here and nobody touched it since: what we did not send is the org's own."""
    if "LastModifiedById" not in todo.columns or "made_here" not in todo.columns:
        return pl.lit(value=False)
    # An edit of ours may have covered up somebody else's: only what stands as it was made is known to be the org's own.
    born = pl.col("modified_at") <= pl.col("org_created_at") + SETTLED
    return (pl.col("made_here") & born & (pl.col("LastModifiedById") == ground.own_user)).fill_null(value=False)


def _never_empties(pair: PairSpec, fields: list[str], ground: Ground) -> pl.Expr:
    """Whether a field that is empty here says nothing, because the outbound job leaves the org's value alone then."""
    if ground.twin_clears is None:
        return pl.lit(value=False)
    sources = {m.target: m.source or "" for m in pair.mappings}
    silent = [f for f in fields if sources.get(f, "") not in ground.twin_clears]
    return pl.col("field").is_in(silent)


def _with_passengers(judged: pl.DataFrame) -> pl.DataFrame:
    rides, sent = pl.col("field").is_in(PASSENGERS), pl.col("sent")
    moves = ((pl.col("decision") == "theirs") & sent & ~rides).any().over("local_id")
    differs = pl.col("decision") != "same"
    known = pl.col("field").is_in(BORN) & pl.col("ours").is_not_null()
    return judged.with_columns(
        pl.when(rides & differs & moves & sent & ~known)
        .then(pl.lit("theirs"))
        .when(rides)
        .then(pl.lit("same"))
        # What the mapping does not write over differs on, and the two sides have not agreed on it.
        .when(differs & ~sent)
        .then(pl.lit("stays"))
        .otherwise("decision")
        .alias("decision"),
        (pl.col("both_changed") & sent & ~rides).alias("both_changed"),
    )


def _melt(frame: pl.DataFrame, fields: list[str], prefix: str, index: list[str], value: str) -> pl.DataFrame:
    have = [f"{prefix}{f}" for f in fields if f"{prefix}{f}" in frame.columns]
    out = frame.unpivot(have, index=index, variable_name="field", value_name=value)
    return out.with_columns(pl.col("field").str.slice(len(prefix)))


def _all_but_updates(pair: PairSpec, v: pl.DataFrame, mapped: pl.DataFrame, fields: list[str]) -> pl.DataFrame:
    payload = plan.wide_json(mapped, "local_id", fields, "w:", "s:", "payload")
    v = v.join(payload, on="local_id", how="left").join(_opted_out(mapped), on="local_id", how="left")
    opened = pl.col("_outcome").is_null()
    gone = (pl.col("IsDeleted") == "true").fill_null(value=False)
    moved = _moves(v) & pl.col("is_linked")
    creates = opened & ~gone & ~moved
    return plan.shaped(
        v.with_columns(
            org_id="Id",
            sobject=pl.lit(pair.sobject),
            action=pl.when(creates)
            .then(pl.lit("create"))
            .when(opened & moved)
            .then(pl.lit("move"))
            .when(opened & gone)
            .then(pl.lit("delete"))
            .otherwise(pl.lit("none")),
            _reason=pl.when(opened & moved).then(_went(v)).otherwise("_reason"),
            _outcome=pl.when(creates)
            .then(pl.lit("created"))
            .when(opened & moved)
            .then(pl.lit("updated"))
            .when(opened & gone)
            .then(pl.lit("deleted"))
            .otherwise("_outcome"),
            payload=pl.when(creates).then("payload"),
            baseline=pl.when(creates).then("org_values"),
            extra=pl.when(opened & moved).then(_succession(v)).otherwise(_extra(v)),
        )
    )


def _went(v: pl.DataFrame) -> pl.Expr:
    if "heir" not in v.columns:
        return pl.lit("")
    converted = pl.format("The lead was converted into the contact {}.", "heir")
    return pl.when(pl.col("became") == "converted").then(converted).otherwise(
        pl.format("Merged in the org into {}.", "heir")
    )  # fmt: skip


def _opted_out(mapped: pl.DataFrame) -> pl.DataFrame:
    """``local_id``, ``_out``: the consent fields in which the org's record is out."""
    have = [f for f in CONSENT_FIELDS if f"w:{f}" in mapped.columns]
    out = [pl.when(pl.col(f"w:{f}") == "true").then(pl.lit(f)) for f in have]
    listed = pl.concat_list(out).list.drop_nulls() if out else pl.lit([], dtype=pl.List(pl.String))
    return mapped.select("local_id", _out=listed)


def _succession(v: pl.DataFrame) -> pl.Expr:
    """``extra`` of a record that lives on as another one: where to, how, and what must not be lost on the way."""
    if "heir" not in v.columns:
        return pl.lit(None, dtype=pl.String)
    told = pl.struct(
        pl.col("heir").alias("master"), "became", "into_account", pl.col("_out").alias("out"), stamp="known_stamp"
    )
    return told.struct.json_encode()


def _extra(v: pl.DataFrame) -> pl.Expr:
    """``extra``: what the row was known by, and what a person needs to decide on it."""
    stamps = _stamps(v)
    out = stamps
    if "_disputes" in v.columns:
        told = pl.format(',"disputes":{}}}', pl.col("_disputes"))
        out = (
            pl.when(pl.col("_cause").is_in(["conflict", "opt_in"]))
            .then(stamps.str.strip_suffix("}") + told)
            .otherwise(out)
        )
    listed = pl.struct(pl.col("match_candidates").alias("candidates")).struct.json_encode().str.strip_prefix("{")
    several = pl.col("_cause") == "ambiguous"
    return pl.when(several).then(stamps.str.strip_suffix("}") + pl.lit(",") + listed).otherwise(out)


def _stamps(v: pl.DataFrame) -> pl.Expr:
    modified = pl.col("LastModifiedDate") if "LastModifiedDate" in v.columns else pl.lit(None, dtype=pl.String)
    rule = pl.col("match_rule") if "match_rule" in v.columns else pl.lit(None, dtype=pl.String)
    kept = pl.col("keep").is_not_null() if "keep" in v.columns else pl.lit(value=False)
    return pl.struct(
        pl.col("known_stamp").alias("stamp"),
        modified.alias("modified"),
        rule.alias("rule"),
        "was",
        "was_how",
        kept.alias("is_left_to_outbound"),
    ).struct.json_encode()


def _updates(pair: PairSpec, todo: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    theirs = judged.filter(pl.col("decision") == "theirs")
    ours = judged.filter(pl.col("decision") == "ours")
    v = todo.drop("_disputes", strict=False)
    for part in (
        plan.fold(theirs, "local_id", value="theirs", alias="payload"),
        plan.fold(theirs, "local_id", value="ours", alias="before"),
        judged.filter(pl.col("decision") == "ask")
        .group_by("local_id")
        .agg(ask=pl.col("field").sort().str.join(", "), opt_in=pl.col("is_opt_in").any()),
        disputes(judged.filter(pl.col("decision") == "ask"), "local_id"),
        ours.group_by("local_id").agg(keep=pl.col("field").sort().str.join(", ")),
        judged.filter(pl.col("decision") == "stays")
        .group_by("local_id")
        .agg(stays=pl.col("field").sort().str.join(", ")),
    ):
        v = v.join(part, on="local_id", how="left")
    out = judged.filter(pl.col("is_consent") & (pl.col("decision") == "theirs") & (pl.col("theirs") == "true"))
    v = v.join(_next_baselines(v, judged), on="local_id", how="left")
    v = v.join(plan.fold(out, "local_id", value="theirs", alias="pass_payload"), on="local_id", how="left")
    v = v.join(plan.fold(out, "local_id", value="ours", alias="pass_before"), on="local_id", how="left")
    passing = _next_baselines(v, out.select(judged.columns)).rename({"next_baseline": "pass_baseline"})
    v = v.join(passing, on="local_id", how="left")
    v = plan.stop(v, pl.col("opt_in").fill_null(value=False), Outcome.HELD, "opt_in", OPT_IN, "")
    conflict = pl.format("Both sides changed {}: a person decides.", pl.col("ask"))
    v = plan.stop(v, pl.col("ask").is_not_null(), Outcome.HELD, "conflict", conflict)
    opened = pl.col("_outcome").is_null()
    doing = opened & pl.col("payload").is_not_null()
    # An opt-out passes, whatever else holds the record.
    held = ~opened & pl.col("pass_payload").is_not_null()
    adopting = pl.col("is_adopted").fill_null(value=False)
    linking = opened & (~pl.col("is_linked") | adopting)
    back = opened & _archived(v)
    again = pl.lit("It is in the job's filter again, and back with its history.")
    heir = (
        pl.when(pl.col("was_how") == "converted")
        .then(pl.lit("A lead was converted into it in the org: it goes on as the record that the lead has here."))
        .when(pl.col("was_how") == "restored")
        .then(pl.lit("It was taken out of the org's recycle bin, and is back with its history."))
        .otherwise(pl.lit("It won a merge in the org, and goes on as the record that its loser has here."))
    )
    newer = pl.format("The workspace's newer {} goes out with the outbound job.", pl.col("keep"))
    stays = pl.format("The mapping does not write over {}.", pl.col("stays"))
    idle = (
        pl.when(pl.col("keep").is_not_null())
        .then(newer)
        .when(pl.col("stays").is_not_null())
        .then(stays)
        .otherwise(pl.lit("Both sides are equal."))
    )
    return plan.shaped(
        v.with_columns(
            org_id="Id",
            sobject=pl.lit(pair.sobject),
            action=pl.when(doing | held)
            .then(pl.lit("update"))
            .when(linking)
            .then(pl.lit("link"))
            .when(back)
            .then(pl.lit("restore"))
            .otherwise(pl.lit("none")),
            _reason=pl.when(back)
            .then(again)
            .when(opened & adopting)
            .then(heir)
            .when(opened & ~doing & ~linking)
            .then(idle)
            .otherwise("_reason"),
            _outcome=pl.when(doing | linking | back)
            .then(pl.lit("updated"))
            .when(opened)
            .then(pl.lit("unchanged"))
            .otherwise("_outcome"),
            payload=pl.when(doing).then("payload").when(held).then("pass_payload"),
            before=pl.when(doing).then("before").when(held).then("pass_before"),
            baseline=pl.when(opened).then("next_baseline").when(held).then("pass_baseline"),
            extra=_extra(v),
        )
    )


def _next_baselines(v: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """``local_id``, ``next_baseline``: the org's values of the fields both sides agree on from now on.

    A field where ours is newer, one that does not travel, and one that only the outbound job knows keep the old
    baseline: else the outbound job would take the org's change for one of ours, and write over it.
    """
    # What a person gave to the workspace is settled: from here on only our side has changed.
    settled = pl.col("decision").is_in(["same", "theirs"]) | pl.col("ruling").is_not_null()
    open_paths = pl.col("source_path").filter(~settled)
    paths = judged.group_by("local_id").agg(pl.col("source_path").unique().alias("known"), open_paths.alias("open"))
    rows = v.select("local_id", "org_values", "baseline").join(paths, on="local_id", how="left")
    agreed = [
        (i, _agreed(now, old, set(known or ()) - set(pending or ())))
        for i, now, old, known, pending in rows.iter_rows()
    ]
    return pl.DataFrame(agreed, schema={"local_id": v.schema["local_id"], "next_baseline": pl.String}, orient="row")


def _agreed(now: str, old: str | None, paths: set[str]) -> str:
    values = json.loads(now)
    lookups = {f"{path.split('.')[0]}Id" for path in paths if "." in path}
    agreed = {n: t for n, t in values.items() if n in paths or n in lookups}
    return json.dumps({**json.loads(old or "{}"), **agreed}, ensure_ascii=False, separators=(",", ":"))
