"""Checks what concerns a job as a whole: its settings, and how it goes together with the job of the other direction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from core.mapping.canonical import is_zone
from core.mapping.findings import Finding, fail, warn
from core.mapping.spec import KEY_PARTS, PLAIN_KEYS, FieldMapping, JobSpec, Overflow, PairSpec, Role
from core.mapping.valuemaps import doubled_targets
from core.records import ACTIVITY_KINDS, Direction, Kind
from core.schema.describe import OrgObject

_CHOICES = {
    "owner_rule": ("linked_user", "integration_user"),
    "inactive_owner": ("integration_user", "hold"),
}
_RELATED_TO = ("given_then_account", "account", "given", "record_then_account", "none")
_DAILY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
STAGES_OF_CONTACTS = ("stage", "fields.stage")


def settings(spec: JobSpec) -> list[Finding]:
    """Settings whose value does not exist."""
    out = []
    for name, allowed in _CHOICES.items():
        if getattr(spec, name) not in allowed:
            out.append(_no_such(name, getattr(spec, name), allowed))
    out += [_no_such("related_to", p.related_to, _RELATED_TO) for p in spec.pairs if p.related_to not in _RELATED_TO]
    if spec.zone not in ("workspace", "owner") and not is_zone(spec.zone):
        out.append(
            fail(
                "zone_unknown",
                "zone",
                f"There is no time zone {spec.zone}.",
                "Use workspace, owner, or a name such as Europe/Berlin.",
            )
        )
    daily = spec.schedule.daily_at
    if daily is not None and not _DAILY.fullmatch(daily):
        out.append(fail("daily_at", "daily_at", f"{daily} is not a time of day.", "Write it as 03:00."))
    if not (spec.create or spec.update or spec.delete):
        out.append(
            warn("nothing_to_do", "", "The job may neither create nor update nor delete.", "Switch one of them on.")
        )
    return out


def _no_such(name: str, value: str, allowed: Sequence[str]) -> Finding:
    return fail("setting_unknown", name, f"{name} cannot be {value}.", f"Use one of: {', '.join(allowed)}.")


def stages(spec: JobSpec, mapping: FieldMapping, missing: Sequence[str]) -> list[Finding]:
    """The two rules for stages: those of contacts map one to one, those of accounts map without a gap."""
    if mapping.source not in STAGES_OF_CONTACTS or mapping.value_map is None:
        return []
    out = []
    if spec.kind is Kind.PERSON:
        for target, sources in doubled_targets(mapping.value_map).items():
            text = f"{mapping.target}: the stages {' and '.join(sources)} lead to the same status ({target})."
            out.append(fail("stage_doubled", mapping.target, text, "Give each stage a status of its own."))
    if spec.kind is Kind.ACCOUNT and missing:
        text = f"{mapping.target}: the stages {', '.join(missing)} have no status."
        out.append(fail("stage_without_status", mapping.target, text, "Give every stage a status."))
    return out


def outcomes(spec: JobSpec, mapping: FieldMapping) -> list[Finding]:
    """Whether a call that nobody answered can still be told from a voicemail."""
    if spec.kind is not Kind.CALL or mapping.source != "outcome" or not mapping.value_map:
        return []
    told = {k.strip().lower().replace(" ", "_"): v for k, v in mapping.value_map.items()}
    if told.get("no_answer") is None or told.get("no_answer") != told.get("voicemail"):
        return []
    text = f"{mapping.target}: no answer and voicemail both become {told['voicemail']}."
    return [warn("outcomes_alike", mapping.target, text, "Give each a value of its own, to tell them apart.")]


def spills(spec: JobSpec, other_jobs: Sequence[JobSpec]) -> list[Finding]:
    """Whether the notes that take up long texts have a job that carries them."""
    fields = [m.target for p in spec.pairs for m in p.mappings if m.overflow is Overflow.SPILL]
    carried = any(j.kind is Kind.NOTE and j.direction is Direction.OUTBOUND for j in other_jobs)
    if spec.direction is Direction.INBOUND or not fields or carried:
        return []
    text = f"Texts too long for {', '.join(fields)} go on in notes, and no switched-on job carries notes to the org."
    return [warn("spill_without_notes", fields[0], text, "Switch on a job for notes.", "lookup")]


def match_keys(spec: JobSpec, pair: PairSpec, org: OrgObject) -> list[Finding]:
    """Whether both sides of each match key can be read as they are compared."""
    out = []
    for rule in (r for r in pair.match if r not in PLAIN_KEYS):
        for part in (p.strip() for p in rule.split("+")):
            out += _key_part(spec, pair, org, rule, part)
    return out


def _key_part(spec: JobSpec, pair: PairSpec, org: OrgObject, rule: str, part: str) -> list[Finding]:
    inward = spec.direction is Direction.INBOUND
    wanted = KEY_PARTS.get(part, (part,))
    rows = [m for m in pair.mappings if (m.target if inward else m.source) in wanted]
    if not rows:
        text = f"The match key {rule} names {part or 'nothing'}, which the mapping does not carry."
        return [fail("match_key_unmapped", part, text, "Map the field, or choose another key.", "lookup")]
    if any(m.value_map is not None or m.transform is not None for m in rows):
        text = f"The match key {rule} names {part}, whose values are changed on their way."
        return [fail("match_key_changed", part, text, "Choose a field that travels as it is.", "lookup")]
    fields = [org.field(m.target) for m in rows if not inward]
    if fields and not any(f is not None and f.filterable for f in fields):
        text = f"The match key {rule} names {part}, by which the org cannot search {org.name}."
        return [fail("match_key_unsearchable", part, text, "Choose a field that can be filtered.", "lookup")]
    return []


def two_way(spec: JobSpec, other_jobs: Sequence[JobSpec]) -> list[Finding]:
    """Whether this job and the one of the other direction can settle on equal values."""
    out: list[Finding] = []
    for other in other_jobs:
        if other.kind is not spec.kind or other.direction is spec.direction or other.name == spec.name:
            continue
        shared = [(p, q) for p in spec.pairs for q in other.pairs if p.sobject.lower() == q.sobject.lower()]
        for mine, theirs in shared:
            out += _two_way_pair(spec, mine, other, theirs)
        if shared and spec.policy is not other.policy:
            text = f"{other.name} settles conflicts differently ({other.policy.value}, here {spec.policy.value})."
            out.append(warn("two_way_policy", "", text, "Choose the same conflict policy in both jobs.", "lookup"))
    return out


def _two_way_pair(spec: JobSpec, mine: PairSpec, other: JobSpec, theirs: PairSpec) -> Iterator[Finding]:
    outward = spec.direction is Direction.OUTBOUND
    out_pair, in_pair = (mine, theirs) if outward else (theirs, mine)
    if spec.kind in ACTIVITY_KINDS and _keys(out_pair, outward=True) != _keys(in_pair, outward=False):
        text = f"{other.name} uses other fields for the account or the key of {mine.sobject}."
        yield warn("two_way_keys", "", text, "Map account and external id alike in both jobs.", "lookup")
    back = {(m.source or "", m.target): m for m in in_pair.mappings}
    for m in out_pair.mappings:
        twin = back.get((m.target, m.source or ""))
        if twin is None or (m.value_map is None and twin.value_map is None):
            continue
        lost = _lost(m.value_map, twin.value_map)
        if lost:
            text = f"{m.target}: {', '.join(lost)} would come back from the org as another value."
            yield warn("two_way_value_map", m.target, text, f"Map it back in the value map of {in_pair.sobject}.")


def _keys(pair: PairSpec, *, outward: bool) -> set[tuple[str, str]]:
    """Account and key rows as (workspace field, org field); External ID fields belong to one direction only."""
    rows = [m for m in pair.mappings if m.role in (Role.ACCOUNT, Role.KEY) and m.source is not None]
    ends = [(m.source or "", m.target) if outward else (m.target, m.source or "") for m in rows]
    return {(ours, theirs.lower()) for ours, theirs in ends if ours in ("account", "external_id")}


def _lost(there: Mapping[str, str] | None, back: Mapping[str, str] | None) -> list[str]:
    """Source values that do not survive the way out and back again in a form that goes out alike."""
    if there is None:
        return []
    out_low = {k.strip().lower(): v.strip().lower() for k, v in there.items()}
    back_low = {k.strip().lower(): v.strip().lower() for k, v in (back or {}).items()}
    lost = []
    for value, target in out_low.items():
        returned = back_low.get(target, target if back is None else None)
        if target and (returned is None or out_low.get(returned) != target):
            lost.append(value)
    return lost
