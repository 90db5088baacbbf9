"""Keeps person accounts and their hidden contacts the same, and refuses what only one of the two kinds may hold.

They are there once the schema ``person_accounts`` is: it brings Account.IsPersonAccount and a person record type.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from local_org.org import record_types
from local_org.org.model import OrgFault, SObject
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.row import Row
    from local_org.org.saving import Saver

_SAME = ("FirstName", "LastName", "Salutation", "Name", "Phone", "Fax", "OwnerId")
_REFUSED = "INVALID_PERSON_ACCOUNT_OPERATION"


def switched_on(sobject: SObject) -> bool:
    """Whether the org has person accounts."""
    return sobject.field("IsPersonAccount") is not None


def _shared(saver: Saver, contact: SObject) -> dict[str, str]:
    """Fields of the account to the contact's fields that hold the same: ``PersonEmail`` to ``Email``."""
    held: dict[str, str] | None = saver.memory.get("person fields")
    if held is None:
        held = saver.memory["person fields"] = _pairs(saver.sobject, contact)
    return held


def _pairs(account: SObject, contact: SObject) -> dict[str, str]:
    made = {name: name for name in _SAME}
    for f in account.fields:
        bare = f.name.removesuffix("__pc") + "__c" if f.name.endswith("__pc") else f.name.removeprefix("Person")
        if bare != f.name and f.stored and contact.field(bare) is not None:
            made[f.name] = bare
    return made


def account(saver: Saver, row: Row) -> None:
    """A person account is named by its parts and gets a contact; a business account has no person's fields."""
    if not switched_on(saver.sobject):
        return
    kind = record_types.found(saver.sobject, row.get(record_types.FIELD))
    person = kind is not None and kind.person
    if row.created:
        row.values["IsPersonAccount"] = int(person)
    elif bool(row.get("IsPersonAccount")) != person:
        row.fail(_REFUSED, "an account cannot become a person account, or stop being one, through the API")
        return
    if person:
        _person(saver, row)
    else:
        _business(saver, row)


def _person(saver: Saver, row: Row) -> None:
    if any(key.lower() == "name" and value for key, value in row.record.items()):
        row.fail(_REFUSED, "person accounts are named by FirstName and LastName, not by Name", ["Name"])
        return
    if row.get("LastName") is None:
        row.fail("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"])
        return
    row.values["Name"] = " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part)
    contact = saver.schema.get("Contact")
    if row.created and contact is not None:
        row.values["PersonContactId"] = saver.org.new_ids(contact, 1)[0]


def _business(saver: Saver, row: Row) -> None:
    contact = saver.schema.get("Contact")
    own = {"Name", "Phone", "Fax", "OwnerId"}
    names = [name for name in _shared(saver, contact) if name not in own] if contact else []
    given = {key.lower() for key, value in row.record.items() if value not in (None, "", False)}
    wrong = [name for name in names if name.lower() in given]
    if wrong:
        message = f"Account: bad field names on insert/update call: {', '.join(wrong)}"
        row.fail("INVALID_FIELD_FOR_INSERT_UPDATE", message, wrong)
    elif row.get("Name") is None:
        row.fail("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ["Name"])


def contact(saver: Saver, row: Row) -> None:
    """The contact of a person account changes with its account only."""
    if row.old is not None and row.old.get("IsPersonAccount"):
        row.fail(_REFUSED, "the contact of a person account cannot be changed: change the account")


def follow(saver: Saver, rows: list[Row]) -> None:
    """Write what was saved in person accounts to their contacts."""
    target = saver.schema.get("Contact")
    if saver.sobject.name != "Account" or target is None or not switched_on(saver.sobject):
        return
    for row in rows:
        if not row.get("IsPersonAccount"):
            continue
        pairs = _shared(saver, target)
        if row.created:
            values = {theirs: row.get(ours) for ours, theirs in pairs.items()}
            fixed = {"Id": row.get("PersonContactId"), "AccountId": row.id, "IsPersonAccount": True}
            user = saver.access.user_id
            audit = {"CreatedById": user, "LastModifiedById": user}
            saver.org.insert_raw("Contact", {**values, **fixed, **audit})
        else:
            _update(saver, row, {theirs: row.values[ours] for ours, theirs in pairs.items() if ours in row.values})


def _update(saver: Saver, row: Row, changed: dict[str, Any]) -> None:
    stamp = row.values["SystemModstamp"]
    values = {**changed, "LastModifiedDate": stamp, "LastModifiedById": saver.access.user_id, "SystemModstamp": stamp}
    assigned = ", ".join(f"{quoted(name)} = ?" for name in values)
    sql = f'UPDATE "Contact" SET {assigned} WHERE "Id" = ?'
    saver.conn.execute(sql, (*values.values(), row.get("PersonContactId")))


def holds_back(conn: sqlite3.Connection, sobject: SObject, record_id: str) -> OrgFault | None:
    """Why a contact may not be deleted by itself: it is the hidden half of a person account."""
    if sobject.name != "Contact" or not switched_on(sobject):
        return None
    found = conn.execute('SELECT "IsPersonAccount" FROM "Contact" WHERE "Id" = ?', (record_id,)).fetchone()
    if not found or not found[0]:
        return None
    return OrgFault(_REFUSED, "the contact of a person account cannot be deleted: delete the account", fields=[])
