"""Describes the control endpoints as an OpenAPI document, for people and for programs that try them out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_org.web import reshape
from local_org.web.faults import EFFECTS
from local_org.web.routes import Handler

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_ACTOR = {"as": {"type": "string", "description": "username of who does it; by default an administrator"}}
_IDS = {"type": "array", "items": _TEXT}


def _body(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("/_practice/faults", "POST"): _body(
        ("name",),
        name={"type": "string", "enum": sorted(EFFECTS)},
        rate={"type": "number", "minimum": 0, "maximum": 1},
        count={"type": ["integer", "null"], "minimum": 0},
        value=_TEXT,
        match=_TEXT,
        seed={"type": ["integer", "null"]},
    ),
    ("/_practice/clock", "POST"): _body(seconds=_NUMBER, offset=_NUMBER),
    ("/_practice/schema", "POST"): _body(
        ("change",),
        change={"type": "string", "enum": sorted(reshape.CHANGES)},
        **dict.fromkeys(("object", "field", "profile", "to", "type", "label", "value", "letters"), _TEXT),
        length=_NUMBER,
        enabled={"type": "boolean"},
    ),
    ("/_practice/merge", "POST"): _body(
        ("object", "master", "losers"), object=_TEXT, master=_TEXT, losers=_IDS, values={"type": "object"}, **_ACTOR
    ),
    ("/_practice/convert", "POST"): _body(("lead",), lead=_TEXT, account_id=_TEXT, contact_id=_TEXT, **_ACTOR),
    ("/_practice/undelete", "POST"): _body(("object", "ids"), object=_TEXT, ids=_IDS, **_ACTOR),
    ("/_practice/sessions", "POST"): _body(("username",), username=_TEXT),
    ("/_practice/results", "POST"): _body(
        ("query", "operation"),
        query=_TEXT,
        operation={"type": "string", "enum": ["query", "queryAll"]},
        columnDelimiter=_TEXT,
        lineEnding=_TEXT,
        **_ACTOR,
    ),
    ("/_practice/allowance", "POST"): _body(("per_day",), per_day={"type": "integer", "minimum": 0}),
}
"""What the endpoints with a body take."""


def document(table: Iterable[tuple[str, str, Handler]]) -> dict[str, Any]:
    """The OpenAPI document of a table of paths, methods and handlers; a handler's docstring is its summary."""
    paths: dict[str, dict[str, Any]] = {}
    for path, method, handler in table:
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, handler)
    secret = {"type": "apiKey", "in": "header", "name": "X-Practice-Secret"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Practice org, control", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": {"secret": secret}},
        "security": [{"secret": []}],
    }


def _operation(path: str, method: str, handler: Handler) -> dict[str, Any]:
    error = {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["message", "errorCode"],
            "properties": {"message": _TEXT, "errorCode": _TEXT, "fields": _IDS},
        },
    }
    made: dict[str, Any] = {
        "summary": (handler.__doc__ or "").partition("\n")[0],
        "operationId": handler.__name__,
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": {}}}},
            "204": {"description": "done, nothing to say"},
            "4XX": {"description": "refused", "content": {"application/json": {"schema": error}}},
        },
    }
    if (path, method) in BODIES:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": BODIES[path, method]}}}
    if "{name}" in path:
        made["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": _TEXT}]
    return made
