from __future__ import annotations

import pytest

from local_org.org import permissions
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.model import OrgFault
from tests.local_org.org.desk import Desk


def test_deleted_row_is_in_the_bin(desk: Desk, clock: Clock) -> None:
    account = desk.make("Account", Name="A")
    clock.advance(5)
    desk.delete("Account", account)
    with pytest.raises(OrgFault, match="entity is deleted") as caught:
        desk.session.retrieve("Account", account)
    assert (caught.value.code, caught.value.status) == ("ENTITY_IS_DELETED", 404)
    assert desk.raw("Account", account, "IsDeleted") == 1
    assert desk.raw("Account", account, "SystemModstamp") == clock.now()


def test_deleting_and_changing_a_deleted_row(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    desk.delete("Account", account)
    for op in ("delete", "update"):
        fault = desk.refused(op, "Account", {"Id": account})
        assert (fault.code, fault.message, fault.fields) == ("ENTITY_IS_DELETED", "entity is deleted", [])


def test_what_goes_with_an_account(desk: Desk) -> None:
    account, other = desk.make("Account", Name="A"), desk.make("Account", Name="B")
    contact = desk.make("Contact", LastName="Doe", AccountId=account)
    child = desk.make("Account", Name="C", ParentId=account)
    case = desk.make("Case", AccountId=account)
    lone = desk.make("Task", WhatId=account)
    shared = desk.make("Task", WhoId=desk.make("Contact", LastName="Roe", AccountId=other), WhatId=account)
    desk.delete("Account", account)
    assert desk.raw("Contact", contact, "IsDeleted") == 1
    assert desk.raw("Task", lone, "IsDeleted") == 1
    assert desk.get("Account", child, "ParentId") == [None]
    assert desk.get("Case", case, "AccountId") == [None]
    assert desk.get("Task", shared, "WhatId", "AccountId") == [None, None]


def test_undelete_brings_the_family_back(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    contact = desk.make("Contact", LastName="Doe", AccountId=account)
    early = desk.make("Contact", LastName="Early", AccountId=account)
    task = desk.make("Task", WhoId=contact, Status="Completed", ActivityDate="2026-01-01")
    desk.session.org.clock.advance(-60)
    desk.delete("Contact", early)
    desk.session.org.clock.advance(120)
    desk.delete("Account", account)
    assert desk.session.undelete("Account", [account])[0].success
    assert desk.get("Contact", contact, "AccountId", "LastActivityDate") == [account, "2026-01-01"]
    assert desk.get("Task", task, "WhoId") == [contact]
    assert desk.raw("Contact", early, "IsDeleted") == 1


def test_undelete_needs_the_bin(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    assert desk.session.undelete("Account", [account])[0].errors[0].code == "UNDELETE_FAILED"


def test_undelete_of_a_value_that_is_taken(desk: Desk) -> None:
    old = desk.make("Account", Name="A", Ext__c="1")
    desk.delete("Account", old)
    new = desk.make("Account", Name="B", Ext__c="1")
    fault = desk.session.undelete("Account", [old])[0].errors[0]
    assert fault.message == f"duplicate value found: Ext__c duplicates value on record with id: {new[:15]}"


def test_bin_is_emptied_after_15_days(desk: Desk, clock: Clock) -> None:
    account = desk.make("Account", Name="A")
    desk.delete("Account", account)
    clock.advance(15 * 86400)
    desk.make("Account", Name="B")
    assert desk.raw("Account", account, "IsDeleted") == 1
    clock.advance(61)
    desk.make("Account", Name="C")
    assert desk.refused("delete", "Account", {"Id": account}).code == "INVALID_CROSS_REFERENCE_KEY"


def test_won_deals_of_others_hold_an_account(desk: Desk, org: Org) -> None:
    seller = Desk(org.session(permissions.add_user(org, "seller@practice.example")))
    account = desk.make("Account", Name="Acme")
    desk.make("Opportunity", Name="Big", StageName="Closed Won", CloseDate="2026-01-01", AccountId=account)
    fault = seller.refused("delete", "Account", {"Id": account})
    assert fault.code == "DELETE_FAILED"
    assert fault.message == (
        "Your attempt to delete Acme could not be completed because it is associated with the following "
        "opportunities.: Big"
    )
    desk.delete("Account", account)


def test_objects_without_a_bin_lose_rows_for_good(desk: Desk, org: Org, admin_id: str) -> None:
    extra = permissions.add_permission_set(org, "Extra")
    assignment = desk.make("PermissionSetAssignment", AssigneeId=admin_id, PermissionSetId=extra)
    desk.delete("PermissionSetAssignment", assignment)
    assert org.connection().execute("SELECT count(*) FROM PermissionSetAssignment").fetchone() == (0,)


def test_delete_all_or_none(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    results = desk.session.save("delete", "Account", [{"Id": account}, {"Id": "x"}], all_or_none=True)
    assert [result.errors[0].code for result in results] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MALFORMED_ID"]
    assert desk.raw("Account", account, "IsDeleted") == 0
