from __future__ import annotations

from typing import Any

import pytest

from local_org.org import alter, permissions, record_types
from local_org.org.engine import Org
from local_org.org.ids import MASTER_RECORD_TYPE
from local_org.org.session import Session
from tests.local_org.org.desk import Desk

KINDS: list[dict[str, Any]] = [
    {"name": "Client", "default": True, "values": {"Rating": ["Hot", "Warm*"], "Type": ["Prospect"]}},
    {"name": "Vendor", "values": {"Rating": ["Cold"]}},
    {"name": "Secret", "profiles": ["System Administrator"]},
    {"name": "Old", "active": False},
]


@pytest.fixture
def kinds(org: Org) -> dict[str, str]:
    alter.change_field(org, "Account", "Rating", restricted=True)
    record_types.add(org, "Account", KINDS)
    account = org.schema.get("Account")
    assert account is not None
    return {kind.name: kind.id for kind in account.record_types}


def test_without_record_types_there_is_no_field(admin: Session) -> None:
    described = admin.describe("Account")
    assert "RecordTypeId" not in [f["name"] for f in described["fields"]]
    assert [kind["recordTypeId"] for kind in described["recordTypeInfos"]] == [MASTER_RECORD_TYPE]


def test_describe_lists_them_with_the_master_last(org: Org, admin: Session, kinds: dict[str, str]) -> None:
    infos = admin.describe("Account")["recordTypeInfos"]
    assert [(i["developerName"], i["active"], i["available"], i["defaultRecordTypeMapping"]) for i in infos] == [
        ("Client", True, True, True),
        ("Vendor", True, True, False),
        ("Secret", True, True, False),
        ("Old", False, False, False),
        ("Master", True, True, False),
    ]
    user = permissions.add_user(org, "plain@practice.example")
    assert [i["available"] for i in org.session(user).describe("Account")["recordTypeInfos"]][2] is False
    rows = org.connection().execute('SELECT "Id" FROM "RecordType" WHERE "SobjectType" = \'Account\'').fetchall()
    assert {row[0] for row in rows} == set(kinds.values())


def test_a_new_record_gets_the_default_and_its_values(desk: Desk, kinds: dict[str, str]) -> None:
    account = desk.make("Account", Name="Acme")
    assert desk.get("Account", account, "RecordTypeId", "Rating") == [kinds["Client"], "Warm"]
    vendor = desk.make("Account", Name="Bolt", RecordTypeId=kinds["Vendor"][:15])
    assert desk.get("Account", vendor, "RecordTypeId", "Rating") == [kinds["Vendor"], None]


def test_restricted_picklists_are_held_to_the_record_type(desk: Desk, kinds: dict[str, str]) -> None:
    fault = desk.refused("create", "Account", {"Name": "A", "Rating": "Cold"})
    assert (fault.code, fault.message, fault.fields) == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Account Rating: bad value for restricted picklist field: Cold",
        ["Rating"],
    )
    account = desk.make("Account", Name="A", Rating="Hot")
    assert desk.refused("update", "Account", {"Id": account, "Rating": "Cold"}).fields == ["Rating"]
    desk.change("Account", account, RecordTypeId=kinds["Vendor"], Rating="Cold")
    # A picklist that is not restricted takes any value through the API.
    desk.change("Account", account, Type="Whatever")


@pytest.mark.parametrize("wrong", ["Old", "Secret"])
def test_a_record_type_that_is_not_the_users_is_refused(org: Org, kinds: dict[str, str], wrong: str) -> None:
    user = Desk(org.session(permissions.add_user(org, "plain@practice.example")))
    fault = user.refused("create", "Account", {"Name": "A", "RecordTypeId": kinds[wrong]})
    assert (fault.code, fault.fields) == ("INVALID_CROSS_REFERENCE_KEY", ["RecordTypeId"])
    assert fault.message == f"Record Type ID: this ID value isn't valid for the user: {kinds[wrong]}"


def test_a_record_type_of_another_object_is_refused(org: Org, desk: Desk, kinds: dict[str, str]) -> None:
    record_types.add(org, "Contact", [{"name": "Person"}])
    fault = desk.refused("create", "Contact", {"LastName": "A", "RecordTypeId": kinds["Client"]})
    assert fault.code == "INVALID_CROSS_REFERENCE_KEY"


def test_record_types_change_in_place_and_survive_the_file(org: Org, kinds: dict[str, str]) -> None:
    record_types.add(org, "Account", [{"name": "Vendor", "label": "Supplier", "values": {"Rating": ["Hot"]}}])
    with Org.open(org.connection().execute("PRAGMA database_list").fetchone()[2]) as again:
        account = again.schema.get("Account")
        assert account is not None
        vendor = record_types.found(account, kinds["Vendor"])
        assert vendor is not None
        assert (vendor.label, vendor.picklists) == ("Supplier", {"Rating": ("Hot",)})


def test_values_that_do_not_exist_are_refused(org: Org) -> None:
    with pytest.raises(ValueError, match="Sizzling"):
        record_types.add(org, "Account", [{"name": "A", "values": {"Rating": ["Sizzling"]}}])
    with pytest.raises(ValueError, match="colour"):
        record_types.add(org, "Account", [{"name": "A", "colour": "red"}])
