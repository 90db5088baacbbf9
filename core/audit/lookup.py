"""Finds the records that a key means: an org Id, a record number, an external id, an e-mail, a phone or a domain."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from core.store.database import Database
from core.values import domains, emails, ids, phones

MOST = 20
"""A key that means more records than this is too wide to tell each one's story; the first ones are told."""

_BY_KEY = (
    "SELECT table_name, id FROM (SELECT 'account' AS table_name, id, source FROM account WHERE workspace_id = :w"
    " AND external_id IN (:e, :low) UNION ALL SELECT 'person', id, source FROM person WHERE workspace_id = :w"
    " AND external_id IN (:e, :low) UNION ALL SELECT 'activity', id, source FROM activity WHERE workspace_id = :w"
    " AND external_id IN (:e, :low)) keyed WHERE CAST(:s AS TEXT) IS NULL OR source = :s ORDER BY id LIMIT :n"
)
_BY_NUMBER = (
    "SELECT 'account' AS table_name, id FROM account WHERE workspace_id = :w AND id = :i UNION ALL"
    " SELECT 'person', id FROM person WHERE workspace_id = :w AND id = :i UNION ALL"
    " SELECT 'activity', id FROM activity WHERE workspace_id = :w AND id = :i"
)
_LOOSE = (
    "SELECT id FROM activity WHERE workspace_id = :w AND person_record_id IS NULL"
    " AND (person_email IN (:email, :as_typed) OR person_phone IN (:phone, :as_typed)) ORDER BY id DESC LIMIT :n"
)


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
    source = parts[-2] if len(parts) > 1 else None
    rows = db.read(_BY_KEY, w=workspace_id, e=parts[-1], low=parts[-1].lower(), s=source, n=MOST + 1)
    for table, record_id in rows.iter_rows():
        found.add(table, [int(record_id)], "external id")


def _number(db: Database, workspace_id: int, found: Lookup) -> None:
    if not found.key.isdigit() or len(found.key) > 12:
        return
    found.looked.append("record number")
    for table, record_id in db.read(_BY_NUMBER, w=workspace_id, i=int(found.key)).iter_rows():
        found.add(table, [int(record_id)], "record number")


def _email(db: Database, workspace_id: int, found: Lookup) -> None:
    email = emails.normalize_one(found.key)
    if email is None:
        return
    found.looked.append("e-mail")
    _by_point(db, workspace_id, found, "email", email)
    _loose(db, workspace_id, found, "its person's e-mail", email=email)


def _phone(db: Database, workspace_id: int, found: Lookup) -> None:
    phone = phones.normalize_one(found.key)
    if phone is None:
        return
    found.looked.append("phone")
    _by_point(db, workspace_id, found, "phone", phone)
    _by_point(db, workspace_id, found, "phone", phones.plain(phone) or phone)
    _loose(db, workspace_id, found, "its person's phone", phone=phone)


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


def _loose(db: Database, workspace_id: int, found: Lookup, told: str, **values: str) -> None:
    """Activities that name the address or number and belong to nobody yet."""
    wanted = {"email": None, "phone": None, "as_typed": found.key, **values}
    rows = db.read(_LOOSE, wanted, w=workspace_id, n=MOST + 1)
    found.add("activity", [int(i) for i in rows["id"]], told)
