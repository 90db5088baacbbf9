"""Second chapter: five jobs from their templates, switched on, and the first runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from playwright.sync_api import expect

from tests.e2e.driver import Console
from tests.e2e.stage import Stage
from tests.e2e.story_calls import call

TITLES = {
    "accounts_in": "Accounts, inbound",
    "people_in": "Contacts and leads, inbound",
    "tasks_in": "Tasks, inbound",
    "tasks_out": "Tasks, outbound",
    "calls_out": "Calls, outbound",
}
INBOUND = ("accounts_in", "people_in", "tasks_in")


def take_in_the_team(console: Console, stage: Stage) -> None:
    """The workspace's users, accounts and people come from files; users are linked to the org's by e-mail."""
    assert stage.take_in("users", "users.csv")
    for kind in ("accounts", "people"):
        assert stage.workspace().take_in_file(kind, stage.files / f"{kind}.csv")
    console.go("Connections").press("Pull now")
    console.says(re.compile(r"Read again: \d+ users"))
    assert "12 people linked to an org user" in console.text() or "of 12 people linked" in console.text()


def make(console: Console, name: str) -> None:
    """Make a job from its template in the dialog; its editor opens."""
    console.go("Jobs").press("New job")
    console.choose("Template", TITLES[name])
    console.press("Make the job")
    console.says(f"{TITLES[name]} is made and is off.")


EARLY = "early_outcome"
"""An outcome that no template knows; a call with it waits from the start."""


def call_logging_with_outcomes(console: Console, stage: Stage) -> None:
    """A call-logging job from its template, its unknown outcome mapped, and switched on."""
    stage.post("activities", call("early", outcome=EARLY, person={"phone": "+12065550123"}))
    console.open()
    with console.journey("make a call-logging job", most=10):
        console.go("Jobs").press("New job")
        console.press("Make the job")
        console.says(f"{TITLES['calls_out']} is made and is off.")
        console.step("Values")
        console.choose("early outcome becomes", "Connected")
        console.press("Save").says("is saved.")
        console.step("Schedule").press("Switch on")
        console.says("1 job switched on.")
    spec = stage.workspace().job("calls_out")
    (mapped,) = [m for p in spec.pairs for m in p.mappings if m.target == "Call_Outcome__c"]
    assert mapped.value_map is not None
    assert mapped.value_map[EARLY] == "Connected"


def switch(console: Console, name: str, *, on: bool) -> None:
    """Switch a job on or off on the last step of its editor."""
    if f"job={name}" in console.page.url:
        console.step("Schedule")
    else:
        console.open("job", job=name, step="Schedule")
    console.press("Switch on" if on else "Switch off")
    console.says(f"1 job switched {'on' if on else 'off'}.")


def watch_the_first_runs(console: Console, stage: Stage) -> None:
    """Ask for all runs at once, and see them under way while the org is slow, and done in the end."""
    with stage.org.fault("latency", value=1500):
        console.go("Overview").press("Sync now").says("asked for.")
        console.go("Runs")
        expect(console.page.get_by_role("button", name="Cancel after this batch").first).to_be_visible()
        console.picture("06-runs-live")
    stage.quiet()
    console.open("runs").shows(*TITLES.values())
    console.picture("07-runs-done")


def green_rows(stage: Stage, names: Iterable[str]) -> None:
    """Every job has a run that is done, and its books balance."""
    runs = stage.workspace().runs(limit=100)
    for name in names:
        done = [r for r in runs if r["job"] == name and r["counts"]["input"]]
        assert done, f"{name} has no run: {runs}"
        assert {r["status"] for r in done} <= {"complete", "complete_with_rejects"}, done
        for run in done:
            counts = dict(run["counts"])
            assert counts.pop("input") == sum(counts.values()), run
