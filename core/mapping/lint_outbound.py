"""Checks an outbound mapping: what the org lets us write, what it requires, and whether the values will fit."""

from __future__ import annotations

from collections import Counter

from core.mapping import lint_values
from core.mapping.compile import RECORD_TYPE, START_FIELDS, external_id_field
from core.mapping.findings import Finding, fail, warn
from core.mapping.load import CHOOSE_FIELD
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Role
from core.records import Kind
from core.schema.describe import OrgField, OrgObject
from core.schema.types import type_info

NEVER_WRITTEN = {
    "createdbyid": "who created a record is recorded by the org itself",
    "createdby": "who created a record is recorded by the org itself",
    "createddate": "when a record was created is recorded by the org itself",
    "lastmodifiedbyid": "who changed a record is recorded by the org itself",
    "lastmodifieddate": "when a record was changed is recorded by the org itself",
    "systemmodstamp": "it is the org's own time stamp",
    "isdeleted": "records are deleted by deleting them",
}
_REFERENCE_ROLES = {Role.PERSON: ("Contact", "Lead"), Role.OWNER: ("User",), Role.ACCOUNT: ("Account",)}


def check(spec: JobSpec, pair: PairSpec, org: OrgObject) -> list[Finding]:
    """The findings of one outbound pair."""
    out = _object(spec, org) + _doubled(pair, org)
    for mapping in pair.mappings:
        out += _mapping(spec, pair, org, mapping)
    out += _key(pair, org)
    if spec.create:
        out += _required(spec, pair, org) + _event(pair, org)
    if spec.kind is Kind.CAMPAIGN_TOUCH:
        out += _campaign(pair)
    return out


def _object(spec: JobSpec, org: OrgObject) -> list[Finding]:
    out = []
    ask = f"Ask the org's admin for this permission on {org.label}, or switch it off in the job."
    for wanted, allowed, verb in (
        (spec.create, org.createable, "create"),
        (spec.update, org.updateable, "edit"),
        (spec.delete, org.deletable, "delete"),
    ):
        if wanted and not allowed:
            text = f"The connected user may not {verb} {org.name} records, which the job is to do."
            out.append(fail(f"object_no_{verb}", "", text, ask, "object"))
    return out


def _doubled(pair: PairSpec, org: OrgObject) -> list[Finding]:
    counts = Counter(m.target.lower() for m in pair.mappings)
    named = {m.target.lower(): m.target for m in pair.mappings}
    return [
        fail("target_doubled", named[t], f"{named[t]} is the target of {n} field mappings.", "Keep one of them.")
        for t, n in counts.items()
        if n > 1
    ]


def _mapping(spec: JobSpec, pair: PairSpec, org: OrgObject, mapping: FieldMapping) -> list[Finding]:
    if mapping.target == CHOOSE_FIELD:
        return [
            warn(
                "campaign_touch_id",
                CHOOSE_FIELD,
                "Campaign Touch ID: no field of the org has been chosen.",
                "Choose a custom text field, so that campaign touches can be told from other events.",
            )
        ]
    low = mapping.target.lower()
    if low in NEVER_WRITTEN:
        return [
            fail(
                "never_written",
                mapping.target,
                f"{mapping.target} can never be written: {NEVER_WRITTEN[low]}.",
                "Remove this field mapping.",
                "permission",
            )
        ]
    found = org.field(mapping.target)
    if found is None:
        return [
            fail(
                "target_missing",
                mapping.target,
                f"{org.name} has no field {mapping.target}, or it is hidden "
                "from the connected user by field-level security.",
                f"Choose another field, or ask the org's admin for edit access to {mapping.target}.",
                "permission",
            )
        ]
    stops = _permission(spec, pair, found, mapping)
    if stops:
        return stops
    if found.name == RECORD_TYPE:
        return _record_types(org, mapping)
    return lint_values.check(spec, found, mapping)


def _record_types(org: OrgObject, mapping: FieldMapping) -> list[Finding]:
    """Record types are named by developer name, which holds in a sandbox and in production alike."""
    named = [mapping.constant, mapping.default, *(mapping.value_map or {}).values()]
    wrong = [n for n in named if n and org.record_type(n) is None]
    if not wrong:
        return []
    known = _or(tuple(r.name for r in org.record_types)) if org.record_types else "none"
    text = f"{', '.join(wrong)}: {org.name} has no record type of that developer name that the connected user may use."
    return [fail("record_type_unknown", RECORD_TYPE, text, f"There is: {known}.", "permission")]


def _permission(spec: JobSpec, pair: PairSpec, found: OrgField, mapping: FieldMapping) -> list[Finding]:
    if found.name == "Id":
        if mapping.role is Role.KEY:
            return []
        return [
            fail(
                "id_written",
                "Id",
                "Id can only be the match key: the org gives it.",
                "Set its role to key.",
                "permission",
            )
        ]
    if mapping.role is Role.ACCOUNT and not found.writable:
        # Read to find the account; on create the account goes out as WhatId.
        return []
    if found.is_reference or mapping.role in _REFERENCE_ROLES or mapping.role is Role.RELATED:
        refused = _reference(pair, found, mapping)
        if refused is not None:
            return [refused]
    return _writable(spec, found, mapping)


def _reference(pair: PairSpec, found: OrgField, mapping: FieldMapping) -> Finding | None:
    parent = (pair.parent_field or "").lower() == found.name.lower()
    if mapping.role in (Role.VALUE, Role.KEY) and not parent and found.name != "RecordTypeId":
        return fail(
            "reference_target",
            found.name,
            f"{found.name} is a lookup to {_or(found.reference_to)}; lookups "
            "are not mapping targets, except those that Syncline fills itself.",
            "Remove this field mapping, or give it the role of owner, person, account or related.",
        )
    wanted = _REFERENCE_ROLES.get(mapping.role)
    if mapping.role in (Role.VALUE, Role.KEY):
        return None
    if not found.is_reference or (wanted and found.reference_to and not set(wanted) & set(found.reference_to)):
        what = _or(wanted) if wanted else "a record"
        return fail(
            "role_wrong",
            found.name,
            f"{found.name} cannot hold {what}, which its role ({mapping.role.value}) fills in.",
            "Choose the lookup field for it.",
            "lookup",
        )
    return None


def _or(names: tuple[str, ...]) -> str:
    shown = [*names[:3], "others"] if len(names) > 3 else list(names)
    return " or ".join(shown) or "another record"


def _writable(spec: JobSpec, found: OrgField, mapping: FieldMapping) -> list[Finding]:
    ask = f"Ask the org's admin for edit access to {found.name}, or remove this field mapping."
    if not type_info(found.type).mappable:
        return [
            fail(
                "compound_target",
                found.name,
                f"{found.name} is a compound field ({found.type}) and cannot be written as a whole.",
                "Map its parts instead.",
                "permission",
            )
        ]
    if not found.writable:
        why = (
            "it is a formula or roll-up"
            if found.calculated
            else "it is numbered by the org"
            if found.auto_number
            else "the connected user may only read it"
        )
        return [fail("target_read_only", found.name, f"{found.name} cannot be written: {why}.", ask, "permission")]
    if not found.updateable and spec.update and not mapping.create_only and mapping.role is not Role.KEY:
        return [
            warn(
                "create_only",
                found.name,
                f"{found.name} can be set only when a record is created; updates will leave it alone.",
                "Mark the field mapping as 'create only'.",
                "permission",
            )
        ]
    if not found.createable and spec.create:
        return [
            warn(
                "update_only",
                found.name,
                f"{found.name} can only be set on existing records; creates will go without it.",
                ask,
                "permission",
            )
        ]
    return []


def _key(pair: PairSpec, org: OrgObject) -> list[Finding]:
    name = pair.external_id_field
    if name is None:
        return []
    found = external_id_field(pair, org)
    if found is None:
        return [
            fail(
                "external_id_missing",
                name,
                f"{org.name} has no field {name}, or the connected user may not see "
                "it, so it cannot be the External ID.",
                "Choose another External ID field.",
                "permission",
            )
        ]
    if not (found.external_id or found.id_lookup):
        return [
            fail(
                "external_id_wrong",
                found.name,
                f"{found.name} is not marked as External ID in the org.",
                "Have it marked as External ID and unique, or choose another field.",
            )
        ]
    if not found.unique:
        return [
            warn(
                "external_id_not_unique",
                found.name,
                f"{found.name} is not unique in the org: two records may carry the same key.",
                "Have it marked as unique.",
            )
        ]
    return []


def _required(spec: JobSpec, pair: PairSpec, org: OrgObject) -> list[Finding]:
    out = []
    for found in org.required_on_create:
        mapping = pair.mapping_of(found.name)
        if mapping is None:
            if (pair.parent_field or "").lower() != found.name.lower():
                out.append(_unfilled(org, found))
        elif mapping.role is Role.VALUE and mapping.source is not None and mapping.default is None:
            out.append(
                warn(
                    "required_may_be_empty",
                    found.name,
                    f"The org requires {found.name} when {org.label} records are "
                    f"created; rows in which {mapping.source} is empty will be held.",
                    "Give it a default value.",
                    "required",
                )
            )
    return out


def _unfilled(org: OrgObject, found: OrgField) -> Finding:
    label = f"{found.label} ({found.name})" if found.label != found.name else found.name
    return fail(
        "required_unfilled",
        found.name,
        f"The org requires {label} when {org.label} records are created, and nothing in the mapping fills it.",
        f"Map a field to {found.name}, or give it a default value.",
        "required",
    )


def _event(pair: PairSpec, org: OrgObject) -> list[Finding]:
    """An Event needs a day, or a start and a length: describe does not say so, the org refuses it all the same."""
    if org.name.lower() != "event":
        return []
    have = {m.target.lower() for m in pair.mappings}
    starts = have & START_FIELDS
    if starts and not have & {"durationinminutes", "enddatetime"}:
        return [
            fail(
                "event_no_length",
                "DurationInMinutes",
                "An Event with a start time needs a length, and nothing fills DurationInMinutes or EndDateTime.",
                "Add the row for DurationInMinutes.",
                "required",
            )
        ]
    if not starts and "activitydate" not in have:
        return [
            fail(
                "event_no_date",
                "ActivityDate",
                "An Event needs a date, and nothing fills ActivityDate or StartDateTime.",
                "Map a date to ActivityDate.",
                "required",
            )
        ]
    if not starts and "isalldayevent" not in have:
        return [
            fail(
                "event_not_all_day",
                "IsAllDayEvent",
                "An Event with only a date must be an all-day event, and nothing fills IsAllDayEvent.",
                "Add the engine-filled row for IsAllDayEvent.",
                "required",
            )
        ]
    return []


def _campaign(pair: PairSpec) -> list[Finding]:
    out = []
    date = pair.mapping_of("ActivityDate")
    if date is None or date.source != "occurred_at":
        out.append(
            fail(
                "campaign_start_date",
                "ActivityDate",
                "The Start Date of a campaign touch must be mapped to ActivityDate.",
                "Map Start Date to ActivityDate.",
                "required",
            )
        )
    if not any(m.role is Role.KEY for m in pair.mappings):
        out.append(
            warn(
                "campaign_touch_id",
                CHOOSE_FIELD,
                "No field of the org keeps the Campaign Touch ID.",
                "Map it to a custom text field, so that campaign touches can be told from other events.",
            )
        )
    return out


def parent(pair: PairSpec, org: OrgObject) -> list[Finding]:
    """Whether the parent lookup of a pair exists and leads to the parent object."""
    name = pair.parent_field or ""
    found = org.field(name)
    if found is None or not found.is_reference:
        return [
            fail(
                "parent_field",
                name,
                f"{org.name} has no lookup field {name} that could hold the parent.",
                "Choose the lookup to the parent object.",
                "lookup",
            )
        ]
    if pair.parent_object and found.reference_to and pair.parent_object not in found.reference_to:
        return [
            fail(
                "parent_object",
                found.name,
                f"{found.name} leads to {_or(found.reference_to)}, not to {pair.parent_object}.",
                "Choose the lookup to the parent object.",
                "lookup",
            )
        ]
    return []
