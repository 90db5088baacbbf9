"""The two-way decision once more, record by record and field by field, as plainly as it can be said."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

ABSENT = object()
"""A baseline that does not know the field."""
Text = str | None
RIDERS = ("updated_at", "updated_by", "created_by", "created_on")


@dataclass(frozen=True)
class Said:
    """What becomes of one record; a record that nothing is agreed on has no baseline."""

    outcome: str
    cause: str
    payload: dict[str, Text] | None
    baseline: dict[str, Text] | None


@dataclass(frozen=True)
class Times:
    """When either side last changed the record; ``offset_s`` is how far the org's clock is ahead of ours."""

    ours: datetime | None
    theirs: datetime | None
    offset_s: float = 0.0


def plain(text: Text) -> Text:
    """As compared: one kind of line end, nothing trailing, empty is null."""
    return (text or "").replace("\r\n", "\n").rstrip() or None


def who(ours: Text, theirs: Text, base: object, times: Times, policy: str) -> str:
    """One of same, ours, theirs, ask."""
    mine, other = plain(ours), plain(theirs)
    if mine == other:
        return "same"
    if base is ABSENT:
        if other is None:
            return "ours"
        return "theirs" if mine is None else judge(times, policy)
    agreed = plain(base) if isinstance(base, str) else None
    if mine != agreed and other != agreed:
        return judge(times, policy)
    return "ours" if mine != agreed else "theirs"


def judge(times: Times, policy: str) -> str:
    """Who wins where both have a claim."""
    if policy in ("org_wins", "workspace_wins"):
        return {"org_wins": "theirs", "workspace_wins": "ours"}[policy]
    if policy == "ask" or times.ours is None or times.theirs is None:
        return "ask"
    gap = times.ours + timedelta(seconds=times.offset_s) - times.theirs
    return "ours" if gap > timedelta(seconds=1) else "theirs"


def outbound(
    ours: Mapping[str, Text],
    sent: Mapping[str, bool],
    theirs: Mapping[str, Text],
    base: Mapping[str, Text],
    times: Times,
    policies: Mapping[str, str],
    gone: bool = False,
) -> Said:
    """What the outbound job does with a linked record."""
    if gone:
        return Said("held", "gone_in_org", None, None)
    said = {
        f: who(ours[f], theirs[f], base.get(f, ABSENT), times, policies[f]) for f in ours if f in theirs and sent[f]
    }
    if "ask" in said.values():
        return Said("held", "conflict", None, None)
    payload = {f: ours[f] for f, d in said.items() if d == "ours"}
    agreed = {f: ours[f] for f, d in said.items() if d in ("ours", "same")}
    return Said("updated" if payload else "unchanged", "", payload or None, {**base, **agreed} or None)


def inbound(
    ours: Mapping[str, Text],
    row: Mapping[str, Text],
    sources: Mapping[str, str],
    sent: Mapping[str, bool],
    base: Mapping[str, Text],
    times: Times,
    policies: Mapping[str, str],
    fill_only: tuple[str, ...] = (),
    silent: Collection[str] = (),
    untouched: bool = False,
) -> Said:
    """What the inbound job does with a linked record, whose org values are ``row``.

    ``silent`` fields say nothing where they are empty here; an ``untouched`` record is as we made it in the org.
    """
    said: dict[str, str] = {}
    for target, source in sources.items():
        travels = sent[target] and not (target in fill_only and ours[target] is not None)
        agreed = known(base, row, source)
        decision = who(ours[target], row[source], agreed, times, policies[target])
        if decision == "same" or plain(ours[target]) is not None:
            pass
        elif agreed is ABSENT and untouched:
            decision = "same"
        elif agreed is not ABSENT and target in silent:
            decision = "same" if plain(row[source]) == plain(agreed) else "theirs"  # type: ignore[arg-type]
        said[target] = decision if travels or decision == "same" else "stays"
    moves = any(d == "theirs" for f, d in said.items() if f not in RIDERS)
    for target in said.keys() & set(RIDERS):
        rides = moves and sent[target] and said[target] != "same"
        fixed = target.startswith("created_") and ours[target] is not None
        said[target] = "theirs" if rides and not fixed else "same"
    if "ask" in said.values():
        return Said("held", "conflict", None, None)
    payload = {f: row[sources[f]] for f, d in said.items() if d == "theirs"}
    return Said("updated" if payload else "unchanged", "", payload or None, next_baseline(base, row, sources, said))


def known(base: Mapping[str, Text], row: Mapping[str, Text], source: str) -> object:
    """What the baseline says of an org field; behind a lookup that has not moved are the values of now."""
    lookup = source.split(".")[0] + "Id"
    if "." in source and base.get(lookup) is not None and base.get(lookup) == row.get(lookup):
        return row[source]
    return base.get(source, ABSENT)


def next_baseline(
    base: Mapping[str, Text], row: Mapping[str, Text], sources: Mapping[str, str], said: Mapping[str, str]
) -> dict[str, Text]:
    """The old one, with the org's value wherever both sides agree from now on."""
    out = dict(base)
    for target, source in sources.items():
        if said[target] not in ("same", "theirs"):
            continue
        out[source] = row[source]
        if "." in source:
            lookup = source.split(".")[0] + "Id"
            out[lookup] = row[lookup]
    return out


def parsed(text: str | None) -> dict[str, Text] | None:
    """A plan's JSON column."""
    return None if text is None else json.loads(text)
