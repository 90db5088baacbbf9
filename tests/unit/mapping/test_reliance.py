"""The contract of a job: kept by the org it was made on, broken by each change that matters."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.load import make_job, templates
from core.mapping.reliance import contract
from core.schema.describe import OrgObject
from tests.unit.schema.describes import OUTCOMES, field, orgs, task

OUTCOME = field("Call_Outcome__c", "picklist", picklist=OUTCOMES, restrictedPicklist=True)


@pytest.mark.parametrize("name", [t.name for t in templates()])
def test_kept_by_the_org_it_was_made_on(name: str) -> None:
    job = make_job(name, orgs=orgs())
    for pair in job.pairs:
        assert contract(job, pair, orgs()[pair.sobject]).breaches(orgs()[pair.sobject]) == []


def _calls_contract_on(org: OrgObject) -> list[tuple[str, str]]:
    job = make_job("calls_out", orgs=orgs())
    found = contract(job, job.pairs[0], orgs()["Task"]).breaches(org)
    return [(b.field, b.code) for b in found]


@pytest.mark.parametrize(
    ("fields", "breach"),
    [
        ([], ("Call_Outcome__c", "field_gone")),
        ([OUTCOME | {"picklistValues": OUTCOME["picklistValues"][1:]}], ("Call_Outcome__c", "values_gone")),
        ([OUTCOME | {"updateable": False}], ("Call_Outcome__c", "read_only")),
        ([OUTCOME, field("Region__c", nillable=False)], ("Region__c", "required_unfilled")),
        ([OUTCOME, field("Description", "textarea", length=1000)], ("Description", "shorter")),
    ],
)
def test_each_change_that_matters_is_a_breach(fields: list[dict[str, Any]], breach: tuple[str, str]) -> None:
    assert _calls_contract_on(task(*fields)) == [breach]


def test_other_changes_are_not() -> None:
    longer = OUTCOME | {"picklistValues": [*OUTCOME["picklistValues"], {"value": "New", "active": True}]}
    assert _calls_contract_on(task(longer, field("Else__c"))) == []
