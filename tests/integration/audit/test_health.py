from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.audit import health
from core.mapping.spec import JobSpec
from core.store.database import Database
from tests.integration.audit import world
from tests.integration.audit.world import NOW, WS


def overview(db: Database, at: Any = NOW) -> dict[str, Any]:
    return health.overview(db, WS, world.specs(), at)


def job(db: Database, name: str = "calls_out", at: Any = NOW) -> dict[str, Any]:
    return next(j for j in overview(db, at)["jobs"] if j["name"] == name)


def spec(name: str) -> JobSpec:
    return next(s for s in world.specs() if s.name == name)


def calm(db: Database) -> None:
    """Nothing is open any more."""
    db.execute("DELETE FROM open_row")


# -- jobs


def test_jobs_tell_their_head_last_run_open_rows_and_links(filled: Database) -> None:
    calls, tasks = health.jobs(filled, WS, world.specs())
    assert (calls["name"], calls["direction"], calls["kind"]) == ("calls_out", "outbound", "call")
    assert calls["sobjects"] == ["Task"]
    assert (calls["is_enabled"], calls["enabled_by"], calls["next_run_at"]) == (True, "ann", NOW + timedelta(minutes=5))
    assert calls["last_run"]["run_id"] == "run_out"
    assert calls["last_run"]["counts"]["input"] == 4
    assert calls["open"] == {"waiting": 1, "held": 1, "rejected": 0, "in_doubt": 0}
    assert (calls["linked"], tasks["linked"]) == (1, 1)
    assert calls["schedule"] == "as it happens, and every 15 minutes"


def test_a_kept_plan_is_no_last_run(lite: Database) -> None:
    world.put(lite, world.run("run_plan", "calls_out", "outbound", "planned", kind="plan", requested_at=NOW))
    assert health.jobs(lite, WS, world.specs())[0]["last_run"]["run_id"] == "run_out"


def test_a_job_that_never_ran_has_no_last_run(database: Database) -> None:
    (first, _) = health.jobs(database, WS, world.specs())
    assert (first["last_run"], first["is_enabled"], first["linked"]) == (None, False, 0)


# -- the overview


def test_the_worst_job_comes_first_with_its_reason(filled: Database) -> None:
    told = overview(filled)
    assert [j["state"] for j in told["jobs"]] == ["needs_a_person", "in_step"]
    assert told["verdict"] == {"state": "needs_a_person", "sentence": "1 job out of step: Calls, outbound."}
    assert told["jobs"][0]["why"] == "1 row is held for a decision. Most often: Several records could be meant."


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ("UPDATE job SET is_enabled = false", "off", "switched off"),
        ("UPDATE workspace SET is_paused = true, paused_by = 'bo' WHERE id = 1", "paused", "paused by bo"),
        ("UPDATE connection SET state = 'auth_failed', state_reason = 'Sign in again.'", "stopped", "Sign in again."),
        ("DELETE FROM connection", "stopped", "No org is connected"),
        ("UPDATE run SET status = 'failed', error = '{\"message\":\"Broken.\"}'", "stopped", "Broken."),
        ("UPDATE run SET status = 'partial', error = '{\"message\":\"No org.\"}'", "behind", "No org."),
        ("UPDATE run SET status = 'waiting_approval'", "needs_a_person", "guard"),
        ("UPDATE run SET status = 'running'", "running", "4 of 4"),
        ("UPDATE run SET status = 'queued'", "running", "queued"),
        ("DELETE FROM run", "not_yet_run", "nothing is known"),
    ],
)
def test_each_state_of_a_job(lite: Database, change: str, state: str, words: str) -> None:
    calm(lite)
    lite.execute(change)
    assert job(lite)["state"] == state
    assert words in job(lite)["why"]


def test_a_job_that_has_not_run_is_not_called_in_step(lite: Database) -> None:
    calm(lite)
    lite.execute("DELETE FROM run WHERE job = 'calls_out'")
    told = overview(lite)["verdict"]
    assert told == {"state": "not_yet_run", "sentence": "1 of 2 jobs have not run yet."}


def test_refused_rows_make_a_job_failing_until_they_are_put_aside(lite: Database) -> None:
    calm(lite)
    world.put(lite, world.opened(world.SENT, "rejected", "STRING_TOO_LONG", reason="Too long: Subject"))
    assert job(lite)["state"] == "failing"
    assert "Too long: Subject" in job(lite)["why"]
    lite.execute("UPDATE open_row SET is_aside = true")
    assert job(lite)["state"] == "in_step"


def test_rows_that_are_tried_again_by_themselves_leave_a_job_in_step(lite: Database) -> None:
    calm(lite)
    world.put(lite, world.opened(world.SENT, "rejected", "UNABLE_TO_LOCK_ROW", retry_at=NOW + timedelta(minutes=1)))
    assert job(lite)["state"] == "in_step"


def test_a_run_that_is_due_and_does_not_begin_is_late(lite: Database) -> None:
    calm(lite)
    assert job(lite, at=NOW + timedelta(minutes=6))["state"] == "in_step"
    late = job(lite, at=NOW + timedelta(minutes=15))
    assert (late["state"], late["why"]) == ("behind", "It was due 10 minutes ago and has not begun.")


@pytest.mark.requirement("X14")
def test_both_sides_are_counted_with_the_reasons_why_they_differ(filled: Database) -> None:
    told = job(filled)
    assert (told["workspace"], told["org"], told["differ"]) == (5, 1, 4)
    reasons = {r["reason"]: r["n"] for r in told["reasons"]}
    assert sum(reasons.values()) == told["differ"]
    assert reasons == {
        "held for a decision": 1,
        "waiting, come right by themselves": 1,
        "not yet looked at": 1,
        "left out by the job's rules": 1,
    }


def test_an_inbound_jobs_org_side_has_what_is_open_beside_what_is_linked(lite: Database) -> None:
    world.put(lite, world.opened(0, "waiting", "parent", job="tasks_in", subject="00T1", org_id="00T1"))
    told = job(lite, "tasks_in")
    assert (told["workspace"], told["org"], told["differ"]) == (1, 2, -1)


def test_data_is_as_old_as_the_last_run_that_came_to_its_end(lite: Database) -> None:
    world.put(lite, world.run("run_x", "calls_out", "outbound", "failed", requested_at=NOW, started_at=NOW))
    assert job(lite)["data_age_s"] == 3600


def test_cards_say_what_needs_a_person(lite: Database) -> None:
    (card,) = overview(lite)["needs_person"]
    assert (card["kind"], card["count"], card["job"], card["cause"]) == ("held", 1, "calls_out", "ambiguous")
    lite.execute("UPDATE connection SET state = 'auth_failed'")
    lite.execute("UPDATE run SET status = 'waiting_approval' WHERE run_id = 'run_out'")
    assert [c["kind"] for c in overview(lite)["needs_person"]] == ["connection", "plan", "held"]


def test_metrics_and_days(filled: Database) -> None:
    told = overview(filled)
    assert told["metrics"] == {
        "waiting": 1, "held": 1, "rejected": 0, "in_doubt": 0, "oldest_at": NOW - timedelta(hours=1), "api_used": 10,
        "api_limit": 1000,
    }  # fmt: skip
    assert [d["day"] for d in told["by_day"]][-1] == "2026-11-21"
    assert len(told["by_day"]) == 7
    assert (told["by_day"][-1]["created"], told["by_day"][-1]["filtered"], told["by_day"][0]["created"]) == (2, 2, 0)
    assert told["connection"]["username"] == "int@x.example"


def test_an_empty_workspace_says_that_nothing_is_connected(lite: Database) -> None:
    told = health.overview(lite, 2, [], NOW)
    assert told["verdict"] == {"state": "stopped", "sentence": "Nothing is connected yet."}
    assert (told["jobs"], told["needs_person"], told["connection"]) == ([], [], None)


def test_all_in_step(lite: Database) -> None:
    calm(lite)
    assert overview(lite)["verdict"] == {"state": "in_step", "sentence": "All 2 jobs are in step."}


def test_a_job_that_never_ran_is_not_in_step(lite: Database) -> None:
    calm(lite)
    lite.execute("DELETE FROM run WHERE job = 'tasks_in'")
    told = overview(lite)
    assert {j["name"]: j["state"] for j in told["jobs"]} == {"calls_out": "in_step", "tasks_in": "not_yet_run"}
    assert told["verdict"] == {"state": "not_yet_run", "sentence": "1 of 2 jobs have not run yet."}


# -- whether it can work, and what there is


def test_readiness_is_true_all_over_when_all_answer(filled: Database) -> None:
    assert health.readiness(filled, WS, NOW) == {"database": True, "worker": True, "org": True}


def test_readiness_says_why_not(lite: Database) -> None:
    lite.execute("UPDATE connection SET state = 'unreachable', state_reason = 'No route.'")
    told = health.readiness(lite, WS, NOW + timedelta(seconds=60))
    assert (told["worker"], told["org"], told["org_reason"]) == (False, False, "No route.")
    assert "65 seconds" in str(told["worker_reason"])
    lite.execute("DELETE FROM worker")
    assert health.readiness(lite, 2, NOW)["worker_reason"] == "No worker is running."
    assert health.readiness(lite, 2, NOW)["org_reason"] == "No org is connected."


def test_kinds_count_what_is_not_deleted(filled: Database) -> None:
    found = health.kinds(filled, WS)
    assert {k: n for k, n in found.items() if n} == {"account": 1, "person": 2, "call": 5, "task": 1}
    assert set(health.kinds(filled, 2).values()) == {0}


def test_value_counts_are_of_fields_with_a_value_map_only(filled: Database) -> None:
    found = health.value_counts(filled, WS, spec("calls_out"))
    assert found["outcome"] == {"Connected": 2, "Busy": 1, "Voicemail": 1}
    assert "subject" not in found
    assert health.value_counts(filled, WS, spec("tasks_in")) == {}


def test_value_counts_read_custom_fields(lite: Database) -> None:
    lite.execute('UPDATE activity SET fields = \'{"mood":"good"}\' WHERE id IN (21, 22)')
    pair = spec("calls_out").pairs[0]
    mood = {"source": "fields.mood", "template": None, "constant": None, "value_map": {"good": "G"}}
    mapping = pair.mappings[0].model_copy(update=mood)
    mapped = spec("calls_out").model_copy(update={"pairs": (pair.model_copy(update={"mappings": (mapping,)}),)})
    assert health.value_counts(lite, WS, mapped) == {"fields.mood": {"good": 2}}


# -- open rows


def test_open_rows_are_paged_by_job_and_subject(filled: Database) -> None:
    first = health.open_rows(filled, WS, limit=1)
    rest = health.open_rows(filled, WS, limit=10, after=(first["job"][0], first["subject"][0]))
    assert [*first["record_id"], *rest["record_id"]] == [world.HELD, world.WAITING]
    assert health.open_rows(filled, 2).is_empty()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"cause": "orphan"}, [world.WAITING]),
        ({"job": "tasks_in"}, []),
        ({"search": "CALL 22"}, [world.HELD]),
        ({"search": "100% of_"}, [world.WAITING]),
        ({"search": "100xof"}, []),
        ({"search": "_"}, [world.WAITING]),
        ({"search": "!"}, []),
        ({"search": "  "}, [world.HELD, world.WAITING]),
    ],
)
def test_open_rows_are_found_by_job_cause_and_text(lite: Database, wanted: dict[str, str], found: list[int]) -> None:
    assert health.open_rows(lite, WS, **wanted)["record_id"].to_list() == found  # type: ignore[arg-type]


def test_open_subjects_name_exactly_what_is_to_be_pushed(filled: Database) -> None:
    assert health.open_subjects(filled, WS) == {"calls_out": [world.HELD, world.WAITING]}
    assert health.open_subjects(filled, WS, subjects=[str(world.HELD)]) == {"calls_out": [world.HELD]}
    assert health.open_subjects(filled, WS, cause="orphan") == {"calls_out": [world.WAITING]}
    assert health.open_subjects(filled, WS, job="tasks_in") == {}


@pytest.mark.requirement("X17", "X18")
def test_error_groups_say_in_plain_words_what_is_open_and_whether_it_heals(filled: Database) -> None:
    said = {"reason": "Subject: too large", "field": "Subject"}
    world.put(filled, world.opened(world.SENT, "rejected", "STRING_TOO_LONG", **said))
    by_cause = {g["cause"]: g for g in health.error_groups(filled, WS)}
    assert by_cause["ambiguous"]["words"] == "Several records could be meant"
    assert (by_cause["ambiguous"]["is_temporary"], by_cause["orphan"]["is_temporary"]) == (False, True)
    refused = by_cause["STRING_TOO_LONG"]
    assert (refused["words"], refused["field"], refused["count"]) == ("Subject: too large", "Subject", 1)
    assert refused["example"]["title"] == "Call 21"
    assert health.error_groups(filled, 2) == []


def test_candidates_are_people_with_the_org_record_they_are(filled: Database) -> None:
    found = health.candidates(filled, WS, "calls_out", str(world.HELD))
    assert found.select("record_id", "name", "org_id", "sobject").rows() == [
        (world.DANA, "Dana Fox", world.ORG_DANA, "Contact"),
        (world.ERIN, "Erin Hale", None, None),
    ]
    assert health.candidates(filled, WS, "calls_out", str(world.WAITING)).is_empty()
    assert health.candidates(filled, 2, "calls_out", str(world.HELD)).schema == found.schema
