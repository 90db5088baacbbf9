"""A small org for the query tests: schema, tables and users, made from the shared vocabulary alone."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from local_org.org.ids import to18
from local_org.org.model import Access, Field, PicklistValue, Schema, SObject
from local_org.soql import ResultSet, run

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def make_id(prefix: str, number: int) -> str:
    return to18(f"{prefix}{number:012d}")


def text(name: str, **more: Any) -> Field:
    return Field(name, more.pop("type", "string"), more.pop("label", name), length=more.pop("length", 80), **more)


def lookup(name: str, *targets: str, parent: str | None = None, child: str | None = None, **more: Any) -> Field:
    return Field(
        name, "reference", name, reference_to=targets, relationship_name=parent, child_relationship=child, **more
    )


def system() -> tuple[Field, ...]:
    fixed: dict[str, Any] = {"nillable": False, "createable": False, "updateable": False}
    return (
        Field("Id", "id", "Record ID", **fixed),
        Field("IsDeleted", "boolean", "Deleted", **fixed),
        Field("CreatedDate", "datetime", "Created Date", groupable=False, **fixed),
        Field("SystemModstamp", "datetime", "System Modstamp", groupable=False, **fixed),
    )


def long_text(name: str) -> Field:
    return Field(name, "textarea", name, length=32000, filterable=False, sortable=False, groupable=False)


STATUS = (PicklistValue("Not Started", "Noch offen"), PicklistValue("Completed", "Erledigt"))
ADDRESS = ("Street", "City", "State", "PostalCode", "Country")

ACCOUNT = SObject(
    "Account", "Account", "Accounts", "001",
    (
        *system(), text("Name", nillable=False, name_field=True), text("Industry", type="picklist"),
        Field("AnnualRevenue", "currency", "Annual Revenue", precision=18),
        Field("NumberOfEmployees", "int", "Employees"),
        Field("Active__c", "boolean", "Active", nillable=False, custom=True),
        *(text(f"Billing{p}", compound="BillingAddress") for p in ADDRESS),
        Field("BillingLatitude", "double", "Latitude", compound="BillingAddress"),
        Field("BillingLongitude", "double", "Longitude", compound="BillingAddress"),
        Field("BillingAddress", "address", "Billing Address", filterable=False, sortable=False, groupable=False,
              compound_of=tuple(f"Billing{p}" for p in (*ADDRESS, "Latitude", "Longitude"))),
        lookup("OwnerId", "User", parent="Owner"),
        lookup("ParentId", "Account", parent="Parent", child="ChildAccounts"),
        text("Markets__c", type="multipicklist", custom=True, groupable=False),
        text("Code__c", case_sensitive=True, custom=True),
        long_text("Description"),
    ),
)  # fmt: skip
CONTACT = SObject(
    "Contact", "Contact", "Contacts", "003",
    (
        *system(), text("Name", name_field=True), text("FirstName"), text("LastName", nillable=False),
        text("Email", type="email"), Field("Birthdate", "date", "Birthdate"),
        lookup("AccountId", "Account", parent="Account", child="Contacts"), lookup("OwnerId", "User", parent="Owner"),
        lookup("Building__c", "Building__c", parent="Building__r", child="Tenants__r", custom=True),
    ),
)  # fmt: skip
LEAD = SObject(
    "Lead", "Lead", "Leads", "00Q",
    (*system(), text("Name", name_field=True), text("Company"), text("Email", type="email"),
     lookup("OwnerId", "Group", "User", parent="Owner")),
)  # fmt: skip
TASK = SObject(
    "Task", "Task", "Tasks", "00T",
    (
        *system(), text("Subject", length=255), text("Status", type="picklist", picklist=STATUS),
        Field("IsArchived", "boolean", "Archived", nillable=False),
        Field("IsClosed", "boolean", "Closed", nillable=False), long_text("Notes__c"),
        Field("LastModifiedDate", "datetime", "Last Modified Date"), Field("ActivityDate", "date", "Due Date"),
        Field("CallDurationInSeconds", "int", "Call Duration"), long_text("Description"),
        lookup("WhoId", "Contact", "Lead", parent="Who", child="Tasks"),
        lookup("WhatId", "Account", "Building__c", "Case", parent="What", child="Tasks"),
        lookup("OwnerId", "Group", "User", parent="Owner"), lookup("AccountId", "Account", parent="Account"),
    ),
)  # fmt: skip
EVENT = SObject(
    "Event", "Event", "Events", "00U",
    (
        *system(), text("Subject", length=255), text("Location"), Field("ActivityDate", "date", "Date"),
        Field("EndDateTime", "datetime", "End"), Field("LastModifiedDate", "datetime", "Last Modified Date"),
        Field("IsArchived", "boolean", "Archived", nillable=False), lookup("OwnerId", "User", parent="Owner"),
        lookup("WhoId", "Contact", "Lead", parent="Who", child="Events"),
        lookup("WhatId", "Account", "Building__c", parent="What", child="Events"),
        lookup("AccountId", "Account", parent="Account"),
    ),
)  # fmt: skip
USER = SObject(
    "User", "User", "Users", "005",
    (*system()[:1], text("Name", name_field=True), text("Username"), text("Email", type="email"),
     Field("IsActive", "boolean", "Active", nillable=False), lookup("ManagerId", "User", parent="Manager"),
     lookup("ProfileId", "Profile", parent="Profile")),
)  # fmt: skip
GROUP = SObject("Group", "Group", "Groups", "00G", (*system()[:1], text("Name", name_field=True), text("Type")))
PROFILE = SObject("Profile", "Profile", "Profiles", "00e", (*system()[:1], text("Name", name_field=True)))
BUILDING = SObject(
    "Building__c", "Building", "Buildings", "a01",
    (
        *system(), text("Name", name_field=True), text("City__c", custom=True),
        Field("Spot__Latitude__s", "double", "Spot (Latitude)", custom=True, compound="Spot__c"),
        Field("Spot__Longitude__s", "double", "Spot (Longitude)", custom=True, compound="Spot__c"),
        Field("Spot__c", "location", "Spot", custom=True, filterable=False, sortable=False, groupable=False,
              compound_of=("Spot__Latitude__s", "Spot__Longitude__s")),
    ), custom=True,
)  # fmt: skip
ATTACHMENT = SObject(
    "Attachment",
    "Attachment",
    "Attachments",
    "00P",
    (*system(), text("Name", name_field=True), Field("Body", "base64", "Body", filterable=False, sortable=False)),
)
CASE = SObject(
    "Case", "Case", "Cases", "500",
    (*system(), text("CaseNumber", name_field=True, auto_number=True), text("Subject")),
)  # fmt: skip
SCHEMA = Schema((ACCOUNT, CASE, CONTACT, LEAD, TASK, EVENT, USER, GROUP, PROFILE, BUILDING, ATTACHMENT))

_COLUMNS = {"boolean": "INTEGER", "int": "INTEGER", "datetime": "INTEGER", "currency": "REAL", "double": "REAL"}


def connect() -> sqlite3.Connection:
    """Empty tables for every object of the schema."""
    conn = sqlite3.connect(":memory:", check_same_thread=False)
    for sobject in SCHEMA.objects:
        columns = ", ".join(f'"{f.name}" {_column(f)}' for f in sobject.fields if f.stored)
        conn.execute(f'CREATE TABLE "{sobject.name}" ({columns})')
        for f in sobject.fields:
            if f.type == "reference" or f.name in ("SystemModstamp", "IsDeleted"):
                conn.execute(f'CREATE INDEX "{sobject.name}_{f.name}" ON "{sobject.name}" ("{f.name}")')
    return conn


def _column(f: Field) -> str:
    if f.type == "id":
        return "TEXT PRIMARY KEY"
    if f.type in _COLUMNS:
        return _COLUMNS[f.type]
    binary = f.case_sensitive or f.type in ("reference", "date", "time", "base64")
    return "TEXT" if binary else "TEXT COLLATE NOCASE"


def add(conn: sqlite3.Connection, sobject: SObject, number: int, **values: Any) -> str:
    """One row; flags default to false and stamps to the test's moment."""
    key = make_id(str(sobject.key_prefix), number)
    row: dict[str, Any] = {f.name: 0 for f in sobject.fields if f.type == "boolean"}
    row |= {name: int(NOW.timestamp()) for name in ("CreatedDate", "SystemModstamp") if sobject.field(name)}
    row |= {"Id": key, **values}
    names = ", ".join(f'"{n}"' for n in row)
    conn.execute(f'INSERT INTO "{sobject.name}" ({names}) VALUES ({", ".join("?" * len(row))})', tuple(row.values()))
    return key


def user(**more: Any) -> Access:
    """An administrator; keyword arguments narrow what the user may do."""
    fields: dict[str, Any] = {
        "user_id": make_id("005", 1), "username": "ada@example.com", "profile": "System Administrator",
        "time_zone": "America/Los_Angeles", "api_enabled": True, "modify_all": True, "view_all": True,
        "objects": {}, "fields": {},
    }  # fmt: skip
    return Access(**(fields | more))


def ask(conn: sqlite3.Connection, query: str, access: Access | None = None, **more: Any) -> ResultSet:
    return run(conn, SCHEMA, access or user(), query, **({"now": NOW} | more))


def rows(conn: sqlite3.Connection, query: str, access: Access | None = None, **more: Any) -> list[dict[str, Any]]:
    return ask(conn, query, access, **more).page(0, 2000)
