"""Decides which records of others a user sees and changes: defaults of the org, roles, queues, shares, parents.

Read by whoever reads rows, as a condition in SQL. By default everybody may do everything with all records of an object
they have rights on (`FullAccess`); then there is no condition at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Literal

from local_org.org.catalog.shares import level_field, share_name
from local_org.org.model import Access, Schema, SObject
from local_org.org.store import quoted

Level = Literal["Read", "Edit", "All"]
"""What is asked for; ``All`` is to delete, to transfer and to share."""
_OPEN: dict[str, frozenset[str]] = {
    "FullAccess": frozenset({"Read", "Edit", "All"}),
    "ReadWrite": frozenset({"Read", "Edit"}),
    "Read": frozenset({"Read"}),
}
_ACTIVITIES = ("Task", "Event")
_CHILDREN_OF_ACCOUNT = ("Contact", "Opportunity", "Case")
"""Who owns one of them reads its account, whatever the default says (implicit sharing)."""


def condition(schema: Schema, access: Access, sobject: SObject, alias: str, level: Level = "Read") -> str | None:
    """The rows of an object that a user may read (or edit, or do everything with), as an SQL condition.

    Args:
        schema: The org's objects.
        access: The user; what the object's rights say is not looked at here.
        sobject: The object.
        alias: The name of its table in the statement.
        level: What the user wants to do.

    Returns:
        ``None`` where the user may do it with every row.
    """
    if level in _OPEN.get(sobject.sharing, ()) or _above_sharing(access, sobject, level):
        return None
    if sobject.name in _ACTIVITIES:
        return f"({_owned(access, sobject, alias)} OR {_through_parents(schema, access, alias, level)})"
    if sobject.sharing == "ControlledByParent":
        return _through_parent(schema, access, sobject, alias, level)
    ways = [_owned(access, sobject, alias)]
    share = schema.get(share_name(sobject))
    if share is not None and level != "All":
        ways.append(_shared(access, sobject, share, alias, level))
    if sobject.name == "Account" and level == "Read":
        ways += _implied(schema, access, alias)
    return f"({' OR '.join(ways)})"


def allowed(
    conn: sqlite3.Connection, schema: Schema, access: Access, sobject: SObject, ids: Iterable[str], level: Level
) -> set[str] | None:
    """Which of these records the user may read, edit or do everything with; ``None`` for every one."""
    found = condition(schema, access, sobject, "t", level)
    if found is None:
        return None
    sql = f'SELECT "Id" FROM {quoted(sobject.name)} t WHERE "Id" IN (SELECT value FROM json_each(?)) AND {found}'
    return {record_id for (record_id,) in conn.execute(sql, (json.dumps(list(ids)),))}


def _above_sharing(access: Access, sobject: SObject, level: Level) -> bool:
    letters = access.objects.get(sobject.name, "")
    if access.modify_all or "M" in letters:
        return True
    return level == "Read" and (access.view_all or "V" in letters)


def _listed(ids: Iterable[str]) -> str:
    """Ids as an SQL list; they come from the org's own rows and hold letters and digits only."""
    return ", ".join(f"'{each}'" for each in sorted(ids) if each.isalnum()) or "''"


def _owned(access: Access, sobject: SObject, alias: str) -> str:
    if sobject.field("OwnerId") is None:
        return "0"
    return f'{alias}."OwnerId" IN ({_listed(access.owners)})'


def _shared(access: Access, sobject: SObject, share: SObject, alias: str, level: Level) -> str:
    record = share.fields[1].name
    enough = f" AND s.{quoted(level_field(sobject))} IN ('Edit', 'All')" if level == "Edit" else ""
    return (
        f'EXISTS (SELECT 1 FROM {quoted(share.name)} s WHERE s.{quoted(record)} = {alias}."Id" '
        f'AND s."IsDeleted" = 0 AND s."UserOrGroupId" IN ({_listed(access.groups)}){enough})'
    )


def _implied(schema: Schema, access: Access, alias: str) -> list[str]:
    return [
        f'EXISTS (SELECT 1 FROM {quoted(name)} c WHERE c."AccountId" = {alias}."Id" AND c."IsDeleted" = 0 '
        f'AND c."OwnerId" IN ({_listed(access.owners)}))'
        for name in _CHILDREN_OF_ACCOUNT
        if schema.get(name) is not None
    ]


def _through_parent(schema: Schema, access: Access, sobject: SObject, alias: str, level: Level) -> str:
    """A detail record is as open as its parent; an orphan belongs to its owner."""
    link = next((f for f in sobject.fields if f.cascade_delete and len(f.reference_to) == 1), None)
    parent = schema.get(link.reference_to[0]) if link else None
    owned = _owned(access, sobject, alias)
    if link is None or parent is None:
        return owned
    # To delete a child takes no more than to edit its parent.
    inner = condition(schema, access, parent, "p", "Read" if level == "Read" else "Edit")
    if inner is None:
        return "1"
    column = f"{alias}.{quoted(link.name)}"
    seen = f'{column} IN (SELECT p."Id" FROM {quoted(parent.name)} p WHERE {inner})'
    return f"({seen} OR ({column} IS NULL AND {owned}))"


def _through_parents(schema: Schema, access: Access, alias: str, level: Level) -> str:
    """An activity shows to whoever sees the record it is related to; changing it takes a right to change that one."""
    wanted: Level = "Read" if level == "Read" else "Edit"
    ways = []
    for sobject in schema.objects:
        column = "WhoId" if sobject.name in ("Contact", "Lead") else "WhatId" if sobject.activities else ""
        if not column or not sobject.key_prefix or not access.may(sobject, "r"):
            continue
        inner = condition(schema, access, sobject, "p", wanted)
        if inner is None:
            ways.append(f"substr({alias}.{quoted(column)}, 1, 3) = '{sobject.key_prefix}'")
        else:
            ways.append(f'{alias}.{quoted(column)} IN (SELECT p."Id" FROM {quoted(sobject.name)} p WHERE {inner})')
    return f"({' OR '.join(ways) or '0'})"


def owners_of(conn: sqlite3.Connection, user_id: str) -> frozenset[str]:
    """Whose records a user has as their own: the user, everybody in a role below, and the user's queues."""
    role = _role(conn, user_id)
    below = _below(conn, role) if role else set()
    users = {user_id}
    for other, other_role in conn.execute('SELECT "Id", "UserRoleId" FROM "User" WHERE "UserRoleId" IS NOT NULL'):
        if other_role in below:
            users.add(other)
    queues = dict.fromkeys(
        group_id for group_id, kind in conn.execute('SELECT "Id", "Type" FROM "Group"') if kind == "Queue"
    )
    return frozenset(users | (groups_of(conn, user_id) & queues.keys()))


def groups_of(conn: sqlite3.Connection, user_id: str) -> frozenset[str]:
    """What a share may name to reach a user: the user and every group that the user is in, however deep."""
    role = _role(conn, user_id)
    reached = {user_id}
    for group_id, kind, related in conn.execute('SELECT "Id", "Type", "RelatedId" FROM "Group"').fetchall():
        inside = {"Role": role == related, "RoleAndSubordinates": _is_under(conn, role, related)}
        if (role and related and inside.get(kind, False)) or kind == "Organization":
            reached.add(group_id)
    members = conn.execute('SELECT "GroupId", "UserOrGroupId" FROM "GroupMember"').fetchall()
    while grown := {group for group, member in members if member in reached and group not in reached}:
        reached |= grown
    return frozenset(reached)


def _role(conn: sqlite3.Connection, user_id: str) -> str | None:
    row = conn.execute('SELECT "UserRoleId" FROM "User" WHERE "Id" = ?', (user_id,)).fetchone()
    return row[0] if row else None


def _below(conn: sqlite3.Connection, role: str) -> set[str]:
    """The roles below a role, not the role itself."""
    links = conn.execute('SELECT "Id", "ParentRoleId" FROM "UserRole"').fetchall()
    found: set[str] = set()
    level = {role}
    while level := {child for child, parent in links if parent in level and child not in found}:
        found |= level
    return found - {role}


def _is_under(conn: sqlite3.Connection, role: str | None, top: str | None) -> bool:
    return bool(role and top) and (role == top or role in _below(conn, str(top)))
