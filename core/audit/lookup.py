"""Finds the records that a key means: an org Id, a record number, an external id, an e-mail, a phone or a domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from core.store.database import Database
from core.store.records import TABLES
from core.values import domains, emails, ids, phones

MOST = 20
"""A key that means more records than this is too wide to tell each one's story; the first ones are told."""


@dataclass(frozen=True)
class Found:
    """One workspace record, and by what it was found."""

    table: str
    record_id: int
    by: str


@dataclass
class Lookup:
    """What a key was taken for and what it led to."""

    key: str
    looked: list[str] = field(default_factory=list)
    """The readings of the key that were tried, in words."""
    records: list[Found] = field(default_factory=list)
    org_ids: list[str] = field(default_factory=list)
    """Org Ids that the key names, 18 characters long, also those without a record here."""

    def add(self, table: str, record_ids: list[int], by: str) -> None:
        """Take records in, each once."""
        have = {(f.table, f.record_id) for f in self.records}
        self.records += [Found(table, i, by) for i in record_ids if (table, i) not in have]


def find(db: Database, workspace_id: int, key: str) -> Lookup:
    """Everything that a key can mean here, the most certain reading first."""
    found = Lookup(key.strip())
    if not found.key:
        return found
    for read in (_org_id, _external_id, _number, _email, _phone, _domain):
        read(db, workspace_id, found)
    return found


def _org_id(db: Database, workspace_id: int, found: Lookup) -> None:
    org_id = ids.normalize_ids(pl.Series([found.key])).item()
    if org_id is None:
        return
    found.looked.append("org Id")
    found.org_ids.append(org_id)
    linked = db.read(
        "SELECT table_name, record_id FROM link WHERE workspace_id = :w AND org_id = :i"
        " ORDER BY CASE state WHEN 'active' THEN 0 ELSE 1 END, id DESC",
        w=workspace_id, i=org_id,
    )  # fmt: skip
    for table, record_id in linked.iter_rows():
        found.add(table, [int(record_id)], "org Id")


def _external_id(db: Database, workspace_id: int, found: Lookup) -> None:
    """``id``, ``source:id``, or the whole key that goes out, ``workspace:source:id``; in any case."""
    found.looked.append("external id")
    parts = found.key.split(":")
    plain, source = parts[-1], parts[-2] if len(parts) > 1 else None
    clause = " AND source = :s" if source else ""
    params: dict[str, Any] = {"w": workspace_id, "e": plain, "low": plain.lower(), "n": MOST + 1}
    for table in TABLES:
        rows = db.read(
            f"SELECT id FROM {table} WHERE workspace_id = :w AND external_id IN (:e, :low){clause} ORDER BY id LIMIT :n",  # noqa: S608
            {**params, **({"s": source} if source else {})},
        )
        found.add(table, [int(i) for i in rows["id"]], "external id")


def _number(db: Database, workspace_id: int, found: Lookup) -> None:
    if not found.key.isdigit() or len(found.key) > 12:
        return
    found.looked.append("record number")
    for table in TABLES:
        if db.one(f"SELECT id FROM {table} WHERE workspace_id = :w AND id = :i", w=workspace_id, i=int(found.key)):  # noqa: S608
            found.add(table, [int(found.key)], "record number")


def _email(db: Database, workspace_id: int, found: Lookup) -> None:
    email = emails.normalize_one(found.key)
    if email is None:
        return
    found.looked.append("e-mail")
    _by_point(db, workspace_id, found, "email", email)
    _loose(db, workspace_id, found, "person_email", [email, found.key])


def _phone(db: Database, workspace_id: int, found: Lookup) -> None:
    phone = phones.normalize_one(found.key)
    if phone is None:
        return
    found.looked.append("phone")
    _by_point(db, workspace_id, found, "phone", phone)
    _by_point(db, workspace_id, found, "phone", phones.plain(phone) or phone)
    _loose(db, workspace_id, found, "person_phone", [phone, found.key])


def _domain(db: Database, workspace_id: int, found: Lookup) -> None:
    domain = None if "@" in found.key else domains.from_website(found.key)
    if domain is None:
        return
    found.looked.append("domain")
    _by_point(db, workspace_id, found, "domain", domain)


def _by_point(db: Database, workspace_id: int, found: Lookup, kind: str, value: str) -> None:
    rows = db.read(
        "SELECT table_name, record_id FROM contact_point WHERE workspace_id = :w AND kind = :k AND value = :v"
        " ORDER BY table_name DESC, record_id LIMIT :n",
        w=workspace_id, k=kind, v=value, n=MOST + 1,
    )  # fmt: skip
    for table, record_id in rows.iter_rows():
        found.add(table, [int(record_id)], {"email": "e-mail"}.get(kind, kind))


def _loose(db: Database, workspace_id: int, found: Lookup, column: str, values: list[str]) -> None:
    """Activities that name the address or number and belong to nobody yet."""
    rows = db.read(
        f"SELECT id FROM activity WHERE workspace_id = :w AND person_record_id IS NULL AND {column} IN (:a, :b)"  # noqa: S608
        " ORDER BY id DESC LIMIT :n",
        w=workspace_id, a=values[0], b=values[1], n=MOST + 1,
    )  # fmt: skip
    found.add("activity", [int(i) for i in rows["id"]], "its person's " + column.removeprefix("person_"))
