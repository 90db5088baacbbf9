"""Somebody who was erased here stays out, whatever new record of theirs the org holds."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.integration.kit import Desk

ERASED = {"FirstName": "Dora", "LastName": "Vance", "Email": "dora.vance@quietharbor.com", "Phone": "+1 312 555 0917"}
TABLES = ("person", "contact_point", "link", "change", "record_result", "open_row", "event_value", "setting")


def traces(desk: Desk) -> list[str]:
    """What of hers can be read anywhere here."""
    text = json.dumps({t: desk.ws.database.read(f"SELECT * FROM {t}").to_dicts() for t in TABLES}, default=str).lower()
    return [t for t in ("vance", "quietharbor", "5550917", "555 0917") if t in text]


@pytest.mark.requirement("X28")
def test_a_new_org_record_of_somebody_erased_is_not_brought_in_and_it_is_said_why(desk: Desk) -> None:
    home = {"AccountId": desk.org.soql("SELECT Id FROM Account LIMIT 1")[0]["Id"]}
    old = desk.org.create("Contact", **ERASED, **home)
    assert desk.run("people_in")["counts"]["created"] >= 1
    assert traces(desk)
    desk.ws.erase_person(ERASED["Email"])
    assert traces(desk) == []
    desk.org.update("Contact", old, Title="Broker")
    by_mail = desk.org.create("Contact", FirstName="D.", LastName="Vance", Email=ERASED["Email"].upper(), **home)
    by_number = desk.org.create("Contact", **{k: v for k, v in ERASED.items() if k != "Email"}, **home)
    other = desk.org.create("Contact", FirstName="Max", LastName="Brandt", Phone=ERASED["Phone"], **home)
    try:
        info = desk.run("people_in")
        rows = desk.ws.frames.results().filter(pl.col("run_id") == info["run_id"])
        told = {r["org_id"]: r for r in rows.iter_rows(named=True)}
        for new in (by_mail, by_number):
            assert (told[new]["outcome"], told[new]["cause"]) == ("filtered", "erased")
            assert told[new]["reason"] == "This person was erased on request and is not taken in again."
        assert told[old]["cause"] == "deleted_here"
        assert {told[i]["title"] for i in (by_mail, by_number, old)} == {"[erased]"}
        assert told[other]["outcome"] == "created", "another person who answers the same number"
        assert [t for t in traces(desk) if t not in ("5550917", "555 0917")] == []
        found = desk.ws.frames.links().filter(pl.col("org_id").is_in([by_mail, by_number]))
        assert found.is_empty()
    finally:
        for i in (old, by_mail, by_number, other):
            desk.org.delete("Contact", i)
