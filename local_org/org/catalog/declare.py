"""Turns field declarations of a schema file into `Field` values, deriving what follows from the type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from local_org.org.model import Field, FieldType, PicklistValue

Spec = Mapping[str, Any]
"""One field as a schema file declares it: ``{name: Rating, type: picklist, length: 40, may: CUN, values: [Hot]}``."""

_NUMBERS = ("double", "currency", "percent")
_NOT_GROUPABLE = (*_NUMBERS, "datetime", "time", "address", "location", "base64", "combobox")
_TYPES = frozenset(get_args(FieldType))
_OWN_WORDS = ("name", "type", "label", "length", "scale", "may", "values", "to", "relationship", "child")
_FLAGS = frozenset(Field.__dataclass_fields__)


def standard_field(spec: Spec, picklists: Mapping[str, Iterable[str]]) -> Field:
    """A standard field.

    Args:
        spec: ``name``, ``type``, ``label``, ``length`` (of numbers: all digits), ``scale``; ``may`` holds letters of
            ``CUND`` (createable, updateable, nillable, defaulted on create); ``values`` a list or the name of a
            picklist; ``to``, ``relationship`` and ``child`` of a reference; and any other attribute of `Field`.
        picklists: Values by the name of the picklist.

    Raises:
        ValueError: A word that no field has, or a type that does not exist.
    """
    name, kind, may = str(spec["name"]), field_type(spec), str(spec.get("may", "CUN"))
    if "formula" in spec or "rollup" in spec:
        raise ValueError(f"{name}: only custom fields are formulas or roll-ups; their names end in __c")
    made: dict[str, Any] = {"name": name, "type": kind, "label": str(spec.get("label", name))}
    made.update(sizes(kind, int(spec.get("length", 0)), int(spec.get("scale", 0))))
    made.update(createable="C" in may, updateable="U" in may, nillable="N" in may, defaulted_on_create="D" in may)
    made.update(searching(kind, made["length"]))
    if kind == "boolean":
        made["default"] = False
    if "values" in spec:
        made["picklist"], made["default"] = picklist(named_values(spec["values"], picklists))
    made.update(_reference(spec))
    made.update(flags(spec, _OWN_WORDS))
    made.setdefault("permissionable", _permissionable(name, made))
    return Field(**made)


def field_type(spec: Spec) -> FieldType:
    """The type that a declaration names.

    Raises:
        ValueError: There is no such type.
    """
    kind: FieldType = spec.get("type", "")
    if kind not in _TYPES:
        raise ValueError(f"{spec.get('name')}: not a field type: {kind!r}")
    return kind


def flags(spec: Spec, known: Iterable[str]) -> dict[str, Any]:
    """The attributes of `Field` that a declaration sets beside its own words.

    Raises:
        ValueError: A word that no field has.
    """
    rest = {word: value for word, value in spec.items() if word not in frozenset(known)}
    unknown = sorted(rest.keys() - _FLAGS)
    if unknown:
        raise ValueError(f"{spec.get('name')}: unknown words in a field's declaration: {', '.join(unknown)}")
    made: dict[str, Any] = {word: tuple(value) if isinstance(value, list) else value for word, value in rest.items()}
    if made.get("formula") is not None:
        made["formula"] = str(made["formula"])
    if "quirks" in made:
        made["quirks"] = tuple(dict(made["quirks"]).items())
    if made.get("external_id"):
        made["id_lookup"] = True
    return made


def named_values(
    values: str | Iterable[str | PicklistValue], picklists: Mapping[str, Iterable[str]]
) -> Iterable[str | PicklistValue]:
    """The values of a picklist that are listed, or named.

    Raises:
        ValueError: No picklist has that name.
    """
    if not isinstance(values, str):
        return values
    if values not in picklists:
        raise ValueError(f"no picklist is named {values}")
    return picklists[values]


def _reference(spec: Spec) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "to" in spec:
        made["reference_to"] = (spec["to"],) if isinstance(spec["to"], str) else tuple(spec["to"])
    if "relationship" in spec:
        made["relationship_name"] = spec["relationship"]
    if "child" in spec:
        made["child_relationship"] = spec["child"]
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
    if kind == "base64":
        return {"filterable": False, "sortable": False, "groupable": False}
    if kind == "multipicklist":
        return {"filterable": True, "sortable": False, "groupable": False}
    compound = kind in ("address", "location")
    return {"filterable": True, "sortable": not compound, "groupable": kind not in _NOT_GROUPABLE}


def picklist(values: Iterable[str | PicklistValue]) -> tuple[tuple[PicklistValue, ...], str | None]:
    """Picklist values and the default among them; a plain text ending in ``*`` is the default value."""
    made = []
    for value in values:
        if isinstance(value, PicklistValue):
            made.append(value)
        else:
            made.append(PicklistValue(str(value).rstrip("*"), default=str(value).endswith("*")))
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


def spelled_out(specs: Iterable[Spec]) -> Iterator[Spec]:
    """The declarations with each ``use`` replaced by the block of fields that it stands for.

    Raises:
        ValueError: No block has that name.
    """
    for spec in specs:
        block = spec.get("use")
        if block is None:
            yield spec
        elif block == "address":
            yield from _address(str(spec.get("prefix", "")), str(spec.get("label", "")))
        elif block in _BLOCKS:
            yield from _BLOCKS[block]
        else:
            raise ValueError(f"no block of fields is named {block!r}; known: address, {', '.join(_BLOCKS)}")


def _audit(name: str, kind: str, label: str) -> Spec:
    return {"name": name, "type": kind, "may": "D", "label": label}


def _by(name: str, label: str) -> Spec:
    return {**_audit(name, "reference", label), "to": "User", "relationship": name[:-2]}


_BLOCKS: dict[str, tuple[Spec, ...]] = {
    "audit": (
        _audit("CreatedDate", "datetime", "Created Date"),
        _by("CreatedById", "Created By ID"),
        _audit("LastModifiedDate", "datetime", "Last Modified Date"),
        _by("LastModifiedById", "Last Modified By ID"),
        _audit("SystemModstamp", "datetime", "System Modstamp"),
    ),
    "viewed": (
        {"name": "LastViewedDate", "type": "datetime", "may": "N", "label": "Last Viewed Date"},
        {"name": "LastReferencedDate", "type": "datetime", "may": "N", "label": "Last Referenced Date"},
    ),
    "person_name": (
        {"name": "LastName", "type": "string", "length": 80, "may": "CU", "label": "Last Name", "compound": "Name"},
        {"name": "FirstName", "type": "string", "length": 40, "label": "First Name", "compound": "Name"},
        {
            **{"name": "Salutation", "type": "picklist", "length": 40, "label": "Salutation", "compound": "Name"},
            "values": ["Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."],
        },
        {
            **{"name": "Name", "type": "string", "length": 121, "may": "", "label": "Full Name", "name_field": True},
            "compound_of": ["Salutation", "FirstName", "LastName"],
        },
    ),
}

_ACCURACY = (
    *("Address", "NearAddress", "Block", "Street", "ExtendedZip", "Zip", "Neighborhood", "City", "County", "State"),
    "Unknown",
)
_PARTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Street", "Street", {"type": "textarea", "length": 255}),
    ("City", "City", {"type": "string", "length": 40}),
    ("State", "State/Province", {"type": "string", "length": 80}),
    ("PostalCode", "Zip/Postal Code", {"type": "string", "length": 20}),
    ("Country", "Country", {"type": "string", "length": 80}),
    ("Latitude", "Latitude", {"type": "double", "length": 18, "scale": 15}),
    ("Longitude", "Longitude", {"type": "double", "length": 18, "scale": 15}),
    (
        "GeocodeAccuracy",
        "Geocode Accuracy",
        {"type": "picklist", "length": 40, "values": _ACCURACY, "restricted": True},
    ),
)


def _address(prefix: str, label: str) -> Iterator[Spec]:
    """An address: its seven parts, geocode accuracy and the compound itself."""
    head, whole = f"{label} " if label else "", f"{prefix}Address"
    for name, words, rest in _PARTS:
        yield {"name": prefix + name, "label": head + words, "compound": whole, **rest}
    parts = [prefix + name for name, _, _ in _PARTS]
    yield {"name": whole, "type": "address", "may": "N", "label": f"{head}Address", "compound_of": parts}
