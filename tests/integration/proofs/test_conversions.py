"""A converted lead is the same person here: link, activities and opt-out go to the contact, whoever reads it first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.kit import Desk, add_job, calls

EMAIL = "{}@lead-and-sons.com"


def people(desk: Desk, email: str) -> list[dict[str, Any]]:
    """Everybody here with the address, closed ones too."""
    found = desk.ws.database.read(
        "SELECT p.id, p.last_name, p.opted_out_email, p.account_record_id, p.deleted_at, l.org_id, l.sobject, l.how"
        " FROM person p LEFT JOIN link l ON l.record_id = p.id AND l.table_name = 'person' AND l.state = 'active'"
        " WHERE p.email = :e ORDER BY p.id",
        e=email,
    )
    return list(found.iter_rows(named=True))


def lead(desk: Desk, name: str, **fields: Any) -> str:
    return str(desk.org.create("Lead", LastName=name, Company="Lead and Sons", Email=EMAIL.format(name), **fields))


def told(desk: Desk, org_id: str) -> dict[str, Any]:
    """What the lineage says of an org record."""
    frame = desk.ws.frames.lineage()
    (line,) = [r for r in frame.iter_rows(named=True) if r["org_id"] == org_id]
    return dict(line)


def call(desk: Desk, tag: str, email: str) -> None:
    (answer,) = desk.ws.take_in("activities", calls(tag, 1, at=desk.clock.now(), person={"email": email}))
    assert answer.result == "created", answer


@pytest.mark.requirement("X8", "T18")
def test_link_account_and_calls_follow_a_converted_lead(desk: Desk) -> None:
    email, account = EMAIL.format("Ada"), {"external_id": "lead-and-sons", "name": "Lead and Sons"}
    desk.ws.take_in("accounts", [account | {"domain": "lead-and-sons.com"}])
    lead_id = lead(desk, "Ada")
    desk.advance(5)
    desk.run("people_in")
    (was,) = people(desk, email)
    assert (was["org_id"], was["account_record_id"] is not None) == (lead_id, True)
    call(desk, "before", email)
    assert desk.run("calls_out")["counts"]["created"] == 1
    desk.advance(30)
    made = desk.org.convert(lead_id)
    contact, company = made["contact_id"], made["account_id"]
    # Queued before anything here knows: the org refuses the lead, and the call waits for the link to move.
    call(desk, "queued", email)
    assert desk.run("calls_out")["counts"]["waiting"] == 1
    preview = desk.ws.preview("people_in")
    ran = desk.run("people_in")
    assert ran["counts"] == preview.counts
    assert (ran["counts"]["created"], ran["counts"]["deleted"]) == (0, 0)
    assert people(desk, email) == [{**was, "org_id": contact, "sobject": "Contact", "how": "converted"}]
    links = desk.ws.database.read("SELECT org_id, state, how FROM link WHERE record_id = :i ORDER BY id", i=was["id"])
    assert [r[:2] for r in links.iter_rows()] == [(lead_id, "superseded"), (contact, "active")]
    line = told(desk, lead_id)
    assert (line["became"], line["into_org_id"], line["into_sobject"]) == ("converted", contact, "Contact")
    assert line["evidence"] == "ConvertedContactId"
    linked = desk.ws.database.one(
        "SELECT org_id FROM link WHERE table_name = 'account' AND record_id = :i AND state = 'active'",
        i=was["account_record_id"],
    )
    assert linked == company
    assert desk.run("calls_out")["counts"]["created"] == 1
    there = {t["Description"].split()[0]: t["WhoId"] for tag in ("before", "queued") for t in desk.tasks(tag)}
    assert there == {"before": contact, "queued": contact}
    again = desk.run("people_in")["counts"]
    assert again["input"] == again["unchanged"] + again["filtered"]
    assert f"{contact}" in str(desk.ws.explain(lead_id))


@pytest.mark.requirement("X8", "S5", "T18")
def test_a_lead_that_became_a_known_contact_leaves_one_person_with_calls_and_opt_out(desk: Desk) -> None:
    """The lead opted out unseen, was converted into a contact that is in, and was deleted: all between two runs."""
    add_job(desk.ws, "opt_outs_out")
    lead_id = lead(desk, "Bea")
    contact = desk.org.create("Contact", LastName="Bea Known", Email=EMAIL.format("known"))
    desk.advance(5)
    desk.run("people_in")
    (loser,), (heir,) = people(desk, EMAIL.format("Bea")), people(desk, EMAIL.format("known"))
    call(desk, "known", EMAIL.format("Bea"))
    desk.advance(30)
    desk.org.update("Lead", lead_id, HasOptedOutOfEmail=True)
    desk.org.convert(lead_id, contact_id=contact)
    desk.org.update("Contact", contact, HasOptedOutOfEmail=False)
    desk.org.delete("Lead", lead_id)
    desk.advance(5)
    desk.run("people_in")
    (closed,), (stays,) = people(desk, EMAIL.format("Bea")), people(desk, EMAIL.format("known"))
    assert (closed["deleted_at"] is not None, closed["org_id"]) == (True, None)
    assert (stays["id"], stays["org_id"], stays["deleted_at"]) == (heir["id"], contact, None)
    assert bool(stays["opted_out_email"])
    assert told(desk, lead_id)["became"] == "converted"
    theirs = desk.ws.database.one("SELECT person_record_id FROM activity WHERE notes LIKE 'known %'")
    assert int(theirs) == heir["id"] != loser["id"]
    assert desk.run("calls_out")["counts"]["created"] == 1
    assert [t["WhoId"] for t in desk.tasks("known")] == [contact]
    assert desk.run("opt_outs_out")["counts"]["updated"] == 1
    assert desk.org.soql(f"SELECT HasOptedOutOfEmail FROM Contact WHERE Id = '{contact}'") == [
        {"HasOptedOutOfEmail": True}
    ]


@pytest.mark.requirement("X8")
@pytest.mark.parametrize("first", ["contacts", "leads"])
def test_jobs_apart_and_a_filter_that_hides_converted_leads_still_follow(desk: Desk, first: str) -> None:
    spec = desk.ws.job("people_in")
    desk.ws.disable("people_in")
    contacts, leads = spec.pairs
    only = leads.model_copy(update={"where": "IsConverted = false"})
    for name, pair in (("contacts", contacts), ("leads", only)):
        desk.ws.save_job(spec.model_copy(update={"name": name, "title": name, "pairs": (pair,)}))
        desk.ws.enable(name)
    email = EMAIL.format(f"Cy{first}")
    lead_id = lead(desk, f"Cy{first}")
    desk.advance(5)
    for name in ("contacts", "leads"):
        desk.run(name)
    (was,) = people(desk, email)
    desk.advance(30)
    contact = desk.org.convert(lead_id)["contact_id"]
    desk.advance(5)
    order = ("contacts", "leads") if first == "contacts" else ("leads", "contacts")
    for name in (*order, *order):
        desk.run(name)
        (now,) = people(desk, email)
        assert (now["id"], now["deleted_at"]) == (was["id"], None)
    assert (now["org_id"], now["sobject"], now["how"]) == (contact, "Contact", "converted")
    assert desk.ws.database.one("SELECT archived_at FROM person WHERE id = :i", i=was["id"]) is None


@pytest.mark.requirement("X20", "T18")
def test_what_was_undeleted_in_the_org_is_the_record_that_was_deleted_here_with_it(desk: Desk) -> None:
    email = EMAIL.format("back")
    spec = desk.ws.job("people_in")
    desk.ws.save_job(spec.model_copy(update={"delete": True}))
    contact = desk.org.create("Contact", LastName="Back", Email=email)
    desk.advance(5)
    desk.run("people_in")
    (was,) = people(desk, email)
    desk.org.delete("Contact", contact)
    desk.advance(30)
    assert desk.run("people_in")["counts"]["deleted"] == 1
    assert people(desk, email)[0]["deleted_at"] is not None
    desk.org._control("POST", "undelete", {"object": "Contact", "ids": [contact]})
    desk.advance(30)
    preview = desk.ws.preview("people_in")
    ran = desk.run("people_in")
    assert (ran["counts"], ran["status"]) == (preview.counts, "complete")
    assert people(desk, email) == [{**was, "how": "restored"}]
