"""Recotap's page from top to bottom: lists into people, accounts and segments, engagement back out."""

from __future__ import annotations

import pytest

from tests.scenarios.walks.conftest import Walker


@pytest.mark.requirement("R1", "R2", "R3", "R4", "R5", "R6")
def test_lists_in_and_insights_out(walker: Walker) -> None:
    # Contacts, leads, accounts: a rule each; people bring their accounts, accounts alone bring nobody.
    assert {v["name"] for v in walker.cli("segments", "views", "Contact")} >= {"Prospecting_List"}
    keys = walker.cli("segments", "import", "Account", "Key_accounts", "--segment", "Keys", "--new", "--enable")
    assert [k["enabled"] for k in keys] == [True]
    assert walker.run(keys[0]["name"])["created"] > 0
    assert [s["kind"] for s in walker.cli("segments", "list")] == ["account"]
    made = walker.cli("segments", "import", "Contact", "Prospecting_List", "--segment", "Spring", "--new", "--enable")
    accounts, people = (m["name"] for m in made)
    assert walker.run(accounts)["input"] > 0
    counts = walker.run(people)
    assert counts["created"] + counts.get("skipped", 0) == counts["input"]
    leads = walker.cli("segments", "import", "Lead", "Hot_leads", "--segment", "Spring", "--enable")
    walker.run(leads[0]["name"])
    (spring,) = [s for s in walker.cli("segments", "list") if s["name"] == "Spring"]
    assert spring["members"] > counts["created"]

    # A list that is not shared with us is explained; a rule is edited, then deactivated.
    hidden = walker.cli("segments", "import", "Contact", "Board_Members", "--name", "hidden-rule")
    assert "may not see it" in walker.typed(walker.desk, "jobs", "preview", hidden[1]["name"], "--json")[1]
    walker.cli("segments", "import", "Contact", "Newsletter_Readers", "--segment", "Spring", "--name", people)
    assert walker.cli("jobs", "show", people)["pairs"][0]["list_views"] == ["Newsletter_Readers"]
    walker.cli("jobs", "disable", people)
    assert {j["name"]: j["is_enabled"] for j in walker.cli("jobs", "list")}[people] is False

    # Insights out: score and date of people and accounts, every 24 hours, to be switched off.
    linked = walker.desk.ws.database.read("SELECT org_id, sobject FROM link WHERE table_name <> 'activity' ORDER BY id")
    ids = {o: part["org_id"][0] for (o,), part in linked.group_by("sobject", maintain_order=True)}
    assert set(ids) == {"Account", "Contact", "Lead"}
    rows = [{"person": {"id": ids["Contact"]}}, {"person": {"id": ids["Lead"]}}, {"account": {"id": ids["Account"]}}]
    told = [{**r, "engagement_score": 70 + i, "last_engagement_at": "2026-11-20T18:00:00Z"} for i, r in enumerate(rows)]
    assert walker.post("scores", told) == ["updated"] * 3
    before = {o: walker.soql(f"SELECT Id, LastName, Email FROM {o}") for o in ("Contact", "Lead")}
    for name in ("scores_out", "account_scores_out"):
        walker.cli("jobs", "create", name)
        assert walker.cli("jobs", "show", name)["schedule"]["every_minutes"] == 1_440
        walker.cli("jobs", "enable", name)
    golden = [(a, sent) for a, _, _, sent in walker.plan("scores_out") if a != "none"]
    assert sorted(golden, key=str) == [
        ("update", {"Engagement_Score__c": "70", "Last_Engagement__c": "2026-11-20"}),
        ("update", {"Engagement_Score__c": "71", "Last_Engagement__c": "2026-11-20"}),
    ]
    assert walker.run("scores_out")["updated"] == 2
    assert walker.run("account_scores_out")["updated"] == 1
    for i, name in enumerate(("Contact", "Lead", "Account")):
        query = f"SELECT Engagement_Score__c, Last_Engagement__c FROM {name} WHERE Id = '{ids[name]}'"
        assert walker.soql(query) == [{"Engagement_Score__c": 70 + i, "Last_Engagement__c": "2026-11-20"}]
    assert {o: walker.soql(f"SELECT Id, LastName, Email FROM {o}") for o in before} == before
    walker.cli("jobs", "disable", "scores_out")
    assert {j["name"]: j["is_enabled"] for j in walker.cli("jobs", "list")}["scores_out"] is False
