"""Keeps TaskRelation and EventRelation in step with WhoId and WhatId."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from local_org.org.ids import make_id
from local_org.org.model import Schema
from local_org.org.store import quoted


def rebuild(conn: sqlite3.Connection, schema: Schema, kind: str, ids: Iterable[str], stamp: int | None) -> None:
    """Make the relation rows of these activities say what WhoId and WhatId say; invitees stay as they are.

    The rows carry ``stamp``, or with ``None`` the activity's own SystemModstamp.
    """
    relation = schema.get(f"{kind}Relation")
    if relation is None:
        return
    wanted = json.dumps(list(ids))
    key = quoted(f"{kind}Id")
    table = quoted(relation.name)
    parent_only = ' AND "IsParent" = 1' if relation.field("IsParent") else ""
    conn.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT value FROM json_each(?)){parent_only}", (wanted,))
    rows = conn.execute(
        f'SELECT "Id", "WhoId", "WhatId", "AccountId", "LastModifiedById", "SystemModstamp" FROM {quoted(kind)} '
        'WHERE "Id" IN (SELECT value FROM json_each(?)) AND ("WhoId" IS NOT NULL OR "WhatId" IS NOT NULL) ORDER BY 1',
        (wanted,),
    ).fetchall()
    made = [
        (activity, related, is_what, account, user, modstamp if stamp is None else stamp)
        for activity, who, what, account, user, modstamp in rows
        for related, is_what in ((who, 0), (what, 1))
        if related
    ]
    _insert(conn, relation.name, relation.key_prefix or "000", f"{kind}Id", made)


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
