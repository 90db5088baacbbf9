"""The practice org itself: its file, schema, clock, users and transactions."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from local_org.org import activities, formulas, permissions, relations, schema_io, statuses
from local_org.org.clock import Clock
from local_org.org.ids import id_number, make_id, to18
from local_org.org.model import Access, Schema, SObject
from local_org.org.session import Session
from local_org.org.store import Store, Transaction, columns, quoted

Result = TypeVar("Result")

DEFAULT_ORG_ID = make_id("00D", 1)
_LOADED = 1000
"""Rows that are loaded at a time."""
BIN_SECONDS = 15 * 86400
"""How long a deleted row stays in the recycle bin."""


class OpenTransaction:
    """A transaction that has begun (its start is fixed and holds getUpdated back) but writes only when it commits.

    It does not hold SQLite's write lock while it waits, so that the rest of the org stays usable.
    """

    def __init__(self, store: Store) -> None:
        """Begin: note the start."""
        self._store = store
        self._ticket, self.start = store.register()

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction whose rows carry the start as their stamp; may be used once or several times."""
        return self._store.write(self.start)

    def commit(self, work: Callable[[], Result]) -> Result:
        """Run the work in one transaction stamped with the start, commit it, and end."""
        try:
            with self.write():
                return work()
        finally:
            self.close()

    def close(self) -> None:
        """End without (further) writes."""
        self._store.release(self._ticket)

    def __enter__(self) -> OpenTransaction:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.close()


class Org:
    """One org in one SQLite file. Safe to use from many threads."""

    def __init__(self, store: Store, schema: Schema, clock: Clock, org_id: str) -> None:
        """Use `create` or `open`."""
        self._store = store
        self._schema = schema
        self.clock = clock
        self.id = org_id
        self._lock = threading.Lock()
        self._access: dict[str, Access] = {}
        self._generation = 0
        self.plans: dict[Any, Any] = {}
        """Compiled write plans, dropped when schema or permissions change."""
        self._purged_at = 0

    @classmethod
    def create(
        cls,
        path: str | Path,
        schema: Schema,
        *,
        org_id: str = DEFAULT_ORG_ID,
        clock: Clock | None = None,
        name: str = "Practice Org",
    ) -> Org:
        """Make a new org in a file that does not hold one yet.

        It comes with the Organization row and the profiles System Administrator, Standard User, Read Only and
        Integration; users are added with `permissions.add_user`.

        Raises:
            FileExistsError: When the file already holds an org.
        """
        clock = clock or Clock()
        store = Store(path, clock)
        if store.connection().execute("SELECT 1 FROM _meta").fetchone():
            store.close()
            raise FileExistsError(f"there is an org already: {path}")
        store.ensure_tables(schema)
        org = cls(store, schema, clock, to18(org_id))
        with org.write():
            org._save_meta("org_id", org.id)
            org._save_meta("schema", schema_io.to_json(schema))
            org._first_rows(name)
        return org

    @classmethod
    def open(cls, path: str | Path, *, clock: Clock | None = None) -> Org:
        """Open the org that a file holds.

        Raises:
            FileNotFoundError: When the file holds none.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f"no org in {path}")
        clock = clock or Clock()
        store = Store(path, clock)
        meta = dict(store.connection().execute("SELECT key, value FROM _meta"))
        if "schema" not in meta:
            store.close()
            raise FileNotFoundError(f"no org in {path}")
        return cls(store, schema_io.from_json(meta["schema"]), clock, meta["org_id"])

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def __enter__(self) -> Org:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    @property
    def schema(self) -> Schema:
        """The schema of this moment."""
        return self._schema

    def connection(self) -> sqlite3.Connection:
        """This thread's connection for reading (the writer's, inside a write transaction of this thread)."""
        return self._store.connection()

    def new_connection(self) -> sqlite3.Connection:
        """A reading connection of the caller's own, for long streams; the caller closes it."""
        return self._store.new_connection()

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction on the one writer; nested calls of a thread are savepoints."""
        return self._store.write()

    def open_transaction(self) -> OpenTransaction:
        """Begin a transaction that commits later; see `OpenTransaction`."""
        return OpenTransaction(self._store)

    def covered(self) -> int:
        """Seconds since 1970 up to which getUpdated may vouch: never beyond the start of an open transaction."""
        return self._store.covered()

    def transaction(self) -> Transaction | None:
        """The write transaction that this thread is in."""
        return self._store.transaction()

    @property
    def stamp(self) -> int:
        """The stamp of rows written now: the start of the transaction, or the clock outside of one."""
        tx = self._store.transaction()
        return tx.stamp if tx else self.clock.now()

    def session(self, user_id: str, *, api_version: str = "66.0") -> Session:
        """The verbs of one user.

        Raises:
            OrgFault: INVALID_SESSION_ID when there is no such user.
        """
        return Session(self, self.access(user_id), api_version)

    def access(self, user_id: str) -> Access:
        """What a user may do, kept until users, permissions or the schema change."""
        user_id = to18(user_id)
        with self._lock:
            held, generation = self._access.get(user_id), self._generation
        if held is None:
            held = permissions.load_access(self.connection(), self._schema, user_id)
            with self._lock:
                # Permissions that changed while they were being read must be read again next time.
                if generation == self._generation:
                    self._access[user_id] = held
        return held

    def forget_access(self, sobject: str | None = None) -> None:
        """Drop kept permissions and plans; with an object, note that its describe has changed."""
        self._forget()
        tx = self._store.transaction()
        if tx is not None:
            # Others may read the old permissions until the commit.
            tx.done.append(self._forget)
        if sobject:
            names = [o.name for o in self._schema.objects] if sobject == permissions.ALL else [sobject]
            self.note_changed(names)

    def _forget(self) -> None:
        with self._lock:
            self._access = {}
            self._generation += 1
            self.plans = {}

    def replace_schema(self, schema: Schema, changed: Iterable[str]) -> None:
        """Switch to another schema at run time: new tables and columns are made, nothing is dropped.

        Raises:
            ValueError: A formula or roll-up of it cannot be worked out.
        """
        formulas.check(schema)
        with self.write():
            self._store.ensure_tables(schema)
            self._save_meta("schema", schema_io.to_json(schema))
            tx, before = self._store.transaction(), self._schema
            if tx is not None:
                tx.undo.append(lambda: self._switch(before))
            self._switch(schema)
            self.note_changed(changed)
            self.forget_access()

    def _switch(self, schema: Schema) -> None:
        self._schema = schema
        self._forget()

    def note_changed(self, names: Iterable[str]) -> None:
        """Remember when the describe of these objects changed."""
        with self.write():
            changed = json.loads(self.meta("changed") or "{}") | dict.fromkeys(names, self.stamp)
            self._save_meta("changed", json.dumps(changed))

    def changed_at(self, sobject: str | None = None) -> int:
        """When the describe of an object (or of any) last changed, in seconds since 1970; the org's birth at least."""
        changed: dict[str, int] = json.loads(self.meta("changed") or "{}")
        born = int(self.meta("born") or 0)
        if sobject is None:
            return max([born, *changed.values()])
        return max(born, changed.get(sobject, 0))

    def meta(self, key: str) -> str | None:
        """A setting kept in the org's file."""
        row = self.connection().execute("SELECT value FROM _meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def save_meta(self, key: str, value: str) -> None:
        """Keep a setting in the org's file."""
        with self.write():
            self._save_meta(key, value)

    def _save_meta(self, key: str, value: str) -> None:
        with self.write() as conn:
            conn.execute("INSERT OR REPLACE INTO _meta VALUES (?, ?)", (key, value))

    def _first_rows(self, name: str) -> None:
        self._save_meta("born", str(self.stamp))
        self.insert_raw(
            "Organization",
            {
                "Id": self.id,
                "Name": name,
                "DefaultLocaleSidKey": "en_US",
                "TimeZoneSidKey": "America/Los_Angeles",
                "LanguageLocaleKey": "en_US",
                "FiscalYearStartMonth": 1,
                "OrganizationType": "Developer Edition",
                "IsSandbox": False,
            },
        )
        statuses.list_values(self)
        for profile, grants in permissions.STANDARD_PROFILES.items():
            permissions.add_profile(self, profile, **grants)

    def new_ids(self, sobject: SObject, count: int) -> list[str]:
        """The next Ids of an object, in order."""
        with self.write() as conn:
            row = conn.execute("SELECT next FROM _sequence WHERE object = ?", (sobject.name,)).fetchone()
            first = int(row[0]) if row else 1
            conn.execute("INSERT OR REPLACE INTO _sequence VALUES (?, ?)", (sobject.name, first + count))
        prefix = sobject.key_prefix or "000"
        return [make_id(prefix, number) for number in range(first, first + count)]

    def insert_raw(self, sobject: str, row: Mapping[str, Any]) -> str:
        """Insert one row without rules or permissions; Id and stamps are filled where absent. Returns the Id."""
        target = self._object(sobject)
        with self.write():
            full = {**_audit(target, self.stamp, row.get("CreatedById")), **row}
            if "Id" not in full:
                full["Id"] = self.new_ids(target, 1)[0]
            self.bulk_load(sobject, [full])
        if target.name in ("User", "Profile", "PermissionSet", "PermissionSetAssignment"):
            self.forget_access()
        return str(full["Id"])

    def bulk_load(self, sobject: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert many rows fast, without rules: they carry their own Ids and stamps, which may lie in the past.

        Values may be stored values or Python's: booleans, datetimes (aware, or naive meaning UTC), dates.

        Returns:
            The number of rows.
        """
        target = self._object(sobject)
        names = columns(target)
        booleans = {f.name for f in target.fields if f.type == "boolean"}
        loaded, left = 0, iter(rows)
        with self.write() as conn:
            while part := list(islice(left, _LOADED)):
                used = set().union(*part)
                if unknown := used.difference(names):
                    raise ValueError(f"{target.name} has no fields {', '.join(sorted(unknown))}")
                # Columns that nobody fills are left to the table.
                filled = [name for name in names if name in used]
                listed, marks = ", ".join(map(quoted, filled)), ", ".join("?" * len(filled))
                sql = f"INSERT INTO {quoted(target.name)} ({listed}) VALUES ({marks})"
                empty = {name: 0 if name in booleans else None for name in filled}
                conn.executemany(
                    sql,
                    (
                        [empty[name] if (value := get(name)) is None else _stored(value) for name in filled]
                        for get in (row.get for row in part)
                    ),
                )
                loaded += len(part)
            self._advance_sequence(target)
        return loaded

    def derive_activities(self) -> None:
        """After a `bulk_load`: make relation rows and parents' LastActivityDate fit the loaded Tasks and Events.

        Stamps of the parents stay as they were loaded.
        """
        with self.write() as conn:
            for kind in activities.ACTIVITY:
                ids = [row[0] for row in conn.execute(f'SELECT "Id" FROM {quoted(kind)} WHERE "IsDeleted" = 0')]
                relations.rebuild(conn, self._schema, kind, ids, None)
            for sobject in self._schema.objects:
                if sobject.field("LastActivityDate") and sobject.name not in activities.ACTIVITY:
                    ids = [row[0] for row in conn.execute(f'SELECT "Id" FROM {quoted(sobject.name)}')]
                    activities.refresh_last_activity(conn, self._schema, set(ids), 0)

    def archive_activities(self) -> int:
        """Archive events that ended, and tasks that were closed, over a year ago; returns how many."""
        with self.write() as conn:
            return activities.archive(conn, self.clock.now())

    def _advance_sequence(self, target: SObject) -> None:
        with self.write() as conn:
            top = conn.execute(
                f'SELECT max("Id") FROM {quoted(target.name)} WHERE "Id" >= ? AND "Id" < ?',
                ((target.key_prefix or "000") + "Hs0", (target.key_prefix or "000") + "Hs1"),
            ).fetchone()[0]
            if top:
                conn.execute(
                    "INSERT INTO _sequence VALUES (?, ?) "
                    "ON CONFLICT (object) DO UPDATE SET next = max(next, excluded.next)",
                    (target.name, id_number(top) + 1),
                )

    def _object(self, name: str) -> SObject:
        found = self._schema.get(name)
        if found is None:
            raise ValueError(f"no such object: {name}")
        return found

    @contextmanager
    def purging(self) -> Iterator[sqlite3.Connection]:
        """A write transaction that first empties the recycle bin of what is too old, at most once a minute."""
        with self.write() as conn:
            now = self.clock.now()
            if abs(now - self._purged_at) >= 60:
                self._purged_at = now
                self.purge(now - BIN_SECONDS)
            yield conn

    def purge(self, deleted_before: int) -> int:
        """Remove rows deleted before the given second for good; returns how many."""
        gone = 0
        with self.write() as conn:
            for sobject in self._schema.objects:
                if sobject.field("IsDeleted") is not None:
                    gone += conn.execute(
                        f'DELETE FROM {quoted(sobject.name)} WHERE "IsDeleted" = 1 AND "SystemModstamp" < ?',
                        (deleted_before,),
                    ).rowcount
        return gone

    def remove(self, sobject: SObject, record_ids: Iterable[str]) -> None:
        """Remove rows that lie in the recycle bin for good, as a hard delete does."""
        with self.write() as conn:
            where = 'WHERE "IsDeleted" = 1 AND "Id" IN (SELECT value FROM json_each(?))'
            conn.execute(f"DELETE FROM {quoted(sobject.name)} {where}", (json.dumps(list(record_ids)),))


def _stored(value: Any) -> Any:
    if value.__class__ is str:
        return value or None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return value.isoformat()
    return value


def _audit(target: SObject, stamp: int, user_id: str | None) -> dict[str, Any]:
    made = {
        "CreatedDate": stamp,
        "CreatedById": user_id,
        "LastModifiedDate": stamp,
        "LastModifiedById": user_id,
        "SystemModstamp": stamp,
    }
    return {name: value for name, value in made.items() if target.field(name) is not None}
