"""What cannot go is named before anything is sent, waits without blocking the others, and goes once it is mended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from core.mapping.spec import FieldMapping, JobSpec, Overflow
from core.store.runs import balanced
from tests.integration.kit import Desk, add_job, assert_each_once, calls, plain, tasks


def with_mapping(spec: JobSpec, target: str, **changes: Any) -> JobSpec:
    """The job with one field mapping changed, or added."""
    pair = spec.pairs[0]
    found = pair.mapping_of(target)
    if found is None:
        rows = (*pair.mappings, FieldMapping(target=target, **changes))
    else:
        rows = tuple(m.model_copy(update=changes) if m is found else m for m in pair.mappings)
    return spec.model_copy(update={"pairs": (pair.model_copy(update={"mappings": rows}),)})


@pytest.fixture
def region(desk: Desk) -> Iterator[str]:
    """A text field of Task that no job knows of."""
    desk.org.schema_change("add_field", object="Task", field="Region__c", type="string", length=40)
    yield "Region__c"
    desk.org.schema_change("remove_field", object="Task", field="Region__c")


@pytest.mark.requirement("T6", "T14", "T17")
@pytest.mark.usefixtures("region")
def test_a_field_that_becomes_required_stops_the_job_by_name(desk: Desk) -> None:
    """Nobody fills it: neither Validate nor a run lets it pass; a default mends it."""
    sent = calls("required", 4)
    desk.ws.take_in("activities", sent)
    desk.org.schema_change("require_field", object="Task", field="Region__c")
    desk.ws.refresh_org()
    failed = [f for f in desk.ws.validate("calls_out") if f.severity == "fail"]
    assert [f.field for f in failed] == ["Region__c"]
    info = desk.run("calls_out")
    assert (info["status"], info["counts"]["input"]) == ("failed", 0)
    assert "Region" in info["error"]["message"]
    assert desk.tasks("required") == []
    spec = with_mapping(desk.ws.job("calls_out"), "Region__c", constant="Midwest")
    desk.ws.save_job(spec)
    assert [f for f in desk.ws.validate("calls_out") if f.severity == "fail"] == []
    assert desk.run("calls_out")["counts"]["created"] == 4
    assert_each_once(desk, "required", sent)


def spoiled(desk: Desk) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Six good calls, and one of each kind that cannot go as it is; both people share a phone."""
    twins = [
        desk.org.create(
            "Contact", FirstName=n, LastName="Shared", Phone="+1 415 555 0123", Email=f"{n}@shared-line.com"
        )
        for n in ("Uma", "Vic")
    ]
    assert len(twins) == 2
    assert desk.run("people_in")["counts"]["created"] >= 2
    good = calls("named", 6)
    odd, long, shared = calls("named odd", 1), calls("named long", 1), calls("named shared", 1)
    odd[0]["outcome"] = "left_the_building"
    long[0]["notes"] = "named long " + "x" * 40_000
    shared[0]["person"] = {"phone": "(415) 555-0123"}
    return good, [odd[0], long[0], shared[0]]


@pytest.mark.requirement("T10", "T18", "A14", "O6", "X18")
def test_what_is_wrong_is_named_in_the_preview_and_held_by_the_run(desk: Desk) -> None:
    good, bad = spoiled(desk)
    desk.ws.take_in("activities", good + bad)
    desk.org.reset_calls()
    preview = desk.ws.preview("calls_out")
    assert balanced(preview.counts)
    assert (preview.counts["created"], preview.counts["held"]) == (6, 3)
    held = {r["key"]: r for r in preview.rows.filter(preview.rows["outcome"] == "held").iter_rows(named=True)}
    assert {k: r["field"] for k, r in held.items()} == {
        "named odd-0": "CallDisposition", "named long-0": "Description", "named shared-0": "WhoId",
    }  # fmt: skip
    assert "left_the_building" in held["named odd-0"]["reason"]
    assert held["named shared-0"]["cause"] == "ambiguous"
    for row in held.values():
        plain(row["reason"])
    assert desk.pushes() == []
    counts = desk.run("calls_out")["counts"]
    assert (counts["created"], counts["held"]) == (6, 3)
    assert sum(c["rows"] for c in desk.pushes()) == 6
    assert_each_once(desk, "named note", good)

    spec = desk.ws.job("calls_out")
    outcomes = {**(spec.pairs[0].mapping_of("CallDisposition").value_map or {}), "left_the_building": "Connected"}  # type: ignore[union-attr]
    spec = with_mapping(spec, "CallDisposition", value_map=outcomes)
    unchanged = desk.ws.preview("calls_out")
    assert unchanged.counts["input"] == 0, "held rows are looked at again once the job is changed"
    mended = with_mapping(spec, "Description", overflow=Overflow.CUT)
    shown = desk.ws.preview(mended)
    assert (shown.counts["input"], shown.counts["created"], shown.counts["held"]) == (3, 2, 1)
    desk.ws.save_job(mended)
    assert desk.ws.preview("calls_out").counts == shown.counts
    desk.org.reset_calls()
    retried = [desk.ended(r) for r in desk.ws.retry(job="calls_out")]
    assert Counter({k: v for k, v in retried[0]["counts"].items() if v}) == {"input": 3, "created": 2, "held": 1}
    assert sum(c["rows"] for c in desk.pushes()) == 2
    assert len(desk.tasks("named")) == 8

    (row,) = desk.ws.open_rows(job="calls_out").iter_rows(named=True)
    people = desk.ws.candidates("calls_out", row["subject"])
    assert sorted(people["name"].to_list()) == ["Uma Shared", "Vic Shared"]
    vic = people.filter(people["name"] == "Vic Shared").row(0, named=True)
    (asked,) = desk.ws.inbox().iter_rows(named=True)
    assert (asked["kind"], asked["item"]) == ("match", f"calls_out:{row['subject']}")
    assert {c["record_id"] for c in json.loads(asked["candidates"])} == set(people["record_id"])
    decided = desk.ws.decide(asked["item"], "record", record_id=vic["record_id"], note="Vic called back")
    assert desk.ended(decided[0])["counts"]["created"] == 1
    (task,) = desk.tasks("named shared")
    assert task["WhoId"] == vic["org_id"]
    assert desk.ws.open_rows(job="calls_out").is_empty()
    assert desk.run("calls_out")["counts"]["created"] == 0


@pytest.mark.requirement("O15", "O14")
def test_an_empty_required_value_is_held_or_rejected_with_its_reason(desk: Desk) -> None:
    add_job(desk.ws, "tasks_out")
    spec = desk.ws.job("tasks_out")
    pair = spec.pairs[0]
    rows = tuple(m.model_copy(update={"required": True}) if m.target == "ActivityDate" else m for m in pair.mappings)
    desk.ws.save_job(spec.model_copy(update={"pairs": (pair.model_copy(update={"mappings": rows}),)}))
    made = tasks("empty", 3, at=desk.clock.now())
    made[0]["due_at"], made[1]["subject"] = None, ""
    desk.ws.take_in("activities", made)
    preview = desk.ws.preview("tasks_out")
    assert (preview.counts["held"], preview.counts["rejected"], preview.counts["created"]) == (1, 1, 1)
    info = desk.run("tasks_out")
    assert (info["counts"]["held"], info["counts"]["rejected"], info["counts"]["created"]) == (1, 1, 1)
    causes = {r["key"]: (r["cause"], r["field"]) for r in desk.ws.open_rows(job="tasks_out").iter_rows(named=True)}
    assert causes["empty-0"] == ("required_empty", "ActivityDate")
    assert causes["empty-1"][0] == "required_empty"


@pytest.mark.requirement("X19", "N11")
def test_a_call_to_somebody_who_is_not_there_yet_waits_and_goes_by_itself(desk: Desk) -> None:
    (call,) = calls("orphan", 1)
    call["person"] = {"email": "late@newcomer-co.com"}
    desk.ws.take_in("activities", [call])
    counts = desk.run("calls_out")["counts"]
    assert counts["waiting"] == 1
    desk.org.create("Contact", FirstName="Late", LastName="Comer", Email="late@newcomer-co.com")
    assert desk.run("people_in")["counts"]["created"] >= 1
    assert desk.run("calls_out")["counts"]["created"] == 1
    (task,) = desk.tasks("orphan")
    assert task["Subject"] == "Call: Late Comer"


@pytest.mark.requirement("X18")
def test_only_rows_that_met_a_lock_are_sent_again(desk: Desk) -> None:
    sent = calls("locked", 50)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("row_lock", count=7)
    desk.org.reset_calls()
    info = desk.run("calls_out")
    assert (info["status"], info["counts"]["created"]) == ("complete", 50)
    assert [c["rows"] for c in desk.pushes()] == [50, 7]
    assert_each_once(desk, "locked", sent)


@pytest.mark.requirement("X18")
def test_rows_that_stay_locked_are_rejected_and_pushed_again_alone(desk: Desk) -> None:
    sent = calls("stuck", 30)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("row_lock", rate=0.7, seed=5)
    info = desk.run("calls_out")
    stuck = info["counts"]["rejected"]
    assert (info["status"], stuck > 0, info["counts"]["created"]) == ("complete_with_rejects", True, 30 - stuck)
    desk.org.fault_off("row_lock")
    desk.org.reset_calls()
    desk.advance(61)
    assert desk.run("calls_out")["counts"]["created"] == stuck
    assert [c["rows"] for c in desk.pushes()] == [stuck]
    assert_each_once(desk, "stuck", sent)


@pytest.mark.requirement("X18")
def test_rows_that_a_lock_holds_for_long_go_one_by_one_in_the_end(desk: Desk) -> None:
    sent = calls("serial", 12)
    desk.ws.take_in("activities", sent)
    desk.org.fault_on("row_lock", count=36)
    desk.org.reset_calls()
    info = desk.run("calls_out")
    assert (info["status"], info["counts"]["created"]) == ("complete", 12)
    assert [c["rows"] for c in desk.pushes()] == [12, 12, 12, 5, 5, 2]
    assert_each_once(desk, "serial", sent)


@pytest.mark.requirement("X18")
def test_a_row_that_spoils_its_whole_request_is_found_and_the_others_go(desk: Desk) -> None:
    """The org cannot read one value and refuses everything it came with; nobody else's row may stay behind for it."""
    sent = calls("poison", 30)
    desk.ws.take_in("activities", sent)
    desk.work()
    kept = desk.ws.plan("calls_out")
    row = desk.ws.database.read("SELECT row, payload FROM change WHERE plan_id = :p", p=kept).row(17, named=True)
    spoiled = json.dumps(json.loads(row["payload"]) | {"ActivityDate": "the ides of March"})
    desk.ws.database.execute(
        "UPDATE change SET payload = :t WHERE plan_id = :p AND row = :r", t=spoiled, p=kept, r=row["row"]
    )
    desk.org.reset_calls()
    info = desk.ended(desk.ws.apply(kept))
    assert (info["status"], info["counts"]["created"], info["counts"]["rejected"]) == ("complete_with_rejects", 29, 1)
    assert len(desk.pushes()) <= 6
    (result,) = desk.ws.database.read(
        "SELECT cause, reason FROM record_result WHERE run_id = :r AND outcome = 'rejected'", r=info["run_id"]
    ).iter_rows(named=True)
    assert (result["cause"], "the ides of March" in result["reason"]) == ("JSON_PARSER_ERROR", True)
    assert len(desk.tasks("poison")) == 29


def test_books_break_when_a_result_is_lost(desk: Desk) -> None:
    desk.ws.take_in("activities", calls("books", 5))
    info = desk.run("calls_out")
    run_id = info["run_id"]
    assert balanced(desk.ws.audit_books(run_id))
    desk.ws.database.execute("DELETE FROM record_result WHERE run_id = :r AND row = 3", r=run_id)
    assert not balanced(desk.ws.audit_books(run_id))
