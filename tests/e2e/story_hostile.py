"""Last chapter: values that want to be pictures, scripts and formulas stay text on every page and in every export."""

from __future__ import annotations

import csv
import io
import re

from tests.e2e.driver import HOSTILE_ADDRESS, Console
from tests.e2e.stage import Stage
from tests.e2e.story_calls import call

PICTURE = f"![x](http://{HOSTILE_ADDRESS}/x.png)"
SCRIPT = "<img src=x onerror=alert(1)>"
FORMULA = f'=HYPERLINK("http://{HOSTILE_ADDRESS}","x")'
HOSTILE = (PICTURE, SCRIPT, FORMULA)
PHONE = "+12065550199"
STEPS = ("Source", "Mapping", "Values", "Rules", "Preview", "Schedule")
PAGES = (
    *("", "inbox", "errors", "runs", "record", "jobs", "segments", "connections"),
    *("audit", "plan", "budget", "settings"),
)


def plant(console: Console, stage: Stage) -> None:
    """Accounts and a person of such names in the org; calls with such texts, held for their outcomes."""
    accounts = [stage.org.create("Account", Name=text) for text in HOSTILE]
    stage.org.create("Contact", FirstName=PICTURE[:40], LastName=SCRIPT, Phone=PHONE, AccountId=accounts[0])
    console.go("Overview").press("Sync now").says("asked for.")
    stage.quiet()
    person = {"phone": PHONE}
    stage.post(
        "activities",
        *[
            call(f"hostile-{n}", person=person, subject=text, notes=text, outcome=text)
            for n, text in enumerate(HOSTILE)
        ],
        call("hostile-sent", person=person, subject=PICTURE, notes=" ".join(HOSTILE)),
    )
    stage.tasks_when(f"Subject LIKE '%onerror%' AND WhatId = '{accounts[0]}'")
    stage.quiet()
    # A job that was changed looks at its held rows again: plan and preview show them.
    ws = stage.workspace()
    ws.save_job(ws.job("calls_out").model_copy(update={"delete": True}))
    console.open("plan").press("Make a plan")
    console.choose(re.compile("^Job$"), "Calls, outbound")
    console.press("Plan it now")
    console.says(re.compile("Nothing is written until somebody|would write nothing"))


def visit_every_page(console: Console) -> None:
    """Each page and each step of the editor, with a picture; none fetches, runs or breaks anything."""
    plan = console.page.url.partition("plan=")[2]
    for name in PAGES:
        console.open(name)
        harmless(console)
        console.picture(f"page-{name or 'overview'}")
    for step in STEPS:
        console.open("job", job="calls_out", step=step)
        if step == "Preview":
            console.press("Preview now").says("Would not be sent")
        harmless(console)
        console.picture(f"page-job-{step.lower()}")
    for key in ("hostile-0", "hostile-sent", PICTURE, FORMULA):
        console.open("record", key=key)
        harmless(console)
    console.picture("page-record-hostile")
    console.open("plan", plan=plan)
    harmless(console)
    console.picture("page-plan-hostile")


def is_text_where_it_is_shown(console: Console) -> None:
    """Errors and Record show the values, letter by letter; the drawer of a row too."""
    console.open("errors", q="hostile")
    console.shows(*HOSTILE)
    console.press_in_row("Mend", row=0)
    harmless(console)
    console.picture("page-errors-drawer")
    for n, text in enumerate(HOSTILE):
        console.open("record", key=f"hostile-{n}")
        console.shows(text)


def export_defuses_formulas(console: Console) -> None:
    """No cell of the export is a formula, and the value is still there."""
    console.open("errors")
    with console.page.expect_download() as export:
        console.page.get_by_role("button", name="Export CSV").click()
    rows = list(csv.reader(io.StringIO(export.value.path().read_text(encoding="utf-8-sig"))))
    cells = [cell for row in rows for cell in row]
    assert f"'{FORMULA}" in cells
    assert [c for c in cells if c.startswith(("=", "+", "@", "\t", "\r"))] == []


def harmless(console: Console) -> None:
    """Nothing was fetched, no dialog opened, no such picture is in the page, and no page broke."""
    assert console.asked_elsewhere == []
    assert console.dialogs == []
    assert console.page.locator(f'img[src*="{HOSTILE_ADDRESS}"], img[onerror]').count() == 0
    assert "Something went wrong" not in console.text()
