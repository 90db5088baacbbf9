"""Writes a schema as JSON into the org's file and reads it back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from local_org.org.model import Field, PicklistValue, RecordType, Rollup, Schema, SObject


def to_json(schema: Schema) -> str:
    """The schema as JSON; attributes that hold their default are left out."""
    return json.dumps([_plain(o) for o in schema.objects], separators=(",", ":"))


def from_json(text: str) -> Schema:
    """The schema that `to_json` wrote."""
    return Schema(tuple(_object(item) for item in json.loads(text)))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    made = {}
    for part in dataclasses.fields(value):
        held = getattr(value, part.name)
        if part.name != "_by_lower" and held != _default(part):
            made[part.name] = _plain(held)
    return made


def _default(part: dataclasses.Field[Any]) -> Any:
    factory = part.default_factory
    return part.default if factory is dataclasses.MISSING else factory()


def field_to_json(f: Field) -> dict[str, Any]:
    """One field in plain form."""
    made: dict[str, Any] = _plain(f)
    return made


def field_from_json(item: dict[str, Any]) -> Field:
    """The field that `field_to_json` wrote."""
    return _field(item)


def _object(item: dict[str, Any]) -> SObject:
    made = {**item, "fields": tuple(_field(f) for f in item["fields"])}
    if "record_types" in item:
        made["record_types"] = tuple(_record_type(each) for each in item["record_types"])
    return SObject(**made)


def _record_type(item: dict[str, Any]) -> RecordType:
    picklists = {name: tuple(values) for name, values in item.get("picklists", {}).items()}
    return RecordType(**{**item, "picklists": picklists, "profiles": tuple(item.get("profiles", ()))})


def _field(item: dict[str, Any]) -> Field:
    made = dict(item)
    for name in ("reference_to", "compound_of"):
        if name in made:
            made[name] = tuple(made[name])
    if "picklist" in made:
        made["picklist"] = tuple(PicklistValue(**value) for value in made["picklist"])
    if "quirks" in made:
        made["quirks"] = tuple((key, value) for key, value in made["quirks"])
    if "rollup" in made:
        made["rollup"] = Rollup(**{**made["rollup"], "when": tuple(map(tuple, made["rollup"].get("when", ())))})
    return Field(**made)
