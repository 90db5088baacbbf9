"""What a job relies on of the org's fields is tested before each run; a breach stops that job, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.mapping.spec import FieldMapping
from tests.integration.kit import Desk, add_job, assert_each_once, calls, groundwork
from tests.practice import Practice

FIELD = "Region__c"


@pytest.fixture(scope="module")
def ground() -> Iterator[tuple[Practice, Path]]:
    """An org of its own, whose Tasks have a region."""
    with Practice() as org, groundwork(org) as made:
        org.schema_change("add_field", object="Task", field=FIELD, type="string", length=40)
        yield org, made


@pytest.fixture
def regional(ground: tuple[Practice, Path], desk_on: Callable[[tuple[Practice, Path]], Desk]) -> Desk:
    """A desk whose calls carry a region, and have been sent before."""
    desk = desk_on(ground)
    desk.ws.refresh_org(["Task"])
    spec = desk.ws.job("calls_out")
    pair = spec.pairs[0]
    more = pair.model_copy(update={"mappings": (*pair.mappings, FieldMapping(constant="Midwest", target=FIELD))})
    desk.ws.save_job(spec.model_copy(update={"pairs": (more,)}))
    desk.ws.enable("calls_out")
    add_job(desk.ws, "tasks_in")
    return desk


def told(desk: Desk) -> list[dict[str, Any]]:
    (contract,) = desk.ws.contracts("calls_out")
    return list(contract["breaches"])


@pytest.mark.requirement("N7", "T17", "T5")
def test_a_field_that_is_hidden_between_two_runs_stops_the_jobs_that_rely_on_it(regional: Desk) -> None:
    desk = regional
    first, second = calls("region first", 2), calls("region second", 3)
    desk.ws.take_in("activities", first)
    assert desk.run("calls_out")["counts"]["created"] == 2
    (contract,) = desk.ws.contracts("calls_out")
    (need,) = [n for n in contract["needs"] if n["field"] == FIELD]
    assert (need["type"], need["length"], need["create"], need["update"]) == ("string", 40, True, True)
    assert contract["breaches"] == []
    desk.ws.take_in("activities", second)
    with desk.org.fault("hidden_field", value=f"Task.{FIELD}"):
        desk.org.reset_calls()
        info = desk.run("calls_out")
        assert (info["status"], info["error"]["cause"]) == ("failed", "ContractBroken")
        assert f"Task.{FIELD} is gone, or hidden" in info["error"]["message"]
        assert f"Please grant edit access to Task.{FIELD}." in info["error"]["message"]
        assert [b["field"] for b in told(desk)] == [FIELD]
        assert (desk.pushes(), desk.tasks("region second")) == ([], [])
        assert desk.run("tasks_in")["status"] == "complete", "a job that does not rely on the field goes on"
    assert desk.run("calls_out")["counts"]["created"] == 3
    assert told(desk) == []
    assert_each_once(desk, "region", [*first, *second])


@pytest.mark.requirement("N7", "T17")
@pytest.mark.parametrize(
    ("drift", "words"), [("shorten=5", "takes 5 characters now"), ("remove", "is gone, or hidden")]
)
def test_a_field_that_changes_in_the_middle_of_a_run_stops_it_there(regional: Desk, drift: str, words: str) -> None:
    desk = regional
    sent = calls(f"middle {drift}", 4)
    desk.ws.take_in("activities", sent)
    with desk.org.fault("schema_drift", count=1, value=f"Task.{FIELD}:{drift}"):
        info = desk.run("calls_out")
        assert (info["status"], info["counts"]["waiting"]) == ("partial", 4)
        assert info["error"]["cause"] == "ContractBroken"
        assert f"Task.{FIELD}" in info["error"]["message"]
        assert words in info["error"]["message"]
        assert desk.tasks(f"middle {drift}") == []
        assert desk.run("tasks_in")["status"] == "complete", "a job that does not rely on the field goes on"
    desk.advance(60)
    desk.run("calls_out")
    assert_each_once(desk, f"middle {drift}", sent)
