"""A merge in the org leaves one person here: the record of the loser goes on as the winner."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.kit import Desk, add_job

EMAIL = "dup{}@acme1-realty.com"


def people(desk: Desk, email: str) -> list[dict[str, Any]]:
    found = desk.ws.database.read(
        "SELECT p.id, p.last_name, p.opted_out_email, l.org_id FROM person p LEFT JOIN link l ON l.record_id = p.id"
        " AND l.table_name = 'person' AND l.state = 'active' WHERE p.email = :e AND p.deleted_at IS NULL",
        e=email,
    )
    return list(found.iter_rows(named=True))


def contact(desk: Desk, name: str, email: str, **fields: Any) -> str:
    return str(desk.org.create("Contact", LastName=name, Email=email, **fields))


@pytest.mark.requirement("T18")
def test_the_winner_that_was_never_here_takes_over_the_losers_record(desk: Desk) -> None:
    email = EMAIL.format("one")
    desk.advance(5)
    loser = contact(desk, "Loser", email)
    desk.run("people_in")
    (was,) = people(desk, email)
    desk.advance(30)
    winner = contact(desk, "Winner", email)
    desk.org.merge("Contact", winner, [loser])
    desk.advance(5)
    preview = desk.ws.preview("people_in")
    assert preview.counts["created"] == 0
    ran = desk.run("people_in")
    assert ran["counts"] == preview.counts
    assert ran["counts"]["updated"] == 2
    assert people(desk, email) == [{**was, "last_name": "Winner", "org_id": winner}]
    again = desk.run("people_in")["counts"]
    assert again["input"] == again["unchanged"] + again["filtered"]


@pytest.mark.requirement("T18")
def test_of_two_losers_one_record_stays(desk: Desk) -> None:
    email = EMAIL.format("two")
    desk.advance(5)
    losers = [contact(desk, f"Loser {n}", email) for n in range(2)]
    desk.run("people_in")
    assert len(people(desk, email)) == 2
    desk.advance(30)
    winner = contact(desk, "Winner", email)
    desk.org.merge("Contact", winner, losers)
    desk.advance(5)
    desk.run("people_in")
    assert [(p["last_name"], p["org_id"]) for p in people(desk, email)] == [("Winner", winner)]


def test_what_was_edited_here_after_the_merge_stays_and_so_does_an_opt_out(desk: Desk) -> None:
    email = EMAIL.format("three")
    desk.advance(5)
    loser = contact(desk, "Loser", email, HasOptedOutOfEmail=True)
    desk.run("people_in")
    desk.advance(30)
    winner = contact(desk, "Winner", email)
    desk.org.merge("Contact", winner, [loser])
    desk.advance(30)
    desk.ws.database.execute(
        "UPDATE person SET last_name = 'Ours', updated_at = :at WHERE email = :e", at=desk.clock.now(), e=email
    )
    desk.run("people_in")
    (left,) = people(desk, email)
    assert (left["last_name"], bool(left["opted_out_email"]), left["org_id"]) == ("Ours", True, winner)


@pytest.mark.requirement("T18")
def test_a_chain_of_merges_within_one_reading_is_followed_to_its_end(desk: Desk) -> None:
    email = EMAIL.format("chain")
    desk.advance(5)
    loser = contact(desk, "Loser", email)
    desk.run("people_in")
    (was,) = people(desk, email)
    desk.advance(30)
    between, winner = contact(desk, "Between", email), contact(desk, "Winner", email)
    desk.org.merge("Contact", between, [loser])
    desk.org.merge("Contact", winner, [between])
    desk.advance(5)
    preview = desk.ws.preview("people_in")
    assert desk.run("people_in")["counts"] == preview.counts
    assert people(desk, email) == [{**was, "last_name": "Winner", "org_id": winner}]


@pytest.mark.requirement("S5", "T18")
def test_an_opt_out_outlives_the_merge_of_two_people_who_are_both_here(desk: Desk) -> None:
    """The org keeps the winner's flags; who has opted out as the loser is out as the winner, here and there."""
    add_job(desk.ws, "opt_outs_out")
    desk.advance(5)
    loser = contact(desk, "Loser", EMAIL.format("five"))
    winner = contact(desk, "Winner", EMAIL.format("six"))
    desk.run("people_in")
    (answer,) = desk.ws.take_in(
        "optouts", [{"person": {"email": EMAIL.format("five")}, "channel": "email", "opted_out": True}]
    )
    assert answer.result == "updated"
    desk.advance(5)
    desk.org.merge("Contact", winner, [loser])
    desk.advance(5)
    desk.run("people_in")
    (left,) = people(desk, EMAIL.format("six"))
    assert (bool(left["opted_out_email"]), left["org_id"], people(desk, EMAIL.format("five"))) == (True, winner, [])
    assert desk.run("opt_outs_out")["counts"]["updated"] == 1
    assert desk.org.soql(f"SELECT HasOptedOutOfEmail FROM Contact WHERE Id = '{winner}'") == [
        {"HasOptedOutOfEmail": True}
    ]
