"""Opt-outs reach whatever a person is in the org: Contacts and Leads, from one job."""

from __future__ import annotations

import pytest

from tests.integration.kit import Desk, add_job


@pytest.mark.requirement("S4")
def test_an_opt_out_reaches_contacts_and_leads_and_makes_no_second_record(desk: Desk) -> None:
    contact = desk.org.create("Contact", LastName="Out", Email="out-contact@acme1-realty.com")
    lead = desk.org.create("Lead", LastName="Out", Company="Out & Co", Email="out-lead@acme2-realty.com")
    stays = desk.org.create("Lead", LastName="In", Company="In & Co", Email="in-lead@acme2-realty.com")
    desk.advance(5)
    desk.run("people_in")
    add_job(desk.ws, "opt_outs_out")
    people = ("out-contact@acme1-realty.com", "out-lead@acme2-realty.com")
    rows = [{"person": {"email": email}, "channel": "email", "opted_out": True} for email in people]
    answers = desk.ws.take_in("optouts", rows)
    assert [a.result for a in answers] == ["updated", "updated"]
    counts = desk.run("opt_outs_out")["counts"]
    assert (counts["updated"], counts["created"], counts["rejected"]) == (2, 0, 0)
    flags = desk.org.soql("SELECT Id, HasOptedOutOfEmail FROM Lead WHERE LastName IN ('Out', 'In')")
    flags += desk.org.soql("SELECT Id, HasOptedOutOfEmail FROM Contact WHERE LastName = 'Out'")
    assert {r["Id"]: r["HasOptedOutOfEmail"] for r in flags} == {contact: True, lead: True, stays: False}
    again = desk.run("opt_outs_out")["counts"]
    assert again["updated"] == 0


@pytest.mark.requirement("A6")
def test_a_person_who_is_a_lead_is_not_made_a_contact_as_well(desk: Desk) -> None:
    desk.org.create("Lead", LastName="Only", Company="Only & Co", Email="only-lead@acme2-realty.com")
    desk.advance(5)
    desk.run("people_in")
    add_job(desk.ws, "contacts_out")
    desk.run("contacts_out", full=True)
    assert desk.org.soql("SELECT Id FROM Contact WHERE LastName = 'Only'") == []
