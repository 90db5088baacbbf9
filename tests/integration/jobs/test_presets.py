"""Orgs in the style of Apto, Ascendix and Rethink: properties, listings and deals come in, and calls attach to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.errors import NotFound, NotValid
from tests.integration.kit import BY_HAND, Desk, add_job, connect
from tests.practice import Practice


@dataclass(frozen=True)
class Style:
    """An org in the style of a product: its schemas, what an admin picks in it, and a record of each role."""

    preset: str
    schemas: tuple[str, ...]
    made: dict[str, tuple[str, dict[str, str]]]
    """Role -> object, and its lookups: field -> property, account or contact."""
    picks: dict[str, str] = field(default_factory=dict)
    via: str = ""
    """The role whose record is found through the contact on it."""


STYLES = (
    Style(
        "ascendix",
        ("ascendix",),
        {
            "property": ("ascendix__Property__c", {"ascendix__OwnerLandlord__c": "account"}),
            "listing": ("ascendix__Listing__c", {"ascendix__Property__c": "property"}),
            "deal": ("ascendix__Deal__c", {"ascendix__Property__c": "property", "ascendix__Tenant__c": "account"}),
        },
    ),
    Style(
        "apto",
        ("mclabs2", "sample"),
        {
            "property": ("McLabs2__Property__c", {"McLabs2__Owner_Company__c": "account"}),
            "listing": ("Listing__c", {}),
            "deal": ("Opportunity", {"AccountId": "account"}),
        },
        picks={"listing": "Listing__c"},
    ),
    Style(
        "rethink",
        ("sample",),
        {
            "property": ("Property__c", {"Owner_Contact__c": "contact"}),
            "listing": ("Listing__c", {"Property__c": "property", "Contact__c": "contact"}),
            "deal": ("Deal__c", {"Property__c": "property"}),
        },
        via="listing",
    ),
)
MORE = {"Opportunity": {"StageName": "Prospecting", "CloseDate": "2031-01-01"}}


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator[Callable[[Style], Desk]]:
    """Makes a desk on an org of a style."""
    open_orgs: list[Practice] = []
    desks: list[Desk] = []

    def make(style: Style) -> Desk:
        open_orgs.append(Practice(*(a for s in style.schemas for a in ("--schema", s))))
        desks.append(Desk(open_orgs[-1], tmp_path / style.preset))
        connect(desks[-1].ws, open_orgs[-1])
        return desks[-1]

    yield make
    for desk in desks:
        desk.close()
    for org in open_orgs:
        org.stop()


def filled(org: Practice, style: Style) -> dict[str, str]:
    """An account, its contact, and a property, a listing and a deal; their Ids by role."""
    ids = {"account": org.create("Account", Name="Quay Holdings", Website="quay.example")}
    ids["contact"] = org.create("Contact", LastName="Quay", Email="q@quay.example", AccountId=ids["account"])
    for role, (sobject, lookups) in style.made.items():
        told = {f: ids[r] for f, r in lookups.items()} | MORE.get(sobject, {})
        ids[role] = org.create(sobject, Name=f"The {role}", **told)
    return ids


def call(desk: Desk, name: str, **more: Any) -> dict[str, Any]:
    at = desk.clock.now().isoformat()
    return {"source": "dialer", "external_id": name, "kind": "call", "occurred_at": at, "updated_at": at,
            "person": {"email": "q@quay.example"}, "duration_s": 20, "direction": "outbound", "outcome": "connected",
            "notes": name, **more}  # fmt: skip


@pytest.mark.requirement("T13", "T2", "T4", "A15")
@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.preset)
def test_a_call_goes_to_a_property_a_listing_and_a_deal(style: Style, desk_of: Callable[[Style], Desk]) -> None:
    desk = desk_of(style)
    ids = filled(desk.org, style)
    for name in ("accounts_in", "people_in", "calls_out"):
        add_job(desk.ws, name)
    desk.run("accounts_in")
    desk.run("people_in")
    told = desk.ws.check_preset(style.preset)
    for role, sobject in style.picks.items():
        (missing,) = [f for f in told if f.code == "preset_object" and f" {role} " in f.message]
        assert f"perhaps {sobject}" in missing.mend, "what is not known by name is suggested"
    made = desk.ws.create_preset_jobs(style.preset, style.picks, calls="calls_out")
    brought = {s.pairs[0].sobject: s.name for s in made}
    assert {o for o, _ in style.made.values()} <= set(brought)
    assert not any(j["is_enabled"] for j in desk.ws.jobs() if j["name"] in brought.values())
    for spec in made:
        assert [f for f in desk.ws.validate(spec) if f.severity == "fail"] == []
        desk.ws.save_job(spec.model_copy(update={"schedule": BY_HAND}))
        desk.ws.enable(spec.name)
        counts = desk.run(spec.name)["counts"]
        assert counts["created"] == counts["input"] == sum(o == spec.pairs[0].sobject for o, _ in style.made.values())

    query = "SELECT r.label, r.name, l.org_id, r.account_record_id, r.person_record_id, r.parent_ref FROM record r"
    here = desk.ws.database.read(f"{query} JOIN link l ON l.record_id = r.id AND l.table_name = 'record'")
    kept = {r["org_id"]: r for r in here.iter_rows(named=True)}
    assert {i: kept[i]["name"] for i in kept} == {ids[r]: f"The {r}" for r in style.made}
    for role, (_, lookups) in style.made.items():
        row = kept[ids[role]]
        assert row["label"] == role.capitalize()
        assert (row["account_record_id"] is not None) == ("account" in lookups.values())
        assert (row["person_record_id"] is not None) == ("contact" in lookups.values())
        assert row["parent_ref"] == (ids["property"] if "property" in lookups.values() else None)

    rows = [call(desk, role, related_to={"object": o, "id": ids[role]}) for role, (o, _) in style.made.items()]
    desk.ws.take_in("activities", [*rows, call(desk, "through")])
    assert desk.run("calls_out")["counts"]["created"] == 4
    what = {t["Description"]: t for t in desk.org.soql("SELECT Description, WhatId, WhoId FROM Task")}
    assert {n: t["WhatId"] for n, t in what.items()} == {
        **{role: ids[role] for role in style.made}, "through": ids[style.via or "account"],
    }  # fmt: skip
    assert {t["WhoId"] for t in what.values()} == {ids["contact"]}


@pytest.mark.requirement("T13")
def test_a_preset_that_does_not_fit_the_org_is_refused_by_name(desk: Desk) -> None:
    assert desk.ws.check_preset("ascendix")[0].code == "preset_wrong"
    with pytest.raises(NotValid, match="none of the objects"):
        desk.ws.create_preset_jobs("ascendix")
    with pytest.raises(NotFound, match="has no stadium"):
        desk.ws.create_preset_jobs("plain", {"stadium": "Stadium__c"})
    assert {p["name"] for p in desk.ws.presets()} == {"apto", "ascendix", "plain", "rethink"}


@pytest.mark.requirement("T2", "A15")
def test_the_phones_of_custom_records_are_known(desk: Desk) -> None:
    desk.org.schema_change("add_field", object="Property__c", field="Site_Phone__c", type="phone", length=40)
    try:
        desk.ws.refresh_org(["Property__c"])
        made = desk.ws.create_preset_jobs("plain")
        (spec,) = [s for s in made if s.pairs[0].sobject == "Property__c"]
        place = desk.org.create("Property__c", Name="Gate House", Site_Phone__c="+1 312 555 0177")
        desk.ws.enable(spec.name)
        assert desk.run(spec.name)["counts"]["rejected"] == 0
        query = "SELECT r.phone, c.value FROM record r JOIN contact_point c ON c.record_id = r.id WHERE r.name = :n"
        found = desk.ws.database.read(f"{query} AND c.table_name = 'record'", n="Gate House")
        assert found.rows() == [("+1 312 555 0177", "+13125550177")]
        assert desk.ws.summary()["workspace"]["record"] > 1
        desk.org.delete("Property__c", place)
    finally:
        desk.org.schema_change("remove_field", object="Property__c", field="Site_Phone__c")
