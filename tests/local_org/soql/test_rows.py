"""Record queries: JSON shapes, parents, children, TYPEOF, FIELDS, and names that do not exist for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from local_org.org.model import OrgFault
from tests.local_org.soql.small_org import ATTACHMENT, CASE, CONTACT, TASK, add, ask, make_id, rows, user

Fault = Callable[..., OrgFault]
BASE = "/services/data/v66.0/sobjects"
REFERENCE = "Please reference your WSDL or the describe call for the appropriate names."


def attributes(sobject: str, number: int, prefix: str, kind: str | None = None) -> dict[str, str]:
    return {"type": kind or sobject, "url": f"{BASE}/{sobject}/{make_id(prefix, number)}"}


def test_a_record_in_describe_casing_and_query_order(conn: sqlite3.Connection) -> None:
    query = "SELECT owner.email, NAME, active__c, createddate, owner.name, billingaddress FROM account a LIMIT 1"
    (record,) = rows(conn, query)
    assert record == {
        "attributes": attributes("Account", 1, "001"),
        "Owner": {"attributes": attributes("User", 1, "005"), "Email": "ada@example.com", "Name": "Ada"},
        "Name": "Acme",
        "Active__c": True,
        "CreatedDate": "2026-03-10T15:30:00.000+0000",
        "BillingAddress": {
            "city": "Rome", "country": None, "geocodeAccuracy": None, "latitude": None, "longitude": None,
            "postalCode": None, "state": None, "street": None,
        },
    }  # fmt: skip
    assert list(record) == ["attributes", "Owner", "Name", "Active__c", "CreatedDate", "BillingAddress"]


def test_missing_parents_and_empty_addresses_are_null(conn: sqlite3.Connection) -> None:
    (record,) = rows(conn, "SELECT Owner.Name, Owner.Profile.Name, BillingAddress FROM Account WHERE Name = 'Beta'")
    assert (record["Owner"], record["BillingAddress"]) == (None, None)


def test_paths_climb_and_aliases_stand_for_paths(conn: sqlite3.Connection) -> None:
    query = (
        "SELECT Contact.Id, c.Account.Owner.Profile.Name, b.City__c FROM Contact c, c.Building__r b "
        "WHERE b.Name = 'tower' AND Contact.Account.Owner.Name = 'ada'"
    )
    (record,) = rows(conn, query)
    assert record["Id"] == make_id("003", 1)
    assert record["Account"]["Owner"]["Profile"]["Name"] == "Standard User"
    assert record["Building__r"] == {"attributes": attributes("Building__c", 1, "a01"), "City__c": "Oslo"}


def test_polymorphic_parents_are_names(conn: sqlite3.Connection) -> None:
    first, second = rows(conn, "SELECT Who.Name, Who.Type, What.Id, Owner.Type, Owner.Email FROM Task ORDER BY Id")
    assert first["Who"] == {"attributes": attributes("Contact", 1, "003", "Name"), "Name": "Bo Lee", "Type": "Contact"}
    assert second["Who"] == {"attributes": attributes("Lead", 1, "00Q", "Name"), "Name": "Lou", "Type": "Lead"}
    assert second["What"]["Id"] == make_id("a01", 1)
    assert (first["Owner"]["Type"], first["Owner"]["Email"]) == ("User", "ada@example.com")
    assert (second["Owner"]["Type"], second["Owner"]["Email"]) == ("Queue", None)


def test_polymorphic_parents_in_filter_and_order(conn: sqlite3.Connection) -> None:
    assert ask(conn, "SELECT Id FROM Task WHERE Who.Name = 'LOU'").ids == [make_id("00T", 2)]
    assert ask(conn, "SELECT Id FROM Task WHERE Owner.Type = 'Queue'").ids == [make_id("00T", 2)]
    assert ask(conn, "SELECT Id FROM Task WHERE What.Type IN ('Account', 'Contact')").ids == [make_id("00T", 1)]
    assert ask(conn, "SELECT Id FROM Task ORDER BY Who.Name DESC").ids == [make_id("00T", 2), make_id("00T", 1)]


def test_a_case_goes_by_its_number(conn: sqlite3.Connection) -> None:
    add(conn, TASK, 21, Subject="Look", WhatId=add(conn, CASE, 1, CaseNumber="00001026"))
    (record,) = rows(conn, "SELECT What.Name FROM Task WHERE What.Name = '00001026'")
    assert record["What"] == {"attributes": attributes("Case", 1, "500", "Name"), "Name": "00001026"}


def test_typeof_shows_the_real_object(conn: sqlite3.Connection) -> None:
    query = (
        "SELECT TYPEOF Who WHEN Contact THEN LastName, Account.Name ELSE Name END, "
        "TYPEOF What WHEN Building__c THEN City__c END FROM Task ORDER BY Id"
    )
    first, second = rows(conn, query)
    assert first["Who"] == {
        "attributes": attributes("Contact", 1, "003"),
        "LastName": "Lee",
        "Account": {"attributes": attributes("Account", 1, "001"), "Name": "Acme"},
    }
    assert first["What"] is None
    assert second["Who"] == {"attributes": attributes("Lead", 1, "00Q"), "Name": "Lou"}
    assert second["What"] == {"attributes": attributes("Building__c", 1, "a01"), "City__c": "Oslo"}


def test_children_nest_and_are_null_where_there_are_none(conn: sqlite3.Connection) -> None:
    query = (
        "SELECT Name, (SELECT Name, (SELECT Subject FROM Tasks) FROM Account.Contacts), "
        "(SELECT Subject FROM Tasks WHERE Status = 'Deferred') FROM Account ORDER BY Name"
    )
    acme, beta = rows(conn, query)
    tasks = {"totalSize": 1, "done": True, "records": [{"attributes": attributes("Task", 1, "00T"), "Subject": "Call"}]}
    contact = {"attributes": attributes("Contact", 1, "003"), "Name": "Bo Lee", "Tasks": tasks}
    assert acme["Contacts"] == {"totalSize": 1, "done": True, "records": [contact]}
    assert (acme["Tasks"], beta["Contacts"], beta["Tasks"]) == (None, None, None)


def test_a_subquerys_bounds_and_order_count_per_parent(conn: sqlite3.Connection) -> None:
    for parent in (1, 2):
        for n in range(4):
            add(conn, CONTACT, parent * 10 + n, LastName=f"L{n}", Name=f"L{n}", AccountId=make_id("001", parent))
    query = "SELECT (SELECT Name FROM Contacts WHERE Name LIKE 'L%' ORDER BY Name DESC LIMIT 2 OFFSET 1) FROM Account"
    for record in rows(conn, query):
        assert [c["Name"] for c in record["Contacts"]["records"]] == ["L2", "L1"]


def test_deleted_children_stay_out_unless_asked_for(conn: sqlite3.Connection) -> None:
    add(conn, TASK, 20, Subject="Gone too", WhatId=make_id("001", 1), IsDeleted=1)
    query = "SELECT (SELECT Id FROM Tasks) FROM Account WHERE Name = 'Acme'"
    assert rows(conn, query)[0]["Tasks"]["totalSize"] == 1
    assert rows(conn, query, all_rows=True)[0]["Tasks"]["totalSize"] == 2


def test_nulls_come_first_unless_told(conn: sqlite3.Connection) -> None:
    def order(clause: str) -> list[str]:
        return [r["Name"] for r in rows(conn, f"SELECT Name FROM Account ORDER BY {clause}")]

    assert order("Industry") == order("Industry DESC") == ["Acme", "beta"]
    assert order("Industry NULLS LAST") == order("Industry DESC NULLS LAST") == ["beta", "Acme"]
    assert order("Name DESC") == ["beta", "Acme"]


def test_equal_rows_follow_their_ids(conn: sqlite3.Connection) -> None:
    for n in (31, 30, 32):
        add(conn, CONTACT, n, LastName="Same", Name="Same")
    found = ask(conn, "SELECT Id FROM Contact WHERE Name = 'Same' ORDER BY Name").ids
    assert found == [make_id("003", n) for n in (30, 31, 32)]


def test_fields_expand_to_what_the_user_sees(conn: sqlite3.Connection) -> None:
    hidden = user(fields={"Account.AnnualRevenue": "", "Account.BillingCity": ""})
    (record,) = rows(conn, "SELECT FIELDS(ALL) FROM Account WHERE Name = 'Acme' LIMIT 1", hidden)
    assert {"Id", "Name", "Active__c", "BillingAddress"} <= set(record)
    assert not {"AnnualRevenue", "BillingCity"} & set(record)
    assert record["BillingAddress"] is None
    (custom,) = rows(conn, "SELECT FIELDS(CUSTOM) FROM Account LIMIT 1")
    assert set(custom) == {"attributes", "Active__c", "Markets__c", "Code__c"}
    assert "Active__c" not in rows(conn, "SELECT FIELDS(STANDARD) FROM Account")[0]


def test_labels_and_formats(conn: sqlite3.Connection) -> None:
    query = (
        "SELECT toLabel(Status), FORMAT(CreatedDate) made, FORMAT(ActivityDate), What.Name FROM Task "
        "WHERE toLabel(Status) = 'erledigt'"
    )
    (record,) = rows(conn, query)
    assert (record["Status"], record["made"], record["ActivityDate"]) == ("Erledigt", "3/10/2026, 8:30 AM", "3/10/2026")
    (account,) = rows(conn, "SELECT FORMAT(AnnualRevenue) FROM Account WHERE AnnualRevenue > 0")
    assert account["AnnualRevenue"] == "$5.00"


def test_binary_content_is_an_address(conn: sqlite3.Connection) -> None:
    key = add(conn, ATTACHMENT, 1, Name="plan.pdf", Body="AAEC")
    assert rows(conn, "SELECT Body FROM Attachment")[0]["Body"] == f"{BASE}/Attachment/{key}/Body"


def test_version_is_echoed_in_addresses(conn: sqlite3.Connection) -> None:
    (record,) = rows(conn, "SELECT Id FROM Account LIMIT 1", api_version="v58.0")
    assert record["attributes"]["url"].startswith("/services/data/v58.0/sobjects/Account/")


@pytest.mark.parametrize(
    ("query", "code", "column", "message"),
    [
        ("select count() from XYZZY", "INVALID_TYPE", 21,
         "sObject type 'XYZZY' is not supported. If you are attempting to use a custom object, be sure to append the "
         f"'__c' after the entity name. {REFERENCE}"),
        ("SELECT Id, Foo FROM account", "INVALID_FIELD", 12,
         "No such column 'Foo' on entity 'Account'. If you are attempting to use a custom field, be sure to append "
         f"the '__c' after the custom field name. {REFERENCE}"),
        ("SELECT Owner.Foo FROM Account", "INVALID_FIELD", 8,
         "No such column 'Foo' on entity 'User'. If you are attempting to use a custom field, be sure to append the "
         f"'__c' after the custom field name. {REFERENCE}"),
        ("SELECT Who.Company FROM Task", "INVALID_FIELD", 8,
         "No such column 'Company' on entity 'Name'. If you are attempting to use a custom field, be sure to append "
         f"the '__c' after the custom field name. {REFERENCE}"),
        ("SELECT Boss.Name FROM Account", "INVALID_FIELD", 8,
         "Didn't understand relationship 'Boss' in field path. If you are attempting to use a custom relationship, be "
         f"sure to append the '__r' after the custom relationship name. {REFERENCE}"),
        ("SELECT Id, (SELECT Id FROM Pets) FROM Account", "INVALID_TYPE", 28,
         "Didn't understand relationship 'Pets' in FROM part of query call. If you are attempting to use a custom "
         f"relationship, be sure to append the '__r' after the custom relationship name. {REFERENCE}"),
        ("SELECT Id, Name, ID FROM Account", "INVALID_FIELD", 18, "duplicate field selected: Id"),
        ("SELECT TYPEOF Who WHEN Lead THEN Id END, Who.Name FROM Task", "INVALID_FIELD", 42,
         "duplicate field selected: Who"),
        ("SELECT Who.Name, TYPEOF Who WHEN Lead THEN Id END FROM Task", "INVALID_FIELD", 25,
         "duplicate field selected: Who"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", 8, "only aggregate expressions use field aliasing"),
        ("SELECT CALENDAR_YEAR(CreatedDate) FROM Account", "MALFORMED_QUERY", 8,
         "Field must be grouped or aggregated: CreatedDate"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", 8,
         "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201", "MALFORMED_QUERY", 8,
         "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD", 33,
         "field 'Description' can not be sorted in a query call"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", 24, "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", 24, "ALL ROWS not allowed in this context"),
        ("SELECT (SELECT COUNT(Id) FROM Contacts) FROM Account", "MALFORMED_QUERY", 16,
         "Field must be grouped or aggregated: Id"),
        ("SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account", "INVALID_FIELD", 8,
         "A field path may not climb more than 5 relationships"),
        ("SELECT Id FROM Profile USING SCOPE mine", "MALFORMED_QUERY", 16,
         "Using scope 'mine' is not supported for sObject Profile"),
    ],
)  # fmt: skip
def test_refused_queries(fault: Fault, query: str, code: str, column: int, message: str) -> None:
    found = fault(query)
    place = f"\n{query}\n{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}\n"
    assert (found.code, found.message, found.status) == (code, place + message, 400)


@pytest.mark.parametrize(
    ("query", "access", "code", "words"),
    [
        ("SELECT Id FROM Account", {"objects": {"Contact": "r"}}, "INVALID_TYPE", "sObject type 'Account'"),
        ("SELECT Account.Name FROM Contact", {"objects": {"Contact": "r"}}, "INVALID_FIELD", "relationship 'Account'"),
        ("SELECT (SELECT Id FROM Contacts) FROM Account", {"objects": {"Account": "r"}}, "INVALID_TYPE", "'Contacts'"),
        ("SELECT Email FROM Contact", {"objects": {"Contact": "r"}, "fields": {"Contact.Email": ""}}, "INVALID_FIELD",
         "No such column 'Email' on entity 'Contact'"),
        ("SELECT Id FROM Contact WHERE Email = 'x'", {"objects": {"Contact": "r"}, "fields": {"Contact.Email": ""}},
         "INVALID_FIELD", "No such column 'Email'"),
        ("SELECT Id FROM Contact ORDER BY Account.Name",
         {"objects": {"Contact": "r", "Account": "r"}, "fields": {"Contact.AccountId": ""}}, "INVALID_FIELD",
         "relationship 'Account'"),
    ],
)  # fmt: skip
def test_what_the_user_may_not_see_does_not_exist(
    fault: Fault, query: str, access: dict[str, Any], code: str, words: str
) -> None:
    found = fault(query, access=user(modify_all=False, view_all=False, **access))
    assert found.code == code
    assert words in found.message


def nested(levels: int) -> str:
    query = "SELECT Id FROM ChildAccounts"
    for _ in range(levels - 2):
        query = f"SELECT Id, ({query}) FROM ChildAccounts"
    return f"SELECT Id, ({query}) FROM Account WHERE Name = 'Acme'"


def test_children_nest_to_five_levels(conn: sqlite3.Connection, fault: Fault) -> None:
    (record,) = rows(conn, nested(5))
    (child,) = record["ChildAccounts"]["records"]
    assert (child["Id"], child["ChildAccounts"]) == (make_id("001", 2), None)
    assert "cannot query more than 5 levels" in fault(nested(6)).message


def test_a_subquery_has_no_semi_join(fault: Fault) -> None:
    found = fault("SELECT (SELECT Id FROM Contacts WHERE Id IN (SELECT WhoId FROM Task)) FROM Account")
    assert found.message.endswith("Nesting of semi join sub-selects is not supported")
