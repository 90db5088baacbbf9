"""Puts what a schema file declares into an org: objects, fields, record types, sharing, rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local_org.org import record_types, validation
from local_org.org.catalog import Declared, grown

if TYPE_CHECKING:
    from local_org.org.engine import Org

_KINDS: dict[str, type[validation.AnyRule]] = {
    "validation_rules": validation.ValidationRule,
    "duplicate_rules": validation.DuplicateRule,
    "automations": validation.Automation,
}


def declare(org: Org, more: Declared) -> None:
    """Add everything that a schema file declares, all of it or, on an error, nothing.

    Raises:
        ValueError: The declarations do not fit the org's schema.
    """
    with org.write():
        org.replace_schema(grown(org.schema, more), more.touched)
        for sobject, specs in more.record_types.items():
            record_types.add(org, sobject, specs)
        for word, rules in more.rules.items():
            for rule in rules:
                validation.add_rule(org, _rule(word, rule))


def declare_once(org: Org, name: str, more: Declared) -> bool:
    """Declare a schema under a name unless the org has it already; whether it was new.

    What was changed by hand since then stays as it is.
    """
    held: list[str] = json.loads(org.meta("schemas") or "[]")
    if name in held:
        return False
    with org.write():
        declare(org, more)
        org.save_meta("schemas", json.dumps([*held, name]))
    return True


def _rule(word: str, spec: Mapping[str, Any]) -> validation.AnyRule:
    try:
        return validation.rule_from(_KINDS[word], spec)
    except TypeError as wrong:
        raise ValueError(f"{word}: {spec.get('name')}: {wrong}") from wrong
