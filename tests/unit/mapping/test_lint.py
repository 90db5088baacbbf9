"""Every finding, shown on a mapping where it is really wrong, and its absence where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.findings import STAGES, Finding
from core.mapping.lint import lint, valid
from core.mapping.load import make_job
from core.mapping.spec import Condition, FieldMapping, JobSpec, Overflow, PairSpec, Role
from core.records import Direction, Kind
from core.schema.describe import OrgObject
from tests.unit.schema.describes import event, field, lookup, org_object, orgs, read_only, task


def m(target: str, source: str | None = None, **more: Any) -> FieldMapping:
    return FieldMapping(target=target, source=source, **more)


def job(
    *mappings: FieldMapping,
    kind: Kind = Kind.CALL,
    sobject: str = "Task",
    inbound: bool = False,
    pair: dict[str, Any] | None = None,
    **more: Any,
) -> JobSpec:
    direction = Direction.INBOUND if inbound else Direction.OUTBOUND
    spec = PairSpec(sobject=sobject, mappings=mappings, **(pair or {}))
    return JobSpec(name="j", title="J", direction=direction, kind=kind, pairs=(spec,), **more)


def found(spec: JobSpec, *objects: OrgObject, **more: Any) -> dict[str, Finding]:
    org = {o.name: o for o in objects} or orgs()
    others = more.pop("other_jobs", [make_job("accounts_in")])
    return {f.code: f for f in lint(spec, org, other_jobs=others, **more) if f.severity != "pass"}


RESTRICTED = field("P__c", "picklist", picklist=["A", "B"], restrictedPicklist=True)
OUTBOUND: list[tuple[str, str, tuple[FieldMapping, ...], tuple[dict[str, Any], ...]]] = [
    ("target_missing", "fail", (m("Gone__c", "notes"),), ()),
    ("target_read_only", "fail", (m("R__c", "notes"),), (read_only("R__c"),)),
    ("target_read_only", "fail", (m("R__c", "notes"),), (read_only("R__c", "double", calculated=True),)),
    ("compound_target", "fail", (m("Where__c", "notes"),), (field("Where__c", "location"),)),
    ("never_written", "fail", (m("CreatedById", "user", role=Role.OWNER),), ()),
    ("never_written", "fail", (m("createddate", "occurred_at"),), ()),
    ("id_written", "fail", (m("Id", "external_id"),), ()),
    ("reference_target", "fail", (m("Prop__c", "notes"),), (lookup("Prop__c", "Property__c"),)),
    ("reference_target", "fail", (m("OwnerId", "user"),), ()),
    ("role_wrong", "fail", (m("Description", "person", role=Role.PERSON),), ()),
    ("role_wrong", "fail", (m("WhatId", "user", role=Role.OWNER),), ()),
    ("target_doubled", "fail", (m("Subject", "subject"), m("subject", "notes")), ()),
    ("create_only", "warn", (m("TaskSubtype", constant="Call"),), ()),
    ("update_only", "warn", (m("F__c", "notes"),), (field("F__c", createable=False),)),
    ("constant_not_in_picklist", "fail", (m("P__c", constant="C"),), (RESTRICTED,)),
    ("constant_not_in_picklist", "warn", (m("Status", constant="Finished"),), ()),
    ("default_not_in_picklist", "fail", (m("P__c", "notes", default="C"),), (RESTRICTED,)),
    ("value_map_not_in_picklist", "fail", (m("P__c", "outcome", value_map={"x": "C"}),), (RESTRICTED,)),
    ("value_map_doubled", "fail", (m("P__c", "outcome", value_map={"x": "A", "X ": "B"}),), (RESTRICTED,)),
    ("constant_bad_value", "fail", (m("ActivityDate", constant="soon"),), ()),
    ("default_bad_value", "fail", (m("CallDurationInSeconds", "duration_s", default="some"),), ()),
    ("constant_too_long", "fail", (m("F__c", constant="xxxxxx"),), (field("F__c", length=5),)),
    ("type_mismatch", "fail", (m("CallDurationInSeconds", "occurred_at"),), ()),
    ("date_to_datetime", "warn", (m("F__c", "due_at"),), (field("F__c", "datetime"),)),
    ("target_short", "warn", (m("F__c", "notes"),), (field("F__c"),)),
    ("source_unknown", "fail", (m("Subject", "shoe_size"),), ()),
    ("template_placeholder", "fail", (m("Subject", template="{{Shoe size}}"),), ()),
    ("transform_unknown", "fail", (m("Subject", "notes", transform="magic"),), ()),
    ("required_may_be_empty", "warn", (m("F__c", "notes"),), (field("F__c", nillable=False),)),
]


@pytest.mark.parametrize(("code", "severity", "mappings", "fields"), OUTBOUND)
def test_outbound_findings(
    code: str, severity: str, mappings: tuple[FieldMapping, ...], fields: tuple[dict[str, Any], ...]
) -> None:
    hit = found(job(*mappings), task(*fields))
    assert hit[code].severity == severity
    assert hit[code].field in hit[code].message
    assert hit[code].mend


GOOD = (
    (m("TaskSubtype", constant="Call", create_only=True), ()),
    (m("P__c", constant="b"), (RESTRICTED,)),
    (m("P__c", "outcome", value_map={"x": "a", "y": ""}), (RESTRICTED,)),
    (m("F__c", "notes", overflow=Overflow.CUT), (field("F__c"),)),
    (m("F__c", "subject", default="-"), (field("F__c", nillable=False),)),
    (m("WhoId", "person", role=Role.PERSON), ()),
    (m("AccountId", "account", role=Role.ACCOUNT), ()),
    (m("Id", "external_id", role=Role.KEY), ()),
    (m("M__c", constant="A;B"), (field("M__c", "multipicklist", picklist=["A", "B"], restrictedPicklist=True),)),
)


@pytest.mark.parametrize(("mapping", "fields"), GOOD)
def test_good_mappings_have_no_finding(mapping: FieldMapping, fields: tuple[dict[str, Any], ...]) -> None:
    assert found(job(mapping, m("CallObject__c", constant="x")), task(field("CallObject__c"), *fields)) == {}


def test_a_key_alone_is_no_mapping() -> None:
    assert set(found(job(m("Id", "external_id", role=Role.KEY)), task())) == {"nothing_mapped"}


@pytest.mark.requirement("T14")
def test_required_field_that_nothing_fills_is_named() -> None:
    org = task(field("Region__c", label="Region", nillable=False))
    hit = found(job(m("Subject", "subject")), org)["required_unfilled"]
    assert (hit.severity, hit.field, hit.stage) == ("fail", "Region__c", "required")
    assert "Region (Region__c)" in hit.message
    assert found(job(m("Subject", "subject"), m("Region__c", constant="West")), org) == {}


def test_required_does_not_matter_where_nothing_is_created() -> None:
    org = task(field("Region__c", nillable=False))
    assert found(job(m("Subject", "subject"), create=False), org) == {}


@pytest.mark.requirement("O16")
def test_who_created_a_record_is_never_written() -> None:
    hit = found(job(m("CreatedById", "user", role=Role.OWNER)))
    assert "can never be written" in hit["never_written"].message


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"createable": False}, "object_no_create"),
        ({"updateable": False}, "object_no_edit"),
        ({"deletable": False}, "object_no_delete"),
    ],
)
def test_object_permissions(flags: dict[str, bool], code: str) -> None:
    spec = job(m("Subject", "subject"), delete=True)
    assert found(spec, task(**flags))[code].severity == "fail"
    assert found(spec, task()) == {}


def test_missing_object_is_the_only_finding_of_its_pair() -> None:
    assert set(found(job(m("Gone__c", "notes"), sobject="Visit__c"))) == {"object_missing"}


@pytest.mark.requirement("O12")
@pytest.mark.parametrize(
    ("mappings", "code"),
    [
        ((m("Subject", "subject"),), "event_no_date"),
        ((m("ActivityDate", "occurred_at"),), "event_not_all_day"),
        ((m("StartDateTime", "occurred_at"),), "event_no_length"),
        ((m("ActivityDate", "occurred_at"), m("IsAllDayEvent", constant="true", engine=True)), None),
        ((m("StartDateTime", "occurred_at"), m("DurationInMinutes", constant="30", engine=True)), None),
    ],
)
def test_events_need_a_day_or_a_start_and_a_length(mappings: tuple[FieldMapping, ...], code: str | None) -> None:
    hit = found(job(*mappings, sobject="Event", kind=Kind.MEETING), event())
    assert set(hit) == ({code} if code else set())


@pytest.mark.requirement("O13")
def test_campaign_touch_findings() -> None:
    fresh = make_job("campaign_touches_out", orgs=orgs())
    assert {c: f.severity for c, f in found(fresh).items()} == {"campaign_touch_id": "warn"}
    without_date = [x for x in fresh.pairs[0].mappings if x.target != "ActivityDate"]
    broken = fresh.model_copy(update={"pairs": (fresh.pairs[0].model_copy(update={"mappings": tuple(without_date)}),)})
    assert found(broken)["campaign_start_date"].severity == "fail"


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({}, "external_id_wrong"),
        ({"externalId": True}, "external_id_not_unique"),
        ({"externalId": True, "unique": True}, None),
    ],
)
def test_external_id_field(flags: dict[str, bool], code: str | None) -> None:
    hit = found(job(m("Subject", "subject"), pair={"external_id_field": "K__c"}), task(field("K__c", **flags)))
    assert set(hit) == ({code} if code else set())


def test_external_id_field_missing() -> None:
    assert "external_id_missing" in found(job(m("Subject", "subject"), pair={"external_id_field": "K__c"}))


@pytest.mark.parametrize(
    ("parent", "code"),
    [
        ({"parent_object": "Account", "parent_field": "Client__c"}, None),
        ({"parent_object": "Property__c", "parent_field": "Client__c"}, "parent_object"),
        ({"parent_object": "Account", "parent_field": "Name"}, "parent_field"),
        ({"parent_object": "Account", "parent_field": "Gone__c"}, "parent_field"),
    ],
)
def test_parent_lookup(parent: dict[str, str], code: str | None) -> None:
    org = org_object("Visit__c", field("Name"), lookup("Client__c", "Account"))
    hit = found(job(m("Name", "subject"), sobject="Visit__c", pair=parent), org)
    assert set(hit) == ({code} if code else set())


def test_no_user_links_is_warned_of() -> None:
    spec = job(m("OwnerId", "user", role=Role.OWNER))
    assert found(spec, has_user_links=False)["no_user_links"].severity == "warn"
    assert found(spec, has_user_links=True) == {}


def test_accounts_that_no_job_brings_are_warned_of() -> None:
    fresh = make_job("tasks_in", orgs=orgs())
    assert found(fresh, other_jobs=[])["no_accounts_job"].severity == "warn"
    assert "no_accounts_job" not in found(fresh, other_jobs=[make_job("accounts_in")])


def test_one_way_opt_outs_are_warned_of() -> None:
    fresh = make_job("people_in", orgs=orgs())
    hit = found(fresh)["opt_out_one_way"]
    assert "only where nobody can opt out" in hit.mend
    back = job(
        m("HasOptedOutOfEmail", "opted_out_email"), m("DoNotCall", "do_not_call"), kind=Kind.PERSON, sobject="Contact"
    )
    assert "opt_out_one_way" not in found(fresh, other_jobs=[make_job("accounts_in"), back])


@pytest.mark.requirement("T10")
def test_values_seen_without_a_map_entry_are_told() -> None:
    fresh = make_job("calls_out", orgs=orgs())
    hit = found(fresh, seen={"outcome": ["connected", "busy"]})["value_map_missing"]
    assert '"busy"' in hit.message
    assert found(fresh, seen={"outcome": ["connected"]}) == {}


def test_filters() -> None:
    spec = job(m("Subject", "subject"), filters=(Condition(field="shoe", op="="), Condition(field="outcome", op="~")))
    assert set(found(spec)) == {"filter_unknown", "filter_operator"}


INBOUND: list[tuple[str, str, tuple[FieldMapping, ...], tuple[dict[str, Any], ...]]] = [
    ("source_missing", "fail", (m("notes", "Gone__c"),), ()),
    ("source_missing", "fail", (m("notes", "Boss.Email"),), ()),
    ("compound_source", "fail", (m("notes", "Where__c"),), (field("Where__c", "location"),)),
    ("target_unknown", "fail", (m("shoe_size", "Subject"),), ()),
    ("target_doubled", "fail", (m("notes", "Subject"), m("notes", "Description")), ()),
    ("silent_source", "warn", (m("notes", "F__c"),), (read_only("F__c", calculated=True),)),
    ("value_map_missing", "warn", (m("type", "P__c", value_map={"A": "a"}),), (RESTRICTED,)),
    ("template_inbound", "fail", (m("notes", template="{{Subject}}"),), ()),
]


@pytest.mark.parametrize(("code", "severity", "mappings", "fields"), INBOUND)
def test_inbound_findings(
    code: str, severity: str, mappings: tuple[FieldMapping, ...], fields: tuple[dict[str, Any], ...]
) -> None:
    assert found(job(*mappings, inbound=True), task(*fields))[code].severity == severity


@pytest.mark.requirement("O15")
def test_inbound_tasks_and_touchpoints_need_text() -> None:
    key = (m("external_id", "Id", role=Role.KEY), m("account", "AccountId", role=Role.ACCOUNT))
    assert "task_title" in found(job(*key, m("notes", "Description"), inbound=True, kind=Kind.TASK))
    assert "touchpoint_text" in found(job(*key, inbound=True, kind=Kind.TOUCHPOINT))
    assert found(job(*key, m("notes", "Description"), inbound=True, kind=Kind.TOUCHPOINT)) == {}


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("", None),
        ("Status = 'Completed' AND (Priority = 'High' OR Owner.Email != null)", "where_silent"),
        ("Subject LIKE 'a%'", None),
        ("Shoe__c = 1", "where_unknown"),
        ("Long__c = 'x'", "where_not_filterable"),
        ("Subject = 'a' AND Subject = 'b' OR Subject = 'c'", "where_syntax"),
        ("CreatedDate = LAST_N_DAYS:30", "where_silent"),
    ],
)
def test_soql_filter(where: str, code: str | None) -> None:
    mappings = (
        m("subject", "Subject"),
        m("external_id", "Id", role=Role.KEY),
        m("account", "AccountId", role=Role.ACCOUNT),
    )
    org = task(field("Long__c", filterable=False))
    hit = found(job(*mappings, inbound=True, kind=Kind.TASK, pair={"where": where}), org)
    assert set(hit) == ({code} if code else set())


def test_all_findings_come_at_once_and_in_order() -> None:
    spec = job(m("Gone__c", "notes"), m("Subject", template="{{Shoe}}"), m("WhatId", "user", role=Role.OWNER))
    stages = [f.stage for f in lint(spec, {"Task": task(field("R__c", nillable=False), deletable=False)})]
    assert stages == sorted(stages, key=STAGES.index)
    assert set(stages) == set(STAGES)


def test_a_clean_pair_passes_every_stage() -> None:
    results = lint(job(m("Subject", "subject")), {"Task": task()})
    assert [(f.severity, f.stage) for f in results] == [("pass", s) for s in STAGES]
    assert valid(results)


def test_findings_carry_their_object() -> None:
    assert {f.sobject for f in lint(make_job("people_in", orgs=orgs()), orgs()) if f.stage == "permission"} == {
        "Contact",
        "Lead",
    }
