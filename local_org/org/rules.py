"""Applies the platform's own rules per object around the org-defined ones, before and after a row is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from local_org.org import activities, content, person_accounts, relations, rollups, sharing, statuses, validation
from local_org.org.catalog.shares import is_share, share_name
from local_org.org.model import SObject
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.engine import Org
    from local_org.org.row import Row
    from local_org.org.saving import Saver

Before = Callable[["Saver", "Row"], None]


class ObjectRules:
    """The rules of one object during one save."""

    def __init__(self, org: Org, sobject: SObject) -> None:
        """Collect what applies."""
        self._before = _share if is_share(sobject) else _BEFORE.get(sobject.name)
        self._book = validation.rulebook(org).of(sobject.name)
        self._links = activities.Links() if sobject.name in activities.ACTIVITY else None

    def before(self, saver: Saver, row: Row) -> None:
        """Derive and refuse what the platform itself derives and refuses."""
        validation.automate(self._book, row)
        if self._before is not None:
            self._before(saver, row)

    def validate(self, saver: Saver, row: Row) -> None:
        """Apply validation rules, then duplicate rules."""
        validation.validate(saver, self._book, row)
        if not row.errors:
            for rule in self._book.duplicates:
                _refuse_duplicates(saver, row, rule)

    def after(self, saver: Saver, rows: list[Row]) -> None:
        """Follow up on the rows of a batch that have been written."""
        if self._links is not None:
            self._links.note(saver, rows)
        if saver.sobject.name == "EventRelation":
            _mark_group_events(saver, rows)
        for kind in activities.ACTIVITY:
            if saver.sobject.name == f"{kind}Relation":
                ids = [str(row.get(f"{kind}Id")) for row in rows]
                relations.recount(saver.conn, saver.schema, kind, ids, saver.stamp)
        person_accounts.follow(saver, rows)
        if saver.sobject.name == "ContentVersion":
            content.keep_versions(saver, rows)
        if saver.sobject.name == "UserRole":
            _add_role_groups(saver, rows)
        _drop_shares(saver, rows)
        if saver.sobject.name == "CampaignMember":
            rollups.count_members(saver.conn, [str(row.id) for row in rows], saver.stamp)

    def finish(self, saver: Saver) -> None:
        """Follow up once at the end of the call."""
        if self._links is not None:
            self._links.settle(saver.conn, saver.schema, saver.stamp)


def for_object(org: Org, sobject: SObject) -> ObjectRules:
    """The rules for a save on this object."""
    return ObjectRules(org, sobject)


def _refuse_duplicates(saver: Saver, row: Row, rule: validation.DuplicateRule) -> None:
    values = [row.get(name) for name in rule.fields]
    if None in values or not row.changes(*rule.fields):
        return
    allowed = "allowsave=true" in saver.headers.get("sforce-duplicate-rule-header", "").replace(" ", "").lower()
    if allowed and rule.allow_save:
        return
    where = " AND ".join(f"{quoted(name)} = ?" for name in rule.fields)
    sql = f'SELECT "Id" FROM {quoted(rule.object)} WHERE {where} AND "IsDeleted" = 0 AND "Id" IS NOT ? ORDER BY 1'
    matches = [found for (found,) in saver.conn.execute(sql, (*values, row.id))]
    if matches:
        row.errors.append(validation.DuplicatesFault(rule, matches))


def _person(saver: Saver, row: Row) -> None:
    """The full name is made of its parts."""
    if row.changes("FirstName", "LastName"):
        row.values["Name"] = " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part)


def _contact(saver: Saver, row: Row) -> None:
    person_accounts.contact(saver, row)
    _person(saver, row)


def _lead(saver: Saver, row: Row) -> None:
    if row.old and row.old.get("IsConverted"):
        row.fail("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        return
    _person(saver, row)


def _opportunity(saver: Saver, row: Row) -> None:
    stage = statuses.stage(saver.conn, saver.schema, row.get("StageName")) if row.changes("StageName") else None
    if stage is not None:
        row.values["IsClosed"], row.values["IsWon"] = int(stage.closed), int(stage.won)
        if row.values.get("Probability") is None:
            row.values["Probability"] = stage.probability
        row.values["ForecastCategory"] = stage.forecast
        row.values.setdefault("ForecastCategoryName", stage.forecast)
    if row.changes("StageName"):
        row.values["LastStageChangeDate"] = saver.stamp
        if row.get("ForecastCategory") is None:
            row.values["ForecastCategory"] = "Pipeline"
    if row.changes("Amount", "Probability", "StageName"):
        amount, chance = row.get("Amount"), row.get("Probability") or 0
        row.values["ExpectedRevenue"] = None if amount is None else round(amount * chance / 100, 2)
    if row.changes("CloseDate") and row.get("CloseDate"):
        day = date.fromisoformat(row.get("CloseDate"))
        row.values["FiscalYear"], row.values["FiscalQuarter"] = day.year, (day.month - 1) // 3 + 1
        row.values["Fiscal"] = f"{day.year} {row.values['FiscalQuarter']}"


def _case(saver: Saver, row: Row) -> None:
    if row.created:
        row.values["CaseNumber"] = f"{_next_number(saver, 'Case.CaseNumber', 1000):08d}"
    if row.changes("Status"):
        closed = row.get("Status") == "Closed"
        row.values["IsClosed"] = int(closed)
        row.values["ClosedDate"] = saver.stamp if closed else None


def _next_number(saver: Saver, key: str, first: int) -> int:
    found = saver.conn.execute("SELECT next FROM _sequence WHERE object = ?", (key,)).fetchone()
    number = int(found[0]) if found else first
    saver.conn.execute("INSERT OR REPLACE INTO _sequence VALUES (?, ?)", (key, number + 1))
    return number


def _campaign(saver: Saver, row: Row) -> None:
    if row.created:
        row.values |= {"NumberOfLeads": 0, "NumberOfContacts": 0, "NumberOfResponses": 0}


def _named(saver: Saver, row: Row) -> None:
    """Roles and queues are named for developers after their name."""
    if row.created and row.values.get("DeveloperName") is None and row.get("Name"):
        row.values["DeveloperName"] = re.sub(r"\W+", "_", row.get("Name")).strip("_")


def _member(saver: Saver, row: Row) -> None:
    person = row.get("ContactId") or row.get("LeadId")
    if person is None:
        row.fail("REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId, ContactId]", ["LeadId", "ContactId"])
        return
    row.values["LeadOrContactId"] = person
    kind = "Contact" if row.get("ContactId") else "Lead"
    found = saver.conn.execute(f'SELECT "Name" FROM {quoted(kind)} WHERE "Id" = ?', (person,)).fetchone()
    row.values["Name"] = found[0] if found else None
    if row.created:
        other = saver.conn.execute(
            'SELECT "Id" FROM "CampaignMember" WHERE "LeadOrContactId" = ? AND "CampaignId" = ? AND "IsDeleted" = 0',
            (person, row.get("CampaignId")),
        ).fetchone()
        if other:
            row.fail("DUPLICATE_VALUE", "Already a campaign member.")
    if row.changes("Status"):
        responded = row.get("Status") == "Responded"
        row.values["HasResponded"] = int(responded)
        if responded and not (row.old or {}).get("FirstRespondedDate"):
            row.values["FirstRespondedDate"] = activities.local_day(saver.stamp, saver.access.time_zone)


def _role(saver: Saver, row: Row) -> None:
    """One primary contact per opportunity: a new one takes the place of the old."""
    if row.get("IsPrimary") and row.changes("IsPrimary"):
        saver.conn.execute(
            'UPDATE "OpportunityContactRole" SET "IsPrimary" = 0, "LastModifiedDate" = ?, "SystemModstamp" = ? '
            'WHERE "OpportunityId" = ? AND "IsPrimary" = 1 AND "Id" IS NOT ?',
            (saver.stamp, saver.stamp, row.get("OpportunityId"), row.id),
        )


def _relation(saver: Saver, row: Row) -> None:
    """A further person on an activity; on an event, one that is not the parent is an invitee."""
    if not row.created:
        return
    known = saver.known.get(row.get("RelationId"))
    row.values["AccountId"] = activities.account_of(saver, row.get("RelationId"), None)
    row.values["IsWhat"] = int(known is not None and known.sobject not in ("Contact", "Lead", "User"))
    if saver.sobject.name == "EventRelation" and not row.get("IsParent"):
        row.values["IsInvitee"] = 1


def _share(saver: Saver, row: Row) -> None:
    """Whoever may do everything with a record may share it; others may not."""
    link = saver.sobject.fields[1]
    target = saver.schema.get(link.reference_to[0])
    record = str(row.get(link.name) or "")
    allowed = sharing.allowed(saver.conn, saver.schema, saver.access, target, [record], "All") if target else set()
    if allowed is not None and record not in allowed:
        row.fail("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)


def _drop_shares(saver: Saver, rows: list[Row]) -> None:
    """A record with a new owner loses what the old one shared by hand."""
    share = saver.schema.get(share_name(saver.sobject))
    if share is None or saver.sobject.field("OwnerId") is None:
        return
    moved = [str(row.id) for row in rows if not row.created and row.changes("OwnerId")]
    saver.conn.execute(
        f'UPDATE {quoted(share.name)} SET "IsDeleted" = 1, "SystemModstamp" = ? WHERE "RowCause" = \'Manual\' '
        f"AND {quoted(share.fields[1].name)} IN (SELECT value FROM json_each(?))",
        (saver.stamp, json.dumps(moved)),
    )


def _add_role_groups(saver: Saver, rows: list[Row]) -> None:
    """Each role comes with two groups that records can be shared with: its users, and those of the roles below."""
    for row in rows:
        for kind in ("Role", "RoleAndSubordinates") if row.created else ():
            group = {"Name": row.get("Name")[:40], "Type": kind, "RelatedId": row.id, "DeveloperName": None}
            saver.org.insert_raw("Group", group)


def _mark_group_events(saver: Saver, rows: list[Row]) -> None:
    saver.conn.executemany(
        'UPDATE "Event" SET "IsGroupEvent" = 1, "GroupEventType" = \'1\', '
        '"SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" = ? AND "IsGroupEvent" = 0',
        [(saver.stamp, row.get("EventId")) for row in rows if row.get("IsInvitee")],
    )


def _user(saver: Saver, row: Row) -> None:
    _person(saver, row)
    if row.changes("Username"):
        taken = saver.conn.execute(
            'SELECT 1 FROM "User" WHERE "Username" = ? AND "Id" IS NOT ?', (row.get("Username"), row.id)
        ).fetchone()
        if taken:
            row.fail("DUPLICATE_USERNAME", "Duplicate Username.", ["Username"])
    if row.created:
        row.values["UserType"] = "Standard"
        row.values.setdefault("TimeZoneSidKey", saver.access.time_zone)
        if row.values.get("CommunityNickname") is None:
            row.values["CommunityNickname"] = str(row.get("Username") or "").partition("@")[0][:40]
        for name, value in _USER_DEFAULTS.items():
            if row.values.get(name) is None:
                row.values[name] = value


_USER_DEFAULTS: dict[str, Any] = {"LocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "EmailEncodingKey": "UTF-8"}

_BEFORE: dict[str, Before] = {
    "Account": person_accounts.account,
    "Contact": _contact,
    "Lead": _lead,
    "User": _user,
    "UserRole": _named,
    "Group": _named,
    "Opportunity": _opportunity,
    "OpportunityContactRole": _role,
    "Case": _case,
    "Campaign": _campaign,
    "CampaignMember": _member,
    "Attachment": content.attachment,
    "ContentVersion": content.version,
    "TaskRelation": _relation,
    "EventRelation": _relation,
    "Task": activities.task,
    "Event": activities.event,
}
