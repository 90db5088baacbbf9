from __future__ import annotations

from pathlib import Path

from local_org.org import alter, permissions, statuses
from local_org.org.catalog import standard_schema
from local_org.org.engine import Org
from local_org.org.ids import is_id
from local_org.org.merging import convert_lead
from local_org.org.model import Schema
from tests.local_org.org.desk import Desk


def test_every_status_is_listed_with_its_meaning(org: Org) -> None:
    conn = org.connection()
    found = conn.execute("SELECT MasterLabel FROM TaskStatus WHERE IsClosed = 1 OR IsDefault = 1 ORDER BY SortOrder")
    assert [label for (label,) in found] == ["Not Started", "Completed"]
    assert conn.execute("SELECT ApiName FROM LeadStatus WHERE IsConverted = 1").fetchall() == [("Closed - Converted",)]
    won = conn.execute("SELECT ApiName, DefaultProbability FROM OpportunityStage WHERE IsWon = 1").fetchall()
    assert won == [("Closed Won", 100)]
    ids = [
        row[0]
        for name in ("TaskStatus", "LeadStatus", "OpportunityStage")
        for row in conn.execute(f"SELECT Id FROM {name}")
    ]
    assert len(set(ids)) == len(ids) == 19
    assert all(is_id(each) for each in ids)


def test_a_new_status_is_listed_and_may_close_tasks(desk: Desk, org: Org) -> None:
    alter.add_picklist_values(org, "Task", "Status", ["Done"])
    task = desk.make("Task", Status="Done")
    assert desk.get("Task", task, "IsClosed") == [False]
    with org.write() as conn:
        conn.execute("UPDATE TaskStatus SET IsClosed = 1 WHERE ApiName = 'Done'")
    assert desk.get("Task", desk.make("Task", Status="done"), "IsClosed") == [True]


def test_a_new_stage_has_a_forecast(desk: Desk, org: Org) -> None:
    alter.add_picklist_values(org, "Opportunity", "StageName", ["Tour"])
    deal = desk.make("Opportunity", Name="D", StageName="Tour", CloseDate="2026-01-01")
    assert desk.get("Opportunity", deal, "Probability", "ForecastCategory", "IsClosed") == [50, "Pipeline", False]


def test_an_org_without_status_objects_knows_the_standard_ones(tmp_path: Path) -> None:
    kept = [o for o in standard_schema().objects if o.name not in statuses.SOURCES]
    with Org.create(tmp_path / "small.db", Schema(tuple(kept))) as small:
        desk = Desk(small.session(permissions.add_user(small, "a@b.co", profile="System Administrator")))
        assert desk.get("Task", desk.make("Task", Status="Completed"), "IsClosed") == [True]
        deal = desk.make("Opportunity", Name="D", StageName="Closed Won", CloseDate="2026-01-01")
        assert desk.get("Opportunity", deal, "IsWon") == [True]
        assert convert_lead(desk.session, desk.make("Lead", LastName="L", Company="C")).opportunity_id
