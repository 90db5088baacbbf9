"""Merges duplicates into a master and converts leads, moving everything that hangs on them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from local_org.org import activities, statuses
from local_org.org.ids import to18
from local_org.org.model import OrgFault, Schema, SObject
from local_org.org.relations import rebuild
from local_org.org.saving import Saver
from local_org.org.store import columns, quoted

if TYPE_CHECKING:
    from local_org.org.session import Session

MOST_LOSERS = 2
_HISTORY = ("MasterRecordId",)
_RELATIONS = ("TaskRelation", "EventRelation")


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a merge did."""

    id: str
    merged_record_ids: list[str]
    updated_related_ids: list[str]


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """What a conversion made of a lead."""

    lead_id: str
    account_id: str
    contact_id: str
    opportunity_id: str | None


def merge(
    session: Session, name: str, master_id: str, loser_ids: Iterable[str], values: Mapping[str, Any] | None = None
) -> MergeResult:
    """Merge up to two records into a master of the same object, in one transaction.

    The losers go to the recycle bin with MasterRecordId set; everything that named them names the master.

    Args:
        session: Who merges.
        name: Account, Contact, Lead or Case.
        master_id: The record that stays.
        loser_ids: The records that go.
        values: Fields of losers that win, written to the master.

    Raises:
        OrgFault: When the object does not merge, a record is missing or deleted, or the values are refused.
    """
    sobject = session.sobject(name)
    losers = [to18(each) for each in loser_ids]
    master = to18(master_id)
    if not sobject.mergeable:
        raise OrgFault("INVALID_OPERATION", f"merge is not supported for {sobject.name}")
    if not losers or len(losers) > MOST_LOSERS or master in losers:
        raise OrgFault("INVALID_ARGUMENT", "merge takes a master and one or two other records")
    if not (session.access.may(sobject, "u") and session.access.may(sobject, "d")):
        raise OrgFault("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
    with session.org.purging() as conn:
        _must_be_live(conn, sobject, [master, *losers])
        mover = _Mover(session, conn)
        for loser in losers:
            mover.repoint(sobject, loser, master)
        mover.bury(sobject, losers, master)
        saver = Saver(session.org, session.access, sobject, conn)
        _one(saver, "update", {"Id": master, **(values or {})})
        mover.settle({master})
    return MergeResult(master, losers, sorted(mover.moved))


def _must_be_live(conn: sqlite3.Connection, sobject: SObject, ids: list[str]) -> None:
    for record_id in ids:
        row = conn.execute(f'SELECT "IsDeleted" FROM {quoted(sobject.name)} WHERE "Id" = ?', (record_id,)).fetchone()
        if row is None:
            raise OrgFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
        if row[0]:
            raise OrgFault("ENTITY_IS_DELETED", "entity is deleted", fields=[])


def _one(saver: Saver, op: str, record: Mapping[str, Any]) -> str:
    """Save one record or raise its first error."""
    result = saver.save(op, [record])[0]
    if not result.success:
        raise result.errors[0]
    return str(result.id)


class _Mover:
    """Moves references from one record to another within a transaction."""

    def __init__(self, session: Session, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.schema = session.org.schema
        self.stamp = session.org.stamp
        self.user = session.access.user_id
        self.moved: set[str] = set()
        self._activities: dict[str, list[str]] = {}

    def repoint(self, sobject: SObject, old: str, new: str) -> None:
        """Make every live row that names the old record name the new one."""
        for child in self.schema.objects:
            if child.name in _RELATIONS:
                continue
            for f in child.fields:
                if sobject.name in f.reference_to and f.name not in _HISTORY:
                    self._repoint(child, f.name, old, new)
                    self._untie(sobject, child, f.name, new)
        self.repoint_people(old, new)

    def _untie(self, sobject: SObject, child: SObject, column: str, record_id: str) -> None:
        """A master that named its own loser must not end up naming itself."""
        if child is sobject:
            table, name = quoted(child.name), quoted(column)
            self.conn.execute(f'UPDATE {table} SET {name} = NULL WHERE "Id" = ? AND {name} = "Id"', (record_id,))

    def _repoint(self, child: SObject, column: str, old: str, new: str) -> None:
        live = ' AND "IsDeleted" = 0' if child.field("IsDeleted") else ""
        table = quoted(child.name)
        sql = f'SELECT "Id" FROM {table} WHERE {quoted(column)} = ?{live}'
        ids = [row[0] for row in self.conn.execute(sql, (old,))]
        if not ids:
            return
        self.moved.update(ids)
        if child.name in activities.ACTIVITY:
            self._activities.setdefault(child.name, []).extend(ids)
        modified = ""
        stamps: tuple[Any, ...] = ()
        if child.field("LastModifiedDate"):
            modified = ', "LastModifiedDate" = max("LastModifiedDate", ?), "LastModifiedById" = ?'
            stamps = (self.stamp, self.user)
        self.conn.execute(
            f'UPDATE {table} SET {quoted(column)} = ?{modified}, "SystemModstamp" = max("SystemModstamp", ?) '
            'WHERE "Id" IN (SELECT value FROM json_each(?))',
            (new, *stamps, self.stamp, json.dumps(ids)),
        )

    def repoint_people(self, old: str, new: str) -> None:
        """Make activities that are about the old person, and events that invite it, name the new one."""
        for kind in activities.ACTIVITY:
            table, where = quoted(f"{kind}Relation"), 'WHERE "RelationId" = ? AND "IsDeleted" = 0'
            if self.schema.get(f"{kind}Relation") is None:
                continue
            ids = [row[0] for row in self.conn.execute(f"SELECT {quoted(kind + 'Id')} FROM {table} {where}", (old,))]
            self.touch_activity(kind, ids)
            self.conn.execute(
                f'UPDATE {table} SET "RelationId" = ?, "SystemModstamp" = max("SystemModstamp", ?) {where}',
                (new, self.stamp, old),
            )

    def bury(self, sobject: SObject, losers: list[str], master: str) -> None:
        """Send losers to the bin, pointing at their master."""
        self.conn.executemany(
            f'UPDATE {quoted(sobject.name)} SET "IsDeleted" = 1, "MasterRecordId" = ?, "LastModifiedDate" = ?, '
            '"LastModifiedById" = ?, "SystemModstamp" = ? WHERE "Id" = ?',
            [(master, self.stamp, self.user, self.stamp, loser) for loser in losers],
        )

    def touch_activity(self, kind: str, ids: list[str]) -> None:
        """Note activities whose relations must be made anew."""
        self._activities.setdefault(kind, []).extend(ids)

    def settle(self, parents: set[str]) -> None:
        """Make relations and LastActivityDate fit the moved activities."""
        for kind, ids in self._activities.items():
            rebuild(self.conn, self.schema, kind, ids, self.stamp)
        activities.refresh_last_activity(self.conn, self.schema, parents, self.stamp)


def convert_lead(
    session: Session,
    lead_id: str,
    *,
    converted_status: str = "Closed - Converted",
    account_id: str | None = None,
    contact_id: str | None = None,
    opportunity: bool = True,
    opportunity_name: str | None = None,
    owner_id: str | None = None,
) -> ConvertResult:
    """Convert a lead into an account, a contact and (unless switched off) an opportunity, in one transaction.

    Activities move to the contact (WhoId) and the opportunity or else the account (WhatId); the lead stays, read-only.

    Raises:
        OrgFault: When the lead is missing, deleted or converted already, or a new record is refused.
    """
    lead_object = session.sobject("Lead")
    lead_id = to18(lead_id)
    with session.org.purging() as conn:
        _must_be_live(conn, lead_object, [lead_id])
        lead = _whole_row(conn, lead_object, lead_id)
        if lead["IsConverted"]:
            raise OrgFault("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=[])
        _must_be_status(conn, session.org.schema, converted_status)
        make = _Maker(session, conn, lead, owner_id or lead["OwnerId"])
        account = to18(account_id) if account_id else make.account()
        contact = to18(contact_id) if contact_id else make.contact(account)
        deal = make.opportunity(account, contact, opportunity_name) if opportunity else None
        _move_activities(session, conn, lead_id, contact, deal or account)
        _close_lead(session, conn, lead_id, converted_status, (account, contact, deal))
    return ConvertResult(lead_id, account, contact, deal)


def _must_be_status(conn: sqlite3.Connection, schema: Schema, status: str) -> None:
    if status not in statuses.converted_lead_statuses(conn, schema):
        raise OrgFault("INVALID_STATUS", f"invalid convertedStatus: {status}", fields=[])


def _whole_row(conn: sqlite3.Connection, sobject: SObject, record_id: str) -> dict[str, Any]:
    names = columns(sobject)
    listed = ", ".join(map(quoted, names))
    row = conn.execute(f'SELECT {listed} FROM {quoted(sobject.name)} WHERE "Id" = ?', (record_id,)).fetchone()
    return dict(zip(names, row, strict=True))


class _Maker:
    """Makes the records of a conversion out of the lead's fields."""

    def __init__(self, session: Session, conn: sqlite3.Connection, lead: Mapping[str, Any], owner: str) -> None:
        self._session = session
        self._conn = conn
        self._lead = lead
        # A conversion copies every field, also those that the user who converts may not see.
        self._access = replace(session.access, modify_all=True, fields={})
        # A queue may own a lead, but not what becomes of it.
        self._owner = owner if owner.startswith("005") else session.access.user_id

    def _create(self, name: str, values: Mapping[str, Any]) -> str:
        sobject = self._session.sobject(name)
        saver = Saver(self._session.org, self._access, sobject, self._conn)
        given = {key: value for key, value in values.items() if value is not None and key.lower() in saver.plan.slots}
        return _one(saver, "create", given)

    def _address(self, prefix: str) -> dict[str, Any]:
        return {prefix + part: self._lead.get(part) for part in ("Street", "City", "State", "PostalCode", "Country")}

    def account(self) -> str:
        """The account, named like the lead's company."""
        lead = self._lead
        same = ("Phone", "Fax", "Website", "Industry", "Rating", "AnnualRevenue", "NumberOfEmployees")
        values = {name: lead.get(name) for name in same} | self._address("Billing")
        source = {"AccountSource": lead.get("LeadSource"), "OwnerId": self._owner}
        return self._create("Account", {"Name": lead["Company"], **values, **source})

    def contact(self, account: str) -> str:
        """The contact, with the lead's consent carried over."""
        same = (
            *("Salutation", "FirstName", "LastName", "Title", "Phone", "MobilePhone", "Fax", "Email", "LeadSource"),
            *("Description", "HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"),
        )
        values = {name: self._lead.get(name) for name in same} | self._address("Mailing")
        return self._create("Contact", {**values, "AccountId": account, "OwnerId": self._owner})

    def opportunity(self, account: str, contact: str, name: str | None) -> str:
        """The opportunity, closing at the end of the quarter, with the contact in a primary role."""
        day = activities.local_day(self._session.org.stamp, self._session.access.time_zone)
        year, month = int(day[:4]), (int(day[5:7]) - 1) // 3 * 3 + 3
        close = f"{year}-{month:02d}-{31 if month in (3, 12) else 30}"
        stage = self._session.sobject("Opportunity").field("StageName")
        deal = self._create(
            "Opportunity",
            {
                "Name": name or f"{self._lead['Company']}-",
                "AccountId": account,
                "StageName": next(v.value for v in (stage.picklist if stage else ()) if v.active),
                "CloseDate": close,
                "LeadSource": self._lead.get("LeadSource"),
                "OwnerId": self._owner,
            },
        )
        self._create("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True})
        return deal


def _move_activities(session: Session, conn: sqlite3.Connection, lead: str, contact: str, related: str) -> None:
    mover = _Mover(session, conn)
    account = conn.execute('SELECT "AccountId" FROM "Contact" WHERE "Id" = ?', (contact,)).fetchone()[0]
    for kind in activities.ACTIVITY:
        ids = [row[0] for row in conn.execute(f'SELECT "Id" FROM {quoted(kind)} WHERE "WhoId" = ?', (lead,))]
        conn.execute(
            f'UPDATE {quoted(kind)} SET "WhoId" = ?, "WhatId" = ?, "AccountId" = ?, "WhatCount" = 1, '
            '"LastModifiedDate" = max("LastModifiedDate", ?), "LastModifiedById" = ?, '
            '"SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" IN (SELECT value FROM json_each(?))',
            (contact, related, account, mover.stamp, mover.user, mover.stamp, json.dumps(ids)),
        )
        mover.touch_activity(kind, ids)
    mover.repoint_people(lead, contact)
    conn.execute(
        'UPDATE "CampaignMember" SET "ContactId" = ?, "LeadOrContactId" = ?, "SystemModstamp" = ? WHERE "LeadId" = ?',
        (contact, contact, mover.stamp, lead),
    )
    mover.settle({contact, related, *([account] if account else [])})


def _close_lead(
    session: Session, conn: sqlite3.Connection, lead: str, status: str, made: tuple[str, str, str | None]
) -> None:
    stamp = session.org.stamp
    day = activities.local_day(stamp, session.access.time_zone)
    conn.execute(
        'UPDATE "Lead" SET "IsConverted" = 1, "ConvertedDate" = ?, "Status" = ?, "ConvertedAccountId" = ?, '
        '"ConvertedContactId" = ?, "ConvertedOpportunityId" = ?, "IsUnreadByOwner" = 0, "LastModifiedDate" = ?, '
        '"LastModifiedById" = ?, "SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ?',
        (day, status, *made, stamp, session.access.user_id, stamp, lead),
    )
