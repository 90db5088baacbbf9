"""Notes every committed change of a record in a table, by SQLite triggers, so that no way of writing is missed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
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
    seq INTEGER PRIMARY KEY AUTOINCREMENT, tx INTEGER NOT NULL, at INTEGER NOT NULL, object TEXT NOT NULL,
    record TEXT NOT NULL, kind TEXT NOT NULL, user TEXT, fields TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS "_change_tx" ON "_change" (tx);
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One noted change; `fields` holds stored values, all of a new record and only the changed ones of an old."""

    seq: int
    tx: int
    at: int
    object: str
    record: str
    kind: str
    user: str | None
    fields: str
    place: int
    """Its place in its transaction, from 1."""

    def same_but_record(self, other: Change) -> bool:
        """Whether both tell the same of two records of one transaction."""
        return (self.tx, self.object, self.kind, self.fields) == (other.tx, other.object, other.kind, other.fields)

    def values(self) -> dict[str, Any]:
        """The stored values."""
        found: dict[str, Any] = json.loads(self.fields)
        return found


def captured(schema: Schema) -> list[SObject]:
    """The objects whose changes are told: the everyday ones and all custom ones."""
    return [o for o in schema.objects if o.key_prefix and (o.custom or o.name in _STANDARD)]


def told(sobject: SObject) -> list[Field]:
    """The fields that an event may carry."""
    return [f for f in sobject.fields if f.stored and not f.calculated and f.name not in _UNTOLD]


def install(org: Org) -> None:
    """Make the table and the triggers fit the schema; nothing is written when they do already."""
    wanted = {name: sql for sobject in captured(org.schema) for name, sql in _triggers(sobject)}
    conn = org.connection()
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB '_change_*'"
    held = dict(conn.execute(found))
    if held == wanted:
        return
    with org.write() as writer:
        for statement in _TABLE.split(";"):
            writer.execute(statement)
        for name in held:
            if held[name] != wanted.get(name):
                writer.execute(f"DROP TRIGGER {quoted(name)}")
        for name, sql in wanted.items():
            if held.get(name) != sql:
                writer.execute(sql)


def purge(org: Org, before: int) -> None:
    """Forget changes that were noted before that second."""
    with org.write() as conn:
        conn.execute("DELETE FROM _change WHERE at < ?", (before,))


def bounds(conn: sqlite3.Connection) -> tuple[int, int]:
    """The number before the oldest kept change, and that of the newest change ever noted."""
    row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = '_change'").fetchone()
    newest = int(row[0]) if row else 0
    (oldest,) = conn.execute("SELECT min(seq) FROM _change").fetchone()
    return (int(oldest) - 1 if oldest is not None else newest), newest


def read(conn: sqlite3.Connection, after: int, objects: Iterable[str] | None, limit: int) -> list[Change]:
    """Changes after a number, oldest first, of some objects or of all."""
    where, params = "", [after]
    if objects is not None:
        where = " AND object IN (SELECT value FROM json_each(?))"
        params = [after, json.dumps(list(objects))]  # type: ignore[list-item]
    place = "seq - (SELECT min(seq) FROM _change other WHERE other.tx = _change.tx) + 1"
    sql = (
        f"SELECT seq, tx, at, object, record, kind, user, fields, {place} FROM _change "
        f"WHERE seq > ?{where} ORDER BY seq LIMIT ?"
    )
    return [Change(*row) for row in conn.execute(sql, (*params, limit))]


def _triggers(sobject: SObject) -> list[tuple[str, str]]:
    """The triggers of one object: on a new row, a changed row, and a row that goes to the bin or comes back."""
    fields = [f.name for f in told(sobject)]
    table, name = quoted(sobject.name), sobject.name
    user = 'NEW."LastModifiedById"' if sobject.field("LastModifiedById") else "NULL"
    whole = _json([f"CASE WHEN NEW.{quoted(f)} IS NOT NULL THEN {_pair(f)} ELSE '' END" for f in fields])
    diff = _json([f"CASE WHEN NEW.{quoted(f)} IS NOT OLD.{quoted(f)} THEN {_pair(f)} ELSE '' END" for f in fields])
    insert = "INSERT INTO _change (tx, at, object, record, kind, user, fields)"
    about = f"org_ticket(), org_now(), '{name}', NEW.\"Id\""
    made = {
        "new": f"AFTER INSERT ON {table} BEGIN {insert} VALUES ({about}, 'CREATE', {user}, {whole}); END",
    }
    changed = f"{insert} SELECT {about}, 'UPDATE', {user}, d FROM (SELECT {diff} AS d) WHERE d <> '{{}}'; END"
    if sobject.field("IsDeleted") is None:
        made["old"] = f"AFTER UPDATE ON {table} BEGIN {changed}"
    else:
        made["old"] = f'AFTER UPDATE ON {table} WHEN NEW."IsDeleted" = OLD."IsDeleted" BEGIN {changed}'
        kind = "CASE WHEN NEW.\"IsDeleted\" THEN 'DELETE' ELSE 'UNDELETE' END"
        left = f"CASE WHEN NEW.\"IsDeleted\" THEN '{{}}' ELSE {whole} END"
        made["bin"] = (
            f'AFTER UPDATE OF "IsDeleted" ON {table} WHEN NEW."IsDeleted" <> OLD."IsDeleted" '
            f"BEGIN {insert} VALUES ({about}, {kind}, {user}, {left}); END"
        )
    names = {key: f"_change_{name}_{key}" for key in made}
    return [(names[key], f"CREATE TRIGGER {quoted(names[key])} {sql}") for key, sql in made.items()]


def _json(pairs: list[str]) -> str:
    """An expression for a JSON object of those pairs that are not empty; each begins with a comma."""
    return f"'{{' || substr({' || '.join(pairs)}, 2) || '}}'"


def _pair(name: str) -> str:
    return f"',\"{name}\":' || json_quote(NEW.{quoted(name)})"
