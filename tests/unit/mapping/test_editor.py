"""What the editor offers, and first mappings by name."""

from __future__ import annotations

import pytest

from core.mapping.lint import chooseable, lint, suggest, valid
from core.mapping.spec import JobSpec, PairSpec, Role
from core.records import Direction, Kind
from tests.unit.schema.describes import contact, field, lookup, orgs, read_only, task


@pytest.mark.requirement("O16")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Subject", None),
        ("CreatedById", "can never be written"),
        ("OwnerId", "Filled by Syncline"),
        ("WhatId", "Filled by Syncline"),
        ("Prop__c", "A lookup"),
        ("Id", "match key"),
        ("Formula__c", "formula"),
        ("Read__c", "Read-only"),
        ("Where__c", "compound"),
    ],
)
def test_chooseable_says_why_not(name: str, reason: str | None) -> None:
    org = task(
        lookup("Prop__c", "Property__c"),
        read_only("Formula__c", calculated=True),
        read_only("Read__c"),
        field("Where__c", "location"),
    )
    told = {f.name: why for f, why in chooseable(org, Direction.OUTBOUND)}
    assert told[name] is None if reason is None else reason in str(told[name])


def test_fields_to_choose_come_first() -> None:
    reasons = [why is not None for _, why in chooseable(task(), Direction.OUTBOUND)]
    assert reasons == sorted(reasons)


def test_everything_plain_can_be_read() -> None:
    told = {f.name: why for f, why in chooseable(task(field("Where__c", "location")), Direction.INBOUND)}
    assert [n for n, why in told.items() if why] == ["Where__c"]


def test_suggested_contact_mapping() -> None:
    got = {m.source: m.target for m in suggest(Kind.PERSON, contact())}
    assert got["last_name"] == "LastName"
    assert got["mobile_phone"] == "MobilePhone"
    assert got["opted_out_email"] == "HasOptedOutOfEmail"
    assert "name" not in got


def test_suggestions_reach_custom_fields_by_label() -> None:
    got = {m.source: m.target for m in suggest(Kind.CALL, orgs()["Task"])}
    assert got["outcome"] == "Call_Outcome__c"


@pytest.mark.parametrize(
    ("kind", "sobject"), [(Kind.CALL, "Task"), (Kind.PERSON, "Contact"), (Kind.ACCOUNT, "Account")]
)
@pytest.mark.parametrize("direction", list(Direction))
def test_suggested_mappings_validate(kind: Kind, sobject: str, direction: Direction) -> None:
    mappings = tuple(suggest(kind, orgs()[sobject], direction))
    spec = JobSpec(
        name="j", title="J", direction=direction, kind=kind, pairs=(PairSpec(sobject=sobject, mappings=mappings),)
    )
    assert valid(lint(spec, orgs()))
    assert any(m.role is Role.KEY for m in mappings)
