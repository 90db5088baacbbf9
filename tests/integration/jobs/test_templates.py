"""Every template makes a job that validates and syncs on a fresh practice org, unedited, without a reject."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.mapping.load import templates
from core.store.runs import balanced
from tests.integration.kit import Desk

HERE = "harbor-pine.example"
NEW = (
    "accounts_out", "contacts_out", "calls_out", "notes_out", "emails_out", "meetings_out", "tasks_out",
    "touchpoints_out", "campaign_touches_out",
)  # fmt: skip
"""The jobs for which there is something new; the others find that both sides agree."""
NO_FAULT = ("rejected", "held", "in_doubt")


def stock(desk: Desk) -> None:
    """One record or more of every kind that goes out, as their sources would send them."""
    org, now = desk.org, desk.clock.now()
    at = now.isoformat()
    contact = org.soql("SELECT Id, Email, AccountId FROM Contact WHERE Email != null AND AccountId != null LIMIT 1")[0]
    person, account = {"id": contact["Id"]}, {"id": contact["AccountId"]}
    same = {"source": "app", "updated_at": at, "occurred_at": at, "person": person, "account": account}
    kinds: list[dict[str, Any]] = [
        {"kind": "call", "duration_s": 90, "direction": "outbound", "outcome": "connected", "notes": "Wants a tour."},
        {"kind": "note", "subject": "Parking", "notes": "Needs forty stalls."},
        {"kind": "email", "subject": "Floor plans", "notes": "<p>As promised.</p>"},
        {"kind": "meeting", "subject": "Tour", "duration_s": 2_700},
        {"kind": "task", "subject": "Send comps", "due_at": (now + timedelta(days=2)).date().isoformat(),
         "status": "Not Started", "priority": "High"},
        {"kind": "touchpoint", "subject": "Quarterly review", "notes": "All is well."},
        {"kind": "campaign_touch", "subject": "Spring listings", "type": "One time", "fields": {"sent_to": "40"},
         "user": f"eleanor.whitcombe@{HERE}"},
    ]  # fmt: skip
    rows = [{**same, "external_id": f"stock-{r['kind']}", **r} for r in kinds]
    told = desk.ws.take_in("activities", rows)
    assert [t.result for t in told] == ["created"] * len(rows)
    made = {"source": "app", "updated_at": at}
    desk.ws.take_in("accounts", [{**made, "external_id": "co-1", "name": "Fresh Quay", "domain": "freshquay.example"}])
    lead = {**made, "first_name": "Nora", "last_name": "Quay", "company": "Fresh Quay"}
    desk.ws.take_in("people", [{**lead, "external_id": "pe-1", "email": "nora@freshquay.example"}])


def org_count(desk: Desk, sobject: str, where: str) -> int:
    return desk.org.count(f"SELECT COUNT() FROM {sobject} WHERE {where}")


@pytest.mark.requirement("O1", "O12", "O21")
def test_a_job_of_every_template_syncs_unedited_without_a_reject(desk: Desk) -> None:
    made = [desk.ws.create_job(t.name) for t in templates()]
    assert {s["name"]: s["is_enabled"] for s in desk.ws.jobs()} == dict.fromkeys((s.name for s in made), False)
    for spec in made:
        assert [f for f in desk.ws.validate(spec) if f.severity == "fail"] == [], spec.name
    stocked = False
    wrote: dict[str, int] = {}
    for spec in made:
        if spec.direction == "outbound" and not stocked:
            stock(desk)
            stocked = True
        desk.ws.enable(spec.name)
        counts = desk.run(spec.name)["counts"]
        assert balanced(counts), spec.name
        faults = {c: counts[c] for c in NO_FAULT if counts[c]}
        assert not faults, (spec.name, faults, desk.ws.open_rows(job=spec.name).to_dicts()[:3])
        wrote[spec.name] = counts["created"] + counts["updated"]
    brought = {n: wrote[n] for n in ("accounts_in", "people_in", "tasks_in", "touchpoints_in", "newsletter_in")}
    assert all(brought.values()), brought
    out = {n: wrote[n] for n in wrote if n.endswith("_out")}
    assert out == {n: int(n in NEW) for n in out}, out
    leads = org_count(desk, "Lead", "Email = 'nora@freshquay.example'")
    assert org_count(desk, "Contact", "Email = 'nora@freshquay.example'") == 1
    assert leads == 0, "somebody who went out as a Contact does not go out as a Lead as well"
