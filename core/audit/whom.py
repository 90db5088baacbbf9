"""Finds the person and the account that an activity belongs to, and on what evidence: chosen, sent, or matched now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from core.identity.match import match_people
from core.store.database import Database
from core.values import domains, emails, ids, phones

_POINTS = (
    "SELECT kind, value, record_id FROM contact_point WHERE workspace_id = :w AND table_name = 'person'"
    " AND ((kind = 'email' AND value = :email) OR (kind = 'phone' AND value IN (:phone, :phone_plain)))"
)
_PEOPLE = (
    "SELECT p.id AS record_id, p.external_id, p.account_record_id, l.org_id FROM person p LEFT JOIN link l"
    " ON l.workspace_id = p.workspace_id AND l.table_name = 'person' AND l.record_id = p.id AND l.state = 'active'"
    " WHERE p.workspace_id = :w AND p.deleted_at IS NULL AND (p.external_id = :low OR l.org_id = :ref OR p.id IN ("
    "SELECT record_id FROM contact_point WHERE workspace_id = :w AND table_name = 'person'"
    " AND ((kind = 'email' AND value = :email) OR (kind = 'phone' AND value IN (:phone, :phone_plain)))))"
)
_RULE_WORDS = {
    "id": "the org Id {ref}",
    "external_id": "the external id {ref}",
    "email": "the e-mail {email}",
    "phone": "the phone {phone}",
    "phone_plain": "the phone {phone_plain}, its extension left out",
}


def of_activity(db: Database, workspace_id: int, row: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, Any]:
    """Whom an activity belongs to.

    Args:
        db: the store.
        workspace_id: whose.
        row: the activity's row.
        baseline: what both sides last agreed on, of its active link; empty where it has none.

    Returns:
        ``record_id`` (or ``None``), ``status`` (unique, ambiguous, none, no_reference), ``rule`` (``decided``, ``sent``
        or a rule of `core.identity.match`), ``evidence`` (in words), ``candidates`` (record ids).
    """
    if row.get("person_record_id"):
        return _found(int(row["person_record_id"]), "decided", "it is set on the record itself")
    sent = baseline.get("WhoId")
    if sent:
        person = db.one(
            "SELECT record_id FROM link WHERE workspace_id = :w AND table_name = 'person' AND org_id = :o"
            " ORDER BY CASE state WHEN 'active' THEN 0 ELSE 1 END, id DESC",
            w=workspace_id, o=sent,
        )  # fmt: skip
        if person is not None:
            return _found(int(person), "sent", f"it is on {sent} in the org", _matched(db, workspace_id, row))
    return _matched(db, workspace_id, row)


def _found(record_id: int, rule: str, words: str, matched: Mapping[str, Any] | None = None) -> dict[str, Any]:
    if matched and matched["record_id"] == record_id:
        return {**matched}
    return {"record_id": record_id, "status": "unique", "rule": rule, "evidence": words, "candidates": [record_id]}


def _matched(db: Database, workspace_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    given = references(row)
    points = db.read(_POINTS, {"w": workspace_id, **given})
    people = db.read(_PEOPLE, {"w": workspace_id, "low": (given["ref"] or "").lower(), **given})
    refs = pl.DataFrame(
        [{"local_id": 1, "account_record_id": row.get("account_record_id"), **given}],
        schema={"local_id": pl.Int64, "account_record_id": pl.Int64, **dict.fromkeys(given, pl.String)},
    )
    found = match_people(
        refs,
        people.with_columns(pl.col("record_id", "account_record_id").cast(pl.Int64)),
        points.with_columns(pl.col("record_id").cast(pl.Int64)),
        pl.DataFrame(schema={"local_id": pl.Int64, "record_id": pl.Int64}),
    ).row(0, named=True)
    rule = found["rule"] or ""
    return {
        "record_id": found["person_record_id"],
        "status": found["status"],
        "rule": rule,
        "evidence": _RULE_WORDS[rule].format(**given) if rule in _RULE_WORDS else _nothing(given),
        "candidates": [c["record_id"] for c in found["candidates"]],
    }


def _nothing(given: Mapping[str, str | None]) -> str:
    said = [v for k, v in given.items() if v and k != "phone_plain"]
    return f"nobody has {' or '.join(said)}" if said else "it names nobody"


def references(row: Mapping[str, Any]) -> dict[str, str | None]:
    """What an activity says about its person, normalized: ``ref``, ``email``, ``phone``, ``phone_plain``."""
    ref = (row.get("person_ref") or "").strip()
    phone = phones.normalize_one(row.get("person_phone") or "")
    return {
        "ref": (ids.normalize_ids(pl.Series([ref])).item() or ref) if ref else None,
        "email": emails.normalize_one(row.get("person_email") or ""),
        "phone": phone,
        "phone_plain": phones.plain(phone) if phone else None,
    }


def account_of(db: Database, workspace_id: int, row: Mapping[str, Any], person: Mapping[str, Any] | None) -> int | None:
    """The account of an activity or person: its own, the one of its domain where that is one only, its person's."""
    if row.get("account_record_id"):
        return int(row["account_record_id"])
    domain = domains.from_website(row.get("account_domain") or "")
    if domain:
        found = db.read(
            "SELECT DISTINCT record_id FROM contact_point WHERE workspace_id = :w AND table_name = 'account'"
            " AND kind = 'domain' AND value = :d",
            w=workspace_id, d=domain,
        )  # fmt: skip
        if found.height == 1:
            return int(found.item())
    home = (person or {}).get("account_record_id")
    return int(home) if home else None
