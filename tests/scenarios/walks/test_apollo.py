"""Apollo's page from top to bottom: everything off, push and pull by kind, stages, fields, the error log."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.spec import Condition, FieldMapping
from tests.scenarios.walks.conftest import Walker


def person(walker: Walker, key: str, **more: Any) -> dict[str, Any]:
    at = walker.desk.clock.now().isoformat()
    return {"source": "apollo", "external_id": key, "last_name": key.title(), "email": f"{key}@apollo-co.example",
            "company": "Apollo Co", "updated_at": at, **more}  # fmt: skip


def activity(walker: Walker, kind: str, key: str, **more: Any) -> dict[str, Any]:
    at = walker.desk.clock.now().isoformat()
    return {"source": "apollo", "external_id": key, "kind": kind, "updated_at": at, "occurred_at": at, **more}


@pytest.mark.requirement("A2", "A4", "A5", "A6", "A7", "A9", "A10", "A13", "A14")
def test_push_and_pull(walker: Walker) -> None:
    org, ws = walker.desk.org, walker.desk.ws

    # Each kind is switched on by itself, each way by itself; tasks every 15 minutes, accounts every 60.
    kinds = ("emails_out", "notes_out", "tasks_out", "tasks_in", "calls_out", "meetings_out", "people_in",
             "accounts_in", "accounts_out", "contacts_out", "leads_out")  # fmt: skip
    for name in kinds:
        walker.cli("jobs", "create", name)
    assert {j["name"]: j["is_enabled"] for j in walker.cli("jobs", "list")} == dict.fromkeys(kinds, False)
    every = {name: walker.cli("jobs", "show", name)["schedule"]["every_minutes"] for name in kinds}
    assert (every["tasks_out"], every["tasks_in"], every["accounts_in"], every["accounts_out"]) == (15, 15, 60, 60)
    for name in kinds:
        walker.by_hand(name)
    walker.post(
        "activities", [activity(walker, "note", "ap-n", subject="Nothing is on", account={"domain": "x.example"})]
    )
    assert walker.soql("SELECT Id FROM Task WHERE Subject = 'Nothing is on'") == []

    # Pull: leads join the account of their domain; de-duplication is fed.
    account = org.create("Account", Name="Apex Works", Website="apexworks.example")
    org.create("Lead", LastName="Apexlead", Company="-", Email="al@apexworks.example")
    for name in ("accounts_in", "people_in"):
        walker.cli("jobs", "enable", name)
        walker.run(name)
    home = "SELECT a.name FROM person p JOIN account a ON a.id = p.account_record_id WHERE p.email = :e"
    assert ws.database.one(home, e="al@apexworks.example") == "Apex Works"

    # Push new contacts, only in a stage, as contacts or as leads, with a source of choice; updates follow.
    spec = ws.job("leads_out")
    pair = spec.pairs[0]
    rows = (*(m for m in pair.mappings if m.target != "LeadSource"),
            FieldMapping(constant="Partner Referral", target="LeadSource", create_only=True))  # fmt: skip
    wanted = (Condition(field="stage", op="in", value=["Engaged", "Won"]),)
    ws.save_job(spec.model_copy(update={"pairs": (pair.model_copy(update={"mappings": rows}),), "filters": wanted}))
    walker.cli("jobs", "enable", "leads_out", "--from-now")
    walker.post("people", [person(walker, "lex", stage="Engaged"), person(walker, "cold", stage="Cold")])
    golden = [(a, o, sent) for a, o, _, sent in walker.plan("leads_out")]
    made = {"LastName": "Lex", "Company": "Apollo Co", "Email": "lex@apollo-co.example",
            "LeadSource": "Partner Referral", "OwnerId": org.user("Integration")["id"]}  # fmt: skip
    assert ("create", "created", made) in golden
    assert walker.run("leads_out")["created"] == 1
    walker.desk.advance(60)
    walker.post("people", [person(walker, "lex", stage="Engaged", title="CFO"), person(walker, "cold", stage="Cold")])
    assert walker.run("leads_out")["updated"] == 1
    query = "SELECT LastName, Title, LeadSource FROM Lead WHERE Email LIKE '%apollo-co.example'"
    assert walker.soql(query) == [{"LastName": "Lex", "Title": "CFO", "LeadSource": "Partner Referral"}]

    # A contact whose account is not in the org: the account goes first. Accounts alone are a switch of their own.
    at = walker.desk.clock.now().isoformat()
    walker.post("accounts", [{"source": "apollo", "external_id": "nova", "name": "Nova", "domain": "nova.example",
                              "website": "https://nova.example", "updated_at": at}])  # fmt: skip
    walker.post("people", [person(walker, "nell", email="nell@nova.example", account={"domain": "nova.example"})])
    for name in ("contacts_out", "accounts_out"):
        ws.save_job(ws.job(name).model_copy(update={"filters": (Condition(field="name", op="!=", value="-"),)}))
        walker.cli("jobs", "enable", name, "--from-now")
    walker.desk.advance(60)
    walker.post("people", [person(walker, "nell", email="nell@nova.example", account={"domain": "nova.example"},
                                  first_name="Nell")])  # fmt: skip
    waiting = [(o, c) for _, o, c, _ in walker.plan("contacts_out") if o != "filtered"]
    assert waiting == [("waiting", "parent")], "the account has to be there first"
    assert walker.cli("jobs", "backfill", "accounts_out")["counts"]["created"] >= 1
    assert walker.run("contacts_out")["created"] == 1
    (nell,) = walker.soql("SELECT Account.Name, Id FROM Contact WHERE Email = 'nell@nova.example'")
    assert nell["Account"]["Name"] == "Nova"

    # Enrichment: mapped fields fill what is empty, existing ones only where that is switched on, others never.
    org.update("Account", account, Industry="Banking")
    walker.desk.advance(60)
    ws.take_in("accounts", [{"source": "salesforce", "external_id": account.lower(), "industry": "Energy",
                             "phone": "+1 312 555 0111", "notes": "ours alone",
                             "updated_at": walker.desk.clock.now().isoformat()}])  # fmt: skip
    looked = "SELECT Industry, Phone, Description FROM Account WHERE Name = 'Apex Works'"
    walker.run("accounts_out")
    assert walker.soql(looked) == [{"Industry": "Banking", "Phone": None, "Description": None}]
    ws.save_job(ws.job("accounts_out").model_copy(update={"update": True}))
    walker.cli("jobs", "backfill", "accounts_out")
    assert walker.soql(looked) == [{"Industry": "Banking", "Phone": "+1 312 555 0111", "Description": None}]

    # Only completed tasks are pushed; open tasks of the org are pulled and completed here, which completes them there.
    task = org.create("Task", Subject="Apollo to do", WhatId=account, Status="Not Started", Priority="Normal")
    for name in ("tasks_in", "tasks_out"):
        spec = ws.job(name)
        where = {"where": "Subject = 'Apollo to do'"} if name == "tasks_in" else {}
        done = (Condition(field="status", op="=", value="Completed"),) if name == "tasks_out" else ()
        pairs = tuple(p.model_copy(update=where) for p in spec.pairs)
        ws.save_job(spec.model_copy(update={"pairs": pairs, "filters": done}))
        walker.cli("jobs", "enable", name, *(["--from-now"] if name == "tasks_out" else []))
    assert walker.run("tasks_in")["created"] == 1
    walker.desk.advance(60)
    same = {"source": "salesforce", "external_id": task.lower(), "kind": "task"}
    now = walker.desk.clock.now().isoformat()
    assert walker.post("activities", [
        activity(walker, "task", "ap-open", subject="Not yet", status="Not Started", account={"id": account}),
        activity(walker, "task", "ap-done", subject="All done", status="Completed", account={"id": account}),
        {**same, "status": "Completed", "updated_at": now},
    ]) == ["created", "created", "updated"]  # fmt: skip
    counts = walker.run("tasks_out")
    assert (counts["created"], counts["updated"], counts["filtered"]) == (1, 1, 1)
    assert walker.soql(f"SELECT Status FROM Task WHERE Id = '{task}'") == [{"Status": "Completed"}]
    assert [t["Subject"] for t in walker.soql("SELECT Subject FROM Task WHERE Subject IN ('Not yet', 'All done')")] == [
        "All done"
    ]

    # The error log: what failed, why, when; mended, it is pushed again by one command.
    walker.cli("jobs", "enable", "calls_out", "--from-now")
    walker.post("activities", [activity(walker, "call", "ap-bad", person={"id": nell["Id"]}, outcome="connected",
                                        notes="x" * 40_000, direction="outbound", duration_s=9)])  # fmt: skip
    assert walker.run("calls_out")["held"] == 1
    (row,) = ws.open_rows(job="calls_out").iter_rows(named=True)
    assert (row["cause"], row["field"], row["last_at"] is not None) == ("too_long", "Description", True)
    walker.edit(
        "calls_out", lambda text: text.replace("target: Description\n", "target: Description\n        overflow: cut\n")
    )
    assert [walker.desk.ended(r)["counts"]["created"] for r in ws.retry(job="calls_out", cause="too_long")] == [1]
