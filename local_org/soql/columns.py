"""Describes what a query selected: for ``columns=true`` and for the header of a CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_APEX = {
    "id": "Id", "reference": "Id", "boolean": "Boolean", "int": "Integer", "long": "Long", "double": "Double",
    "currency": "Double", "percent": "Double", "date": "Date", "datetime": "Datetime", "time": "Time",
    "address": "Address", "location": "Location", "base64": "Blob",
}  # fmt: skip
_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})


@dataclass(slots=True)
class Column:
    """One selected column; a parent or a child query holds its own columns."""

    name: str
    """Describe casing; for an aggregate its alias or ``expr0``."""
    type: str = ""
    """Field type; empty for a parent or a child query."""
    label: str = ""
    custom: bool = False
    aggregate: bool = False
    insertable: bool = False
    updatable: bool = False
    foreign_key: str | None = None
    columns: list[Column] = field(default_factory=list)

    def metadata(self) -> dict[str, Any]:
        """The entry of ``columnMetadata``."""
        return {
            "aggregate": self.aggregate,
            "apexType": _APEX.get(self.type, "String") if self.type else None,
            "booleanType": self.type == "boolean",
            "columnName": self.name,
            "custom": self.custom,
            "displayName": self.label or self.name,
            "foreignKeyName": self.foreign_key,
            "insertable": self.insertable,
            "joinColumns": [c.metadata() for c in self.columns],
            "numberType": self.type in _NUMBERS,
            "textType": bool(self.type) and _APEX.get(self.type, "String") == "String",
            "updatable": self.updatable,
        }
