"""Checks an inbound mapping: whether each org field can be read, each workspace field written, and the filter holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from core.mapping import soql_where
from core.mapping.findings import Finding, fail, warn
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Role
from core.mapping.valuemaps import map_state
from core.records import Kind, workspace_fields
from core.schema.describe import OrgObject, resolve
from core.schema.types import type_info


def check(spec: JobSpec, pair: PairSpec, org: OrgObject, orgs: Mapping[str, OrgObject]) -> list[Finding]:
    """The findings of one inbound pair."""
    out = [] if org.queryable else [_not_queryable(org)]
    out += _doubled(pair)
    for mapping in pair.mappings:
        out += _target(spec, mapping) + _source(org, orgs, mapping)
    return out + _needed(spec, pair) + where(pair.where, org, orgs) + _scope(pair, org)


def _not_queryable(org: OrgObject) -> Finding:
    return fail(
        "object_not_readable",
        "",
        f"{org.name} cannot be queried by the connected user.",
        "Ask the org's admin for read access to it.",
        "object",
    )


def _doubled(pair: PairSpec) -> list[Finding]:
    counts = Counter(m.target.lower() for m in pair.mappings)
    return [
        fail("target_doubled", t, f"{t} is the target of {n} field mappings.", "Keep one of them.")
        for t, n in counts.items()
        if n > 1
    ]


def _target(spec: JobSpec, mapping: FieldMapping) -> list[Finding]:
    names = {f.name for f in workspace_fields(spec.kind)}
    if mapping.target in names or mapping.target.startswith("fields."):
        return []
    return [
        fail(
            "target_unknown",
            mapping.target,
            f"A {spec.kind.value} of the workspace has no field {mapping.target}.",
            "Choose one of its fields, or add a custom field.",
        )
    ]


def _source(org: OrgObject, orgs: Mapping[str, OrgObject], mapping: FieldMapping) -> list[Finding]:
    if mapping.source is None:
        return []
    found = resolve(mapping.source, org, orgs)
    if not found.exists:
        return [
            fail(
                "source_missing",
                mapping.source,
                f"{org.name} has no field {found.missing}"
                f"{_within(mapping.source)}, or it is hidden from the connected user by field-level security.",
                f"Choose another field, or ask the org's admin for read access to {mapping.source}.",
                "permission",
            )
        ]
    if found.field is None:
        return []
    if not type_info(found.field.type).mappable:
        return [
            fail(
                "compound_source",
                mapping.source,
                f"{mapping.source} is of type {found.field.type} and cannot be read as one value.",
                "Map its parts instead.",
                "permission",
            )
        ]
    out = []
    if found.field.calculated:
        out.append(
            warn(
                "silent_source",
                mapping.source,
                f"{mapping.source} is a formula or roll-up: the org does not announce when it changes.",
                "It is read again by full syncs and reconciles only.",
            )
        )
    if mapping.value_map is not None and found.field.restricted:
        missing = map_state(mapping.value_map, (), found.field.active_values).missing
        if missing:
            out.append(
                warn(
                    "value_map_missing",
                    mapping.source,
                    f"{mapping.source}: the value map has no entry for {', '.join(missing)}.",
                    "Add the entries; rows with these values are held.",
                )
            )
    return out


def _within(path: str) -> str:
    return f" (in {path})" if "." in path else ""


def _needed(spec: JobSpec, pair: PairSpec) -> list[Finding]:
    mapped = {m.target for m in pair.mappings}
    out = []
    if spec.kind is Kind.TASK and "subject" not in mapped:
        out.append(
            fail(
                "task_title",
                "subject",
                "A task needs a title, and nothing fills it.",
                "Map Subject to Title.",
                "required",
            )
        )
    if spec.kind is Kind.TOUCHPOINT and not mapped & {"subject", "notes"}:
        out.append(
            fail(
                "touchpoint_text",
                "subject",
                "A touchpoint needs a subject or content, and nothing fills either.",
                "Map Subject or Description.",
                "required",
            )
        )
    if spec.create and not any(m.role is Role.KEY for m in pair.mappings):
        out.append(
            warn(
                "no_key",
                "external_id",
                "Nothing in the mapping is the key of the records.",
                "Map Id to the external id, with the role of key.",
                "lookup",
            )
        )
    return out


def _scope(pair: PairSpec, org: OrgObject) -> list[Finding]:
    """Findings about the checkbox, the owners and the list views that a pair is limited to."""
    out = [*_checkbox(pair.checkbox, org)] if pair.checkbox else []
    if pair.owned_by_team and org.field("OwnerId") is None:
        text = f"{org.name} has no owner, so it cannot be limited to the team's records."
        out.append(fail("no_owner", "OwnerId", text, "Take this limit out."))
    if pair.list_views:
        text = "Records can enter or leave a list view without being changed."
        out.append(warn("where_silent", "", text, "They are found by the daily reconcile of the job."))
    return out


def _checkbox(name: str, org: OrgObject) -> list[Finding]:
    found = org.field(name)
    if found is None:
        text = f"{org.name} has no field {name}, or it is hidden from the connected user."
        return [fail("checkbox_missing", name, text, "Choose a checkbox field, or create it in the org.")]
    if found.type != "boolean":
        text = f"{found.name} is not a checkbox: it is of type {found.type}."
        return [fail("checkbox_type", found.name, text, "Choose a checkbox field.")]
    return []


def where(text: str, org: OrgObject, orgs: Mapping[str, OrgObject] | None = None) -> list[Finding]:
    """The findings of a SOQL filter: unknown fields, plain mistakes, and rows that come and go unseen."""
    if not text.strip():
        return []
    read = soql_where.read(text)
    out = [fail("where_syntax", "", f"The filter cannot be read: {p}", "Correct the filter.") for p in read.problems]
    unseen: list[str] = list(read.date_literals)
    for name in read.fields:
        found = resolve(name, org, orgs)
        if not found.exists:
            out.append(
                fail(
                    "where_unknown",
                    name,
                    f"The filter names {name}, which {org.name} does not have, or "
                    "which is hidden from the connected user.",
                    "Correct the name.",
                )
            )
        elif found.field is not None and not found.field.filterable:
            out.append(fail("where_not_filterable", name, f"The org does not filter by {name}.", "Use another field."))
        if found.steps or (found.field is not None and found.field.calculated):
            unseen.append(name)
    if unseen:
        out.append(
            warn(
                "where_silent",
                "",
                f"Records can enter or leave this filter without being changed ({', '.join(dict.fromkeys(unseen))}).",
                "A full run finds them: run the job with everything once in a while, or filter by a field of its own.",
            )
        )
    return out
