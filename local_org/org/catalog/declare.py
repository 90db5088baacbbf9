"""Turns one-line field declarations into `Field` values, deriving what follows from the type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from local_org.org.catalog.picklists import PICKLISTS
from local_org.org.model import Field, FieldType, PicklistValue

_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?\Z")
_NUMBERS = ("double", "currency", "percent")
_NOT_GROUPABLE = (*_NUMBERS, "datetime", "time", "address", "location", "base64", "combobox")

Line = str
"""``Name | type(length) | flags | Label | extras``: flags are C createable, U updateable, N nillable, D defaulted."""

AUDIT = """
CreatedDate | datetime | D | Created Date
CreatedById | reference | D | Created By ID | to=User rel=CreatedBy
LastModifiedDate | datetime | D | Last Modified Date
LastModifiedById | reference | D | Last Modified By ID | to=User rel=LastModifiedBy
SystemModstamp | datetime | D | System Modstamp
"""

VIEWED = """
LastViewedDate | datetime | N | Last Viewed Date
LastReferencedDate | datetime | N | Last Referenced Date
"""

_WORDS = {
    "name": {"name_field": True},
    "idlookup": {"id_lookup": True},
    "restricted": {"restricted": True},
    "unique": {"unique": True},
    "external": {"external_id": True, "id_lookup": True},
    "cascade": {"cascade_delete": True},
    "auto": {"auto_number": True},
    "calculated": {"calculated": True},
    "fixed": {"permissionable": False},
    "fls": {"permissionable": True},
    "nofilter": {"filterable": False, "sortable": False},
    "nogroup": {"groupable": False},
    "nosort": {"sortable": False},
}


def fields(*blocks: str) -> tuple[Field, ...]:
    """All fields of the given blocks of lines, in order."""
    return tuple(field_from_line(line) for block in blocks for line in block.splitlines() if line.strip())


def field_from_line(line: Line) -> Field:
    """One field from one line of a catalog block."""
    parts = [part.strip() for part in line.split("|")]
    name, type_text, flags, label = parts[:4]
    extras = parts[4].split() if len(parts) > 4 else []
    made = _base(name, type_text, flags, label)
    made.update(_extras(extras))
    made.setdefault("permissionable", _permissionable(name, made))
    return Field(**made)


def _base(name: str, type_text: str, flags: str, label: str) -> dict[str, Any]:
    match = _TYPE.match(type_text)
    if match is None:
        raise ValueError(f"{name}: not a field type: {type_text}")
    kind = cast(FieldType, match[1])
    made: dict[str, Any] = {"name": name, "type": kind, "label": label}
    made.update(sizes(kind, int(match[2] or 0), int(match[3] or 0)))
    made.update(createable="C" in flags, updateable="U" in flags, nillable="N" in flags)
    made["defaulted_on_create"] = "D" in flags
    made.update(searching(kind, made["length"]))
    if kind == "boolean":
        made["default"] = False
    return made


def sizes(kind: FieldType, first: int = 0, second: int = 0) -> dict[str, int]:
    """Length, precision, scale and digits as describe prints them for a type declared with one or two numbers."""
    if kind in ("id", "reference"):
        return {"length": 18, "precision": 0, "scale": 0, "digits": 0}
    if kind == "int":
        return {"length": 0, "precision": 0, "scale": 0, "digits": first or 8}
    if kind in _NUMBERS:
        return {"length": 0, "precision": first or 18, "scale": second, "digits": 0}
    default = {"picklist": 255, "phone": 40, "email": 80, "url": 255, "string": 255, "combobox": 255}.get(kind, 0)
    return {"length": first or default, "precision": 0, "scale": 0, "digits": 0}


def searching(kind: FieldType, length: int) -> dict[str, bool]:
    """Whether a field of this type and length may be filtered, sorted and grouped in SOQL."""
    if kind == "textarea" and length > 255:
        return {"filterable": False, "sortable": False, "groupable": False}
    if kind == "multipicklist":
        return {"filterable": True, "sortable": False, "groupable": False}
    compound = kind in ("address", "location")
    return {"filterable": True, "sortable": not compound, "groupable": kind not in _NOT_GROUPABLE}


def _extras(words: Iterable[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for word in words:
        key, _, value = word.partition("=")
        if word in _WORDS:
            made.update(_WORDS[word])
        elif key == "to":
            made["reference_to"] = tuple(value.split(","))
        elif key == "rel":
            made["relationship_name"] = value
        elif key == "child":
            made["child_relationship"] = value
        elif key == "in":
            made["compound"] = value
        elif key == "of":
            made["compound_of"] = tuple(value.split(","))
        elif key == "pl":
            made["picklist"], made["default"] = picklist(PICKLISTS[value])
        else:
            raise ValueError(f"unknown word in a catalog line: {word}")
    return made


def picklist(values: Iterable[str | PicklistValue]) -> tuple[tuple[PicklistValue, ...], str | None]:
    """Picklist values and the default among them; a plain text ending in ``*`` is the default value."""
    made = []
    for value in values:
        if isinstance(value, PicklistValue):
            made.append(value)
        else:
            made.append(PicklistValue(value.rstrip("*"), default=value.endswith("*")))
    return tuple(made), next((value.value for value in made if value.default), None)


_NEVER_HIDDEN = {"Id", "Name", "OwnerId", "RecordTypeId", "LastName", "FirstName", "Salutation", "IsDeleted"}


def _permissionable(name: str, made: Mapping[str, Any]) -> bool:
    """Field-level security leaves required and system fields alone."""
    if name in _NEVER_HIDDEN or made["type"] == "id":
        return False
    if made["type"] == "address":
        return True
    if not made["createable"] and not made["updateable"]:
        return bool(made.get("calculated"))
    return bool(made["nillable"] or made["type"] == "boolean" or made.get("compound"))


def address(prefix: str, label: str | None = None) -> str:
    """The block of an address: its seven parts, geocode accuracy and the compound itself."""
    head = f"{label} " if label else ""
    whole = f"{prefix}Address"
    parts = ("Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude", "GeocodeAccuracy")
    rows = [
        f"{prefix}Street | textarea(255) | CUN | {head}Street | in={whole}",
        f"{prefix}City | string(40) | CUN | {head}City | in={whole}",
        f"{prefix}State | string(80) | CUN | {head}State/Province | in={whole}",
        f"{prefix}PostalCode | string(20) | CUN | {head}Zip/Postal Code | in={whole}",
        f"{prefix}Country | string(80) | CUN | {head}Country | in={whole}",
        f"{prefix}Latitude | double(18,15) | CUN | {head}Latitude | in={whole}",
        f"{prefix}Longitude | double(18,15) | CUN | {head}Longitude | in={whole}",
        f"{prefix}GeocodeAccuracy | picklist(40) | CUN | {head}Geocode Accuracy "
        f"| in={whole} pl=GeocodeAccuracy restricted",
        f"{whole} | address | N | {head}Address | of={','.join(prefix + part for part in parts)}",
    ]
    return "\n".join(rows)


def person_name(*, length: int = 121) -> str:
    """The block of a person's name: parts and the full name."""
    return f"""
LastName | string(80) | CU | Last Name | in=Name
FirstName | string(40) | CUN | First Name | in=Name
Salutation | picklist(40) | CUN | Salutation | in=Name pl=Salutation
Name | string({length}) | - | Full Name | name of=Salutation,FirstName,LastName
"""


def hidden_from_filters(f: Field) -> Field:
    """A copy that SOQL may select but not filter, sort or group."""
    return replace(f, filterable=False, sortable=False, groupable=False)
