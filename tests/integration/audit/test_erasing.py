"""A person's values are found and blanked everywhere; old values are reduced; the books still balance."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest

from core.audit import balance as books
from core.audit.frames import Frames
from core.store import erasing, retaining
from core.store.codec import dumps
from core.store.database import Database
from core.syncing.intake import take_in
from tests.integration.audit import world
from tests.integration.audit.world import NOW, WS

TRACES = ("Dana Fox", "dana@acme.example", "+13125550101")


def everything(db: Database) -> str:
    """All text of the workspace's tables."""
    tables = (
        "person",
        "activity",
        "contact_point",
        "link",
        "change",
        "record_result",
        "open_row",
        "event",
        "event_value",
    )
    return json.dumps({t: db.read(f"SELECT * FROM {t} WHERE workspace_id = 1").to_dicts() for t in tables}, default=str)


@pytest.fixture
def known(filled: Database) -> Database:
    """Dana is in every table."""
    text = dumps({"Subject": "Call: Dana Fox", "Email": "dana@acme.example"})
    filled.execute("UPDATE activity SET subject = 'Call: Dana Fox', notes = 'Dana Fox +13125550101',"
                   " person_email = 'dana@acme.example' WHERE id = 21")  # fmt: skip
    filled.execute(
        "UPDATE record_result SET request = :t, before = :t, title = 'Call: Dana Fox' WHERE record_id = 21", t=text
    )
    filled.execute("UPDATE change SET payload = :t, title = 'Call: Dana Fox' WHERE record_id = 21", t=text)
    filled.execute("UPDATE link SET baseline = :t WHERE record_id IN (11, 21)", t=text)
    filled.execute("UPDATE event_value SET body = :t", t=text)
    filled.execute("UPDATE event SET subject = '21'")
    return filled


@pytest.mark.requirement("X28")
def test_a_person_is_blanked_everywhere_and_ids_and_the_opt_out_stay(known: Database) -> None:
    assert all(t in everything(known) for t in TRACES)
    person = erasing.find(known, WS, [world.DANA])
    counted = erasing.counts(known, WS, person)
    assert all(t in everything(known) for t in TRACES), "counting changes nothing"
    handed = json.dumps(erasing.held(known, WS, person), default=str)
    assert all(t in handed for t in TRACES)
    done = erasing.erase(known, WS, person, "ann", NOW)
    left = everything(known)
    assert not [t for t in TRACES if t in left]
    assert {k: n for k, n in counted.items() if n} == {k: n for k, n in done.items() if n}
    row = known.read("SELECT * FROM person WHERE id = 11").row(0, named=True)
    assert (row["external_id"], row["opted_out_email"], row["do_not_call"]) == ("p-1", True, True)
    assert row["deleted_at"] is not None
    assert known.one("SELECT COUNT(*) FROM link WHERE record_id = 11 AND state = 'active'") == 1
    event = Frames(known, WS).events().filter(pl.col("kind") == "person.erased").row(0, named=True)
    body = json.loads(event["body"])
    assert erasing.hashed("Dana@Acme.example") in body["hashes"]
    assert not [t for t in TRACES if t in event["body"]]
    books.require_balanced(Frames(known, WS).balance())


@pytest.mark.requirement("X28")
def test_nobody_else_is_touched(known: Database) -> None:
    before = known.read("SELECT * FROM person WHERE id = 12").to_dicts()
    erasing.erase(known, WS, erasing.find(known, WS, [world.DANA]), "ann", NOW)
    assert known.read("SELECT * FROM person WHERE id = 12").to_dicts() == before
    assert known.one("SELECT title FROM open_row WHERE record_id = :i", i=world.WAITING) == f"Call {world.WAITING}"


@pytest.mark.requirement("X27")
def test_what_is_old_is_reduced_to_a_hash_and_the_books_still_balance(known: Database) -> None:
    later = NOW + timedelta(days=1)
    text = str(known.one("SELECT request FROM record_result WHERE record_id = 21"))
    counts = Frames(known, WS).runs().to_dicts()
    touched = {kind: erasing.reduce(known, WS, kind, later) for kind in erasing.DEFAULTS}
    assert touched["requests"] == 1
    assert touched["plans"] == 0, "a kept plan may still be applied"
    known.execute("UPDATE plan SET status = 'applied'")
    assert erasing.reduce(known, WS, "plans", later) == 1
    row = known.read("SELECT * FROM record_result WHERE record_id = 21").row(0, named=True)
    assert json.loads(row["request"]) == {"sha256": erasing.hashed(text)}
    assert (row["answer"], row["outcome"], row["org_id"]) == (None, "created", world.ORG_TASK)
    assert known.one("SELECT COUNT(*) FROM event_value") == 0
    assert Frames(known, WS).runs().to_dicts() == counts
    books.require_balanced(Frames(known, WS).balance())
    assert {kind: erasing.reduce(known, WS, kind, later) for kind in erasing.DEFAULTS} == dict.fromkeys(
        erasing.DEFAULTS, 0
    )


def test_what_is_young_stays(known: Database) -> None:
    before = everything(known)
    assert {k: erasing.reduce(known, WS, k, NOW - timedelta(days=1)) for k in erasing.DEFAULTS} == dict.fromkeys(
        erasing.DEFAULTS, 0
    )
    assert everything(known) == before


@pytest.mark.requirement("X28")
def test_somebody_erased_does_not_come_back_by_the_next_import_and_it_is_said(known: Database) -> None:
    erasing.erase(known, WS, erasing.find(known, WS, [world.DANA]), "ann", NOW)
    rows = [
        {"source": "crm", "external_id": "p-1", "first_name": "Dana", "last_name": "Fox", "deleted": False},
        {"source": "list", "external_id": "x-1", "last_name": "Fox", "email": "Dana@Acme.example "},
        {"source": "list", "external_id": "x-2", "name": "Dana Fox", "last_name": "Fox", "phone": "(312) 555-0101"},
        {
            "source": "list",
            "external_id": "x-3",
            "name": "Max Brandt",
            "last_name": "Brandt",
            "phone": "(312) 555-0101",
        },
    ]
    answers = take_in(known, WS, "people", rows, actor="ann", now=NOW)
    assert [a.result for a in answers] == ["rejected", "rejected", "rejected", "created"], "one number, another person"
    assert all("erased on request" in a.reason for a in answers[:3])
    call = {"source": "dialer", "external_id": "c-new", "kind": "call", "subject": "Call: Dana Fox",
            "notes": "Dana Fox said", "person": {"email": "dana@acme.example"}}  # fmt: skip
    again = {**call, "external_id": "c-21"}
    new, old = take_in(known, WS, "activities", [call, again], actor="ann", now=NOW)
    assert (new.result, "without what names them" in new.reason) == ("created", True)
    assert old.result in ("unchanged", "updated")
    left = everything(known)
    assert not [t for t in ("Dana Fox", "dana@acme.example") if t in left]
    row = known.read("SELECT opted_out_email, do_not_call, deleted_at FROM person WHERE id = 11").row(0)
    assert row[:2] == (True, True)
    assert row[2] is not None


@pytest.mark.requirement("X28")
def test_an_activity_that_names_somebody_erased_by_their_number_alone_is_known_until_somebody_else_has_it(
    known: Database,
) -> None:
    erasing.erase(known, WS, erasing.find(known, WS, [world.DANA]), "ann", NOW)
    call = {"source": "dialer", "kind": "call", "subject": "Call: Dana Fox", "person": {"phone": "(312) 555-0101"}}
    (first,) = take_in(known, WS, "activities", [{**call, "external_id": "n-1"}], actor="ann", now=NOW)
    assert (first.result, "without what names them" in first.reason) == ("created", True)
    left = everything(known)
    assert not [t for t in ("Dana Fox", "(312) 555-0101", "+13125550101") if t in left]
    other = {"person": {"phone": "(312) 555-0101", "email": "max@brandt.example"}, "subject": "Call: Max"}
    (named,) = take_in(known, WS, "activities", [{**call, **other, "external_id": "n-2"}], actor="ann", now=NOW)
    assert "without what names them" not in named.reason, "it names somebody else beside the number"
    max_ = {"source": "list", "external_id": "x-9", "name": "Max Brandt", "phone": "(312) 555-0101"}
    take_in(known, WS, "people", [max_], actor="ann", now=NOW)
    again = {**call, "external_id": "n-3", "subject": "Call: Max"}
    (his,) = take_in(known, WS, "activities", [again], actor="ann", now=NOW)
    assert "without what names them" not in his.reason, "the number is another person's now"
    assert known.one("SELECT person_phone FROM activity WHERE external_id = 'n-3'") is not None


@pytest.mark.requirement("X27")
def test_the_schedule_applies_retention_once_a_day_with_a_line_in_the_ledger(known: Database) -> None:
    later = NOW + timedelta(days=120)
    assert retaining.days(known, WS)["requests"] == 90
    done = retaining.apply_once_a_day(known, WS, later)
    assert done is not None
    assert done["requests"] == 1
    assert retaining.apply_once_a_day(known, WS, later + timedelta(hours=1)) is None
    assert retaining.apply_once_a_day(known, WS, later + timedelta(days=1)) is not None
    lines = Frames(known, WS).events().filter(pl.col("kind") == "retention.applied")
    assert lines["actor"].to_list() == ["schedule"] * 2
    assert json.loads(lines["body"][0]) == done
    books.require_balanced(Frames(known, WS).balance())
