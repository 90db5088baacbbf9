"""Builds ActivityHistory and OpenActivity: what a parent's subquery sees of its tasks and events, past or to come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from local_org.org import sharing
from local_org.org.model import Field, SObject
from local_org.soql import faults
from local_org.soql.nodes import Order, Path, Query
from local_org.soql.scope import Context, quoted

MAX_ROWS = 499
"""The LIMIT for users without View All Data."""
_SHOWN = (
    "Id", "AccountId", "WhoId", "WhatId", "Subject", "IsTask", "ActivityDate", "ActivityDateTime", "OwnerId", "Status",
    "Priority", "IsHighPriority", "ActivityType", "ActivitySubtype", "IsClosed", "IsAllDayEvent", "DurationInMinutes",
    "StartDateTime", "EndDateTime", "Location", "Description", "IsDeleted", "CreatedDate", "CreatedById",
    "LastModifiedDate", "LastModifiedById", "SystemModstamp", "CallDurationInSeconds", "CallType", "CallDisposition",
    "CallObject", "ReminderDateTime", "IsReminderSet", "CompletedDateTime",
)  # fmt: skip
_RENAMED = {"ActivityType": ("Type", "Type"), "ActivitySubtype": ("TaskSubtype", "EventSubtype")}
_PARENTS = {"Account": "AccountId", "Contact": "WhoId", "Lead": "WhoId"}


@dataclass(frozen=True, slots=True)
class Timeline:
    """One of the two relationships, by which a subquery names it."""

    relationship: str
    sobject: str
    closed: bool

    @property
    def order(self) -> str:
        """The only order that users without View All Data may ask for."""
        return f"ActivityDate {'DESC' if self.closed else 'ASC'}, LastModifiedDate DESC"


TIMELINES = (
    Timeline("ActivityHistories", "ActivityHistory", closed=True),
    Timeline("OpenActivities", "OpenActivity", closed=False),
)


def timeline(context: Context, parent: SObject, name: str) -> tuple[Timeline, SObject, Field] | None:
    """The timeline that a subquery's FROM names, as an object, with the reference that leads to the parent.

    It follows Task and Event: what the user may not see of them is not there.
    """
    found = next((t for t in TIMELINES if t.relationship.lower() == name.lower()), None)
    if found is None or context.readable("Task") is None:
        return None
    fields = tuple(f for f in (_field(context, name) for name in _SHOWN) if f is not None)
    made = SObject(found.sobject, found.sobject, found.relationship, None, fields, queryable=False)
    reference = made.field(_PARENTS.get(parent.name, "WhatId"))
    if reference is None or parent.name not in reference.reference_to:
        return None
    return found, made, replace(reference, child_relationship=found.relationship)


def check_bounds(context: Context, found: Timeline, query: Query) -> None:
    """Users without View All Data see a timeline in one order, at most 499 rows of it, and unfiltered.

    Raises:
        OrgFault: MALFORMED_QUERY that says what the subquery must ask for.
    """
    if context.access.view_all or context.access.modify_all:
        return
    wanted = ""
    if query.where is not None:
        wanted = "you cannot specify a WHERE clause"
    elif query.limit is None or query.limit > MAX_ROWS:
        wanted = f"you must specify a row limit of no more than {MAX_ROWS}"
    elif ", ".join(_ordered(o) for o in query.order_by) != found.order.lower():
        wanted = f"you must use a specific sort order: {found.order}"
    if wanted:
        message = (
            f"There is an implementation restriction on {found.relationship}. When you query this relationship, "
            f"security evaluation is implemented for users who don't have administrator permissions, and {wanted}"
        )
        raise faults.malformed(context.text, query.pos, message)


def source_sql(context: Context, made: SObject, reference: str = "") -> str:
    """The FROM entry of a timeline: tasks by whether they are closed, events by whether they are over.

    With the name of a reference, each half is bound to the parents in a JSON array, one parameter per half: SQLite
    would not carry that condition into a union by itself, and would read all activities of the org.
    """
    closed = next(t.closed for t in TIMELINES if t.sobject == made.name)
    now = int(context.now.timestamp())
    over = f'COALESCE("EndDateTime", unixepoch("ActivityDate") + 86400) < {now}'
    bound = f" AND {quoted(reference)} IN (SELECT value FROM json_each(?))" if reference else ""
    halves = [_half(context, made, "Task", f'"IsClosed" = {int(closed)}{bound}')]
    if context.readable("Event"):
        halves.append(_half(context, made, "Event", (over if closed else f"NOT ({over})") + bound))
    return f"({' UNION ALL '.join(halves)})"


def _field(context: Context, name: str) -> Field | None:
    if name == "IsTask":
        return Field(name, "boolean", "Task", nillable=False, createable=False, updateable=False)
    for number, sobject in enumerate(filter(None, (context.readable("Task"), context.readable("Event")))):
        f = context.visible(sobject, _RENAMED.get(name, (name, name))[number])
        if f is not None:
            return replace(f, name=name, createable=False, updateable=False, child_relationship=None)
    return None


def _half(context: Context, made: SObject, name: str, condition: str) -> str:
    sobject = context.readable(name)
    columns = ", ".join(_column(context, sobject, f) for f in made.fields) if sobject else ""
    archived = ' AND +"IsArchived" = 0' if sobject and sobject.field("IsArchived") and not context.all_rows else ""
    seen = sharing.condition(context.schema, context.access, sobject, quoted(name)) if sobject else None
    return f"SELECT {columns} FROM {quoted(name)} WHERE {condition}{archived}{f' AND {seen}' if seen else ''}"


def _column(context: Context, sobject: SObject, f: Field) -> str:
    is_event = sobject.name == "Event"
    if f.name == "IsTask":
        return f'{int(not is_event)} AS "IsTask"'
    own = context.visible(sobject, _RENAMED.get(f.name, (f.name, f.name))[is_event])
    missing = "0" if f.type == "boolean" else "NULL"
    return f"{quoted(own.name) if own else missing} AS {quoted(f.name)}"


def _ordered(order: Order) -> str:
    name = order.expr.text if isinstance(order.expr, Path) else ""
    return f"{name} {'desc' if order.descending else 'asc'}".lower()
