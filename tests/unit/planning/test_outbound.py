"""Each verdict of an outbound plan: once where it stops a row, once where it must not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from core.mapping.compile import outbound as compile_outbound
from core.mapping.load import make_job
from core.mapping.spec import Condition, JobSpec
from core.planning import outbound
from core.records import ACTIVITY_KINDS, Kind
from tests.unit.schema.describes import orgs

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")
ROBOT, ANA_ID = "005ROBOT", "005ANA"
CANDIDATES = pl.List(pl.Struct({"record_id": pl.Int64, "rule": pl.String}))
TEMPLATES = {Kind.TASK: "tasks_out", Kind.TOUCHPOINT: "touchpoints_out", Kind.CALL: "calls_out"}


def job(kind: Kind = Kind.TASK, **settings: Any) -> JobSpec:
    base = make_job(TEMPLATES[kind], orgs=orgs()) if kind in TEMPLATES else make_job("tasks_out")
    return base.model_copy(
        update={"kind": kind, "updated_within_days": None, "filters": (), "delete": True, **settings}
    )


def records(**over: Any) -> pl.DataFrame:
    row = {
        "local_id": 1,
        "_key": "t-1",
        "_title": "Call back",
        "external_id": "t-1",
        "subject": "Call back",
        "notes": "soon",
        "status": "Not Started",
        "priority": "Normal",
        "user": "ana@ours.example",
        "related_id": None,
        "updated_at": NOW,
        "deleted_at": None,
        **over,
    }
    times = dict.fromkeys(("updated_at", "deleted_at"), INSTANT)
    texts = dict.fromkeys(set(row) - set(times) - {"local_id"}, pl.String)
    return pl.DataFrame([row], schema={k: {**times, **texts, "local_id": pl.Int64}[k] for k in row})


def ground(**over: Any) -> outbound.Ground:
    """A linked account and a linked Contact, an active user, no link of the record itself."""
    said = {
        "link": None,
        "person": (7, "unique"),
        "people": [(7, "003ANN", "Contact", "Ann", "ann@x.example", 5)],
        "account": (5, "unique"),
        "account_id": "001ACME",
        "active": True,
        "org_user": ANA_ID,
        "people_come": False,
        "accounts_come": False,
        **over,
    }
    person, person_status = said["person"]
    found = [] if said["link"] is None else [(1, said["link"], "{}")]
    names = ("record_id", "org_id", "sobject", "person_name", "person_email", "home")
    types = (pl.Int64, pl.String, pl.String, pl.String, pl.String, pl.Int64)
    some = [{"record_id": 7, "rule": "email"}, {"record_id": 8, "rule": "email"}]
    return outbound.Ground(
        links=pl.DataFrame(
            found, schema={"local_id": pl.Int64, "org_id": pl.String, "baseline": pl.String}, orient="row"
        ),
        people=pl.DataFrame(said["people"], schema=dict(zip(names, types, strict=True)), orient="row"),
        accounts=pl.DataFrame(
            [(5, said["account_id"], "Acme")],
            schema={"record_id": pl.Int64, "org_id": pl.String, "account_name": pl.String},
            orient="row",
        ),
        person_match=pl.DataFrame(
            [(1, person, person_status, some if person_status == "ambiguous" else [])],
            schema={
                "local_id": pl.Int64,
                "person_record_id": pl.Int64,
                "status": pl.String,
                "candidates": CANDIDATES,
            },
            orient="row",
        ),
        account_match=pl.DataFrame(
            [(1, *said["account"], [])],
            schema={
                "local_id": pl.Int64,
                "account_record_id": pl.Int64,
                "status": pl.String,
                "candidates": CANDIDATES,
            },
            orient="row",
        ),
        users=pl.DataFrame(
            [("ana@ours.example", said["org_user"], said["active"], None)],
            schema={"user": pl.String, "org_user_id": pl.String, "org_active": pl.Boolean, "row_zone": pl.String},
            orient="row",
        ),
        integration_user=ROBOT,
        now=NOW,
        people_come=said["people_come"],
        accounts_come=said["accounts_come"],
    )


def resolved(spec: JobSpec, row: dict[str, Any] | None = None, **over: Any) -> dict[str, Any]:
    frame = outbound.resolve(spec, spec.pairs[0], records(**(row or {})), ground(**over))
    assert frame.height == 1
    return frame.row(0, named=True)


def verdict(spec: JobSpec, row: dict[str, Any] | None = None, **over: Any) -> tuple[str | None, str | None, str]:
    found = resolved(spec, row, **over)
    assert (found["_outcome"] is None) == (found["_cause"] is None) == (found["_reason"] is None)
    return found["_outcome"], found["_cause"], found["_field"]


OPEN = (None, None, "")
LINK = {"link": "00TX"}
GONE = {"deleted_at": NOW}
OLD = {"updated_at": NOW - timedelta(days=31)}
OPEN_ONLY = {"filters": (Condition(field="status", op="=", value="Completed"),)}
NOBODY = {"person": (None, "none"), "people": []}


@pytest.mark.parametrize(
    ("settings", "row", "over", "expected"),
    [
        ({}, {}, {}, OPEN),
        ({}, {}, LINK, OPEN),
        # deleted before it was ever sent
        ({}, GONE, {}, ("filtered", "deleted", "")),
        ({}, GONE, LINK, OPEN),
        # the job keeps what was deleted here
        ({"delete": False}, GONE, LINK, ("skipped", "delete_off", "")),
        ({"delete": False}, {}, LINK, OPEN),
        ({"delete": False}, GONE, {}, ("filtered", "deleted", "")),
        # a task needs a title
        ({}, {"subject": None}, {}, ("rejected", "required_empty", "subject")),
        ({}, {"subject": " \n"}, LINK, ("rejected", "required_empty", "subject")),
        ({}, {"subject": None, **GONE}, LINK, OPEN),
        # the filter
        (OPEN_ONLY, {}, {}, ("filtered", "filter", "")),
        (OPEN_ONLY, {"status": "completed"}, {}, OPEN),
        (OPEN_ONLY, {"status": None}, LINK, ("filtered", "filter", "")),
        (OPEN_ONLY, GONE, LINK, OPEN),
        # too old when the job first sees it
        ({"updated_within_days": 30}, OLD, {}, ("filtered", "too_old", "")),
        ({"updated_within_days": 30}, {"updated_at": NOW - timedelta(days=30)}, {}, OPEN),
        ({"updated_within_days": 30}, OLD, LINK, OPEN),
        ({"updated_within_days": None}, OLD, {}, OPEN),
        ({"updated_within_days": 30}, {"updated_at": None}, {}, OPEN),
        # the switches
        ({"create": False}, {}, {}, ("skipped", "create_off", "")),
        ({"create": False}, {}, LINK, OPEN),
        ({"update": False}, {}, LINK, ("skipped", "update_off", "")),
        ({"update": False}, {}, {}, OPEN),
        ({"update": False}, GONE, LINK, OPEN),
        # the account
        ({}, {}, {"account": (None, "ambiguous"), **NOBODY}, ("held", "ambiguous", "WhatId")),
        ({}, {}, {"account": (None, "ambiguous"), **NOBODY, **LINK}, OPEN),
        ({}, {}, {"account": (None, "none"), **NOBODY}, ("skipped", "no_account", "WhatId")),
        ({}, {}, {"account": (None, "no_reference")}, OPEN),
        ({}, {}, {"account_id": None}, ("skipped", "no_parent", "WhatId")),
        ({}, {}, {"account_id": None, "accounts_come": True}, ("waiting", "parent", "WhatId")),
        ({}, {}, {"account_id": None, **LINK}, OPEN),
        # the person
        ({}, {}, {"person": (None, "ambiguous")}, ("held", "ambiguous", "WhoId")),
        ({}, {}, {"person": (None, "ambiguous"), **LINK}, OPEN),
        ({}, {}, {"people": [(7, None, None, "Ann", None, 5)]}, ("skipped", "no_parent", "WhoId")),
        ({}, {}, {"people": [(7, None, None, "Ann", None, 5)], "people_come": True}, ("waiting", "parent", "WhoId")),
        ({}, {}, {"people": [(7, None, None, "Ann", None, 5)], **LINK}, OPEN),
    ],
)
@pytest.mark.requirement("O9", "O15", "O18")
def test_verdicts_of_a_task(
    settings: dict[str, Any], row: dict[str, Any], over: dict[str, Any], expected: tuple[str | None, str | None, str]
) -> None:
    assert verdict(job(**settings), row, **over) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"subject": None, "notes": None}, ("rejected", "required_empty", "subject")),
        ({"subject": " ", "notes": ""}, ("rejected", "required_empty", "subject")),
        ({"subject": None, "notes": "said yes"}, OPEN),
        ({"subject": "Visit", "notes": None}, OPEN),
    ],
)
@pytest.mark.requirement("O15")
def test_a_touchpoint_needs_a_subject_or_content(row: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert verdict(job(Kind.TOUCHPOINT), row) == expected


@pytest.mark.parametrize("status", ["none", "no_reference"])
@pytest.mark.requirement("O9")
def test_a_call_to_an_unknown_person_waits_and_nothing_is_guessed(status: str) -> None:
    nobody = {"person": (None, status), "people": []}
    assert verdict(job(Kind.CALL), **nobody) == ("waiting", "orphan", "WhoId")
    assert verdict(job(Kind.CALL), **nobody, **LINK) == OPEN
    assert verdict(job(Kind.CALL)) == OPEN


def test_a_call_needs_no_account() -> None:
    assert verdict(job(Kind.CALL), account=(None, "none"), people=[(7, "003ANN", "Contact", "Ann", None, None)]) == OPEN


@pytest.mark.parametrize("kind", ACTIVITY_KINDS)
def test_every_kind_of_activity_holds_an_ambiguous_person(kind: Kind) -> None:
    spec = job(Kind.TASK).model_copy(update={"kind": kind})
    assert verdict(spec, person=(None, "ambiguous"))[:2] == ("held", "ambiguous")


def test_an_earlier_reason_stands() -> None:
    spec = job(create=False, filters=OPEN_ONLY["filters"])
    assert verdict(spec, {"subject": None}, person=(None, "ambiguous"))[1] == "required_empty"
    assert verdict(spec, person=(None, "ambiguous"))[1] == "filter"


# --- links, parents, owners


@pytest.mark.parametrize(
    ("rule", "related", "sobject", "what"),
    [
        ("given_then_account", None, "Contact", "001ACME"),
        ("given_then_account", "006DEAL", "Contact", "006DEAL"),
        ("given_then_account", "006DEAL", "Lead", None),
        ("account", "006DEAL", "Contact", "001ACME"),
        ("given", "006DEAL", "Contact", "006DEAL"),
        ("given", None, "Contact", None),
        ("none", "006DEAL", "Contact", None),
        ("account", None, "Lead", None),
    ],
)
def test_what_an_activity_is_related_to(rule: str, related: str | None, sobject: str, what: str | None) -> None:
    spec = job()
    pair = spec.pairs[0].model_copy(update={"related_to": rule})
    people = [(7, "003ANN", sobject, "Ann", None, 5)]
    frame = outbound.resolve(spec, pair, records(related_id=related), ground(people=people))
    assert frame["what_id"].item() == what
    assert frame["who_id"].item() == "003ANN"


@pytest.mark.parametrize(
    ("settings", "over", "owner"),
    [
        ({}, {}, ANA_ID),
        ({}, {"active": False}, ROBOT),
        ({}, {"org_user": None, "active": None}, ROBOT),
        ({"owner_rule": "integration_user"}, {}, ROBOT),
        ({}, LINK, ANA_ID),
        ({}, {**LINK, "active": False}, None),
        ({"owner_rule": "integration_user"}, LINK, None),
    ],
)
def test_who_owns_it(settings: dict[str, Any], over: dict[str, Any], owner: str | None) -> None:
    assert resolved(job(**settings), **over)["owner_org_id"] == owner


def test_the_account_of_the_person_stands_in_for_one_that_is_not_named() -> None:
    found = resolved(job(), account=(None, "no_reference"))
    assert (found["account_record_id"], found["account_org_id"]) == (5, "001ACME")


def test_somebody_who_is_lead_and_contact_gives_one_row_and_the_contact_counts() -> None:
    both = [(7, "00QLEAD", "Lead", "Ann", None, 5), (7, "003ANN", "Contact", "Ann", None, 5)]
    assert resolved(job(), people=both)["who_id"] == "003ANN"
    assert resolved(job(), people=both[:1])["who_id"] == "00QLEAD"


# --- what the mapping finds, and the rows of the plan


def planned(spec: JobSpec, row: dict[str, Any] | None = None, **over: Any) -> dict[str, Any]:
    pair = spec.pairs[0]
    found = outbound.resolve(spec, pair, records(**(row or {})), ground(**over))
    mapped = compile_outbound(spec, pair, orgs()["Task"], zone="UTC").apply(found)
    rows = outbound.creates_and_deletes(pair, outbound.held_by_mapping(spec, found, mapped), mapped)
    assert rows.height <= 1
    return rows.row(0, named=True) if rows.height else {}


@pytest.mark.parametrize(
    ("settings", "row", "over", "cause"),
    [
        ({"inactive_owner": "hold"}, {}, {"active": False}, "inactive_owner"),
        ({"inactive_owner": "hold"}, {}, {"active": True}, ""),
        ({"inactive_owner": "hold"}, {}, {"org_user": None, "active": None}, ""),
        ({"inactive_owner": "integration_user"}, {}, {"active": False}, ""),
        ({"inactive_owner": "hold", "owner_rule": "integration_user"}, {}, {"active": False}, ""),
        ({"inactive_owner": "hold"}, GONE, {"active": False, **LINK}, ""),
    ],
)
def test_an_inactive_owner_holds_only_where_it_would_own(
    settings: dict[str, Any], row: dict[str, Any], over: dict[str, Any], cause: str
) -> None:
    found = planned(job(**settings), row, **over)
    assert (found["cause"], found["outcome"] == "held") == (cause, bool(cause))


def test_a_value_that_does_not_fit_holds_the_row_and_names_the_field() -> None:
    spec = job()
    strict = spec.pairs[0].model_copy(
        update={
            "mappings": tuple(
                m.model_copy(update={"value_map": {"open": "Not Started"}}) if m.target == "Status" else m
                for m in spec.pairs[0].mappings
            )
        }
    )
    spec = spec.model_copy(update={"pairs": (strict,)})
    held = planned(spec, {"status": "Someday"})
    assert (held["outcome"], held["action"], held["field"], held["payload"]) == ("held", "none", "Status", None)
    assert planned(spec, {"status": "open"})["outcome"] == "created"
    assert planned(spec, {"status": "Someday", **GONE}, **LINK)["outcome"] == "deleted"


def test_a_create_carries_its_payload_baseline_and_parent() -> None:
    row = planned(job())
    payload = json.loads(row["payload"])
    assert (row["action"], row["outcome"], row["record_id"], row["org_id"]) == ("create", "created", 1, None)
    assert payload == {
        "Subject": "Call back",
        "Description": "soon",
        "Priority": "Normal",
        "Status": "Not Started",
        "OwnerId": ANA_ID,
        "WhoId": "003ANN",
        "WhatId": "001ACME",
    }
    assert json.loads(row["baseline"]) == payload
    assert (row["parent"], row["sobject"], row["key"]) == ("001ACME", "Task", "t-1")


def test_a_delete_names_the_org_record_and_sends_nothing() -> None:
    row = planned(job(), GONE, **LINK)
    assert (row["action"], row["outcome"], row["org_id"], row["payload"]) == ("delete", "deleted", "00TX", None)


def looked_at(there: dict[str, Any], baseline: str, **settings: Any) -> dict[str, Any]:
    """The plan's row for a delete, given what the org has now and what was last agreed."""
    spec = job(**settings)
    pair = spec.pairs[0]
    found = outbound.resolve(spec, pair, records(**GONE), ground(**LINK)).with_columns(baseline=pl.lit(baseline))
    mapped = compile_outbound(spec, pair, orgs()["Task"], zone="UTC").apply(found)
    now = {"org_id": "00TX", "Subject": None, "Description": None, "_modified_at": NOW, "_gone": False, **there}
    texts = dict.fromkeys(("org_id", "Subject", "Description"), pl.String)
    org_now = pl.DataFrame([now], schema={**texts, "_modified_at": INSTANT, "_gone": pl.Boolean})
    verdicts = outbound.deletes_looked_at(spec, pair, outbound.held_by_mapping(spec, found, mapped), org_now)
    return outbound.creates_and_deletes(pair, verdicts, mapped).row(0, named=True)


AGREED = '{"Subject":"Call back","Description":null}'


@pytest.mark.parametrize(
    ("there", "settings", "outcome"),
    [
        ({"Subject": "Call back"}, {}, "deleted"),
        # as the org stores it
        ({"Subject": "Call back  "}, {}, "deleted"),
        ({"Subject": "Theirs"}, {}, "held"),
        ({"Subject": None}, {}, "held"),
        ({"Subject": "Call back", "Description": "new there"}, {}, "held"),
        ({"Subject": "Theirs"}, {"policy": "org_wins"}, "held"),
        ({"Subject": "Theirs"}, {"policy": "ask"}, "held"),
        ({"Subject": "Theirs"}, {"policy": "workspace_wins"}, "deleted"),
        # gone there already
        ({"_gone": True}, {}, "deleted"),
    ],
)
def test_a_delete_is_held_where_it_would_take_along_what_the_org_changed(
    there: dict[str, Any], settings: dict[str, Any], outcome: str
) -> None:
    assert looked_at(there, AGREED, **settings)["outcome"] == outcome


def test_a_held_delete_names_the_fields_and_one_that_goes_keeps_what_it_takes_away() -> None:
    row = looked_at({"Subject": "Theirs", "Description": "new"}, AGREED)
    assert (row["action"], row["cause"], row["before"]) == ("none", "conflict", None)
    assert row["reason"] == "It was deleted here, but the org changed Description, Subject since: a person decides."
    goes = looked_at({"Subject": "Call back"}, AGREED)
    assert (goes["action"], goes["before"]) == ("delete", '{"Subject":"Call back"}')


def test_a_delete_without_a_baseline_for_a_field_is_not_held_for_it() -> None:
    assert looked_at({"Subject": "Anything"}, "{}")["outcome"] == "deleted"


def test_updates_are_left_to_the_comparison_with_the_org() -> None:
    assert planned(job(), **LINK) == {}


def test_an_ambiguous_row_lists_its_candidates() -> None:
    row = planned(job(), person=(None, "ambiguous"))
    assert [c["record_id"] for c in json.loads(row["extra"])["candidates"]] == [7, 8]
    assert row["reason"] == "2 people could be meant: pick one."
    assert planned(job())["extra"] is None


# --- which records the org must be asked about


@pytest.mark.parametrize(
    ("base", "ours", "sent", "asked"),
    [
        ({"Subject": "a"}, "a", True, False),
        ({"Subject": "a"}, "b", True, True),
        ({"Subject": "a"}, None, True, True),
        ({"Subject": "a"}, "b", False, False),
        ({"Subject": None}, None, True, False),
        ({}, "a", True, True),
        ({"Other": "x"}, "a", True, True),
    ],
)
def test_only_records_that_left_their_baseline_cost_a_call(
    base: dict[str, Any], ours: str | None, sent: bool, asked: bool
) -> None:
    todo = pl.DataFrame({"local_id": [1], "baseline": [json.dumps(base)]})
    mapped = pl.DataFrame(
        {"local_id": [1], "o:Subject": [ours], "s:Subject": [sent]}, schema_overrides={"o:Subject": pl.String}
    )
    assert outbound.differing(todo, mapped)["local_id"].to_list() == ([1] if asked else [])
