"""What the mapping editor offers: which fields can be chosen and why others cannot, and a first mapping by names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.mapping.spec import FieldMapping, Role
from core.records import Direction, Kind, WorkspaceField, workspace_fields
from core.schema.describe import OrgField, OrgObject
from core.schema.types import Form, form_of, type_info

_ENGINE = {
    "ownerid": "Filled by Syncline: the owner, from the user links.",
    "whoid": "Filled by Syncline: the person.",
    "whatid": "Filled by Syncline: the related record.",
    "accountid": "Filled by Syncline: the account.",
    "recordtypeid": "Filled by Syncline: the record type of the pair.",
}
_HIDDEN = "Hidden from the connected user by field-level security, or not there any more."
_CREATED = ("createdbyid", "createddate", "lastmodifiedbyid", "lastmodifieddate", "systemmodstamp", "isdeleted")
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "external_id": ("id",),
    "name": ("name",),
    "first_name": ("firstname",),
    "last_name": ("lastname",),
    "title": ("title", "jobtitle"),
    "company": ("company",),
    "email": ("email",),
    "phone": ("phone", "businessphone"),
    "mobile_phone": ("mobilephone", "mobile"),
    "other_phone": ("otherphone",),
    "website": ("website",),
    "industry": ("industry",),
    "type": ("type",),
    "street": ("billingstreet", "mailingstreet", "street"),
    "city": ("billingcity", "mailingcity", "city"),
    "state": ("billingstate", "mailingstate", "state"),
    "postal_code": ("billingpostalcode", "mailingpostalcode", "postalcode"),
    "country": ("billingcountry", "mailingcountry", "country"),
    "source": ("leadsource",),
    "stage": ("status", "contactstatus"),
    "opted_out_email": ("hasoptedoutofemail",),
    "do_not_call": ("donotcall",),
    "subject": ("subject",),
    "notes": ("description", "notes"),
    "status": ("status",),
    "priority": ("priority",),
    "outcome": ("calloutcome", "outcome", "calldisposition"),
    "direction": ("calltype",),
    "duration_s": ("calldurationinseconds",),
    "occurred_at": ("startdatetime", "activitydate"),
    "due_at": ("activitydate",),
    "created_on": ("createddate",),
    "updated_at": ("lastmodifieddate",),
    "account": ("accountid",),
    "person": ("whoid",),
    "user": ("ownerid",),
}
_ROLES = {"account": Role.ACCOUNT, "person": Role.PERSON}


@dataclass(frozen=True, slots=True)
class FieldSheet:
    """What the editor shows of one org field."""

    name: str
    label: str
    type: str
    length: int
    required: bool
    writable: bool
    hidden: bool
    """A job names it, and the connected user does not see it: by field-level security, or because it is gone."""
    formula: bool
    values: tuple[str, ...] = ()
    """Its picklist, of the record type that was asked about."""
    why_not: str = ""
    """Why it cannot be chosen; empty where it can."""


def sheets(org: OrgObject, direction: Direction, named: Iterable[str] = ()) -> list[FieldSheet]:
    """Every field of an object as the editor shows it, those that can be chosen first.

    Args:
        org: the object, its picklists narrowed down to a record type where one was asked about.
        direction: whether fields are written or read.
        named: field names that jobs use; those that are not among the object's fields are hidden.
    """
    shown = [
        FieldSheet(
            f.name, f.label, f.type, f.length, f.required_on_create, f.writable, hidden=False, formula=f.calculated,
            values=f.active_values, why_not=why or "",
        )
        for f, why in chooseable(org, direction)
    ]  # fmt: skip
    missing = sorted({n for n in named if org.field(n) is None}, key=str.lower)
    return shown + [
        FieldSheet(n, n, "", 0, required=False, writable=False, hidden=True, formula=False, why_not=_HIDDEN)
        for n in missing
    ]


def chooseable(org: OrgObject, direction: Direction) -> list[tuple[OrgField, str | None]]:
    """All fields of an object with the reason why one cannot be chosen (None where it can), those that can first."""
    reason = _write_reason if direction is Direction.OUTBOUND else _read_reason
    told = [(f, reason(f)) for f in org.fields]
    return sorted(told, key=lambda t: (t[1] is not None, t[0].label.lower()))


def _write_reason(found: OrgField) -> str | None:
    low = found.name.lower()
    if low == "id":
        return "The org gives it; it is the match key."
    if low in _CREATED:
        return "The org records it itself; it can never be written."
    if low in _ENGINE:
        return _ENGINE[low]
    if found.is_reference:
        return "A lookup: only Syncline itself fills lookups."
    if not type_info(found.type).mappable:
        return "A compound field: choose its parts."
    if found.calculated:
        return "A formula or roll-up: it cannot be written."
    if found.auto_number:
        return "Numbered by the org."
    if not found.writable:
        return "Read-only for the connected user."
    return None


def _read_reason(found: OrgField) -> str | None:
    if not type_info(found.type).mappable:
        return "A compound field: choose its parts." if form_of(found) is Form.COMPOUND else "Not a value."
    return None


def suggest(spec_kind: Kind, org: OrgObject, direction: Direction = Direction.OUTBOUND) -> list[FieldMapping]:
    """A first mapping by names and labels; each workspace field and each org field at most once."""
    reasons = {f.name: why for f, why in chooseable(org, direction)}
    taken: set[str] = set()
    out = []
    for own in workspace_fields(spec_kind):
        found = _counterpart(own, org, taken)
        if found is None:
            continue
        mapping = _suggested(own, found, direction, reasons[found.name])
        if mapping is not None:
            taken.add(found.name)
            out.append(mapping)
    return out


def _counterpart(own: WorkspaceField, org: OrgObject, taken: set[str]) -> OrgField | None:
    wanted = [*_SYNONYMS.get(own.name, ()), _plain(own.name), _plain(own.label)]
    for name in wanted:
        for found in org.fields:
            if found.name not in taken and name in (_plain(found.name), _plain(found.label)):
                return found
    return None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"__c$", "", text.lower()))


def _suggested(own: WorkspaceField, found: OrgField, direction: Direction, reason: str | None) -> FieldMapping | None:
    if found.name == "Id":
        source, target = ("Id", own.name) if direction is Direction.INBOUND else (own.name, "Id")
        return FieldMapping(source=source, target=target, role=Role.KEY)
    if direction is Direction.INBOUND:
        path = "Owner.Email" if found.name == "OwnerId" else found.name
        return FieldMapping(source=path, target=own.name, role=_ROLES.get(own.name, Role.VALUE))
    role = Role.OWNER if found.name == "OwnerId" else _ROLES.get(own.name, Role.VALUE)
    if role is Role.VALUE and reason is not None:
        return None
    transform = "date_of" if own.type == "datetime" and form_of(found) is Form.DATE else None
    return FieldMapping(source=own.name, target=found.name, role=role, transform=transform)
