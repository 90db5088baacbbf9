"""Says what the sample holds: counts by object and file, every planted case with its Ids, and what to expect of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from local_org.sample.base import Row, World
from local_org.sample.intake import Activities, Intake
from local_org.sample.people import live_people

_PLAIN = ("contact", "lead", "plain")
MEANINGS = {
    "across_midnight": "a meeting that starts on one day and ends on the next",
    "ambiguous": "the number belongs to several live people: hold and ask",
    "assignee_inactive": "the task belongs to the user who has left",
    "by_id_15": "the person is named by a 15-character Id",
    "by_id_15_lower": "a 15-character Id in lower case names nobody for certain: refuse",
    "by_id_18": "the person is named by an 18-character Id",
    "by_id_18_lower": "an 18-character Id in lower case, restored from its last three characters",
    "caller_without_org_user": "the caller has no user in the org",
    "campaign_touch": "one send of a campaign",
    "case_twin_by_id": "two Ids that differ only by case name two people",
    "colleagues_only": "nobody but our own people took part",
    "converted_by_lead_id": "the lead was converted: the call belongs to the contact it became",
    "converted_by_phone": "contact and converted lead have the number: only the contact counts",
    "deleted_by_id": "the person is in the recycle bin",
    "extension": "the number has an extension, spelled differently on each side",
    "follow_up": "an open task for a person, from a call",
    "hostile_text": "Markdown, HTML, formulas, quotes: data, never markup",
    "inactive_caller": "the caller's org user is inactive and cannot own new records",
    "lead_with_related_to": "the person is a lead, so the related record cannot go along",
    "long_notes": "more than 32,000 characters: too long for Description",
    "many_participants": "several people took part",
    "merged_by_loser_id": "the person lost a merge: the call belongs to the winner",
    "merged_chain_by_first_id": "the person's winner lost a merge too: follow to the end",
    "midnight": "seconds before, on or across midnight of the caller's day or of UTC",
    "newer": "the same key again with a later updated_at: an update",
    "no_outcome": "no outcome at all",
    "older": "the same key again with an earlier updated_at: unchanged, and said so",
    "opted_out": "the person has opted out of this channel",
    "orphan": "nobody, or no account, is known by this key",
    "same": "the same row again: unchanged",
    "same_other_case": "the same row again, its key in capitals: unchanged",
    "unmapped_outcome": "an outcome that the org's picklist has no value for",
    "upcoming": "a meeting still to come",
    "without_text": "a touchpoint with neither subject nor notes: well-formed, but not to be synced",
    "without_title": "a task without subject: well-formed, but not to be synced",
    "workspace_only_account": "the account is in accounts.csv and not in the org",
    "workspace_only_person": "the person is in people.csv and not in the org",
}
"""What each planted case of the intake stands for."""


def make_manifest(world: World, intake: Intake) -> dict[str, Any]:
    """The manifest of a world and its intake, ready for JSON."""
    return {
        "scale": world.scale,
        "seed": world.seed,
        "now": datetime.fromtimestamp(world.now, UTC).isoformat(),
        "org": {"counts": _org_counts(world), "planted": {**world.planted, **_consent(world)}},
        "intake": {
            "files": _files(intake),
            "planted": {each.name: _planted(each) for each in intake.activities},
            "calls_find": _calls_find(intake),
            "finds": intake.finds,
            "meanings": MEANINGS,
        },
    }


def _org_counts(world: World) -> dict[str, dict[str, int]]:
    """By object: all rows, those in the recycle bin, archived ones, and what a plain query returns."""
    return {name: _count(rows) for name, rows in sorted(world.rows.items())}


def _count(rows: list[Row]) -> dict[str, int]:
    deleted = sum(1 for row in rows if row.get("IsDeleted"))
    archived = sum(1 for row in rows if row.get("IsArchived") and not row.get("IsDeleted"))
    return {"all": len(rows), "deleted": deleted, "archived": archived, "live": len(rows) - deleted - archived}


def _consent(world: World) -> dict[str, list[str]]:
    """The live people who may not be called or written to."""
    people = live_people(world)
    return {
        "do_not_call": [row["Id"] for row in people if row["DoNotCall"]],
        "opted_out_of_email": [row["Id"] for row in people if row["HasOptedOutOfEmail"]],
    }


def _files(intake: Intake) -> dict[str, Any]:
    """By file: rows, and what taking them in comes to."""
    known: dict[str, Any] = {each.name: each.expected() for each in intake.activities}
    for name, rows in (("users.csv", intake.users), ("accounts.csv", intake.accounts), ("people.csv", intake.people)):
        known[name] = {"rows": len(rows), "created": len(rows), "updated": 0, "unchanged": 0, "rejected": 0}
    return known


def _planted(file: Activities) -> dict[str, Any]:
    """By case: the external ids of its rows; of broken lines what is wrong; of related rows what they relate to."""
    cases: dict[str, Any] = {}
    for label, row in (*file.rows, *file.repeats):
        if label not in _PLAIN:
            cases.setdefault(label, []).append(row["external_id"])
    cases["broken"] = [kind for kind, _ in file.broken]
    cases["related_to"] = {row["external_id"]: row["related_to"] for _, row in file.rows if "related_to" in row}
    return cases


def _calls_find(intake: Intake) -> dict[str, int]:
    """How many distinct calls belong to one contact, to one lead, and to no one record by which case."""
    kinds = {"003": "contact", "00Q": "lead"}
    found: Counter[str] = Counter()
    for label, row in intake.file("calls.ndjson").rows:
        record_id = intake.finds[row["external_id"]]
        found[kinds[record_id[:3]] if record_id else label] += 1
    return dict(sorted(found.items()))
