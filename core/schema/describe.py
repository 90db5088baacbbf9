"""An org object and its fields, frozen and typed, as read from a describe answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

COMPOUND_TYPES = frozenset({"address", "location"})


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One entry of a picklist; only active ones may be written to a restricted picklist."""

    value: str
    label: str
    active: bool = True
    default: bool = False


@dataclass(frozen=True, slots=True)
class OrgField:
    """One field of an org object, with Salesforce's meaning of each flag."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    calculated: bool = False
    auto_number: bool = False
    restricted: bool = False
    picklist: tuple[PicklistValue, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    external_id: bool = False
    unique: bool = False
    id_lookup: bool = False
    filterable: bool = True
    custom: bool = False
    compound: str | None = None
    """Name of the compound field it is a part of (``Name``, ``MailingAddress``)."""
    digits: int = 0

    @classmethod
    def from_describe(cls, raw: Mapping[str, Any]) -> OrgField:
        """The field of one entry of ``fields`` in a describe answer."""
        return cls(
            name=raw["name"],
            label=raw.get("label") or raw["name"],
            type=raw.get("type", "string"),
            length=int(raw.get("length") or 0),
            precision=int(raw.get("precision") or 0),
            scale=int(raw.get("scale") or 0),
            nillable=bool(raw.get("nillable", True)),
            createable=bool(raw.get("createable", False)),
            updateable=bool(raw.get("updateable", False)),
            defaulted_on_create=bool(raw.get("defaultedOnCreate", False)),
            calculated=bool(raw.get("calculated", False)),
            auto_number=bool(raw.get("autoNumber", False)),
            restricted=bool(raw.get("restrictedPicklist", False)),
            picklist=tuple(_picklist_value(v) for v in raw.get("picklistValues") or ()),
            reference_to=tuple(raw.get("referenceTo") or ()),
            relationship_name=raw.get("relationshipName"),
            external_id=bool(raw.get("externalId", False)),
            unique=bool(raw.get("unique", False)),
            id_lookup=bool(raw.get("idLookup", False)),
            filterable=bool(raw.get("filterable", True)),
            custom=bool(raw.get("custom", False)),
            compound=raw.get("compoundFieldName") if raw.get("compoundFieldName") != raw["name"] else None,
            digits=int(raw.get("digits") or 0),
        )

    @property
    def required_on_create(self) -> bool:
        """Whether the org refuses a create without it: createable, not nillable, no default of its own."""
        return self.createable and not self.nillable and not self.defaulted_on_create

    @property
    def writable(self) -> bool:
        """Whether it can be written at all, on create or on update."""
        return self.createable or self.updateable

    @property
    def is_reference(self) -> bool:
        """Whether it points to another record."""
        return self.type == "reference"

    @property
    def is_picklist(self) -> bool:
        """Whether its values come from a list."""
        return self.type in ("picklist", "multipicklist", "combobox")

    @property
    def active_values(self) -> tuple[str, ...]:
        """The values of its picklist that may be used now, in the org's order."""
        return tuple(v.value for v in self.picklist if v.active)

    def signature(self) -> tuple[Any, ...]:
        """What about it decides how a value is written; labels and order are left out."""
        return (
            self.name,
            self.type,
            self.length,
            self.precision,
            self.scale,
            self.nillable,
            self.createable,
            self.updateable,
            self.defaulted_on_create,
            self.calculated,
            self.restricted,
            tuple(sorted(self.active_values)),
            tuple(sorted(self.reference_to)),
            self.external_id,
            self.unique,
        )


def _record_types(told: Iterable[Mapping[str, Any]]) -> tuple[RecordType, ...]:
    return tuple(
        RecordType(
            t["recordTypeId"], t.get("developerName") or t["name"], t["name"], bool(t["defaultRecordTypeMapping"])
        )
        for t in told
        if not t.get("master") and t.get("active", True) and t.get("available", True)
    )


def _picklist_value(raw: Mapping[str, Any]) -> PicklistValue:
    value = raw.get("value") or ""
    return PicklistValue(value, raw.get("label") or value, bool(raw.get("active", True)), bool(raw.get("defaultValue")))


MASTER = "Master"
"""Developer name of the record type that records have where an object has none of its own."""


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record type that the connected user may give to records."""

    id: str
    name: str
    """Its developer name, which is the same in a sandbox and in production."""
    label: str
    is_default: bool = False


@dataclass(frozen=True)
class OrgObject:
    """One org object as the connected user sees it: a field hidden from that user is not in it."""

    name: str
    label: str
    fields: tuple[OrgField, ...]
    label_plural: str = ""
    key_prefix: str | None = None
    custom: bool = False
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    queryable: bool = True
    record_types: tuple[RecordType, ...] = ()
    """Those that are active and open to the connected user; the master is not among them."""
    _by_name: dict[str, OrgField] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the fields by lower-case name."""
        object.__setattr__(self, "_by_name", {f.name.lower(): f for f in self.fields})

    def __hash__(self) -> int:
        """Objects with the same fields are the same."""
        return hash((self.name, self.fields))

    @classmethod
    def from_describe(cls, raw: Mapping[str, Any]) -> OrgObject:
        """The object of a describe answer.

        Raises:
            KeyError: the answer has no name or a field without one.
        """
        return cls(
            name=raw["name"],
            label=raw.get("label") or raw["name"],
            fields=tuple(OrgField.from_describe(f) for f in raw.get("fields") or ()),
            label_plural=raw.get("labelPlural") or "",
            key_prefix=raw.get("keyPrefix"),
            custom=bool(raw.get("custom", False)),
            createable=bool(raw.get("createable", True)),
            updateable=bool(raw.get("updateable", True)),
            deletable=bool(raw.get("deletable", True)),
            queryable=bool(raw.get("queryable", True)),
            record_types=_record_types(raw.get("recordTypeInfos") or ()),
        )

    def record_type(self, name: str) -> RecordType | None:
        """The record type of that developer name, in any case."""
        return next((r for r in self.record_types if r.name.lower() == name.strip().lower()), None)

    def with_values(self, values: Mapping[str, Iterable[str]]) -> OrgObject:
        """The object with these picklists narrowed down, as a record type does it: field name -> its values."""
        kept = {name.lower(): set(told) for name, told in values.items()}
        fields = [
            replace(f, picklist=tuple(v for v in f.picklist if v.value in kept[f.name.lower()]))
            if f.name.lower() in kept
            else f
            for f in self.fields
        ]
        return replace(self, fields=tuple(fields))

    def field(self, name: str) -> OrgField | None:
        """The field of that name in any case, or None where it is missing or hidden from the user."""
        return self._by_name.get(name.lower())

    def reference(self, relationship: str) -> OrgField | None:
        """The lookup field behind a relationship name such as ``Owner`` or ``Property__r``."""
        low = relationship.lower()
        return next((f for f in self.fields if f.relationship_name and f.relationship_name.lower() == low), None)

    @property
    def required_on_create(self) -> tuple[OrgField, ...]:
        """The fields without which the org refuses a create."""
        return tuple(f for f in self.fields if f.required_on_create)

    def fingerprint(self) -> str:
        """A hash of all that decides how records are written; a new label or another field order leaves it alone."""
        body = [self.name, self.createable, self.updateable, self.deletable]
        body.append(sorted((f.signature() for f in self.fields), key=lambda s: str(s[0])))
        return hashlib.sha256(json.dumps(body, default=list).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FieldPath:
    """What a field path such as ``Owner.Email`` leads to."""

    path: str
    steps: tuple[OrgField, ...] = ()
    field: OrgField | None = None
    missing: str | None = None
    """The first part that does not exist, or is hidden from the user."""

    @property
    def known(self) -> bool:
        """Whether the path certainly exists; false for a wrong path and for one into an object not described."""
        return self.field is not None

    @property
    def exists(self) -> bool:
        """Whether nothing speaks against the path."""
        return self.missing is None


# A lookup to several objects is read through Salesforce's Name object, which has only these fields.
_NAME_FIELDS = {
    n.lower(): n
    for n in ("Id", "Name", "Email", "FirstName", "LastName", "Phone", "Title", "Type", "Username", "Alias", "IsActive")
}


def resolve(path: str, org: OrgObject, orgs: Mapping[str, OrgObject] | None = None) -> FieldPath:
    """Follow a field path from an object over its lookups, in any case.

    Args:
        path: up to five relationships and a field, ``Account.Owner.Email``.
        org: where the path starts.
        orgs: the other objects known; a step into one that is not among them is taken as existing.
    """
    *relationships, last = path.split(".")
    here: OrgObject = org
    steps: list[OrgField] = []
    if relationships and relationships[0].lower() == org.name.lower() and org.reference(relationships[0]) is None:
        relationships = relationships[1:]
    for part in relationships:
        lookup = here.reference(part)
        if lookup is None:
            return FieldPath(path, tuple(steps), missing=part)
        steps.append(lookup)
        if len(lookup.reference_to) > 1:
            return _through_name(path, steps, last, [_known(n, orgs) for n in lookup.reference_to])
        target = _known(lookup.reference_to[0], orgs) if lookup.reference_to else None
        if target is None:
            return FieldPath(path, tuple(steps))
        here = target
    found = here.field(last)
    return FieldPath(path, tuple(steps), found, None if found else last)


def spelled(path: str, org: OrgObject, orgs: Mapping[str, OrgObject] | None = None) -> str | None:
    """A path as the org itself spells it, which is how its rows come back; None where it does not exist."""
    found = resolve(path, org, orgs)
    if not found.exists:
        return None
    last = path.split(".")[-1]
    name = found.field.name if found.field is not None else _NAME_FIELDS.get(last.lower(), last)
    if found.field is None and len(found.steps) + 1 < len(path.split(".")):
        return path
    return ".".join([*(s.relationship_name or "" for s in found.steps), name])


def _known(name: str, orgs: Mapping[str, OrgObject] | None) -> OrgObject | None:
    return next((o for o in (orgs or {}).values() if o.name.lower() == name.lower()), None)


def _through_name(path: str, steps: list[OrgField], last: str, targets: list[OrgObject | None]) -> FieldPath:
    if last.lower() not in _NAME_FIELDS:
        return FieldPath(path, tuple(steps), missing=last)
    found = next((f for t in targets if t is not None and (f := t.field(last)) is not None), None)
    return FieldPath(path, tuple(steps), found)
