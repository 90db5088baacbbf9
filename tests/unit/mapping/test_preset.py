"""Presets are data: proposed where they fit, and checked against the org."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.mapping.preset import best, check, fitted, from_dict, preset, presets
from core.schema.describe import OrgObject
from tests.unit.schema.describes import field, lookup, org_object, orgs, task

PLAIN = (
    org_object("Property__c", field("City__c"), field("Property_Type__c"), lookup("Owner_Contact__c", "Contact")),
    org_object("Deal__c", field("Stage__c"), lookup("Property__c", "Property__c"), lookup("Contact__c", "Contact")),
)
OPEN_TASK = task(lookup("WhatId", "Account", "Property__c", "Deal__c"))
ASCENDIX = org_object("ascendix__Property__c", field("ascendix__City__c"))


def with_objects(*objects: OrgObject) -> dict[str, OrgObject]:
    return orgs() | {o.name: o for o in (OPEN_TASK, *objects)}


@pytest.mark.parametrize("name", ["apto", "ascendix", "rethink", "plain"])
def test_packaged_presets_are_complete(name: str) -> None:
    chosen = preset(name)
    assert chosen.note
    assert {"property", "listing", "deal"} <= {o.role for o in chosen.objects}
    assert set(chosen.attach) <= {o.role for o in chosen.objects}


def test_best_preset_is_the_one_the_org_has_most_of() -> None:
    assert getattr(best(with_objects(*PLAIN)), "name", None) == "plain"
    assert getattr(best(with_objects(ASCENDIX)), "name", None) == "ascendix"
    assert best(orgs()) is None


def test_fitted_keeps_only_what_is_there_in_order_of_attachment() -> None:
    deal, prop = fitted(preset("plain"), with_objects(*PLAIN))
    assert (deal.sobject, deal.parent, deal.people, deal.attachable) == (
        "Deal__c",
        "Property__c",
        ("Contact__c",),
        True,
    )
    assert prop.fields == {"city": "City__c", "type": "Property_Type__c"}


@pytest.mark.requirement("T13")
def test_check_names_what_is_missing() -> None:
    hit = {(f.code, f.field) for f in check(preset("plain"), with_objects(*PLAIN))}
    assert ("preset_object", "Listing__c") in hit
    assert ("preset_field", "Street__c") in hit
    assert ("preset_field", "City__c") not in hit
    assert "preset_wrong" not in {code for code, _ in hit}


@pytest.mark.requirement("T13")
def test_check_tells_of_objects_that_allow_no_activities() -> None:
    closed = orgs() | {o.name: o for o in PLAIN}
    assert "preset_no_activities" in {f.code for f in check(preset("plain"), closed)}


def test_a_preset_for_another_package_fails() -> None:
    assert check(preset("ascendix"), orgs())[0].code == "preset_wrong"


def test_an_adapted_preset_is_data() -> None:
    raw = {"title": "Ours", "note": "-", "objects": [{"role": "deal", "names": ["Deal__c"]}], "attach": ["deal"]}
    assert [f.sobject for f in fitted(from_dict("ours", raw), with_objects(*PLAIN))] == ["Deal__c"]


def test_unknown_preset() -> None:
    with pytest.raises(NotFound, match="no preset"):
        preset("nothing")
    assert len(presets()) >= 4
