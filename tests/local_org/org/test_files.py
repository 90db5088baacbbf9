from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_org.org import declaring
from local_org.org.catalog import files, grown, standard_schema
from local_org.org.engine import Org
from tests.local_org.org.desk import Desk


@pytest.mark.parametrize("name", files.names())
def test_every_schema_that_comes_along_is_whole(name: str) -> None:
    declared = files.named(name)
    schema = grown(standard_schema(), declared)
    assert set(declared.objects) <= {o.name for o in schema.objects}
    for sobject in schema.objects:
        for f in sobject.fields:
            assert all(schema.get(target) for target in f.reference_to), f.name
            assert all(sobject.field(part) for part in f.compound_of), f.name
    assert grown(schema, declared) == schema


def test_packages_carry_their_namespace_and_say_what_they_are_modelled_on() -> None:
    for name, namespace in (("ascendix", "ascendix__"), ("mclabs2", "McLabs2__")):
        declared = files.named(name)
        assert "modelled on public names" in declared.label
        for sobject, spec in declared.objects.items():
            assert sobject.startswith(namespace)
            assert all(field["name"].startswith(namespace) for field in spec.get("fields", ()))


def test_schemas_of_several_packages_fit_into_one_org(org: Org, desk: Desk) -> None:
    for name in files.names():
        declaring.declare(org, files.named(name))
    prefixes = [o.key_prefix for o in org.schema.objects if o.custom]
    assert len(prefixes) == len(set(prefixes))
    place = {"ascendix__Geolocation__Latitude__s": 40.7, "ascendix__Geolocation__Longitude__s": -74.0}
    building = desk.make("ascendix__Property__c", Name="One Plaza", **place)
    assert desk.get("ascendix__Property__c", building, "ascendix__Geolocation__c") == [
        {"latitude": 40.7, "longitude": -74.0}
    ]
    call = desk.make("Task", Subject="Call", WhatId=building, McLabs2__Description__c="rang twice")
    assert desk.get("Task", call, "McLabs2__Description__c") == ["rang twice"]


def test_a_file_of_ones_own(org: Org, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        """
objects:
  Vessel__c: {label: Vessel, fields: [{name: Tonnage__c, type: double, length: 8, scale: 1}]}
picklists: {Flags: [Panama, "Malta*"]}
fields:
  Vessel__c: [{name: Flag__c, type: picklist, values: Flags, restricted: true}]
  Activity: [{name: Berth__c, type: string, length: 20}]
  Account: [{name: Rating, values: [Gold, Silver], restricted: true}]
validation_rules:
  - {object: Vessel__c, name: heavy, when: [{field: Tonnage__c, op: gt, value: 500}], message: Too heavy}
"""
    )
    assert declaring.declare_once(org, "own", files.read(path))
    ship = desk.make("Vessel__c", Name="Aurora", Tonnage__c=12.5)
    assert desk.get("Vessel__c", ship, "Flag__c") == ["Malta"]
    assert desk.refused("create", "Vessel__c", {"Name": "Titan", "Tonnage__c": 900}).message == "Too heavy"
    assert desk.refused("create", "Account", {"Name": "A", "Rating": "Hot"}).fields == ["Rating"]
    assert org.schema.get("Event").field("Berth__c").length == 20  # type: ignore[union-attr]
    assert not declaring.declare_once(org, "own", files.read(path))


def test_json_will_do_as_well(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"objects": {"Pier__c": {"fields": [{"name": "Depth__c", "type": "int"}]}}}))
    pier = grown(standard_schema(), files.read(path)).get("Pier__c")
    assert pier is not None
    assert (pier.label, pier.label_plural, pier.key_prefix) == ("Pier", "Piers", "a00")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "empty"),
        ("things: {}", "unknown parts: things"),
        ("objects: [a]", "wants a mapping"),
        ("objects: {Pier__c: {colour: red}}", "unknown words"),
        ("objects: {Pier__c: {fields: [plain]}}", "wants a mapping in each place"),
        ("fields: {Account: [{name: X__c, type: sting}]}", "not a field type"),
        ("fields: {Account: [{name: Nope, restricted: true}]}", "no such field"),
        ("fields: {Nope: [{name: X__c, type: int}]}", "no such object"),
        ("fields: {Account: [{name: X__c, type: picklist, values: Nope}]}", "no picklist is named"),
        ("fields: {Account: [{name: X__c, type: int, rollup: {childs: Contact}}]}", "a roll-up wants"),
        ("fields: {Account: [{name: X__c, type: int, rollup: [a]}]}", "a roll-up wants"),
        ("fields: {Account: [{name: X, type: int, formula: '1'}]}", "only custom fields"),
        ("objects: {Account: {fields: []}}", "Account is there already"),
        ("objects: {Vessel: {label: Vessel}}", "wants an Id"),
        ("objects: {'a b__c': {label: Vessel}}", "holds letters, digits"),
        ("validation_rules: [null]", "wants a mapping in each place"),
        ("sharing: {Account: Open}", "sharing of Account"),
        ("objects: {a: b", "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=why):
        grown(standard_schema(), files.read(path))


def test_a_declaration_that_fails_leaves_nothing_behind(org: Org) -> None:
    bad = {"objects": {"Pier__c": {}}, "record_types": {"Pier__c": [{"name": "A", "values": {"Nope__c": ["x"]}}]}}
    with pytest.raises(ValueError, match="Nope__c"):
        declaring.declare(org, files.declared(bad, "bad"))
    assert org.schema.get("Pier__c") is None
