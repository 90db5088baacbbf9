"""Opt-outs stand on both sides, pass everything, and are taken back by a person's hand alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import UsageError
from core.mapping.spec import FieldMapping, Policy
from core.syncing import firewall
from tests.integration.kit import Desk, add_job

EMAIL = "consent-{}@acme4-realty.com"


def person(desk: Desk, name: str, *, out: bool, **fields: Any) -> tuple[str, int]:
    """A contact that is a person here as well; org Id and record number."""
    there = str(desk.org.create("Contact", LastName=name, Email=EMAIL.format(name), HasOptedOutOfEmail=out, **fields))
    desk.advance(5)
    desk.run("people_in")
    return there, int(
        desk.ws.database.one("SELECT record_id FROM link WHERE org_id = :o AND state = 'active'", o=there)
    )


def flags(desk: Desk, there: str, record: int) -> tuple[bool, bool]:
    """Whether they are out: in the org, and here."""
    (row,) = desk.org.soql(f"SELECT HasOptedOutOfEmail FROM Contact WHERE Id = '{there}'")
    return row["HasOptedOutOfEmail"], bool(
        desk.ws.database.one("SELECT opted_out_email FROM person WHERE id = :i", i=record)
    )


def both(desk: Desk) -> list[dict[str, int]]:
    desk.advance(5)
    return [desk.run(job)["counts"] for job in ("people_in", "opt_outs_out")]


@pytest.mark.requirement("S5", "N9")
@pytest.mark.parametrize("choice", ["out", "in"])
def test_an_opt_in_in_the_org_is_held_until_a_person_says_what_is_right(desk: Desk, choice: str) -> None:
    add_job(desk.ws, "opt_outs_out")
    there, record = person(desk, f"Turned{choice}", out=True)
    desk.advance(30)
    desk.org.update("Contact", there, HasOptedOutOfEmail=False, Title="Boss")
    both(desk)
    assert flags(desk, there, record) == (False, True), "nothing flips by itself, on either side"
    (asked,) = desk.ws.inbox(job="people_in", kind="opt_in").iter_rows(named=True)
    assert (asked["workspace"], asked["org"], asked["choices"]) == ("true", "false", ["out", "in"])
    if choice == "in":
        with pytest.raises(UsageError, match="Say why"):
            desk.ws.decide(asked["item"], "in")
    for run in desk.ws.decide(asked["item"], choice, note="form of 3 May"):
        desk.ended(run)
    both(desk)
    assert flags(desk, there, record) == ((True, True) if choice == "out" else (False, False))
    assert desk.ws.inbox(kind="opt_in").is_empty()
    states = desk.ws.consent(record).select("state", "actor", "evidence").rows()
    assert states[0][:2] == ("out", "org")
    assert states[1:] == ([] if choice == "out" else [("in", "ana", "form of 3 May")])
    assert not any(c["updated"] or c["held"] for c in both(desk))


@pytest.mark.requirement("S5")
def test_an_opt_in_by_hand_reaches_the_org_and_a_new_opt_out_there_stands(desk: Desk) -> None:
    add_job(desk.ws, "opt_outs_out")
    there, record = person(desk, "Hand", out=True)
    desk.advance(30)
    desk.ws.opt_in(record, "email", "she signed up at the fair")
    both(desk)
    assert flags(desk, there, record) == (False, False)
    desk.advance(30)
    desk.org.update("Contact", there, HasOptedOutOfEmail=True)
    both(desk)
    assert flags(desk, there, record) == (True, True)
    assert desk.ws.consent(record)["state"].to_list() == ["out", "in", "out"]


@pytest.mark.requirement("S5")
def test_an_opt_out_passes_a_conflict_and_the_rest_waits(desk: Desk) -> None:
    spec = desk.ws.job("people_in")
    desk.ws.save_job(spec.model_copy(update={"policy": Policy.ASK}))
    there, record = person(desk, "Torn", out=False, Title="Old")
    desk.advance(30)
    desk.ws.database.execute(
        "UPDATE person SET title = 'Ours', updated_at = :at WHERE id = :i", at=desk.clock.now(), i=record
    )
    desk.org.update("Contact", there, HasOptedOutOfEmail=True, Title="Theirs")
    desk.advance(5)
    assert desk.run("people_in")["counts"]["held"] == 1
    assert flags(desk, there, record) == (True, True)
    assert desk.ws.database.one("SELECT title FROM person WHERE id = :i", i=record) == "Ours"
    (asked,) = desk.ws.inbox(kind="conflict").iter_rows(named=True)
    assert asked["field"] == "title"


@pytest.mark.requirement("S5")
def test_an_opt_out_goes_out_although_the_job_updates_nothing_else(desk: Desk) -> None:
    there, record = person(desk, "Filtered", out=False)
    add_job(desk.ws, "opt_outs_out", update=False)
    desk.ws.take_in("optouts", [{"person": {"email": EMAIL.format("Filtered")}, "channel": "email", "opted_out": True}])
    counts = desk.run("opt_outs_out")["counts"]
    assert (counts["updated"], counts["skipped"] > 0) == (0, True)
    assert flags(desk, there, record) == (True, True)


@pytest.mark.requirement("N9")
def test_a_mapping_that_would_opt_people_in_stops_the_run_before_it_writes(desk: Desk) -> None:
    """A constant in place of the consent field goes round everything but the firewall."""
    there, record = person(desk, "Guarded", out=True)
    spec = add_job(desk.ws, "opt_outs_out")
    (first, *rest) = spec.pairs
    wrong = FieldMapping(constant="false", target="HasOptedOutOfEmail")
    right = FieldMapping(source="title", target="Title")
    mappings = tuple(m for m in first.mappings if m.target != "HasOptedOutOfEmail")
    pairs = (first.model_copy(update={"mappings": (*mappings, wrong, right)}), *rest)
    desk.ws.save_job(spec.model_copy(update={"pairs": pairs}))
    desk.ws.take_in("people", [{"source": "salesforce", "external_id": there.lower(), "title": "New"}])
    desk.org.reset_calls()
    info = desk.run("opt_outs_out", full=True)
    assert (info["status"], desk.pushes()) == ("failed", [])
    assert "people again who have opted out" in info["error"]["message"]
    assert flags(desk, there, record) == (True, True)
    line = desk.ws.database.read("SELECT v.body FROM event e JOIN event_value v ON v.event_id = e.id"
                                 " WHERE e.kind = 'consent.breach'")  # fmt: skip
    assert record in json.loads(line.item(0, 0))["people"]


@pytest.mark.requirement("N9")
def test_the_last_look_comes_right_before_a_batch_leaves(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody was opted in by hand, and opts out again between the plan and its batch."""
    there, record = person(desk, "Late", out=True)
    spec = add_job(desk.ws, "opt_outs_out")
    desk.ws.opt_in(record, "email", "asked for it")
    real = firewall.check
    anew = {"person": {"email": EMAIL.format("Late")}, "channel": "email", "opted_out": True}

    def check(*given: Any) -> None:
        real(*given)
        monkeypatch.setattr(firewall, "check", real)
        desk.ws.take_in("optouts", [anew])

    monkeypatch.setattr(firewall, "check", check)
    desk.org.reset_calls()
    info = desk.run(spec.name)
    assert (info["status"], info["error"]["cause"], desk.pushes()) == ("partial", "ConsentBreach", [])
    assert flags(desk, there, record) == (True, True)
