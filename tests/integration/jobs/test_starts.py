"""From now on, everything once, and what no job crosses."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import UsageError
from tests.integration.kit import BY_HAND, Desk, add_job


def written(counts: dict[str, int]) -> int:
    return counts["created"] + counts["updated"] + counts["deleted"]


@pytest.mark.requirement("A7", "A2")
def test_from_now_on_is_one_thing_and_everything_once_another_inbound(desk: Desk) -> None:
    spec = desk.ws.create_job("accounts_in")
    desk.ws.save_job(spec.model_copy(update={"schedule": BY_HAND}))
    assert [j["is_enabled"] for j in desk.ws.jobs()] == [False]
    desk.ws.enable("accounts_in", from_now=True)
    there = desk.org.count("SELECT COUNT() FROM Account")
    desk.advance(5)
    assert desk.run("accounts_in")["counts"]["input"] == 0
    desk.org.create("Account", Name="Brand New", Website="brandnew.example")
    assert desk.run("accounts_in")["counts"]["created"] == 1
    counts = desk.ws.backfill_counts("accounts_in")
    assert (counts["created"], counts["unchanged"]) == (there, 1)
    assert desk.ws.summary()["workspace"]["account"] == 1, "counting writes nothing"
    told = desk.ended(desk.ws.backfill("accounts_in"))
    assert (told["counts"], told["reason"]) == (counts, "backfill")
    assert written(desk.run("accounts_in")["counts"]) == 0, "once"


@pytest.mark.requirement("A7", "A13")
def test_from_now_on_is_one_thing_and_everything_once_another_outbound(desk: Desk) -> None:
    at = desk.clock.now().isoformat()

    def company(name: str) -> dict[str, Any]:
        return {"source": "app", "external_id": name, "name": name, "domain": f"{name}.example", "updated_at": at}

    desk.ws.take_in("accounts", [company("old-one"), company("old-two")])
    spec = desk.ws.create_job("accounts_out")
    desk.ws.save_job(spec.model_copy(update={"schedule": BY_HAND}))
    desk.ws.enable("accounts_out", from_now=True)
    desk.ws.take_in("accounts", [company("new-one")])
    assert desk.run("accounts_out")["counts"]["created"] == 1
    assert [a["Name"] for a in desk.org.soql("SELECT Name FROM Account WHERE Name LIKE '%-one'")] == ["new-one"]
    assert desk.ws.backfill_counts("accounts_out")["created"] == 2
    assert desk.org.count("SELECT COUNT() FROM Account WHERE Name LIKE 'old-%'") == 0
    assert desk.ended(desk.ws.backfill("accounts_out"))["counts"]["created"] == 2
    assert desk.org.count("SELECT COUNT() FROM Account WHERE Name LIKE 'old-%'") == 2


@pytest.mark.requirement("X30")
def test_no_job_crosses_the_exclusion_lists(desk: Desk) -> None:
    org = desk.org
    rival = org.create("Account", Name="Rival", Website="https://www.rival.example")
    plain = org.create("Account", Name="Plain", Website="plain.example")
    spy = org.create("Contact", LastName="Spy", Email="spy@mail.rival.example", AccountId=rival)
    vip = org.create("Contact", LastName="Vip", Email="Vip@Plain.example", AccountId=plain)
    ann = org.create("Contact", LastName="Ann", Email="ann@plain.example", AccountId=plain)
    with pytest.raises(UsageError, match="is not a domain"):
        desk.ws.exclude("domain", ["not a domain"])
    desk.ws.exclude("domain", ["https://rival.example/about"])
    desk.ws.exclude("person", ["vip@plain.example"])
    assert desk.ws.exclusions() == {"domain": ["rival.example"], "person": ["vip@plain.example"]}
    task = {"Subject": "Secret", "Status": "Not Started", "Priority": "Normal", "WhatId": plain}
    for who in (spy, vip, ann):
        org.create("Task", **{**task, "WhoId": who, "WhatId": rival if who == spy else plain})
    for name in ("accounts_in", "people_in", "tasks_in"):
        add_job(desk.ws, name)
        info = desk.run(name)
        frame = desk.ws.run_results(info["run_id"], outcome="filtered", limit=500)
        stopped = frame.filter(frame["cause"] == "excluded")
        assert stopped.height == {"accounts_in": 1, "people_in": 2, "tasks_in": 2}[name]
        assert set(stopped["reason"]) <= {
            f"{v} is on the exclusion list." for v in ("rival.example", "vip@plain.example")
        }
    linked = desk.ws.database.read("SELECT org_id FROM link")["org_id"].to_list()
    assert not {rival, spy, vip} & set(linked)
    assert {plain, ann} <= set(linked)

    # Somebody is put on the list who is here already: nothing goes out any more, but the opt-out does.
    desk.ws.exclude("person", ["ann@plain.example"])
    at = desk.clock.now().isoformat()
    base = {"source": "app", "occurred_at": at, "updated_at": at, "person": {"email": "ann@plain.example"}}
    rows = [
        {**base, "external_id": "x-call", "kind": "call", "notes": "excluded call"},
        {**base, "external_id": "x-mail", "kind": "email", "subject": "Private", "person": {"id": "none"},
         "fields": {"private": True}},
    ]  # fmt: skip
    desk.ws.take_in("activities", rows)
    desk.ws.take_in("optouts", [{"person": {"email": "ann@plain.example"}, "channel": "email", "opted_out": True}])
    for name, cause in (("calls_out", "excluded"), ("emails_out", "private")):
        add_job(desk.ws, name)
        info = desk.run(name)
        assert (info["counts"]["filtered"], info["counts"]["created"]) == (1, 0), info
        assert desk.ws.run_results(info["run_id"], outcome="filtered")["cause"].to_list() == [cause]
    add_job(desk.ws, "opt_outs_out")
    assert desk.run("opt_outs_out")["counts"]["updated"] == 1
    assert org.soql(f"SELECT HasOptedOutOfEmail FROM Contact WHERE Id = '{ann}'") == [{"HasOptedOutOfEmail": True}]

    desk.ws.exclude("person", ["ann@plain.example"], exclude=False)
    assert desk.ended(desk.ws.backfill("calls_out"))["counts"]["created"] == 1
