"""The dialogs: pick the person, put aside, retry one row, a new job, a last look before a plan is applied."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from core.workspace import Workspace
from tests.console.pages import Page

Dialog = Callable[..., Page]


def open_row(cause: str, n: int = 0) -> None:
    from console.components import rowcard
    from console.session import workspace

    rows = workspace().open_rows(cause=cause)
    if rows.height > n and not rows["is_aside"][n] and not rows["decision"][n]:
        rowcard.drawer(rows.row(n, named=True))


def open_new_job() -> None:
    from console.components import newjob

    newjob.ask()


def open_approval(plan_id: str, deleted: int) -> None:
    from console.components import approval

    approval.ask(plan_id, {"created": 3, "updated": 0, "deleted": deleted}, "Calls, outbound")


def queued(ws: Workspace) -> list[tuple[str, str]]:
    return [(r["job"], r["reason"]) for r in ws.runs(limit=5) if r["status"] == "queued"]


@pytest.mark.requirement("T18")
def test_a_person_picks_whom_an_ambiguous_row_means(synced: Workspace, dialog: Dialog) -> None:
    row = synced.open_rows(cause="ambiguous").row(0, named=True)
    candidates = synced.candidates(row["job"], row["subject"])
    assert candidates.height > 1
    shown = dialog(open_row, cause="ambiguous")
    texts = " ".join(t.value for t in shown.at.text)
    for person in candidates.iter_rows(named=True):
        assert person["name"] in shown.text
        assert (person["phone"] or "") in texts
        assert (person["company"] or "") in texts
    shown.press("Pick")
    after = synced.open_rows(cause="ambiguous").row(0, named=True)
    assert json.loads(after["decision"])["record_id"] == candidates["record_id"][0]
    assert queued(synced) == [("calls_out", "decided")]


def test_a_row_is_put_aside(synced: Workspace, dialog: Dialog) -> None:
    dialog(open_row, cause="ambiguous").press("Put aside")
    assert synced.open_rows(cause="ambiguous")["is_aside"].to_list()[0]


def test_one_row_is_retried(synced: Workspace, dialog: Dialog) -> None:
    row = synced.open_rows(cause="too_long").row(0, named=True)
    shown = dialog(open_row, cause="too_long")
    assert any("characters" in t.value for t in shown.at.text)
    shown.press("Retry this row")
    run = next(r for r in synced.runs(limit=5) if r["status"] == "queued")
    scope = synced.database.read("SELECT scope FROM run WHERE run_id = :r", r=run["run_id"]).item()
    assert json.loads(scope)["records"] == [row["record_id"]]


def test_a_job_is_made_from_a_template(synced: Workspace, dialog: Dialog) -> None:
    synced.database.execute("UPDATE job SET name = 'old_calls' WHERE name = 'tasks_in' AND workspace_id = :w",
                            w=synced.workspace_id)  # fmt: skip
    shown = dialog(open_new_job)
    assert "It starts switched off." in shown.text
    shown.select("Template").set_value("tasks_in")
    shown.run()
    shown.at.button[0].click()
    shown.at.run()
    made = {j["name"]: j for j in synced.jobs()}
    assert "tasks_in" in made


def test_a_name_that_is_taken_is_refused_in_the_dialog(synced: Workspace, dialog: Dialog) -> None:
    shown = dialog(open_new_job)
    shown.at.text_input[0].set_value("calls_out")
    shown.run().press("Make the job")
    assert "There is a job called calls_out already." in shown.text


def test_applying_a_plan_approves_it_and_queues_its_run(synced: Workspace, dialog: Dialog) -> None:
    plan_id = str(synced.plans().filter(job="calls_out")["plan_id"][0])
    synced.database.execute("UPDATE plan SET status = 'kept', approved_by = NULL WHERE plan_id = :p", p=plan_id)
    shown = dialog(open_approval, plan_id=plan_id, deleted=0)
    assert "practice org" in shown.text
    shown.at.button[0].click()
    shown.at.run()
    assert synced.plans().filter(plan_id=plan_id)["approved_by"].to_list() == [synced.actor]
    assert queued(synced) == [("calls_out", "plan approved")]


def test_deletes_are_confirmed_by_their_number(synced: Workspace, dialog: Dialog) -> None:
    shown = dialog(open_approval, plan_id="p", deleted=12)
    assert shown.at.button[0].disabled
    shown.at.text_input[0].set_value("11")
    assert shown.run().at.button[0].disabled
    shown.at.text_input[0].set_value("12")
    assert not shown.run().at.button[0].disabled
