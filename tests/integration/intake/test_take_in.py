"""Rows go into the store: one answer each, what is written, what the ledger says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl
import pytest

from core.connections.intake import Row, read_file
from core.errors import NotFound
from core.store import records
from core.store.database import Database
from core.store.records import load_records, save_records
from core.syncing import intake
from core.syncing.intake import Answer, take_in
from core.syncing.intake.rows import attach_people

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = {
    "external_id": "C1",
    "kind": "call",
    "occurred_at": "2026-11-21T10:00:00Z",
    "updated_at": "2026-11-21T10:01:00Z",
}
ORG_ID = "003xx000004TmiQAAS"


def send(db: Database, kind: str, *rows: Any, source: str = "crm") -> list[Answer]:
    return take_in(db, 1, kind, rows, actor="token:dialer", source_name=source, now=NOW)


def results(answers: Iterable[Answer]) -> list[str]:
    return [a.result for a in answers]


def only(db: Database, table: str) -> dict[str, Any]:
    frame = load_records(db, 1, table)
    assert frame.height == 1
    return frame.row(0, named=True)


def link(db: Database, table: str, record: int, org_id: str) -> None:
    db.execute(
        "INSERT INTO link (workspace_id, id, table_name, record_id, sobject, org_id, state, how, evidence, job, run_id)"
        " VALUES (1, 9000, :t, :r, 'Contact', :o, 'active', '', '', '', '')",
        t=table,
        r=record,
        o=org_id,
    )


def test_a_call_is_created_repeated_updated_and_deleted(database: Database) -> None:
    later = {**CALL, "updated_at": "2026-11-21T10:05:00Z", "outcome": "connected"}
    gone = {"external_id": "c1", "deleted": True, "updated_at": "2026-11-21T10:06:00Z"}
    answers = [send(database, "activities", row)[0] for row in (CALL, CALL, later, CALL, gone, gone)]
    assert results(answers) == ["created", "unchanged", "updated", "unchanged", "deleted", "unchanged"]
    assert answers[3].reason.startswith("older than what is known")
    row = only(database, "activity")
    assert (row["external_id"], row["source"], row["kind"], row["outcome"]) == ("c1", "crm", "call", "connected")
    assert row["deleted_at"] == datetime(2026, 11, 21, 10, 6, tzinfo=UTC)


def test_rows_of_one_key_in_one_request_follow_one_another(database: Database) -> None:
    later = {**CALL, "updated_at": "2026-11-21T10:05:00Z", "outcome": "connected"}
    gone = {"external_id": "c1", "deleted": True}
    assert results(send(database, "activities", CALL, CALL, later, CALL, gone)) == [
        "created",
        "unchanged",
        "updated",
        "unchanged",
        "deleted",
    ]
    row = only(database, "activity")
    assert row["outcome"] == "connected"
    assert row["deleted_at"] == NOW


def test_a_broken_row_never_stops_the_others(database: Database) -> None:
    rows = [
        CALL,
        {**CALL, "external_id": "c2", "occurred_at": "x"},
        5,
        {"external_id": "c3"},
        {**CALL, "external_id": "c4"},
    ]
    answers = send(database, "activities", *rows)
    assert results(answers) == ["created", "rejected", "rejected", "rejected", "created"]
    assert [a.external_id for a in answers] == ["c1", "c2", "", "c3", "c4"]
    assert [a.field for a in answers] == ["", "occurred_at", "", "kind", ""]
    assert load_records(database, 1, "activity")["external_id"].to_list() == ["c1", "c4"]


def test_absent_leaves_and_null_clears_through_to_the_store(database: Database) -> None:
    whole = {
        **CALL,
        "subject": "Hello",
        "notes": "Long",
        "person": {"email": "a@x.com", "phone": "1"},
        "fields": {"a": 1, "b": 2},
    }
    send(database, "activities", whole)
    patch = {"external_id": "c1", "notes": None, "person": {"phone": None}, "fields": {"a": None}}
    assert results(send(database, "activities", patch)) == ["updated"]
    row = only(database, "activity")
    assert (row["subject"], row["notes"], row["person_email"], row["person_phone"]) == ("Hello", None, "a@x.com", None)
    assert json.loads(row["fields"]) == {"b": 2}


def test_the_same_content_is_no_change_of_the_record(database: Database) -> None:
    send(database, "activities", CALL)
    before = only(database, "activity")
    send(database, "activities", {**CALL, "updated_at": "2026-11-21T10:30:00Z"})
    after = only(database, "activity")
    assert after["seq"] == before["seq"]
    assert after["updated_at"] == datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    between = {**CALL, "updated_at": "2026-11-21T10:20:00Z", "outcome": "late"}
    assert "older" in send(database, "activities", between)[0].reason


def test_a_row_that_is_sent_again_does_not_undo_what_a_sync_changed(database: Database) -> None:
    send(database, "activities", {**CALL, "subject": "ours"})
    record = only(database, "activity")["id"]
    with database.batch(1) as batch:
        save_records(
            batch, "activity", pl.DataFrame({"id": [record], "subject": ["from the org"], "updated_at": [NOW]})
        )
    assert results(send(database, "activities", {**CALL, "subject": "ours"})) == ["unchanged"]
    assert only(database, "activity")["subject"] == "from the org"


def test_sources_keep_their_keys_apart(database: Database) -> None:
    send(database, "accounts", {"external_id": "A"}, {"external_id": "a", "source": "erp"})
    send(database, "accounts", {"external_id": "a"}, source="other")
    assert sorted(load_records(database, 1, "account")["source"]) == ["crm", "erp", "other"]


def test_another_workspace_sees_nothing(database: Database) -> None:
    send(database, "activities", CALL)
    assert results(take_in(database, 2, "activities", [CALL], actor="x", source_name="crm", now=NOW)) == ["created"]
    assert load_records(database, 1, "activity").height == load_records(database, 2, "activity").height == 1


@pytest.mark.parametrize("ref", [{"id": "A1"}, {"domain": "https://www.acme.com/about"}, {"id": "001xx000003DGb2AAG"}])
def test_people_are_attached_to_the_account_they_name(database: Database, ref: dict[str, str]) -> None:
    send(database, "accounts", {"external_id": "a1", "domain": "acme.com"})
    account = only(database, "account")["id"]
    link(database, "account", account, "001xx000003DGb2AAG")
    assert send(database, "people", {"external_id": "p1", "account": ref})[0].reason == ""
    assert only(database, "person")["account_record_id"] == account


def test_a_person_waits_for_an_account_that_is_not_known_yet(database: Database) -> None:
    (answer,) = send(
        database, "people", {"external_id": "p1", "account": {"domain": "acme.com"}, "fields": {"tier": 1}}
    )
    assert answer.result == "created"
    assert "account 'acme.com' is not known yet" in answer.reason
    send(database, "accounts", {"external_id": "a1", "website": "acme.com"})
    person = only(database, "person")
    assert person["account_record_id"] == only(database, "account")["id"]
    assert json.loads(person["fields"]) == {"tier": 1}


def test_people_are_attached_to_accounts_that_a_sync_brought(database: Database) -> None:
    send(database, "people", {"external_id": "p1", "account": {"domain": "acme.com"}})
    with database.batch(1) as batch:
        save_records(batch, "account", pl.DataFrame({"id": [batch.allocate(1)], "domain": ["acme.com"]}))
        attach_people(batch)
    assert only(database, "person")["account_record_id"] == only(database, "account")["id"]


def test_a_person_of_two_possible_accounts_is_attached_to_none(database: Database) -> None:
    send(database, "accounts", *({"external_id": f"a{i}", "domain": "acme.com"} for i in range(2)))
    (answer,) = send(database, "people", {"external_id": "p1", "account": {"domain": "acme.com"}})
    assert "2 accounts answer to 'acme.com'" in answer.reason
    assert only(database, "person")["account_record_id"] is None


def test_a_person_moves_to_another_account_and_to_none(database: Database) -> None:
    send(database, "accounts", {"external_id": "a1"}, {"external_id": "a2"})
    ids = dict(load_records(database, 1, "account").select("external_id", "id").rows())
    for ref, expected in (({"id": "a1"}, ids["a1"]), ({"id": "a2"}, ids["a2"]), (None, None)):
        send(database, "people", {"external_id": "p1", "account": ref})
        assert only(database, "person")["account_record_id"] == expected
    send(database, "people", {"external_id": "p1", "account": {"id": "a1"}})
    send(database, "people", {"external_id": "p1", "title": "CEO"})
    assert only(database, "person")["account_record_id"] == ids["a1"]


def test_people_never_opt_in_by_intake(database: Database) -> None:
    send(database, "people", {"external_id": "p1", "do_not_call": True})
    (answer,) = send(database, "people", {"external_id": "p1", "do_not_call": False, "title": "CEO"})
    assert (answer.result, answer.field) == ("updated", "do_not_call")
    person = only(database, "person")
    assert (person["do_not_call"], person["title"], person["opted_out_email"]) == (True, "CEO", None)


@pytest.mark.parametrize(
    "ref", [{"phone": "415.555.0100"}, {"email": "ANA@x.com"}, {"id": "P1"}, {"id": ORG_ID}, {"id": ORG_ID.lower()}]
)
def test_a_call_to_somebody_opted_out_is_flagged_and_taken(database: Database, ref: dict[str, str]) -> None:
    person = {"external_id": "p1", "email": "ana@x.com", "phone": "(415) 555-0100", "do_not_call": True}
    send(database, "people", person, {"external_id": "p2", "email": "bo@x.com", "phone": "(415) 555-0102"})
    link(database, "person", load_records(database, 1, "person")["id"][0], ORG_ID)
    (answer,) = send(database, "activities", {**CALL, "person": ref})
    assert (answer.result, answer.reason) == ("created", "the person has opted out of calls")
    note = {**CALL, "external_id": "n1", "kind": "note", "person": ref}
    other = {**CALL, "external_id": "c2", "person": {"phone": "415-555-0102"}}
    assert [a.reason for a in send(database, "activities", note, other)] == ["", ""]


def add_org_user(db: Database, org_id: str, email: str, *, active: bool = True) -> None:
    db.execute(
        "INSERT INTO org_user (workspace_id, org_id, username, email, name, zone, profile, is_active)"
        " VALUES (1, :o, '', :e, '', '', '', :a)",
        o=org_id,
        e=email,
        a=active,
    )


def users(db: Database) -> dict[str, tuple[Any, ...]]:
    frame = db.read(
        "SELECT email, name, zone, is_active, org_user_id, linked_how FROM workspace_user WHERE workspace_id = 1"
    )
    return {row[0]: row[1:] for row in frame.iter_rows()}


def test_users_are_kept_by_email_and_linked(database: Database) -> None:
    add_org_user(database, "005A", "Bo@X.com")
    answers = send(
        database, "users", {"email": "bo@x.com", "name": "Bo", "time_zone": "America/Chicago"}, {"email": "new@x.com"}
    )
    assert [a.as_dict() for a in answers] == [
        {"external_id": e, "result": "created", "reason": "", "field": ""} for e in ("bo@x.com", "new@x.com")
    ]
    assert users(database) == {
        "bo@x.com": ("Bo", "America/Chicago", True, "005A", "email"),
        "new@x.com": ("", "", True, None, ""),
    }
    assert results(
        send(database, "users", {"email": "BO@x.com", "name": "Bo"}, {"email": "bo@x.com", "active": False})
    ) == [
        "unchanged",
        "updated",
    ]
    assert users(database)["bo@x.com"] == ("Bo", "America/Chicago", False, "005A", "email")


def test_a_user_is_linked_to_the_lone_active_one_only(database: Database) -> None:
    add_org_user(database, "005A", "bo@x.com", active=False)
    add_org_user(database, "005B", "bo@x.com")
    add_org_user(database, "005C", "di@x.com")
    add_org_user(database, "005D", "di@x.com")
    add_org_user(database, "005E", "gone@x.com", active=False)
    send(database, "users", *({"email": f"{n}@x.com"} for n in ("bo", "di", "gone")))
    found = {email: row[3] for email, row in users(database).items()}
    assert found == {"bo@x.com": "005B", "di@x.com": None, "gone@x.com": "005E"}


def test_a_link_by_hand_stays(database: Database) -> None:
    send(database, "users", {"email": "bo@x.com"})
    database.execute("UPDATE workspace_user SET org_user_id = '005Z', linked_how = 'by hand'")
    add_org_user(database, "005A", "bo@x.com")
    send(database, "users", {"email": "bo@x.com", "name": "Bo"})
    assert users(database)["bo@x.com"][3:] == ("005Z", "by hand")


OUT = {"person": {"email": "ANA@x.com"}, "channel": "email", "opted_out": True, "at": "2026-11-20T08:00:00Z"}


def test_an_opt_out_reaches_everybody_of_the_address(database: Database) -> None:
    send(
        database,
        "people",
        *({"external_id": f"p{i}", "email": "ana@x.com"} for i in range(2)),
        {"external_id": "p9", "email": "bo@x.com"},
    )
    (answer,) = send(database, "optouts", {**OUT, "external_id": "O1"})
    assert answer.as_dict() == {"external_id": "o1", "result": "updated", "reason": "", "field": ""}
    frame = load_records(database, 1, "person").sort("external_id")
    assert frame["opted_out_email"].to_list() == [True, True, None]
    assert frame["do_not_call"].to_list() == [None, None, None]
    lines = database.read("SELECT subject, detail, actor FROM event WHERE kind = 'consent' ORDER BY id").rows()
    assert [line[0] for line in lines] == [f"person/{i}" for i in frame["id"][:2]]
    assert lines[0][1:] == ("opted out of e-mail; told by crm, as of 2026-11-20T08:00:00Z", "token:dialer")
    assert results(send(database, "optouts", OUT)) == ["unchanged"]
    assert database.one("SELECT COUNT(*) FROM event WHERE kind = 'consent'") == 2


def test_an_opt_out_by_phone_is_do_not_call(database: Database) -> None:
    send(database, "people", {"external_id": "p1"})
    assert results(send(database, "optouts", {"person": {"id": "P1"}, "channel": "phone", "opted_out": True})) == [
        "updated"
    ]
    assert only(database, "person")["do_not_call"] is True


def test_nobody_is_opted_in_by_intake(database: Database) -> None:
    send(database, "people", {"external_id": "p1", "email": "ana@x.com", "opted_out_email": True})
    (answer,) = send(database, "optouts", {**OUT, "opted_out": False})
    assert (answer.result, answer.field) == ("rejected", "opted_out")
    assert "only a person may opt somebody in again" in answer.reason
    assert only(database, "person")["opted_out_email"] is True


def test_an_opt_out_of_a_stranger_is_rejected(database: Database) -> None:
    (answer,) = send(database, "optouts", OUT)
    assert (answer.result, answer.field) == ("rejected", "person")
    assert "no person 'ANA@x.com' is known" in answer.reason


def test_scores_become_custom_fields(database: Database) -> None:
    send(database, "people", {"external_id": "p1", "email": "ana@x.com", "fields": {"tier": 1}})
    send(database, "accounts", {"external_id": "a1", "domain": "acme.com"})
    answers = send(
        database,
        "scores",
        {"person": {"email": "ana@x.com"}, "score": 71.5, "last_engagement_at": "2026-11-20T09:00:00+01:00"},
        {"account": {"domain": "acme.com"}, "engagement_score": 12},
        {"person": {"email": "ana@x.com"}, "engagement_score": 71.5},
        {"person": {"email": "ana@x.com"}, "last_engagement_at": None},
    )
    assert results(answers) == ["updated", "updated", "unchanged", "updated"]
    assert json.loads(only(database, "person")["fields"]) == {"tier": 1, "engagement_score": 71.5}
    assert json.loads(only(database, "account")["fields"]) == {"engagement_score": 12}


def test_a_score_of_several_people_is_nobodys(database: Database) -> None:
    send(database, "people", *({"external_id": f"p{i}", "email": "ana@x.com"} for i in range(2)))
    (answer,) = send(database, "scores", {"person": {"email": "ana@x.com"}, "score": 1})
    assert (answer.result, answer.field) == ("rejected", "person")
    assert "is 2 records; name one by its id" in answer.reason


def test_segments_are_entered_and_left(database: Database) -> None:
    send(database, "people", {"external_id": "p1"})
    rows = [{"person": {"id": "p1"}, "segment": name, **more} for name, more in (("VIP", {}), ("Q4", {}), ("VIP", {}))]
    assert results(send(database, "segments", *rows)) == ["updated", "updated", "unchanged"]
    assert json.loads(only(database, "person")["fields"]) == {"segments": ["VIP", "Q4"]}
    leave = [{"person": {"id": "p1"}, "segment": name, "member": False} for name in ("VIP", "no such", "Q4")]
    assert results(send(database, "segments", *leave)) == ["updated", "unchanged", "updated"]
    assert only(database, "person")["fields"] is None


def test_an_own_id_is_a_key_as_well(database: Database) -> None:
    send(database, "people", {"external_id": "p1"})
    own = only(database, "person")["id"]
    assert results(send(database, "scores", {"person": {"id": str(own)}, "score": 1})) == ["updated"]


def test_the_ledger_gets_one_line_per_call_without_values(database: Database) -> None:
    send(database, "activities", {**CALL, "notes": "secret"}, {**CALL, "external_id": "c2", "kind": "secret"})
    lines = database.read("SELECT actor, subject, detail, at FROM event WHERE kind = 'intake'").rows()
    detail = "2 rows from crm: 1 created, 0 updated, 0 unchanged, 0 deleted, 1 rejected"
    assert lines == [("token:dialer", "activities", detail, NOW)]
    assert database.one("SELECT COUNT(*) FROM event_value") == 0


def test_chunks_are_transactions_of_their_own(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "CHUNK_ROWS", 3)

    def rows() -> Iterable[dict[str, Any]]:
        for i in range(7):
            yield {**CALL, "external_id": f"c{i}"}
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        take_in(database, 1, "activities", rows(), actor="x", source_name="crm", now=NOW)
    assert load_records(database, 1, "activity").height == 6
    assert "6 rows from crm: 6 created" in database.one("SELECT detail FROM event WHERE kind = 'intake'")


def test_a_chunk_that_fails_leaves_nothing_of_itself(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("lost")

    monkeypatch.setattr(records, "wake_jobs", fail)
    with pytest.raises(RuntimeError, match="lost"):
        send(database, "activities", CALL)
    assert load_records(database, 1, "activity").is_empty()


def test_long_notes_make_small_chunks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "CHUNK_BYTES", 1_000)
    rows = [{**CALL, "external_id": f"c{i}", "notes": "x" * 600} for i in range(5)]
    assert results(send(database, "activities", *rows)) == ["created"] * 5


def test_an_unknown_kind_is_not_found_before_anything_is_written(database: Database) -> None:
    with pytest.raises(NotFound):
        send(database, "deals", {})
    assert database.one("SELECT COUNT(*) FROM event") == 0


def test_a_file_goes_in_with_its_broken_lines_told(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "external_id,kind,occurred_at,fields.n\nc1,call,2026-11-21T10:00:00Z,1\nc2,call,yesterday,\nc3,call,,\n"
    )
    answers = take_in(database, 1, "activities", read_file(path, "activities"), actor="x", source_name="calls", now=NOW)
    assert results(answers) == ["created", "rejected", "created"]
    assert answers[1].reason.startswith("line 3: occurred_at 'yesterday' is not a date and time")
    assert set(load_records(database, 1, "activity")["source"]) == {"calls"}


def test_hostile_texts_go_in_and_come_out_as_they_are(database: Database) -> None:
    texts = [
        "'; DROP TABLE activity; --",
        '=HYPERLINK("x")',
        "![x](http://x)",
        "%s %(a)s :name {0}",
        "\\N\t\r\n",
        "\U0001f600é",
    ]
    rows = [{**CALL, "external_id": f"c{i}", "notes": t, "fields": {t: t}} for i, t in enumerate(texts)]
    assert set(results(send(database, "activities", *rows))) == {"created"}
    frame = load_records(database, 1, "activity")
    assert frame["notes"].to_list() == texts
    assert [json.loads(f) for f in frame["fields"]] == [{t: t} for t in texts]


def test_many_rows_take_seconds(database: Database) -> None:
    n, start = 20_000, perf_counter()
    rows = [
        {**CALL, "external_id": f"c{i}", "person": {"phone": f"415555{i % 10_000:04d}"}, "fields": {"n": i}}
        for i in range(n)
    ]
    for word in ("created", "unchanged"):
        assert Counter(results(send(database, "activities", *rows))) == {word: n}
    assert perf_counter() - start < 30
    assert load_records(database, 1, "activity", columns=["seq"])["seq"].is_sorted()


def test_rows_already_checked_are_taken_as_they_are(database: Database) -> None:
    row = Row(external_id="c1", values={"kind": "call", "occurred_at": NOW - timedelta(days=1)})
    assert results(send(database, "activities", row)) == ["created"]
    assert only(database, "activity")["source"] == "crm"
