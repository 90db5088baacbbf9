"""Fifth chapter: a Task edited on both sides; the decision, a kept plan with before and after, and its approval."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

from core.mapping.spec import Policy
from tests.e2e.driver import Console
from tests.e2e.stage import Stage
from tests.e2e.story_calls import CALLER, PHONE
from tests.e2e.story_mend import FIELD

_KEY = "story-task"
_SETTLED = "Flyer with the floor plan"
_FROM_THE_ORG, _FROM_US = "Flyer, as the org has it", "Flyer, as the workspace has it"


def _task(**more: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "source": "planner",
        "external_id": _KEY,
        "kind": "task",
        "occurred_at": now,
        "updated_at": now,
        "account": {"domain": "story-street.example"},
        "person": {"phone": PHONE},
        "user": CALLER,
        "subject": "Send the flyer",
        "notes": "Two pages.",
        "status": "open",
        "due_at": "2031-12-01",
        **more,
    }


def a_task_on_both_sides(console: Console, stage: Stage) -> str:
    """A task of the workspace becomes a Task; then each side changes its subject, the workspace last. Its Id."""
    stage.org.schema_change("unrequire_field", object="Task", field=FIELD)
    console.go("Connections").press("Pull now")
    console.says(re.compile("Read again:"))
    stage.post("activities", _task())
    console.go("Overview").press("Sync now").says("asked for.")
    (task,) = stage.tasks_when("Subject = 'Send the flyer'")
    stage.quiet()
    stage.org.update("Task", task["Id"], Subject=_FROM_THE_ORG, Priority="High")
    time.sleep(1.1)  # the org's times have whole seconds; the workspace's edit must be the later one
    stage.post("activities", _task(subject=_FROM_US))
    return str(task["Id"])


def a_plan_is_kept_and_applied(console: Console, stage: Stage, task: str) -> None:
    """The plan shows both values; nothing is written before somebody approves it."""
    console.go("Plans").press("Make a plan")
    console.choose(re.compile("^Job$"), "Tasks, outbound")
    console.press("Plan it now")
    console.says("Nothing is written until somebody approves it.")
    console.says("Will become")
    said = console.text()
    assert _FROM_THE_ORG in said
    assert _FROM_US in said
    console.picture("16-plan")
    assert _subject(stage, task) == _FROM_THE_ORG
    console.press("Approve and apply")
    console.picture("17-approve")
    console.press(re.compile(r"Apply \d+ now"))
    console.says("The plan is approved and is being applied.")
    stage.quiet()
    assert _subject(stage, task) == _FROM_US
    assert stage.org.soql(f"SELECT Priority FROM Task WHERE Id = '{task}'") == [{"Priority": "High"}]
    console.open("plan")
    console.shows("Applied")
    console.picture("18-plans")


def a_conflict_is_settled(console: Console, stage: Stage, task: str) -> None:
    """Under the policy `ask` both edits wait; the Inbox has both values, and one click says which stands."""
    ws = stage.workspace()
    for name in ("tasks_out", "tasks_in"):
        ws.save_job(ws.job(name).model_copy(update={"policy": Policy.ASK}))
    stage.org.update("Task", task, Subject=_FROM_THE_ORG)
    stage.post("activities", _task(subject=_SETTLED))
    ws.request_run("tasks_out")
    stage.quiet()
    console.open()
    with console.journey("settle a conflict", most=2):
        card = console.page.get_by_test_id("stVerticalBlock").filter(has_text="Both sides changed the same field")
        console.press("Decide", within=card.last)
        console.comes_to_say(_FROM_THE_ORG.split(",")[1].strip(), _SETTLED)
        console.press("Workspace wins").says("Decided: 1 question.")
    stage.quiet()
    assert _subject(stage, task) == _SETTLED


def a_bad_run_is_undone(console: Console, stage: Stage, task: str) -> None:
    """The run that settled it is taken back, after a look at what that does."""
    console.open()
    with console.journey("undo a bad run", most=4):
        console.go("Runs").press("Undo")
        console.says("1 record of 1 is put back as before.")
        console.comes_to_say(_FROM_THE_ORG, _SETTLED)
        console.picture("20-undo-preview")
        console.press("Undo 1 record now").says("The undo is asked for.")
    stage.quiet()
    assert _subject(stage, task) == _FROM_THE_ORG


def the_decision_is_told(console: Console, task: str) -> None:
    """The Record page says who won and why, with both values in the ledger's entry."""
    console.open("record", key=task)
    entry = console.says("Subject: the workspace wins")
    entry.click()
    said = console.comes_to_say(_FROM_THE_ORG, _FROM_US)
    assert "the workspace changed it last" in said
    console.picture("19-record-decision")


def _subject(stage: Stage, task: str) -> str:
    return str(stage.org.soql(f"SELECT Subject FROM Task WHERE Id = '{task}'")[0]["Subject"])
