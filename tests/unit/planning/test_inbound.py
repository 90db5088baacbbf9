"""Each verdict of an inbound plan: once where it stops a row, once where it must not; and the rows that act."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from core.mapping.compile import inbound as compile_inbound
from core.mapping.load import make_job
from core.mapping.spec import JobSpec, Policy
from core.planning import inbound
from core.records import Kind
from core.syncing import first_contact, plan_in
from tests.unit.schema.describes import orgs

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
STAMP = "2026-11-02T12:00:00Z"
INSTANT = pl.Datetime("us", "UTC")
TEMPLATES = {
    Kind.TASK: ("tasks_in", "Task"),
    Kind.PERSON: ("people_in", "Lead"),
    Kind.ACCOUNT: ("accounts_in", "Account"),
}
OPEN = (None, None, "")


def job(kind: Kind = Kind.TASK, **settings: Any) -> JobSpec:
    return make_job(TEMPLATES[kind][0]).model_copy(update={"delete": True, **settings})


def row(**over: Any) -> dict[str, Any]:
    base = {
        "Id": "00TX",
        "SystemModstamp": STAMP,
        "LastModifiedDate": STAMP,
        "CreatedDate": STAMP,
        "IsDeleted": "false",
        "AccountId": "001ACME",
        "WhoId": None,
        "Subject": "Visit",
        "Status": "Not Started",
        "Priority": "Normal",
    }
    return {**base, **over}


def captured(*rows: dict[str, Any]) -> pl.DataFrame:
    return plan_in.with_values(pl.DataFrame(list(rows), schema=dict.fromkeys(rows[0], pl.String)))


def link(**over: Any) -> dict[str, Any]:
    base = {"Id": "00TX", "record_id": 1, "baseline": "{}", "org_stamp_at": None, "linked_kind": "task"}
    base |= {
        "updated_at": NOON,
        "is_gone": False,
        "is_adopted": False,
        "made_here": False,
        "was": None,
        "was_how": None,
    }
    return {**base, **over}


def ground(*links: dict[str, Any], **over: Any) -> inbound.Ground:
    schema = {"Id": pl.String, "record_id": pl.Int64, "baseline": pl.String, "org_stamp_at": INSTANT}
    schema |= {"linked_kind": pl.String, "updated_at": INSTANT, "is_gone": pl.Boolean}
    schema |= {"is_adopted": pl.Boolean, "made_here": pl.Boolean, "was": pl.String, "was_how": pl.String}
    accounts = over.get("accounts", [("001ACME", 5)])
    return inbound.Ground(
        links=pl.DataFrame(list(links), schema=schema),
        matches=pl.DataFrame(
            [(*m, [{"record_id": 4, "rule": "email"}]) for m in over.get("matches", [])],
            schema=first_contact.MATCHES,
            orient="row",
        ),
        accounts=pl.DataFrame(accounts, schema={"AccountId": pl.String, "account_record_id": pl.Int64}, orient="row"),
        people=pl.DataFrame(schema={"WhoId": pl.String, "person_record_id": pl.Int64}),
        accounts_come=over.get("accounts_come", False),
        is_full=over.get("is_full", False),
        own_user="005ROBOT",
        own_users=("005ROBOT", "005ANA"),
        in_flight_since=over.get("in_flight_since"),
        read_at=over.get("read_at"),
        read_before=over.get("read_before"),
    )


def verdict(spec: JobSpec, org_row: dict[str, Any], on: inbound.Ground) -> tuple[str | None, str | None, str]:
    found = inbound.resolve(spec, captured(org_row), on)
    assert found.height == 1
    one = found.row(0, named=True)
    assert (one["_outcome"] is None) == (one["_cause"] is None) == (one["_reason"] is None)
    return one["_outcome"], one["_cause"], one["_field"]


GONE = {"IsDeleted": "true"}
LINKED = ground(link())
NEW = ground()
SEEN = ground(link(org_stamp_at=NOON))
EARLIER = ground(link(org_stamp_at=datetime(2026, 11, 2, 11, 59, 59, tzinfo=UTC)))
SEVERAL = ground(matches=[("00TX", None, "ambiguous", "email")])
MATCHED = ground(matches=[("00TX", 4, "unique", "email")])
LOST = ground(link(is_gone=True))
FLYING = ground(in_flight_since=NOON)
STRANGE = ground(accounts=[])
JUST_BEFORE = NOON - timedelta(seconds=1)
COMING = ground(accounts=[], accounts_come=True)


@pytest.mark.parametrize(
    ("settings", "org_row", "on", "expected"),
    [
        ({}, row(), NEW, OPEN),
        ({}, row(), LINKED, OPEN),
        # deleted there and never here
        ({}, row(**GONE), NEW, ("filtered", "deleted", "")),
        ({}, row(**GONE), LINKED, OPEN),
        # what may be ours waits until it is booked, deleted or not
        ({}, row(CreatedById="005ROBOT"), FLYING, ("waiting", "in_flight", "")),
        # a person's own login writes for us as well
        ({}, row(CreatedById="005ANA"), FLYING, ("waiting", "in_flight", "")),
        ({}, row(CreatedById="005ROBOT", **GONE), FLYING, ("waiting", "in_flight", "")),
        ({}, row(CreatedById="005OTHER", **GONE), FLYING, ("filtered", "deleted", "")),
        (
            {},
            row(CreatedById="005ROBOT", **GONE),
            ground(in_flight_since=NOON + timedelta(seconds=1)),
            ("filtered", "deleted", ""),
        ),
        # what we logged ourselves as another kind
        ({}, row(), ground(link(linked_kind="call")), ("filtered", "ours", "")),
        ({}, row(**GONE), ground(link(linked_kind="call")), ("filtered", "ours", "")),
        # and have told once: the second reading of the last second is no news
        ({}, row(), ground(link(linked_kind="call"), read_before=NOON), ("unchanged", "seen", "")),
        ({}, row(), ground(link(linked_kind="call"), read_before=JUST_BEFORE), ("filtered", "ours", "")),
        ({}, row(), ground(link(linked_kind="call"), read_before=NOON, is_full=True), ("filtered", "ours", "")),
        ({}, row(), ground(link(), read_before=NOON), OPEN),
        # read again within the margin
        ({}, row(), SEEN, ("unchanged", "seen", "")),
        ({}, row(), EARLIER, OPEN),
        ({}, row(), ground(link(org_stamp_at=NOON), is_full=True), OPEN),
        ({}, row(), ground(link(linked_kind="call", org_stamp_at=NOON)), ("unchanged", "seen", "")),
        ({}, row(**GONE), SEEN, OPEN),
        # the job keeps what was deleted there
        ({"delete": False}, row(**GONE), LINKED, ("skipped", "delete_off", "")),
        ({"delete": False}, row(), LINKED, OPEN),
        ({"delete": False}, row(**GONE), NEW, ("filtered", "deleted", "")),
        ({"delete": False}, row(heir="00TY", became="merged", into_account=None, **GONE), LINKED, OPEN),
        # several could be meant
        ({}, row(), SEVERAL, ("held", "ambiguous", "")),
        ({}, row(), MATCHED, OPEN),
        ({}, row(**GONE), SEVERAL, ("filtered", "deleted", "")),
        # deleted here: no resurrection
        ({}, row(), LOST, ("skipped", "deleted_here", "")),
        ({}, row(**GONE), LOST, OPEN),
        # the switches
        ({"create": False}, row(), NEW, ("skipped", "create_off", "")),
        ({"create": False}, row(), LINKED, OPEN),
        ({"create": False}, row(), MATCHED, OPEN),
        ({"update": False}, row(), LINKED, ("skipped", "update_off", "")),
        ({"update": False}, row(), MATCHED, ("skipped", "update_off", "")),
        ({"update": False}, row(), NEW, OPEN),
        ({"update": False}, row(**GONE), LINKED, OPEN),
        # the account
        ({}, row(AccountId=None), NEW, ("skipped", "no_account", "AccountId")),
        ({}, row(AccountId=None), LINKED, OPEN),
        ({}, row(), STRANGE, ("skipped", "no_parent", "AccountId")),
        ({}, row(), COMING, ("waiting", "parent", "AccountId")),
        ({}, row(), ground(link(), accounts=[]), OPEN),
        ({}, {k: v for k, v in row().items() if k != "AccountId"}, NEW, ("skipped", "no_account", "AccountId")),
    ],
)
@pytest.mark.requirement("O4", "O18")
def test_verdicts_of_a_task(
    settings: dict[str, Any], org_row: dict[str, Any], on: inbound.Ground, expected: tuple[str | None, str | None, str]
) -> None:
    assert verdict(job(**settings), org_row, on) == expected


@pytest.mark.parametrize(
    ("converted", "on", "expected"),
    [
        ("true", NEW, ("filtered", "converted", "")),
        ("false", NEW, OPEN),
        (None, NEW, OPEN),
        ("true", ground(link(linked_kind="person")), OPEN),
    ],
)
def test_a_converted_lead_does_not_come_in_a_second_time(
    converted: str | None, on: inbound.Ground, expected: tuple[Any, ...]
) -> None:
    assert verdict(job(Kind.PERSON), row(IsConverted=converted), on) == expected


def test_people_and_accounts_need_no_parent() -> None:
    assert verdict(job(Kind.PERSON), row(AccountId=None), STRANGE) == OPEN
    assert verdict(job(Kind.ACCOUNT), row(AccountId=None), STRANGE) == OPEN


def test_resolve_says_what_it_found() -> None:
    new, old = row(Id="00TN"), row()
    on = ground(link(), matches=[("00TN", 4, "unique", "email")])
    found = inbound.resolve(job(), captured(new, old), on).sort("Id").to_dicts()
    assert [(r["Id"], r["record_id"], r["is_linked"], r["is_create"]) for r in found] == [
        ("00TN", 4, False, False),
        ("00TX", 1, True, False),
    ]
    assert {(r["account_record_id"], r["stamp_at"], r["_title"], r["_key"]) for r in found} == {
        (5, NOON, "Visit", "00TN"),
        (5, NOON, "Visit", "00TX"),
    }


# --- the rows of the plan


def planned(spec: JobSpec, org_row: dict[str, Any], on: inbound.Ground, **ours: str | None) -> dict[str, Any]:
    """The whole way of one row; ``ours`` are the workspace's values of record 1 (or 4, a match)."""
    pair, rows = spec.pairs[0], captured(org_row)
    compiled = compile_inbound(spec, pair, orgs()[pair.sobject], zone="UTC")
    found = inbound.resolve(spec, rows, on)
    mapped = compiled.apply(found)
    verdicts = inbound.rejected_by_mapping(found, mapped)
    moving = verdicts.filter(pl.col("_outcome").is_null() & pl.col("record_id").is_not_null())
    base_rows = plan_in.baseline_rows(pair, moving, list(org_row))
    mapped_base = plan_in.with_known(pair, compiled.apply(base_rows), base_rows)
    values = {
        "subject": "Visit",
        "status": "Not Started",
        "priority": "Normal",
        "account": "5",
        "notes": None,
        "due_at": None,
        **ours,
    }
    mine = pl.DataFrame(
        [{"record_id": i, **values} for i in (1, 4)], schema={"record_id": pl.Int64, **dict.fromkeys(values, pl.String)}
    )
    done = inbound.finish(spec, pair, verdicts, mapped, mapped_base, mine, on)
    return done.rows.row(0, named=True)


BASE = json.dumps({"Subject": "Visit", "Status": "Not Started", "Priority": "Normal"})
AGREED = ground(link(baseline=BASE))


def test_a_new_record_is_created_with_all_the_org_says() -> None:
    made = planned(job(), row(Description="talk"), NEW)
    payload = json.loads(made["payload"])
    assert (made["action"], made["outcome"], made["record_id"], made["org_id"]) == ("create", "created", None, "00TX")
    assert payload | {"subject": "Visit", "notes": "talk", "account": "5", "external_id": "00tx"} == payload
    assert json.loads(made["baseline"])["Description"] == "talk"
    assert json.loads(made["extra"])["stamp"] == STAMP


@pytest.mark.requirement("O15")
def test_a_task_without_a_title_is_rejected_and_one_with_is_not() -> None:
    bad = planned(job(), row(Subject=None), NEW)
    assert (bad["outcome"], bad["action"], bad["payload"], bad["field"]) == ("rejected", "none", None, "subject")
    assert planned(job(), row(Subject=None, **GONE), AGREED)["outcome"] == "deleted"


def test_a_match_without_differences_is_linked_and_counts_as_an_update() -> None:
    on = ground(matches=[("00TX", 4, "unique", "email")])
    linked = planned(job(), row(), on)
    assert (linked["action"], linked["outcome"], linked["record_id"], linked["payload"]) == ("link", "updated", 4, None)
    assert json.loads(linked["extra"])["rule"] == "email"
    assert json.loads(linked["baseline"])["Subject"] == "Visit"


def test_first_contact_is_decided_by_policy_and_never_a_silent_overwrite() -> None:
    on = ground(matches=[("00TX", 4, "unique", "email")])
    asked = planned(job(policy=Policy.ASK), row(), on, subject="Another")
    assert (asked["outcome"], asked["cause"], asked["baseline"]) == ("held", "conflict", None)
    taken = planned(job(policy=Policy.ORG_WINS), row(), on, subject="Another")
    assert (json.loads(taken["payload"])["subject"], json.loads(taken["before"])["subject"]) == ("Visit", "Another")


def test_an_echo_is_no_change_but_its_stamp_is_kept() -> None:
    echo = planned(job(), row(), AGREED)
    assert (echo["action"], echo["outcome"], echo["reason"]) == ("none", "unchanged", "Both sides are equal.")
    assert json.loads(echo["extra"])["stamp"] == STAMP


@pytest.mark.requirement("X11")
@pytest.mark.parametrize(("seconds", "known"), [(0, "2026-11-02T11:59:59Z"), (1, "2026-11-02T11:59:59Z"), (2, STAMP)])
def test_a_stamp_is_known_only_when_its_second_is_over(seconds: int, known: str) -> None:
    """Another edit within the second of the last one read bears the same stamp, and must be looked at."""
    echo = planned(job(), row(), ground(link(baseline=BASE), read_at=NOON + timedelta(seconds=seconds)))
    assert json.loads(echo["extra"])["stamp"] == known


def test_a_difference_that_the_mapping_leaves_is_said() -> None:
    """The account of an activity never changes, whatever the org does."""
    found = planned(job(), row(), AGREED, account="6")
    assert (found["outcome"], found["payload"]) == ("unchanged", None)
    assert found["reason"] == "The mapping does not write over account."


def test_a_merged_record_moves_and_an_unlinked_loser_does_not() -> None:
    gone = row(heir="00TY", became="merged", into_account=None, **GONE)
    moved = planned(job(), gone, AGREED)
    assert (moved["action"], moved["outcome"], moved["reason"]) == ("move", "updated", "Merged in the org into 00TY.")
    assert json.loads(moved["extra"])["master"] == "00TY"
    assert planned(job(), gone, NEW)["outcome"] == "filtered"


@pytest.mark.parametrize("deleted", ["false", "true"])
def test_a_converted_lead_moves_whether_or_not_it_was_deleted_since(deleted: str) -> None:
    lead = row(IsConverted="true", heir="003C", became="converted", into_account="001C", IsDeleted=deleted)
    moved = planned(job(Kind.PERSON), lead, ground(link(linked_kind="person")))
    assert (moved["action"], moved["outcome"]) == ("move", "updated")
    assert moved["reason"] == "The lead was converted into the contact 003C."
    told = json.loads(moved["extra"])
    assert (told["master"], told["became"], told["into_account"]) == ("003C", "converted", "001C")


@pytest.mark.parametrize(
    ("policy", "subject", "outcome"),
    [
        (Policy.LAST_UPDATE_WINS, "Visit", "deleted"),
        (Policy.LAST_UPDATE_WINS, "Changed here", "held"),
        (Policy.WORKSPACE_WINS, "Changed here", "held"),
        (Policy.ASK, "Changed here", "held"),
        (Policy.ORG_WINS, "Changed here", "deleted"),
    ],
)
def test_a_delete_does_not_take_our_changes_along(policy: Policy, subject: str, outcome: str) -> None:
    found = planned(job(policy=policy), row(**GONE), AGREED, subject=subject)
    assert (found["outcome"], found["action"]) == (outcome, "delete" if outcome == "deleted" else "none")
    assert (found["cause"] == "conflict") is (outcome == "held")


def test_what_was_deleted_on_both_sides_only_loses_its_link() -> None:
    both = ground(link(baseline=BASE, is_gone=True))
    assert planned(job(), row(**GONE), both, subject="Changed here")["action"] == "delete"
