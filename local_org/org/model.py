"""The vocabulary of the practice org: objects, fields, users, errors, as plain frozen values.

Storage convention that `org`, `soql` and `sample` share (one SQLite table per object, named like the object; one
column per stored field, named like the field):

========================  ==========================================================
field type                 SQLite value
========================  ==========================================================
id, reference              TEXT, 18 characters, BINARY collation
string, picklist, phone…   TEXT, NOCASE collation (BINARY where ``case_sensitive``), never the empty string
boolean                    INTEGER 0 / 1
int                        INTEGER
double, currency, percent  REAL
date                       TEXT ``YYYY-MM-DD``
datetime                   INTEGER, whole seconds since 1970-01-01 UTC
time                       TEXT ``HH:MM:SS.mmmZ``
base64                     TEXT, base64; rows and queries show the address of the content
multipicklist              TEXT, values joined with ``;``
address, location          not stored: compound of their part fields (``compound_of``)
formulas, roll-ups         not stored: worked out when read
========================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FieldType = Literal[
    "id",
    "string",
    "boolean",
    "int",
    "long",
    "double",
    "currency",
    "percent",
    "date",
    "datetime",
    "time",
    "picklist",
    "multipicklist",
    "combobox",
    "reference",
    "textarea",
    "phone",
    "email",
    "url",
    "address",
    "location",
    "encryptedstring",
    "base64",
    "anyType",
]


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One value of a picklist; ``label`` defaults to the value."""

    value: str
    label: str = ""
    default: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class RecordType:
    """One record type of an object, with the picklist values that it allows.

    A picklist that ``picklists`` does not name keeps all its values.
    """

    id: str
    name: str
    """Its API name (DeveloperName)."""
    label: str
    default: bool = False
    """What a new record gets that names no record type."""
    active: bool = True
    picklists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field name to the values allowed; one that ends in ``*`` is the default of this record type."""
    profiles: tuple[str, ...] = ()
    """Names of the profiles that may use it; empty for all."""
    person: bool = False
    """Whether it makes an Account a person account."""

    def open_to(self, profile: str) -> bool:
        """Whether users of this profile may give it to records."""
        return self.active and (not self.profiles or profile in self.profiles)


Sharing = Literal["Private", "Read", "ReadWrite", "FullAccess", "ControlledByParent"]
"""Organization-wide default: what everybody may do with records of others; ``FullAccess`` lets delete and transfer."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """A roll-up summary: what is counted or added up over the live children of a record."""

    child: str
    """The child object."""
    reference: str
    """Its field that names the record."""
    function: Literal["count", "sum", "min", "max"] = "count"
    field: str | None = None
    """What is added up; ``None`` for a count."""
    when: tuple[tuple[str, str, Any], ...] = ()
    """Conditions that a child must meet: field, one of ``= != < <= > >=``, value."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an sObject, with what the server enforces about it (flags as describe prints them)."""

    name: str
    type: FieldType
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    default: Any = None
    custom: bool = False
    external_id: bool = False
    id_lookup: bool = False
    unique: bool = False
    case_sensitive: bool = False
    name_field: bool = False
    auto_number: bool = False
    calculated: bool = False
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    restricted: bool = False
    picklist: tuple[PicklistValue, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    cascade_delete: bool = False
    child_relationship: str | None = None
    """Name of the child relationship on each parent (``Contacts``), ``None`` when unnamed."""
    compound: str | None = None
    """Name of the compound field that this one is a part of (``MailingAddress``, ``Name``)."""
    compound_of: tuple[str, ...] = ()
    """For an address or a person's Name: the stored parts."""
    permissionable: bool = True
    help_text: str | None = None
    quirks: tuple[tuple[str, Any], ...] = ()
    """Keys of its describe that do not follow from the rest: ``("aggregatable", False)``."""
    formula: str | None = None
    """Worked out whenever it is read; see `formulas`."""
    rollup: Rollup | None = None
    """Worked out whenever it is read, like a formula."""

    @property
    def stored(self) -> bool:
        """Whether the field has a column of its own."""
        return self.type not in ("address", "location") and not self.worked_out

    @property
    def worked_out(self) -> bool:
        """Whether the value is made when it is read: it changes without a stamp."""
        return self.formula is not None or self.rollup is not None

    @property
    def required(self) -> bool:
        """Required on create: createable, not nillable, not defaulted."""
        return self.createable and not self.nillable and not self.defaulted_on_create


@dataclass(frozen=True, slots=True)
class SObject:
    """One sObject with its fields in describe order."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    fields: tuple[Field, ...]
    custom: bool = False
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    queryable: bool = True
    replicateable: bool = True
    searchable: bool = True
    mergeable: bool = False
    layoutable: bool = True
    activities: bool = False
    """Whether a Task or Event may name it as WhatId."""
    record_types: tuple[RecordType, ...] = ()
    sharing: Sharing = "FullAccess"
    _by_lower: dict[str, Field] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_lower.update({f.name.lower(): f for f in self.fields})

    def field(self, name: str) -> Field | None:
        """The field of that name, in any case; ``None`` when there is none."""
        return self._by_lower.get(name.lower())


@dataclass(frozen=True, slots=True)
class Schema:
    """All objects of an org, looked up in any case."""

    objects: tuple[SObject, ...]
    _by_lower: dict[str, SObject] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_lower.update({o.name.lower(): o for o in self.objects})

    def get(self, name: str) -> SObject | None:
        """The object of that name, in any case; ``None`` when there is none."""
        return self._by_lower.get(name.lower())


@dataclass(frozen=True, slots=True)
class Access:
    """What one user may do: the union of profile and permission sets.

    ``objects`` maps an object name to the letters it grants out of ``crudVM`` (create, read, update, delete, View
    All, Modify All); ``fields`` maps ``Object.Field`` to ``""`` (hidden), ``"r"`` or ``"re"``; a field that is not
    named follows its object.
    """

    user_id: str
    username: str
    profile: str
    time_zone: str
    api_enabled: bool
    modify_all: bool
    view_all: bool
    objects: Mapping[str, str]
    fields: Mapping[str, str]
    owners: frozenset[str] = frozenset()
    """Ids of those whose records are as good as the user's own: the user, roles below, queues."""
    groups: frozenset[str] = frozenset()
    """Ids that a share may name to reach the user."""
    set_audit: bool = False
    """Whether the user may say who created a new record, and when."""
    first_weekday: int = 6
    """The day that the user's weeks begin with, by locale: 0 is Monday, 6 Sunday."""

    def may(self, sobject: SObject, letter: str) -> bool:
        """Whether one of ``c r u d`` is granted on the object."""
        if self.modify_all:
            return True
        if letter == "r" and self.view_all:
            return True
        return letter in self.objects.get(sobject.name, "")

    def sees(self, sobject: SObject, f: Field) -> bool:
        """Whether the field is readable: an unreadable one does not exist for this user."""
        return "r" in self.fields.get(f"{sobject.name}.{f.name}", "re")

    def edits(self, sobject: SObject, f: Field) -> bool:
        """Whether field-level security lets the user write the field."""
        return "e" in self.fields.get(f"{sobject.name}.{f.name}", "re")


AUDIT_FIELDS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
"""What the permission Set Audit Fields upon Record Creation opens, on create only."""


class OrgFault(Exception):
    """An error as Salesforce answers it: HTTP status, errorCode, message, and the fields of a DML error."""

    def __init__(self, code: str, message: str, *, status: int = 400, fields: list[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


@dataclass(slots=True)
class SaveResult:
    """What one row of a DML call came to; ``errors`` empty means success."""

    id: str | None
    success: bool
    created: bool = False
    errors: list[OrgFault] = field(default_factory=list)
