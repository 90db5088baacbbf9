"""Answers queries of UserRecordAccess: what one user may do with up to 200 records, worked out when asked."""

from __future__ import annotations

from local_org.org import permissions, sharing
from local_org.org.ids import full_id
from local_org.org.model import Access, OrgFault, Schema, SObject
from local_org.soql import faults
from local_org.soql.nodes import Comparison, Condition, Group, Literal, Order, Path, Query, Selected, Values
from local_org.soql.scope import Context, quoted

NAME = "UserRecordAccess"
MOST_RECORDS = 200
_LEVELS: tuple[tuple[str, sharing.Level, str], ...] = (
    ("HasReadAccess", "Read", "r"),
    ("HasEditAccess", "Edit", "u"),
    ("HasDeleteAccess", "All", "d"),
    ("HasTransferAccess", "All", "u"),
)


def source_sql(context: Context, query: Query) -> str:
    """What FROM reads for this object: one row for each record that the query names.

    Raises:
        OrgFault: MALFORMED_QUERY unless the query filters by one UserId and by RecordIds, and by nothing else.
    """
    user_id, record_ids = _asked(context, query)
    _check_orders(context, query)
    access = _access(context, user_id)
    rows = [_row(context.schema, access, user_id, record_id) for record_id in record_ids]
    return f"({' UNION ALL '.join(rows)})"


def _asked(context: Context, query: Query) -> tuple[str, list[str]]:
    users: list[str] = []
    records: list[str] = []
    for atom in _atoms(query.where):
        name = atom.left.parts[-1].lower() if isinstance(atom.left, Path) else ""
        found = _texts(atom)
        if name == "userid" and atom.operator == "=":
            users += found
        elif name == "recordid" and atom.operator in ("=", "IN"):
            records += found
        else:
            raise _refused(context, query, "cannot be filtered by anything but one UserId and RecordId")
    ids = [full_id(each) for each in dict.fromkeys(records)]
    if len(users) != 1 or full_id(users[0]) is None or not ids or None in ids:
        raise _refused(context, query, "must be filtered by one UserId and at least one RecordId")
    if len(ids) > MOST_RECORDS:
        raise _refused(context, query, f"takes at most {MOST_RECORDS} RecordIds")
    return str(full_id(users[0])), [each for each in ids if each is not None]


def _atoms(condition: Condition | None) -> list[Comparison]:
    """The comparisons that all must hold; none where there is an OR or a NOT."""
    if isinstance(condition, Comparison):
        return [condition]
    if isinstance(condition, Group) and condition.connective == "AND":
        return [atom for item in condition.items for atom in _atoms(item)]
    return []


def _texts(atom: Comparison) -> list[str]:
    items = atom.right.items if isinstance(atom.right, Values) else (atom.right,)
    return [item.text.strip("'") for item in items if isinstance(item, Literal)]


def _check_orders(context: Context, query: Query) -> None:
    """Only what is selected may be sorted by."""
    shown = {s.expr.parts[-1].lower() for s in query.select if isinstance(s, Selected) and isinstance(s.expr, Path)}
    for order in query.order_by:
        if _ordered(order) not in shown:
            raise _refused(context, query, "may be sorted by selected fields only")


def _ordered(order: Order) -> str:
    return order.expr.parts[-1].lower() if isinstance(order.expr, Path) else ""


def _refused(context: Context, query: Query, why: str) -> OrgFault:
    return faults.malformed(context.text, query.sources[0].path.pos, f"{NAME} {why}")


def _access(context: Context, user_id: str) -> Access:
    if user_id == context.access.user_id or context.conn is None:
        return context.access
    try:
        return permissions.load_access(context.conn, context.schema, user_id)
    except OrgFault:
        return Access(user_id, "", "", "GMT", False, False, False, {}, {})


def _row(schema: Schema, access: Access, user_id: str, record_id: str) -> str:
    sobject = next((o for o in schema.objects if o.key_prefix == record_id[:3] and o.field("Id")), None)
    flags = [(name, _flag(schema, access, sobject, record_id, level, letter)) for name, level, letter in _LEVELS]
    named = dict(flags)
    every = " AND ".join(named.values())
    best = (
        f"CASE WHEN {every} THEN 'All' WHEN {named['HasTransferAccess']} THEN 'Transfer' "
        f"WHEN {named['HasDeleteAccess']} THEN 'Delete' WHEN {named['HasEditAccess']} THEN 'Edit' "
        f"WHEN {named['HasReadAccess']} THEN 'Read' ELSE 'None' END"
    )
    shown = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in [*flags, ("HasAllAccess", f"({every})")])
    # The Id of a row is the record's: the object itself has none.
    return (
        f"SELECT '{record_id}' AS \"Id\", '{user_id}' AS \"UserId\", '{record_id}' AS \"RecordId\", {shown}, "
        f'{best} AS "MaxAccessLevel"'
    )


def _flag(
    schema: Schema, access: Access, sobject: SObject | None, record_id: str, level: sharing.Level, letter: str
) -> str:
    if sobject is None or not access.may(sobject, "r") or not access.may(sobject, letter):
        return "0"
    live = ' AND t."IsDeleted" = 0' if sobject.field("IsDeleted") else ""
    read_only = ' AND t."IsConverted" = 0' if sobject.name == "Lead" and level != "Read" else ""
    seen = sharing.condition(schema, access, sobject, "t", level)
    bound = f" AND {seen}" if seen else ""
    return f"EXISTS (SELECT 1 FROM {quoted(sobject.name)} t WHERE t.\"Id\" = '{record_id}'{live}{read_only}{bound})"
