"""Reading describes: flags, required fields, fingerprints, field paths."""

from __future__ import annotations

import pytest

from core.schema.describe import OrgObject, resolve
from tests.unit.schema.describes import contact, field, org_object, orgs, raw_object, task


def test_field_is_found_in_any_case() -> None:
    found = task().field("activitydate")
    assert found is not None
    assert (found.name, found.type) == ("ActivityDate", "date")


def test_missing_field_is_none() -> None:
    assert task().field("Nothing__c") is None


@pytest.mark.parametrize(
    ("flags", "required"),
    [
        ({"nillable": False}, True),
        ({"nillable": True}, False),
        ({"nillable": False, "defaultedOnCreate": True}, False),
        ({"nillable": False, "createable": False}, False),
    ],
)
def test_required_on_create(flags: dict[str, bool], required: bool) -> None:
    names = [f.name for f in org_object("X__c", field("A__c", **flags)).required_on_create]
    assert ("A__c" in names) is required


def test_only_active_values_count() -> None:
    values = [{"value": "A", "active": True}, {"value": "B", "active": False}]
    found = org_object("X__c", field("P__c", "picklist", picklistValues=values)).field("P__c")
    assert found is not None
    assert found.active_values == ("A",)


def test_fingerprint_ignores_labels_and_order() -> None:
    raw = raw_object("X__c", field("A__c"), field("B__c"))
    moved = raw | {"fields": [f | {"label": "other"} for f in reversed(raw["fields"])]}
    assert OrgObject.from_describe(raw).fingerprint() == OrgObject.from_describe(moved).fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"length": 10},
        {"type": "picklist"},
        {"createable": False},
        {"nillable": False},
        {"picklistValues": [{"value": "A", "active": True}]},
        {"restrictedPicklist": True},
    ],
)
def test_fingerprint_moves_with_what_decides_writes(change: dict[str, object]) -> None:
    before = org_object("X__c", field("A__c")).fingerprint()
    assert org_object("X__c", field("A__c") | change).fingerprint() != before


@pytest.mark.parametrize(
    ("path", "exists"),
    [
        ("Subject", True),
        ("owner.EMAIL", True),
        ("Task.Subject", True),
        ("Owner.Shoe", False),
        ("Boss.Email", False),
        ("Who.Email", True),
        ("Who.Company", False),
        ("Account.Name", True),
        ("Account.Owner.Email", True),
        ("Account.Nothing", False),
    ],
)
def test_paths(path: str, exists: bool) -> None:
    objects = orgs()
    assert resolve(path, objects["Task"], objects).exists is exists


def test_path_into_an_object_not_described_is_taken_as_existing() -> None:
    found = resolve("Account.Anything", contact(), {})
    assert found.exists
    assert not found.known
