"""What looks wrong as a whole waits for a person before one record of it is written."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.spec import Guards
from tests.integration.kit import PEOPLE, Desk, add_job, calls, person_email, until


def braked(desk: Desk, job: str, **scope: Any) -> str:
    """Run a job into its brake; what the guard says."""
    desk.work()
    run_id = desk.ws.request_run(job, **scope)
    until(lambda: desk.status(run_id) == "waiting_approval")
    (asked,) = desk.ws.inbox(kind="plan").iter_rows(named=True)
    return str(asked["reason"])


def with_guards(desk: Desk, job: str, **limits: Any) -> None:
    desk.ws.save_job(desk.ws.job(job).model_copy(update={"guards": Guards(**limits)}))


@pytest.mark.requirement("O18")
def test_all_changed_at_once_waits_for_a_person(desk: Desk) -> None:
    """Somebody in the org has overwritten the title of every contact."""
    with_guards(desk, "people_in", min_updates=100)
    desk.advance(30)
    for found in desk.org.soql("SELECT Id FROM Contact WHERE Email LIKE 'p%'"):
        desk.org.update("Contact", found["Id"], Title="Mass edited")
    desk.advance(5)
    assert f"{PEOPLE} of" in braked(desk, "people_in")
    assert desk.ws.database.one("SELECT COUNT(*) FROM person WHERE title = 'Mass edited'") == 0
    (item,) = desk.ws.inbox(kind="plan")["item"].to_list()
    (run,) = desk.ws.decide(item, "approve", note="it was our data project")
    assert desk.ended(run)["counts"]["updated"] == PEOPLE


def test_a_store_that_is_suddenly_empty_waits_for_a_person(desk: Desk) -> None:
    """The database was restored from a copy without its activities: nobody has deleted them."""
    desk.ws.take_in("activities", calls("emptied", 12))
    assert desk.run("calls_out")["counts"]["created"] == 12
    desk.ws.database.execute("DELETE FROM activity")
    assert "not one record left where 12 were linked" in braked(desk, "calls_out")
    assert len(desk.tasks("emptied")) == 12


@pytest.mark.requirement("N8")
def test_a_run_that_would_use_the_kept_back_calls_waits_before_it_begins(desk: Desk) -> None:
    """The share is set so that not one call is free: nothing is written until somebody agrees; opt-outs pass."""
    add_job(desk.ws, "opt_outs_out")
    with_guards(desk, "calls_out", api_reserve_share=1.0)
    with_guards(desk, "opt_outs_out", api_reserve_share=1.0)
    desk.ws.take_in("activities", calls("thrifty", 3))
    said = braked(desk, "calls_out")
    assert "needs about 1 API calls" in said
    assert "are kept back for people and other apps" in said
    assert desk.tasks("thrifty") == []
    desk.ws.take_in("optouts", [{"person": {"email": person_email(3)}, "channel": "email", "opted_out": True}])
    assert desk.run("opt_outs_out")["counts"]["updated"] == 1
    (item,) = desk.ws.inbox(kind="plan")["item"].to_list()
    (run,) = desk.ws.decide(item, "approve", note="it may")
    assert desk.ended(run)["counts"]["created"] == len(desk.tasks("thrifty")) == 3
