"""The team's own words: custom fields, stages, outcomes and types, in intake, in the editor's checks and in the org."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import UsageError
from core.mapping.spec import FieldMapping, JobSpec
from tests.integration.kit import Desk, add_job


def with_rows(desk: Desk, spec: JobSpec, *rows: FieldMapping, sobject: str | None = None) -> JobSpec:
    """The job saved with field mappings added or replaced in one pair."""
    at = sobject or spec.pairs[0].sobject
    targets = {r.target for r in rows}
    pairs = tuple(
        p.model_copy(update={"mappings": (*(m for m in p.mappings if m.target not in targets), *rows)})
        if p.sobject == at
        else p
        for p in spec.pairs
    )
    return desk.ws.save_job(spec.model_copy(update={"pairs": pairs}))


def someone(desk: Desk, key: str, **more: Any) -> Any:
    row = {"source": "app", "external_id": key, "last_name": key, "email": f"{key}@words.example", "company": "Words",
           "updated_at": desk.clock.now().isoformat(), **more}  # fmt: skip
    (answer,) = desk.ws.take_in("people", [row])
    return answer


@pytest.mark.requirement("A15")
def test_custom_fields_are_typed_mapped_and_synced_both_ways(desk: Desk) -> None:
    ws = desk.ws
    ws.add_field("person", "score", "number", label="Fit score")
    ws.add_field("person", "tier", "choice", choices=["Gold", "Silver"])
    ws.add_field("account", "renewal", "date")
    ws.add_field("call", "mood", "text")
    assert [(f.name, f.label) for f in ws.fields("person")][-2:] == [
        ("fields.score", "Fit score"),
        ("fields.tier", "Tier"),
    ]
    assert "fields.mood" in {f.name for f in ws.fields("call")}
    for name, type_, why in (
        ("Bad Name", "text", "cannot be"),
        ("x", "money", "cannot be"),
        ("y", "choice", "cannot be"),
    ):
        with pytest.raises(UsageError, match=why):
            ws.add_field("person", name, type_)
    answer = someone(desk, "wanda", fields={"score": "high"})
    assert (answer.result, answer.field) == ("rejected", "fields.score")
    assert "is not a number" in answer.reason
    answer = someone(desk, "wanda", fields={"tier": "Bronze"})
    assert "is not one of Gold, Silver" in answer.reason
    assert someone(desk, "wanda", fields={"score": 87, "tier": "gold"}).result == "created"
    told = ws.take_in("accounts", [{"source": "app", "external_id": "a", "name": "A", "fields": {"renewal": "soon"}}])
    assert "is not a date" in told[0].reason

    spec = add_job(ws, "contacts_out")
    with_rows(desk, spec, FieldMapping(source="fields.score", target="Engagement_Score__c"))
    assert desk.run("contacts_out")["counts"]["created"] == 1
    where = "Email = 'wanda@words.example'"
    (contact,) = desk.org.soql(f"SELECT Id, Engagement_Score__c FROM Contact WHERE {where}")
    assert contact["Engagement_Score__c"] == 87
    spec = add_job(ws, "people_in")
    with_rows(desk, spec, FieldMapping(source="Engagement_Score__c", target="fields.score"), sobject="Contact")
    desk.run("people_in")
    desk.org.update("Contact", contact["Id"], Engagement_Score__c=91)
    desk.run("people_in")
    kept = ws.database.read("SELECT fields FROM person WHERE email = 'wanda@words.example'").item()
    assert '"score":"91"' in kept.replace(" ", "")
    assert '"tier":"gold"' in kept.replace(" ", ""), "what the job does not carry stays"
    ws.remove_field("person", "score")
    assert "fields.score" not in {f.name for f in ws.fields("person")}
    with pytest.raises(UsageError, match="no custom field"):
        ws.remove_field("person", "score")


@pytest.mark.requirement("A11", "A15")
def test_contact_stages_map_one_to_one_and_account_stages_without_a_gap(desk: Desk) -> None:
    ws = desk.ws
    ws.set_words("person_stages", ["New", "Working", "Won"])
    ws.set_words("account_stages", ["Target", "Client"])
    with pytest.raises(UsageError, match="twice"):
        ws.set_words("outcomes", ["connected", "Connected"])
    spec = add_job(ws, "leads_out")
    one = {"New": "Open - Not Contacted", "Working": "Working - Contacted", "Won": "Closed - Converted"}
    doubled = with_rows(desk, spec, FieldMapping(source="stage", target="Status", value_map={**one, "Won": one["New"]}))
    (found,) = [f for f in ws.validate(doubled) if f.severity == "fail"]
    assert (found.code, found.field) == ("stage_doubled", "Status")
    gap = {k: v for k, v in one.items() if k != "Won"}
    spec = with_rows(desk, spec, FieldMapping(source="stage", target="Status", value_map=gap))
    assert any(f.code == "value_map_missing" and "Won" in f.message for f in ws.validate(spec)), "said before any push"
    spec = with_rows(desk, spec, FieldMapping(source="stage", target="Status", value_map=one))
    assert {f.severity for f in ws.validate(spec)} <= {"pass", "warn"}
    someone(desk, "lena", stage="working")
    desk.run("leads_out")
    assert desk.org.soql("SELECT Status FROM Lead WHERE Email = 'lena@words.example'") == [{"Status": one["Working"]}]

    contacts = ws.create_job("contacts_out")
    status = FieldMapping(source="stage", target="Contact_Status__c", value_map={"New": "New", "Working": "Engaged",
                          "Won": "Customer"})  # fmt: skip
    values = {v["value"] for v in _field(desk, "Contact", "Contact_Status__c")["picklistValues"]}
    mapped = dict(zip(("New", "Working", "Won"), sorted(values), strict=False))
    contacts = with_rows(desk, contacts, status.model_copy(update={"value_map": mapped}))
    assert [f for f in ws.validate(contacts) if f.severity == "fail"] == []

    accounts = add_job(ws, "accounts_out", update=True)
    statuses = sorted(v["value"] for v in _field(desk, "Account", "Account_Status__c")["picklistValues"])
    row = FieldMapping(source="fields.stage", target="Account_Status__c", value_map={"Target": statuses[0]})
    accounts = with_rows(desk, accounts, row)
    (found,) = [f for f in ws.validate(accounts) if f.severity == "fail"]
    assert (found.code, "Client" in found.message) == ("stage_without_status", True)
    both = {"Target": statuses[0], "Client": statuses[0]}
    accounts = with_rows(desk, accounts, row.model_copy(update={"value_map": both}))
    assert [f for f in ws.validate(accounts) if f.severity == "fail"] == [], "many stages may share a status"
    at = desk.clock.now().isoformat()
    ws.take_in("accounts", [{"source": "app", "external_id": "st", "name": "Staged", "domain": "staged.example",
                             "stage": "client", "updated_at": at}])  # fmt: skip
    desk.run("accounts_out")
    told = desk.org.soql("SELECT Account_Status__c FROM Account WHERE Name = 'Staged'")
    assert told == [{"Account_Status__c": statuses[0]}]


def _field(desk: Desk, sobject: str, name: str) -> dict[str, Any]:
    """A field as the org describes it."""
    fields = desk.org.rest("GET", f"sobjects/{sobject}/describe")["fields"]
    return next(f for f in fields if f["name"] == name)


@pytest.mark.requirement("A12")
def test_pull_now_reads_picklists_fields_and_statuses_again(desk: Desk) -> None:
    ws = desk.ws
    ws.create_job("leads_out")

    def statuses() -> tuple[str, ...]:
        found = ws.org_object("Lead").field("Status")
        assert found is not None
        return found.active_values

    assert "On Hold" not in statuses()
    desk.org.schema_change("add_value", object="Lead", field="Status", value="On Hold")
    desk.org.schema_change("add_field", object="Lead", field="Mood__c", type="string", length=20)
    try:
        assert "On Hold" not in statuses()
        read = ws.refresh_org()
        assert "On Hold" in statuses()
        assert ws.org_object("Lead").field("Mood__c") is not None
        assert read["users"] == desk.org.count("SELECT COUNT() FROM User")
    finally:
        desk.org.schema_change("remove_value", object="Lead", field="Status", value="On Hold")
        desk.org.schema_change("remove_field", object="Lead", field="Mood__c")
