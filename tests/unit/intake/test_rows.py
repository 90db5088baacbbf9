"""Rows as they come: what is taken, what is refused and in which words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.connections.intake import KINDS, Row, check_rows, template
from core.connections.intake.shapes import SHAPES
from core.errors import NotFound

CALL = {"source": "dialer", "external_id": "C1", "kind": "call"}


def check(kind: str, raw: Any, source: str = "") -> Row:
    (row,) = check_rows(kind, [raw], source)
    return row


def call(**more: Any) -> Row:
    return check("activities", {**CALL, **more})


def test_a_whole_activity_is_taken() -> None:
    row = call(
        occurred_at="2026-11-21T14:05:00.250+02:00",
        duration_s=31,
        person={"phone": "(415) 555-0100", "email": "Ana@X.com"},
        account={"domain": "x.com"},
        related_to={"object": "Property__c", "id": "a0B"},
        user="Bo@Team.com",
        notes=" as typed \n",
        due_at="2026-12-01",
        participants=["a@x.com", {"email": "b@x.com", "name": "B"}],
        fields={"budget": 5, "tags": ["a"], "note": None},
    )
    assert not row.reason
    assert (row.source, row.external_id) == ("dialer", "c1")
    assert row.values == {
        "kind": "call",
        "occurred_at": datetime(2026, 11, 21, 12, 5, 0, 250_000, tzinfo=UTC),
        "duration_s": 31,
        "person_phone": "(415) 555-0100",
        "person_email": "Ana@X.com",
        "account_domain": "x.com",
        "related_object": "Property__c",
        "related_id": "a0B",
        "user_email": "bo@team.com",
        "notes": " as typed \n",
        "due_at": "2026-12-01",
        "participants": '["a@x.com",{"email":"b@x.com","name":"B"}]',
        "fields": {"budget": 5, "tags": ["a"], "note": None},
    }


def test_absent_null_and_a_value_are_three_things() -> None:
    assert call().values == {"kind": "call"}
    assert call(outcome=None, subject="", person={"email": None}).values == {
        "kind": "call",
        "outcome": None,
        "subject": None,
        "person_email": None,
    }
    assert call(person=None, fields=None).values == {
        "kind": "call",
        "person_ref": None,
        "person_email": None,
        "person_phone": None,
        "fields": None,
    }
    assert call(person={}, fields={}).values == {"kind": "call"}


def test_dotted_and_nested_keys_are_the_same() -> None:
    dotted = call(**{"person.email": "a@x.com", "fields.budget": "5"})
    assert dotted.values == call(person={"email": "a@x.com"}, fields={"budget": "5"}).values


def test_an_org_id_keeps_its_case_and_an_external_id_does_not() -> None:
    row = check("activities", {**CALL, "external_id": " AbC ", "person": {"id": "003xx000004TmiQAAS"}})
    assert row.external_id == "abc"
    assert row.values["person_ref"] == "003xx000004TmiQAAS"


def test_the_sender_names_the_source_where_the_row_does_not() -> None:
    assert check("accounts", {"external_id": "a"}, "crm").source == "crm"
    assert check("accounts", {"external_id": "a", "source": "erp"}, "crm").source == "erp"


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"external_id": None}, "external_id", "external_id is missing"),
        ({"external_id": ["x"]}, "external_id", "external_id is to be a text, not a list"),
        ({"kind": "fax"}, "kind", "kind 'fax' is unknown; it is one of call, note, email"),
        ({"kind": None}, "kind", "kind cannot be empty"),
        ({"source": ""}, "source", "source cannot be empty"),
        (
            {"occurred_at": "yesterday"},
            "occurred_at",
            "'yesterday' is not a date and time; write it like 2026-11-21T14",
        ),
        ({"occurred_at": "2026-11-21T14:05:00"}, "occurred_at", "has no offset from UTC"),
        ({"occurred_at": datetime(2026, 1, 1)}, "occurred_at", "has no offset"),
        ({"occurred_at": "2026-11-21"}, "occurred_at", "is not a date and time"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "occurred_at", "is not a date and time"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "occurred_at", "is not a date and time"),
        ({"occurred_at": 1_700_000_000}, "occurred_at", "is not a date and time"),
        ({"duration_s": -1}, "duration_s", "out of range; write 0 or more"),
        ({"duration_s": 1.5}, "duration_s", "not a whole number"),
        ({"duration_s": "ten"}, "duration_s", "'ten' is not a number"),
        ({"duration_s": True}, "duration_s", "is not a number"),
        ({"duration_s": 10**30}, "duration_s", "out of range"),
        ({"duration_s": float("inf")}, "duration_s", "is not a number"),
        ({"due_at": "2026-11-21T10:00:00Z"}, "due_at", "is not a date; write it like 2026-11-21"),
        ({"due_at": "21.11.2026"}, "due_at", "is not a date"),
        ({"person": {"email": "ana"}}, "person.email", "person.email 'ana' is not an e-mail address"),
        ({"person": {"mail": "a@x.com"}}, "person.mail", "did you mean person.email?"),
        ({"person": "a@x.com"}, "person", 'person is to be an object, like {"person": {"id": ...}}'),
        ({"user": "bo"}, "user", "is not the e-mail address of a user"),
        ({"deleted": "yes"}, "deleted", "neither true nor false"),
        ({"notes": "x" * 1_048_577}, "notes", "1,048,577 bytes; at most 1,048,576"),
        ({"notes": "ü" * 600_000}, "notes", "1,200,000 bytes"),
        ({"outcome": "x" * 5_000}, "outcome", "at most 4,000"),
        ({"subject": "a\x00b"}, "subject", "null character"),
        ({"subject": "a\ud800b"}, "subject", "half a character"),
        ({"subject": {"a": 1}}, "subject", "to be a text, not an object"),
        ({"occured_at": "x"}, "occured_at", "'occured_at' is not a key of activities; did you mean occurred_at?"),
        ({"wombat": 1}, "wombat", "is not a key of activities; custom fields go under fields"),
        ({"fields": ["a"]}, "fields", "fields is to be an object"),
        ({"fields": {"a": {"b": 1}}}, "fields.a", "holds an object"),
        ({"fields": {"": 1}}, "fields.", "is not a name for a custom field"),
        ({"fields": {"a": float("nan")}}, "fields.a", "is not a number"),
        ({"fields": {"a": "x" * 300_000}}, "fields.a", "at most 262,144"),
        ({"fields": {f"f{i}": "x" * 3_000 for i in range(100)}}, "fields", "at most 262,144"),
        ({"participants": "nobody"}, "participants", "'nobody', which is not an e-mail address"),
        ({"participants": 5}, "participants", "to be a list"),
        ({"participants": [{"email": {"a": 1}}]}, "participants", "write e-mail addresses"),
        ({"participants": ["a@x.com"] * 1_001}, "participants", "1,001 people; at most 1,000"),
    ],
)
def test_a_broken_activity_is_refused_by_key_and_reason(more: dict[str, Any], field: str, says: str) -> None:
    row = call(**more)
    assert row.field == field
    assert says in row.reason


@pytest.mark.parametrize("raw", [5, None, "text", ["a"], True])
def test_what_is_no_object_is_refused(raw: Any) -> None:
    assert "a row is an object" in check("people", raw).reason


def test_a_broken_row_is_still_named_by_its_key() -> None:
    assert check("activities", {"kind": "fax", "external_id": " C7 "}).external_id == "c7"


def test_a_reason_quotes_a_value_on_one_short_line() -> None:
    reason = call(due_at="x\ny" + "z" * 500).reason
    assert "\n" not in reason
    assert len(reason) < 160


@pytest.mark.parametrize(
    ("kind", "raw", "field"),
    [
        ("users", {"name": "Bo"}, "email"),
        ("users", {"email": "bo@x.com", "zone": "Mars/Olympus"}, "zone"),
        ("users", {"email": "bo@x.com", "zone": "../../etc/passwd"}, "zone"),
        ("users", {"email": "bo@x.com", "deleted": True}, "deleted"),
        ("optouts", {"channel": "email", "opted_out": True}, "person.id"),
        ("optouts", {"person": {"email": "a@x.com"}, "channel": "fax", "opted_out": True}, "channel"),
        ("optouts", {"person": {"email": "a@x.com"}, "channel": "email"}, "opted_out"),
        ("optouts", {"person": {"email": "a@x.com"}, "channel": "email", "opted_out": None}, "opted_out"),
        ("scores", {"person": {"id": "p1"}}, "engagement_score"),
        ("scores", {"engagement_score": 5}, "person.id"),
        ("segments", {"person": {"id": "p1"}}, "segment"),
        ("people", {"external_id": "p", "email": "a@@x"}, "email"),
        ("accounts", {"external_id": "a", "nmae": "Acme"}, "nmae"),
    ],
)
def test_the_other_kinds_say_what_they_need(kind: str, raw: dict[str, Any], field: str) -> None:
    assert check(kind, raw).field == field


def test_keys_have_other_names_that_files_use() -> None:
    user = check("users", {"email": "Bo@X.com", "time_zone": "America/Chicago", "active": "false"})
    assert user.values == {"email": "bo@x.com", "zone": "America/Chicago", "is_active": False}
    person = check("people", {"external_id": "p", "email_opt_out": True, "phone_opt_out": True})
    assert person.values == {"opted_out_email": True, "do_not_call": True}


def test_an_accounts_stage_is_a_custom_field() -> None:
    row = check("accounts", {"external_id": "a", "stage": "client", "fields": {"tier": 1}})
    assert row.values == {"fields": {"stage": "client", "tier": 1}}


def test_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(NotFound, match="no intake of 'deals'"):
        check_rows("deals", [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_a_header_whose_keys_are_all_taken(kind: str) -> None:
    names = template(kind).split(",")
    assert len(names) == len(set(names))
    assert {n for n in names if not n.startswith("fields.")} <= SHAPES[kind].by_name.keys()
