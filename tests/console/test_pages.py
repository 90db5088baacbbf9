"""Every page in the states that people meet: fresh, with errors, running, all through, paused, out of reach."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console import app_pages
from console.components import times
from console.slots import SIGN_INS
from core.workspace import Workspace
from tests.console.pages import PAGES, Page

Open = Callable[..., Page]


def held(ws: Workspace, cause: str) -> list[dict[str, Any]]:
    return list(ws.open_rows(cause=cause).iter_rows(named=True))


# Fresh


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("overview", "Nothing is connected yet."),
        ("inbox", "Nothing waits for a decision."),
        ("errors", "No errors."),
        ("runs", "No run yet."),
        ("jobs", "Nothing is connected yet."),
        ("job", "There is no job called"),
        ("connections", "Connect an org"),
        ("audit", "No activities yet."),
        ("plan", "No plan is kept."),
        ("record", "Type an org Id"),
        ("budget", "The allowance is known after the first call to the org."),
        ("settings", "Who may do what"),
        ("segments", "Nothing is connected yet."),
    ],
)
def test_an_empty_page_says_what_to_do_first(fresh: Workspace, page: Open, name: str, says: str) -> None:
    assert says in page(name).text


def test_every_page_is_in_the_list() -> None:
    folder = Path(next(iter(app_pages.__path__)))
    assert {p.stem for p in folder.glob("*.py")} - {"__init__"} == set(PAGES)


def test_overview_leads_through_the_first_steps(fresh: Workspace, page: Open) -> None:
    text = page("overview").text
    for step in ("Connect an org", "Make a job from a template", "Preview", "Go live"):
        assert step in text


def test_connections_asks_for_no_password_and_names_the_callback(fresh: Workspace, page: Open) -> None:
    shown = page("connections")
    assert [t.label for t in shown.at.text_input if "assword" in t.label] == []
    assert any("/oauth/callback" in c.value for c in shown.at.code)


def test_a_sign_in_is_prepared_without_its_secret_in_the_address(fresh: Workspace, page: Open) -> None:
    shown = page("connections")
    next(t for t in shown.at.text_input if t.label.startswith("Client id")).set_value("the-client")
    next(t for t in shown.at.text_input if t.label.startswith("Client secret")).set_value("the-secret")
    shown.press("Prepare sign-in")
    link = next(e for e in shown.at.get("link_button"))
    address = link.proto.url
    assert address.startswith("/oauth/begin?slot=")
    assert "secret" not in address
    kept = SIGN_INS.take(address.partition("slot=")[2])
    assert kept is not None
    assert (kept.login_url, kept.client_id, kept.client_secret) == (
        "https://login.salesforce.com",
        "the-client",
        "the-secret",
    )


# With a synced org, some rows open


def test_overview_tells_what_is_out_of_step(synced: Workspace, page: Open) -> None:
    shown = page("overview")
    assert "out of step" in shown.text
    assert "Several records could be meant" in shown.text
    jobs = shown.frame()
    assert len(jobs) == len(synced.specs())
    assert [s[0] for s in jobs["State"]].index("In step") > 0
    differ = jobs.set_index("Job")
    assert (
        differ.loc["Calls, outbound", "Workspace"] - differ.loc["Calls, outbound", "Salesforce"]
        == differ.loc["Calls, outbound", "Differ"]
    )
    assert "held for a decision" in differ.loc["Calls, outbound", "Why"]


def test_overview_in_step_shows_no_cards(synced: Workspace, page: Open) -> None:
    synced.database.execute("DELETE FROM open_row WHERE workspace_id = :w", w=synced.workspace_id)
    shown = page("overview")
    assert f"All {len(synced.specs())} jobs are in step." in shown.text
    assert "Needs a person" not in shown.sections()


def test_a_refused_sign_in_stands_on_top(synced: Workspace, page: Open) -> None:
    synced.database.execute(
        "UPDATE connection SET state = 'auth_failed', state_reason = :r WHERE workspace_id = :w",
        r="expired access/refresh token", w=synced.workspace_id,
    )  # fmt: skip
    shown = page("overview")
    assert "Sign in to the org again" in shown.text
    assert "Sign-in refused" in page("connections").text
    assert all(s[0] in ("Stopped", "Off") for s in shown.frame()["State"])


def test_pausing_and_resuming_writes(synced: Workspace, page: Open) -> None:
    shown = page("overview").press("Pause writes")
    assert synced.row().is_paused
    assert "All writes paused" in shown.text
    shown.press("Resume writes")
    assert not synced.row().is_paused


@pytest.mark.requirement("A14")
def test_errors_say_which_why_and_when(synced: Workspace, page: Open) -> None:
    shown = page("errors")
    table = shown.frame()
    assert len(table) == synced.open_rows(limit=1000).height
    assert set(table.columns) >= {"State", "Record", "Which push", "Cause", "Why", "When", "Tries"}
    assert table["Why"].str.len().min() > 0
    assert "A value has no entry in the value map" in shown.text
    assert "A text is longer than its field" in shown.text


def test_errors_are_narrowed_by_cause_and_search(synced: Workspace, page: Open) -> None:
    assert set(page("errors", cause="Ambiguous").frame()["Cause"]) == {"Ambiguous"}
    one = held(synced, "too_long")[0]
    shown = page("errors", q=one["key"])
    assert len(shown.frame()) == 1
    assert "No row fits" in page("errors", q="nothing like it").text


def test_retrying_a_group_asks_for_exactly_its_rows(synced: Workspace, page: Open) -> None:
    wanted = sorted(r["record_id"] for r in held(synced, "unmapped_value"))
    shown = page("errors")
    n = next(i for i, b in enumerate(shown.at.button) if b.label == "Map the value")
    shown.at.button[n + 1].click()
    shown.run()
    assert f"{len(wanted)} rows will be looked at again in 1 run." in shown.text
    queued = [r for r in synced.runs(limit=5) if r["status"] == "queued"]
    assert [(r["job"], r["reason"]) for r in queued] == [("calls_out", "retry")]
    scope = synced.database.read("SELECT scope FROM run WHERE run_id = :r", r=queued[0]["run_id"]).item()
    assert sorted(json.loads(scope)["records"]) == wanted


def test_retrying_all_asks_for_one_run_of_each_job(synced: Workspace, page: Open) -> None:
    page("errors").press("Retry all")
    jobs = {r["job"] for r in synced.runs(limit=20) if r["status"] == "queued"}
    assert jobs == {g["job"] for g in synced.error_groups()}


def test_runs_show_what_became_of_each_row(synced: Workspace, page: Open) -> None:
    shown = page("runs")
    table = shown.frame()
    assert len(table) == len(synced.runs())
    assert set(table["Job"]) == {s.title for s in synced.specs()}
    run = next(r for r in synced.runs() if r["job"] == "calls_out")
    shown = page("runs", run=run["run_id"])
    counts = run["counts"]
    assert f"{counts['created']:,} created" in shown.text
    assert "Books" in " ".join(s.label for s in shown.at.status)
    shown.at.button_group[-1].set_value("Created")
    shown.run()
    assert any('"Subject"' in c.value for c in shown.at.code)


def test_a_run_under_way_shows_rate_and_time_left(synced: Workspace, page: Open) -> None:
    began = times.now() - timedelta(seconds=20)
    run_id = synced.request_run("calls_out")
    synced.database.execute(
        "UPDATE run SET status = 'running', started_at = :t, n_input = 1000, n_planned = 900, n_created = 400"
        " WHERE run_id = :r", t=began, r=run_id,
    )  # fmt: skip
    shown = page("runs")
    progress = next(iter(shown.at.get("progress"))).proto
    assert 39 <= progress.value <= 41
    assert progress.text.startswith("400 of 1,000 rows · ")
    assert re.search(r" · \d+ a second · about [23]\d s left$", progress.text)
    shown.press("Cancel after this batch")
    asked = synced.database.read("SELECT is_cancel_asked FROM run WHERE run_id = :r", r=run_id).item()
    assert asked


def test_a_run_that_was_stopped_says_by_what(synced: Workspace, page: Open) -> None:
    run_id = synced.runs(limit=1)[0]["run_id"]
    synced.database.execute(
        "UPDATE run SET status = 'failed', n_input = 0, error = :e WHERE run_id = :r", r=run_id,
        e=json.dumps({"message": "The org is locked.", "hint": "Ask the org's admin."}),
    )  # fmt: skip
    labels = [s.label for s in page("runs", run=run_id).at.status]
    assert any(label.replace("\\", "") == "The org is locked. Ask the org's admin." for label in labels), labels


def test_jobs_are_listed_with_their_state(synced: Workspace, page: Open) -> None:
    shown = page("jobs")
    table = shown.frame().set_index("Job")
    assert set(table.index) == {s.title for s in synced.specs()}
    assert table.loc["Calls, outbound", "Held"] == sum(
        g["count"] for g in synced.error_groups() if g["job"] == "calls_out" and g["outcome"] == "held"
    )
    assert "New job" in shown.labels()


def test_the_audit_adds_up_and_can_be_narrowed(synced: Workspace, page: Open) -> None:
    shown = page("audit", period="All")
    assert "Every activity made here is accounted for." in shown.text
    made = synced.frames.balance()["made"].sum()
    assert f"{made:,} made =" in shown.text
    calls = page("audit", period="All", kind="Call")
    assert f"{synced.frames.activities().filter(kind='call').height:,} made =" in calls.text
    assert set(calls.frame(-1)["Type"]) == {"Call"}


def test_a_lost_activity_is_named_by_the_audit(synced: Workspace, page: Open) -> None:
    synced.database.execute(
        "DELETE FROM link WHERE workspace_id = :w AND id = (SELECT MAX(id) FROM link WHERE workspace_id = :w AND"
        " table_name = 'activity' AND how = 'created_out')",
        w=synced.workspace_id,
    )
    assert "1 activity has no trace." in page("audit", period="All").text


def test_a_record_tells_its_story(synced: Workspace, page: Open) -> None:
    row = held(synced, "too_long")[0]
    shown = page("record", key=row["key"])
    assert "Held" in shown.text
    assert "Which jobs take it, and why" in shown.text
    assert any("32000" in t.value or "characters" in t.value for t in shown.at.text)
    linked = synced.frames.links().filter(table_name="activity", state="active").row(0, named=True)
    both = page("record", key=linked["org_id"])
    assert linked["org_id"] in both.text
    assert "Both sides" in both.text


def test_an_unknown_key_says_where_was_looked(synced: Workspace, page: Open) -> None:
    assert "Nothing here is known as" in page("record", key="nobody@nowhere.example").text


def test_connections_show_whom_and_how_much(synced: Workspace, page: Open) -> None:
    shown = page("connections")
    one = synced.connections()[0]
    assert one.username in shown.text
    texts = [t.value for t in shown.at.text]
    assert one.org_id in texts
    assert f"{one.api_used:,} of {one.api_limit:,}" in texts
    assert not any("secret" in t or "token" in t for t in texts)
    assert "Inactive in the org" in {s[0] for s in shown.frame()["State"]}


def test_a_returning_sign_in_is_announced_once(synced: Workspace, page: Open) -> None:
    shown = page("connections", result="connected")
    assert "Connected." in shown.text
    assert "Connected." not in shown.run().text


# The org does not answer


def test_an_org_out_of_reach_is_said_in_plain_words(synced: Workspace, page: Open) -> None:
    shown = page("job", job="tasks_in", step="Preview").press("Preview now")
    assert "Salesforce said no" in shown.text
    assert "Traceback" not in shown.text
    assert any("Traceback" in c.value for c in shown.at.code)


def test_pull_now_without_an_org_fails_softly(synced: Workspace, page: Open) -> None:
    shown = page("connections").press("Pull now")
    assert "Salesforce said no" in shown.text


# Plans


def test_a_plan_adds_up_and_is_discarded(synced: Workspace, page: Open) -> None:
    plan_id = keep_plan(synced, "kept")
    shown = page("plan", plan=plan_id)
    assert "adds up" in shown.text
    assert "Approve and apply" in " ".join(shown.labels())
    shown.press("Discard")
    assert "Nothing of it was written." in shown.text
    assert synced.plans().filter(plan_id=plan_id)["status"].to_list() == ["discarded"]


def test_a_search_that_fits_no_row_of_a_plan_says_so(synced: Workspace, page: Open) -> None:
    assert "fits" in page("plan", plan=keep_plan(synced, "kept"), plan_q="nothing like it").text


def test_a_stale_plan_can_only_be_made_again(synced: Workspace, page: Open) -> None:
    shown = page("plan", plan=keep_plan(synced, "stale"))
    assert "Either side has changed since this plan was made." in shown.text
    assert "Plan again" in shown.labels()
    assert not any(label.startswith("Approve") for label in shown.labels())


def keep_plan(ws: Workspace, status: str) -> str:
    """One of the plans of the demo, as if it had been kept and not applied yet."""
    plan_id = ws.plans().filter(job="calls_out")["plan_id"][0]
    ws.database.execute("UPDATE plan SET status = :s, approved_by = NULL WHERE plan_id = :p", s=status, p=plan_id)
    return str(plan_id)
