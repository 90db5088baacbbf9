from __future__ import annotations

import pytest

from local_org.org import alter, declaring
from local_org.org.catalog import custom_field, files
from local_org.org.clock import Clock
from local_org.org.engine import Org
from tests.local_org.org.desk import Desk


@pytest.fixture
def kinds(org: Org) -> dict[str, str]:
    alter.add_field(org, "Contact", custom_field("Score__c", "double", length=5))
    declaring.declare(org, files.named("person_accounts"))
    account = org.schema.get("Account")
    assert account is not None
    return {kind.name: kind.id for kind in account.record_types}


def test_without_the_switch_there_are_none(org: Org) -> None:
    account = org.schema.get("Account")
    assert account is not None
    assert account.field("IsPersonAccount") is None


def test_a_person_has_a_contact_that_shares_its_data(desk: Desk, kinds: dict[str, str], clock: Clock) -> None:
    person = desk.make(
        "Account", RecordTypeId=kinds["PersonAccount"], FirstName="Ada", LastName="Lee", PersonEmail="ada@lee.example",
        Score__pc=7, PersonMailingCity="Oslo",
    )  # fmt: skip
    name, contact, is_person = desk.get("Account", person, "Name", "PersonContactId", "IsPersonAccount")
    assert (name, is_person) == ("Ada Lee", True)
    shared = ("Name", "Email", "Score__c", "MailingCity", "AccountId", "IsPersonAccount")
    assert desk.get("Contact", contact, *shared) == ["Ada Lee", "ada@lee.example", 7.0, "Oslo", person, True]
    clock.advance(60)
    desk.change("Account", person, LastName="Moe", PersonEmail=None, Phone="1")
    assert desk.get("Contact", contact, "Name", "Email", "Phone") == ["Ada Moe", None, "1"]
    stamp = desk.get("Account", person, "SystemModstamp")
    assert desk.get("Contact", contact, "SystemModstamp") == stamp
    call = desk.make("Task", Subject="Call", WhoId=contact)
    assert desk.get("Task", call, "AccountId") == [person]


def test_each_kind_keeps_to_its_own_fields(desk: Desk, kinds: dict[str, str]) -> None:
    person = {"RecordTypeId": kinds["PersonAccount"]}
    assert desk.refused("create", "Account", {**person, "Name": "Ada"}).code == "INVALID_PERSON_ACCOUNT_OPERATION"
    assert desk.refused("create", "Account", {**person, "FirstName": "Ada"}).fields == ["LastName"]
    fault = desk.refused("create", "Account", {"Name": "Acme", "LastName": "Lee", "PersonEmail": "a@b.example"})
    assert (fault.code, fault.fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["LastName", "PersonEmail"])
    assert desk.refused("create", "Account", {"Phone": "1"}).fields == ["Name"]
    business = desk.make("Account", Name="Acme", Phone="1")
    assert desk.get("Account", business, "IsPersonAccount", "PersonContactId") == [False, None]
    fault = desk.refused("update", "Account", {"Id": business, **person})
    assert fault.code == "INVALID_PERSON_ACCOUNT_OPERATION"


def test_the_contact_goes_with_its_account_only(desk: Desk, kinds: dict[str, str]) -> None:
    person = desk.make("Account", RecordTypeId=kinds["PersonAccount"], LastName="Lee")
    (contact,) = desk.get("Account", person, "PersonContactId")
    for op, record in (("update", {"Id": contact, "Title": "X"}), ("delete", {"Id": contact})):
        assert desk.refused(op, "Contact", record).code == "INVALID_PERSON_ACCOUNT_OPERATION"
    desk.delete("Account", person)
    assert desk.raw("Contact", contact, "IsDeleted") == 1


def test_fields_added_to_contacts_later_appear_on_accounts(org: Org, kinds: dict[str, str]) -> None:
    later = {"fields": {"Contact": [{"name": "Hobby__c", "type": "string", "length": 20}]}}
    declaring.declare(org, files.declared(later, "later"))
    account = org.schema.get("Account")
    assert account is not None
    assert account.field("Hobby__pc") is not None


def test_record_types_say_which_is_for_persons(org: Org, kinds: dict[str, str]) -> None:
    rows = org.connection().execute('SELECT "Id", "IsPersonType" FROM "RecordType"').fetchall()
    assert dict(rows) == {kinds["Business_Account"]: 0, kinds["PersonAccount"]: 1}
