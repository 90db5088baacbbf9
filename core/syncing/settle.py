"""Finds out what became of a request whose answer was lost, before anything is sent again.

What is found in the org is booked. What is not found counts as absent only when the org's own replication clock,
getUpdated's ``latestDateCovered``, has passed the moment we gave up, or the longest time a request may take there is
over; coverage is asked first and the look comes after it. Until then the rows stay in doubt. So do, for good, rows of
which a record may be one that somebody has edited meanwhile, where it cannot be told which.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from core.connections.salesforce import frames, soql
from core.connections.salesforce.gateway import RowAnswer
from core.mapping.spec import JobSpec
from core.store.tables import Batch
from core.syncing import outbox
from core.syncing.context import Context
from core.syncing.plan_out import upsert_field

LONGEST_REQUEST = timedelta(minutes=10)
"""The org ends a request by then (Salesforce's request time-out)."""
CLOCK_ERROR = timedelta(seconds=5)
"""By so much our idea of the org's time may be wrong: coverage must have passed the moment by more."""
WHOM = ("WhoId", "WhatId")
NAMES = ("Email", "LastName", "Name", "Subject")
"""By what a record is known again whose other values were edited: whom an activity is about, else a name."""

Payloads = dict[int, dict[str, Any]]
Records = dict[str, dict[str, Any]]


def settle(ctx: Context, spec: JobSpec, head: Batch) -> bool:
    """Look for the rows of a batch in the org and book those that are there.

    Returns:
        Whether nothing of it is in doubt any more; the rows that certainly never arrived are then free to be sent.
    """
    covered = _covered(ctx, head.sobject)
    if head.given_up_at is None:
        # We died between the intent and the answer: the request may still be under way as of now.
        outbox.keep(ctx, head, state="in_doubt", given_up_at=ctx.gateway.server_now())
    given_up = head.given_up_at
    assert given_up is not None  # noqa: S101
    rows = outbox.unsent(ctx, head.run_id, head.number)
    if rows.is_empty():
        return True
    absent = _book_found(ctx, spec, head, rows, _look(ctx, spec, head, rows))
    if absent.height and not _proven_absent(ctx, covered, given_up):
        return False
    if head.action == "create" and absent.height and upsert_field(ctx, spec.pair(head.sobject)) is None:
        edited, unclear = _edited(ctx, head, absent)
        absent = _book_found(ctx, spec, head, absent, edited)
        if unclear:
            return False
    if head.action == "update" and absent.height:
        overtaken = _overtaken(ctx, head, absent)
        reason = "Its request never arrived, and the org record has changed since: it is decided anew."
        outbox.book_again(ctx, spec, head, overtaken, "overtaken", reason, at_once=True)
    outbox.keep(ctx, head, state="planned", given_up_at=None)
    return True


def _book_found(ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame, found: dict[int, str]) -> pl.DataFrame:
    """Book the rows that the org has; the others are returned."""
    hit = pl.Series([r in found for r in rows["row"]], dtype=pl.Boolean)
    arrived = rows.filter(hit)
    answers = [
        RowAnswer(found[r], success=True, created=True, message="found in the org", http=0) for r in arrived["row"]
    ]
    outbox.book_answers(ctx, spec, head, arrived, answers, how="settled")
    return rows.filter(~hit)


def _covered(ctx: Context, sobject: str) -> datetime:
    now = ctx.gateway.server_now()
    return ctx.gateway.updated(sobject, now - timedelta(minutes=5), now).latest_date_covered


def _proven_absent(ctx: Context, covered: datetime, given_up: datetime) -> bool:
    return covered > given_up + CLOCK_ERROR or ctx.gateway.server_now() > given_up + LONGEST_REQUEST + outbox.BEFORE


def _look(ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame) -> dict[int, str]:
    """Row number -> Id of the rows that the org has."""
    if head.action == "create":
        ext = upsert_field(ctx, spec.pair(head.sobject))
        return _by_key(ctx, head, rows, ext) if ext else _by_content(ctx, head, rows)
    return _by_id(ctx, head, rows)


def _by_key(ctx: Context, head: Batch, rows: pl.DataFrame, ext: str) -> dict[int, str]:
    keys = {json.loads(p)[ext]: r for r, p in rows.select("row", "payload").iter_rows()}
    found: dict[int, str] = {}
    for query in soql.queries_in(["Id", ext], head.sobject, ext, list(keys)):
        # One that somebody has deleted since did arrive: sending it again would bring it back.
        for record in ctx.gateway.query(query, all_rows=True):
            row = keys.get(record[ext])
            if row is not None:
                found[row] = record["Id"]
    return found


def _by_id(ctx: Context, head: Batch, rows: pl.DataFrame) -> dict[int, str]:
    ids = rows["org_id"].to_list()
    if head.action == "delete":
        told = ctx.gateway.retrieve(head.sobject, ids, ["Id"])
        return {r: i for r, i, t in zip(rows["row"], ids, told, strict=True) if t is None}
    payloads = [json.loads(p) for p in rows["payload"]]
    fields = sorted({n for p in payloads for n in p})
    now = _texts(ctx, head.sobject, fields, _as_they_are(ctx, head.sobject, ids, ["Id", *fields]))
    return {
        r: i
        for r, i, p, n in zip(rows["row"], ids, payloads, now, strict=True)
        if all(_same(v, n.get(f)) for f, v in p.items())
    }


def _as_they_are(ctx: Context, sobject: str, ids: list[str], fields: list[str]) -> list[dict[str, Any]]:
    """Records of the org by Id; of those that were deleted since, what the recycle bin holds: an update did arrive."""
    told = ctx.gateway.retrieve(sobject, ids, fields)
    gone = [i for i, t in zip(ids, told, strict=True) if t is None]
    binned = [r for q in soql.queries_in(fields, sobject, "Id", gone) for r in ctx.gateway.query(q, all_rows=True)]
    kept = {str(r["Id"]): r for r in binned}
    return [t or kept.get(i, {}) for i, t in zip(ids, told, strict=True)]


def _overtaken(ctx: Context, head: Batch, rows: pl.DataFrame) -> pl.DataFrame:
    """Updates that must not be sent as planned: somebody has changed the record since."""
    befores = [json.loads(b or "{}") for b in rows["before"]]
    fields = sorted({n for b in befores for n in b})
    told = ctx.gateway.retrieve(head.sobject, rows["org_id"].to_list(), ["Id", *fields])
    now = _texts(ctx, head.sobject, fields, [t or {} for t in told])
    moved = [any(not _same(v, n.get(f)) for f, v in b.items()) for b, n in zip(befores, now, strict=True)]
    return rows.filter(pl.Series(moved, dtype=pl.Boolean))


def _by_content(ctx: Context, head: Batch, rows: pl.DataFrame) -> dict[int, str]:
    """Equal intents against equal finds, as multisets: n of the one and m of the other make min(n, m) pairs."""
    payloads = _payloads(rows)
    return pair_up(payloads, _own_creations(ctx, head, payloads, outbox.BEFORE))


def _payloads(rows: pl.DataFrame) -> Payloads:
    return {r: json.loads(p) for r, p in rows.select("row", "payload").iter_rows()}


def _own_creations(
    ctx: Context, head: Batch, payloads: Payloads, before: timedelta, until: datetime | None = None
) -> Records:
    """What our own user has created since the intent and nobody has booked; what has no copy here comes first."""
    fields = sorted({n for p in payloads.values() for n in p})
    since = (head.intent_at or ctx.gateway.server_now()) - before
    clauses = [soql.eq("CreatedById", ctx.integration_user), soql.ge("CreatedDate", since)]
    if until is not None:
        clauses.append(soql.le("CreatedDate", until))
    told = ctx.gateway.query(soql.select(["Id", *fields], head.sobject, soql.all_of(*clauses)), all_rows=True)
    texts = {t["Id"]: t for t in _texts(ctx, head.sobject, ["Id", *fields], told)}
    booked, copied = outbox.linked(ctx, list(texts)), outbox.linked(ctx, list(texts), copies=True)
    return {i: texts[i] for i in sorted(texts.keys() - booked, key=lambda i: (i in copied, i))}


def _edited(ctx: Context, head: Batch, absent: pl.DataFrame) -> tuple[dict[int, str], bool]:
    """The rows that are there with other values than were sent, and whether it cannot be told of some.

    A person, a flow or a trigger may have edited a record before we looked. What other open batches sent is set aside.
    """
    payloads = _payloads(absent)
    opened = {(b.run_id, b.number) for b in outbox.open_creates(ctx, head.sobject)} - {(head.run_id, head.number)}
    others: Payloads = {}
    for run_id, number in opened:
        sent = _payloads(outbox.unsent(ctx, run_id, number))
        others |= {-len(others) - n: p for n, p in enumerate(sent.values(), 1)}
    until = (head.given_up_at or ctx.gateway.server_now()) + LONGEST_REQUEST
    free = _own_creations(ctx, head, payloads | others, CLOCK_ERROR, until)
    if {(b.run_id, b.number) for b in outbox.open_creates(ctx, head.sobject)} - {(head.run_id, head.number)} - opened:
        return {}, True  # one was begun while we looked, and what it made is among them: look again
    elsewhere = pair_up(others, free)
    free = {i: r for i, r in free.items() if i not in elsewhere.values()}
    return pair_edited(payloads, {n: p for n, p in others.items() if n not in elsewhere}, free)


def pair_edited(payloads: Payloads, others: Payloads, records: Records) -> tuple[dict[int, str], bool]:
    """Pair intents with records whose values were edited, by whom they are about, then by everything but that.

    Args:
        payloads: the intents, none of which is there as it was sent.
        others: intents of other batches that may be behind the records as well; their numbers are negative.
        records: own creations that nobody has booked.

    Returns:
        Row number -> Id where there are as many records as intents, and whether there is a group of which there are
        some, but not as many: then it cannot be told which of them arrived.
    """
    found: dict[int, str] = {}
    torn: set[int] = set()
    names = sorted({n for p in payloads.values() for n in p})
    whom = tuple(n for n in WHOM if n in names) or tuple(n for n in NAMES if n in names)[:1]
    for fields in (whom, tuple(n for n in names if n not in whom)):
        groups, shelf = _by_group(payloads | others, fields), _by_group(records, fields)
        for key, rows in groups.items():
            there = shelf.get(key, [])
            if len(there) == len(rows):
                pairs = _closest(rows, there, payloads | others, records)
                found |= {r: i for r, i in pairs.items() if r in payloads}
                records = {i: v for i, v in records.items() if i not in there}
                payloads = {r: p for r, p in payloads.items() if r not in pairs}
                others = {r: p for r, p in others.items() if r not in pairs}
            elif there:
                torn |= payloads.keys() & set(rows)
    return found, bool(torn - found.keys())


def _by_group(values: dict[Any, dict[str, Any]], fields: tuple[str, ...]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for name, each in values.items() if fields else ():
        groups[_content(each, fields)].append(name)
    return groups


def _closest(rows: list[int], ids: list[str], payloads: Payloads, records: Records) -> dict[int, str]:
    """As many rows as records, the most alike first."""
    alike = Counter(
        {(r, i): sum(_same(v, records[i].get(f)) for f, v in payloads[r].items()) for r in rows for i in ids}
    )
    pairs: dict[int, str] = {}
    for (row, org_id), _ in alike.most_common():
        if row not in pairs and org_id not in pairs.values():
            pairs[row] = org_id
    return pairs


def pair_up(payloads: Payloads, records: Records) -> dict[int, str]:
    """Pair intents with org records that hold everything the intent sent; each record serves one intent.

    Only fields that were sent are compared: the org may have filled others by itself. Intents with more fields choose
    first.
    """
    by_fields: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, payload in payloads.items():
        by_fields[tuple(sorted(payload))].append(row)
    found: dict[int, str] = {}
    free = dict(records)
    for fields in sorted(by_fields, key=len, reverse=True):
        shelf: dict[str, list[str]] = defaultdict(list)
        for org_id, record in free.items():
            shelf[_content(record, fields)].append(org_id)
        for row in by_fields[fields]:
            waiting = shelf.get(_content(payloads[row], fields))
            if waiting:
                found[row] = waiting.pop(0)
                del free[found[row]]
    return found


def _texts(ctx: Context, sobject: str, fields: list[str], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    org = ctx.org(sobject)
    types = {f: d.type for f in fields if (d := org.field(f)) is not None}
    return frames.to_frame(records, fields, types).to_dicts()


def _content(values: dict[str, Any], fields: tuple[str, ...]) -> str:
    return json.dumps([_plain(values.get(f)) for f in fields])


def _plain(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").rstrip()


def _same(ours: str | None, theirs: str | None) -> bool:
    return _plain(ours) == _plain(theirs)
