"""Small describe answers for tests, in the shape the org sends them."""

from __future__ import annotations

from typing import Any

from core.schema.describe import OrgObject

TEXTS = {"string": 255, "textarea": 32_000, "combobox": 255, "email": 80, "phone": 40, "url": 255, "picklist": 40}


def field(name: str, type: str = "string", **flags: Any) -> dict[str, Any]:
    """One entry of ``fields``; ``picklist`` is a list of values, ``to`` the objects of a lookup."""
    values = flags.pop("picklist", ())
    raw = {
        "name": name,
        "label": flags.pop("label", name),
        "type": type,
        "length": TEXTS.get(type, 18 if type in ("id", "reference") else 0),
        "nillable": True,
        "createable": True,
        "updateable": True,
        "defaultedOnCreate": False,
        "custom": name.endswith("__c"),
        "filterable": True,
        "referenceTo": flags.pop("to", []),
        "picklistValues": [{"value": v, "label": v, "active": True} for v in values],
    }
    return raw | flags


def read_only(name: str, type: str = "string", **flags: Any) -> dict[str, Any]:
    return field(name, type, createable=False, updateable=False, **flags)


def lookup(name: str, *to: str, **flags: Any) -> dict[str, Any]:
    relationship = name.removesuffix("Id") if name.endswith("Id") else name.replace("__c", "__r")
    return field(name, "reference", to=list(to), relationshipName=relationship, **flags)


AUDIT = (
    read_only("Id", "id", nillable=False, defaultedOnCreate=True),
    read_only("CreatedDate", "datetime"),
    read_only("LastModifiedDate", "datetime"),
    read_only("SystemModstamp", "datetime"),
    read_only("IsDeleted", "boolean"),
    lookup("CreatedById", "User", createable=False, updateable=False),
    lookup("LastModifiedById", "User", createable=False, updateable=False),
    lookup("OwnerId", "User", nillable=False, defaultedOnCreate=True),
)
OUTCOMES = (
    "Connected",
    "Left Voicemail",
    "No Answer",
    "Meeting Booked",
    "Not Interested",
    "Wrong Number",
    "Callback Requested",
)


def raw_object(name: str, *fields: dict[str, Any], **flags: Any) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "fields": [*AUDIT, *fields],
    } | flags


def org_object(name: str, *fields: dict[str, Any], **flags: Any) -> OrgObject:
    return OrgObject.from_describe(raw_object(name, *fields, **flags))


ACTIVITY = (
    field("Subject", "combobox"),
    field("Description", "textarea"),
    field("ActivityDate", "date"),
    field("Type", "picklist", picklist=["Call", "Email", "Meeting", "Other"], restrictedPicklist=True),
    lookup("WhoId", "Contact", "Lead"),
    lookup("WhatId", "Account", "Opportunity"),
    lookup("AccountId", "Account", createable=False, updateable=False),
    read_only("IsArchived", "boolean"),
)


def task(*more: dict[str, Any], **flags: Any) -> OrgObject:
    return org_object(
        "Task",
        *ACTIVITY,
        field(
            "Status",
            "picklist",
            nillable=False,
            defaultedOnCreate=True,
            picklist=["Not Started", "In Progress", "Completed"],
        ),
        field("Priority", "picklist", nillable=False, defaultedOnCreate=True, picklist=["High", "Normal", "Low"]),
        field("CallDurationInSeconds", "int", digits=8),
        field("CallType", "picklist", picklist=["Internal", "Inbound", "Outbound"], restrictedPicklist=True),
        field("CallDisposition"),
        field("TaskSubtype", "picklist", picklist=["Task", "Call", "Email"], restrictedPicklist=True, updateable=False),
        *more,
        **flags,
    )


def event(*more: dict[str, Any]) -> OrgObject:
    return org_object(
        "Event",
        *ACTIVITY,
        field("IsAllDayEvent", "boolean", nillable=False, defaultedOnCreate=True),
        field("StartDateTime", "datetime"),
        field("EndDateTime", "datetime"),
        field("DurationInMinutes", "int", digits=8),
        *more,
    )


def account(*more: dict[str, Any]) -> OrgObject:
    fields = [field(f"Billing{p}") for p in ("Street", "City", "State", "PostalCode", "Country")]
    return org_object(
        "Account",
        field("Name", nillable=False),
        field("Website", "url"),
        field("Phone", "phone"),
        field("Industry", "picklist"),
        field("Type", "picklist"),
        field("Description", "textarea"),
        read_only("MasterRecordId", "reference", referenceTo=["Account"]),
        *fields,
        *more,
    )


def _person(name: str, *more: dict[str, Any]) -> OrgObject:
    return org_object(
        name,
        field("FirstName", length=40),
        field("LastName", length=80, nillable=False),
        read_only("Name"),
        field("Title"),
        field("Email", "email"),
        field("Phone", "phone"),
        field("MobilePhone", "phone"),
        field("LeadSource", "picklist"),
        field("HasOptedOutOfEmail", "boolean", nillable=False, defaultedOnCreate=True),
        field("DoNotCall", "boolean", nillable=False, defaultedOnCreate=True),
        *more,
    )


def contact(*more: dict[str, Any]) -> OrgObject:
    return _person("Contact", lookup("AccountId", "Account"), *more)


def lead(*more: dict[str, Any]) -> OrgObject:
    converted = [read_only(n, "reference") for n in ("ConvertedContactId", "ConvertedAccountId")]
    return _person(
        "Lead",
        field("Company", nillable=False),
        field("Status", "picklist"),
        read_only("IsConverted", "boolean"),
        *converted,
        *more,
    )


def orgs() -> dict[str, OrgObject]:
    """A plain org, with a restricted picklist for the outcome of calls."""
    outcome = field("Call_Outcome__c", "picklist", picklist=OUTCOMES, restrictedPicklist=True)
    scores = (field("Engagement_Score__c", "double", precision=5, scale=0), field("Last_Engagement__c", "date"))
    user = org_object("User", field("Email", "email"))
    people = (account(*scores), contact(*scores), lead(*scores))
    return {o.name: o for o in (task(outcome), event(outcome), *people, user)}
