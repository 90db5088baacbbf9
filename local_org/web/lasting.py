"""Faults that change the org for as long as they are on, and put it back after: fields, schema, clock, stamps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_org.org import alter, schema_io
from local_org.org.model import SObject
from local_org.web import reshape
from local_org.web.site import Site

_DRIFTS = ("remove", "require", "restrict", "shorten", "drop")


@dataclass(frozen=True, slots=True)
class Lasting:
    """How a fault begins, from its value, and how it ends, from what its beginning has kept."""

    begin: Callable[[Site, str], str]
    end: Callable[[Site, str], None]


def begin(site: Site, name: str, value: str) -> None:
    """Let a fault begin, if it is one that lasts; what it did before is put back first.

    Raises:
        ValueError: The value makes no sense.
    """
    if name in _LASTING:
        end(site, name)
        _keep(site, name, _LASTING[name].begin(site, value))


def end(site: Site, name: str = "all") -> None:
    """Put back what one fault (or all) has changed, also what a server that was killed has left changed."""
    for each in _LASTING if name == "all" else (name,):
        kept = site.tokens.fact(_fact(each)) if each in _LASTING else ""
        if kept:
            _LASTING[each].end(site, kept)
            _keep(site, each, "")


def described(site: Site, name: str) -> None:
    """Let a waiting drift strike: the object has just been described, and from now on it is another."""
    kept = json.loads(site.tokens.fact(_fact("schema_drift")) or "{}")
    if not kept or kept["done"] or kept["object"].lower() != name.lower():
        return
    if site.faults.strikes("schema_drift") is None:
        return
    _DRIFT[kept["change"]](site, kept)
    _keep(site, "schema_drift", json.dumps({**kept, "done": True}))


def _fact(name: str) -> str:
    return name if name == "hidden_field" else f"lasting:{name}"


def _keep(site: Site, name: str, kept: str) -> None:
    site.tokens.keep_fact(_fact(name), kept)


# -- hidden_field


def _hide(site: Site, value: str) -> str:
    reshape.apply(site.org, "hide_field", _path(value))
    return value


def _show(site: Site, kept: str) -> None:
    reshape.apply(site.org, "show_field", _path(kept))


def _path(value: str) -> dict[str, str]:
    path, _, profile = value.partition("@")
    sobject, dot, field = path.partition(".")
    if not dot or not field:
        raise ValueError("hidden_field wants --value Object.Field or Object.Field@Profile")
    return {"object": sobject, "field": field} | ({"profile": profile} if profile else {})


# -- clock_skew and equal_stamps


def _skew(site: Site, value: str) -> str:
    seconds = int(value or 300)
    site.org.clock.advance(seconds)
    return str(seconds)


def _unskew(site: Site, kept: str) -> None:
    site.org.clock.advance(-int(kept))


def _hold(site: Site, value: str) -> str:
    site.org.clock.hold_stamps(site.epoch())
    return "held"


def _let_go(site: Site, kept: str) -> None:
    site.org.clock.hold_stamps(None)


# -- schema_drift


def _plan_drift(site: Site, value: str) -> str:
    path, _, change = value.partition(":")
    name, _, argument = change.partition("=")
    sobject, _, field = path.partition(".")
    if name not in _DRIFTS or not field:
        raise ValueError(
            "schema_drift wants --value Object.Field:remove, :require, :restrict, :shorten=LENGTH or :drop=VALUE"
        )
    before = schema_io.field_to_json(alter.found_field(site.org, sobject, field))
    kept = {"object": sobject, "field": field, "change": name, "argument": argument, "before": before, "done": False}
    if name == "shorten":
        int(argument)
    if name == "remove":
        alter.must_be_free(site.org, sobject, field)
    return json.dumps(kept)


def _undo_drift(site: Site, text: str) -> None:
    kept = json.loads(text)
    held = site.org.schema.get(kept["object"])
    if kept["done"] and isinstance(held, SObject):
        alter.add_field(site.org, held.name, schema_io.field_from_json(kept["before"]))


def _change(name: str, argument: str = "") -> Callable[[Site, dict[str, Any]], None]:
    def change(site: Site, kept: dict[str, Any]) -> None:
        facts = {"object": kept["object"], "field": kept["field"]} | ({argument: kept["argument"]} if argument else {})
        reshape.apply(site.org, name, facts)

    return change


_DRIFT = {
    "remove": _change("remove_field"),
    "require": _change("require_field"),
    "restrict": _change("restrict_field"),
    "shorten": _change("shorten_field", "length"),
    "drop": _change("remove_value", "value"),
}
_LASTING = {
    "hidden_field": Lasting(_hide, _show),
    "clock_skew": Lasting(_skew, _unskew),
    "equal_stamps": Lasting(_hold, _let_go),
    "schema_drift": Lasting(_plan_drift, _undo_drift),
}
