"""Segments: rules over list views of the org, their members, and a list that may not be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]


@pytest.mark.requirement("R2")
@pytest.mark.requirement("R3")
def test_a_rule_is_made_from_lists_switched_on_and_deactivated(demo_org: Any, synced: Workspace, page: Open) -> None:
    shown = page("segments")
    views = synced.list_views("Contact")
    box = next(m for m in shown.at.multiselect if m.label == "From these list views")
    assert set(box.options) == {v["label"] for v in views}
    assert f"{len(views)} list view" in shown.text
    assert "Sharing Settings" in shown.text
    box.set_value([views[0]["name"]])
    shown.select("And").set_value("new")
    shown.run()
    next(t for t in shown.at.text_input if t.label == "Name of the new segment").set_value("Brokers")
    shown.run().press("Make the rule")
    made = [s for s in synced.specs() if any(p.list_views for p in s.pairs)]
    assert {p.segment for s in made for p in s.pairs if p.segment} == {"Brokers"}
    assert {j["name"]: j["is_enabled"] for j in synced.jobs() if j["name"] in {s.name for s in made}} == {
        s.name: False for s in made
    }
    rules = page("segments").frame()
    assert set(rules["Into"]) >= {"Brokers"}
    assert views[0]["name"] in " ".join(rules["Lists"])


def test_members_are_counted_by_segment(synced: Workspace, page: Open) -> None:
    synced.database.execute(
        "UPDATE person SET fields = '{\"segments\": [\"Brokers\"]}' WHERE workspace_id = :w AND id IN (SELECT id FROM"
        " person ORDER BY id LIMIT 3)", w=synced.workspace_id,
    )  # fmt: skip
    table = page("segments").frame()
    assert table.to_dict("records") == [{"Segment": "Brokers", "Of": "People", "Members": 3}]


def test_an_org_out_of_reach_is_said_where_its_lists_would_be(synced: Workspace, page: Open) -> None:
    shown = page("segments")
    assert "No rule yet." in shown.text
    assert "Salesforce said no" in shown.text
    assert not any(b.label == "Make the rule" for b in shown.at.button)
