"""What Salesforce refuses, in its words: code, echoed line, caret, place and message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local_org.org.model import OrgFault

Fault = Callable[..., OrgFault]
_NAMES = "Please reference your WSDL or the describe call for the appropriate names."
_OBJECT = (
    "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' "
    f"after the entity name. {_NAMES}"
)
_COLUMN = (
    "No such column '{}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' "
    f"after the custom field name. {_NAMES}"
)
_PARENT = (
    "Didn't understand relationship '{}' in field path. If you are attempting to use a custom relationship, be sure to "
    f"append the '__r' after the custom relationship name. {_NAMES}"
)
_CHILD = (
    "Didn't understand relationship '{}' in FROM part of query call. If you are attempting to use a custom "
    f"relationship, be sure to append the '__r' after the custom relationship name. {_NAMES}"
)
_IDS = "(SELECT AccountId FROM Contact)"


def test_the_whole_layout_of_an_unknown_object(fault: Fault) -> None:
    assert fault("select count() from XYZZY").message == (
        "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n" + _OBJECT.format("XYZZY")
    )


@pytest.mark.parametrize(
    ("query", "code", "column", "message"),
    [
        ("SELECT Id FROM Nope", "INVALID_TYPE", 16, _OBJECT.format("Nope")),
        ("SELECT Foo FROM Account", "INVALID_FIELD", 8, _COLUMN.format("Foo", "Account")),
        ("SELECT Id FROM Account WHERE Foo = 1", "INVALID_FIELD", 30, _COLUMN.format("Foo", "Account")),
        ("SELECT Id FROM Account ORDER BY Foo", "INVALID_FIELD", 33, _COLUMN.format("Foo", "Account")),
        ("SELECT Owner.Foo FROM Account", "INVALID_FIELD", 8, _COLUMN.format("Foo", "User")),
        ("SELECT Boss.Name FROM Account", "INVALID_FIELD", 8, _PARENT.format("Boss")),
        ("SELECT (SELECT Id FROM Nopes) FROM Account", "INVALID_TYPE", 24, _CHILD.format("Nopes")),
        ("SELECT Name, name FROM Account", "INVALID_FIELD", 14, "duplicate field selected: Name"),
        ("SELECT FROM Account", "MALFORMED_QUERY", 8, "unexpected token: 'FROM'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", 29, "unexpected token: '<EOF>'"),
        ("SELECT COUNT(Id) FROM Account HAVING COUNT(Id) > 1", "MALFORMED_QUERY", 31, "unexpected token: 'HAVING'"),
        ("SELECT COUNT(Id) group FROM Account GROUP BY Name", "MALFORMED_QUERY", 18, "unexpected token: 'group'"),
        ("SELECT Id FROM Account null", "MALFORMED_QUERY", 24, "unexpected token: 'null'"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", 56,
         "unexpected token: 'OR'"),
        ("SELECT Id FROM Account WHERE OwnerId = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", 40, "invalid ID field: abc"),
        ("SELECT Id FROM Account WHERE CreatedDate = '2026-01-01T00:00:00Z'", "INVALID_FIELD", 44,
         "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in "
         "quotes"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", 30,
         "field 'Description' can not be filtered in a query call"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", 24,
         "Maximum SOQL offset allowed is 2000"),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 201", "MALFORMED_QUERY", 8,
         "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(CUSTOM) FROM Account", "MALFORMED_QUERY", 8,
         "The SOQL FIELDS function must have a LIMIT of at most 200"),
    ],
)  # fmt: skip
def test_texts(fault: Fault, query: str, code: str, column: int, message: str) -> None:
    found = fault(query)
    assert (found.code, found.status) == (code, 400)
    assert found.message == f"\n{query}\n{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}\n{message}"


@pytest.mark.parametrize(
    "where",
    [
        f"Id IN {_IDS} OR Name = 'x'",
        f"Id IN {_IDS} AND Id NOT IN {_IDS} AND Id IN {_IDS}",
        "Id IN (SELECT AccountId FROM Contact WHERE OwnerId IN (SELECT Id FROM User))",
        f"Name IN {_IDS}",
        "Id IN (SELECT ParentId FROM Account)",
        "Id IN (SELECT Email FROM Contact)",
        "Id IN (SELECT Id, AccountId FROM Contact)",
        "Active__c > true",
        "Name INCLUDES ('x')",
        f"Name = '{'x' * 4_001}'",
    ],
    ids=lambda where: where[:60],
)
def test_what_joins_and_operators_may_not(fault: Fault, where: str) -> None:
    assert fault(f"SELECT Id FROM Account WHERE {where}").code in ("MALFORMED_QUERY", "INVALID_QUERY_FILTER_OPERATOR")


def test_all_rows_is_for_apex(fault: Fault) -> None:
    assert fault("SELECT Id FROM Account ALL ROWS").message.endswith("ALL ROWS not allowed in this context")
