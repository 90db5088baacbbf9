"""Reads names without their namespace as `Sforce-Call-Options: defaultNamespace=...` asks for.

By the REST API Developer Guide the header lets a client leave the prefix of one package away; answers carry full names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_org.org.model import Schema
from local_org.soql.scope import child_name, parent_name

_OPTION = re.compile(r"defaultNamespace\s*=\s*([A-Za-z]\w*)", re.IGNORECASE)
_NAME = re.compile(r"'(?:\\.|[^'\\])*'|(?<![\w%])[A-Za-z]\w*__[cr]\b", re.IGNORECASE)
"""A text in quotes, which is left alone, or a custom name."""
_NAMING = frozenset({"type", "object", "externalIdFieldName", "query", "url"})
"""Keys whose values name objects and fields; other values are data."""


class Names:
    """The custom names of one namespace, by what is left of them without it."""

    def __init__(self, schema: Schema, namespace: str) -> None:
        """Collect the names; one that exists without the prefix as well means itself."""
        prefix, fields = f"{namespace}__".lower(), [f for o in schema.objects for f in o.fields]
        names = {o.name for o in schema.objects} | {f.name for f in fields}
        names |= {relation for f in fields for relation in (parent_name(f), child_name(f)) if relation}
        taken = {name.lower() for name in names}
        shorter = {name.lower().removeprefix(prefix): name for name in names if name.lower().startswith(prefix)}
        self._full = {short: name for short, name in shorter.items() if short not in taken}

    def text(self, text: str) -> str:
        """A query, an address or a list of names, with every short name replaced."""
        return _NAME.sub(lambda match: self._full.get(match[0].lower(), match[0]), text)

    def body(self, value: Any) -> Any:
        """A JSON value with the short names among its keys replaced, and in values that are names themselves."""
        if isinstance(value, list):
            return [self.body(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            self.text(key): self.text(one) if key in _NAMING and isinstance(one, str) else self.body(one)
            for key, one in value.items()
        }


def asked(schema: Schema, headers: Mapping[str, str]) -> Names | None:
    """The names that a request may leave the prefix of, nothing when it does not ask."""
    match = _OPTION.search(headers.get("sforce-call-options", ""))
    return Names(schema, match[1]) if match else None
