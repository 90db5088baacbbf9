"""Writes the API down as OpenAPI, the rows from the same declaration that checks them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from core.api.verbs import VERBS, Verb
from core.connections.intake import SHAPES
from core.connections.intake.shapes import Key, Shape
from core.records import Outcome, RunStatus

ROWS_LIMIT = 1_000
Schema = dict[str, Any]
_NAMED = re.compile(r"\{(\w+)\}")

_TYPES: dict[str, Schema] = {
    "text": {"type": "string"},
    "longtext": {"type": "string"},
    "key": {"type": "string"},
    "reference": {"type": "string"},
    "integer": {"type": "integer", "minimum": 0},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
    "email": {"type": "string", "format": "email"},
    "user": {"type": "string", "format": "email"},
    "zone": {"type": "string"},
    "people": {"type": "array", "items": {"type": "string", "format": "email"}},
    "fields": {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "array", "null"]},
    },
}


@lru_cache(maxsize=1)
def document() -> Schema:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Syncline",
            "version": "1",
            "description": "Takes rows into the workspace, starts runs and tells what became of them.",
        },
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token, syn_..."}},
            "schemas": {**{_name(s): _row(s) for s in SHAPES.values()}, **_fixed_schemas()},
        },
    }


def _row(shape: Shape) -> Schema:
    properties: Schema = {}
    for key in shape.keys:
        group, dot, inner = key.name.partition(".")
        if dot:
            nested = properties.setdefault(
                group, {"type": ["object", "null"], "properties": {}, "additionalProperties": False}
            )
            nested["properties"][inner] = _property(key)
        else:
            properties.update(dict.fromkeys((key.name, *key.aliases), _property(key)))
    made: Schema = {
        "type": "object",
        "description": shape.title,
        "properties": properties,
        "additionalProperties": False,
    }
    if plain := [n for n in shape.needs if not shape.by_name[n].aliases]:
        made["required"] = plain
    return made


def _property(key: Key) -> Schema:
    made = dict(_TYPES.get(key.type, {"type": "string"}))
    if key.choices:
        made["enum"] = [str(c) for c in key.choices]
    elif key.may_clear:
        made["type"] = [made["type"], "null"]
    return {**made, "description": key.help} if key.help else made


def _intake(shape: Shape) -> Schema:
    row = _ref(_name(shape))
    rows = {"type": "array", "items": row, "maxItems": ROWS_LIMIT}
    answers = {"type": "array", "items": _ref("Answer")}
    return {
        "operationId": f"takeIn{shape.kind.capitalize()}",
        "summary": f"Take in {shape.kind}",
        "description": f"{shape.title}: one row or up to {ROWS_LIMIT:,}. A row gets one answer, a list a list of "
        "answers in its order; a broken row never stops the others. An absent key leaves the value, null clears it.",
        "requestBody": {"required": True, "content": _json({"oneOf": [row, rows]})},
        "responses": {
            "200": {"description": "What became of each row", "content": _json({"oneOf": [_ref("Answer"), answers]})},
            **_errors(400, 401, 403, 413, 415),
        },
    }


def _get(operation: str, summary: str, schema: Schema, parameter: tuple[str, str] | None = None) -> Schema:
    made: Schema = {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": _json(schema)}, **_errors(401)},
    }
    if parameter:
        made["parameters"] = [_parameter(*parameter)]
        made["responses"].update(_errors(404))
    return made


def _paths() -> Schema:
    """Intake, runs and records, and the verbs as they are declared; several methods of one address lie together."""
    paths: Schema = {
        **{f"/api/v1/{kind}": {"post": _intake(shape)} for kind, shape in SHAPES.items()},
        "/api/v1/jobs": {"get": _get("listJobs", "All jobs", {"type": "array", "items": _ref("Job")})},
        "/api/v1/jobs/{name}/runs": {"post": _request_run()},
        "/api/v1/runs/{id}": {"get": _get("getRun", "One run", _ref("Run"), ("id", "The run's id."))},
        "/api/v1/records/{key}": {
            "get": _get(
                "explainRecord",
                "One record's whole story",
                {"type": "object"},
                ("key", "Any id, e-mail, phone or external id."),
            )
        },
    }
    for verb in VERBS:
        paths.setdefault(f"/api/v1{verb.path}", {})[verb.method.lower()] = _verb(verb)
    return paths


def _verb(verb: Verb) -> Schema:
    told: Schema = {"description": verb.summary}
    if verb.status != 204:
        told["content"] = _json({})
    least = "See who may in docs/security.md; a token whose role is less is answered with 403."
    made: Schema = {
        "operationId": verb.operation, "summary": verb.summary, "description": least,
        "parameters": [_parameter(name, f"The {name}.") for name in _NAMED.findall(verb.path)],
        "responses": {str(verb.status): told, **_errors(400, 401, 403, 404, 409)},
    }  # fmt: skip
    schema = verb.takes.model_json_schema()
    if verb.in_body:
        made["requestBody"] = {"required": True, "content": _json(schema)}
        made["responses"].update(_errors(415))
        return made
    for name, shape in schema.get("properties", {}).items():
        about = shape.get("description", "")
        made["parameters"].append(
            {"name": name, "in": "query", "required": False, "description": about, "schema": shape}
        )
    return made


def _request_run() -> Schema:
    made = {"type": "object", "properties": {"run_id": {"type": "string"}}, "required": ["run_id"]}
    return {
        "operationId": "requestRun",
        "summary": "Ask for a run of a job",
        "parameters": [_parameter("name", "The job's name.")],
        "responses": {"202": {"description": "Asked for", "content": _json(made)}, **_errors(401, 403, 404, 409)},
    }


def _parameter(name: str, text: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def _errors(*statuses: int) -> Schema:
    words = {
        400: "Not JSON, or not as asked",
        401: "No token, or not one of ours",
        403: "The token's role may not do this",
        404: "There is none of that name",
        409: "Refused",
        413: "Over 10 MB or 1,000 rows",
        415: "Not announced as JSON",
    }
    return {str(s): {"description": words[s], "content": _json(_ref("Error"))} for s in statuses}


def _fixed_schemas() -> Schema:
    text, whole = {"type": "string"}, {"type": "integer"}
    moment = {"type": ["string", "null"], "format": "date-time"}
    counts = dict.fromkeys(("input", *map(str, Outcome)), whole)
    return {
        "Answer": _object(
            {
                "external_id": text,
                "result": {**text, "enum": ["created", "updated", "unchanged", "deleted", "rejected"]},
                "reason": text,
                "field": text,
            }
        ),
        "Error": _object({"error": text, "message": text, "hint": text}),
        "Job": {"type": "object", "properties": {"name": text}, "required": ["name"]},
        "Run": {
            **_object(
                {
                    "run_id": text,
                    "job": text,
                    "direction": {**text, "enum": ["inbound", "outbound"]},
                    "status": {**text, "enum": [str(s) for s in RunStatus]},
                    "counts": _object(counts),
                    "api_calls": whole,
                    "started_at": moment,
                    "ended_at": moment,
                }
            ),
            "description": "Input equals the sum of the other counts.",
        },
    }


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _name(shape: Shape) -> str:
    return f"{shape.kind.capitalize()}Row"
