"""Says what a merge of org records would do, does it where asked to, and looks afterwards whether it did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from core.connections.salesforce import soql
from core.connections.salesforce.composite import Query
from core.connections.salesforce.soap import MOST_LOSERS
from core.errors import AnswerLost, NotFound, PlanError, UsageError
from core.records import CONSENT_FIELDS, Direction, Kind
from core.schema.describe import OrgObject
from core.store import ledger
from core.syncing.context import Context
from core.values import ids

MERGEABLE = ("Account", "Contact", "Lead")
OPT_OUTS = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")
"""Checkboxes in which true means out; ones that a mapping names beside them count as well."""
_NEVER = frozenset({"OwnerId", "MasterRecordId", "ReportsToId", "ParentId", "IsDeleted"})
_QUERIES_A_CALL = 5
_QUIET = ("ContentDocumentLink", "EmailStatus", "ProcessInstance", "TopicAssignment")


@dataclass(frozen=True)
class Simulation:
    """What a merge would do; nothing of it is done."""

    sobject: str
    winner: str
    losers: list[str]
    records: list[dict[str, Any]]
    """``org_id, name, is_winner, record_id`` (here), ``activities`` (here)."""
    values: list[dict[str, Any]]
    """Fields in which they differ: ``field, label, winner, losers`` (Id -> value), ``survives, from_id, why``."""
    sent: dict[str, str | None]
    """What the merge writes to the winner beside what it has."""
    consent: list[dict[str, Any]]
    """Opt-outs: ``field, out`` (Ids of those who are out), ``survives, lost_otherwise`` (a plain merge loses it)."""
    moves: list[dict[str, Any]]
    """Records that hang on the losers: ``sobject, field, n``."""
    links: list[str]
    """What becomes of the links here, in sentences."""
    next_sync: list[str]
    """What the next runs will write, in sentences."""
    problems: list[str] = field(default_factory=list)
    """Why it cannot be done from here; empty where it can."""
    steps: list[str] = field(default_factory=list)
    """For the org's admin, if it is done by hand."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON can carry it."""
        return asdict(self)


def simulate(ctx: Context, org_ids: Sequence[str], winner: str | None = None) -> Simulation:
    """What a merge of these records would do; reads the org, writes nothing.

    Args:
        ctx: the org.
        org_ids: two or more records of one object.
        winner: the one that stays; the first where ``None``.

    Raises:
        UsageError: fewer than two, an Id that is none, or a winner that is not among them.
        NotFound: one of them is not in the org.
    """
    wanted = _wanted(org_ids)
    stays = _wanted([winner])[0] if winner else wanted[0]
    if len(wanted) < 2 or stays not in wanted:
        raise UsageError("A merge needs two records or more, and its winner among them.", hint="Give their org Ids.")
    sobject, problems = _object_of(ctx, wanted)
    org = ctx.org(sobject)
    rows = _records(ctx, org, wanted)
    losers = [i for i in wanted if i != stays]
    outs = _opt_outs(ctx, org)
    values, sent = _values(org, rows, stays, losers, outs)
    consent = _consent(rows, stays, losers, outs)
    known = _known(ctx, wanted)
    moves = _moves(ctx, sobject, losers) if not problems else []
    records = [
        {"org_id": i, "name": rows[i].get("Name"), "is_winner": i == stays, **known.get(i, {"record_id": None,
                                                                                           "activities": 0})}
        for i in wanted
    ]  # fmt: skip
    return Simulation(
        sobject, stays, losers, records, values, sent, consent, moves,
        _links_words(stays, losers, known), _next_words(ctx, sobject, stays, losers, known, sent), problems,
        _steps(org, rows, stays, losers, sent),
    )  # fmt: skip


def _wanted(org_ids: Sequence[str]) -> list[str]:
    made = ids.normalize_ids(pl.Series([str(i) for i in org_ids], dtype=pl.String)).to_list()
    for given, made_of in zip(org_ids, made, strict=True):
        if made_of is None:
            raise UsageError(f"{given} is no Id of the org.", hint="An Id has 15 or 18 characters.")
    return list(dict.fromkeys(made))


def _object_of(ctx: Context, wanted: Sequence[str]) -> tuple[str, list[str]]:
    """The object of the records, by the prefix of their Ids, and what stands in the way."""
    by_prefix = {"001": "Account", "003": "Contact", "00Q": "Lead"}
    kinds = list(dict.fromkeys(by_prefix.get(i[:3], "") for i in wanted))
    if "" in kinds:
        raise UsageError("Only accounts, contacts and leads can be merged.", hint="Salesforce merges nothing else.")
    if set(kinds) == {"Lead", "Contact"}:
        words = "A lead and a contact cannot be merged: convert the lead into the contact in the org."
        return "Contact" if wanted[0].startswith("003") else kinds[0], [words]
    if len(kinds) > 1:
        return kinds[0], ["Records of different objects cannot be merged."]
    return kinds[0], []


def _records(ctx: Context, org: OrgObject, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    fields = [f.name for f in org.fields if f.updateable or f.name in ("Id", "Name", *OPT_OUTS)]
    out: dict[str, dict[str, Any]] = {}
    same = (
        [i for i in wanted if i[:3] == wanted[0][:3]]
        if org.name != "Contact"
        else [i for i in wanted if i[:3] == "003"]
    )
    for row in ctx.gateway.retrieve(org.name, same, list(dict.fromkeys(["Id", *fields]))):
        if row is not None:
            out[str(row["Id"])] = row
    missing = [i for i in same if i not in out]
    if missing:
        raise NotFound(f"{missing[0]} is not in the org, or out of our user's sight.", hint="It may be merged already.")
    return {i: out.get(i, {"Id": i}) for i in wanted}


def _opt_outs(ctx: Context, org: OrgObject) -> list[str]:
    """The object's opt-out checkboxes: Salesforce's own, and those that a mapping takes consent from."""
    mapped = [
        m.source or m.target
        for spec in ctx.jobs()
        if spec.kind is Kind.PERSON
        for p in spec.pairs
        if p.sobject == org.name
        for m in p.mappings
        if (m.target if spec.direction is Direction.INBOUND else m.source) in CONSENT_FIELDS
        and spec.direction is Direction.INBOUND
    ]
    return [f.name for f in org.fields if f.type == "boolean" and f.name in {*OPT_OUTS, *mapped}]


def _values(
    org: OrgObject, rows: dict[str, dict[str, Any]], stays: str, losers: Sequence[str], outs: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[str, str | None]]:
    """Fields in which the records differ, and what the merge has to send: an empty one is filled, an opt-out stands."""
    told: list[dict[str, Any]] = []
    sent: dict[str, str | None] = {}
    for f in org.fields:
        if not f.updateable or f.name in _NEVER or f.compound:
            continue
        own = rows[stays].get(f.name)
        others = {i: rows[i].get(f.name) for i in losers}
        if all(v == own or v in (None, "") for v in others.values()) and f.name not in outs:
            continue
        if f.name in outs and all(bool(v) == bool(own) for v in others.values()):
            continue
        survives, from_id, why = _survives(f.name, own, others, stays, outs)
        told.append({"field": f.name, "label": f.label, "winner": own, "losers": others, "survives": survives,
                     "from_id": from_id, "why": why})  # fmt: skip
        if from_id != stays:
            sent[f.name] = "true" if survives is True else str(survives)
    return told, sent


def _survives(name: str, own: Any, others: dict[str, Any], stays: str, outs: Sequence[str]) -> tuple[Any, str, str]:
    if name in outs:
        if own:
            return True, stays, "an opt-out stands"
        return True, next(i for i, v in others.items() if v), "an opt-out stands, whoever wins"
    if own in (None, ""):
        from_id, value = next((i, v) for i, v in others.items() if v not in (None, ""))
        return value, from_id, "the winner has none"
    return own, stays, "the winner's stands"


def _consent(
    rows: dict[str, dict[str, Any]], stays: str, losers: Sequence[str], outs: Sequence[str]
) -> list[dict[str, Any]]:
    told = []
    for name in outs:
        out = [i for i in (stays, *losers) if rows[i].get(name)]
        if out:
            told.append({"field": name, "out": out, "survives": True, "lost_otherwise": stays not in out})
    return told


def _known(ctx: Context, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Which records here are linked to the org records, and how many activities of ours went to them."""
    out: dict[str, dict[str, Any]] = {}
    for i in wanted:
        record = ctx.db.one(
            "SELECT record_id FROM link WHERE workspace_id = :w AND org_id = :o AND state = 'active'",
            w=ctx.workspace_id, o=i,
        )  # fmt: skip
        n = ctx.db.one(
            "SELECT COUNT(*) FROM link WHERE workspace_id = :w AND table_name = 'activity' AND state = 'active'"
            " AND baseline LIKE :o",
            w=ctx.workspace_id, o=f'%"{i}"%',
        )  # fmt: skip
        out[i] = {"record_id": None if record is None else int(record), "activities": int(n or 0)}
    return out


def _moves(ctx: Context, sobject: str, losers: Sequence[str]) -> list[dict[str, Any]]:
    """What hangs on the losers, by the object's child relationships; what cannot be counted is left out."""
    text = ctx.db.one(
        "SELECT body FROM org_describe WHERE workspace_id = :w AND sobject = :o", w=ctx.workspace_id, o=sobject
    )
    body = json.loads(text) if text else ctx.refresh(sobject)
    children = [
        (c["childSObject"], c["field"])
        for c in body.get("childRelationships") or []
        if c.get("relationshipName") and not c.get("deprecatedAndHidden") and c["childSObject"] not in _QUIET
    ]
    reads = [Query(soql.count(child, soql.is_in(name, list(losers)))) for child, name in children]
    answers = [
        a for start in range(0, len(reads), _QUERIES_A_CALL)
        for a in ctx.gateway.read_together(reads[start : start + _QUERIES_A_CALL])
    ]  # fmt: skip
    told = [
        {"sobject": child, "field": name, "n": int(a.total)}
        for (child, name), a in zip(children, answers, strict=True)
        if a.error is None and a.total
    ]
    return sorted(told, key=lambda m: (-int(m["n"]), str(m["sobject"])))


def _links_words(stays: str, losers: Sequence[str], known: dict[str, dict[str, Any]]) -> list[str]:
    out = []
    own = known.get(stays, {}).get("record_id")
    for i in losers:
        theirs = known.get(i, {}).get("record_id")
        if theirs is None:
            continue
        if own is None:
            out.append(f"Record {theirs}, linked to {i}, is linked to {stays} from then on.")
        else:
            out.append(f"Record {theirs}, linked to {i}, is closed; record {own} stays linked to {stays}.")
    return out


def _next_words(
    ctx: Context, sobject: str, stays: str, losers: Sequence[str], known: dict[str, dict[str, Any]],
    sent: dict[str, str | None],
) -> list[str]:  # fmt: skip
    jobs = [
        s.title for s in ctx.jobs() if s.direction is Direction.INBOUND and any(p.sobject == sobject for p in s.pairs)
    ]
    if not jobs:
        return [f"No job that is switched on reads {sobject}: nothing here follows the merge until one does."]
    out = [f"{jobs[0]} follows the merge and reads {stays} again."]
    if sent:
        out.append(f"It brings in {', '.join(sent)} of {stays} as they are then.")
    n = sum(known.get(i, {}).get("activities", 0) for i in losers)
    if n:
        out.append(f"{n} activities of ours hang on the winner; their next update goes there, none is sent again.")
    return out


def _steps(
    org: OrgObject, rows: dict[str, dict[str, Any]], stays: str, losers: Sequence[str], sent: dict[str, str | None]
) -> list[str]:
    name = rows[stays].get("Name") or stays
    out = [f"In Salesforce open {org.label or org.name} {name} ({stays}) and choose View Duplicates or Merge."]
    for start in range(0, len(losers), MOST_LOSERS):
        part = losers[start : start + MOST_LOSERS]
        out.append(f"Merge {' and '.join(part)} into it; keep {stays} as the master record.")
    out += [f"Choose {value!r} for {f} before you confirm." for f, value in sent.items()]
    return [*out, "Then have Syncline look again: the merge is verified against this plan."]


# -- doing it


def run(ctx: Context, plan: Simulation, actor: str) -> dict[str, Any]:
    """Have the org merge as simulated, and look whether it did.

    Returns:
        ``is_verified``, ``findings`` (sentences; empty where all is as simulated), ``moved`` (records that hang on the
        winner now).

    Raises:
        PlanError: it cannot be done from here, writes are paused, or the records have changed since.
        OrgError: the org refused it.
    """
    if plan.problems:
        raise PlanError(plan.problems[0], hint="Nothing was sent.")
    if ctx.db.one("SELECT is_paused FROM workspace WHERE id = :w", w=ctx.workspace_id):
        raise PlanError("All writes to the org are paused.", hint="Resume them first.")
    now = simulate(ctx, [plan.winner, *plan.losers], plan.winner)
    if (now.sent, now.values, now.consent) != (plan.sent, plan.values, plan.consent):
        raise PlanError("The records have changed in the org since this was simulated.", hint="Simulate again.")
    moved: list[str] = []
    for start in range(0, len(plan.losers), MOST_LOSERS):
        part = plan.losers[start : start + MOST_LOSERS]
        values = plan.sent if start == 0 else {}
        _note(ctx, actor, "records.merging", plan.winner, {"losers": part, "values": values, "before": plan.values})
        try:
            moved += ctx.gateway.merge(plan.sobject, plan.winner, part, values)["moved"]
        except AnswerLost:
            # Whether it was done the org tells: a loser that is gone into the winner was merged.
            if _merged_into(ctx, plan.sobject, part) != dict.fromkeys(part, plan.winner):
                raise
    found = verify(ctx, plan)
    _note(ctx, actor, "records.merged", plan.winner, {"losers": plan.losers, "findings": found})
    return {"is_verified": not found, "findings": found, "moved": len(set(moved))}


def verify(ctx: Context, plan: Simulation) -> list[str]:
    """What is not as simulated, in sentences; also after somebody merged by hand."""
    out = []
    into = _merged_into(ctx, plan.sobject, plan.losers)
    out += [f"{i} was not merged into {plan.winner}." for i in plan.losers if into.get(i) != plan.winner]
    (row,) = ctx.gateway.retrieve(plan.sobject, [plan.winner], ["Id", *plan.sent, *(c["field"] for c in plan.consent)])
    if row is None:
        return [*out, f"{plan.winner} is not in the org any more."]
    for name, value in plan.sent.items():
        have = row.get(name)
        if (str(have).lower() if isinstance(have, bool) else str(have)) != value:
            out.append(f"{name} of {plan.winner} is {have!r} and not {value!r}.")
    out += [
        f"The opt-out {c['field']} was lost: {plan.winner} is not opted out." for c in plan.consent
        if c["survives"] and not row.get(c["field"])
    ]  # fmt: skip
    left = {m["sobject"]: m["n"] for m in _moves(ctx, plan.sobject, plan.losers)} if not out else {}
    out += [f"{n} {sobject} records still hang on what was merged." for sobject, n in left.items()]
    return out


def _merged_into(ctx: Context, sobject: str, losers: Sequence[str]) -> dict[str, str]:
    where = soql.all_of(soql.is_in("Id", list(losers)), soql.eq("IsDeleted", True))
    rows = ctx.gateway.query(soql.select(["Id", "MasterRecordId"], sobject, where), all_rows=True)
    return {str(r["Id"]): str(r.get("MasterRecordId") or "") for r in rows}


def _note(ctx: Context, actor: str, kind: str, subject: str, values: Any) -> None:
    with ctx.db.batch(ctx.workspace_id) as batch:
        ledger.write(batch, kind, subject, actor=actor, at=ctx.now(), values=values)
