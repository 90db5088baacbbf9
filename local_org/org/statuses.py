"""Says what the values of Task.Status, Lead.Status and Opportunity.StageName mean: closed, converted, won."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_org.org.ids import make_id
from local_org.org.model import Schema

if TYPE_CHECKING:
    from local_org.org.engine import Org

SOURCES = {
    "TaskStatus": ("Task", "Status"),
    "LeadStatus": ("Lead", "Status"),
    "OpportunityStage": ("Opportunity", "StageName"),
}
"""The objects that list the values of a picklist with their meaning."""

_CLOSED = ("Completed",)
_CONVERTED = ("Closed - Converted",)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage of an opportunity implies."""

    probability: float
    closed: bool
    won: bool
    forecast: str


_STAGES = {
    "Prospecting": Stage(10, False, False, "Pipeline"),
    "Qualification": Stage(10, False, False, "Pipeline"),
    "Needs Analysis": Stage(20, False, False, "Pipeline"),
    "Value Proposition": Stage(50, False, False, "Pipeline"),
    "Id. Decision Makers": Stage(60, False, False, "Pipeline"),
    "Perception Analysis": Stage(70, False, False, "Pipeline"),
    "Proposal/Price Quote": Stage(75, False, False, "Pipeline"),
    "Negotiation/Review": Stage(90, False, False, "Pipeline"),
    "Closed Won": Stage(100, True, True, "Closed"),
    "Closed Lost": Stage(0, True, False, "Omitted"),
}
_NEW_STAGE = Stage(50, False, False, "Pipeline")


def closed_task_statuses(conn: sqlite3.Connection, schema: Schema) -> frozenset[str]:
    """The statuses, in lower case, that close a task."""
    return frozenset(value.lower() for value in _flagged(conn, schema, "TaskStatus", "IsClosed", _CLOSED))


def converted_lead_statuses(conn: sqlite3.Connection, schema: Schema) -> frozenset[str]:
    """The statuses that a lead may get by conversion."""
    return frozenset(_flagged(conn, schema, "LeadStatus", "IsConverted", _CONVERTED))


def _flagged(
    conn: sqlite3.Connection, schema: Schema, name: str, flag: str, otherwise: tuple[str, ...]
) -> Iterable[str]:
    if schema.get(name) is None:
        return otherwise
    return [value for (value,) in conn.execute(f'SELECT "ApiName" FROM "{name}" WHERE "{flag}" = 1')]


def stage(conn: sqlite3.Connection, schema: Schema, name: str | None) -> Stage | None:
    """What the stage implies; ``None`` for one that is not listed."""
    if schema.get("OpportunityStage") is None:
        return _STAGES.get(name or "")
    row = conn.execute(
        'SELECT "DefaultProbability", "IsClosed", "IsWon", "ForecastCategoryName" FROM "OpportunityStage" '
        'WHERE "ApiName" = ?',
        (name,),
    ).fetchone()
    return Stage(row[0] or 0.0, bool(row[1]), bool(row[2]), row[3]) if row else None


def list_values(org: Org, names: Iterable[str] = SOURCES) -> None:
    """Make the rows of the status objects for values that have none yet; call inside a write transaction."""
    for name in names:
        if org.schema.get(name) is not None:
            _list_values(org, org.schema, name)


def _list_values(org: Org, schema: Schema, name: str) -> None:
    sobject, field_name = SOURCES[name]
    target = schema.get(sobject)
    f = target.field(field_name) if target else None
    conn = org.connection()
    held = {label for (label,) in conn.execute(f'SELECT "ApiName" FROM "{name}"')}
    for order, value in enumerate(f.picklist if f else (), 1):
        if value.value not in held:
            common = {"MasterLabel": value.label or value.value, "ApiName": value.value, "SortOrder": order}
            # The three objects share a key prefix: one count of Ids for all.
            row_id = make_id("01J", _count(conn) + 1)
            org.insert_raw(name, {"Id": row_id, **common, **_meaning(name, value.value, value.default)})


def _count(conn: sqlite3.Connection) -> int:
    return sum(conn.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in SOURCES)


def _meaning(name: str, value: str, default: bool) -> dict[str, Any]:
    if name == "TaskStatus":
        return {"IsDefault": default, "IsClosed": value in _CLOSED}
    if name == "LeadStatus":
        return {"IsDefault": default, "IsConverted": value in _CONVERTED}
    known = _STAGES.get(value, _NEW_STAGE)
    return {
        "IsActive": True,
        "IsClosed": known.closed,
        "IsWon": known.won,
        "DefaultProbability": known.probability,
        "ForecastCategory": known.forecast,
        "ForecastCategoryName": known.forecast,
    }
