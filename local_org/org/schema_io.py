"""Writes a schema as JSON into the org's file and reads it back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from local_org.org.model import Field, PicklistValue, Schema, SObject


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
        if part.name != "_by_lower" and (part.default is dataclasses.MISSING or held != part.default):
            made[part.name] = _plain(held)
    return made


def _object(item: dict[str, Any]) -> SObject:
    return SObject(**{**item, "fields": tuple(_field(f) for f in item["fields"])})


def _field(item: dict[str, Any]) -> Field:
    made = dict(item)
    for name in ("reference_to", "compound_of"):
        if name in made:
            made[name] = tuple(made[name])
    if "picklist" in made:
        made["picklist"] = tuple(PicklistValue(**value) for value in made["picklist"])
    return Field(**made)
