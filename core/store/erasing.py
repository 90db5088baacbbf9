"""Finds a person everywhere in a workspace, and blanks their values; ids, hashes, counts and opt-outs stay.

A person is in their own record, in the activities with them, and in what jobs, plans and people have written about
either. Rows stay, so that the books still balance; what could be read in them goes. The record stays deleted and
linked:
a job that meets its org record again sees that it was deleted here, and brings nothing back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from core.store import ledger, setting
from core.store.codec import dumps
from core.store.database import Batch, Database

ERASED = "[erased]"
KNOWN = "erased"
"""The setting that holds the hashes by which somebody erased is known again."""
_PERSON = (
    "first_name", "last_name", "name", "title", "company", "email", "phone", "mobile_phone", "other_phone", "owner",
    "stage", "lead_source", "city", "state", "country", "fields", "hash",
)  # fmt: skip
_ACTIVITY = ("person_ref", "person_email", "person_phone", "subject", "notes", "participants", "fields", "field_times",
             "hash")  # fmt: skip
_OF_RECORD = {
    "record_result": ("request", "answer", "before", "reason"),
    "change": ("payload", "before", "baseline", "extra", "reason"),
    "open_row": ("value", "candidates", "reason"),
    "link": ("baseline",),
}
_TITLED = ("record_result", "change", "open_row")


@dataclass(frozen=True)
class Person:
    """Where somebody is."""

    record_ids: tuple[int, ...]
    activity_ids: tuple[int, ...]
    org_ids: tuple[str, ...]
    subjects: tuple[str, ...]
    """What the ledger calls them by."""
    values: tuple[str, ...]
    """Their e-mail addresses and numbers, normalized and as typed."""
    keys: tuple[tuple[str, str], ...] = ()
    """``source`` and ``external_id`` of their records."""
    names: tuple[str, ...] = ()


def find(db: Database, workspace_id: int, record_ids: Sequence[int]) -> Person:
    """Where the people of these records are: their activities, org records, names in the ledger."""
    with db.reading(workspace_id) as batch:
        ids = batch.stage(pl.DataFrame({"id": list(record_ids)}, schema={"id": pl.Int64}))
        people = batch.read(
            f"SELECT p.* FROM person p JOIN {ids} s ON s.id = p.id WHERE p.workspace_id = :w", w=workspace_id
        )
        points = batch.read(
            f"SELECT c.value FROM contact_point c JOIN {ids} s ON s.id = c.record_id WHERE c.workspace_id = :w"
            " AND c.table_name = 'person'",
            w=workspace_id,
        )
        links = batch.read(
            f"SELECT l.org_id FROM link l JOIN {ids} s ON s.id = l.record_id WHERE l.workspace_id = :w"
            " AND l.table_name = 'person'",
            w=workspace_id,
        )
        typed = [
            str(v) for c in ("email", "phone", "mobile_phone", "other_phone") for v in people[c].drop_nulls() if str(v)
        ]
        values = sorted({*typed, *(str(v) for v in points["value"])})
        org_ids = tuple(dict.fromkeys(str(i) for i in links["org_id"]))
        activities = _activities(batch, ids, values, org_ids, [str(v) for v in people["external_id"]])
    keys = [str(v) for v in people["external_id"]]
    return Person(
        tuple(int(i) for i in people["id"]), tuple(activities), org_ids,
        tuple(dict.fromkeys([*keys, *(str(i) for i in people["id"]), *org_ids])), tuple(values),
        tuple(people.select("source", "external_id").iter_rows()),
        tuple(str(n) for n in people["name"].drop_nulls()),
    )  # fmt: skip


def _activities(
    batch: Batch, ids: str, values: Sequence[str], org_ids: Sequence[str], keys: Sequence[str]
) -> list[int]:
    named = batch.stage(pl.DataFrame({"v": [*values, *org_ids, *keys]}, schema={"v": pl.String}))
    found = batch.read(
        f"SELECT id FROM activity WHERE workspace_id = :w AND (person_record_id IN (SELECT id FROM {ids})"
        f" OR person_email IN (SELECT v FROM {named}) OR person_phone IN (SELECT v FROM {named})"
        f" OR person_ref IN (SELECT v FROM {named})) ORDER BY id",
        w=batch.workspace_id,
    )
    # Others went to them by what was matched when they were sent.
    sent = [
        int(i)
        for org_id in org_ids
        for i in batch.read(
            "SELECT record_id FROM link WHERE workspace_id = :w AND table_name = 'activity' AND baseline LIKE :o",
            w=batch.workspace_id, o=f'%"{org_id}"%',
        )["record_id"]
    ]  # fmt: skip
    return sorted({*(int(i) for i in found["id"]), *sent})


def counts(db: Database, workspace_id: int, person: Person) -> dict[str, int]:
    """How many rows of each table hold something about a person."""
    with db.reading(workspace_id) as batch:
        records, events = _staged(batch, person)
        out = {"person": len(person.record_ids), "activity": len(person.activity_ids)}
        own = f"table_name = 'person' AND record_id IN (SELECT id FROM {records})"
        out["contact_point"] = _count(batch, f"contact_point WHERE workspace_id = :w AND {own}")
        for table in _OF_RECORD:
            out[table] = _count(batch, f"{table} WHERE {_whose(table, records, events)}")
        out["event"] = _count(batch, f"event_value WHERE {_events(events)}")
    return out


def _count(batch: Batch, where: str) -> int:
    return int(batch.read(f"SELECT COUNT(*) AS n FROM {where}", w=batch.workspace_id).item())


def _staged(batch: Batch, person: Person) -> tuple[str, str]:
    numbers = [*person.record_ids, *person.activity_ids]
    records = batch.stage(pl.DataFrame({"id": numbers}, schema={"id": pl.Int64}))
    subjects = [*person.subjects, *(str(i) for i in person.activity_ids)]
    return records, batch.stage(pl.DataFrame({"s": subjects}, schema={"s": pl.String}))


def _whose(table: str, records: str, subjects: str) -> str:
    org = f" OR org_id IN (SELECT s FROM {subjects})"
    return f"workspace_id = :w AND (record_id IN (SELECT id FROM {records}){org})"


def _events(subjects: str) -> str:
    return (
        "workspace_id = :w AND event_id IN (SELECT e.id FROM event e WHERE e.workspace_id = :w AND e.subject IN"
        f" (SELECT s FROM {subjects}))"
    )


def held(db: Database, workspace_id: int, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Everything that is held about a person, table by table, for handing over."""
    with db.reading(workspace_id) as batch:
        records, events = _staged(batch, person)
        own = f"workspace_id = :w AND id IN (SELECT id FROM {records})"
        out = {
            t: batch.read(f"SELECT * FROM {t} WHERE {own}", w=workspace_id).to_dicts() for t in ("person", "activity")
        }
        for table in _OF_RECORD:
            where = _whose(table, records, events)
            out[table] = batch.read(f"SELECT * FROM {table} WHERE {where}", w=workspace_id).to_dicts()
        out["event"] = batch.read(
            "SELECT e.*, v.body FROM event e JOIN event_value v ON v.workspace_id = e.workspace_id"
            f" AND v.event_id = e.id WHERE e.workspace_id = :w AND e.subject IN (SELECT s FROM {events})",
            w=workspace_id,
        ).to_dicts()
    return out


def erase(db: Database, workspace_id: int, person: Person, actor: str, at: datetime) -> dict[str, int]:
    """Blank a person's values in one transaction; how many rows were touched by table.

    The opt-outs stay on the record, set to out where they were unknown.
    """
    done: dict[str, int] = {}
    with db.batch(workspace_id) as batch:
        records, subjects = _staged(batch, person)
        own = f"workspace_id = :w AND id IN (SELECT id FROM {records})"
        seq = batch.allocate(1)
        done["person"] = batch.execute(
            f"UPDATE person SET {_nulls(_PERSON)}, opted_out_email = true, do_not_call = true, deleted_at = :at,"
            f" updated_at = :at, seq = :seq WHERE {own}",
            w=workspace_id, at=at, seq=seq,
        )  # fmt: skip
        done["activity"] = batch.execute(f"UPDATE activity SET {_nulls(_ACTIVITY)} WHERE {own}", w=workspace_id)
        done["contact_point"] = batch.execute(
            "DELETE FROM contact_point WHERE workspace_id = :w AND table_name = 'person'"
            f" AND record_id IN (SELECT id FROM {records})",
            w=workspace_id,
        )
        for table, columns in _OF_RECORD.items():
            sets = _nulls(columns) + (f", title = '{ERASED}'" if table in _TITLED else "")
            done[table] = batch.execute(
                f"UPDATE {table} SET {sets} WHERE {_whose(table, records, subjects)}", w=workspace_id
            )
        done["event"] = batch.execute(f"DELETE FROM event_value WHERE {_events(subjects)}", w=workspace_id)
        marks = sorted({*erased(batch), *_marks(person)})
        setting.put_in(batch, KNOWN, marks)
        values = {"records": list(person.record_ids), "hashes": [hashed(v) for v in person.values], "rows": done}
        ledger.write(batch, "person.erased", str(person.record_ids[0]), actor=actor, at=at, values=values)
    return done


def _marks(person: Person) -> list[str]:
    """Hashes by which they are known again: keys, addresses, numbers with a name and, for activities, numbers alone."""
    keys = [key_mark(*k) for k in person.keys]
    numbers = [phone_mark(v, n) for v in person.values if "@" not in v for n in person.names]
    return [*keys, *(hashed(v) for v in person.values), *numbers]


def key_mark(source: str, external_id: str) -> str:
    """The hash of a record's key."""
    return hashed(f"{source}\n{external_id}")


def phone_mark(phone: str, name: str) -> str:
    """The hash of a number together with a name."""
    return hashed(f"{phone}\n{' '.join(name.split())}")


def erased(batch: Batch) -> frozenset[str]:
    """The hashes of everybody who was erased from the workspace."""
    found = batch.read("SELECT value FROM setting WHERE workspace_id = :w AND key = :k", w=batch.workspace_id, k=KNOWN)
    return frozenset(json.loads(found.item())) if found.height else frozenset()


def _nulls(columns: Sequence[str]) -> str:
    return ", ".join(f"{c} = NULL" for c in columns)


def hashed(value: str) -> str:
    """What stays of a value: enough to tell that it is the same one, nothing to read it from."""
    return hashlib.sha256(value.strip().lower().encode()).hexdigest()


# -- retention


DEFAULTS = {"requests": 90, "before_values": 180, "plans": 90, "ledger_values": 730}
"""Days that values are kept, by kind; what is older is reduced to ids, counts and hashes."""
_AGED = {
    "requests": ("record_result", "request", "answer"),
    "before_values": ("record_result", "before"),
    "plans": ("change", "payload", "before", "baseline", "extra"),
}


def reduce(db: Database, workspace_id: int, kind: str, before: datetime) -> int:
    """Reduce what is older than ``before`` to a hash; how many rows were touched.

    Rows that are still open, and plans that may still be applied, keep their values.
    """
    with db.batch(workspace_id) as batch:
        if kind == "ledger_values":
            return batch.execute(
                "DELETE FROM event_value WHERE workspace_id = :w AND event_id IN (SELECT id FROM event"
                " WHERE workspace_id = :w AND at < :t AND kind NOT LIKE 'consent.%' AND kind <> 'person.erased')",
                w=workspace_id, t=before,
            )  # fmt: skip
        table, first, *others = _AGED[kind]
        rows = _aged(batch, table, first, before)
        if rows.is_empty():
            return 0
        keys = [c for c in rows.columns if c != "v"]
        told = rows.with_columns(
            pl.Series(first, [dumps({"sha256": hashed(v)}) for v in rows["v"]]),
            *(pl.lit(None, dtype=pl.String).alias(c) for c in others),
        )  # fmt: skip
        return batch.update(table, told.drop("v"), tuple(keys))


def _aged(batch: Batch, table: str, column: str, before: datetime) -> pl.DataFrame:
    kept = f"{column} IS NOT NULL AND {column} NOT LIKE '{{\"sha256\"%'"
    if table == "record_result":
        return batch.read(
            f"SELECT x.workspace_id, x.run_id, x.row, x.{column} AS v FROM record_result x WHERE x.workspace_id = :w"
            f" AND x.at < :t AND x.{kept} AND NOT EXISTS (SELECT 1 FROM open_row o WHERE o.workspace_id = :w"
            " AND o.run_id = x.run_id AND o.record_id = x.record_id)",
            w=batch.workspace_id, t=before,
        )  # fmt: skip
    return batch.read(
        f"SELECT c.workspace_id, c.plan_id, c.row, c.{column} AS v FROM change c JOIN plan p ON p.workspace_id ="
        f" c.workspace_id AND p.plan_id = c.plan_id WHERE c.workspace_id = :w AND p.made_at < :t AND c.{kept}"
        " AND p.status NOT IN ('kept', 'approved')",
        w=batch.workspace_id, t=before,
    )  # fmt: skip
