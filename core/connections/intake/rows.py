"""Checks whole rows: which keys were given, what they hold, and the first thing that is wrong with a row."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.connections.intake.checks import Refused, check, custom, limit_fields, printable, shown
from core.connections.intake.shapes import SHAPES, Shape
from core.errors import NotFound


@dataclass(slots=True)
class Row:
    """One row of intake, checked.

    ``values`` holds column -> value for the keys that were given and nothing for those that were not: absent, None
    and a value stay three different things. ``fields`` in it is a dict of the custom fields given, or None.
    """

    external_id: str = ""
    source: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    line: int | None = None
    """Where it stands in its file."""
    reason: str = ""
    """Why it cannot be taken; empty for a good row."""
    field: str = ""
    """The key that is wrong."""


def shape_of(kind: str) -> Shape:
    """What rows of a kind look like.

    Raises:
        NotFound: there is no such kind.
    """
    if kind not in SHAPES:
        raise NotFound(f"There is no intake of '{kind}'.", hint=f"Kinds are {', '.join(SHAPES)}.")
    return SHAPES[kind]


def check_rows(kind: str, rows: Iterable[Any], source: str = "") -> Iterator[Row]:
    """Objects of an API call, in their order, checked.

    Args:
        kind: accounts, people, activities, users, optouts, scores or segments.
        rows: What was sent.
        source: What a row's ``source`` is where it names none.

    Raises:
        NotFound: there is no such kind.
    """
    shape = shape_of(kind)
    return (check_row(shape, raw, source) for raw in rows)


def check_row(shape: Shape, raw: Any, source: str = "", line: int | None = None) -> Row:
    """One row, checked; what is wrong with it is written on it."""
    row = Row(source=source, line=line)
    if not isinstance(raw, Mapping):
        row.reason = f"a row is an object with keys, not {shown(raw)}"
        return row
    try:
        _read(shape, raw, row)
        _needs(shape, row)
    except Refused as refused:
        row.reason, row.field = printable(refused.reason), printable(refused.field)
        # The answer names the row by its key even where another key of it is broken.
        row.external_id = row.external_id or _key_as_given(raw)
    return row


def _read(shape: Shape, raw: Mapping[str, Any], row: Row) -> None:
    fields: dict[str, Any] = {}
    for name, value in raw.items():
        if name in shape.groups or (name == "fields" and shape.has_fields):
            for inner, each in _nested(shape, name, value):
                _take(shape, row, fields, inner, each)
        else:
            _take(shape, row, fields, name, value)
    if fields:
        limit_fields(fields)
        row.values["fields"] = fields


def _take(shape: Shape, row: Row, fields: dict[str, Any], name: Any, value: Any) -> None:
    key = shape.by_name.get(name)
    if key is None:
        if not isinstance(name, str) or not (shape.has_fields and name.startswith("fields.")):
            raise Refused(str(name), _unknown(shape, str(name)))
        fields[name[7:]] = custom(name, value)
    elif name == "external_id":
        row.external_id = check(key, name, value) or ""
    elif name == "source":
        row.source = check(key, name, value)
    elif key.type == "fields":
        row.values["fields"] = None
    elif key.column.startswith("fields."):
        fields[key.column[7:]] = check(key, name, value)
    else:
        row.values[key.target] = check(key, name, value)


def _nested(shape: Shape, name: str, value: Any) -> list[tuple[str, Any]]:
    """Nested keys dotted; ``"person": null`` is null for each key of a person, ``"fields": null`` for all fields."""
    group = shape.groups.get(name)
    if isinstance(value, Mapping):
        return [(f"{name}.{inner}", each) for inner, each in value.items()]
    if value is not None:
        raise Refused(name, f"{name} is to be an object, like {_example(name, group)}")
    return [(name, None)] if group is None else [(each, None) for each in group]


def _needs(shape: Shape, row: Row) -> None:
    if "external_id" in shape.needs and not row.external_id:
        raise Refused("external_id", "external_id is missing")
    for name in shape.needs:
        if name != "external_id" and row.values.get(shape.by_name[name].target) is None:
            raise Refused(name, f"{name} is missing")
    held = {name for name in shape.needs_one_of if row.values.get(shape.by_name[name].target) is not None}
    given = {name for name in shape.needs_given if shape.by_name[name].target in row.values}
    for names, found in ((shape.needs_one_of, held), (shape.needs_given, given)):
        if names and not found:
            raise Refused(names[0], f"one of {', '.join(names)} is needed")


def _unknown(shape: Shape, name: str) -> str:
    near = difflib.get_close_matches(name.lower(), shape.by_name, n=1, cutoff=0.7)
    if near:
        return f"{shown(name)} is not a key of {shape.kind}; did you mean {near[0]}?"
    custom_way = "; custom fields go under fields" if shape.has_fields else ""
    return f"{shown(name)} is not a key of {shape.kind}{custom_way}"


def _example(name: str, group: tuple[str, ...] | None) -> str:
    inner = group[0].partition(".")[2] if group else "budget"
    return f'{{"{name}": {{"{inner}": ...}}}}'


def _key_as_given(raw: Mapping[str, Any]) -> str:
    given = raw.get("external_id")
    return str(given).strip().lower()[:255] if isinstance(given, str | int) and not isinstance(given, bool) else ""
