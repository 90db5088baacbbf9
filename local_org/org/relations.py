"""Keeps TaskRelation and EventRelation in step with WhoId and WhatId."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from local_org.org.ids import make_id
from local_org.org.model import Schema
from local_org.org.store import quoted


class Whos(NamedTuple):
    """What a save said about people: everybody of an activity, or who is no longer its WhoId."""

    everybody: Mapping[str, list[str]]
    gone: Mapping[str, str]


def rebuild(
    conn: sqlite3.Connection,
    schema: Schema,
    kind: str,
    ids: Iterable[str],
    stamp: int | None,
    whos: Whos = Whos({}, {}),  # noqa: B008 - it cannot be changed
) -> None:
    """Make the relation rows of these activities say what WhoId and WhatId say; further people and invitees stay.

    The rows carry ``stamp``, or with ``None`` the activity's own SystemModstamp.
    """
    relation = schema.get(f"{kind}Relation")
    if relation is None:
        return
    wanted = json.dumps(list(ids))
    key, table = quoted(f"{kind}Id"), quoted(relation.name)
    listed = f"{key} IN (SELECT value FROM json_each(?))" + (
        ' AND "IsParent" = 1' if relation.field("IsParent") else ""
    )
    held: dict[str, list[str]] = {}
    sql = f'SELECT {key}, "RelationId" FROM {table} WHERE {listed} AND "IsWhat" = 0 AND "IsDeleted" = 0 ORDER BY "Id"'
    for activity, person in conn.execute(sql, (wanted,)):
        held.setdefault(activity, []).append(person)
    conn.execute(f"DELETE FROM {table} WHERE {listed}", (wanted,))
    rows = conn.execute(
        f'SELECT "Id", "WhoId", "WhatId", "AccountId", "LastModifiedById", "SystemModstamp", "WhoCount" '
        f'FROM {quoted(kind)} WHERE "Id" IN (SELECT value FROM json_each(?)) ORDER BY 1',
        (wanted,),
    ).fetchall()
    made, counted = [], []
    for activity, who, what, account, user, modstamp, count in rows:
        people = whos.everybody.get(activity)
        if people is None:
            people = [one for one in held.get(activity, ()) if one != whos.gone.get(activity)]
        people = list(dict.fromkeys([who, *people])) if who else []
        related = [(one, 0) for one in people] + ([(what, 1)] if what else [])
        moved = modstamp if stamp is None else stamp
        made += [(activity, *one, account, user, moved) for one in related]
        if len(people) != count:
            counted.append((len(people), moved, activity))
    _insert(conn, relation.name, relation.key_prefix or "000", f"{kind}Id", made)
    conn.executemany(
        f'UPDATE {quoted(kind)} SET "WhoCount" = ?, "SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ?', counted
    )


def recount(conn: sqlite3.Connection, schema: Schema, kind: str, ids: Iterable[str], stamp: int) -> None:
    """Make the WhoCount of these activities say how many people their relation rows name; invitees do not count."""
    relation = schema.get(f"{kind}Relation")
    if relation is None:
        return
    people = f'{quoted(f"{kind}Id")} = a."Id" AND "IsWhat" = 0 AND "IsDeleted" = 0' + (
        ' AND "IsParent" = 1' if relation.field("IsParent") else ""
    )
    counted = conn.execute(
        f'SELECT (SELECT count(*) FROM {quoted(relation.name)} WHERE {people}) AS n, ?, "Id" FROM {quoted(kind)} a '
        'WHERE "Id" IN (SELECT value FROM json_each(?)) AND "WhoCount" IS NOT n',
        (stamp, json.dumps(list(ids))),
    ).fetchall()
    conn.executemany(
        f'UPDATE {quoted(kind)} SET "WhoCount" = ?, "SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ?', counted
    )


def _insert(
    conn: sqlite3.Connection,
    name: str,
    prefix: str,
    key: str,
    made: list[tuple[str, str, int, str | None, str | None, int]],
) -> None:
    found = conn.execute("SELECT next FROM _sequence WHERE object = ?", (name,)).fetchone()
    first = int(found[0]) if found else 1
    conn.execute("INSERT OR REPLACE INTO _sequence VALUES (?, ?)", (name, first + len(made)))
    fixed = ', "IsParent", "IsInvitee", "Status"' if name == "EventRelation" else ""
    values = ", 1, 0, 'New'" if name == "EventRelation" else ""
    conn.executemany(
        f'INSERT INTO {quoted(name)} ("Id", {quoted(key)}, "RelationId", "IsWhat", "AccountId", "CreatedDate", '
        f'"CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"{fixed}) '
        f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?{values})",
        [
            (make_id(prefix, number), activity, related, is_what, account, stamp, user, stamp, user, stamp)
            for number, (activity, related, is_what, account, user, stamp) in enumerate(made, first)
        ],
    )
