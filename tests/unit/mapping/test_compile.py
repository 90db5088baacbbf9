"""The decision per field and row: what goes out, what comes in, what is held and why."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping.compile import Compiled, inbound, outbound, soql_fields
from core.mapping.load import make_job
from core.mapping.spec import Blank, FieldMapping, JobSpec, Overflow, PairSpec, Role
from core.records import Direction, Kind
from core.schema.describe import OrgObject
from tests.unit.schema.describes import OUTCOMES, account, contact, event, field, lead, lookup, org_object, orgs, task

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LATE = dt.datetime(2026, 3, 1, 3, 30, tzinfo=dt.UTC)


def out_of(
    *mappings: FieldMapping, org: OrgObject | None = None, kind: Kind = Kind.CALL, zone: str = "UTC", **pair: Any
) -> Compiled:
    org = org or task()
    spec = PairSpec(sobject=org.name, mappings=mappings, **pair)
    job = JobSpec(name="j", title="J", direction=Direction.OUTBOUND, kind=kind, pairs=(spec,))
    return outbound(job, spec, org, zone=zone)


def into(*mappings: FieldMapping, org: OrgObject | None = None, kind: Kind = Kind.TASK, zone: str = "UTC") -> Compiled:
    org = org or task()
    spec = PairSpec(sobject=org.name, mappings=mappings)
    job = JobSpec(name="j", title="J", direction=Direction.INBOUND, kind=kind, pairs=(spec,))
    return inbound(job, spec, org, zone=zone)


def one(compiled: Compiled, *, create: bool = True, **values: Any) -> dict[str, Any]:
    schema = {k: pl.String for k, v in values.items() if v is None}
    frame = pl.DataFrame(
        {"local_id": [1], "is_create": [create]} | {k: [v] for k, v in values.items()}, schema_overrides=schema
    )
    return compiled.apply(frame).row(0, named=True)


def causes(row: dict[str, Any]) -> set[tuple[str, str]]:
    return {(p["field"], p["cause"]) for p in row["problems"]}


def m(target: str, source: str | None = None, **more: Any) -> FieldMapping:
    return FieldMapping(target=target, source=source, **more)


# --- values in the form of their target


@pytest.mark.parametrize(
    ("org_type", "flags", "value", "text"),
    [
        ("string", {}, "hello  ", "hello"),
        ("string", {}, "   ", None),
        ("boolean", {}, True, "true"),
        ("boolean", {}, "No", "false"),
        ("int", {"digits": 8}, 42, "42"),
        ("int", {"digits": 8}, "42.0", "42"),
        ("double", {"precision": 18, "scale": 2}, 2.345, "2.35"),
        ("double", {"precision": 18, "scale": 2}, "1e3", "1000"),
        ("date", {}, dt.date(2026, 3, 1), "2026-03-01"),
        ("date", {}, LATE, "2026-02-28"),
        ("date", {}, "2026-03-01T03:30:00Z", "2026-02-28"),
        ("date", {}, "2026-03-01", "2026-03-01"),
        ("datetime", {}, NOON, "2026-03-01T12:00:00Z"),
        ("datetime", {}, "2026-03-01T12:00:00.000+0000", "2026-03-01T12:00:00Z"),
        ("datetime", {}, dt.date(2026, 3, 1), "2026-03-01T05:00:00Z"),
        ("email", {}, " a@b.example ", "a@b.example"),
        ("picklist", {"picklist": ["In Progress"], "restrictedPicklist": True}, "in progress", "In Progress"),
        ("picklist", {"picklist": ["In Progress"]}, "else", "else"),
        ("multipicklist", {"picklist": ["A", "B"], "restrictedPicklist": True}, "b; a;b", "B;A"),
    ],
)
def test_canonical_values(org_type: str, flags: dict[str, Any], value: object, text: str | None) -> None:
    org = task(field("F__c", org_type, **flags))
    row = one(out_of(m("F__c", "fields.x"), org=org, zone="America/New_York"), **{"fields.x": value})
    assert (row["o:F__c"], row["s:F__c"], row["problems"]) == (text, text is not None, [])


@pytest.mark.parametrize(
    ("org_type", "flags", "value", "cause"),
    [
        ("int", {"digits": 3}, "1234", "bad_value"),
        ("int", {"digits": 3}, 1234, "bad_value"),
        ("int", {}, "a few", "bad_value"),
        ("double", {"precision": 4, "scale": 2}, "123", "bad_value"),
        ("date", {}, "soon", "bad_value"),
        ("date", {}, "2026-02-30", "bad_value"),
        ("datetime", {}, "tomorrow", "bad_value"),
        ("boolean", {}, "maybe", "bad_value"),
        ("email", {}, "nobody", "bad_value"),
        ("string", {"length": 5}, "too long", "too_long"),
        ("picklist", {"picklist": ["A"], "restrictedPicklist": True}, "B", "bad_picklist"),
        ("multipicklist", {"picklist": ["A"], "restrictedPicklist": True}, "A;B", "bad_picklist"),
    ],
)
def test_bad_values_are_held_and_named(org_type: str, flags: dict[str, Any], value: object, cause: str) -> None:
    org = task(field("F__c", org_type, **flags))
    row = one(out_of(m("F__c", "fields.x"), org=org), **{"fields.x": value})
    assert causes(row) == {("F__c", cause)}
    assert row["problems"][0]["message"].startswith("F__c")
    assert row["s:F__c"] is False


@pytest.mark.parametrize(
    ("overflow", "text", "spilled"),
    [
        (Overflow.CUT, "0123456… [cut]", None),
        (Overflow.SPILL, "01234567890123", "0123456789012345"),
    ],
)
def test_overflow(overflow: Overflow, text: str, spilled: str | None) -> None:
    org = task(field("F__c", length=14))
    row = one(out_of(m("F__c", "notes", overflow=overflow), org=org), notes="0123456789012345")
    assert (row["o:F__c"], row["s:F__c"], row.get("spill:F__c")) == (text, True, spilled)


def test_text_that_just_fits_is_left_alone() -> None:
    org = task(field("F__c", length=14))
    row = one(out_of(m("F__c", "notes", overflow=Overflow.SPILL), org=org), notes="01234567890123")
    assert (row["o:F__c"], row["spill:F__c"]) == ("01234567890123", None)


# --- value maps


OUTCOME = m("Call_Outcome__c", "outcome", value_map={"connected": "Connected", " VoiceMail ": "left voicemail"})
OUTCOME_FIELD = field("Call_Outcome__c", "picklist", picklist=OUTCOMES, restrictedPicklist=True)


@pytest.mark.requirement("T10")
@pytest.mark.parametrize(
    ("value", "text", "cause"),
    [
        ("CONNECTED", "Connected", None),
        ("voicemail", "Left Voicemail", None),
        ("busy", None, "unmapped_value"),
        (None, None, None),
    ],
)
def test_value_map(value: str | None, text: str | None, cause: str | None) -> None:
    row = one(out_of(OUTCOME, org=task(OUTCOME_FIELD)), outcome=value)
    assert row["o:Call_Outcome__c"] == text
    assert [p["cause"] for p in row["problems"]] == ([cause] if cause else [])


@pytest.mark.requirement("T10")
def test_unmapped_value_names_field_and_value() -> None:
    row = one(out_of(OUTCOME, org=task(OUTCOME_FIELD)), outcome="busy")
    assert row["problems"][0]["message"] == 'Call_Outcome__c: the value "busy" has no entry in the value map.'


def test_map_to_a_value_the_picklist_lost_is_a_bad_picklist() -> None:
    lost = field("Call_Outcome__c", "picklist", picklist=["No Answer"], restrictedPicklist=True)
    assert causes(one(out_of(OUTCOME, org=task(lost)), outcome="connected")) == {("Call_Outcome__c", "bad_picklist")}


# --- absent, null, value


def _expected(blank: Blank, state: str, create: bool) -> tuple[bool, str | None]:
    """The rule in words: what is sent, as (sent, value)."""
    if state == "value":
        return (create or blank is not Blank.CREATE_ONLY), "x"
    return (state == "null" and blank is Blank.CLEAR and not create), None


@given(st.sampled_from(Blank), st.sampled_from(["absent", "null", "value"]), st.booleans())
def test_blank_rules(blank: Blank, state: str, create: bool) -> None:
    values = {"absent": {}, "null": {"notes": None}, "value": {"notes": "x"}}[state]
    row = one(out_of(m("Description", "notes", blank=blank)), create=create, **values)
    assert (row["s:Description"], row["o:Description"]) == _expected(blank, state, create)


@given(
    st.lists(st.tuples(st.sampled_from([None, "", " ", "x", "y "]), st.booleans(), st.booleans()), max_size=12),
    st.sampled_from(Blank),
    st.sampled_from([None, "d"]),
    st.booleans(),
)
def test_frames_agree_with_the_rule_row_by_row(
    rows: list[tuple[str | None, bool, bool]], blank: Blank, default: str | None, create_only: bool
) -> None:
    compiled = out_of(m("Description", "notes", blank=blank, default=default, create_only=create_only))
    frame = pl.DataFrame(
        rows, schema={"notes": pl.String, "is_create": pl.Boolean, "absent:notes": pl.Boolean}, orient="row"
    ).with_row_index("local_id")
    got = compiled.apply(frame)
    for (value, create, absent), out in zip(rows, got.iter_rows(named=True), strict=True):
        text = (value or "").rstrip() or None
        if text is None and default and (create or blank is Blank.CLEAR):
            text = default
        clears = blank is Blank.CLEAR and not create
        sent = (text is not None or clears) and (create or not (create_only or blank is Blank.CREATE_ONLY))
        sent = sent and (create or not absent)
        assert (out["o:Description"], out["s:Description"]) == (text, sent)


def test_an_empty_checkbox_is_never_sent_as_no() -> None:
    org = contact()
    row = one(
        out_of(m("DoNotCall", "do_not_call", blank=Blank.CLEAR), org=org, kind=Kind.PERSON),
        create=False,
        do_not_call=None,
        last_name="A",
    )
    assert row["s:DoNotCall"] is False


def test_default_never_overwrites_on_update() -> None:
    mapping = m("Priority", "priority", default="Normal")
    assert one(out_of(mapping), priority=None)["o:Priority"] == "Normal"
    assert one(out_of(mapping), create=False, priority=None)["s:Priority"] is False


def test_hidden_column_is_absent_and_never_null() -> None:
    row = one(out_of(m("Description", "notes", blank=Blank.CLEAR)), create=False)
    assert row["s:Description"] is False


# --- permissions and roles


@pytest.mark.parametrize(
    ("createable", "updateable", "create", "sent"),
    [(True, False, True, True), (True, False, False, False), (False, True, True, False), (False, True, False, True)],
)
def test_only_writable_fields_are_sent(createable: bool, updateable: bool, create: bool, sent: bool) -> None:
    org = task(field("F__c", createable=createable, updateable=updateable))
    assert one(out_of(m("F__c", "notes"), org=org), create=create, notes="x")["s:F__c"] is sent


def test_read_only_hidden_and_key_fields_have_no_column() -> None:
    compiled = out_of(
        m("Id", "external_id", role=Role.KEY),
        m("AccountId", "account", role=Role.ACCOUNT),
        m("IsArchived", constant="true"),
        m("Gone__c", "notes"),
    )
    assert compiled.targets == ("WhatId",)


@pytest.mark.requirement("O10")
def test_account_goes_out_as_what_id_on_create_only() -> None:
    compiled = out_of(m("AccountId", "account", role=Role.ACCOUNT))
    assert one(compiled, what_id="001A")["s:WhatId"] is True
    assert one(compiled, create=False, what_id="001A")["s:WhatId"] is False


@pytest.mark.requirement("O10")
def test_a_lead_has_no_related_record() -> None:
    row = one(out_of(m("WhoId", "person", role=Role.PERSON)), who_id="00QA", what_id="001A")
    assert (row["o:WhoId"], row["s:WhatId"]) == ("00QA", False)


@pytest.mark.requirement("O10")
def test_writable_account_lookup_of_a_custom_object_is_updated() -> None:
    org = org_object("Deal__c", field("Name"), lookup("Account__c", "Account"))
    compiled = out_of(m("Account__c", "account", role=Role.ACCOUNT), org=org)
    row = one(compiled, create=False, account_org_id="001A")
    assert (row["o:Account__c"], row["s:Account__c"]) == ("001A", True)


def test_parent_lookup_is_filled_on_create() -> None:
    org = org_object("Visit__c", field("Name"), lookup("Client__c", "Account"))
    compiled = out_of(m("Name", "subject"), org=org, parent_object="Account", parent_field="Client__c")
    assert one(compiled, account_org_id="001A")["o:Client__c"] == "001A"
    assert one(compiled, create=False, account_org_id="001A")["s:Client__c"] is False


def test_related_to_none_sends_no_what_id() -> None:
    assert "WhatId" not in out_of(m("Subject", "subject"), related_to="none").targets


@pytest.mark.parametrize(("owner", "sent"), [("005A", True), (None, False)])
def test_owner_is_the_linked_user(owner: str | None, sent: bool) -> None:
    row = one(out_of(m("OwnerId", "user", role=Role.OWNER)), owner_org_id=owner)
    assert (row["o:OwnerId"], row["s:OwnerId"]) == (owner, sent)


@pytest.mark.parametrize("where", ["mapped", "named", "found"])
def test_external_id_is_sent_on_create_only(where: str) -> None:
    key = "Syncline_Key__c" if where == "found" else "Ref__c"
    org = task(field(key, externalId=True, unique=True))
    mappings = [m(key, "upsert_key", role=Role.KEY)] if where == "mapped" else [m("Subject", "subject")]
    compiled = out_of(*mappings, org=org, external_id_field=key if where == "named" else None)
    assert compiled.key_field == key
    assert one(compiled, upsert_key="k1")[f"o:{key}"] == "k1"
    assert one(compiled, create=False, upsert_key="k1")[f"s:{key}"] is False


# --- required


@pytest.mark.requirement("T14")
@pytest.mark.parametrize(
    ("mapping", "create", "held"),
    [
        (m("Must__c", "notes"), True, True),
        (m("Must__c", "notes", default="-"), True, False),
        (m("Must__c", "notes"), False, False),
        (m("Must__c", "notes", blank=Blank.CLEAR), False, True),
        (m("Subject", "notes"), True, True),
    ],
)
def test_required_by_the_org(mapping: FieldMapping, create: bool, held: bool) -> None:
    org = task(field("Must__c", nillable=False))
    row = one(out_of(mapping, org=org), create=create, notes=None)
    assert causes(row) == ({("Must__c", "required_empty")} if held else set())


def test_required_by_the_mapping() -> None:
    compiled = out_of(m("Subject", "subject", required=True))
    assert causes(one(compiled, create=False, subject=None)) == {("Subject", "required_empty")}
    assert causes(one(compiled, create=False, subject="x")) == set()


# --- templates, engine rows, zones


def test_subject_template() -> None:
    row = one(out_of(m("Subject", template="Call: {{contact name}}")), person_name="Ann Lee")
    assert row["o:Subject"] == "Call: Ann Lee"


@pytest.mark.requirement("O12")
def test_event_with_only_a_date_is_all_day() -> None:
    job = make_job("touchpoints_out", orgs=orgs())
    compiled = outbound(job, job.pairs[0], event(), zone="America/New_York")
    row = one(compiled, subject="Review", occurred_at=LATE, duration_s=600, what_id="001A")
    assert (row["o:ActivityDate"], row["o:IsAllDayEvent"], row["s:IsAllDayEvent"]) == ("2026-02-28", "true", True)
    assert "o:DurationInMinutes" not in row


@pytest.mark.requirement("O12", "O14")
@pytest.mark.parametrize(("seconds", "minutes"), [(None, "30"), (61, "2"), (3600, "60")])
def test_event_with_a_start_has_a_length(seconds: int | None, minutes: str) -> None:
    job = make_job("touchpoints_out", orgs=orgs())
    pair = job.pairs[0].model_copy(update={"mappings": (*job.pairs[0].mappings, m("StartDateTime", "occurred_at"))})
    row = one(outbound(job, pair, event(), zone="UTC"), subject="R", occurred_at=NOON, duration_s=seconds)
    assert (row["o:StartDateTime"], row["o:ActivityDate"]) == ("2026-03-01T12:00:00Z", "2026-03-01")
    assert (row["o:IsAllDayEvent"], row["o:DurationInMinutes"]) == ("false", minutes)
    assert (row["s:IsAllDayEvent"], row["s:DurationInMinutes"]) == (True, True)


@pytest.mark.requirement("O13")
def test_campaign_touch_subject_and_type() -> None:
    job = make_job("campaign_touches_out", orgs=orgs())
    row = one(
        outbound(job, job.pairs[0], event(), zone="UTC"),
        subject="Spring news",
        type="One time",
        **{"fields.sent_to": 12},
        user="ann@home.example",
        occurred_at=NOON,
    )
    assert row["o:Subject"] == 'One time campaign "Spring news" was sent to 12 users. From: ann@home.example'
    assert (row["o:Type"], row["o:ActivityDate"]) == ("Email", "2026-03-01")


def test_campaign_touch_without_a_date_is_held() -> None:
    job = make_job("campaign_touches_out", orgs=orgs())
    row = one(outbound(job, job.pairs[0], event(), zone="UTC"), subject="S", occurred_at=None)
    assert causes(row) == {("ActivityDate", "required_empty")}


def test_zone_of_the_row_wins() -> None:
    compiled = out_of(m("ActivityDate", "occurred_at", transform="date_of"), zone="UTC")
    frame = pl.DataFrame(
        {
            "local_id": [1, 2, 3, 4],
            "is_create": True,
            "occurred_at": [LATE] * 4,
            "row_zone": ["America/New_York", "Asia/Tokyo", None, "No/Where"],
        }
    )
    assert compiled.apply(frame)["o:ActivityDate"].to_list() == ["2026-02-28"] + ["2026-03-01"] * 3


def test_calls_out_template_sends_the_whole_call() -> None:
    job = make_job("calls_out", orgs=orgs())
    row = one(
        outbound(job, job.pairs[0], orgs()["Task"], zone="UTC"),
        person_name="Ann",
        notes="Hi",
        priority=None,
        direction="outbound",
        duration_s=61,
        outcome="voicemail",
        occurred_at=NOON,
        who_id="003A",
        what_id="001A",
        owner_org_id="005A",
    )
    sent = {k[2:]: v for k, v in row.items() if k.startswith("o:") and row[f"s:{k[2:]}"]}
    assert sent == {
        "Subject": "Call: Ann",
        "Type": "Call",
        "Status": "Completed",
        "Priority": "Normal",
        "TaskSubtype": "Call",
        "CallType": "Outbound",
        "CallDurationInSeconds": "61",
        "Description": "Hi",
        "ActivityDate": "2026-03-01",
        "Call_Outcome__c": "Left Voicemail",
        "WhoId": "003A",
        "WhatId": "001A",
        "OwnerId": "005A",
    }


# --- frames


def test_empty_frame() -> None:
    out = out_of(m("Subject", "subject")).apply(
        pl.DataFrame(schema={"local_id": pl.Int64, "is_create": pl.Boolean, "subject": pl.String})
    )
    assert out.height == 0
    assert out.columns == ["local_id", "o:Subject", "s:Subject", "o:WhatId", "s:WhatId", "problems"]


def test_order_and_several_problems_of_one_row() -> None:
    compiled = out_of(m("Subject", "subject", required=True), m("ActivityDate", "due_at"))
    frame = pl.DataFrame(
        {
            "local_id": [3, 1, 2],
            "is_create": True,
            "subject": ["a", None, "c"],
            "due_at": ["2026-01-01", "soon", "2026-01-02"],
        }
    )
    out = compiled.apply(frame)
    assert out["local_id"].to_list() == [3, 1, 2]
    assert [len(p) for p in out["problems"].to_list()] == [0, 2, 0]


def test_sources_name_what_the_frame_needs() -> None:
    compiled = out_of(m("Subject", template="{{Contact Name}}: {{Notes}}"), m("OwnerId", "user", role=Role.OWNER))
    assert compiled.sources == ("person_name", "notes")


# --- inbound


def test_tasks_in_template() -> None:
    job = make_job("tasks_in", orgs=orgs())
    row = one(
        inbound(job, job.pairs[0], task(), zone="UTC"),
        Id="00TA0000000001XAAZ",
        Subject="Send offer",
        AccountId="001A",
        Description=None,
        Priority="High",
        Status="Open",
        ActivityDate="2026-03-01",
        CreatedDate="2026-03-01T10:00:00Z",
        account_record_id=7,
        **{"Owner.Email": "Ann@Home.Example"},
    )
    sent = {k[2:]: v for k, v in row.items() if k.startswith("w:") and row[f"s:{k[2:]}"]}
    assert sent == {
        "account": "7",
        "external_id": "00ta0000000001xaaz",
        "subject": "Send offer",
        "priority": "High",
        "status": "Open",
        "due_at": "2026-03-01",
        "user": "ann@home.example",
        "created_on": "2026-03-01T10:00:00Z",
    }


def test_external_ids_come_in_lower_case_and_only_once() -> None:
    compiled = into(m("external_id", "Id", role=Role.KEY), m("subject", "Subject"))
    assert one(compiled, Id="00TAbC", Subject="x")["w:external_id"] == "00tabc"
    assert one(compiled, create=False, Id="00TAbC", Subject="x")["s:external_id"] is False


def test_account_of_an_activity_never_changes() -> None:
    compiled = into(m("account", "AccountId", role=Role.ACCOUNT), m("subject", "Subject"))
    assert one(compiled, Subject="x", account_record_id=7)["s:account"] is True
    assert one(compiled, create=False, Subject="x", account_record_id=7)["s:account"] is False


def test_a_person_may_change_employer() -> None:
    compiled = into(m("account", "AccountId", role=Role.ACCOUNT), org=contact(), kind=Kind.PERSON)
    assert one(compiled, create=False, account_record_id=7)["s:account"] is True


@pytest.mark.requirement("O15")
@pytest.mark.parametrize(
    ("kind", "subject", "notes", "held"),
    [
        (Kind.TASK, None, "text", "A task needs a title."),
        (Kind.TASK, "title", None, None),
        (Kind.TOUCHPOINT, None, None, "A touchpoint needs a subject or content."),
        (Kind.TOUCHPOINT, None, "text", None),
        (Kind.TOUCHPOINT, "subject", None, None),
        (Kind.CALL, None, None, None),
    ],
)
def test_records_without_text_are_refused(kind: Kind, subject: str | None, notes: str | None, held: str | None) -> None:
    compiled = into(m("subject", "Subject"), m("notes", "Description"), kind=kind)
    row = one(compiled, Subject=subject, Description=notes)
    assert [p["message"] for p in row["problems"]] == ([held] if held else [])


@pytest.mark.requirement("O14")
def test_start_comes_in_as_touchpoint_date() -> None:
    compiled = into(m("occurred_at", "StartDateTime"), m("subject", "Subject"), org=event(), kind=Kind.TOUCHPOINT)
    row = one(compiled, StartDateTime="2026-03-01T12:00:00.000+0000", Subject="x")
    assert row["w:occurred_at"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu", "Africa/Cairo"])
@given(st.dates(dt.date(1990, 1, 1), dt.date(2035, 12, 31)))
def test_a_day_survives_coming_in_and_going_out(zone: str, day: dt.date) -> None:
    there = into(m("occurred_at", "ActivityDate"), m("subject", "Subject"), kind=Kind.TOUCHPOINT, zone=zone)
    instant = one(there, ActivityDate=day.isoformat(), Subject="x")["w:occurred_at"]
    back = out_of(m("ActivityDate", "occurred_at"), zone=zone)
    assert one(back, occurred_at=instant)["o:ActivityDate"] == day.isoformat()


def test_custom_fields_take_the_form_of_their_source() -> None:
    org = contact(field("Score__c", "double", precision=18, scale=2), field("Since__c", "date"))
    compiled = into(m("fields.score", "Score__c"), m("fields.since", "Since__c"), org=org, kind=Kind.PERSON)
    row = one(compiled, Score__c="7.50", Since__c="2026-03-01")
    assert (row["w:fields.score"], row["w:fields.since"]) == ("7.5", "2026-03-01")


def test_domain_comes_from_the_website() -> None:
    compiled = into(m("domain", "Website", transform="domain_of"), org=account(), kind=Kind.ACCOUNT)
    assert one(compiled, Website="https://www.Big.example/en")["w:domain"] == "big.example"


def test_sources_are_spelled_as_the_org_spells_them() -> None:
    compiled = into(m("subject", "SUBJECT"), m("user", "owner.email"))
    assert compiled.sources == ("Subject", "Owner.Email")


# --- what a capture reads


def test_soql_fields_of_a_lead() -> None:
    pair = PairSpec(sobject="Lead", mappings=(m("email", "email"), m("owner", "owner.email"), m("x", "Gone__c")))
    assert set(soql_fields(pair, lead())) == {
        "Id",
        "SystemModstamp",
        "LastModifiedDate",
        "LastModifiedById",
        "CreatedDate",
        "IsDeleted",
        "IsConverted",
        "ConvertedContactId",
        "ConvertedAccountId",
        "Email",
        "Owner.Email",
    }


def test_soql_fields_of_an_outbound_task_are_its_targets() -> None:
    pair = make_job("calls_out", orgs=orgs()).pairs[0]
    found = soql_fields(pair, orgs()["Task"], direction=Direction.OUTBOUND)
    assert {"Subject", "Call_Outcome__c", "WhoId", "WhatId", "AccountId", "IsArchived"} <= set(found)
    assert len(found) == len({f.lower() for f in found})


def test_an_odd_address_of_the_org_comes_in_as_it_is() -> None:
    row = one(into(m("email", "Email"), org=contact(), kind=Kind.PERSON), Email="ann@intranet")
    assert (row["w:email"], row["problems"]) == ("ann@intranet", [])


# --- the quick way and the forgiving way of reading times agree


@given(st.lists(st.one_of(st.none(), st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2040, 1, 1))), max_size=6))
def test_canonical_times_and_any_other_spelling_come_out_alike(moments: list[dt.datetime | None]) -> None:
    compiled = into(m("occurred_at", "StartDateTime"), m("subject", "Subject"), org=event(), zone="America/New_York")
    want = [t.strftime("%Y-%m-%dT%H:%M:%SZ") if t else None for t in moments]
    other = [t.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if t else None for t in moments]
    for spelling in (want, other, [*want[:1], *other[1:]]):
        frame = pl.DataFrame({"StartDateTime": spelling}, schema={"StartDateTime": pl.String})
        assert compiled.apply(frame.with_columns(is_create=True))["w:occurred_at"].to_list() == want
