from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from core.audit import verdicts
from core.audit.sides import planning_frame
from core.mapping.spec import Condition, FieldMapping, JobSpec, PairSpec
from core.records import Direction, Kind

HEADS = {"calls": {"is_enabled": True, "next_run_at": "2026-11-21T12:00:00Z"}}
RECORD = pl.DataFrame(
    {"id": [1], "kind": ["call"], "duration_s": [40], "due_at": ["2026-11-21"], "fields": ['{"vip": true, "n": 3}']}
)


def spec(*filters: Condition, **values: Any) -> JobSpec:
    subject = FieldMapping(source="subject", target="Subject")
    pair = PairSpec(sobject="Task", where="Status = 'Open'", mappings=(subject,))
    given = {"name": "calls", "title": "Calls", "direction": Direction.OUTBOUND, "kind": Kind.CALL, "pairs": (pair,)}
    return JobSpec(**{**given, "filters": filters, **values})


def verdict(job: JobSpec, attempts: list[dict[str, Any]] | None = None, heads: Any = HEADS) -> dict[str, Any]:
    return verdicts.of_record([job], heads, Kind.CALL, RECORD, attempts or [], [])[0]


def attempt(outcome: str, reason: str | None) -> dict[str, Any]:
    return {"job": "calls", "run_id": "r", "at": "t", "outcome": outcome, "cause": "why", "reason": reason}


def test_each_clause_of_the_filter_is_judged_by_itself() -> None:
    long, vip, missing = (
        Condition(field="duration_s", op=">=", value=60),
        Condition(field="fields.vip", op="=", value="true"),
        Condition(field="fields.none", op="is empty"),
    )
    told = verdict(spec(long, vip, missing))
    assert [c["passes"] for c in told["clauses"]] == [False, True, True]
    assert (told["takes"], told["why"]) == (False, "Its filter leaves it out: duration_s >= 60.")


def test_the_orgs_own_filter_only_the_org_can_judge() -> None:
    told = verdict(spec(direction=Direction.INBOUND))
    assert told["clauses"] == [{"clause": "Task: Status = 'Open'", "passes": None}]
    assert told["takes"] is None


@pytest.mark.parametrize(
    ("outcome", "reason", "takes", "why"),
    [
        ("created", None, True, "The last run that saw it created it."),
        ("held", "Two people.", True, "Held: Two people."),
        ("in_doubt", None, True, "In doubt: why"),
        ("skipped", "No account.", False, "No account."),
    ],
)
def test_the_last_attempt_speaks(outcome: str, reason: str | None, takes: bool, why: str) -> None:
    told = verdict(spec(), [attempt(outcome, reason)])
    assert (told["takes"], told["why"]) == (takes, why)
    assert told["last"]["outcome"] == outcome


def test_a_job_that_is_off_takes_nothing_new() -> None:
    assert verdict(spec(), heads={})["why"] == "The job is switched off."


def test_jobs_of_other_kinds_come_last() -> None:
    notes = spec(name="a-notes", kind=Kind.NOTE)
    told = verdicts.of_record([notes, spec()], HEADS, Kind.CALL, RECORD, [], [])
    assert [v["job"] for v in told] == ["calls", "a-notes"]


def test_a_record_gets_the_names_that_filters_use() -> None:
    frame = planning_frame(Kind.CALL, RECORD)
    assert frame.row(0, named=True) | {"due_at": None} == {
        "local_id": 1, "kind": "call", "duration_s": 40, "due_at": None, "fields.vip": "true", "fields.n": "3",
    }  # fmt: skip
    assert frame.schema["due_at"] == pl.Date
