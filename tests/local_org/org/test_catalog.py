from __future__ import annotations

import pytest

from local_org.org.catalog import custom_field, custom_object, extend, standard_schema
from local_org.org.catalog.declare import standard_field
from local_org.org.model import Schema

SCHEMA = standard_schema()


@pytest.mark.parametrize("sobject", SCHEMA.objects, ids=lambda o: o.name)
def test_every_object_is_whole(sobject) -> None:  # type: ignore[no-untyped-def]
    names = [f.name for f in sobject.fields]
    assert names[0] == "Id"
    assert len(names) == len({name.lower() for name in names})
    for f in sobject.fields:
        for part in f.compound_of:
            found = sobject.field(part)
            assert found is not None
            assert found.compound == f.name
        for target in f.reference_to:
            assert SCHEMA.get(target), f"{sobject.name}.{f.name} names {target}"
        if f.default is not None and f.picklist:
            assert f.default in [value.value for value in f.picklist]


def test_key_prefixes_are_unique() -> None:
    shared = ("TaskStatus", "LeadStatus", "OpportunityStage")
    prefixes = [o.key_prefix for o in SCHEMA.objects if o.name not in shared]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize(
    ("path", "kind", "flags"),
    [
        ("Contact.HasOptedOutOfEmail", "boolean", "CUD"),
        ("Lead.DoNotCall", "boolean", "CUD"),
        ("Lead.IsConverted", "boolean", "CD"),
        ("Lead.ConvertedContactId", "reference", "N"),
        ("Account.MasterRecordId", "reference", "N"),
        ("Contact.Name", "string", ""),
        ("Opportunity.StageName", "picklist", "CU"),
        ("Task.AccountId", "reference", "N"),
        ("Task.Status", "picklist", "CUD"),
        ("Task.TaskSubtype", "picklist", "CN"),
        ("Event.EndDate", "date", "N"),
        ("Event.StartDateTime", "datetime", "CUN"),
        ("OpportunityContactRole.OpportunityId", "reference", "C"),
    ],
)
def test_flags(path: str, kind: str, flags: str) -> None:
    sobject, _, name = path.partition(".")
    found = SCHEMA.get(sobject)
    f = found.field(name) if found else None
    assert f is not None
    held = zip("CUND", (f.createable, f.updateable, f.nillable, f.defaulted_on_create), strict=True)
    assert (f.type, "".join(letter for letter, on in held if on)) == (kind, flags)


def test_activity_fields_appear_on_both() -> None:
    schema = extend(SCHEMA, fields={"Activity": [custom_field("Key__c", "string", length=9)]})
    assert [has(schema, name) for name in ("Task", "Event", "Contact")] == [True, True, False]
    assert not has(SCHEMA, "Task")


def has(schema: Schema, name: str) -> bool:
    found = schema.get(name)
    return found is not None and found.field("Key__c") is not None


def test_objects_with_activities_become_parents() -> None:
    lot = custom_object("Lot__c", "Lot", "Lots", "a09", [], activities=True)
    plain = custom_object("Plain__c", "Plain", "Plains", "a08", [])
    task = extend(SCHEMA, objects=[lot, plain]).get("Task")
    what = task.field("WhatId") if task else None
    assert what is not None
    assert "Lot__c" in what.reference_to
    assert "Plain__c" not in what.reference_to


def test_custom_field_shapes() -> None:
    lookup = custom_field("Owner_Of__c", "reference", to="Account", child="Holdings")
    assert (lookup.relationship_name, lookup.child_relationship, lookup.length) == ("Owner_Of__r", "Holdings__r", 18)
    score = custom_field("Score__c", "double", length=5, scale=2)
    assert (score.precision, score.scale, score.length) == (5, 2, 0)
    note = custom_field("Note__c", "textarea", length=32000)
    assert (note.filterable, note.nillable, note.label) == (False, True, "Note")


def test_names_of_custom_things_end_in_c() -> None:
    with pytest.raises(ValueError, match="ends in __c"):
        custom_field("Nope", "string")
    with pytest.raises(ValueError, match="ends in __c"):
        custom_object("Nope", "Nope", "Nopes", "a01", [])


def test_bad_declarations() -> None:
    with pytest.raises(ValueError, match="sparkling"):
        standard_field({"name": "X", "type": "string", "sparkling": True}, {})
    with pytest.raises(ValueError, match="not a field type"):
        standard_field({"name": "X", "type": "sting"}, {})
    with pytest.raises(ValueError, match="no such object"):
        extend(SCHEMA, fields={"Nope": []})
