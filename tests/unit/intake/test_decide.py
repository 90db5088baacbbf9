"""What one row does to one record, for every pair of what is sent and what is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.connections.intake import Row
from core.syncing.intake.decide import Decision, content_hash, decide

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EARLY, LATE = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
BLANK = dict.fromkeys(
    (
        "subject",
        "outcome",
        "fields",
        "field_times",
        "deleted_at",
        "hash",
        "opted_out_email",
        "do_not_call",
        "person_email",
    )
)


def stored(**more: Any) -> dict[str, Any]:
    return {**BLANK, "kind": "call", "subject": "Hello", "updated_at": EARLY, **more}


def run(values: dict[str, Any], record: dict[str, Any] | None, table: str = "activity") -> Decision:
    row = Row(external_id="c1", source="s", values=values)
    return decide(row, record, NOW, table=table, digest=content_hash(row))


def test_a_new_key_creates() -> None:
    made = run({"kind": "call", "subject": "Hi", "outcome": None, "fields": {"a": 1, "b": None}}, None)
    assert made.answer.as_dict() == {"external_id": "c1", "result": "created", "reason": "", "field": ""}
    expected = {"kind": "call", "subject": "Hi", "fields": '{"a":1}', "source": "s", "external_id": "c1"}
    assert expected.items() <= made.sets.items()
    assert (made.sets["created_at"], made.sets["updated_at"]) == (NOW, NOW)
    assert "outcome" not in made.sets


def test_a_new_activity_needs_a_kind_and_an_account_does_not() -> None:
    assert run({}, None).answer.field == "kind"
    assert run({}, None, "account").answer.result == "created"


@pytest.mark.parametrize("known_hash", ["same", "other"])
def test_the_same_content_is_unchanged(known_hash: str) -> None:
    values = {"kind": "call", "subject": "Hello", "updated_at": LATE}
    digest = content_hash(Row(values=values))
    made = run(values, stored(hash=digest if known_hash == "same" else "x"))
    assert (made.answer.result, made.answer.reason) == ("unchanged", "")
    assert made.sets["updated_at"] == LATE
    assert made.sets.keys() <= {"updated_at", "hash"}


def test_newer_updates_and_older_does_not_and_says_so() -> None:
    newer = run({"subject": "New", "updated_at": LATE}, stored())
    assert (newer.answer.result, newer.sets["subject"], newer.sets["updated_at"]) == ("updated", "New", LATE)
    older = run({"subject": "Old", "updated_at": EARLY}, stored(updated_at=LATE))
    assert older.answer.result == "unchanged"
    assert older.answer.reason == "older than what is known: 2026-11-21T10:00:00Z against 2026-11-21T11:00:00Z"
    assert older.sets == {}


@pytest.mark.parametrize("at", [EARLY, None])
def test_other_content_of_the_same_time_or_none_updates(at: datetime | None) -> None:
    given = {"subject": "New", **({"updated_at": at} if at else {})}
    made = run(given, stored())
    assert made.answer.result == "updated"
    assert made.sets["updated_at"] == (at or NOW)


def test_absent_keys_are_left_and_null_clears() -> None:
    made = run({"subject": None}, stored(outcome="connected"))
    assert made.sets["subject"] is None
    assert "outcome" not in made.sets


def test_custom_fields_are_merged_by_name() -> None:
    record = stored(fields='{"keep":1,"change":1,"clear":1}')
    made = run({"fields": {"change": 2, "clear": None, "new": "x", "nothing": None}}, record)
    assert json.loads(made.sets["fields"]) == {"keep": 1, "change": 2, "new": "x"}
    assert json.loads(made.sets["field_times"]).keys() == {"fields.change", "fields.clear", "fields.new"}
    assert run({"fields": None}, record).sets["fields"] is None
    assert run({"fields": {"keep": 1, "gone": None}}, record).answer.result == "unchanged"


def test_each_changed_field_remembers_when() -> None:
    first = run({"subject": "New", "person_email": "a@x.com", "updated_at": LATE}, stored())
    assert json.loads(first.sets["field_times"]) == {
        "subject": "2026-11-21T11:00:00Z",
        "person": "2026-11-21T11:00:00Z",
    }
    second = run({"outcome": "connected"}, stored(**first.sets))
    assert json.loads(second.sets["field_times"]) == {
        "subject": "2026-11-21T11:00:00Z",
        "person": "2026-11-21T11:00:00Z",
        "outcome": "2026-11-21T12:00:00Z",
    }


def test_deleted_makes_a_tombstone_once() -> None:
    made = run({"deleted": True, "updated_at": LATE}, stored())
    assert (made.answer.result, made.sets["deleted_at"]) == ("deleted", LATE)
    again = run({"deleted": True}, stored(deleted_at=LATE))
    assert (again.answer.result, again.answer.reason) == ("unchanged", "it is deleted already")
    older = run({"deleted": True, "updated_at": EARLY}, stored(updated_at=LATE))
    assert "older" in older.answer.reason
    unknown = run({"deleted": True}, None)
    assert (unknown.answer.result, unknown.sets) == ("unchanged", {})


def test_a_tombstone_is_lifted_only_when_asked() -> None:
    gone = stored(deleted_at=EARLY)
    quiet = run({"subject": "New", "updated_at": LATE}, gone)
    assert quiet.answer.result == "unchanged"
    assert "deleted" in quiet.answer.reason
    back = run({"subject": "New", "deleted": False, "updated_at": LATE}, gone)
    assert back.answer.result == "updated"
    assert back.sets["deleted_at"] is None
    assert "is back" in back.answer.reason


def test_the_same_row_does_not_revive_what_was_deleted_since() -> None:
    values = {"kind": "call", "subject": "Hello"}
    made = run(values, stored(deleted_at=EARLY, hash=content_hash(Row(values=values))))
    assert made.answer.result == "unchanged"
    assert "deleted_at" not in made.sets


def test_a_kind_never_changes() -> None:
    made = run({"kind": "task"}, stored())
    assert made.answer.as_dict() == {
        "external_id": "c1",
        "result": "rejected",
        "reason": "kind does not change: it is a call",
        "field": "kind",
    }


@pytest.mark.parametrize("column", ["opted_out_email", "do_not_call"])
@pytest.mark.parametrize("value", [False, None])
def test_consent_never_moves_back(column: str, value: bool | None) -> None:
    alone = run({column: value}, stored(**{column: True}), "person")
    assert (alone.answer.result, alone.answer.field, alone.sets) == ("unchanged", column, {})
    assert "only a person may opt somebody in again" in alone.answer.reason
    beside = run({column: value, "subject": "New"}, stored(**{column: True}), "person")
    assert (beside.answer.result, beside.answer.field) == ("updated", column)
    assert column not in beside.sets
    out = run({column: True}, stored(**{column: value}), "person")
    assert (out.answer.result, out.sets[column]) == ("updated", True)


def test_the_time_is_no_content() -> None:
    rows = [Row(values={"subject": "a", "updated_at": at}) for at in (EARLY, LATE)]
    assert content_hash(rows[0]) == content_hash(rows[1])
    assert content_hash(Row(values={"subject": None})) != content_hash(Row(values={}))
