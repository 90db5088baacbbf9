from __future__ import annotations

from pathlib import Path

import pytest

from local_org.org import validation
from local_org.org.engine import Org
from local_org.org.validation import Automation, Condition, DuplicateRule, ValidationRule
from tests.local_org.org.desk import Desk

NO_OUTCOME = ValidationRule(
    "Task",
    "Outcome_Required",
    (Condition("Status", "eq", "completed"), Condition("Outcome__c", "blank")),
    "A completed call needs an outcome.",
    "Outcome__c",
)


def test_validation_rule(desk: Desk, org: Org) -> None:
    validation.add_rule(org, NO_OUTCOME)
    fault = desk.refused("create", "Task", {"Status": "Completed"})
    assert fault.code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert (fault.message, fault.fields) == ("A completed call needs an outcome.", ["Outcome__c"])
    task = desk.make("Task")
    assert desk.refused("update", "Task", {"Id": task, "Status": "Completed"}).fields == ["Outcome__c"]
    desk.change("Task", task, Status="Completed", Outcome__c="Connected")


def test_all_broken_rules_are_told(desk: Desk, org: Org) -> None:
    validation.add_rule(org, NO_OUTCOME)
    validation.add_rule(org, ValidationRule("Task", "Subject", (Condition("Subject", "blank"),), "Say what."))
    errors = desk.session.save("create", "Task", [{"Status": "Completed"}])[0].errors
    assert [(fault.message, fault.fields) for fault in errors] == [
        ("A completed call needs an outcome.", ["Outcome__c"]),
        ("Say what.", []),
    ]


def test_removed_rule(desk: Desk, org: Org) -> None:
    validation.add_rule(org, NO_OUTCOME)
    validation.remove_rule(org, "Task", "Outcome_Required")
    desk.make("Task", Status="Completed")


def test_rules_survive_the_file(desk: Desk, org: Org, tmp_path: Path) -> None:
    duplicate = DuplicateRule("Contact", "Same_Mail", ("Email",))
    automation = Automation("Task", "Heal", (Condition("Outcome__c", "blank"),), {"Outcome__c": "No Answer"})
    for rule in (NO_OUTCOME, duplicate, automation):
        validation.add_rule(org, rule)
    org.close()
    with Org.open(tmp_path / "org.db") as again:
        book = validation.rulebook(again)
        assert book.validations == (NO_OUTCOME,)
        assert (book.duplicates, book.automations) == ((duplicate,), (automation,))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("Amount", "gt", 10), True),
        (Condition("Amount", "lt", 10), False),
        (Condition("Name", "longer", 2), True),
        (Condition("Name", "contains", "EA"), True),
        (Condition("Name", "in", ["deal", "other"]), True),
        (Condition("Name", "not_in", ["deal"]), False),
        (Condition("Name", "ne", "x"), True),
        (Condition("NextStep", "filled"), False),
        (Condition("NextStep", "lt", 3), False),
        (Condition("Name", "changed"), False),
    ],
)
def test_conditions(desk: Desk, org: Org, condition: Condition, holds: bool) -> None:
    validation.add_rule(org, ValidationRule("Opportunity", "Rule", (condition,), "No."))
    row = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-01-01", "Amount": 11}
    assert desk.session.save("create", "Opportunity", [row])[0].success != holds


def test_changed_is_about_updates(desk: Desk, org: Org) -> None:
    validation.add_rule(org, ValidationRule("Account", "Frozen", (Condition("Site", "changed"),), "Frozen."))
    account = desk.make("Account", Name="A", Site="x")
    desk.change("Account", account, Site="x")
    assert desk.refused("update", "Account", {"Id": account, "Site": "y"}).message == "Frozen."


def test_automation_heals_a_row(desk: Desk, org: Org) -> None:
    validation.add_rule(org, NO_OUTCOME)
    blank = (Condition("Outcome__c", "blank"),)
    validation.add_rule(org, Automation("Task", "Heal", blank, {"Outcome__c": "No Answer"}))
    task = desk.make("Task", Status="Completed")
    assert desk.get("Task", task, "Outcome__c") == ["No Answer"]


def test_duplicate_rule(desk: Desk, org: Org) -> None:
    validation.add_rule(org, DuplicateRule("Contact", "Same_Mail", ("Email",)))
    first = desk.make("Contact", LastName="Doe", Email="jo@acme.example")
    fault = desk.refused("create", "Contact", {"LastName": "Roe", "Email": "JO@acme.example"})
    assert isinstance(fault, validation.DuplicatesFault)
    assert (fault.code, fault.message) == ("DUPLICATES_DETECTED", "Use one of these records?")
    assert fault.matches == [first]
    desk.change("Contact", first, Email="jo@acme.example", Title="x")


@pytest.mark.parametrize("allow_save", [True, False])
def test_duplicate_rule_header(desk: Desk, org: Org, allow_save: bool) -> None:
    validation.add_rule(org, DuplicateRule("Contact", "Same_Mail", ("Email",), allow_save=allow_save))
    row = {"LastName": "Doe", "Email": "jo@acme.example"}
    desk.make("Contact", **row)
    header = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert desk.session.save("create", "Contact", [row], headers=header)[0].success == allow_save
