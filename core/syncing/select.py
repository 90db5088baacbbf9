"""Chooses the workspace records an outbound run looks at, and gives them the columns that planning knows."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from core.identity.match import CANDIDATE, match_accounts, match_people
from core.mapping.spec import JobSpec, PairSpec
from core.planning.outbound import ELSEWHERE, RECORDS, Ground
from core.records import ACTIVITY_KINDS, Direction, Kind, table_of
from core.store import consent, links
from core.store.database import Batch
from core.store.records import load_records
from core.syncing.context import Context
from core.syncing.rulings import Rulings
from core.values import domains, emails, ids, phones

RENAMED = {"id": "local_id", "user_email": "user", "created_on_at": "created_on", "lead_source": "source_of_lead"}


def changed_since(ctx: Context, spec: JobSpec, scope: dict[str, Any] | None) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The records of the job's kind to be looked at now, and the marks to set afterwards.

    Without a scope: everything changed since the mark, and open rows whose time has come; after a change of the job
    every open row. With ``{"records": [...]}`` exactly those; with ``{"full": true}`` everything.
    """
    table, kinds = table_of(spec.kind), (str(spec.kind),) if spec.kind in ACTIVITY_KINDS else ()
    ws = ctx.workspace_id
    doubtful = _in_doubt(ctx, spec)
    if scope and "records" in scope:
        wanted = [i for i in scope["records"] if i not in doubtful]
        return load_records(ctx.db, ws, table, ids=wanted, kinds=kinds), {}
    first = spec.pairs[0].sobject
    mark = ctx.db.read(
        "SELECT workspace_seq, parents_seq, mapping FROM mark WHERE workspace_id = :w AND job = :j AND sobject = :o",
        w=ws, j=spec.name, o=first,
    )  # fmt: skip
    since = 0 if scope and scope.get("full") else int(mark.item(0, 0) or 0) if mark.height else 0
    parents_then = int(mark.item(0, 1) or 0) if mark.height else 0
    is_remapped = mark.height > 0 and mark.item(0, 2) not in (None, spec.fingerprint())
    # Asked once, and before the records: a parent that comes in between is new to the next run.
    parents_now = _parents_seq(ctx)
    upto = int(ctx.db.one("SELECT seq FROM workspace WHERE id = :w", w=ws))
    fresh = load_records(ctx.db, ws, table, after_seq=since, up_to_seq=upto, kinds=kinds)
    # A record whose last write is in doubt is looked at again once that is settled: the mark stays before it.
    held_back = fresh.filter(pl.col("id").is_in(list(doubtful)))
    if held_back.height:
        upto = int(held_back["seq"].min()) - 1  # type: ignore[arg-type]
        fresh = fresh.filter(~pl.col("id").is_in(list(doubtful)))
    again = _due_open(ctx, spec, moved=parents_now > parents_then, every=is_remapped)
    extra = [i for i in again if i not in set(fresh["id"].to_list()) and i not in doubtful]
    if extra:
        fresh = pl.concat([fresh, load_records(ctx.db, ws, table, ids=extra, kinds=kinds)])
    return fresh, {first: {"workspace_seq": upto, "parents_seq": parents_now, "mapping": spec.fingerprint()}}


def by_pair(ctx: Context, spec: JobSpec, records: pl.DataFrame) -> list[tuple[PairSpec, pl.DataFrame]]:
    """Each record at the first pair whose object it is linked to; one without such a link at the first pair."""
    if len(spec.pairs) == 1:
        return [(spec.pairs[0], records)]
    with ctx.db.reading(ctx.workspace_id) as batch:
        linked = links.of_records(batch, table_of(spec.kind), records["id"]).select("record_id", "sobject")
    places = pl.DataFrame({"sobject": [p.sobject for p in spec.pairs]}).with_row_index("place")
    placed = linked.join(places, on="sobject").group_by("record_id").agg(pl.col("place").min())
    at = records.select(id="id").join(placed, left_on="id", right_on="record_id", how="left", maintain_order="left")
    place = at["place"].fill_null(0)
    return [(pair, records.filter(place == n)) for n, pair in enumerate(spec.pairs)]


def start_now(ctx: Context, spec: JobSpec) -> None:
    """Set the marks of a job that never ran to now, so that it leaves alone what was there before."""
    now = ctx.now()
    if spec.direction is Direction.OUTBOUND:
        upto = int(ctx.db.one("SELECT seq FROM workspace WHERE id = :w", w=ctx.workspace_id))
        mark: dict[str, Any] = {"workspace_seq": upto, "parents_seq": _parents_seq(ctx)}
    else:
        mark = {"org_stamp_at": ctx.org_now()}
    with ctx.db.batch(ctx.workspace_id) as batch:
        for pair in spec.pairs:
            known = batch.read(
                "SELECT job FROM mark WHERE workspace_id = :w AND job = :j AND sobject = :o",
                w=ctx.workspace_id, j=spec.name, o=pair.sobject,
            )  # fmt: skip
            if known.is_empty():
                head = {"workspace_id": ctx.workspace_id, "job": spec.name, "sobject": pair.sobject}
                if spec.direction is Direction.INBOUND:
                    mark["scope_read_at"] = now if pair.where else None
                row = pl.DataFrame([{**head, **mark, "updated_at": now}])
                batch.upsert("mark", row, ("workspace_id", "job", "sobject"))


def _parents_seq(ctx: Context) -> int:
    return int(
        ctx.db.one(
            "SELECT MAX(m) FROM (SELECT MAX(seq) AS m FROM person WHERE workspace_id = :w UNION ALL"
            " SELECT MAX(seq) AS m FROM account WHERE workspace_id = :w UNION ALL"
            " SELECT MAX(id) AS m FROM link WHERE workspace_id = :w AND table_name <> 'activity') AS parents",
            w=ctx.workspace_id,
        )
        or 0
    )


def _due_open(ctx: Context, spec: JobSpec, *, moved: bool, every: bool) -> list[int]:
    frame = ctx.db.read(
        "SELECT record_id FROM open_row WHERE workspace_id = :w AND job = :j AND NOT is_aside AND record_id IS NOT NULL"
        " AND outcome <> 'in_doubt' AND (:every = 1 OR (retry_at IS NOT NULL AND retry_at <= :now)"
        " OR (:moved = 1 AND outcome = 'waiting' AND cause IN ('orphan', 'parent')))",
        w=ctx.workspace_id, j=spec.name, now=ctx.now(), moved=int(moved), every=int(every),
    )  # fmt: skip
    return [int(i) for i in frame["record_id"].to_list()] if frame.height else []


def _in_doubt(ctx: Context, spec: JobSpec) -> set[int]:
    frame = ctx.db.read(
        "SELECT record_id FROM open_row WHERE workspace_id = :w AND job = :j AND outcome = 'in_doubt'",
        w=ctx.workspace_id,
        j=spec.name,
    )
    return {int(i) for i in frame["record_id"].drop_nulls().to_list()}


def planning_columns(kind: Kind, records: pl.DataFrame) -> pl.DataFrame:
    """Store columns renamed and typed as the mapping names them; custom fields as ``fields.x``."""
    frame = records.rename({k: v for k, v in RENAMED.items() if k in records.columns})
    if kind is Kind.PERSON:
        frame = frame.rename({"source": "record_source", "source_of_lead": "source"})
    if "due_at" in frame.columns:
        frame = frame.with_columns(pl.col("due_at").str.to_date("%Y-%m-%d", strict=False))
    title = pl.coalesce([c for c in ("subject", "name", "external_id") if c in frame.columns])
    frame = frame.with_columns(_key=pl.col("external_id"), _title=title)
    return _custom(frame)


def _custom(frame: pl.DataFrame) -> pl.DataFrame:
    parsed = [json.loads(t) if t else {} for t in frame["fields"].to_list()]
    names = sorted({n for p in parsed for n in p})
    columns = [
        pl.Series(f"fields.{n}", [None if p.get(n) is None else _text(p[n]) for p in parsed], dtype=pl.String)
        for n in names
    ]
    return frame.drop("fields").with_columns(columns)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def ground(ctx: Context, spec: JobSpec, pair: PairSpec, rows: pl.DataFrame, made: Rulings) -> Ground:
    """Everything an outbound plan stands on for these rows."""
    with ctx.db.reading(ctx.workspace_id) as batch:
        held = links.of_records(batch, table_of(spec.kind), rows["local_id"])
        person_match, account_match = _matches(batch, spec, rows)
        people = _people(batch, person_match)
        wanted = pl.concat([account_match["account_record_id"], people["home"]]).drop_nulls().unique()
        accounts = _accounts(batch, wanted)
        users = _users(batch)
        records = _records_of(batch, pair, person_match)
        peopled = _peopled(batch, rows["local_id"]) if not spec.without_people else frozenset()
        released = _released(batch, rows["local_id"]) if spec.kind is Kind.PERSON else None
    here = pl.col("sobject") == pair.sobject
    return Ground(
        links=held.filter(here).select("org_id", "baseline", local_id="record_id"),
        records=records,
        elsewhere=_elsewhere(spec.kind, held.filter(~here)),
        released=released,
        peopled=peopled,
        rulings=made.fields,
        may_delete=made.may_delete,
        people=people,
        accounts=accounts,
        person_match=person_match,
        account_match=account_match,
        users=users,
        integration_user=ctx.integration_user,
        now=ctx.now(),
        people_come=ctx.goes_out(Kind.PERSON),
        accounts_come=ctx.goes_out(Kind.ACCOUNT),
        clock_offset_s=ctx.offset_s,
    )


def _records_of(batch: Batch, pair: PairSpec, match: pl.DataFrame) -> pl.DataFrame:
    """The custom record each person is on: of the first object, in the pair's order, that has exactly one."""
    if not pair.related_objects:
        return pl.DataFrame(schema=RECORDS)
    staged = batch.stage(match.select("person_record_id").drop_nulls().unique())
    found = batch.read(
        "SELECT r.person_record_id, l.org_id AS record_org_id, l.sobject FROM record r"  # noqa: S608
        f" JOIN {staged} s ON s.person_record_id = r.person_record_id JOIN link l ON l.workspace_id = r.workspace_id"
        " AND l.table_name = 'record' AND l.record_id = r.id AND l.state = 'active' WHERE r.workspace_id = :w"
        " AND r.deleted_at IS NULL AND r.archived_at IS NULL",
        w=batch.workspace_id,
    ).cast({"person_record_id": pl.Int64, "record_org_id": pl.String, "sobject": pl.String})
    order = {name: i for i, name in enumerate(pair.related_objects)}
    ranked = found.filter(pl.col("sobject").is_in(list(order))).with_columns(
        rank=pl.col("sobject").replace_strict(order, return_dtype=pl.Int64),
        n=pl.len().over("person_record_id", "sobject"),
    )
    alone = ranked.filter(pl.col("n") == 1).sort("rank").unique("person_record_id", keep="first", maintain_order=True)
    return alone.select("person_record_id", "record_org_id")


def _peopled(batch: Batch, accounts: pl.Series) -> frozenset[int]:
    """Those of the accounts at which somebody works who is not deleted."""
    staged = batch.stage(accounts.to_frame("account"))
    found = batch.read(
        f"SELECT DISTINCT p.account_record_id FROM person p JOIN {staged} s ON s.account = p.account_record_id"  # noqa: S608
        " WHERE p.workspace_id = :w AND p.deleted_at IS NULL",
        w=batch.workspace_id,
    )
    return frozenset(int(i) for i in found["account_record_id"])


def _released(batch: Batch, people: pl.Series) -> pl.DataFrame:
    """Those whom a person has opted in again, by the consent field."""
    found = consent.states(batch, people).filter(pl.col("state") == "in")
    return found.select(pl.col("record_id").alias("local_id"), pl.col("channel").alias("source"))


def _elsewhere(kind: Kind, held: pl.DataFrame) -> pl.DataFrame:
    """Accounts and people that another org object stands for; an activity may well be logged on two objects."""
    if kind in ACTIVITY_KINDS:
        held = held.clear()
    return held.group_by(local_id="record_id").agg(elsewhere=pl.col("sobject").sort().first()).cast(ELSEWHERE)  # type: ignore[arg-type]


def _matches(batch: Batch, spec: JobSpec, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    if spec.kind not in ACTIVITY_KINDS:
        person = pl.DataFrame({"local_id": rows["local_id"]}, schema={"local_id": pl.Int64}).with_columns(
            pl.lit(None, dtype=pl.Int64).alias("person_record_id"),
            pl.lit("no_reference").alias("status"),
            pl.lit(None, dtype=pl.List(CANDIDATE)).alias("candidates"),
        )
        account = rows.select(
            "local_id",
            pl.col("account_record_id")
            if "account_record_id" in rows.columns
            else pl.lit(None, dtype=pl.Int64).alias("account_record_id"),
            pl.lit("unique").alias("status"),
            pl.lit([], dtype=pl.List(CANDIDATE)).alias("candidates"),
        )
        return person, account
    refs = _references(rows)
    account_match = _account_match(batch, refs, rows)
    return _person_match(batch, refs, rows, account_match), account_match


def _references(rows: pl.DataFrame) -> pl.DataFrame:
    phone = phones.normalize(rows["person_phone"]).alias("phone")
    return rows.select(
        "local_id",
        ref=_refs(rows["person_ref"]),
        email=emails.normalize(rows["person_email"]),
        phone=phone,
        phone_plain=phone.to_frame().select(phones.plain_expr("phone")).to_series(),
        account_ref=_refs(rows["account_ref"]),
        domain=domains.from_websites(rows["account_domain"]),
    )


def _refs(given: pl.Series) -> pl.Series:
    """Org Ids made 18 characters long; anything else as it is, trimmed: an external id."""
    frame = pl.DataFrame({"given": given, "id": ids.normalize_ids(given)})
    return frame.select(pl.coalesce("id", pl.col("given").str.strip_chars())).to_series()


def _account_match(batch: Batch, refs: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    wanted = refs.select("local_id", ref="account_ref", domain="domain")
    staged = batch.stage(wanted.unique(["ref", "domain"]).select("ref", "domain"))
    accounts = batch.read(
        "SELECT a.id AS record_id, a.external_id, l.org_id FROM account a LEFT JOIN link l ON"  # noqa: S608
        " l.workspace_id = a.workspace_id"
        " AND l.table_name = 'account' AND l.record_id = a.id AND l.state = 'active' WHERE a.workspace_id = :w"
        f" AND a.deleted_at IS NULL AND (a.id IN (SELECT c.record_id FROM contact_point c JOIN {staged}"
        " s ON s.domain = c.value"
        "  WHERE c.workspace_id = :w AND c.table_name = 'account' AND c.kind = 'domain')"
        f" OR a.external_id IN (SELECT LOWER(ref) FROM {staged}) OR l.org_id IN (SELECT ref FROM {staged}))",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64))
    points = batch.read(
        f"SELECT c.kind, c.value, c.record_id FROM contact_point c JOIN (SELECT DISTINCT domain FROM {staged}) s"  # noqa: S608
        " ON s.domain = c.value WHERE c.workspace_id = :w AND c.table_name = 'account' AND c.kind = 'domain'",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64))
    match = match_accounts(wanted, accounts, points)
    own = rows.select("local_id", own="account_record_id")
    return match.join(own, on="local_id").select(
        "local_id",
        pl.coalesce("own", "account_record_id").alias("account_record_id"),
        pl.when(pl.col("own").is_not_null()).then(pl.lit("unique")).otherwise("status").alias("status"),
        "rule",
        "candidates",
    )


def _person_match(batch: Batch, refs: pl.DataFrame, rows: pl.DataFrame, account_match: pl.DataFrame) -> pl.DataFrame:
    hinted = refs.join(account_match.select("local_id", "account_record_id"), on="local_id")
    keys = (
        pl.concat(
            [
                refs.select(kind=pl.lit("email"), value="email"),
                refs.select(kind=pl.lit("phone"), value="phone"),
                refs.select(kind=pl.lit("phone"), value="phone_plain"),
            ]
        )
        .drop_nulls()
        .unique()
    )
    staged = batch.stage(keys)
    points = batch.read(
        f"SELECT c.kind, c.value, c.record_id FROM contact_point c JOIN {staged} s ON s.kind = c.kind"  # noqa: S608
        " AND s.value = c.value"
        " WHERE c.workspace_id = :w AND c.table_name = 'person'",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64))
    named = batch.stage(refs.select("ref").drop_nulls().unique())
    ids_found = batch.stage(points.select("record_id").unique())
    people = batch.read(
        "SELECT p.id AS record_id, p.external_id, p.account_record_id, l.org_id FROM person p LEFT JOIN link l"  # noqa: S608
        " ON l.workspace_id = p.workspace_id AND l.table_name = 'person' AND l.record_id = p.id AND l.state = 'active'"
        f" WHERE p.workspace_id = :w AND p.deleted_at IS NULL AND (p.id IN (SELECT record_id FROM {ids_found})"
        f" OR p.external_id IN (SELECT LOWER(ref) FROM {named}) OR l.org_id IN (SELECT ref FROM {named}))",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id", "account_record_id").cast(pl.Int64))
    # What a person picked is the record's own person from then on.
    own = rows.select("local_id", record_id="person_record_id").drop_nulls()
    return match_people(hinted, people, points, own)


def _people(batch: Batch, match: pl.DataFrame) -> pl.DataFrame:
    staged = batch.stage(match.select(record_id="person_record_id").drop_nulls().unique())
    return batch.read(
        "SELECT p.id AS record_id, l.org_id, l.sobject, p.name AS person_name, p.email AS person_email,"  # noqa: S608
        f" p.account_record_id AS home FROM person p JOIN {staged} s ON s.record_id = p.id LEFT JOIN link l"
        " ON l.workspace_id = p.workspace_id AND l.table_name = 'person' AND l.record_id = p.id AND l.state = 'active'"
        " WHERE p.workspace_id = :w",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id", "home").cast(pl.Int64))


def _accounts(batch: Batch, wanted: pl.Series) -> pl.DataFrame:
    staged = batch.stage(pl.DataFrame({"record_id": wanted}, schema={"record_id": pl.Int64}))
    return batch.read(
        f"SELECT a.id AS record_id, l.org_id, a.name AS account_name FROM account a JOIN {staged} s ON"  # noqa: S608
        " s.record_id = a.id"
        " LEFT JOIN link l ON l.workspace_id = a.workspace_id AND l.table_name = 'account' AND l.record_id = a.id"
        " AND l.state = 'active' WHERE a.workspace_id = :w",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64))


def _users(batch: Batch) -> pl.DataFrame:
    frame = batch.read(
        'SELECT u.email AS "user", u.org_user_id, o.is_active, u.zone AS row_zone FROM workspace_user u'
        " LEFT JOIN org_user o ON o.workspace_id = u.workspace_id AND o.org_id = u.org_user_id WHERE"
        " u.workspace_id = :w",
        w=batch.workspace_id,
    )
    return frame.select(
        pl.col("user").cast(pl.String),
        pl.col("org_user_id").cast(pl.String),
        pl.col("is_active").cast(pl.Boolean).alias("org_active"),
        pl.when(pl.col("row_zone") == "").then(None).otherwise("row_zone").cast(pl.String).alias("row_zone"),
    )
