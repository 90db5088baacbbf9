"""Match keys, per direction: what meets for the first time is linked and not made twice; several are never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import UsageError
from core.mapping.spec import JobSpec
from tests.integration.kit import Desk, add_job, calls


def keyed(desk: Desk, job: str, *match: str) -> JobSpec:
    """The job with these match keys."""
    spec = desk.ws.job(job)
    pair = spec.pairs[0].model_copy(update={"match": ("link", *match)})
    return desk.ws.save_job(spec.model_copy(update={"pairs": (pair, *spec.pairs[1:])}))


def people(desk: Desk, *rows: dict[str, Any]) -> None:
    at = desk.clock.now().isoformat()
    told = desk.ws.take_in("people", [{"source": "crm", "updated_at": at, **r} for r in rows])
    assert {t.result for t in told} <= {"created", "updated"}, told


def links(desk: Desk) -> dict[str, tuple[str, str, str]]:
    """External id -> org Id, how it was linked, and by what."""
    frame = desk.ws.database.read(
        "SELECT p.external_id, l.org_id, l.how, l.evidence FROM link l JOIN person p ON p.id = l.record_id"
        " WHERE l.table_name = 'person' AND l.state = 'active' AND p.source = 'crm'"
    )
    return {r[0]: (r[1], r[2], r[3]) for r in frame.iter_rows()}


@pytest.mark.requirement("X7")
def test_outbound_what_is_in_the_org_already_is_linked_and_not_made_again(desk: Desk) -> None:
    org = desk.org
    there = org.create("Contact", LastName="Keyes", Email="Kay@keys.example", Title="CFO")
    same = org.create("Contact", FirstName="Lou", LastName="Keyes", Email="lou@keys.example")
    twins = [org.create("Contact", LastName="Twin", Email="twin@keys.example") for _ in range(2)]
    formed = org.create("Contact", FirstName="Mo", LastName="Keyes", Phone="(312) 555-0142", Department="Leasing")
    wrong = org.create("Contact", FirstName="Al", LastName="Keyes", Phone="(312) 555-0142", Department="Sales")
    add_job(desk.ws, "contacts_out", create=False)
    people(
        desk,
        {"external_id": "kay", "first_name": "Kay", "last_name": "Keyes", "email": "kay@keys.example"},
        {"external_id": "lou", "first_name": "Lou", "last_name": "Keyes", "email": "LOU@keys.example"},
        {"external_id": "twin", "last_name": "Twin", "email": "twin@keys.example"},
        {"external_id": "nobody", "last_name": "Nobody", "email": "nobody@keys.example"},
        {"external_id": "mo", "first_name": "Mo", "last_name": "Keyes", "phone": "+1 312 555 0142"},
    )
    before = org.count("SELECT COUNT() FROM Contact")
    preview = desk.ws.preview("contacts_out").rows
    assert "in the org already, by email" in preview.filter(preview["key"] == "kay")["reason"][0]
    counts = desk.run("contacts_out")["counts"]
    assert (counts["updated"], counts["unchanged"], counts["held"], counts["created"]) == (1, 1, 1, 0), counts
    assert counts["skipped"] == 2, "the job makes nothing new"
    kay = org.soql(f"SELECT FirstName, Title, Email FROM Contact WHERE Id = '{there}'")[0]
    assert (kay["FirstName"], kay["Title"]) == ("Kay", "CFO"), "what is empty there is filled, the rest stays"
    assert links(desk) == {"kay": (there, "matched", "email"), "lou": (same, "matched", "email")}

    # A composite key of this direction alone: the number and the name; the switchboard's other half is somebody else.
    keyed(desk, "contacts_out", "email", "phone + first_name")
    assert desk.run("contacts_out", full=True)["counts"]["held"] == 1
    assert links(desk)["mo"] == (formed, "matched", "phone + first_name")
    assert wrong not in {i for i, _, _ in links(desk).values()}
    assert org.count("SELECT COUNT() FROM Contact") == before

    # Several in the org: a person picks, or says that it is none of them.
    (asked,) = desk.ws.inbox(kind="org_match").iter_rows(named=True)
    assert {c["org_id"] for c in json.loads(asked["candidates"])} == set(twins)
    assert asked["choices"] == ["same", "new"]
    with pytest.raises(UsageError, match="which org record"):
        desk.ws.decide(asked["item"], "same")
    for run in desk.ws.decide(asked["item"], "same", org_id=twins[1]):
        desk.ended(run)
    assert links(desk)["twin"][:2] == (twins[1], "matched")
    assert org.count("SELECT COUNT() FROM Contact") == before

    # With creating on, who is not there is made, once; who is there under none of the keys too.
    desk.ws.save_job(desk.ws.job("contacts_out").model_copy(update={"create": True}))
    assert desk.run("contacts_out", full=True)["counts"]["created"] == 1
    assert desk.run("contacts_out", full=True)["counts"]["created"] == 0
    assert org.count("SELECT COUNT() FROM Contact") == before + 1


@pytest.mark.requirement("X7")
def test_inbound_has_keys_of_its_own(desk: Desk) -> None:
    org = desk.org
    people(
        desk,
        {"external_id": "ann", "first_name": "Ann", "last_name": "Inn", "company": "Inns"},
        {"external_id": "bob", "first_name": "Bob", "last_name": "Inn", "company": "Inns"},
        {"external_id": "cy-1", "first_name": "Cy", "last_name": "Inn", "company": "Inns"},
        {"external_id": "cy-2", "first_name": "Cy", "last_name": "Inn", "company": "Inns"},
    )
    ids = {n: org.create("Lead", FirstName=n.title(), LastName="INN", Company="Inns ") for n in ("ann", "cy")}
    other = org.create("Lead", FirstName="Bob", LastName="Inn", Company="Another")
    add_job(desk.ws, "people_in")
    spec = desk.ws.job("people_in")
    lead = spec.pair("Lead").model_copy(
        update={"match": ("email", "first_name + last_name + company"), "where": "LastName = 'Inn'"}
    )
    desk.ws.save_job(spec.model_copy(update={"pairs": (lead,)}))
    counts = desk.run("people_in")["counts"]
    assert (counts["held"], counts["created"]) == (1, 1), counts
    assert {n: (i, why) for n, (i, _, why) in links(desk).items()} == {
        "ann": (ids["ann"], "first_name + last_name + company")
    }
    (asked,) = desk.ws.inbox(kind="match").iter_rows(named=True)
    here = "SELECT id FROM person WHERE external_id IN ('cy-1', 'cy-2')"
    meant = {c["record_id"] for c in json.loads(asked["candidates"])}
    assert meant == set(desk.ws.database.read(here)["id"]), asked["candidates"]
    assert asked["org_id"] == ids["cy"]
    assert desk.ws.database.one("SELECT record_id FROM link WHERE org_id = :o AND how = 'created_in'", o=other)


@pytest.mark.requirement("X7")
def test_a_key_that_cannot_be_compared_is_named(desk: Desk) -> None:
    add_job(desk.ws, "contacts_out")
    spec = desk.ws.job("contacts_out")
    for keys, code in (
        (("last_name + shoe_size",), "match_key_unmapped"),
        (("last_name + company",), "match_key_unmapped"),
    ):
        pair = spec.pairs[0].model_copy(update={"match": keys})
        told = [f for f in desk.ws.validate(spec.model_copy(update={"pairs": (pair,)})) if f.severity == "fail"]
        assert [f.code for f in told] == [code], told
    mapped = [m for m in spec.pairs[0].mappings if m.target != "LastName"]
    last = next(m for m in spec.pairs[0].mappings if m.target == "LastName")
    changed = last.model_copy(update={"value_map": {"a": "b"}})
    pair = spec.pairs[0].model_copy(update={"match": ("last_name + email",), "mappings": (*mapped, changed)})
    told = desk.ws.validate(spec.model_copy(update={"pairs": (pair,)}))
    assert "match_key_changed" in {f.code for f in told}


def who(desk: Desk, call: dict[str, Any], given: str) -> tuple[str | None, str]:
    """The person a call goes to in the org, and what is said of it, for this way of naming the person."""
    (answer,) = desk.ws.take_in("activities", [call | {"person": {"id": given}}])
    assert answer.result == "created", answer
    info = desk.run("calls_out")
    told = desk.ws.run_results(info["run_id"]).row(0, named=True)
    there = desk.org.soql(f"SELECT WhoId FROM Task WHERE Id = '{told['org_id']}'") if told["org_id"] else []
    return (there[0]["WhoId"] if there else None), told["cause"]


def test_external_ids_match_in_lower_case_and_org_ids_in_their_long_form(desk: Desk) -> None:
    org_id = desk.org.create("Contact", LastName="Spelled", Email="spelled@keys.example")
    assert len(org_id) == 18
    assert org_id != org_id.lower()
    add_job(desk.ws, "contacts_out", create=False)
    people(desk, {"external_id": "CRM-Spelled", "last_name": "Spelled", "email": "spelled@keys.example"})
    people(desk, {"external_id": "crm-SPELLED", "title": "CFO"})
    desk.run("contacts_out")
    assert links(desk)["crm-spelled"][0] == org_id, "the external id in lower case, the org's own Id as it is"
    frame = desk.ws.database.read("SELECT id FROM person WHERE source = 'crm'")
    assert frame.height == 1, "one record, however its external id is written"
    out = {"person": {"id": str(frame.item())}, "channel": "email", "opted_out": True}
    assert [a.result for a in desk.ws.take_in("optouts", [out])] == ["updated"], "intake knows our own id as well"
    add_job(desk.ws, "calls_out")
    *rest, last = calls("spelled", 5, at=desk.clock.now())
    for call, given in zip(rest, ("CRM-sPELLED", org_id, org_id[:15], org_id.lower()), strict=True):
        assert who(desk, call, given) == (org_id, ""), given
    # Its case is lost, and nothing can bring it back: nobody is guessed.
    assert who(desk, last, org_id[:15].lower()) == (None, "orphan")
