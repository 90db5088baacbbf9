"""Carries the people of an Event: read when a record is made here, written as invitees when one is made there.

Both happen once, with the record itself: what either side changes about them later is its own affair.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from core.connections.salesforce import soql
from core.connections.salesforce.composite import PUSH_ROWS
from core.errors import AnswerLost
from core.mapping.spec import PairSpec
from core.planning import plan
from core.store import ledger
from core.store.codec import dumps
from core.store.tables import Batch
from core.syncing import outbox
from core.syncing.context import Context
from core.values import emails

RELATION = "EventRelation"
FIELDS = ["EventId", "RelationId", "Relation.Name", "Relation.Email"]


def inbound(ctx: Context, pair: PairSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """The plan's rows, with the participants of Events that are to be made here: e-mail addresses, else names."""
    fresh = rows.filter(pl.col("action") == "create")["org_id"].drop_nulls()
    if not pair.participants or fresh.is_empty():
        return rows
    told: dict[str, list[Any]] = {}
    people = soql.eq("IsWhat", value=False)
    for statement in soql.queries_in(FIELDS, RELATION, "EventId", fresh, where=people):
        for r in ctx.gateway.query(statement):
            who = r.get("Relation") or {}
            named = (who.get("Email") or "").lower() or {"name": who.get("Name")}
            told.setdefault(str(r["EventId"]), []).append(named)
    payloads = [
        dumps({**json.loads(text), "participants": dumps(told[i])}) if text and i in told else text
        for i, text in rows.select("org_id", "payload").iter_rows()
    ]
    return plan.shaped(rows.with_columns(payload=pl.Series(payloads, dtype=pl.String)))


def outbound(ctx: Context, pair: PairSpec, rows: pl.DataFrame, resolved: pl.DataFrame) -> pl.DataFrame:
    """The plan's rows, with the org Ids that are to be invited to the Events that are to be made there."""
    if not pair.participants or "participants" not in resolved.columns:
        return rows
    fresh = rows.filter(pl.col("action") == "create").select(local_id="record_id")
    named = resolved.join(fresh, on="local_id", how="semi").filter(pl.col("participants").is_not_null())
    asked = [
        {"local_id": r["local_id"], "email": e, "who_id": r["who_id"], "owner": r["owner_org_id"]}
        for r in named.select("local_id", "participants", "who_id", "owner_org_id").iter_rows(named=True)
        for e in _addresses(r["participants"])
    ]
    if not asked:
        return rows
    frame = pl.DataFrame(asked, infer_schema_length=None)
    known = _known(ctx, frame["email"].unique())
    met = frame.join(known, on="email").filter(
        pl.col("org_id").ne_missing(pl.col("who_id")) & pl.col("org_id").ne_missing(pl.col("owner"))
    )
    invited = dict(met.group_by("local_id").agg(pl.col("org_id").unique().sort()).iter_rows())
    extra = [
        dumps({**(json.loads(text) if text else {}), "participants": invited[i]}) if i in invited else text
        for i, text in rows.select("record_id", "extra").iter_rows()
    ]
    return rows.with_columns(extra=pl.Series(extra, dtype=pl.String))


def _addresses(text: str) -> list[str]:
    found = [p.get("email") if isinstance(p, dict) else p for p in json.loads(text)]
    return [e for e in emails.normalize(pl.Series(found, dtype=pl.String)) if e]


def _known(ctx: Context, addresses: pl.Series) -> pl.DataFrame:
    """E-mail -> the one person or team member of the org who has it; a Contact rather than a Lead."""
    with ctx.db.reading(ctx.workspace_id) as batch:
        staged = batch.stage(addresses.to_frame("email"))
        found = batch.read(
            "SELECT s.email, l.org_id, l.sobject FROM contact_point c"  # noqa: S608
            f" JOIN {staged} s ON s.email = c.value JOIN link l ON l.workspace_id = c.workspace_id AND l.table_name ="
            " 'person' AND l.record_id = c.record_id AND l.state = 'active' WHERE c.workspace_id = :w"
            " AND c.table_name = 'person' AND c.kind = 'email'"
            " UNION ALL SELECT s.email, u.org_user_id, 'User' FROM workspace_user u"
            f" JOIN {staged} s ON s.email = u.email WHERE u.workspace_id = :w AND u.org_user_id IS NOT NULL",
            w=batch.workspace_id,
        ).cast({"email": pl.String, "org_id": pl.String, "sobject": pl.String})
    rank = pl.col("sobject").replace_strict({"User": 0, "Contact": 1}, default=2, return_dtype=pl.Int8)
    best = found.with_columns(rank=rank).filter(pl.col("rank") == pl.col("rank").min().over("email"))
    return best.filter(pl.len().over("email") == 1).select("email", "org_id")


def invite(ctx: Context, head: Batch) -> bool:
    """Invite the participants of the Events that a batch has made, those that are not invited yet.

    Asked again after a crash it finds what it has done. What the org refuses is in the ledger; the Event stays.

    Returns:
        Whether all are seen to; false where nothing more is to be written.
    """
    wanted = ctx.db.read(
        "SELECT x.org_id, c.extra FROM change c JOIN run r ON r.plan_id = c.plan_id JOIN record_result x"
        " ON x.run_id = r.run_id AND x.row = c.row WHERE r.run_id = :r AND c.batch = :n AND c.action = 'create'"
        " AND x.outcome = 'created' AND c.extra LIKE '%\"participants\"%'",
        r=head.run_id, n=head.number,
    )  # fmt: skip
    pairs = [(i, p) for i, text in wanted.iter_rows() for p in json.loads(text)["participants"]]
    if not pairs:
        return True
    if outbox.is_stopped(ctx, head.run_id):
        return False
    asked = soql.queries_in(["EventId", "RelationId"], RELATION, "EventId", [i for i, _ in pairs])
    there = {(str(r["EventId"]), str(r["RelationId"])) for s in asked for r in ctx.gateway.query(s)}
    missing = [p for p in dict.fromkeys(pairs) if p not in there]
    for at in range(0, len(missing), PUSH_ROWS):
        _push(ctx, head, missing[at : at + PUSH_ROWS])
    return True


def _push(ctx: Context, head: Batch, pairs: list[tuple[str, str]]) -> None:
    records = [{"EventId": event, "RelationId": who} for event, who in pairs]
    try:
        answers = ctx.gateway.push("create", RELATION, records)
    except AnswerLost as error:
        # Nobody is invited twice: whoever is missing is seen by a person.
        told = [(event, error.message) for event, _ in pairs]
    else:
        told = [(p[0], a.message) for p, a in zip(pairs, answers, strict=True) if not a.success]
    with ctx.db.batch(ctx.workspace_id) as batch:
        for event, why in told:
            ledger.write(
                batch, "participant.refused", event, actor="worker", at=ctx.now(), run_id=head.run_id, detail=why
            )
