from __future__ import annotations

import pytest

from console import editing
from core import Finding, JobSpec, UsageError
from core.mapping import load


@pytest.fixture
def calls() -> JobSpec:
    return load.make_job("calls_out")


def test_an_unmapped_value_gets_an_entry_whatever_its_case(calls: JobSpec) -> None:
    spec = editing.with_value(calls, "Task", "CallDisposition", "Gatekeeper", "Spoke to Gatekeeper")
    spec = editing.with_value(spec, "Task", "CallDisposition", "GATEKEEPER", "No Answer")
    entries = (editing.mapping_of(spec, "Task", "CallDisposition") or {})["value_map"]
    assert editing.entry(entries, "gatekeeper") == "No Answer"
    assert len(entries) == 8
    assert editing.with_value(spec, "Task", "CallDisposition", "gatekeeper", None) == calls


def test_the_default_and_the_overflow_rule_of_a_field_are_set(calls: JobSpec) -> None:
    spec = editing.with_mapping(calls, "Task", "description", overflow="spill", default="none")
    found = editing.mapping_of(spec, "Task", "Description") or {}
    assert (found["overflow"], found["default"], found["source"]) == ("spill", "none", "notes")
    assert calls != spec


def test_a_field_changes_what_fills_it(calls: JobSpec) -> None:
    spec = editing.with_mapping(calls, "Task", "Subject", constant="Call")
    assert editing.origin(editing.mapping_of(spec, "Task", "Subject") or {}) == ("constant", "Call")


def test_a_field_is_added_and_taken_out(calls: JobSpec) -> None:
    spec = editing.with_mapping(calls, "Task", "Region__c", constant="North")
    assert editing.mapping_of(spec, "Task", "Region__c")
    assert editing.without_mapping(spec, "Task", "region__c") == calls


def test_settings_of_job_and_pair_change(calls: JobSpec) -> None:
    assert editing.changed(calls, delete=True).delete
    assert editing.with_pair(calls, "Task", related_to="account").pair("Task").related_to == "account"


def test_what_does_not_fit_is_refused_in_a_sentence(calls: JobSpec) -> None:
    with pytest.raises(UsageError, match="That does not fit"):
        editing.changed(calls, policy="nobody_wins")


def test_the_worst_finding_of_a_field_wins() -> None:
    found = [
        Finding("pass", "a", "", "All well."),
        Finding("warn", "b", "Subject", "Look.", sobject="Task"),
        Finding("fail", "c", "subject", "Mend.", sobject="Task"),
        Finding("fail", "d", "Subject", "Elsewhere.", sobject="Event"),
    ]
    worst = editing.worst(found, "Task", ["Subject"])
    assert worst is not None
    assert worst.code == "c"
    assert [f.code for f in editing.stops(found)] == ["c", "d"]
