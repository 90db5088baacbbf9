"""The job editor by its widgets: value map, default, overflow rule, findings, Save, Save and sync."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from console import editing
from core.workspace import Workspace
from tests.console.pages import Page
from tests.practice import Practice

Open = Callable[..., Page]
FIELD = "Call_Outcome__c"
STEPS = ("Source", "Mapping", "Values", "Rules", "Preview", "Schedule")


@pytest.mark.requirement("T10")
def test_an_unmapped_outcome_is_named_and_mended(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Values")
    assert 'no entry for "Gatekeeper"' in shown.text
    assert "Missing" in shown.text
    choice = shown.select("Gatekeeper becomes")
    assert choice.value is None
    choice.set_value("Not Interested")
    shown.run()
    assert "changes are not saved" in shown.text
    assert "no entry for" not in shown.text
    shown.press("Save")
    entries = (editing.mapping_of(synced.job("calls_out"), "Task", FIELD) or {})["value_map"]
    assert editing.entry(entries, "Gatekeeper") == "Not Interested"


def test_the_overflow_rule_and_the_default_of_a_field_are_set(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Mapping", field="Description")
    shown.select("If the text is too long").set_value("spill")
    shown.run()
    next(t for t in shown.at.text_input if t.label == "Default").set_value("No notes taken")
    shown.run()
    shown.press("Save")
    saved = editing.mapping_of(synced.job("calls_out"), "Task", "Description") or {}
    assert (saved["overflow"], saved["default"]) == ("spill", "No notes taken")


def test_looking_at_every_step_changes_nothing(synced: Workspace, page: Open) -> None:
    """Every step of a job of each direction, and the mapping, which differs most, of all."""
    whole = ("calls_out", "tasks_in")
    looks = [(s.name, step) for s in synced.specs() for step in (STEPS if s.name in whole else ("Mapping",))]
    for name, step in looks:
        shown = page("job", job=name, step=step)
        assert "changes are not saved" not in shown.text, (name, step)
        assert next(b for b in shown.at.button if b.label == "Save").disabled


@pytest.mark.requirement("T14")
def test_a_required_field_that_nothing_fills_stops_the_job_by_name(synced: Workspace, page: Open) -> None:
    require(synced, FIELD)
    spec = synced.job("calls_out")
    synced.save_job(editing.without_mapping(spec, "Task", FIELD))
    shown = page("job", job="calls_out", step="Mapping", field=FIELD)
    assert f"Task.{FIELD}" in shown.text
    assert "Fail" in shown.text
    assert next(b for b in shown.at.button if b.label == "Save and sync").disabled
    shown.select("Fill it with").set_value("constant")
    shown.run()
    next(t for t in shown.at.text_input if t.label == "Value").set_value("Connected")
    shown.run()
    assert not next(b for b in shown.at.button if b.label == "Save and sync").disabled


def test_save_and_sync_saves_and_asks_for_a_run(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Source")
    next(t for t in shown.at.text_input if t.label == "Title").set_value("Calls to the org")
    shown.run()
    next(b for b in shown.at.button if b.label == "Save and sync").click()
    shown.at.run()
    assert synced.job("calls_out").title == "Calls to the org"
    assert [r["job"] for r in synced.runs(limit=3) if r["status"] == "queued"] == ["calls_out"]


def test_changes_are_dropped(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Rules")
    next(t for t in shown.at.toggle if t.label == "Delete records").set_value(True)
    shown.run()
    assert "changes are not saved" in shown.text
    shown.press("Drop the changes")
    assert "changes are not saved" not in shown.text
    assert not synced.job("calls_out").delete


def test_fields_that_cannot_be_chosen_say_why(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Mapping")
    next(g for g in shown.at.button_group if "Not mapped" in str(g.options)).set_value("Not mapped")
    shown.run()
    table = shown.frame().set_index("Salesforce")
    assert table.loc["CreatedById", "Check"][0] == "Off"
    assert "org records it itself" in table.loc["CreatedById", "Finding"]


def test_suggestions_are_taken_and_stay(synced: Workspace, page: Open) -> None:
    spec = editing.with_value(synced.job("calls_out"), "Task", FIELD, "voicemail", None)
    synced.save_job(spec)
    shown = page("job", job="calls_out", step="Values")
    assert shown.select("voicemail becomes").value is None
    shown.press("Take 1 suggestion").run()
    assert shown.select("voicemail becomes").value == "Left Voicemail"
    assert "changes are not saved" in shown.text


def test_what_somebody_else_saved_meanwhile_is_not_undone(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Rules")
    synced.save_job(editing.changed(synced.job("calls_out"), delete=True))
    shown.run()
    assert next(t for t in shown.at.toggle if t.label == "Delete records").value
    assert "changes are not saved" not in shown.text


def test_a_condition_is_added_and_the_schedule_set(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Source").press("Add a condition")
    shown.select("Operator").set_value("in")
    shown.run()
    next(t for t in shown.at.text_input if t.label == "Value").set_value("connected, voicemail")
    shown.run()
    shown.press("Save")
    assert synced.job("calls_out").filters[0].value == ["connected", "voicemail"]
    shown = page("job", job="calls_out", step="Schedule")
    shown.at.number_input[0].set_value(30)
    shown.run()
    shown.press("Save")
    assert synced.job("calls_out").schedule.every_minutes == 30


def test_a_job_is_switched_off_and_on(synced: Workspace, page: Open) -> None:
    shown = page("job", job="calls_out", step="Schedule").press("Switch off")
    assert not state(synced)
    shown.press("Switch on")
    assert state(synced)


def test_preview_names_what_would_be_held_before_anything_is_sent(
    synced: Workspace, demo_org: Practice, page: Open
) -> None:
    synced.save_job(synced.job("calls_out").model_copy(update={"delete": True}))  # what is held is looked at again
    before = synced.frames.results().height
    shown = page("job", job="calls_out", step="Preview").press("Preview now")
    assert "adds up" in shown.text
    assert "Would not be sent" in shown.text
    for row in synced.open_rows(job="calls_out").filter(outcome="held").iter_rows(named=True):
        assert row["title"] or row["key"] in shown.text
    assert "A value has no entry in the value map" in shown.text
    assert synced.frames.results().height == before


def state(ws: Workspace) -> bool:
    return bool(next(j["is_enabled"] for j in ws.jobs() if j["name"] == "calls_out"))


def require(ws: Workspace, name: str) -> None:
    """The org has come to require a field, and we have read that."""
    row = ws.database.read(
        "SELECT body FROM org_describe WHERE workspace_id = :w AND sobject = 'Task'", w=ws.workspace_id
    )
    body = json.loads(row.item())
    field = next(f for f in body["fields"] if f["name"] == name)
    field |= {"nillable": False, "defaultedOnCreate": False, "createable": True}
    ws.database.execute(
        "UPDATE org_describe SET body = :b WHERE workspace_id = :w AND sobject = 'Task'",
        b=json.dumps(body), w=ws.workspace_id,
    )  # fmt: skip
