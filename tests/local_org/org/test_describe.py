from __future__ import annotations

from typing import Any

import pytest

from local_org.org.catalog import standard_schema
from local_org.org.session import Session

FIELD_KEYS = [
    "aggregatable",
    "aiPredictionField",
    "autoNumber",
    "byteLength",
    "calculated",
    "calculatedFormula",
    "cascadeDelete",
    "caseSensitive",
    "compoundFieldName",
    "controllerName",
    "createable",
    "custom",
    "defaultValue",
    "defaultValueFormula",
    "defaultedOnCreate",
    "dependentPicklist",
    "deprecatedAndHidden",
    "digits",
    "displayLocationInDecimal",
    "encrypted",
    "externalId",
    "extraTypeInfo",
    "filterable",
    "filteredLookupInfo",
    "formulaTreatNullNumberAsZero",
    "groupable",
    "highScaleNumber",
    "htmlFormatted",
    "idLookup",
    "inlineHelpText",
    "label",
    "length",
    "mask",
    "maskType",
    "name",
    "nameField",
    "namePointing",
    "nillable",
    "permissionable",
    "picklistValues",
    "polymorphicForeignKey",
    "precision",
    "queryByDistance",
    "referenceTargetField",
    "referenceTo",
    "relationshipName",
    "relationshipOrder",
    "restrictedDelete",
    "restrictedPicklist",
    "scale",
    "searchPrefilterable",
    "soapType",
    "sortable",
    "type",
    "unique",
    "updateable",
    "writeRequiresMasterRead",
]


def field(admin: Session, name: str, field_name: str) -> dict[str, Any]:
    return next(f for f in admin.describe(name)["fields"] if f["name"] == field_name)


@pytest.mark.parametrize("name", [o.name for o in standard_schema().objects])
def test_every_field_has_every_key(admin: Session, name: str) -> None:
    described = admin.describe(name.upper())
    assert described["name"] == name
    for each in described["fields"]:
        assert sorted(each) == sorted(FIELD_KEYS)


def test_flags_of_some_fields(admin: Session) -> None:
    account = field(admin, "Contact", "AccountId")
    assert (account["referenceTo"], account["relationshipName"]) == (["Account"], "Account")
    who = field(admin, "Task", "WhoId")
    assert (who["referenceTo"], who["polymorphicForeignKey"]) == (["Contact", "Lead"], True)
    assert "Property__c" in field(admin, "Event", "WhatId")["referenceTo"]
    name = field(admin, "Lead", "Name")
    assert (name["createable"], name["nameField"], name["nillable"]) == (False, True, False)
    street = field(admin, "Account", "BillingStreet")
    assert (street["compoundFieldName"], street["byteLength"]) == ("BillingAddress", 765)
    status = field(admin, "Task", "Status")
    assert (status["defaultValue"], status["defaultedOnCreate"], status["nillable"]) == ("Not Started", True, False)
    key = field(admin, "Task", "Key__c")
    assert (key["externalId"], key["unique"], key["custom"], key["length"]) == (True, True, True, 100)


def test_child_relationships(admin: Session) -> None:
    children = {(c["childSObject"], c["field"]): c for c in admin.describe("Account")["childRelationships"]}
    assert children["Contact", "AccountId"]["relationshipName"] == "Contacts"
    assert children["Property__c", "Account__c"]["relationshipName"] == "Properties__r"
    assert children["Task", "WhatId"]["relationshipName"] == "Tasks"
    assert children["Task", "AccountId"]["relationshipName"] is None


def test_master_record_type(admin: Session) -> None:
    [master] = admin.describe("Account")["recordTypeInfos"]
    assert (master["recordTypeId"], master["master"]) == ("012000000000000AAA", True)


def test_global_list(admin: Session) -> None:
    listed = admin.describe_global()
    assert (listed["encoding"], listed["maxBatchSize"]) == ("UTF-8", 200)
    by_name = {entry["name"]: entry for entry in listed["sobjects"]}
    assert by_name["Task"]["keyPrefix"] == "00T"
    assert by_name["Contact"]["mergeable"]
    assert not by_name["Profile"]["createable"]
    assert by_name["Account"]["urls"]["describe"] == "/services/data/v66.0/sobjects/Account/describe"


def test_address_of_a_row(admin: Session) -> None:
    row = {"Name": "A", "BillingCity": "Reno", "BillingLatitude": 39.5}
    made = admin.save("create", "Account", [row])[0]
    got = admin.retrieve("Account", str(made.id), ["BillingAddress", "ShippingAddress"])
    assert got["ShippingAddress"] is None
    assert got["BillingAddress"] == {
        "city": "Reno",
        "country": None,
        "geocodeAccuracy": None,
        "latitude": 39.5,
        "longitude": None,
        "postalCode": None,
        "state": None,
        "street": None,
    }
    assert "Id" not in got
    assert got["attributes"] == {"type": "Account", "url": f"/services/data/v66.0/sobjects/Account/{made.id}"}
