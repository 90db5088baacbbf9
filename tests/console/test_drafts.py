"""Drafts: they survive a reload and a restart, and two people who edit one job get a clear choice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console import editing
from core.errors import SavedMeanwhile
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]


def retitle(shown: Page, title: str) -> Page:
    next(t for t in shown.at.text_input if t.label == "Title").set_value(title)
    return shown.run()


def title_of(shown: Page) -> str:
    return str(next(t for t in shown.at.text_input if t.label == "Title").value)


def test_a_draft_survives_a_new_session(synced: Workspace, page: Open) -> None:
    retitle(page("job", job="calls_out", step="Source"), "Half-made")
    again = page("job", job="calls_out", step="Source")
    assert title_of(again) == "Half-made"
    assert "was taken up again." in again.text
    assert synced.job("calls_out").title == "Calls, outbound"
    again.press("Drop the changes")
    assert synced.draft("calls_out") is None
    assert title_of(page("job", job="calls_out", step="Source")) == "Calls, outbound"


def test_a_draft_belongs_to_who_made_it(synced: Workspace) -> None:
    spec = editing.changed(synced.job("calls_out"), title="Mine")
    synced.keep_draft(spec, 1)
    assert synced.acting_as("ben").draft("calls_out") is None
    assert synced.draft("calls_out")["spec"]["title"] == "Mine"  # type: ignore[index]


def test_saving_ends_the_draft(synced: Workspace, page: Open) -> None:
    shown = retitle(page("job", job="calls_out", step="Source"), "Finished")
    shown.press("Save")
    assert synced.job("calls_out").title == "Finished"
    assert synced.draft("calls_out") is None


def test_two_people_get_a_clear_choice(synced: Workspace, page: Open) -> None:
    shown = retitle(page("job", job="calls_out", step="Source"), "Mine")
    ben = synced.acting_as("ben")
    ben.save_job(editing.changed(ben.job("calls_out"), title="Ben's"))
    shown.run()
    assert "ben saved this job" in shown.text
    assert "Ben" in shown.text
    shown.press("Save")
    assert synced.job("calls_out").title == "Ben's"
    assert "saved this job while you were editing it" in shown.text
    shown.press("Keep mine")
    assert "ben saved this job at" not in shown.text
    shown.press("Save")
    assert synced.job("calls_out").title == "Mine"


def test_theirs_can_be_taken(synced: Workspace, page: Open) -> None:
    shown = retitle(page("job", job="calls_out", step="Source"), "Mine")
    ben = synced.acting_as("ben")
    ben.save_job(editing.changed(ben.job("calls_out"), title="Ben's"))
    shown.run().press("Take theirs")
    assert title_of(shown) == "Ben's"
    assert synced.draft("calls_out") is None


def test_core_refuses_an_overtaken_version(synced: Workspace) -> None:
    head = synced.job_head("calls_out")
    synced.save_job(editing.changed(synced.job("calls_out"), title="First"), version=head["version"])
    with pytest.raises(SavedMeanwhile, match="saved this job while you were editing it"):
        synced.save_job(editing.changed(synced.job("calls_out"), title="Second"), version=head["version"])


def test_a_draft_that_reads_no_more_is_dropped(synced: Workspace, page: Open) -> None:
    synced.keep_draft(synced.job("calls_out"), 1)
    synced.database.execute(
        "UPDATE setting SET value = :v WHERE key LIKE 'draft:%'", v='{"spec": {"name": "?"}, "version": 1, "at": ""}'
    )
    assert title_of(page("job", job="calls_out", step="Source")) == "Calls, outbound"
    assert synced.draft("calls_out") is None
