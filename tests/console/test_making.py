"""Plans that are being made: asked for, followed, made, refused, and without anybody to make them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from console import strings
from console.components import times
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]


@pytest.fixture
def asked(synced: Workspace) -> str:
    """A plan that waits for a worker which is there."""
    alive(synced)
    return synced.request_plan("calls_out")


def alive(ws: Workspace) -> None:
    ws.database.execute(
        "INSERT INTO worker (worker_id, host, pid, started_at, seen_at) VALUES ('w', 'here', 1, :t, :t)", t=times.now()
    )


def end(ws: Workspace, run_id: str, status: str, **more: str | None) -> None:
    told = {"plan_id": None, "error": None, **more}
    ws.database.execute(
        "UPDATE run SET status = :s, plan_id = :plan_id, error = :error WHERE run_id = :r", s=status, r=run_id, **told
    )


@pytest.mark.parametrize(("name", "query"), [("plan", {}), ("job", {"job": "calls_out", "step": "Rules"})])
def test_a_plan_is_asked_of_the_worker_and_not_made_here(
    synced: Workspace, page: Open, name: str, query: dict[str, str]
) -> None:
    shown = page(name, **query)
    label = {"plan": "Plan it now", "job": "Keep a plan"}[name]
    kept = synced.plans().height
    next(b for b in shown.at.button if b.label == label).click()
    shown.at.run()
    run = synced.runs(limit=1)[0]
    assert (run["kind"], run["status"], run["plan_id"]) == ("plan", "queued", None)
    assert synced.plans().height == kept


def test_a_plan_that_is_being_made_is_followed(synced: Workspace, page: Open, asked: str) -> None:
    assert "The plan is next in line." in page("plan", making=asked).text
    end(synced, asked, "running")
    shown = page("plan", making=asked)
    assert "Both sides are being read." in shown.text
    assert shown.at.get("progress")
    shown.press("Cancel")
    assert synced.database.read("SELECT is_cancel_asked FROM run WHERE run_id = :r", r=asked).item()


def test_a_plan_that_failed_says_why(synced: Workspace, page: Open, asked: str) -> None:
    end(synced, asked, "failed", error=json.dumps({"message": "The org does not answer.", "hint": "Try later."}))
    shown = page("plan", making=asked)
    assert "The plan was not made." in shown.text
    assert "The org does not answer. Try later." in shown.text
    assert {"Plan again", "Open the run"} <= set(shown.labels())


@pytest.mark.parametrize("name", ["overview", "errors", "runs"])
def test_a_missing_worker_is_said_plainly(synced: Workspace, page: Open, name: str) -> None:
    alive(synced)
    assert strings.NO_WORKER not in page(name).text
    synced.database.execute("DELETE FROM worker")
    shown = page(name)
    assert strings.NO_WORKER in shown.text
    assert "syncline worker" in shown.text


def test_a_plan_without_a_worker_says_what_it_waits_for(synced: Workspace, page: Open, asked: str) -> None:
    synced.database.execute("DELETE FROM worker")
    shown = page("plan", making=asked)
    assert strings.NO_WORKER in shown.text
    assert "next in line" not in shown.text


def test_a_plan_run_that_is_not_known_is_an_answer(synced: Workspace, page: Open) -> None:
    assert "Not found" in page("plan", making="run_nowhere").text


def test_a_plan_with_nothing_to_write_offers_nothing_to_apply(synced: Workspace, page: Open) -> None:
    plan_id = str(synced.plans().filter(job="calls_out")["plan_id"][0])
    synced.database.execute("UPDATE plan SET status = 'kept', approved_by = NULL, counts = :c WHERE plan_id = :p",
                            p=plan_id, c=json.dumps({"held": 3}))  # fmt: skip
    shown = page("plan", plan=plan_id)
    assert "A run of the job would write nothing now." in shown.text
    assert "3 = 0 writes + 3 held" in shown.text.replace("**", "")
    assert next(b for b in shown.at.button if b.label == "Nothing to apply").disabled
