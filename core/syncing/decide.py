"""Keeps what a person has decided about open rows; what the store can settle happens at once, the rest next run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from core.connections.salesforce.gateway import RowAnswer
from core.errors import NotFound, UsageError
from core.mapping.spec import JobSpec
from core.planning.choices import Asks, asks, choices
from core.records import ACTIVITY_KINDS, CONSENT_FIELDS, Direction, table_of
from core.store import consent, ledger
from core.store.codec import dumps
from core.store.database import Batch, Database
from core.store.records import save_records
from core.syncing import outbox
from core.syncing.context import Context
from core.values import ids

RESTORED = "It was restored here: the org's values are read again."
SIDES = {"workspace": "ours", "org": "theirs"}


@dataclass(frozen=True)
class Choice:
    """What a person says about some items, and who says it."""

    word: str
    actor: str
    at: datetime
    record_id: int | None = None
    org_id: str | None = None
    note: str = ""


@dataclass
class Item:
    """An open row with what it asks, and the fields that are decided (all where none is named)."""

    spec: JobSpec
    row: dict[str, Any]
    asks: Asks
    fields: set[str] = field(default_factory=set)

    @property
    def subject(self) -> Any:
        """The row's subject."""
        return self.row["subject"]


def items_of(db: Database, workspace_id: int, specs: Mapping[str, JobSpec], named: Sequence[str]) -> list[Item]:
    """The open rows that items of the inbox name: ``job:subject``, or ``job:subject#field``.

    Raises:
        NotFound: one of them is not open any more.
        UsageError: there is nothing to decide about one of them.
    """
    out: dict[str, Item] = {}
    for name in named:
        row_name, _, one = name.partition("#")
        if row_name not in out:
            out[row_name] = _item(db, workspace_id, specs, row_name)
        if one:
            out[row_name].fields.add(one)
    return list(out.values())


def _item(db: Database, workspace_id: int, specs: Mapping[str, JobSpec], name: str) -> Item:
    job, _, subject = name.partition(":")
    frame = db.read(
        "SELECT * FROM open_row WHERE workspace_id = :w AND job = :j AND subject = :s", w=workspace_id, j=job, s=subject
    )
    if frame.is_empty() or job not in specs:
        raise NotFound(f"{name} is not open any more.", hint="`syncline inbox list` shows what is.")
    row = frame.row(0, named=True)
    disputed = json.loads(row["disputes"] or "[]")
    found = asks(row["outcome"], row["cause"], about_delete=any(d["deleted"] for d in disputed))
    if found is None:
        raise UsageError(
            f"There is nothing to decide about {row['title'] or name}: {row['reason']}", hint="Mend it, then retry."
        )
    return Item(specs[job], row, found)


def decide(
    db: Database,
    workspace_id: int,
    specs: Mapping[str, JobSpec],
    items: Sequence[Item],
    choice: Choice,
    context: Callable[[], Context],
) -> dict[str, list[str]]:
    """Keep one choice for one or many items, each with a line in the ledger.

    Args:
        db: the store.
        workspace_id: whose.
        specs: all jobs by name.
        items: what is decided.
        choice: the choice.
        context: opens the org, for rows whose batch is in doubt.

    Returns:
        Job -> subjects that its next run has to look at.

    Raises:
        UsageError: the choice does not answer one of the items; nothing is kept.
    """
    for item in items:
        _check(item, choice)
    again: dict[str, list[str]] = {}
    for item in items:
        if item.asks is Asks.IN_DOUBT:
            _settle(context(), item, choice)
            continue
        with db.batch(workspace_id) as batch:
            for job, subject in _keep(batch, specs, item, choice):
                again.setdefault(job, []).append(subject)
    return again


def _check(item: Item, choice: Choice) -> None:
    words = choices(item.asks, item.spec.direction)
    if choice.word not in words:
        raise UsageError(f"{item.row['title'] or item.subject} is decided by {' or '.join(words)}, not {choice.word}.")
    if choice.word == "record" and choice.record_id is None:
        raise UsageError("Say which record it is.", hint="`syncline inbox show` lists the candidates.")
    if choice.word == "in" and not choice.note.strip():
        raise UsageError("Say why they may be opted in again.", hint="The note is the evidence that is kept.")
    if choice.word == "same" and not ids.is_id(choice.org_id or ""):
        raise UsageError("Say which org record it is.", hint="The question lists the candidates.")
    if choice.word == "arrived" and not ids.is_id(choice.org_id or ""):
        raise UsageError("Say as which org record it arrived.", hint="Look for it there, and copy its Id.")


def _keep(batch: Batch, specs: Mapping[str, JobSpec], item: Item, choice: Choice) -> list[tuple[str, str]]:
    """Write one decision down, and do what needs no org; which rows are to be looked at again."""
    told = {"choice": choice.word, "by": choice.actor, "at": choice.at.isoformat(), "note": choice.note}
    looked = [(item.spec.name, str(item.subject))]
    if item.asks is Asks.CONFLICT:
        looked += _keep_fields(batch, specs, item, choice, told)
    elif item.asks is Asks.OPT_IN:
        looked += _keep_consent(batch, specs, item, choice, told)
    elif item.asks is Asks.DELETE:
        looked = _keep_delete(batch, specs, item, choice, told)
    elif item.asks is Asks.ORG_MATCH:
        picked = ids.to18(choice.org_id or "") if choice.word == "same" else None
        _store(batch, item.spec.name, str(item.subject), {**told, "org_id": picked}, choice.at)
    elif item.asks in (Asks.MATCH, Asks.ORPHAN):
        _keep_match(batch, item, choice, told)
    elif item.asks is Asks.GONE:
        looked = _let_go(batch, item, choice)
    values = {**told, "record_id": choice.record_id, "disputes": _disputes(item)}
    ledger.write(
        batch,
        f"{item.asks.value}.settled",
        item.row["key"] or str(item.subject),
        actor=choice.actor,
        at=choice.at,
        detail=f"{choice.word}{': ' + choice.note if choice.note else ''}",
        values={**values, "fields": sorted(item.fields)},
    )
    return looked


def _store(batch: Batch, job: str, subject: str, decision: Mapping[str, Any], at: datetime) -> None:
    # Due at once: whichever run of the job is the next carries it out.
    batch.execute(
        "UPDATE open_row SET decision = :d, retry_at = :at, is_aside = false WHERE workspace_id = :w AND job = :j"
        " AND subject = :s",
        d=dumps(decision), at=at, w=batch.workspace_id, j=job, s=subject,
    )  # fmt: skip


def _keep_fields(
    batch: Batch, specs: Mapping[str, JobSpec], item: Item, choice: Choice, told: dict[str, Any]
) -> list[tuple[str, str]]:
    """The decision on this row, and in the other job's words on its row of the same record, where there is one."""
    wanted = item.fields or {d["field"] for d in _disputes(item)}
    meant = {_workspace_name(item.spec, item.row["sobject"], f) for f in wanted}
    return _rule(batch, specs, item, choice, told, meant, lambda _: SIDES[choice.word])


def _keep_consent(
    batch: Batch, specs: Mapping[str, JobSpec], item: Item, choice: Choice, told: dict[str, Any]
) -> list[tuple[str, str]]:
    """Out on both sides, or in again by this person's hand."""
    named = {d["field"]: _workspace_name(item.spec, item.row["sobject"], d["field"]) for d in _disputes(item)}
    channels = {n for n in named.values() if n in CONSENT_FIELDS}
    if choice.word == "in":
        for channel in sorted(channels):
            opt_in(batch, int(item.row["record_id"]), channel, choice)
    return _rule(batch, specs, item, choice, told, channels, lambda d: "ours" if d["workspace"] == "true" else "theirs")


def opt_in(batch: Batch, record_id: int, channel: str, choice: Choice) -> None:
    """Opt a person in again by hand: in the consent ledger, and in the workspace; the next runs tell the org."""
    batch.origin, batch.actor, batch.at = "by hand", choice.actor, choice.at
    consent.opt_in(batch, record_id, channel, choice.note)
    save_records(batch, "person", pl.DataFrame([{"id": record_id, channel: False, "updated_at": choice.at}]))


def _disputes(item: Item) -> list[dict[str, Any]]:
    return list(json.loads(item.row["disputes"] or "[]"))


def _rule(
    batch: Batch,
    specs: Mapping[str, JobSpec],
    item: Item,
    choice: Choice,
    told: dict[str, Any],
    meant: set[str],
    ruling: Callable[[dict[str, Any]], str],
) -> list[tuple[str, str]]:
    """Write the ruling on these workspace fields to every open row of the record; which other rows there are."""
    others = batch.read(
        "SELECT job, subject, sobject, disputes, decision FROM open_row WHERE workspace_id = :w"
        " AND cause IN ('conflict', 'opt_in')"
        " AND record_id = :r AND disputes IS NOT NULL",
        w=batch.workspace_id,
        r=item.row["record_id"],
    )
    out = []
    for row in others.iter_rows(named=True):
        spec = specs.get(row["job"])
        if spec is None or table_of(spec.kind) != table_of(item.spec.kind):
            continue
        ruled = [
            {"field": d["field"], "ours": d["workspace"], "theirs": d["org"], "ruling": ruling(d)}
            for d in json.loads(row["disputes"])
            if _workspace_name(spec, row["sobject"], d["field"]) in meant
        ]
        before = json.loads(row["decision"] or "{}").get("fields") or []
        kept = [f for f in before if f["field"] not in {r["field"] for r in ruled}]
        _store(batch, spec.name, row["subject"], {**told, "fields": kept + ruled}, choice.at)
        out.append((spec.name, str(row["subject"])))
    return [o for o in out if o != (item.spec.name, str(item.subject))]


def _workspace_name(spec: JobSpec, sobject: str, name: str) -> str:
    if spec.direction is Direction.INBOUND:
        return name
    mapping = spec.pair(sobject).mapping_of(name)
    return (mapping.source if mapping else None) or name


def _keep_delete(
    batch: Batch, specs: Mapping[str, JobSpec], item: Item, choice: Choice, told: dict[str, Any]
) -> list[tuple[str, str]]:
    deleted_in = json.loads(item.row["disputes"])[0]["deleted"]
    if choice.word == deleted_in:
        _store(batch, item.spec.name, str(item.subject), {**told, "may_delete": True}, choice.at)
        return [(item.spec.name, str(item.subject))]
    if deleted_in == "org":
        # It stays here, and is no longer one with the deleted record: the outbound job makes a new one.
        _end_link(batch, item, choice.at)
        _touch(batch, item, {"updated_at": choice.at})
        ledger.settle_open(batch, item.spec.name, pl.Series([str(item.subject)]))
        return _outbound_rows(specs, item)
    _touch(batch, item, {"deleted_at": None})
    ledger.settle_open(batch, item.spec.name, pl.Series([str(item.subject)]))
    return _read_again(batch, specs, item, choice.at)


def _keep_match(batch: Batch, item: Item, choice: Choice, told: dict[str, Any]) -> None:
    _store(batch, item.spec.name, str(item.subject), {**told, "record_id": choice.record_id}, choice.at)
    if item.spec.direction is Direction.OUTBOUND and item.spec.kind in ACTIVITY_KINDS:
        column = "account_record_id" if item.row["field"] == "WhatId" else "person_record_id"
        batch.execute(
            f"UPDATE activity SET {column} = :p WHERE workspace_id = :w AND id = :i",  # noqa: S608
            p=choice.record_id, w=batch.workspace_id, i=item.row["record_id"],
        )  # fmt: skip


def _let_go(batch: Batch, item: Item, choice: Choice) -> list[tuple[str, str]]:
    _end_link(batch, item, choice.at)
    ledger.settle_open(batch, item.spec.name, pl.Series([str(item.subject)]))
    if choice.word == "delete":
        _touch(batch, item, {"deleted_at": choice.at, "updated_at": choice.at})
        return []
    _touch(batch, item, {"updated_at": choice.at})
    return [(item.spec.name, str(item.subject))]


def _end_link(batch: Batch, item: Item, at: datetime) -> None:
    batch.execute(
        "UPDATE link SET state = 'deleted', updated_at = :at WHERE workspace_id = :w AND state = 'active'"
        " AND table_name = :t AND record_id = :r AND org_id = :o",
        at=at, w=batch.workspace_id, t=table_of(item.spec.kind), r=item.row["record_id"], o=item.row["org_id"],
    )  # fmt: skip


def _touch(batch: Batch, item: Item, values: dict[str, Any]) -> None:
    """Change the workspace's record, so that every job sees it as changed."""
    save_records(batch, table_of(item.spec.kind), pl.DataFrame([{"id": int(item.row["record_id"]), **values}]))


def _outbound_rows(specs: Mapping[str, JobSpec], item: Item) -> list[tuple[str, str]]:
    twins = [s for s in specs.values() if s.kind is item.spec.kind and s.direction is Direction.OUTBOUND]
    return [(s.name, str(item.row["record_id"])) for s in twins]


def _read_again(batch: Batch, specs: Mapping[str, JobSpec], item: Item, at: datetime) -> list[tuple[str, str]]:
    """Have the inbound job read the org's record by its Id: its mark has passed it long ago."""
    twins = [s for s in specs.values() if s.kind is item.spec.kind and s.direction is Direction.INBOUND]
    for spec in twins:
        row = {
            **{c: item.row[c] for c in ("sobject", "org_id", "key", "title", "run_id")},
            **dict.fromkeys(("field", "status_code"), ""), **dict.fromkeys(("value", "candidates", "disputes")),
            "job": spec.name, "subject": item.row["org_id"], "record_id": int(item.row["record_id"]),
            "outcome": "waiting", "cause": "restored", "reason": RESTORED,
            "is_temporary": True,
        }  # fmt: skip
        ledger.keep_open(batch, pl.DataFrame([row], infer_schema_length=None), at)
        batch.execute(
            "UPDATE open_row SET retry_at = :at WHERE workspace_id = :w AND job = :j AND subject = :s",
            at=at, w=batch.workspace_id, j=spec.name, s=item.row["org_id"],
        )  # fmt: skip
    return [(s.name, item.row["org_id"]) for s in twins]


def _settle(ctx: Context, item: Item, choice: Choice) -> None:
    """Say of one row in doubt what became of it; once the last of its batch is settled, the batch is done."""
    run_id = item.row["run_id"]
    found = ctx.db.read(
        "SELECT c.batch FROM change c JOIN run r ON r.plan_id = c.plan_id WHERE r.run_id = :r AND c.record_id = :i"
        " AND c.batch IS NOT NULL",
        r=run_id, i=item.row["record_id"],
    )  # fmt: skip
    if found.is_empty():
        raise NotFound("The batch of that row is not known any more.", hint="Retry the row.")
    head = outbox.take(ctx, run_id, int(found.item(0, 0)))
    rows = outbox.unsent(ctx, run_id, head.number)
    mine = rows.filter(pl.col("record_id") == item.row["record_id"])
    if choice.word == "arrived":
        told = RowAnswer(ids.to18(choice.org_id or ""), success=True, created=True, message="said by a person", http=0)
        outbox.book_answers(ctx, item.spec, head, mine, [told], how="by hand")
    else:
        reason = "A person found that the org never got it; it is sent again."
        outbox.book_again(ctx, item.spec, head, mine, "not_arrived", reason, at_once=True)
    if outbox.unsent(ctx, run_id, head.number).is_empty():
        outbox.keep(ctx, head, state="done", done_at=ctx.now())
    with ctx.db.batch(ctx.workspace_id) as batch:
        ledger.write(
            batch, "in_doubt.settled", item.row["key"], actor=choice.actor, at=choice.at, run_id=run_id,
            detail=choice.word, values={"org_id": choice.org_id, "note": choice.note},
        )  # fmt: skip
