"""Answers "why is it like this?" about one record: each reason by its kind, in words, with what to do.

It decides from the record's story (`core.audit.explain`) and from what the jobs, the org's describe and the users say;
it reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.audit import causes, words
from core.connections.salesforce import faults
from core.mapping.spec import Blank, FieldMapping, JobSpec, Overflow, PairSpec, Role
from core.records import ACTIVITY_KINDS, CONSENT_FIELDS, Direction, Kind, Outcome, workspace_fields
from core.schema.describe import OrgField, OrgObject

_OPS = {
    "=": "equals", "!=": "differs", "in": "in", "not in": "not_in", "<": "below", "<=": "below", ">": "above",
    ">=": "above", "contains": "contains", "is empty": "empty", "is not empty": "not_empty",
}  # fmt: skip
_QUIET = frozenset({"external_id", "updated_at", "created_by", "created_on", "updated_by", "account", "person"})


@dataclass(frozen=True)
class Facts:
    """What stands around a record."""

    specs: Sequence[JobSpec]
    org: OrgObject | None
    """The describe of the object it is linked to."""
    user: Mapping[str, Any] | None
    """The team member it belongs to: ``email, org_user_id, org_is_active, org_name``."""
    is_paused: bool
    plans: Mapping[str, Sequence[str]]
    """Job -> the guards that a plan of it tripped which waits for approval and has this record in it."""
    zone: str


def of(story: Mapping[str, Any], facts: Facts) -> list[dict[str, str]]:
    """Every reason why a record is as it is: ``kind``, ``about`` (a job, field or Id), ``why``, ``do`` (may be empty).

    What stops it comes first, then how it came to be linked, then its fields.
    """
    parts = (_stops, _jobs, _whom, _owner, _lineage, _decisions, _fields)
    out: dict[tuple[str, str], dict[str, str]] = {}
    for part in parts:
        for kind, about, why, do in part(story, facts):
            out.setdefault((kind, about), {"kind": kind, "about": about, "why": why, "do": do})
    return list(out.values())


Reason = Iterator[tuple[str, str, str, str]]


def _sentence(text: str) -> str:
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def _titles(facts: Facts) -> dict[str, str]:
    return {s.name: s.title for s in facts.specs}


# -- what stops it


def _stops(story: Mapping[str, Any], facts: Facts) -> Reason:
    gone = story["workspace"].get("deleted_at")
    if gone:
        yield "deleted_here", "", f"It was deleted in the workspace on {words.moment(gone, facts.zone)}.", ""
    for job, guards in facts.plans.items():
        why = f"It is in a plan of {_titles(facts).get(job, job)} that waits for approval: {' '.join(guards)}"
        yield "guard", job, why.strip(), "Look at the plan, then approve or discard it."
    for row in story["open"]:
        cause = causes.known(row["cause"])
        code = row["status_code"] or row["cause"]
        where = _titles(facts).get(row["job"], row["job"])
        if cause is not None:
            yield row["cause"], row["job"], _sentence(f"{where}: {row['reason'] or cause.words}"), cause.do
        else:
            told = faults.fault(code)
            said = row["reason"] or told.what
            yield code, row["job"], f"{where}: {said} {told.why}".strip(), told.do
        if row["is_aside"]:
            yield (
                "aside",
                row["job"],
                f"{where}: somebody put it aside; it is not tried again by itself.",
                "Put it back.",
            )
        elif row["retry_at"]:
            at = words.moment(row["retry_at"], facts.zone)
            yield "retry", row["job"], f"{where}: it is tried again on {at}, for the {row['tries'] + 1}. time.", ""
    outbound = any(v["fits"] and v["direction"] == Direction.OUTBOUND.value for v in story["jobs"])
    if facts.is_paused and outbound:
        yield "paused", "", "All writes to the org are paused.", "Resume them; nothing is lost."


# -- which jobs take it


def _jobs(story: Mapping[str, Any], facts: Facts) -> Reason:
    fitting = [v for v in story["jobs"] if v["fits"]]
    if not fitting:
        yield "no_job", "", f"No job is for records of the kind {story['kind']}.", "Make one from a template."
    specs = {s.name: s for s in facts.specs}
    opened = {row["job"] for row in story["open"]}
    for verdict in fitting:
        spec = specs[verdict["job"]]
        if not verdict["is_enabled"]:
            yield "job_off", spec.name, f"{spec.title} is switched off.", "Switch it on."
        yield from _clauses(story, verdict, spec)
        yield from _limits(story, spec, facts)
        last = verdict["last"]
        if last and spec.name not in opened:
            yield from _last(last, spec, story)
        elif last is None and verdict["is_enabled"] and spec.name not in opened and verdict["takes"] is not False:
            yield "not_yet_run", spec.name, f"{spec.title}: {verdict['why']}", ""


def _clauses(story: Mapping[str, Any], verdict: Mapping[str, Any], spec: JobSpec) -> Reason:
    for clause, condition in zip(verdict["clauses"], spec.filters, strict=False):
        if clause["passes"] is False:
            value = story["workspace"].get(condition.field)
            have = "nothing" if value in (None, "") else repr(value)
            why = f"{spec.title} takes only records with {clause['clause']}; here {condition.field} is {have}."
            yield f"filter_{_OPS[condition.op]}", spec.name, why, "Change the record, or the job's filter."
    if spec.direction is Direction.INBOUND and verdict["last"] is None:
        for pair in spec.pairs:
            if pair.where.strip():
                why = f"{spec.title} reads only {pair.sobject} records with {pair.where}; only the org can tell."
                yield "inbound_filter", spec.name, why, ""


def _limits(story: Mapping[str, Any], spec: JobSpec, facts: Facts) -> Reason:
    linked = story["link"] is not None
    if spec.direction is Direction.OUTBOUND and not linked:
        if not spec.create:
            yield "create_off", spec.name, f"{spec.title} creates no org records.", "Allow it in the job."
    elif linked and not spec.update and spec.direction is Direction.OUTBOUND:
        yield "update_off", spec.name, f"{spec.title} updates no org records.", "Allow it in the job."


def _last(last: Mapping[str, Any], spec: JobSpec, story: Mapping[str, Any]) -> Reason:
    outcome, cause = Outcome(last["outcome"]), last["cause"]
    if outcome in (Outcome.FILTERED, Outcome.SKIPPED):
        # Which clause of the filter it was has been said.
        if cause != "filter":
            yield cause or outcome.value, spec.name, f"{spec.title}: {last['reason'] or cause}", ""
    elif outcome is Outcome.UNCHANGED and cause == "seen":
        ours = [a for a in story["attempts"] if a["direction"] == Direction.OUTBOUND.value and a["outcome"] in (
            "created", "updated")]  # fmt: skip
        if ours and spec.direction is Direction.INBOUND:
            by = ours[0]["job"]
            yield (
                "echo",
                spec.name,
                f"{spec.title} saw its latest change, and it was our own ({by}): nothing to do.",
                "",
            )
        else:
            yield "seen", spec.name, f"{spec.title}: {last['reason']}", ""
    elif outcome is Outcome.UNCHANGED:
        yield "in_step", spec.name, f"{spec.title}: both sides were equal when it last looked.", ""


# -- whom it belongs to


def _whom(story: Mapping[str, Any], facts: Facts) -> Reason:
    matched = story.get("matched")
    if matched is None:
        return
    if matched["status"] == "unique" and matched["record_id"] is not None:
        name = (story["person"] or {}).get("name") or f"record {matched['record_id']}"
        yield "matched", matched["rule"], f"It belongs to {name}: {matched['evidence']}.", ""
    elif matched["status"] == "ambiguous":
        n = len(matched["candidates"])
        yield "ambiguous_now", "", f"{n} people could be meant: {matched['evidence']}.", "Pick one on the Errors page."
    elif matched["status"] == "none":
        yield (
            "unknown_person",
            "",
            f"It belongs to nobody yet: {matched['evidence']}.",
            "It is attached when somebody has it.",
        )
    person = story["person"] or {}
    link = story["link"]
    if person.get("sobject") == "Lead" and (link is None or not link["baseline"].get("WhatId")):
        why = "Its person is a lead: the org takes no related record beside a lead, so that one stays empty."
        yield "lead_no_what", person["org_id"], why, ""
    if person.get("do_not_call") and story["kind"] == Kind.CALL.value:
        yield "opted_out", "phone", f"{person['name']} has opted out of calls.", "Do not call again."
    if person.get("opted_out_email") and story["kind"] == Kind.EMAIL.value:
        yield "opted_out", "email", f"{person['name']} has opted out of e-mail.", "Do not write again."


def _owner(story: Mapping[str, Any], facts: Facts) -> Reason:
    out = [s for s in facts.specs if s.kind.value == story["kind"] and s.direction is Direction.OUTBOUND]
    owned = [s for s in out if any(m.role is Role.OWNER for p in s.pairs for m in p.mappings)]
    email = story["workspace"].get("user_email") or story["workspace"].get("owner")
    if not owned or Kind(story["kind"]) not in ACTIVITY_KINDS:
        return
    spec, user = owned[0], facts.user
    if spec.owner_rule == "integration_user":
        yield "owner_rule", spec.name, f"{spec.title} has the integration user own what it creates.", ""
    elif not email:
        yield "owner_unknown", "", "It names no team member: the integration user owns it in the org.", ""
    elif user is None or not user.get("org_user_id"):
        why = f"{email} is linked to no org user: the integration user owns it in the org."
        yield "owner_fallback", str(email), why, "Link the team member to an org user."
    elif not user.get("org_is_active"):
        then = "it is held" if spec.inactive_owner == "hold" else "the integration user owns it"
        yield (
            "owner_inactive",
            str(email),
            f"{user['org_name']} is inactive in the org: {then}.",
            "Link an active user.",
        )


# -- what became of it


def _lineage(story: Mapping[str, Any], facts: Facts) -> Reason:
    active = story["link"]
    how = {"settled": "settled", "merge": "merged_into", "by_hand": "linked_by_hand", "created_out": "created_out",
           "created_in": "created_in", "converted": "converted", "restored": "restored"}  # fmt: skip
    if active is not None:
        yield how.get(active["how"], "linked_by_match"), active["org_id"], active["story"], ""
        if str(active["baseline"].get("IsArchived", "")).lower() == "true":
            why = "The org has archived it: a plain query no longer shows it, and edits may be refused."
            yield "archived", active["org_id"], why, ""
    for link in story["links"]:
        if link["state"] == "active":
            continue
        at = words.moment(link["updated_at"], facts.zone)
        if active is not None and active["org_id"] == link["org_id"]:
            yield "restored", link["org_id"], f"{link['org_id']} had been deleted in the org and is back.", ""
        elif link["state"] == "deleted":
            yield "deleted_in_org", link["org_id"], f"{link['sobject']} {link['org_id']} was deleted on {at}.", ""
        elif active is None:
            lost = f"{link['sobject']} {link['org_id']} was merged into another"
            why = f"{lost}, which has a record of its own here ({at})."
            yield "merged_away", link["org_id"], why, ""
        elif link["sobject"] == "Lead" and active["sobject"] == "Contact":
            yield "converted", link["org_id"], f"Lead {link['org_id']} became Contact {active['org_id']} on {at}.", ""
        else:
            yield "merged", link["org_id"], f"{link['org_id']} lost a merge to {active['org_id']} ({at}).", ""


# -- what was decided


def _decisions(story: Mapping[str, Any], facts: Facts) -> Reason:
    for event in story["events"]:
        values = event["values"] or {}
        if event["kind"] == "conflict.decided":
            name, decision = str(values.get("field") or event["detail"].partition(":")[0]), values.get("decision")
            told = {"ours": "conflict_won", "theirs": "conflict_lost", "ask": "conflict_asked"}
            kind = told.get(str(decision), "conflict")
            if "tie" in str(values.get("why") or ""):
                kind = "conflict_tie"
            if "opt-out" in str(values.get("why") or ""):
                kind = "opt_out_stands"
            both = f"here {values.get('workspace')!r}, in the org {values.get('org')!r}"
            yield kind, name, f"{event['story']} ({both}).", ""
        elif event["kind"] == "match.decided":
            yield "person_chosen", event["subject"], f"{event['actor']} chose whom it belongs to.", ""
        elif event["kind"] == "link.repaired":
            yield "link_repaired", event["subject"], f"{event['actor']} changed its link.", ""


# -- its fields


def _fields(story: Mapping[str, Any], facts: Facts) -> Reason:
    if facts.org is None or story["link"] is None:
        return
    beside = {f["field"]: f for f in story["fields"]}
    for spec in facts.specs:
        pair = next((p for p in spec.pairs if p.sobject.lower() == facts.org.name.lower()), None)
        if spec.kind.value != story["kind"] or pair is None:
            continue
        for mapping in pair.mappings:
            yield from _field(story, facts, spec, pair, mapping, beside)
    yield from _unmapped(story, facts)
    for found in story["fields"]:
        if found["differs"]:
            why = f"{found['field']} is {found['workspace']!r} here and {found['org']!r} in the org as last agreed."
            yield "changed", found["field"], why, "The next run carries it over."


def _field(
    story: Mapping[str, Any], facts: Facts, spec: JobSpec, pair: PairSpec, m: FieldMapping,
    beside: Mapping[str, Mapping[str, Any]],
) -> Reason:  # fmt: skip
    assert facts.org is not None  # noqa: S101
    out = spec.direction is Direction.OUTBOUND
    name = m.target if out else str(m.source or "").partition(".")[0]
    found = facts.org.field(name) if name else None
    if found is None and name:
        why = f"{name} is not in what the org shows our user: it is hidden by field-level security, or gone."
        yield "hidden_field", name, why, "Ask the org's admin to make it visible, then read the org anew."
        return
    if not out or found is None or m.role is not Role.VALUE:
        return
    yield from _read_only(found)
    base = story["link"]["baseline"]
    own = story["workspace"].get(str(m.source or "").removeprefix("fields."))
    have = base.get(found.name)
    if m.constant is not None:
        yield "constant", found.name, f"{found.name} is always {m.constant!r}.", ""
    if own in (None, "") and m.source and have not in (None, ""):
        if m.default is not None and have == m.default:
            yield (
                "default",
                found.name,
                f"{found.name} is the mapping's default {m.default!r}: nothing is given here.",
                "",
            )
        elif m.blank is Blank.NEVER_CLEAR:
            why = f"{m.source} is empty here and {found.name} is {have!r} in the org: an empty value never clears it."
            yield "blank_kept", found.name, why, "Set the field to clear, if it should."
    once = m.create_only or m.blank in (Blank.FILL_ONLY, Blank.CREATE_ONLY)
    if once and have not in (None, "") and own not in (None, "", have):
        why = f"{found.name} is written when the record is created, or while it is empty; later changes stay here."
        yield "once_only", found.name, why, ""
    if m.overflow is not Overflow.HOLD and isinstance(own, str) and found.length and len(own) > found.length:
        how = "cut" if m.overflow is Overflow.CUT else "cut, and the rest kept in a note"
        yield (
            "cut",
            found.name,
            f"{m.source} has {len(own):,} characters, {found.name} takes {found.length:,}: {how}.",
            "",
        )
    if m.value_map and own not in (None, "") and have not in (None, "") and str(own).lower() != str(have).lower():
        yield "value_map", found.name, f"{m.source} {own!r} is {have!r} in the org, by the job's value map.", ""
    yield from _zone(story, facts, spec, m, found, have)


def _read_only(found: OrgField) -> Reason:
    if found.calculated:
        yield "formula", found.name, f"{found.name} is a formula: the org computes it, nobody writes it.", ""
    elif not found.updateable and not found.createable:
        yield "read_only", found.name, f"{found.name} cannot be written by our user.", "Ask the org's admin for access."


def _zone(story: Mapping[str, Any], facts: Facts, spec: JobSpec, m: FieldMapping, found: OrgField, have: Any) -> Reason:
    at = story["workspace"].get(str(m.source or ""))
    if found.type != "date" or not have or not isinstance(at, str) or "T" not in at:
        return
    utc = datetime.fromisoformat(at)
    zone = facts.zone if spec.zone in ("workspace", "owner") else spec.zone
    local = utc.astimezone(ZoneInfo(zone)).date().isoformat()
    if utc.date().isoformat() != local and str(have)[:10] == local:
        yield "time_zone", found.name, f"{found.name} is {local}, the day in {zone}; in UTC it was {utc.date()}.", ""


def _unmapped(story: Mapping[str, Any], facts: Facts) -> Reason:
    kind = Kind(story["kind"])
    out = [s for s in facts.specs if s.kind is kind and s.direction is Direction.OUTBOUND]
    if not out:
        return
    named = {str(m.source) for s in out for p in s.pairs for m in p.mappings}
    templates = " ".join(m.template or "" for s in out for p in s.pairs for m in p.mappings).lower()
    for f in workspace_fields(kind):
        filled = story["workspace"].get(f.name) not in (None, "", [], {})
        spoken = f.name in named or f.label.lower() in templates or f.name in templates
        if filled and not spoken and f.name not in _QUIET and f.name not in CONSENT_FIELDS:
            yield "not_mapped", f.name, f"No job carries {f.label} to the org.", "Add it to the mapping."
