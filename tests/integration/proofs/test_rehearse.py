"""A rehearsal has the org check rows and keep none; where it keeps one all the same, that is deleted and said."""

from __future__ import annotations

import json

import pytest

from core.errors import PlanError, UsageError
from core.store import setting
from tests.integration.kit import Desk, calls


@pytest.mark.requirement("N5")
def test_the_org_names_what_it_would_refuse_and_keeps_nothing(either: Desk) -> None:
    desk = either
    desk.work()
    desk.ws.take_in("activities", calls("stage", 12))
    plan = desk.ws.plan("calls_out")
    row = desk.ws.database.read("SELECT row, payload FROM change WHERE plan_id = :p ORDER BY row", p=plan).row(4)
    spoiled = json.dumps(json.loads(row[1]) | {"WhoId": "003ZZZZZZZZZZZZAAA"})
    desk.ws.database.execute(
        "UPDATE change SET payload = :t WHERE plan_id = :p AND row = :r", t=spoiled, p=plan, r=row[0]
    )
    with pytest.raises(UsageError, match="no sandbox"):
        desk.ws.rehearse(plan)
    before = desk.org.soql("SELECT COUNT() FROM Task", all_rows=True)
    desk.org.reset_calls()
    told = desk.ws.rehearse(plan, in_production=True)
    assert [c["rows"] for c in desk.pushes()] == [1, 13], "the row that is made to fail goes alone at first"
    refused = told.rows.filter(told.rows["verdict"] == "refused")
    assert (told.n_planned, told.rows.height, refused["row"].to_list()) == (12, 12, [row[0]])
    assert refused.item(0, "status_code") in ("INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "ENTITY_IS_DELETED")
    assert refused.item(0, "message") != ""
    assert desk.tasks("stage", all_rows=True) == []
    assert desk.org.soql("SELECT COUNT() FROM Task", all_rows=True) == before
    assert any("after a row is saved" in text for text in told.not_shown)
    desk.org.reset_calls()
    again = desk.ws.rehearse(plan, sample=5, in_production=True)
    assert ([c["rows"] for c in desk.pushes()], again.rows.height) == ([6], 5)
    assert desk.ended(desk.ws.apply(plan))["counts"]["created"] == 11


@pytest.mark.requirement("N5")
def test_what_an_org_keeps_of_a_rehearsal_is_deleted_and_said(desk: Desk) -> None:
    """The second time the row that must fail is sent it does not: the whole sample is saved."""
    desk.work()
    desk.ws.take_in("activities", calls("kept", 3))
    plan = desk.ws.plan("calls_out")
    setting.put(desk.ws.database, desk.ws.workspace_id, "rehearsed:Task:create", value=True)
    poison = "core.syncing.rehearse.poisoned"
    good = {"Subject": "kept 99", "Description": "kept 99"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poison, lambda *_: good)
        with pytest.raises(PlanError, match="kept 4 rows of the rehearsal") as said:
            desk.ws.rehearse(plan, in_production=True)
    assert len(said.value.facts["kept"]) == 4
    assert desk.tasks("kept") == []
    assert said.value.facts["left"] == []
