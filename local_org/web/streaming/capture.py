"""Notes every committed change of a record in a table, by SQLite triggers, so that no way of writing is missed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from local_org.org.engine import Org
from local_org.org.model import Field, Schema, SObject
from local_org.org.store import quoted

KEPT_SECONDS = 72 * 3600
"""How long an event can be asked for again."""
_STANDARD = frozenset({
    "Account", "Campaign", "CampaignMember", "Case", "Contact", "Event", "Lead", "Opportunity",
    "OpportunityContactRole", "Order", "Contract", "Product2", "Task", "User",
})  # fmt: skip
_UNTOLD = frozenset({
    "Id", "IsDeleted", "SystemModstamp", "LastActivityDate", "LastViewedDate", "LastReferencedDate",
})  # fmt: skip
"""Fields whose change alone is no event, and that no event carries."""
_TABLE = """
CREATE TABLE IF NOT EXISTS "_change" (
    seq INTEGER PRIMARY KEY, tx INTEGER NOT NULL, at INTEGER NOT NULL, place INTEGER NOT NULL, shape TEXT NOT NULL,
    record TEXT NOT NULL, kind TEXT NOT NULL, user TEXT, old TEXT, new TEXT);
CREATE TABLE IF NOT EXISTS "_change_shape" (name TEXT PRIMARY KEY, object TEXT NOT NULL, fields TEXT NOT NULL);
"""
_GONE = "GONE"
"""Kind of the newest change once it is too old: its number must not be given out again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One noted change; `values` are stored values, all of a new record and only the changed ones of an old."""

    seq: int
    tx: int
    at: int
    place: int
    """Its place in its transaction, from 1."""
    object: str
    record: str
    kind: str
    user: str | None
    values: dict[str, Any]

    def same_but_record(self, other: Change) -> bool:
        """Whether both tell the same of two records of one transaction."""
        mine, theirs = (self.tx, self.object, self.kind), (other.tx, other.object, other.kind)
        return mine == theirs and self.values == other.values


def captured(schema: Schema) -> list[SObject]:
    """The objects whose changes are told: the everyday ones and all custom ones."""
    return [o for o in schema.objects if o.key_prefix and (o.custom or o.name in _STANDARD)]


def told(sobject: SObject) -> list[Field]:
    """The fields that an event may carry."""
    return [f for f in sobject.fields if f.stored and not f.calculated and f.name not in _UNTOLD]


def install(org: Org) -> None:
    """Make the tables and the triggers fit the schema; nothing is written when they do already."""
    shapes = {o.name: json.dumps([f.name for f in told(o)]) for o in captured(org.schema)}
    wanted = {name: sql for o in captured(org.schema) for name, sql in _triggers(o, _shape(o.name, shapes[o.name]))}
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB '_change_*'"
    held = dict(org.connection().execute(found))
    if held == wanted:
        return
    with org.write() as conn:
        for statement in _TABLE.split(";"):
            conn.execute(statement)
        rows = [(_shape(name, fields), name, fields) for name, fields in shapes.items()]
        conn.executemany("INSERT OR IGNORE INTO _change_shape VALUES (?, ?, ?)", rows)
        for name in held:
            if held[name] != wanted.get(name):
                conn.execute(f"DROP TRIGGER {quoted(name)}")
        for name, sql in wanted.items():
            if held.get(name) != sql:
                conn.execute(sql)


def purge(org: Org, before: int) -> None:
    """Forget changes that were noted before that second."""
    with org.write() as conn:
        newest = "(SELECT max(seq) FROM _change)"
        conn.execute(f"DELETE FROM _change WHERE at < ? AND seq < {newest}", (before,))
        conn.execute("UPDATE _change SET kind = ?, old = NULL, new = NULL WHERE at < ?", (_GONE, before))


def newest(conn: sqlite3.Connection) -> int:
    """The number of the newest change."""
    return int(conn.execute("SELECT coalesce(max(seq), 0) FROM _change").fetchone()[0])


def oldest(conn: sqlite3.Connection) -> int:
    """The number before the oldest change that is kept."""
    (found,) = conn.execute("SELECT min(seq) FROM _change WHERE kind <> ?", (_GONE,)).fetchone()
    return int(found) - 1 if found is not None else newest(conn)


def read(conn: sqlite3.Connection, after: int, sobject: str | None, limit: int) -> tuple[list[Change], int]:
    """Changes after a number, oldest first, of one object or of all, and the number up to which was read.

    A row that was written without a change of what events tell is left out.
    """
    where = "" if sobject is None else " AND s.object = ?"
    sql = (
        "SELECT c.seq, c.tx, c.at, c.place, s.object, c.record, c.kind, c.user, s.fields, c.old, c.new "
        f"FROM _change c JOIN _change_shape s ON s.name = c.shape WHERE c.seq > ? AND c.kind <> ?{where} "
        "ORDER BY c.seq LIMIT ?"
    )
    params = (after, _GONE, *([] if sobject is None else [sobject]), limit)
    made, last = [], after
    for seq, tx, at, place, name, record, kind, user, fields, old, new in conn.execute(sql, params):
        last = seq
        values = _values(json.loads(fields), old, new)
        if values or kind != "UPDATE":
            made.append(Change(seq, tx, at, place, name, record, kind, user, values))
    return made, last


def _values(names: list[str], old: str | None, new: str | None) -> dict[str, Any]:
    if new is None:
        return {}
    after = json.loads(new)
    if old is None:
        return {name: value for name, value in zip(names, after, strict=True) if value is not None}
    rows = zip(names, json.loads(old), after, strict=True)
    return {name: value for name, before, value in rows if value != before}


def _shape(name: str, fields: str) -> str:
    return f"{name}:{hashlib.sha256(fields.encode()).hexdigest()[:16]}"


def _triggers(sobject: SObject, shape: str) -> list[tuple[str, str]]:
    """The triggers of one object: on a new row, a changed row, and a row that goes to the bin or comes back.

    They note values side by side and compare nothing: what changed is found out when somebody asks.
    """
    fields = [quoted(f.name) for f in told(sobject)]
    table = quoted(sobject.name)
    user = 'NEW."LastModifiedById"' if sobject.field("LastModifiedById") else "NULL"
    new, old = (f"json_array({', '.join(f'{side}.{f}' for f in fields)})" for side in ("NEW", "OLD"))

    def note(kind: str, before: str = "NULL", after: str = "NULL") -> str:
        about = f"NULL, org_ticket(), org_now(), org_place(), '{shape}', NEW.\"Id\", {kind}, {user}"
        return f"BEGIN INSERT INTO _change VALUES ({about}, {before}, {after}); END"

    made = {"new": f"AFTER INSERT ON {table} " + note("'CREATE'", after=new)}
    binned = sobject.field("IsDeleted") is not None
    stays = 'WHEN NEW."IsDeleted" = OLD."IsDeleted" ' if binned else ""
    made["old"] = f"AFTER UPDATE ON {table} {stays}" + note("'UPDATE'", old, new)
    if binned:
        kind = "CASE WHEN NEW.\"IsDeleted\" THEN 'DELETE' ELSE 'UNDELETE' END"
        left = f'CASE WHEN NEW."IsDeleted" THEN NULL ELSE {new} END'
        moved = 'WHEN NEW."IsDeleted" <> OLD."IsDeleted"'
        made["bin"] = f'AFTER UPDATE OF "IsDeleted" ON {table} {moved} ' + note(kind, after=left)
    names = {key: f"_change_{sobject.name}_{key}" for key in made}
    return [(names[key], f"CREATE TRIGGER {quoted(names[key])} {sql}") for key, sql in made.items()]
