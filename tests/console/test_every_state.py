"""Every page in every named state: it draws, it breaks nothing, and it says what the state means for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from core.store.codec import dumps
from core.workspace import Workspace
from tests.console.pages import PAGES, Page
from tests.demo_fixture import copy_demo

Open = Callable[..., Page]
Settle = Callable[[Path], Workspace]
_DISPUTE = {
    "field": "Subject", "target": "Subject", "workspace": "Ours", "org": "Theirs", "baseline": "Before",
    "workspace_at": "2026-11-20T10:00:00Z", "org_at": "2026-11-20T11:00:00Z", "deleted": "",
}  # fmt: skip
SAYS: dict[str, dict[str, str]] = {
    "fresh": {
        "overview": "Nothing is connected yet.",
        "inbox": "Nothing waits for a decision.",
        "errors": "Nothing is open",
        "runs": "No run yet.",
        "jobs": "Nothing is connected yet.",
        "job": "There is no job called",
        "connections": "Connect an org below.",
        "audit": "No activities yet.",
        "plan": "No plan is kept.",
        "segments": "Nothing is connected yet.",
    },
    "first_backfill": {
        "overview": "this page follows by itself",
        "runs": "the run goes on",
        "jobs": "5 jobs, 5 on",
    },
    "in_step": {
        "overview": "All 5 jobs are in step.",
        "inbox": "Nothing waits for a decision.",
        "errors": "Nothing is open",
    },
    "conflicts": {
        "overview": "Both sides changed the same field",
        "inbox": "Both last agreed on: Before",
        "errors": "Both sides changed the same field",
    },
    "partial_failure": {
        "overview": "out of step",
        "errors": "A value has no entry in the value map",
        "runs": "The org stopped answering half-way.",
    },
    "stale_plan": {"plan": "Either side has changed since this plan was made."},
    "limit_reached": {
        "connections": "calls come back hour by hour",
        "overview": "calls come back hour by hour",
        "budget": "Runs dry",
    },
    "org_unreachable": {
        "connections": "Check the network and the org's status",
        "overview": "The org does not answer.",
    },
}  # fmt: skip
"""State -> page -> what it must say there; pages that are not named must draw without a fault."""


def first_backfill(ws: Workspace) -> None:
    ws.database.execute("DELETE FROM open_row WHERE workspace_id = :w", w=ws.workspace_id)
    ws.database.execute("DELETE FROM run WHERE workspace_id = :w AND job = 'calls_out'", w=ws.workspace_id)
    run = ws.backfill("calls_out")
    ws.database.execute("UPDATE run SET status = 'running', n_input = 1000 WHERE run_id = :r", r=run)


def in_step(ws: Workspace) -> None:
    ws.database.execute("DELETE FROM open_row WHERE workspace_id = :w", w=ws.workspace_id)


def conflicts(ws: Workspace) -> None:
    ws.database.execute(
        "UPDATE open_row SET cause = 'conflict', outcome = 'held', disputes = :d, first_at = 0 WHERE workspace_id = :w"
        " AND cause = 'unmapped_value'",
        d=dumps([_DISPUTE]), w=ws.workspace_id,
    )  # fmt: skip


def partial_failure(ws: Workspace) -> None:
    run = ws.runs(limit=1)[0]["run_id"]
    told = json.dumps({"message": "The org stopped answering half-way.", "hint": "It goes on by itself."})
    ws.database.execute("UPDATE run SET status = 'partial', error = :e WHERE run_id = :r", e=told, r=run)


def stale_plan(ws: Workspace) -> None:
    ws.database.execute("UPDATE plan SET status = 'stale' WHERE workspace_id = :w", w=ws.workspace_id)


def limit_reached(ws: Workspace) -> None:
    ws.database.execute("UPDATE connection SET state = 'over_limit', api_used = 15000, api_limit = 15000")


def org_unreachable(ws: Workspace) -> None:
    ws.database.execute("UPDATE connection SET state = 'unreachable', state_reason = 'The org does not answer.'")


STATES: dict[str, Callable[[Workspace], None]] = {
    make.__name__: make
    for make in (first_backfill, in_step, conflicts, partial_failure, stale_plan, limit_reached, org_unreachable)
}


def visit(page: Open, state: str, pages: Iterable[str], **query: dict[str, str]) -> None:
    """Each of the pages once; what is missing on any is told at once."""
    missing = {}
    for name in pages:
        shown = page(name, **query.get(name, {}))
        assert "Something went wrong" not in shown.text, name
        wanted = SAYS[state].get(name, "")
        if wanted not in f"{shown.text} {[t.value for t in shown.at.text]} {[s.label for s in shown.at.status]}":
            missing[name] = (wanted, shown.text[:600])
    assert not missing


def prepared(state: str, home: Path, settle: Settle, folder: Path) -> dict[str, dict[str, str]]:
    """A copy of the demo in a state, which the pages show from now on; what their addresses carry."""
    ws = settle(copy_demo(home, folder / "demo"))
    STATES[state](ws)
    plan = ws.plans(limit=1)["plan_id"][0]
    key = ws.frames.people()["external_id"][0]
    return {"job": {"job": "calls_out"}, "plan": {"plan": plan}, "record": {"key": key}}


def test_fresh(fresh: Workspace, page: Open) -> None:
    visit(page, "fresh", PAGES, job={"job": "calls_out"})


@pytest.mark.parametrize("state", STATES)
def test_what_a_state_means(state: str, demo_home: Path, settle: Settle, tmp_path: Path, page: Open) -> None:
    visit(page, state, SAYS[state], **prepared(state, demo_home, settle, tmp_path))


@pytest.mark.nightly
@pytest.mark.parametrize("state", STATES)
def test_every_page(state: str, demo_home: Path, settle: Settle, tmp_path: Path, page: Open) -> None:
    visit(page, state, PAGES, **prepared(state, demo_home, settle, tmp_path))
