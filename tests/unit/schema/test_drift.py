"""Every kind of drift is named with the severity it has."""

from __future__ import annotations

import pytest

from core.schema.contract import Contract, Need
from core.schema.drift import compare
from tests.unit.schema.describes import field, org_object, task

PICK = field("P__c", "picklist", picklist=["A", "B"], restrictedPicklist=True)


@pytest.mark.parametrize(
    ("old", "new", "code", "severity"),
    [
        (field("F__c"), field("F__c", length=10), "shorter", "risky"),
        (field("F__c", length=10), field("F__c"), "longer", "harmless"),
        (field("F__c"), field("F__c", "date"), "type", "breaking"),
        (field("F__c"), field("F__c", "url"), "type", "risky"),
        (field("F__c"), field("F__c", nillable=False), "required", "breaking"),
        (field("F__c"), field("F__c", updateable=False), "no_updateable", "breaking"),
        (field("F__c", calculated=False), field("F__c", calculated=True), "calculated", "breaking"),
        (field("F__c", externalId=True), field("F__c"), "no_external_id", "breaking"),
        (PICK, field("P__c", "picklist", picklist=["A"], restrictedPicklist=True), "values_gone", "breaking"),
        (PICK, field("P__c", "picklist", picklist=["A"]), "values_gone", "risky"),
        (PICK, field("P__c", "picklist", picklist=["A", "B", "C"], restrictedPicklist=True), "values_new", "harmless"),
        (field("F__c"), field("F__c", label="New"), "label", "harmless"),
    ],
)
def test_field_drift(old: dict[str, object], new: dict[str, object], code: str, severity: str) -> None:
    found = {d.code: d for d in compare(org_object("X__c", old), org_object("X__c", new))}
    assert found[code].severity == severity
    assert str(new["name"]) in found[code].message


def test_nothing_changed_is_no_drift() -> None:
    assert compare(task(), task()) == []


def test_hidden_field_breaks() -> None:
    (found,) = compare(org_object("X__c", field("F__c")), org_object("X__c"))
    assert (found.code, found.severity, found.field) == ("field_gone", "breaking", "F__c")


def test_renamed_field_is_recognized_by_label_and_type() -> None:
    found = compare(org_object("X__c", field("A__c", label="Size")), org_object("X__c", field("B__c", label="Size")))
    assert found[0].code == "field_renamed"
    assert found[0].values == ("B__c",)


def test_new_required_field_breaks_and_comes_first() -> None:
    found = compare(org_object("X__c"), org_object("X__c", field("A__c"), field("B__c", nillable=False)))
    assert [(d.code, d.severity) for d in found] == [("required_new", "breaking"), ("field_new", "harmless")]


def test_object_gone_and_permission_lost() -> None:
    assert [d.code for d in compare(task(), None)] == ["object_gone"]
    assert [d.code for d in compare(task(), task(createable=False))] == ["object_no_create"]


def _contract() -> Contract:
    org = org_object("X__c", field("F__c", length=100), PICK, field("K__c", externalId=True))
    named = {f.name: f for f in org.fields}
    needs = (
        Need.of(named["F__c"], create=True, update=True),
        Need.of(named["P__c"], create=True, values=["A", "B"]),
        Need.of(named["K__c"], create=True, external_id=True),
    )
    return Contract("X__c", needs, create=True, update=True, filled=("F__c", "P__c", "K__c"))


KEPT = (field("F__c", length=100), PICK, field("K__c", externalId=True))


def test_kept_contract_has_no_breach() -> None:
    assert _contract().breaches(org_object("X__c", *KEPT)) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (field("F__c", length=50), "shorter"),
        (field("F__c", "double"), "type"),
        (field("F__c", length=100, updateable=False), "read_only"),
        (field("P__c", "picklist", picklist=["A"], restrictedPicklist=True), "values_gone"),
        (field("K__c"), "no_external_id"),
        (field("New__c", nillable=False), "required_unfilled"),
    ],
)
def test_breaches_name_the_field_and_what_to_ask(changed: dict[str, object], code: str) -> None:
    fields = {str(f["name"]): f for f in (*KEPT, changed)}
    (found,) = _contract().breaches(org_object("X__c", *fields.values()))  # type: ignore[arg-type]
    assert (found.code, found.field) == (code, changed["name"])
    assert str(changed["name"]) in found.ask


def test_hidden_field_and_object_are_breaches() -> None:
    assert [b.code for b in _contract().breaches(org_object("X__c", *KEPT[1:]))] == ["field_gone"]
    assert [b.code for b in _contract().breaches(None)] == ["object_gone"]


def test_contract_survives_storage() -> None:
    assert Contract.from_dict(_contract().to_dict()) == _contract()
