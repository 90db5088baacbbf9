"""What holds whoever's template it is: one org, one source for two targets, defaults, parents that come first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.mapping.spec import FieldMapping, JobSpec
from core.settings import Settings
from core.store.records import load_records
from core.workspace import open_workspace
from tests.integration.kit import Desk, add_job, connect
from tests.practice import Practice


def mapped(desk: Desk, job: str, *rows: FieldMapping, without: tuple[str, ...] = ()) -> JobSpec:
    """The job with these rows in place of those of the same targets."""
    spec = desk.ws.job(job)
    pair = spec.pairs[0]
    gone = {r.target for r in rows} | set(without)
    kept = tuple(m for m in pair.mappings if m.target not in gone)
    return desk.ws.save_job(spec.model_copy(update={"pairs": (pair.model_copy(update={"mappings": kept + rows}),)}))


def renumbered(org: Practice, org_id: str) -> None:
    """Give a practice org another Id than all practice orgs have."""
    org.kill()
    with closing(sqlite3.connect(org.data_dir / "org.sqlite")) as file, file:
        (told,) = file.execute("UPDATE _meta SET value = ? WHERE key = 'org_id' RETURNING key", (org_id,)).fetchall()
    org.start()
    assert (told[0], org.env["org_id"]) == ("org_id", org_id)


@pytest.mark.requirement("R7")
def test_a_workspace_has_one_org(desk: Desk, tmp_path: Path) -> None:
    first = desk.ws.row().org_id
    with Practice(data_dir=tmp_path / "other") as other:
        renumbered(other, "00D000000000ABCEA2")
        both = tmp_path / "both.pem"
        both.write_text("".join(Path(o.env["ca_file"]).read_text() for o in (desk.org, other)))
        ws = open_workspace(actor="ana", config=Settings(home=desk.home, ca_file=str(both), database_url=""))
        with pytest.raises(UsageError, match="This workspace syncs with org") as refused:
            connect(ws, other)
        ws.database.close()
        assert (first in refused.value.message, "another workspace" in str(refused.value.hint)) == (True, True)
        assert desk.ws.row().org_id == first
        assert {c.org_id for c in desk.ws.connections()} == {first}
        apart = Desk(other, tmp_path / "apart")
        try:
            connect(apart.ws, other)
            assert apart.ws.row().org_id == other.env["org_id"] != first
        finally:
            apart.close()


@pytest.mark.requirement("O14")
def test_one_date_goes_to_two_fields_and_comes_back_from_either(desk: Desk) -> None:
    org, ws = desk.org, desk.ws
    account = org.create("Account", Name="Two targets", Website="two-targets.example")
    for name in ("accounts_in", "touchpoints_in", "touchpoints_out"):
        add_job(ws, name, **({"updated_within_days": None} if name.endswith("out") else {}))
    desk.run("accounts_in")
    desk.run("touchpoints_in")
    mapped(desk, "touchpoints_out", FieldMapping(source="occurred_at", target="StartDateTime"))
    targets = [m.target for m in ws.job("touchpoints_out").pairs[0].mappings if m.source == "occurred_at"]
    assert targets == ["ActivityDate", "StartDateTime"]
    assert not [f for f in ws.validate("touchpoints_out") if f.severity == "fail"]
    row = {"source": "app", "external_id": "two", "kind": "touchpoint", "subject": "Two targets", "notes": "x",
           "occurred_at": "2031-03-04T15:30:00+00:00", "updated_at": desk.clock.now().isoformat(),
           "account": {"id": account}, "duration_s": 2700}  # fmt: skip
    ws.take_in("activities", [row])
    assert desk.run("touchpoints_out")["counts"]["created"] == 1
    there = "SELECT Id, ActivityDate, StartDateTime, IsAllDayEvent, DurationInMinutes FROM Event WHERE Subject = '{}'"
    (event,) = org.soql(there.format("Two targets"))
    assert (event["ActivityDate"], event["StartDateTime"][:16]) == ("2031-03-04", "2031-03-04T15:30")
    assert (event["IsAllDayEvent"], event["DurationInMinutes"]) == (False, 45)

    # The mirror image: the time of an Event becomes the touchpoint's date, and goes out again as both.
    mapped(desk, "touchpoints_in", FieldMapping(source="StartDateTime", target="occurred_at"))
    theirs = org.create("Event", Subject="Theirs", WhatId=account, DurationInMinutes=30,
                        ActivityDateTime="2031-05-06T10:15:00Z", Description="y")  # fmt: skip
    assert desk.run("touchpoints_in")["counts"]["created"] == 1

    def when(org_id: str) -> str:
        record = ws.database.one("SELECT record_id FROM link WHERE org_id = :o", o=org_id)
        found = load_records(ws.database, ws.workspace_id, "activity", ids=[record])
        return str(found["occurred_at"][0].isoformat()[:16])

    assert when(theirs) == "2031-05-06T10:15"
    assert desk.run("touchpoints_out")["counts"]["updated"] == 0, "both sides are equal"
    org.update("Event", event["Id"], ActivityDateTime="2031-03-05T16:00:00Z", DurationInMinutes=45)
    assert desk.run("touchpoints_in")["counts"]["updated"] == 1
    assert when(event["Id"]) == "2031-03-05T16:00"


@pytest.mark.requirement("T14")
def test_a_required_field_gets_its_default_or_the_job_does_not_validate(desk: Desk) -> None:
    org, ws = desk.org, desk.ws
    add_job(ws, "accounts_out")
    org.schema_change("add_field", object="Account", field="Market__c", type="string", length=20)
    org.schema_change("require_field", object="Account", field="Market__c")
    try:
        ws.refresh_org(["Account"])
        (bad,) = [f for f in ws.validate("accounts_out") if f.severity == "fail"]
        assert bad.field == "Market__c"
        default = FieldMapping(source="fields.market", target="Market__c", default="Unknown")
        mapped(desk, "accounts_out", default)
        assert not [f for f in ws.validate("accounts_out") if f.severity == "fail"]
        at = desk.clock.now().isoformat()
        made = {"source": "crm", "updated_at": at}
        ws.take_in(
            "accounts",
            [{**made, "external_id": "d1", "name": "Defaulted"},
             {**made, "external_id": "d2", "name": "Stated", "fields": {"market": "Chicago"}}],
        )  # fmt: skip
        assert desk.run("accounts_out")["counts"]["created"] == 2
        found = org.soql("SELECT Name, Market__c FROM Account WHERE Name IN ('Defaulted', 'Stated') ORDER BY Name")
        assert [(r["Name"], r["Market__c"]) for r in found] == [("Defaulted", "Unknown"), ("Stated", "Chicago")]
    finally:
        org.schema_change("remove_field", object="Account", field="Market__c")


@pytest.mark.requirement("A13", "X19")
def test_the_account_of_a_contact_is_made_first_and_accounts_without_contacts_by_their_own_toggle(desk: Desk) -> None:
    org, ws = desk.org, desk.ws
    at = desk.clock.now().isoformat()

    def company(name: str) -> dict[str, Any]:
        return {"source": "crm", "external_id": name, "name": name, "domain": f"{name}.example", "updated_at": at}

    add_job(ws, "contacts_out")
    add_job(ws, "accounts_out")
    ws.take_in("accounts", [company("with-people"), company("alone")])
    who = {"source": "crm", "external_id": "ann", "last_name": "Ann", "email": "ann@with-people.example",
           "account": {"domain": "with-people.example"}, "updated_at": at}  # fmt: skip
    ws.take_in("people", [who])
    assert desk.run("contacts_out")["counts"]["waiting"] == 1, "its account is not there yet"
    (row,) = ws.open_rows(job="contacts_out").iter_rows(named=True)
    assert (row["outcome"], row["cause"]) == ("waiting", "parent")
    assert org.soql("SELECT Id FROM Contact WHERE Email = 'ann@with-people.example'") == []
    spec = ws.job("accounts_out")
    ws.save_job(spec.model_copy(update={"without_people": False}))
    counts = desk.run("accounts_out")["counts"]
    assert (counts["created"], counts["waiting"]) == (1, 1)
    made = [a["Name"] for a in org.soql("SELECT Name FROM Account WHERE Name IN ('with-people', 'alone')")]
    assert made == ["with-people"]
    assert desk.run("contacts_out")["counts"]["created"] == 1, "it resolves itself"
    (ann,) = org.soql("SELECT Account.Name FROM Contact WHERE Email = 'ann@with-people.example'")
    assert ann["Account"]["Name"] == "with-people"
    assert ws.open_rows(job="contacts_out").is_empty()
    ws.save_job(spec)
    assert desk.run("accounts_out")["counts"]["created"] == 1
    assert org.count("SELECT COUNT() FROM Account WHERE Name = 'alone'") == 1
