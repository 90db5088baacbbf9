"""The whole way in a real browser: from an empty database to a synced org, with everything that goes wrong between."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.e2e import story_calls, story_connect, story_hostile, story_jobs, story_mend, story_sides
from tests.e2e.driver import Console
from tests.e2e.stage import Stage


@pytest.mark.needs("browser")
@pytest.mark.requirement("T1", "T3")
def test_from_an_empty_database_to_a_synced_org(console: Console, stage: Stage) -> None:
    story_connect.open_the_link(console, stage)
    story_connect.refuse_a_wrong_host(console, stage.org.env["client_id"])
    story_connect.allow_the_host(console, urlsplit(stage.org.env["login_url"]).netloc)
    story_connect.refuse_consent(console, stage)
    story_connect.connect(console, stage)

    people = story_calls.People(stage)
    stage.make_token()
    story_jobs.take_in_the_team(console, stage)
    for name in story_jobs.TITLES:
        if name != "calls_out":
            story_jobs.make(console, name)
            story_jobs.switch(console, name, on=True)
    story_jobs.call_logging_with_outcomes(console, stage)
    console.go("Jobs").picture("05-jobs")
    story_jobs.watch_the_first_runs(console, stage)
    story_jobs.green_rows(stage, story_jobs.INBOUND)

    task = story_calls.arrives_by_itself(stage, people, console.pictures / "measured.txt")
    story_calls.shows_a_green_row(console, stage, task)
    story_calls.takes_in_the_sample(stage)

    story_mend.the_org_asks_for_more(console, stage)
    story_mend.preview_names_each_row(console, stage)
    story_mend.holds_them(console, stage)
    story_mend.a_call_is_missing(console, stage)
    story_mend.mend(console)
    story_mend.retry_sends_exactly_those(console, stage, people)
    story_mend.the_ambiguous_one_waits_for_a_person(console, stage, people)

    both = story_sides.a_task_on_both_sides(console, stage)
    story_sides.a_plan_is_kept_and_applied(console, stage, both)
    story_sides.the_decision_is_told(console, both)
    story_sides.a_conflict_is_settled(console, stage, both)
    story_sides.a_bad_run_is_undone(console, stage, both)

    story_hostile.plant(console, stage)
    story_hostile.visit_every_page(console)
    story_hostile.is_text_where_it_is_shown(console)
    story_hostile.export_defuses_formulas(console)
    story_hostile.harmless(console)
    assert console.complaints == []
    assert len(console.journeys) == 7, console.journeys
