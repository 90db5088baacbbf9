"""Checks a job's mapping against what the org describes and names every problem at once, field by field.

The order is object, permission, field, required, lookup: what comes first may be the cause of what comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.mapping import lint_inbound, lint_job, lint_outbound, templates
from core.mapping.editor import chooseable, suggest
from core.mapping.findings import STAGES, Finding, Severity, fail, in_order, valid, warn
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Role
from core.mapping.transforms import TRANSFORMS
from core.mapping.valuemaps import map_state
from core.records import ACTIVITY_KINDS, Direction, Kind, workspace_fields
from core.schema.describe import OrgObject

OPERATORS = ("=", "!=", "in", "not in", "<", "<=", ">", ">=", "contains", "is empty", "is not empty")
_CONSENT = {"opted_out_email": "Opted out of e-mail", "do_not_call": "Do not call"}
_PASSED = {
    "object": "The object is there and may be used.",
    "permission": "Every mapped field may be used by this user.",
    "field": "Every field mapping fits.",
    "required": "Every field that the org requires is filled.",
    "lookup": "Accounts, people and owners can be found.",
}


def lint(
    spec: JobSpec,
    orgs: Mapping[str, OrgObject],
    *,
    has_user_links: bool = True,
    other_jobs: Sequence[JobSpec] = (),
    seen: Mapping[str, Iterable[str]] | None = None,
) -> list[Finding]:
    """All findings of a job, and a pass for every stage of a pair without any.

    Args:
        spec: the job.
        orgs: the org's objects as the connected user sees them, by name.
        has_user_links: whether at least one workspace user is linked to an org user.
        other_jobs: the jobs that are switched on beside this one.
        seen: values that occur, by workspace field, to find value map entries that are missing.
    """
    out: list[Finding] = []
    for pair in spec.pairs:
        org = _object(pair.sobject, orgs)
        if org is None:
            out.append(_no_object(pair))
            continue
        found = _pair(spec, pair, org, orgs, seen or {})
        found += _lookups(spec, pair, org, has_user_links)
        out += [replace(f, sobject=org.name) for f in in_order(_with_passes(found))]
    return out + in_order(_job(spec, other_jobs))


def _object(name: str, orgs: Mapping[str, OrgObject]) -> OrgObject | None:
    return next((o for o in orgs.values() if o.name.lower() == name.lower()), None)


def _no_object(pair: PairSpec) -> Finding:
    message = f"The org has no object {pair.sobject}, or the connected user may not see it."
    mend = "Choose another object, or ask the org's admin for read access to it."
    return Finding("fail", "object_missing", "", message, mend, "object", pair.sobject)


def _pair(
    spec: JobSpec, pair: PairSpec, org: OrgObject, orgs: Mapping[str, OrgObject], seen: Mapping[str, Iterable[str]]
) -> list[Finding]:
    if spec.direction is Direction.OUTBOUND:
        out = lint_outbound.check(spec, pair, org)
    else:
        out = lint_inbound.check(spec, pair, org, orgs)
    if all(m.role is Role.KEY for m in pair.mappings):
        out.append(
            fail("nothing_mapped", "", f"No field of {org.name} is mapped besides the key.", "Map at least one field.")
        )
    out += lint_job.match_keys(spec, pair, org)
    for mapping in pair.mappings:
        out += _origin(spec, mapping)
        out += _value_map(spec, mapping, seen)
    return out


def _origin(spec: JobSpec, mapping: FieldMapping) -> list[Finding]:
    """Findings about where a value comes from that hold in both directions."""
    out = []
    if mapping.transform is not None and mapping.transform not in TRANSFORMS:
        out.append(
            fail(
                "transform_unknown",
                mapping.target,
                f"{mapping.target}: there is no transform {mapping.transform}.",
                f"Use one of: {', '.join(TRANSFORMS)}.",
            )
        )
    if spec.direction is Direction.INBOUND:
        if mapping.template is not None:
            out.append(
                fail(
                    "template_inbound",
                    mapping.target,
                    f"{mapping.target}: templates are for outbound jobs.",
                    "Map a field of the org instead.",
                )
            )
        return out
    names = {f.name for f in workspace_fields(spec.kind)}
    source = mapping.source
    if source is not None and source not in names and not source.startswith("fields."):
        out.append(
            fail(
                "source_unknown",
                mapping.target,
                f"{mapping.target}: a {spec.kind.value} has no field {source}.",
                "Choose one of its fields, or a custom field as fields.name.",
            )
        )
    if mapping.template is not None:
        out += [
            fail(
                "template_placeholder",
                mapping.target,
                f"{mapping.target}: {why}",
                "Use a field's label or name, as in {{Subject}}.",
            )
            for why in templates.problems(mapping.template, spec.kind)
        ]
    return out


def _value_map(spec: JobSpec, mapping: FieldMapping, seen: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Findings about a value map itself; whether its targets exist is checked with the target."""
    if mapping.value_map is None:
        return []
    found = map_state(mapping.value_map, (), seen.get(mapping.source or ""))
    out = []
    if found.doubled:
        out.append(
            fail(
                "value_map_doubled",
                mapping.target,
                f"{mapping.target}: the value map names {_listed(found.doubled)} more than once.",
                "Keep one entry for each value.",
            )
        )
    stages = lint_job.stages(spec, mapping, found.missing)
    if found.missing and not any(f.code == "stage_without_status" for f in stages):
        out.append(
            warn(
                "value_map_missing",
                mapping.target,
                f"{mapping.target}: the value map has no entry for {_listed(found.missing)}.",
                "Add the entries; rows with these values are held.",
            )
        )
    return out + stages + lint_job.outcomes(spec, mapping)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f'"{v}"' for v in values)


def _lookups(spec: JobSpec, pair: PairSpec, org: OrgObject, has_user_links: bool) -> list[Finding]:
    roles = {m.role for m in pair.mappings}
    out = []
    if Role.OWNER in roles and spec.owner_rule == "linked_user" and not has_user_links:
        out.append(
            warn(
                "no_user_links",
                "OwnerId",
                "No workspace user is linked to a user of the org yet, so the integration user will own everything.",
                "Link the users first.",
                "lookup",
            )
        )
    if spec.direction is Direction.INBOUND and spec.kind in ACTIVITY_KINDS and Role.ACCOUNT not in roles:
        out.append(
            warn(
                "no_account",
                "account",
                f"Nothing in the mapping says which account a {spec.kind.value.replace('_', ' ')} belongs to.",
                "Map AccountId to the account.",
                "lookup",
            )
        )
    if spec.direction is Direction.OUTBOUND and pair.parent_field is not None:
        out += lint_outbound.parent(pair, org)
    return out


def _job(spec: JobSpec, other_jobs: Sequence[JobSpec]) -> list[Finding]:
    out = lint_job.settings(spec) + lint_job.two_way(spec, other_jobs) + lint_job.spills(spec, other_jobs)
    out += _accounts_job(spec, other_jobs) + _opt_outs(spec, other_jobs)
    names = {f.name for f in workspace_fields(spec.kind)}
    for condition in spec.filters:
        if condition.field not in names and not condition.field.startswith("fields."):
            out.append(
                fail(
                    "filter_unknown",
                    condition.field,
                    f"The filter names {condition.field}, which is not a field of a {spec.kind.value}.",
                    "Choose one of its fields.",
                    "field",
                )
            )
        if condition.op not in OPERATORS:
            out.append(
                fail(
                    "filter_operator",
                    condition.field,
                    f"The filter compares {condition.field} by {condition.op}, which does not exist.",
                    f"Use one of: {', '.join(OPERATORS)}.",
                    "field",
                )
            )
    return out


def _accounts_job(spec: JobSpec, other_jobs: Sequence[JobSpec]) -> list[Finding]:
    if spec.kind is Kind.ACCOUNT or not any(m.role is Role.ACCOUNT for p in spec.pairs for m in p.mappings):
        return []
    if any(j.kind is Kind.ACCOUNT for j in other_jobs if j.name != spec.name):
        return []
    return [
        warn(
            "no_accounts_job",
            "account",
            "No switched-on job brings the accounts that these records belong to.",
            "Switch on an accounts job; it then runs before this one.",
            "lookup",
        )
    ]


def _opt_outs(spec: JobSpec, other_jobs: Sequence[JobSpec]) -> list[Finding]:
    """Consent that travels one way only is fine in two cases, and a person has to know which one it is."""
    if spec.kind is not Kind.PERSON or spec.direction is not Direction.INBOUND:
        return []
    read = {m.target for p in spec.pairs for m in p.mappings} & set(_CONSENT)
    people = [j for j in other_jobs if j.kind is Kind.PERSON and j.direction is Direction.OUTBOUND]
    written = {m.source for j in people for p in j.pairs for m in p.mappings}
    return [
        warn(
            "opt_out_one_way",
            name,
            f"{_CONSENT[name]} is read from the org, but no job writes it back there.",
            "Add a job that writes it. Going without is safe only where nobody can opt out in the workspace, or where "
            "nobody contacts people from the org.",
            "lookup",
        )
        for name in sorted(read - written)
    ]


def _with_passes(found: list[Finding]) -> list[Finding]:
    """The findings, and one pass for every stage that has none."""
    touched = {f.stage for f in found}
    passed: Severity = "pass"
    return found + [Finding(passed, f"{s}_ok", "", _PASSED[s], "", s) for s in STAGES if s not in touched]


__all__ = ["Finding", "Severity", "chooseable", "lint", "suggest", "valid"]
