"""Changes an org's schema and permissions while it runs, so that drift can be practiced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_org.org import alter, declaring, permissions, record_types
from local_org.org.catalog import files
from local_org.org.catalog.custom import ACTIVITY
from local_org.org.engine import Org

Change = Callable[[Org, dict[str, Any]], None]


def apply(org: Org, change: str, facts: dict[str, Any]) -> None:
    """Make one change.

    Args:
        org: The org.
        change: One of `CHANGES`.
        facts: ``object`` and ``field``, and what the change needs.

    Raises:
        ValueError: An unknown change, object or field.
    """
    if change not in CHANGES:
        raise ValueError(f"no change is named {change!r}; known: {', '.join(CHANGES)}")
    CHANGES[change](org, facts)


def _add_field(org: Org, facts: dict[str, Any]) -> None:
    """``object`` (or Activity), ``field`` ending in __c, ``type``, and what else a schema file says of a field."""
    spec = {"type": "string"} | {key: value for key, value in facts.items() if key not in ("object", "field")}
    _declare(org, {"fields": {str(facts["object"]): [{"name": str(facts["field"]), **spec}]}})


def _add_object(org: Org, facts: dict[str, Any]) -> None:
    """``object`` ending in __c, and what else a schema file says of an object."""
    _declare(org, {"objects": {str(facts["object"]): {k: value for k, value in facts.items() if k != "object"}}})


def _add_record_type(org: Org, facts: dict[str, Any]) -> None:
    """``object``, ``name``, and what else a schema file says of a record type."""
    record_types.add(org, str(facts["object"]), [{key: value for key, value in facts.items() if key != "object"}])


def _share(org: Org, facts: dict[str, Any]) -> None:
    """``object`` and ``model``: its organization-wide default."""
    _declare(org, {"sharing": {str(facts["object"]): facts["model"]}})


def _load(org: Org, facts: dict[str, Any]) -> None:
    """``schema``: the name of one that comes along, or the content of a schema file."""
    given = facts["schema"]
    declaring.declare(org, files.named(given) if isinstance(given, str) else files.declared(given, "given"))


def _declare(org: Org, content: dict[str, Any]) -> None:
    declaring.declare(org, files.declared(content, "given"))


def _rename_field(org: Org, facts: dict[str, Any]) -> None:
    alter.rename_field(org, *_path(facts), str(facts["to"]))


def _shorten(org: Org, facts: dict[str, Any]) -> None:
    alter.shorten_field(org, *_path(facts), int(facts["length"]))


def _remove_value(org: Org, facts: dict[str, Any]) -> None:
    alter.remove_picklist_value(org, *_path(facts), str(facts["value"]))


def _add_value(org: Org, facts: dict[str, Any]) -> None:
    alter.add_picklist_values(org, *_path(facts), [str(facts["value"])])


def _changing(**changes: Any) -> Change:
    def change(org: Org, facts: dict[str, Any]) -> None:
        alter.change_field(org, *_path(facts), **changes)

    return change


def _hide(org: Org, facts: dict[str, Any]) -> None:
    _letters(org, facts, "")


def _read_only(org: Org, facts: dict[str, Any]) -> None:
    _letters(org, facts, "r")


def _show(org: Org, facts: dict[str, Any]) -> None:
    _letters(org, facts, "re")


def _letters(org: Org, facts: dict[str, Any], letters: str) -> None:
    sobject, name = _path(facts)
    for target in ACTIVITY if sobject == "Activity" else (sobject,):
        permissions.hide_field(org, target, name, profile=facts.get("profile"), letters=letters)


def _grant(org: Org, facts: dict[str, Any]) -> None:
    """``profile``, ``object`` and ``letters`` out of crudVM."""
    row = org.connection().execute('SELECT "Id" FROM "Profile" WHERE "Name" = ?', (str(facts["profile"]),)).fetchone()
    if row is None:
        raise ValueError(f"no profile is named {facts['profile']!r}")
    permissions.set_object_access(org, row[0], str(facts["object"]), str(facts["letters"]))


def _api(org: Org, facts: dict[str, Any]) -> None:
    """``profile`` and ``enabled``: whether its users may use the API."""
    with org.write() as conn:
        conn.execute(
            'UPDATE "Profile" SET "PermissionsApiEnabled" = ? WHERE "Name" = ?',
            (int(bool(facts["enabled"])), facts["profile"]),
        )
    org.forget_access()


def _path(facts: dict[str, Any]) -> tuple[str, str]:
    return str(facts["object"]), str(facts["field"])


CHANGES: dict[str, Change] = {
    "load": _load,
    "add_object": _add_object,
    "add_field": _add_field,
    "add_record_type": _add_record_type,
    "sharing": _share,
    "remove_field": lambda org, facts: alter.remove_field(org, *_path(facts)),
    "rename_field": _rename_field,
    "require_field": lambda org, facts: alter.require_field(org, *_path(facts)),
    "unrequire_field": _changing(nillable=True, permissionable=True),
    "shorten_field": _shorten,
    "remove_value": _remove_value,
    "add_value": _add_value,
    "restrict_field": _changing(restricted=True),
    "unrestrict_field": _changing(restricted=False),
    "hide_field": _hide,
    "read_only_field": _read_only,
    "show_field": _show,
    "grant_object": _grant,
    "api_access": _api,
}
"""Every change by name. Changes of a field take ``object`` and ``field``; ``Activity`` stands for Task and Event."""
