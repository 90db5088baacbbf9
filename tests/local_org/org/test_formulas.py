from __future__ import annotations

from typing import Any

import pytest

from local_org import soql
from local_org.org import alter, declaring, formulas, validation
from local_org.org.catalog import custom_field, files, standard_schema
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.formula_parser import Moment
from local_org.org.model import Field, FieldType
from local_org.org.session import Session
from tests.local_org.org.desk import Desk

FORMULAS: list[tuple[FieldType, str, Any]] = [
    ("double", "AnnualRevenue / NumberOfEmployees", 50.0),
    ("double", "AnnualRevenue / 0", None),
    ("double", "1 + 2 * 3 - -4", 11.0),
    ("double", "ROUND(10 / 4, 0) + ABS(-1) + MAX(2, 3) + LEN(Name)", 11.0),
    ("string", 'Name & " of " + BillingCity', "Acme of Oslo"),
    ("string", 'IF(ISPICKVAL(Rating, \'Hot\'), "yes", "no")', "yes"),
    ("string", 'CASE(Rating, "Cold", "c", "Hot", "h", "?")', "h"),
    ("string", "UPPER(LEFT(Name, 2)) & TEXT(NumberOfEmployees)", "AC2"),
    ("string", "BLANKVALUE(Site, 'none') & SUBSTITUTE(Name, 'A', 'a')", "noneacme"),
    ("string", "Site", None),
    ("boolean", "AND(NOT(ISBLANK(Name)), ISBLANK(Site) || FALSE)", True),
    ("boolean", "ISBLANK(YearStarted) && BEGINS(Name, 'Ac') && !CONTAINS(Name, 'x')", True),
    ("boolean", "ISBLANK(Score__c) && NumberOfEmployees >= 2", True),
    ("date", "TODAY() + 3", "2026-03-05"),
    ("double", "TODAY() - DATEVALUE(CreatedDate)", 0.0),
    ("datetime", "NOW() - 1", "2026-03-01T20:00:00.000+0000"),
    ("double", "YEAR(TODAY()) * 100 + MONTH(TODAY())", 202603.0),
    ("string", "Owner.Username", "admin@practice.example"),
    ("string", "Parent.Parent.Name", None),
    ("string", "Owner.Profile.Name", "System Administrator"),
]


@pytest.mark.parametrize(("kind", "text", "value"), FORMULAS)
def test_formulas(org: Org, desk: Desk, kind: FieldType, text: str, value: Any) -> None:
    alter.add_field(org, "Account", custom_field("F__c", kind, length=100 if kind == "string" else 12, formula=text))
    account = desk.make(
        "Account", Name="Acme", AnnualRevenue=100, NumberOfEmployees=2, BillingCity="Oslo", Rating="Hot"
    )
    assert desk.get("Account", account, "F__c") == [value]
    assert asked(desk.session, "SELECT F__c FROM Account")[0]["F__c"] == value


def asked(session: Session, query: str) -> list[dict[str, Any]]:
    org = session.org
    return soql.run(org.connection(), org.schema, session.access, query, now=org.clock.moment()).page()


def test_a_formula_moves_with_its_parent_and_the_day_but_no_stamp_does(org: Org, desk: Desk, clock: Clock) -> None:
    alter.add_field(org, "Contact", custom_field("City__c", "string", length=80, formula="Account.BillingCity"))
    alter.add_field(org, "Contact", custom_field("Age__c", "double", formula="TODAY() - DATEVALUE(CreatedDate)"))
    account = desk.make("Account", Name="Acme", BillingCity="Oslo")
    person = desk.make("Contact", LastName="Lee", AccountId=account)
    before = desk.get("Contact", person, "City__c", "Age__c", "SystemModstamp")
    clock.advance(86_400)
    desk.change("Account", account, BillingCity="Rome")
    assert before[:2] == ["Oslo", 0.0]
    assert desk.get("Contact", person, "City__c", "Age__c", "SystemModstamp") == ["Rome", 1.0, before[2]]
    found = asked(desk.session, "SELECT Id FROM Contact WHERE City__c = 'rome' ORDER BY Age__c")
    assert [row["Id"] for row in found] == [person]
    assert asked(desk.session, "SELECT City__c c, COUNT(Id) n FROM Contact GROUP BY City__c")[0]["c"] == "Rome"


def test_roll_ups_follow_their_children(org: Org, desk: Desk) -> None:
    rollup = {"child": "Opportunity", "reference": "AccountId"}
    won = {**rollup, "function": "sum", "field": "Amount", "when": [["IsWon", "=", True]]}
    fields = [
        {"name": "Deals__c", "type": "int", "rollup": rollup},
        {"name": "Won__c", "type": "currency", "length": 12, "rollup": won},
        {"name": "First__c", "type": "date", "rollup": {**rollup, "function": "min", "field": "CloseDate"}},
        {"name": "Share__c", "type": "double", "scale": 2, "formula": "Won__c / Deals__c"},
    ]
    declaring.declare(org, files.declared({"fields": {"Account": fields}}, "rollups"))
    account = desk.make("Account", Name="Acme")
    names = ("Deals__c", "Won__c", "First__c", "Share__c", "SystemModstamp")
    assert desk.get("Account", account, *names[:4]) == [0, 0.0, None, None]
    stamp = desk.get("Account", account, "SystemModstamp")
    common = {"AccountId": account, "CloseDate": "2026-05-01", "Amount": 10}
    desk.make("Opportunity", Name="A", StageName="Closed Won", **common)
    lost = desk.make("Opportunity", Name="B", StageName="Closed Lost", **common | {"CloseDate": "2026-04-01"})
    assert desk.get("Account", account, *names) == [2, 10.0, "2026-04-01", 5.0, *stamp]
    desk.delete("Opportunity", lost)
    assert desk.get("Account", account, *names[:3]) == [1, 10.0, "2026-05-01"]


def test_nobody_writes_them(org: Org, desk: Desk) -> None:
    alter.add_field(org, "Account", custom_field("F__c", "double", formula="1"))
    assert desk.refused("create", "Account", {"Name": "A", "F__c": 2}).code == "INVALID_FIELD_FOR_INSERT_UPDATE"
    described = next(f for f in desk.session.describe("Account")["fields"] if f["name"] == "F__c")
    assert (described["calculated"], described["calculatedFormula"], described["createable"]) == (True, "1", False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 +", "ends too early"),
        ("Nope", "no such field"),
        ("Nope.Name", "no parent Nope"),
        ("1 + 'a'", "where a number is wanted"),
        ("SIN(1)", "calls SIN"),
        ("IF(TRUE, 1)", "wrong number of values"),
        ("IF(TRUE, 1, 'a')", "may give"),
        ("1 2", "goes on"),
        ("#", "cannot be read"),
        ("Name", "gives a text"),
        ("F__c", "in a circle"),
    ],
)
def test_a_formula_that_makes_no_sense_is_refused(org: Org, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        alter.add_field(org, "Account", custom_field("F__c", "double", formula=text))
    account = org.schema.get("Account")
    assert account is not None
    assert account.field("F__c") is None


def test_texts_in_formulas_stay_texts() -> None:
    account = standard_schema().get("Account")
    assert account is not None
    hostile = Field("F__c", "string", "F", formula='"\'; DROP TABLE Account; --"')
    sql = formulas.worked_out(standard_schema(), account, hostile, "t", Moment(0))
    assert sql == "NULLIF('''; DROP TABLE Account; --', '') COLLATE NOCASE"


@pytest.mark.parametrize(
    ("formula", "refused"),
    [
        ("ISNEW() && ISBLANK(Phone)", [True, False, False]),
        ("AnnualRevenue > 100", [False, False, True]),
        ("ISCHANGED(AnnualRevenue)", [False, False, True]),
        ("PRIORVALUE(AnnualRevenue) = 5 && AnnualRevenue <> 5", [False, False, True]),
        ("NOT(ISNEW()) && Owner.Alias = 'AAdmi'", [False, True, True]),
        ("BEGINS(Name, 'x')", [False, False, False]),
    ],
)
def test_validation_rules_by_formula(org: Org, desk: Desk, formula: str, refused: list[bool]) -> None:
    account = desk.make("Account", Name="Acme", AnnualRevenue=5)
    validation.add_rule(org, validation.ValidationRule("Account", "rule", message="No", formula=formula, field="Name"))
    saves = [
        ("create", {"Name": "New", "AnnualRevenue": 5}),
        ("update", {"Id": account, "Phone": "1"}),
        ("update", {"Id": account, "AnnualRevenue": 500}),
    ]
    results = [desk.session.save(op, "Account", [record])[0] for op, record in saves]
    assert [not result.success for result in results] == refused
    errors = [result.errors[0] for result in results if not result.success]
    assert {(e.code, e.message, *(e.fields or [])) for e in errors} <= {
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No", "Name")
    }


@pytest.mark.parametrize("formula", ["", "Name", "ISCHANGED(Owner.Name)", "ISCHANGED()", "Nope = 1"])
def test_a_rule_that_makes_no_sense_is_refused(org: Org, formula: str) -> None:
    with pytest.raises(ValueError, match=r"Account\.rule|rule"):
        validation.add_rule(org, validation.ValidationRule("Account", "rule", message="No", formula=formula))


def test_a_field_that_a_formula_needs_stays(org: Org, desk: Desk) -> None:
    alter.add_field(org, "Account", custom_field("Base__c", "double"))
    validation.add_rule(org, validation.ValidationRule("Account", "rule", message="No", formula="Base__c > 1"))
    assert desk.refused("create", "Account", {"Name": "A", "Base__c": 2}).message == "No"
    alter.must_be_free(org, "Account", "Base__c")
    alter.add_field(org, "Account", custom_field("Twice__c", "double", formula="Base__c * 2"))
    for remove in (alter.must_be_free, alter.remove_field):
        with pytest.raises(ValueError, match="Base__c"):
            remove(org, "Account", "Base__c")
    alter.remove_field(org, "Account", "Twice__c")
    alter.remove_field(org, "Account", "Base__c")
    # The rule names what is gone, and refuses nobody any more.
    desk.make("Account", Name="A")


@pytest.mark.parametrize(
    ("rollup", "why"),
    [
        ({"child": "Contact", "reference": "AccountId", "function": "avg"}, "takes one of"),
        ({"child": "Contact", "reference": "OwnerId"}, "does not name Account"),
        ({"child": "Nope", "reference": "AccountId"}, "does not name Account"),
        ({"child": "Contact", "reference": "AccountId", "function": "sum", "field": "Nope"}, "no stored field"),
        ({"child": "Contact", "reference": "AccountId", "when": [["LastName", "~", "x"]]}, "compares with"),
    ],
)
def test_a_roll_up_that_makes_no_sense_is_refused(org: Org, rollup: dict[str, Any], why: str) -> None:
    field = {"name": "R__c", "type": "double", "rollup": rollup}
    with pytest.raises(ValueError, match=why):
        declaring.declare(org, files.declared({"fields": {"Account": [field]}}, "rollups"))
