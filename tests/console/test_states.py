"""States in which a page must not say too much or too little: not yet run, queued, paused, many days, custom fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from console import editing, strings
from console.components import charts
from console.components.text import spoken
from console.components.times import value
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]


def test_a_job_that_never_ran_is_not_in_step(synced: Workspace, page: Open) -> None:
    synced.database.execute("DELETE FROM open_row WHERE workspace_id = :w", w=synced.workspace_id)
    synced.database.execute("DELETE FROM run WHERE job = 'accounts_in'")
    shown = page("overview")
    assert "jobs have not run yet." in shown.text
    assert shown.frame().set_index("Job").loc["Accounts, inbound", "State"][0] == "Not yet run"


@pytest.mark.parametrize(
    ("cause", "word"), [("ambiguous", "Decide"), ("unmapped_value", "Mend"), ("orphan", "Open"), ("NO_SUCH", "Open")]
)
def test_one_word_for_what_a_person_does(cause: str, word: str) -> None:
    assert strings.verb(cause) == word


def test_cards_rows_and_jobs_say_the_same_word(synced: Workspace, page: Open) -> None:
    overview = page("overview")
    labels = [b.label for b in overview.at.button if (b.key or "").startswith("card-")]
    assert labels[0] == overview.frame().set_index("Job").loc["Calls, outbound", "Verb"] == "Decide"
    rows = page("errors").frame()
    assert set(rows[rows["Cause"] == "Ambiguous"]["Verb"]) == {"Decide"}
    assert set(rows[rows["Cause"] == "Unmapped value"]["Verb"]) == {"Mend"}


def test_the_card_opens_its_own_example_with_what_is_known_of_the_call(synced: Workspace, page: Open) -> None:
    group = next(g for g in synced.error_groups() if g["cause"] == "ambiguous")
    record = synced.open_record(group["job"], group["example"]["subject"])
    shown = page("errors").press("Pick the person")
    texts = [t.value for t in shown.at.text]
    assert group["example"]["title"] in shown.text
    for known in filter(None, (record["person_phone"], record["user_email"], record["outcome"], record["notes"])):
        assert any(str(known)[:60] in text for text in texts), known
    for label in ("When", "Caller", "Phone", "Duration"):
        assert label in shown.text


def test_an_example_that_was_put_aside_is_not_shown_first(synced: Workspace) -> None:
    first = next(g for g in synced.error_groups() if g["cause"] == "ambiguous")["example"]["subject"]
    synced.put_aside("calls_out", [first])
    assert next(g for g in synced.error_groups() if g["cause"] == "ambiguous")["example"]["subject"] != first


def test_errors_are_paged_in_the_database(synced: Workspace) -> None:
    every = synced.open_rows(limit=1000)["subject"].to_list()
    assert synced.open_rows(limit=10, skip=10)["subject"].to_list() == every[10:20]
    assert synced.count_open_rows() == len(every)
    assert synced.count_open_rows(cause="ambiguous") == synced.open_rows(cause="ambiguous", limit=1000).height


def test_queued_runs_do_not_hide_the_one_that_runs(synced: Workspace, page: Open) -> None:
    running = synced.request_run("calls_out")
    synced.database.execute("UPDATE run SET status = 'running', n_input = 10 WHERE run_id = :r", r=running)
    for job in ("accounts_in", "people_in", "tasks_in", "tasks_out"):
        synced.request_run(job)
    shown = page("runs")
    assert [p.proto.text for p in shown.at.get("progress")] == ["0 of 10 rows"]
    assert "4 more are queued: Accounts, inbound, Contacts and leads, inbound, Tasks" in shown.text


def test_a_queued_run_does_not_claim_to_read(synced: Workspace, page: Open) -> None:
    synced.request_run("calls_out")
    (progress,) = page("runs").at.get("progress")
    assert progress.proto.text == "Next in line: it begins when a worker is free"


def test_a_hint_that_the_message_ends_with_is_said_once(synced: Workspace, page: Open) -> None:
    run_id = synced.runs(limit=1)[0]["run_id"]
    synced.database.execute(
        "UPDATE run SET status = 'failed', n_input = 0, error = :e WHERE run_id = :r", r=run_id,
        e=json.dumps({"message": "The org is locked. Ask its admin.", "hint": "Ask its admin."}),
    )  # fmt: skip
    labels = [s.label.replace("\\", "") for s in page("runs", run=run_id).at.status]
    assert "The org is locked. Ask its admin." in labels


def test_labels_that_are_only_read_aloud_are_plain_words() -> None:
    assert spoken("no_answer (2nd) ![x](http://e)") == "no answer 2nd x http e"
    assert spoken("***") == "empty"


def test_values_are_told_as_people_write_times() -> None:
    assert value("2026-10-23T15:04:00Z") == "23 Oct 2026 15:04"
    assert value("2026-10-23") == "23 Oct 2026"
    assert [value(v) for v in ("2026-13-45", "Call: Ada", "")] == ["2026-13-45", "Call: Ada", ""]


def test_a_field_that_nobody_knows_is_the_workspaces_own() -> None:
    labels = {"outcome": "Outcome"}
    assert editing.own_field(" region ", labels) == "fields.region"
    assert editing.own_field("outcome", labels) == "outcome"
    assert editing.own_words("fields.region", labels) == "Custom field region"
    assert editing.own_words("outcome", labels) == "Outcome"


def test_the_days_of_a_chart_have_one_tick_each_and_room_around(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    drawn: list[Any] = []
    monkeypatch.setattr("streamlit.plotly_chart", lambda figure, **_: drawn.append(figure))
    monkeypatch.setattr(charts, "theme", lambda: "light")
    charts.stacked([date(2026, 11, 21)], {"Call": [9]}, alt="one day", key="k")
    axis = drawn[0].layout.xaxis
    assert (len(axis.tickvals), (axis.range[1] - axis.range[0]).days) == (1, 7)


def test_paused_writes_are_told_on_the_overview(synced: Workspace, page: Open) -> None:
    synced.pause()
    shown = page("overview")
    assert "All writes paused" in shown.text
    assert {s[0] for s in shown.frame()["State"]} >= {"Paused"}
