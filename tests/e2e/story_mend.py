"""Fourth chapter: what would not go is named before anything is sent, mended in the console, and then goes."""

from __future__ import annotations

import re
from contextlib import nullcontext

from playwright.sync_api import Locator, expect

from tests.e2e.driver import Console
from tests.e2e.stage import Stage, until
from tests.e2e.story_calls import SHARED_PHONE, People, call

FIELD, SOURCE = "Call_Reason__c", "fields.reason"
HELD = {
    "story-unmapped": "A value has no entry in the value map",
    "story-long": "A text is longer than its field",
    "story-ambiguous": "Several records could be meant",
    "story-empty": "A required field would be empty",
    "story-missing": "A value has no entry in the value map",
}
MENDED = ("unmapped_value", "too_long", "required_empty")


def the_org_asks_for_more(console: Console, stage: Stage) -> None:
    """The org's admin adds a required field; after Pull now the checks name it, and the job cannot be run."""
    console.open("job", job="calls_out", step="Schedule").press("Switch off")
    console.says("1 job switched off.")
    stage.org.schema_change(
        "add_field", object="Activity", field=FIELD, type="string", length=40, label="Call Reason", required=True
    )
    console.go("Connections").press("Pull now")
    console.says(re.compile("Read again:"))
    console.open("job", job="calls_out", step="Mapping")
    console.says(f"The org requires Call Reason ({FIELD})")
    expect(console.page.get_by_role("button", name="Save and sync")).to_be_disabled()
    console.picture("10-validate-names-the-field")
    console.choose("Field", FIELD)
    console.choose("Workspace field", SOURCE)
    expect(console.page.get_by_role("button", name="Save and sync")).to_be_enabled()
    console.press("Save").says("is saved.")


def preview_names_each_row(console: Console, stage: Stage) -> None:
    """Four calls that cannot go as they are: Preview names each, and nothing is sent."""
    why = {"reason": "Prospecting"}
    stage.post(
        "activities",
        call("story-unmapped", outcome="left_with_assistant", fields=why),
        call("story-long", notes="A long story. " * 2500, fields=why),
        call("story-ambiguous", person={"phone": SHARED_PHONE}, fields=why),
        call("story-empty"),
        call("story-missing", outcome="asked_to_call_back", fields=why),
    )
    before = _calls(stage)
    console.open("job", job="calls_out", step="Preview").press("Preview now")
    console.says("Would not be sent")
    said = console.text()
    for key, cause in HELD.items():
        assert key in said, key
        assert cause in said, cause
    console.picture("11-preview-names-the-rows")
    assert _calls(stage) == before


def holds_them(console: Console, stage: Stage) -> None:
    """A run holds exactly these; Errors has a card for each cause."""
    console.open("job", job="calls_out", step="Schedule").press("Switch on")
    console.says("1 job switched on.")
    console.press("More").press("Run now").says("1 run asked for.")
    stage.quiet()
    assert {r["key"] for r in stage.open_rows(limit=200) if r["key"].startswith("story-")} == set(HELD)
    console.open("errors")
    for cause in HELD.values():
        console.says(cause)
    console.picture("12-errors-by-cause")


def a_call_is_missing(console: Console, stage: Stage) -> None:
    """Somebody misses a call: Record says why, leads to what mends it, and the call goes."""
    its_task = f"{FIELD} = 'Prospecting'"
    assert not stage.tasks(its_task)
    console.open()
    with console.journey("find out why a call is missing and fix it", most=6):
        console.go("Record").fill("Record", "story-missing")
        console.says("has no entry in the value map")
        console.press("Map the value")
        console.choose("asked to call back becomes", "Connected")
        console.press("Save and sync").says("a run is asked for.")
        (task,) = stage.tasks_when(its_task)
    assert (task["Call_Outcome__c"], task["Description"][-15:]) == ("Connected", "[story-missing]")
    stage.quiet()


def mend(console: Console) -> None:
    """Value map, overflow rule and default, each chosen by hand, then saved at once."""
    console.open("job", job="calls_out", step="Values")
    console.choose(re.compile("^left.*with.*assistant becomes"), "Left Voicemail")
    console.choose("Gatekeeper becomes", "Connected")
    console.picture("13-values-mended")
    console.step("Mapping")
    console.choose("Field", "Description")
    console.choose("If the text is too long", "Cut the text")
    console.choose("Field", FIELD)
    console.fill("Default", "Unknown")
    console.says("changes are not saved")
    console.picture("14-mapping-mended")
    console.press("Save").says("is saved.")


def retry_sends_exactly_those(console: Console, stage: Stage, people: People) -> None:
    """Retry on each card pushes the rows of that card and no other; what nobody decided stays."""
    console.open()
    for n, cause in enumerate(MENDED):
        before, open_before = _calls(stage), _open(stage)
        rows = {key for key, why in open_before.items() if why == cause}
        title = next(t for k, t in HELD.items() if open_before.get(k) == cause)
        with nullcontext() if n else console.journey("retry a group of failures", most=3):
            if not n:
                console.go("Errors")
            console.press(f"Retry {len(rows)}", within=_card(console, title))
            console.says(f"{len(rows)} row{'s' if len(rows) > 1 else ''} will be looked at again")
        for _ in until(60):
            if not rows & set(_open(stage)):
                break
        stage.quiet()
        assert _open(stage) == {k: w for k, w in open_before.items() if k not in rows}
        assert _calls(stage) == before + len(rows)
        console.open("errors")
    tasks = {t["Call_Reason__c"]: t for t in _story_tasks(stage, people.person)}
    assert tasks["Unknown"]["Description"].endswith("[story-empty]")
    sent = [t for t in _story_tasks(stage, people.person) if t["Call_Reason__c"] == "Prospecting"]
    assert sorted(t["Call_Outcome__c"] for t in sent) == ["Connected", "Connected", "Left Voicemail"]
    cut = max((t["Description"] for t in sent), key=len)
    assert 31_000 < len(cut) <= 32_000


def the_ambiguous_one_waits_for_a_person(console: Console, stage: Stage, people: People) -> None:
    """It goes once somebody has picked who was meant, and to that one."""
    assert _open(stage)["story-ambiguous"] == "ambiguous"
    for other in stage.open_rows(cause="ambiguous", limit=500):
        if other["key"] != "story-ambiguous":
            stage.workspace().put_aside(other["job"], [other["subject"]])
    console.open()
    with console.journey("settle an ambiguous match", most=2):
        card = console.page.get_by_test_id("stVerticalBlock").filter(has_text=HELD["story-ambiguous"])
        console.press("Decide", within=card.last)
        console.comes_to_say("story-ambiguous", "Bea Twin")
        console.picture("15-pick-the-person")
        console.page.get_by_text("Bea Twin").locator("xpath=following::button[contains(., 'Pick')][1]").click()
        console.says("Decided: 1 question.")
    assert stage.tasks_when(f"WhoId = '{people.twins[1]}'")
    stage.quiet()
    assert stage.tasks(f"WhoId = '{people.twins[0]}'") == []
    assert "story-ambiguous" not in _open(stage)


def _card(console: Console, title: str) -> Locator:
    """The card of a cause: the innermost block that has both its title and a Retry button."""
    blocks = console.page.get_by_test_id("stVerticalBlock").filter(has_text=title)
    return blocks.filter(has=console.page.get_by_role("button", name=re.compile("^(.* )?Retry"))).last


def _open(stage: Stage) -> dict[str, str]:
    """Open rows by their key, with the cause."""
    return {r["key"]: r["cause"] for r in stage.open_rows(limit=500)}


def _calls(stage: Stage) -> int:
    return stage.org.count("SELECT COUNT() FROM Task WHERE TaskSubtype = 'Call'")


def _story_tasks(stage: Stage, person: str) -> list[dict[str, str]]:
    return stage.org.soql(
        f"SELECT Id, Description, Call_Outcome__c, {FIELD} FROM Task WHERE WhoId = '{person}' AND {FIELD} != null"
    )
