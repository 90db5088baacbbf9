from __future__ import annotations

import pytest

from local_org.org import permissions
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.merging import convert_lead, merge
from local_org.org.model import OrgFault
from tests.local_org.org.desk import Desk


def test_merge_moves_everything_to_the_master(desk: Desk, clock: Clock) -> None:
    master, loser = desk.make("Account", Name="A"), desk.make("Account", Name="B", Phone="1")
    contact = desk.make("Contact", LastName="Doe", AccountId=loser)
    task = desk.make("Task", WhatId=loser, Status="Completed", ActivityDate="2026-01-01")
    clock.advance(5)
    result = merge(desk.session, "Account", master, [loser], {"Phone": "1"})
    assert result.merged_record_ids == [loser]
    assert result.updated_related_ids == sorted([contact, task])
    assert (desk.raw("Account", loser, "IsDeleted"), desk.raw("Account", loser, "MasterRecordId")) == (1, master)
    assert desk.get("Contact", contact, "AccountId", "LastModifiedDate") == [master, "2026-03-02T20:00:05.000+0000"]
    assert desk.get("Task", task, "WhatId", "AccountId") == [master, master]
    assert desk.get("Account", master, "Phone", "LastActivityDate") == ["1", "2026-01-01"]


def test_chain_of_merges(desk: Desk) -> None:
    a, b, c = (desk.make("Contact", LastName=name) for name in "ABC")
    merge(desk.session, "Contact", b, [a])
    merge(desk.session, "Contact", c, [b])
    assert (desk.raw("Contact", a, "MasterRecordId"), desk.raw("Contact", b, "MasterRecordId")) == (b, c)


def test_a_master_never_names_itself(desk: Desk) -> None:
    loser = desk.make("Account", Name="B")
    master = desk.make("Account", Name="A", ParentId=loser)
    merge(desk.session, "Account", master, [loser])
    assert desk.get("Account", master, "ParentId") == [None]


def test_merge_carries_relations(desk: Desk, org: Org) -> None:
    master, loser = desk.make("Contact", LastName="A"), desk.make("Contact", LastName="B")
    task = desk.make("Task", WhoId=loser)
    merge(desk.session, "Contact", master, [loser])
    found = org.connection().execute("SELECT TaskId, RelationId FROM TaskRelation").fetchall()
    assert found == [(task, master)]


def test_merge_refuses(desk: Desk) -> None:
    a, b = desk.make("Account", Name="A"), desk.make("Account", Name="B")
    with pytest.raises(OrgFault, match="one or two"):
        merge(desk.session, "Account", a, [a])
    with pytest.raises(OrgFault, match="not supported"):
        merge(desk.session, "Task", desk.make("Task"), [desk.make("Task")])
    desk.delete("Account", b)
    with pytest.raises(OrgFault, match="entity is deleted"):
        merge(desk.session, "Account", a, [b])


def test_a_failed_merge_changes_nothing(desk: Desk) -> None:
    a, b = desk.make("Account", Name="A"), desk.make("Account", Name="B")
    with pytest.raises(OrgFault, match="No such column"):
        merge(desk.session, "Account", a, [b], {"Nope": 1})
    assert desk.raw("Account", b, "IsDeleted") == 0


def new_lead(desk: Desk) -> str:
    return desk.make(
        "Lead", FirstName="Jo", LastName="Doe", Company="Acme", Email="jo@acme.example", HasOptedOutOfEmail=True
    )


def test_conversion_makes_account_contact_and_deal(desk: Desk) -> None:
    lead = new_lead(desk)
    task = desk.make("Task", WhoId=lead, Status="Completed", ActivityDate="2026-01-01")
    made = convert_lead(desk.session, lead)
    names = ("IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")
    assert desk.get("Lead", lead, *names, "Status") == [
        True,
        "2026-03-02",
        made.account_id,
        made.contact_id,
        made.opportunity_id,
        "Closed - Converted",
    ]
    assert desk.get("Contact", made.contact_id, "Name", "AccountId", "Email", "HasOptedOutOfEmail") == [
        "Jo Doe",
        made.account_id,
        "jo@acme.example",
        True,
    ]
    assert desk.get("Task", task, "WhoId", "WhatId", "AccountId") == [
        made.contact_id,
        made.opportunity_id,
        made.account_id,
    ]
    assert desk.get("Contact", made.contact_id, "LastActivityDate") == ["2026-01-01"]


def test_conversion_without_a_deal_into_existing_records(desk: Desk) -> None:
    account = desk.make("Account", Name="Acme")
    contact = desk.make("Contact", LastName="Doe", AccountId=account)
    lead = new_lead(desk)
    task = desk.make("Task", WhoId=lead)
    made = convert_lead(desk.session, lead, account_id=account, contact_id=contact, opportunity=False)
    assert (made.account_id, made.contact_id, made.opportunity_id) == (account, contact, None)
    assert desk.get("Task", task, "WhatId") == [account]


def test_converted_lead_is_read_only(desk: Desk) -> None:
    lead = new_lead(desk)
    convert_lead(desk.session, lead)
    for op, name, record in (
        ("update", "Lead", {"Id": lead, "Title": "x"}),
        ("create", "Task", {"WhoId": lead}),
    ):
        fault = desk.refused(op, name, record)
        assert (fault.code, fault.message) == ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    with pytest.raises(OrgFault, match="cannot reference converted lead"):
        convert_lead(desk.session, lead)


def test_conversion_needs_a_status_that_exists(desk: Desk) -> None:
    with pytest.raises(OrgFault, match="invalid convertedStatus: Done"):
        convert_lead(desk.session, new_lead(desk), converted_status="Done")


def test_consent_survives_a_conversion_by_somebody_who_cannot_see_it(desk: Desk, org: Org) -> None:
    for name in ("Lead", "Contact"):
        permissions.hide_field(org, name, "HasOptedOutOfEmail", profile="Standard User")
    seller = org.session(permissions.add_user(org, "seller@practice.example"))
    made = convert_lead(seller, new_lead(desk))
    assert desk.get("Contact", made.contact_id, "HasOptedOutOfEmail") == [True]
