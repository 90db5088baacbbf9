"""Settings of a job, stages, and how both directions go together."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.findings import Finding
from core.mapping.lint import lint
from core.mapping.lint_job import settings, two_way
from core.mapping.load import make_job
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Policy, Role, Schedule
from core.records import Direction, Kind
from tests.unit.schema.describes import contact, field, orgs


def codes(found: list[Finding]) -> list[str]:
    return [f.code for f in found]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"owner_rule": "nobody"}, "setting_unknown"),
        ({"inactive_owner": "drop"}, "setting_unknown"),
        ({"zone": "Mars/Base"}, "zone_unknown"),
        ({"zone": "../etc"}, "zone_unknown"),
        ({"schedule": Schedule(daily_at="3am")}, "daily_at"),
        ({"create": False, "update": False}, "nothing_to_do"),
    ],
)
def test_settings_that_do_not_exist(change: dict[str, Any], code: str) -> None:
    assert codes(settings(make_job("calls_out").model_copy(update=change))) == [code]


@pytest.mark.parametrize("zone", ["workspace", "owner", "Europe/Berlin"])
def test_zones_that_do(zone: str) -> None:
    assert settings(make_job("calls_out").model_copy(update={"zone": zone})) == []


def test_related_to() -> None:
    job = make_job("calls_out")
    pair = job.pairs[0].model_copy(update={"related_to": "somebody"})
    assert codes(settings(job.model_copy(update={"pairs": (pair,)}))) == ["setting_unknown"]


def _stage_job(kind: Kind, value_map: dict[str, str]) -> JobSpec:
    sobject = "Contact" if kind is Kind.PERSON else "Account"
    mapping = FieldMapping(source="stage" if kind is Kind.PERSON else "fields.stage", target="Stage__c",
                           value_map=value_map)  # fmt: skip
    return JobSpec(name="j", title="J", direction=Direction.OUTBOUND, kind=kind, create=False,
                   pairs=(PairSpec(sobject=sobject, mappings=(mapping,)),))  # fmt: skip


@pytest.mark.requirement("A11")
def test_a_doubled_contact_stage_is_an_error() -> None:
    org = {"Contact": contact(field("Stage__c", "picklist", picklist=["A", "B"]))}
    doubled = lint(_stage_job(Kind.PERSON, {"cold": "A", "new": "a"}), org)
    assert "stage_doubled" in codes(doubled)
    assert "stage_doubled" not in codes(lint(_stage_job(Kind.PERSON, {"cold": "A", "new": "B"}), org))


@pytest.mark.requirement("A11")
def test_an_account_stage_without_a_status_is_an_error() -> None:
    org = orgs()
    seen = {"fields.stage": ["cold", "customer"]}
    assert "stage_without_status" in codes(lint(_stage_job(Kind.ACCOUNT, {"cold": "A"}), org, seen=seen))
    both = _stage_job(Kind.ACCOUNT, {"cold": "A", "customer": "A"})
    assert "stage_without_status" not in codes(lint(both, org, seen=seen))


@pytest.mark.parametrize(("there", "back"), [("tasks_out", "tasks_in"), ("touchpoints_out", "touchpoints_in")])
def test_the_default_templates_go_together(there: str, back: str) -> None:
    assert two_way(make_job(there), [make_job(back)]) == []
    assert two_way(make_job(back), [make_job(there)]) == []


def test_other_keys_or_another_policy_are_warned_of() -> None:
    there, back = make_job("tasks_out"), make_job("tasks_in")
    assert codes(two_way(there, [back.model_copy(update={"policy": Policy.ORG_WINS})])) == ["two_way_policy"]
    pair = back.pairs[0]
    other = tuple(m for m in pair.mappings if m.role is not Role.KEY)
    other += (FieldMapping(source="Ref__c", target="external_id", role=Role.KEY),)
    changed = back.model_copy(update={"pairs": (pair.model_copy(update={"mappings": other}),)})
    assert codes(two_way(there, [changed])) == ["two_way_keys"]


@pytest.mark.parametrize(
    ("there", "back", "ok"),
    [
        ({"open": "Not Started"}, {"Not Started": "open"}, True),
        ({"open": "Not Started"}, {"Not Started": "done"}, False),
        ({"open": "Not Started"}, None, False),
        ({"open": "Open"}, None, True),
        ({"open": "New", "todo": "New"}, {"New": "open"}, True),
        ({"open": "Not Started"}, {}, False),
    ],
)
def test_value_maps_have_to_lead_back(there: dict[str, str], back: dict[str, str] | None, ok: bool) -> None:
    jobs = []
    for name, value_map in (("tasks_out", there), ("tasks_in", back)):
        job = make_job(name)
        mappings = tuple(
            m.model_copy(update={"value_map": value_map}) if "Status" in (m.source, m.target) else m
            for m in job.pairs[0].mappings
        )
        jobs.append(job.model_copy(update={"pairs": (job.pairs[0].model_copy(update={"mappings": mappings}),)}))
    assert codes(two_way(jobs[0], jobs[1:])) == ([] if ok else ["two_way_value_map"])
