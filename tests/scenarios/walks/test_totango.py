"""Totango's page from top to bottom: tasks and touchpoints both ways, campaign touches out, and the notes below."""

from __future__ import annotations

from typing import Any

import pytest

from core.mapping.load import template
from core.mapping.spec import FieldMapping
from tests.scenarios.walks.conftest import Walker


def activity(walker: Walker, kind: str, key: str, **more: Any) -> dict[str, Any]:
    at = walker.desk.clock.now().isoformat()
    return {"source": "totango", "external_id": key, "kind": kind, "updated_at": at, "occurred_at": at, **more}


@pytest.mark.requirement("O1", "O4", "O6", "O7", "O8", "O9", "O10", "O12", "O13", "O15", "O16", "O17", "O21")
def test_tasks_touchpoints_and_campaign_touches(walker: Walker) -> None:
    org = walker.desk.org
    account = org.create("Account", Name="Totem", Website="totem.example")
    contact = org.create("Contact", LastName="Tot", Email="tot@totem.example", AccountId=account)
    lead = org.create("Lead", LastName="Totlead", Company="T", Email="lead@totlead.example")
    walker.name(account=account, contact=contact, lead=lead, own=org.user("Integration")["id"])
    csm = "csm@totango.example"

    # Inbound: the accounts have to be here first; a filter; a preview; only then does anything run.
    walker.cli("jobs", "create", "tasks_in")
    told = walker.cli("jobs", "validate", "tasks_in")
    assert any("No switched-on job brings the accounts" in f["message"] for f in told)
    assert not any(f["severity"] == "fail" for f in told)
    task = org.create("Task", Subject="Org task", WhatId=account, WhoId=contact, Status="Not Started", Priority="High",
                      Description="from the org", ActivityDate="2031-01-02")  # fmt: skip
    bare = org.create("Task", WhatId=account, Status="Not Started", Priority="High", Description="no title")
    walker.edit(
        "tasks_in", lambda t: t.replace("  - sobject: Task\n", f"  - sobject: Task\n    where: WhatId = '{account}'\n")
    )
    walker.by_hand("tasks_in")
    walker.cli("jobs", "enable", "tasks_in")
    assert walker.run("tasks_in") == {"input": 2, "skipped": 2}, "no account, no task, and no job that brings it"
    for name in ("accounts_in", "people_in"):
        walker.cli("jobs", "create", name)
        walker.by_hand(name)
        walker.cli("jobs", "enable", name)
        walker.run(name)
    preview = walker.cli("jobs", "preview", "tasks_in")
    assert (preview["counts"]["created"], preview["counts"]["rejected"]) == (1, 1)
    assert [r["key"] for r in preview["stopped"]] == [bare]
    assert walker.run("tasks_in", code=1)["created"] == 1
    (problem,) = walker.desk.ws.open_rows(job="tasks_in").iter_rows(named=True)
    assert (problem["outcome"], problem["subject"], problem["field"]) == ("rejected", bare, "subject")
    kept = "SELECT subject, status, priority, due_at, person_record_id FROM activity WHERE kind = 'task'"
    (row,) = walker.desk.ws.database.read(kept).iter_rows(named=True)
    assert (row["subject"], row["status"], row["priority"], row["due_at"]) == (
        "Org task", "Not Started", "High", "2031-01-02",
    )  # fmt: skip
    assert row["person_record_id"] is not None

    # Outbound: the destination, the parent, the default rows, thirty days.
    for name in ("tasks_out", "touchpoints_out", "campaign_touches_out"):
        walker.cli("jobs", "create", name)
        walker.by_hand(name)
        shown = walker.cli("jobs", "show", name)
        assert (shown["pairs"][0]["parent_object"], shown["updated_within_days"]) == ("Account", 30)
        mapped = [m["target"] for m in shown["pairs"][0]["mappings"] if not m["engine"]]
        assert mapped == [r[0] for r in template(name).rows]
    told = walker.cli("jobs", "validate", "campaign_touches_out")
    assert any("Campaign Touch ID" in f["message"] for f in told if f["severity"] == "warn")
    walker.edit(
        "campaign_touches_out", lambda t: t.replace("target: Campaign Touch ID", "target: Campaign_Touch_Id__c")
    )
    assert not any("Campaign Touch ID" in f["message"] for f in walker.cli("jobs", "validate", "campaign_touches_out"))
    for reserved in ("CreatedById", "WhatId"):
        spec = walker.desk.ws.job("tasks_out")
        rows = (*spec.pairs[0].mappings, FieldMapping(source="created_by", target=reserved))
        wrong = spec.model_copy(update={"pairs": (spec.pairs[0].model_copy(update={"mappings": rows}),)})
        (bad,) = [f for f in walker.desk.ws.validate(wrong) if f.severity == "fail"]
        assert bad.field == reserved
    for name in ("tasks_out", "touchpoints_out", "campaign_touches_out"):
        walker.cli("jobs", "enable", name)

    old = "2026-01-05T10:00:00+00:00"
    walker.post("activities", [
        activity(walker, "task", "tt-1", subject="Renewal", notes="call them", status="Not Started", priority="Normal",
                 due_at="2031-03-04", account={"id": account}),
        activity(walker, "task", "tt-2", subject="Nobody's", account={"domain": "unknown.example"}),
        activity(walker, "task", "tt-3", subject="  ", account={"id": account}),
        {**activity(walker, "task", "tt-4", subject="Old", account={"id": account}), "updated_at": old},
        activity(walker, "touchpoint", "tp-1", subject="QBR", notes="went well", account={"id": account},
                 person={"id": contact}, user=csm),
        activity(walker, "touchpoint", "tp-2", subject="Lead chat", account={"id": account}, person={"id": lead}),
        activity(walker, "campaign_touch", "ct-1", subject="Spring", type="One time", user=csm,
                 account={"id": account}, fields={"sent_to": "12"}),
    ])  # fmt: skip
    day = walker.desk.clock.now().date().isoformat()
    golden = [p for p in walker.plan("tasks_out") if p[3].get("Subject") != "Org task"]
    assert sorted((o, c) for _, o, c, _ in golden if o != "unchanged") == [
        ("created", ""), ("filtered", "too_old"), ("rejected", "required_empty"), ("skipped", "no_account"),
    ]  # fmt: skip
    assert next(sent for action, _, _, sent in golden if action == "create") == {
        "Subject": "Renewal", "Description": "call them", "Status": "Not Started", "Priority": "Normal",
        "ActivityDate": "2031-03-04", "WhatId": "<account>", "OwnerId": "<own>",
    }  # fmt: skip
    touch = {p[3]["Subject"]: p[3] for p in walker.plan("touchpoints_out") if p[0] == "create"}
    assert touch["QBR"] == {
        "Subject": "QBR", "Description": "went well", "ActivityDate": day, "OwnerId": "<own>", "IsAllDayEvent": "true",
        "WhoId": "<contact>", "WhatId": "<account>",
    }  # fmt: skip
    assert ("WhatId" in touch["Lead chat"], touch["Lead chat"]["WhoId"]) == (False, "<lead>")
    (campaign,) = [p[3] for p in walker.plan("campaign_touches_out") if p[0] == "create"]
    assert campaign == {
        "Subject": f'One time campaign "Spring" was sent to 12 users. From: {csm}', "ActivityDate": day,
        "OwnerId": "<own>", "IsAllDayEvent": "true", "Campaign_Touch_Id__c": "ct-1", "WhatId": "<account>",
        **({"Type": "Email"} if "Type" in campaign else {}),
    }  # fmt: skip
    assert walker.run("tasks_out", code=1)["created"] == 1
    assert walker.run("touchpoints_out")["created"] == 2
    assert walker.run("campaign_touches_out")["created"] == 1
    event = "SELECT Subject, WhatId, WhoId, IsAllDayEvent FROM Event WHERE Campaign_Touch_Id__c = 'ct-1'"
    assert [(e["WhatId"], e["IsAllDayEvent"]) for e in walker.soql(event)] == [(account, True)]

    # An update touches neither the parent nor the creator; each job has a schedule of its own.
    other = org.create("Account", Name="Other", Website="other-totem.example")
    (made,) = walker.soql("SELECT Id, CreatedById FROM Task WHERE Subject = 'Renewal'")
    org.update("Task", made["Id"], WhatId=other)
    walker.desk.advance(120)
    walker.post("activities", [activity(walker, "task", "tt-1", subject="Renewal 2031", account={"id": account})])
    assert walker.run("tasks_out")["updated"] == 1
    after = walker.soql(f"SELECT Subject, WhatId, CreatedById FROM Task WHERE Id = '{made['Id']}'")
    assert after == [{"Subject": "Renewal 2031", "WhatId": other, "CreatedById": made["CreatedById"]}]
    walker.edit("touchpoints_out", lambda t: t.replace("every_minutes: null", "every_minutes: 45"))
    assert walker.cli("jobs", "show", "touchpoints_out")["schedule"]["every_minutes"] == 45
    assert walker.cli("jobs", "show", "tasks_out")["schedule"]["every_minutes"] is None
    assert task
