"""Second chapter: five jobs from their templates, switched on, and the first runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.e2e.driver import Console
from tests.e2e.stage import Stage, until

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
    for kind in ("users", "accounts", "people"):
        answers = stage.take_in(kind, f"{kind}.csv")
        assert answers, kind
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
    console.open("job", job=name, step="Schedule")
    console.press("Switch on" if on else "Switch off")
    console.says(f"1 job switched {'on' if on else 'off'}.")


def watch_the_first_runs(console: Console, names: Iterable[str]) -> bool:
    """Ask for all runs at once and watch them; whether a live card was seen on the way."""
    console.go("Overview").press("Sync now").says("asked for.")
    console.go("Runs")
    seen = False
    for _ in until(120, every=0.3):
        live = console.page.get_by_role("button", name="Cancel after this batch").count()
        if live and not seen:
            seen = True
            console.picture("06-runs-live")
        said = console.cells()
        if not live and all(TITLES[name] in said for name in names):
            break
    return seen


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
