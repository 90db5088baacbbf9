"""What the allowance went to, counted from the runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.audit.budget import budget
from core.store.database import Database
from tests.integration.audit import world
from tests.integration.audit.world import NOW, WS


@pytest.mark.requirement("N8")
def test_use_by_job_and_day_beside_other_applications(filled: Database) -> None:
    filled.execute("UPDATE run SET api_calls = 0, api_calls_shared = 0")
    filled.execute("UPDATE run SET api_calls = 3, api_calls_shared = 1, started_at = :t WHERE job = 'calls_out'", t=NOW)
    filled.execute("UPDATE run SET api_calls = 5, started_at = :t WHERE job = 'tasks_in'", t=NOW - timedelta(days=2))
    filled.execute("UPDATE connection SET api_used = 50, api_limit = 1000")
    told = budget(filled, WS, world.specs(), NOW)
    runs = filled.read("SELECT job FROM run WHERE job = 'calls_out'").height
    assert (told["limit"], told["used"], told["ours"], told["others"]) == (1000, 50, 4 * runs, 50 - 4 * runs)
    assert told["last_24h"] == {"calls_out": 4 * runs}
    days = [d["jobs"] for d in told["by_day"]]
    assert (len(days), days[-1], set(days[-3])) == (14, {"calls_out": 4 * runs}, {"tasks_in"})
    assert told["forecast"].others == 50 - 4 * runs


def test_a_job_without_history_is_taken_to_cost_one_call_per_object(database: Database) -> None:
    told = budget(database, WS, world.specs(), NOW)
    idle = {load.job: load.idle_calls for load in told["loads"]}
    assert idle == {"calls_out": 0, "tasks_in": 1}
    assert told["forecast"].jobs == {}


def test_what_runs_have_cost_is_what_they_will_cost(filled: Database) -> None:
    filled.execute(
        "UPDATE run SET status = 'complete', requested_at = :t, api_calls = 4, n_created = 0, n_updated = 0,"
        " n_deleted = 0",
        t=NOW,
    )
    idle = {load.job: load.idle_calls for load in budget(filled, WS, world.specs(), NOW)["loads"]}
    assert idle == {"calls_out": 4, "tasks_in": 4}
    filled.execute("UPDATE run SET n_created = 600")
    assert {load.rows_per_call for load in budget(filled, WS, world.specs(), NOW)["loads"]} <= {150.0, 200.0}
