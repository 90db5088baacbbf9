"""Second chapter: five jobs from their templates, switched on, and the first runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from playwright.sync_api import expect

from tests.e2e.driver import Console
from tests.e2e.stage import Stage

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
