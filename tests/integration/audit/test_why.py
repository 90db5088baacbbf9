"""Explain answers "why is it like this" for each kind of it: one way of being so, one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.audit.explain import explain
from core.mapping.spec import JobSpec
from core.store.codec import dumps
from core.store.database import Database
from core.store.tables import Change, Link, OrgDescribe, Plan
from tests.integration.audit import world
from tests.integration.audit.world import NOW, WS

TASK_FIELDS = [
    {"name": "Subject", "type": "string", "length": 30, "createable": True, "updateable": True},
    {"name": "Status", "type": "picklist", "length": 40, "createable": True, "updateable": True},
    {"name": "Description", "type": "textarea", "length": 40, "createable": True, "updateable": True},
    {"name": "ActivityDate", "type": "date", "createable": True, "updateable": True},
    {"name": "Type", "type": "picklist", "length": 40, "createable": True, "updateable": True},
    {"name": "Priority", "type": "string", "length": 20, "createable": False, "updateable": False, "calculated": True},
    {"name": "WhoId", "type": "reference", "createable": True, "updateable": True},
    {"name": "WhatId", "type": "reference", "createable": True, "updateable": True},
    {"name": "OwnerId", "type": "reference", "createable": True, "updateable": True},
]
MAPPINGS = [
    {"source": "subject", "target": "Subject", "overflow": "cut"},
    {"source": "status", "target": "Status", "value_map": {"done": "Completed"}},
    {"source": "notes", "target": "Description"},
    {"source": "occurred_at", "target": "ActivityDate"},
    {"constant": "Call", "target": "Type"},
    {"source": "user", "target": "OwnerId", "role": "owner"},
    {"source": "person", "target": "WhoId", "role": "person"},
]
Setup = Callable[[Database], None]


def job(db: Database, **changed: Any) -> None:
    """The calls job, with a mapping of few fields, and what is changed in it."""
    given = {**world.specs()[0].model_dump(mode="json"), **{k: v for k, v in changed.items() if k != "mappings"}}
    given["pairs"] = [{"sobject": "Task", "mappings": [*MAPPINGS, *changed.get("mappings", [])]}]
    spec = JobSpec.model_validate(given)
    db.execute("UPDATE job SET spec = :s WHERE name = 'calls_out'", s=dumps(spec.model_dump(mode="json")))
    world.put(db, OrgDescribe(workspace_id=WS, sobject="Task", fetched_at=NOW,
                              body=dumps({"name": "Task", "fields": TASK_FIELDS})))  # fmt: skip


def base(db: Database, **fields: str | None) -> None:
    """What both sides of the sent call last agreed on."""
    db.execute("UPDATE link SET baseline = :b WHERE record_id = 21", b=dumps(fields))


def set_(db: Database, record: int = world.SENT, **fields: Any) -> None:
    """Change a call."""
    for name, value in fields.items():
        db.execute(f"UPDATE activity SET {name} = :v WHERE id = :i", v=value, i=record)


def open_(outcome: str, cause: str, **values: Any) -> Setup:
    """The waiting call is open in another way."""

    def setup(db: Database) -> None:
        db.execute("DELETE FROM open_row WHERE record_id = :i", i=world.HELD)
        world.put(db, world.opened(world.HELD, outcome, cause, **values))

    return setup


def last(outcome: str, cause: str, reason: str) -> Setup:
    """What the latest run made of the filtered call."""

    def setup(db: Database) -> None:
        db.execute("UPDATE record_result SET outcome = :o, cause = :c, reason = :r WHERE record_id = :i",
                   o=outcome, c=cause, r=reason, i=world.FILTERED)  # fmt: skip

    return setup


def clause(field: str, op: str, value: Any = None) -> Setup:
    """The job has a filter that leaves the fresh call out."""
    return lambda db: job(db, filters=[{"field": field, "op": op, "value": value}])


def ended(state: str, sobject: str = "Task", org_id: str = "00T000000000077AAA", record: int = world.SENT) -> Setup:
    """A link of the record that ended."""

    def setup(db: Database) -> None:
        world.put(db, Link(workspace_id=WS, id=70, table_name="activity" if record == world.SENT else "person",
                           record_id=record, sobject=sobject, org_id=org_id, state=state, created_at=NOW,
                           updated_at=NOW))  # fmt: skip

    return setup


def decided(decision: str, why: str) -> Setup:
    """A conflict of the sent call that was decided so."""

    def setup(db: Database) -> None:
        values = {"field": "Subject", "workspace": "a", "org": "b", "decision": decision, "why": why}
        db.execute("UPDATE event_value SET body = :b WHERE event_id = 41", b=dumps(values))

    return setup


def both(*setups: Setup) -> Setup:
    def setup(db: Database) -> None:
        for each in setups:
            each(db)

    return setup


def guard(db: Database) -> None:
    world.put(
        db,
        world.run("run_big", "calls_out", "outbound", status="waiting_approval", plan_id="plan_big"),
        Plan(workspace_id=WS, plan_id="plan_big", job="calls_out", guards=["It would delete 40 of 50."], made_at=NOW),
        Change(workspace_id=WS, plan_id="plan_big", row=1, record_id=world.FRESH, action="delete"),
    )


def user(active: bool | None) -> Setup:
    def setup(db: Database) -> None:
        job(db)
        if active is None:
            db.execute("UPDATE workspace_user SET org_user_id = NULL")
        else:
            db.execute("UPDATE org_user SET is_active = :a", {"a": active})

    return setup


def lead(db: Database) -> None:
    db.execute("UPDATE link SET sobject = 'Lead' WHERE record_id = :i AND table_name = 'person'", i=world.DANA)


def out(field: str) -> Setup:
    return lambda db: db.execute(f"UPDATE person SET {field} = true WHERE id = :i", i=world.DANA) and None


def echo(db: Database) -> None:
    db.execute("UPDATE activity SET kind = 'task' WHERE id = 21")
    world.put(db, world.result(9, world.SENT, "unchanged", run_id="run_in", job="tasks_in", cause="seen", at=NOW,
                               reason="Already recorded with this SystemModstamp."))  # fmt: skip


FRESH, SENT, HELD, FILTERED = "c-25", "c-21", "c-22", "c-24"
KEEP = lambda db: None  # noqa: E731
WHY: dict[str, tuple[str, Setup, str, str]] = {
    # what stops it, or leaves it out: (key, how it came to be so, kind of reason, words in it)
    "filter: equals": (FRESH, clause("status", "=", "x"), "filter_equals", "status = x; here status is"),
    "filter: differs": (FRESH, clause("kind", "!=", "call"), "filter_differs", "kind != call"),
    "filter: in": (FRESH, clause("status", "in", ["x", "y"]), "filter_in", "status in"),
    "filter: not in": (FRESH, clause("kind", "not in", ["call"]), "filter_not_in", "kind not in"),
    "filter: below": (FRESH, clause("duration_s", "<", 1), "filter_below", "duration_s < 1"),
    "filter: above": (FRESH, clause("duration_s", ">", 9999), "filter_above", "duration_s > 9999"),
    "filter: contains": (FRESH, clause("subject", "contains", "zzz"), "filter_contains", "contains zzz"),
    "filter: empty": (FRESH, clause("subject", "is empty"), "filter_empty", "subject is empty"),
    "filter: not empty": (FRESH, clause("outcome", "is not empty"), "filter_not_empty", "outcome is not empty"),
    "too old": (FILTERED, last("filtered", "too_old", "Updated 40 days ago."), "too_old", "40 days"),
    "left the filter": (FILTERED, last("filtered", "archived", "It left the filter."), "archived", "left the filter"),
    "excluded": (FILTERED, last("filtered", "excluded", "On an exclusion list."), "excluded", "exclusion"),
    "creates nothing": (FRESH, lambda db: job(db, create=False), "create_off", "creates no org records"),
    "updates nothing": (SENT, lambda db: job(db, update=False), "update_off", "updates no org records"),
    "deletes kept": (FILTERED, last("skipped", "delete_off", "The job keeps it."), "delete_off", "keeps it"),
    "no account": (FILTERED, last("skipped", "no_account", "Its account is not known."), "no_account", "not known"),
    "no parent": (FILTERED, last("skipped", "no_parent", "Nobody brings people."), "no_parent", "brings people"),
    "job off": (FRESH, lambda db: db.execute("UPDATE job SET is_enabled = false") and None, "job_off", "switched off"),
    "no job": (FRESH, lambda db: set_(db, world.FRESH, kind="note"), "no_job", "for records of the kind note"),
    "not yet run": (FRESH, KEEP, "not_yet_run", "No run has looked at it yet"),
    "echo of our own write": (SENT, echo, "echo", "it was our own"),
    "waits for a person": ("c-23", KEEP, "orphan", "Nobody has 100%"),
    "nobody known": ("c-23", KEEP, "unknown_person", "nobody has +13125550199"),
    "waits for its account": (HELD, open_("waiting", "parent"), "parent", "because of parent"),
    "writes paused": (HELD, lambda db: db.execute("UPDATE workspace SET is_paused = true") and None,
                      "paused", "paused"),
    "allowance used up": (HELD, open_("waiting", "AllowanceUsed"), "AllowanceUsed", "AllowanceUsed"),
    "org out of reach": (HELD, open_("waiting", "OrgUnreachable"), "OrgUnreachable", "OrgUnreachable"),
    "in flight": (HELD, open_("waiting", "in_flight"), "in_flight", "in_flight"),
    "overtaken": (HELD, open_("waiting", "overtaken"), "overtaken", "overtaken"),
    "tried again later": (HELD, open_("rejected", "UNABLE_TO_LOCK_ROW", status_code="UNABLE_TO_LOCK_ROW", tries=2,
                                      retry_at=NOW), "retry", "for the 3. time"),
    "put aside": (HELD, open_("held", "ambiguous", is_aside=True), "aside", "put it aside"),
    "ambiguous": (HELD, KEEP, "ambiguous", "because of ambiguous"),
    "unmapped value": (HELD, open_("held", "unmapped_value"), "unmapped_value", "unmapped_value"),
    "bad picklist": (HELD, open_("held", "bad_picklist"), "bad_picklist", "bad_picklist"),
    "required empty": (HELD, open_("rejected", "required_empty"), "required_empty", "required_empty"),
    "too long": (HELD, open_("held", "too_long"), "too_long", "too_long"),
    "conflict waits": (HELD, open_("held", "conflict"), "conflict", "conflict"),
    "inactive owner holds": (HELD, open_("held", "inactive_owner"), "inactive_owner", "inactive_owner"),
    "in doubt": (HELD, open_("in_doubt", "in_doubt"), "in_doubt", "in_doubt"),
    "gone in the org": (HELD, open_("held", "gone_in_org"), "gone_in_org", "gone_in_org"),
    "held by a guard": (FRESH, guard, "guard", "It would delete 40 of 50."),
    "deleted here": ("c-26", KEEP, "deleted_here", "deleted in the workspace on 21 Nov 2026"),
    # how it came to be as it is
    "created by us": (SENT, KEEP, "created_out", "Syncline created"),
    "came in": ("27", KEEP, "created_in", "came in from the org"),
    "matched": ("p-1", KEEP, "linked_by_match", "Matched by email"),
    "its person": (SENT, KEEP, "matched", "Dana Fox"),
    "found after a lost answer": (SENT, lambda db: db.execute("UPDATE link SET how = 'settled' WHERE id = 31") and None,
                                  "settled", "after its answer had been lost"),
    "linked by hand": (SENT, lambda db: db.execute("UPDATE link SET how = 'by_hand' WHERE id = 31") and None,
                       "linked_by_hand", "by hand"),
    "merged": (SENT, ended("superseded"), "merged", "lost a merge to"),
    "converted": ("p-1", ended("superseded", "Lead", "00Q000000000001AAA", world.DANA), "converted", "became Contact"),
    "deleted in the org": (FRESH, both(ended("deleted"), lambda db: db.execute(
        "UPDATE link SET record_id = 25 WHERE id = 70") and None), "deleted_in_org", "was deleted on"),
    "deleted and restored": (SENT, ended("deleted", org_id=world.ORG_TASK), "restored", "is back"),
    "merged into one that is here": (FRESH, both(ended("superseded"), lambda db: db.execute(
        "UPDATE link SET record_id = 25 WHERE id = 70") and None), "merged_away", "a record of its own here"),
    "archived by the org": (SENT, lambda db: base(db, IsArchived="true"), "archived", "plain query"),
    "conflict won": (SENT, decided("ours", "later"), "conflict_won", "by the rule that the last update wins"),
    "conflict lost": (SENT, decided("theirs", "later"), "conflict_lost", "in the org 'b'"),
    "conflict tied": (SENT, decided("theirs", "a tie: the org wins"), "conflict_tie", "Subject"),
    "conflict asked": (SENT, decided("ask", "ask"), "conflict_asked", "Conflict found"),
    "opt-out stands": (SENT, decided("ours", "an opt-out stands until a person takes it back"), "opt_out_stands", "a"),
    "opted out of calls": (SENT, out("do_not_call"), "opted_out", "opted out of calls"),
    "lead takes no related record": (SENT, lead, "lead_no_what", "beside a lead"),
    "owner without org user": (SENT, user(None), "owner_fallback", "linked to no org user"),
    "owner inactive": (SENT, user(False), "owner_inactive", "inactive in the org"),
    "owner by rule": (SENT, lambda db: job(db, owner_rule="integration_user"), "owner_rule", "integration user own"),
    # its fields
    "hidden field": (SENT, lambda db: job(db, mappings=[{"source": "outcome", "target": "Secret__c"}]),
                     "hidden_field", "Secret__c is not in what the org shows"),
    "formula": (SENT, lambda db: job(db, mappings=[{"source": "priority", "target": "Priority"}]),
                "formula", "formula"),
    "cut": (SENT, both(job, lambda db: set_(db, subject="x" * 50)), "cut", "50 characters, Subject takes 30"),
    "blank keeps": (SENT, both(job, lambda db: base(db, Description="old"), lambda db: set_(db, notes=None)),
                    "blank_kept", "an empty value never clears it"),
    "value map": (SENT, both(job, lambda db: base(db, Status="Completed"), lambda db: set_(db, status="done")),
                  "value_map", "'done' is 'Completed'"),
    "constant": (SENT, job, "constant", "always 'Call'"),
    "created only": (SENT, both(lambda db: job(db, mappings=[
        {"source": "outcome", "target": "WhatId", "create_only": True}]), lambda db: base(db, WhatId="Busy")),
        "once_only", "later changes stay here"),
    "day in the zone": (SENT, both(job, lambda db: set_(db, occurred_at=NOW), lambda db: db.execute(
        "UPDATE workspace SET zone = 'Pacific/Auckland'") and None, lambda db: base(db, ActivityDate="2026-11-22")),
        "time_zone", "in UTC it was 2026-11-21"),
    "not mapped": (SENT, both(job, lambda db: set_(db, outcome="Connected")), "not_mapped", "No job carries"),
    "changed since": (SENT, both(job, lambda db: base(db, Subject="Old"), lambda db: set_(db, subject="New")),
                      "changed", "'New' here and 'Old' in the org"),
}  # fmt: skip
CODES = (
    "REQUIRED_FIELD_MISSING", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "STRING_TOO_LONG", "INVALID_CROSS_REFERENCE_KEY",
    "INSUFFICIENT_ACCESS_OR_READONLY", "ENTITY_IS_DELETED", "DUPLICATES_DETECTED", "INVALID_EMAIL_ADDRESS",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "MALFORMED_ID", "UNABLE_TO_LOCK_ROW", "INACTIVE_OWNER_OR_USER",
)  # fmt: skip


def reasons(db: Database, key: str) -> list[dict[str, str]]:
    (record,) = explain(db, WS, key)["records"]
    assert isinstance(record["why"], list)
    return record["why"]


@pytest.mark.requirement("N1")
@pytest.mark.parametrize("name", WHY)
def test_why_it_is_like_this(lite: Database, name: str) -> None:
    key, setup, kind, said = WHY[name]
    before = {(r["kind"], r["about"], r["why"]) for r in reasons(lite, key)}
    setup(lite)
    told = [r for r in reasons(lite, key) if r["kind"] == kind]
    assert told, f"{name}: {[r['kind'] for r in reasons(lite, key)]}"
    assert any(said in r["why"] for r in told), told
    assert all(r["why"].rstrip().endswith((".", ")", "?")) for r in told), told
    if setup is not KEEP:
        # It says so because it is so: before, it did not.
        assert {(r["kind"], r["about"], r["why"]) for r in told} - before


def test_these_are_forty_kinds_and_more() -> None:
    assert len({kind for _, _, kind, _ in WHY.values()} | set(CODES)) >= 40


@pytest.mark.requirement("N1")
@pytest.mark.parametrize("code", CODES)
def test_each_common_refusal_is_told_with_what_to_do(lite: Database, code: str) -> None:
    open_("rejected", code, status_code=code, reason="The org's own words.")(lite)
    (told,) = [r for r in reasons(lite, HELD) if r["kind"] == code]
    assert "The org's own words." in told["why"]
    assert len(told["why"]) > len("Calls, outbound: The org's own words.")
    assert told["do"].endswith(".")


def test_a_plain_synced_call_has_nothing_to_complain_of(lite: Database) -> None:
    job(lite)
    base(lite, Subject="Call 21", Status=None, Type="Call", OwnerId="005000000000001AAA")
    kinds = {r["kind"] for r in reasons(lite, SENT)}
    assert not kinds & {"changed", "hidden_field", "blank_kept", "cut", "owner_fallback", "ambiguous_now", "job_off"}
