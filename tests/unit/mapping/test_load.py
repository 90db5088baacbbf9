"""The packaged templates: the five default tables row for row, and jobs fitted to an org."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.mapping.lint import lint, valid
from core.mapping.load import make_job, template, templates
from core.mapping.spec import Policy, Role
from core.records import Direction
from tests.unit.schema.describes import contact, field, orgs, task

ACCOUNT = ("AccountId", "text", "Account Id", "Key , text")
SUBJECT = ("Subject", "text", "Subject", "text")
CONTENT = ("Description", "text", "Content", "text")
EVENT_KEY = ("Id", "text", "Touchpoint External Id", "Key , text")
TOUCH_DATE = ("ActivityDate", "datetime", "Touchpoint Date", "Date")
TASK_ROWS = (
    ACCOUNT,
    ("Id", "text", "Task External Id", "Key , text"),
    ("Subject", "text", "Title", "text"),
    ("Description", "text", "Description", "text"),
    ("Priority", "text", "Priority", "text"),
    ("Status", "text", "Status", "text"),
    ("ActivityDate", "Date", "Due Date", "Date"),
)
TABLES = {
    "touchpoints_in": (
        ACCOUNT,
        EVENT_KEY,
        SUBJECT,
        CONTENT,
        TOUCH_DATE,
        ("CreatedBy.Email", "reference field", "Touchpoint Creator", "text"),
        ("LastModifiedDate", "datetime", "Last Update Date", "Date"),
        ("LastModifiedBy.Email", "reference field", "Last Updater", "Text"),
    ),
    "touchpoints_out": (
        ACCOUNT,
        EVENT_KEY,
        SUBJECT,
        CONTENT,
        TOUCH_DATE,
        ("OwnerId", "reference field", "Touchpoint Creator", "text"),
    ),
    "tasks_in": (
        *TASK_ROWS,
        ("Owner.Email", "reference field", "Assigned To", "text"),
        ("CreatedBy.Email", "reference field", "Assigner", "text"),
        ("CreatedDate", "Date", "Create Date", "date"),
        ("LastModifiedDate", "Date", "Last Update Date", "date"),
    ),
    "tasks_out": (*TASK_ROWS, ("OwnerId", "reference field", "Assigned To", "text")),
    "campaign_touches_out": (
        ACCOUNT,
        ("Campaign Touch ID", "text", "Touchpoint External Id", "Key , text"),
        SUBJECT,
        ("Description", "text", "Description", "text"),
        ("ActivityDate", "datetime", "Start Date", "Date"),
        ("OwnerId", "reference field", "Created By", "text"),
    ),
}


@pytest.mark.requirement("O12")
@pytest.mark.parametrize("name", TABLES)
def test_default_tables_are_exactly_these(name: str) -> None:
    assert template(name).rows == TABLES[name]


@pytest.mark.requirement("O12")
@pytest.mark.parametrize("name", TABLES)
def test_mapping_is_made_of_the_rows_and_engine_rows(name: str) -> None:
    job = make_job(name)
    side = "source" if job.direction is Direction.INBOUND else "target"
    rows = [m for m in job.pairs[0].mappings if not m.engine]
    assert [getattr(m, side) for m in rows] == [r[0] for r in TABLES[name]]


@pytest.mark.parametrize("info", templates(), ids=lambda t: t.name)
def test_a_fresh_job_of_every_template_validates(info: object) -> None:
    name = info.name  # type: ignore[attr-defined]
    job = make_job(name, orgs=orgs())
    assert valid(lint(job, orgs(), other_jobs=[make_job("accounts_in")]))


def test_every_kind_of_job_is_there() -> None:
    more = {"accounts_out", "contacts_out", "leads_out", "opt_outs_out", "meetings_out", "emails_out", "notes_out"}
    assert {t.name for t in templates()} >= {"accounts_in", "people_in", "calls_out", *TABLES} | more


def test_tasks_both_ways_share_keys_and_policy() -> None:
    there, back = make_job("tasks_out"), make_job("tasks_in")
    keys_out = {(m.source, m.target, m.role) for m in there.pairs[0].mappings if m.role in (Role.KEY, Role.ACCOUNT)}
    keys_in = {(m.target, m.source, m.role) for m in back.pairs[0].mappings if m.role in (Role.KEY, Role.ACCOUNT)}
    assert keys_out == keys_in
    assert there.policy is back.policy is Policy.LAST_UPDATE_WINS


@pytest.mark.parametrize(("extra", "target"), [([], "CallDisposition"), (["Call_Outcome__c"], "Call_Outcome__c")])
def test_outcome_goes_where_the_org_has_a_field_for_it(extra: list[str], target: str) -> None:
    org = task(*(field(n, "picklist") for n in extra))
    job = make_job("calls_out", orgs={"Task": org})
    (outcome,) = [m for m in job.pairs[0].mappings if m.source == "outcome"]
    assert outcome.target == target


@pytest.mark.requirement("T9")
def test_custom_phone_fields_are_mapped_too() -> None:
    org = contact(field("Mobile_Direct__c", "phone"))
    job = make_job("people_in", orgs=orgs() | {"Contact": org})
    sources = {m.source: m.target for m in job.pairs[0].mappings}
    assert sources["Mobile_Direct__c"] == "fields.mobile_direct"
    assert {"Phone", "MobilePhone"} <= set(sources)


def test_optional_rows_are_left_out_where_the_org_has_no_field() -> None:
    job = make_job("people_in", orgs=orgs())
    assert "MailingCity" not in {m.source for m in job.pairs[0].mappings}


def test_job_can_have_its_own_name() -> None:
    assert make_job("tasks_in", job_name="my-tasks").name == "my-tasks"


@pytest.mark.parametrize("name", ["nothing", "../spec", ""])
def test_unknown_template(name: str) -> None:
    with pytest.raises(NotFound, match="no job template"):
        make_job(name)
