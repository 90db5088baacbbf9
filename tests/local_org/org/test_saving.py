from __future__ import annotations

import time
from typing import Any

import pytest

from local_org.org import permissions
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.model import OrgFault
from local_org.org.session import Session
from tests.local_org.org.desk import Desk, practice_schema


def test_create_fills_what_the_server_fills(desk: Desk, admin_id: str) -> None:
    made = desk.session.save("create", "contact", [{"lastname": "Doe ", "FIRSTNAME": "Jo"}])[0]
    assert (made.success, made.created, len(str(made.id))) == (True, True, 18)
    assert str(made.id).startswith("003")
    row = desk.session.retrieve("Contact", str(made.id))
    assert row["Name"] == "Jo Doe"
    assert row["OwnerId"] == row["CreatedById"] == row["LastModifiedById"] == admin_id
    assert row["CreatedDate"] == row["SystemModstamp"] == "2026-03-02T20:00:00.000+0000"
    assert (row["DoNotCall"], row["HasOptedOutOfEmail"], row["IsDeleted"]) == (False, False, False)
    assert row["MailingAddress"] is None


def test_missing_required_fields_are_listed_together(desk: Desk) -> None:
    fault = desk.refused("create", "Opportunity", {"Amount": 5})
    assert fault.code == "REQUIRED_FIELD_MISSING"
    assert fault.message == "Required fields are missing: [Name, StageName, CloseDate]"
    assert fault.fields == ["Name", "StageName", "CloseDate"]


def test_required_field_cannot_be_emptied(desk: Desk) -> None:
    account = desk.make("Account", Name="Acme")
    fault = desk.refused("update", "Account", {"Id": account, "Name": "  "})
    assert fault.message == "Required fields are missing: [Name]"


def test_unknown_field(desk: Desk) -> None:
    fault = desk.refused("create", "Account", {"Name": "A", "foo": 1})
    assert (fault.code, fault.message) == ("INVALID_FIELD", "No such column 'foo' on sobject of type Account")


def test_read_only_field(desk: Desk) -> None:
    fault = desk.refused("create", "Account", {"Name": "A", "SystemModstamp": None, "PhotoUrl": "x"})
    assert fault.code == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert fault.message == (
        "Unable to create/update fields: SystemModstamp, PhotoUrl. Please check the security settings of this field "
        "and verify that it is read/write for your profile or permission set."
    )
    assert fault.fields == ["SystemModstamp", "PhotoUrl"]


def test_id_in_the_body_of_a_create(desk: Desk) -> None:
    account = desk.make("Account", Name="Acme")
    fault = desk.refused("create", "Account", {"Name": "A", "Id": account})
    assert (fault.code, fault.fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Id"])


def test_wrong_type_names_its_place_in_the_request(desk: Desk) -> None:
    fault = desk.refused("create", "Task", {"Subject": "Call", "ActivityDate": "foo"})
    assert fault.message == (
        "Cannot deserialize instance of date from VALUE_STRING value foo or request may be missing a required field "
        "at [line:1, column:34]"
    )


def test_several_errors_of_a_row_are_all_told(desk: Desk) -> None:
    record = {"Name": "A", "Ext__c": "x" * 21, "Score__c": 10**6}
    codes = [fault.code for fault in desk.session.save("create", "Account", [record])[0].errors]
    assert codes == ["STRING_TOO_LONG", "NUMBER_OUTSIDE_VALID_RANGE"]


def test_one_bad_row_does_not_stop_the_others(desk: Desk) -> None:
    results = desk.session.save("create", "Account", [{"Name": "A"}, {}, {"Name": "B"}])
    assert [result.success for result in results] == [True, False, True]


def test_all_or_none_rolls_the_innocent_back(desk: Desk, org: Org) -> None:
    results = desk.session.save("create", "Account", [{"Name": "A"}, {}], all_or_none=True)
    assert [result.errors[0].code for result in results] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert results[0].errors[0].message == (
        "Record rolled back because not all records were valid and the request was using AllOrNone header"
    )
    assert org.connection().execute("SELECT count(*) FROM Account").fetchone() == (0,)


def test_update_moves_the_stamps_and_keeps_the_rest(desk: Desk, clock: Clock) -> None:
    account = desk.make("Account", Name="Acme", Phone="1")
    clock.advance(5)
    desk.change("Account", account[:15], Phone=None)
    assert desk.get("Account", account, "Name", "Phone", "CreatedDate", "LastModifiedDate", "SystemModstamp") == [
        "Acme",
        None,
        "2026-03-02T20:00:00.000+0000",
        "2026-03-02T20:00:05.000+0000",
        "2026-03-02T20:00:05.000+0000",
    ]


@pytest.mark.parametrize(
    ("record_id", "code", "message"),
    [
        (None, "MISSING_ARGUMENT", "Id not specified in an update call"),
        ("nope", "MALFORMED_ID", "Account ID: id value of incorrect type: nope"),
        ("003Hs0000000001IAA", "MALFORMED_ID", "Account ID: id value of incorrect type: 003Hs0000000001IAA"),
        ("001Hs0000000zzzIAA"[:15], "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
    ],
)
def test_update_needs_a_record(desk: Desk, record_id: str | None, code: str, message: str) -> None:
    fault = desk.refused("update", "Account", {"Id": record_id, "Name": "x"})
    assert (fault.code, fault.message) == (code, message)


def test_the_same_record_twice_in_one_update(desk: Desk) -> None:
    account = desk.make("Account", Name="Acme")
    results = desk.session.save("update", "Account", [{"Id": account, "Site": "1"}, {"Id": account, "Site": "2"}])
    assert [result.success for result in results] == [True, False]
    assert results[1].errors[0].code == "DUPLICATE_VALUE"


def test_lookup_of_the_wrong_kind(desk: Desk, admin_id: str) -> None:
    fault = desk.refused("create", "Contact", {"LastName": "Doe", "AccountId": admin_id})
    assert fault.code == "FIELD_INTEGRITY_EXCEPTION"
    assert fault.message == f"Account ID: id value of incorrect type: {admin_id}"
    assert fault.fields == ["AccountId"]


def test_lookup_of_nothing_and_of_a_deleted_record(desk: Desk) -> None:
    account = desk.make("Account", Name="Acme")
    desk.delete("Account", account)
    gone = desk.refused("create", "Contact", {"LastName": "Doe", "AccountId": account})
    assert (gone.code, gone.message) == ("ENTITY_IS_DELETED", "entity is deleted")
    missing = desk.refused("create", "Contact", {"LastName": "Doe", "AccountId": "001Hs0000000zzz"})
    assert (missing.code, missing.message) == ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    malformed = desk.refused("create", "Contact", {"LastName": "Doe", "AccountId": "xx"})
    assert (malformed.code, malformed.message) == ("MALFORMED_ID", "Account ID: id value of incorrect type: xx")


def test_inactive_owner(desk: Desk, org: Org) -> None:
    gone = permissions.add_user(org, "gone@practice.example", active=False)
    fault = desk.refused("create", "Account", {"Name": "A", "OwnerId": gone})
    assert fault.code == "INACTIVE_OWNER_OR_USER"
    assert fault.message == f"operation performed with inactive user [{gone[:15]}] as owner of account"


def test_records_of_an_inactive_owner_can_still_be_edited(desk: Desk, org: Org) -> None:
    gone = permissions.add_user(org, "gone@practice.example")
    account = desk.make("Account", Name="A", OwnerId=gone)
    desk.change("User", gone, IsActive=False)
    desk.change("Account", account, Name="B", OwnerId=gone)
    assert desk.get("Account", account, "Name", "OwnerId") == ["B", gone]


def test_unique_value_without_case(desk: Desk) -> None:
    first = desk.make("Account", Name="A", Ext__c="Key")
    fault = desk.refused("create", "Account", {"Name": "B", "Ext__c": "kEY"})
    assert fault.code == "DUPLICATE_VALUE"
    assert fault.message == f"duplicate value found: Ext__c duplicates value on record with id: {first[:15]}"


def test_unique_value_with_case(desk: Desk) -> None:
    desk.make("Account", Name="A", Code__c="Key")
    desk.make("Account", Name="B", Code__c="KEY")
    assert desk.refused("create", "Account", {"Name": "C", "Code__c": "Key"}).code == "DUPLICATE_VALUE"


def test_unique_value_twice_in_one_call(desk: Desk) -> None:
    results = desk.session.save("create", "Account", [{"Name": "A", "Ext__c": "1"}, {"Name": "B", "Ext__c": "1"}])
    assert [result.success for result in results] == [True, False]
    assert str(results[0].id)[:15] in results[1].errors[0].message


def test_a_unique_value_can_be_handed_on_in_one_call(desk: Desk) -> None:
    one, two = desk.make("Account", Name="A", Ext__c="1"), desk.make("Account", Name="B", Ext__c="2")
    rows = [{"Id": one, "Ext__c": "3"}, {"Id": two, "Ext__c": "1"}]
    assert all(result.success for result in desk.session.save("update", "Account", rows))
    assert [desk.get("Account", each, "Ext__c") for each in (one, two)] == [["3"], ["1"]]


def test_a_deleted_record_frees_its_unique_value(desk: Desk) -> None:
    first = desk.make("Account", Name="A", Ext__c="1")
    desk.delete("Account", first)
    desk.make("Account", Name="B", Ext__c="1")


def test_a_record_keeps_its_own_unique_value(desk: Desk) -> None:
    first = desk.make("Account", Name="A", Ext__c="1")
    desk.change("Account", first, Ext__c="1", Name="B")


@pytest.mark.parametrize("key", ["Ext__c", "ext__C"])
def test_upsert_by_external_id(desk: Desk, key: str) -> None:
    [made] = desk.session.save("upsert", "Account", [{key: "A1", "Name": "A"}], ext_field=key)
    [again] = desk.session.save("upsert", "Account", [{key: "a1", "Name": "B"}], ext_field=key)
    assert (made.created, again.created, made.id) == (True, False, again.id)
    assert desk.get("Account", str(made.id), "Name", "Ext__c") == ["B", "a1"]


def test_upsert_by_id(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    results = desk.session.save("upsert", "Account", [{"Id": account, "Name": "B"}, {"Name": "C"}], ext_field="Id")
    assert [result.created for result in results] == [False, True]


def test_upsert_that_matches_two(desk: Desk) -> None:
    one, two = desk.make("Account", Name="A", Loose__c="x"), desk.make("Account", Name="B", Loose__c="X")
    fault = desk.refused("upsert", "Account", {"Loose__c": "x", "Name": "C"}, ext_field="Loose__c")
    assert fault.code == "DUPLICATE_EXTERNAL_ID"
    assert fault.message == f"more than one record found for external id field: [{one},{two}]"


def test_upsert_with_the_same_key_twice(desk: Desk) -> None:
    records = [{"Ext__c": "1", "Name": "A"}, {"Ext__c": "1", "Name": "B"}]
    results = desk.session.save("upsert", "Account", records, ext_field="Ext__c")
    assert [result.errors[0].message for result in results] == ["Duplicate external id specified: 1"] * 2


def test_upsert_key_must_be_an_external_id(admin: Session) -> None:
    with pytest.raises(OrgFault) as caught:
        admin.save("upsert", "Account", [{"Site": "1"}], ext_field="Site")
    assert caught.value.status == 404
    assert caught.value.message == "Provided external ID field does not exist or is not accessible: Site"


def test_upsert_without_the_key(desk: Desk) -> None:
    assert desk.refused("upsert", "Account", {"Name": "A"}, ext_field="Ext__c").code == "MISSING_ARGUMENT"


def test_lookup_by_external_id(desk: Desk) -> None:
    account = desk.make("Account", Name="A", Ext__c="A1")
    contact = desk.make("Contact", LastName="Doe", Account={"Ext__c": "a1"}, Email="jo@acme.example")
    assert desk.get("Contact", contact, "AccountId") == [account]
    task = desk.make("Task", Who={"attributes": {"type": "Contact"}, "Email": "JO@acme.example"})
    assert desk.get("Task", task, "WhoId", "AccountId") == [contact, account]


def test_lookup_by_external_id_that_finds_nothing(desk: Desk) -> None:
    fault = desk.refused("create", "Contact", {"LastName": "Doe", "Account": {"Ext__c": "A1"}})
    assert fault.message == "Foreign key external ID: A1 not found for field Ext__c in entity Account"


def test_a_relationship_can_be_emptied(desk: Desk) -> None:
    account = desk.make("Account", Name="A")
    contact = desk.make("Contact", LastName="Doe", AccountId=account)
    desk.change("Contact", contact, Account=None)
    assert desk.get("Contact", contact, "AccountId") == [None]


def test_opportunity_derives_from_its_stage(desk: Desk) -> None:
    deal = desk.make("Opportunity", Name="D", StageName="Qualification", CloseDate="2026-08-01", Amount=1000)
    names = ("Probability", "ExpectedRevenue", "IsClosed", "IsWon", "Fiscal", "ForecastCategoryName")
    assert desk.get("Opportunity", deal, *names) == [10, 100, False, False, "2026 3", "Pipeline"]
    desk.change("Opportunity", deal, StageName="Closed Won")
    assert desk.get("Opportunity", deal, *names[:4]) == [100, 1000, True, True]


def test_custom_record_without_a_name_is_named_by_its_id(desk: Desk) -> None:
    building = desk.make("Property__c")
    assert desk.get("Property__c", building, "Name") == [building]


def test_case_numbers_count(desk: Desk) -> None:
    one, two = desk.make("Case", Subject="a"), desk.make("Case", Subject="b", Status="Closed")
    assert desk.get("Case", one, "CaseNumber", "IsClosed") == ["00001000", False]
    assert desk.get("Case", two, "CaseNumber", "IsClosed") == ["00001001", True]


def test_an_object_that_nobody_creates(desk: Desk) -> None:
    fault = desk.refused("create", "Profile", {"Name": "x"})
    assert fault.code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def test_a_collection_of_200_is_quick(admin: Session) -> None:
    records = [{"LastName": f"Doe {i}", "Email": f"d{i}@example.com"} for i in range(200)]
    started = time.process_time()
    assert all(result.success for result in admin.save("create", "Contact", records))
    assert time.process_time() - started < 0.2


def test_ten_thousand_rows_are_quick(admin: Session) -> None:
    records = [{"Key__c": f"k{i}", "Subject": "Call", "Status": "Completed"} for i in range(10_000)]
    started = time.process_time()
    assert all(result.created for result in admin.save("upsert", "Task", records, ext_field="Key__c"))
    assert time.process_time() - started < 4


@pytest.mark.parametrize("name", [o.name for o in practice_schema().objects if o.createable])
def test_what_is_never_null_is_filled(desk: Desk, name: str) -> None:
    account, contact = desk.make("Account", Name="A"), desk.make("Contact", LastName="Doe")
    deal = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
    group = desk.make("Group", Name="All Hands", Type="Queue")
    found = desk.session.org.connection().execute("SELECT Id FROM Profile").fetchone()[0]
    start = {"StartDateTime": "2026-01-01T00:00:00Z", "DurationInMinutes": 5}
    user = {"LastName": "X", "Username": "x@practice.example", "Email": "a@b.co", "Alias": "x", "ProfileId": found}
    least: dict[str, dict[str, Any]] = {
        "Account": {"Name": "A"},
        "Contact": {"LastName": "Doe"},
        "Lead": {"LastName": "Doe", "Company": "C"},
        "Opportunity": deal,
        "OpportunityContactRole": {"OpportunityId": desk.make("Opportunity", **deal), "ContactId": contact},
        "Campaign": {"Name": "C"},
        "CampaignMember": {"CampaignId": desk.make("Campaign", Name="C"), "ContactId": contact},
        "Event": start,
        "TaskRelation": {"TaskId": desk.make("Task"), "RelationId": account},
        "Attachment": {"ParentId": account, "Name": "a.txt", "Body": "QQ=="},
        "ContentVersion": {"PathOnClient": "a.txt", "VersionData": "QQ=="},
        "EventRelation": {"EventId": desk.make("Event", **start), "RelationId": contact},
        "User": user,
        "UserRole": {"Name": "Head of Sales"},
        "Group": {"Name": "Queue", "Type": "Queue"},
        "QueueSobject": {"QueueId": group, "SobjectType": "Lead"},
        "GroupMember": {"GroupId": group, "UserOrGroupId": desk.session.access.user_id},
        "PermissionSetAssignment": {
            "AssigneeId": desk.session.access.user_id,
            "PermissionSetId": permissions.add_permission_set(desk.session.org, "Extra"),
        },
    }
    made = desk.session.retrieve(name, desk.make(name, **least.get(name, {})))
    sobject = desk.session.sobject(name)
    assert [f.name for f in sobject.fields if not f.nillable and f.stored and made[f.name] is None] == []


def test_campaign_counts_its_members(desk: Desk) -> None:
    campaign = desk.make("Campaign", Name="Spring")
    lead, contact = desk.make("Lead", LastName="L", Company="C"), desk.make("Contact", LastName="D")
    desk.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    member = desk.make("CampaignMember", CampaignId=campaign, ContactId=contact, Status="Responded")
    names = ("NumberOfLeads", "NumberOfContacts", "NumberOfResponses")
    assert desk.get("Campaign", campaign, *names) == [1, 1, 1]
    again = desk.refused("create", "CampaignMember", {"CampaignId": campaign, "ContactId": contact})
    assert (again.code, again.message) == ("DUPLICATE_VALUE", "Already a campaign member.")
    desk.delete("CampaignMember", member)
    assert desk.get("Campaign", campaign, *names) == [1, 0, 0]


def test_one_primary_contact_per_deal(desk: Desk) -> None:
    deal = desk.make("Opportunity", Name="D", StageName="Prospecting", CloseDate="2026-01-01")
    people = [desk.make("Contact", LastName=name) for name in "AB"]
    first, second = (
        desk.make("OpportunityContactRole", OpportunityId=deal, ContactId=each, IsPrimary=True) for each in people
    )
    primary = [desk.get("OpportunityContactRole", each, "IsPrimary")[0] for each in (first, second)]
    assert primary == [False, True]
