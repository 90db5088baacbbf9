"""The world: repeatable, of the right size, coherent, with every planted case really in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local_org.sample import hostile
from local_org.sample.base import DAY, World
from local_org.sample.companies import domain_of
from local_org.sample.history import ARCHIVED_AFTER
from local_org.sample.lineage import holders
from local_org.sample.phones import digits
from local_org.sample.schema import sample_schema
from local_org.sample.world import build_world

from .conftest import NOW

TIMES = {
    "CreatedDate", "LastModifiedDate", "SystemModstamp", "ConvertedDate", "LastActivityDate", "CloseDate",
    "Listed_On__c", "Expires_On__c", "Close_Date__c",
}  # fmt: skip


def field(world: World, sobject: str, name: str) -> list[Any]:
    return [row.get(name) for row in world.of(sobject)]


def test_the_same_arguments_make_the_same_world(full: World) -> None:
    again = build_world(scale=1, seed=7, now=NOW)
    assert again.rows == full.rows
    assert again.planted == full.planted


def test_another_seed_makes_another_world(full: World) -> None:
    other = build_world(scale=1, seed=8, now=NOW)
    assert field(other, "Contact", "Email") != field(full, "Contact", "Email")


def test_who_is_who_does_not_depend_on_the_moment(full: World) -> None:
    later = build_world(scale=1, seed=7, now=NOW + timedelta(days=123, hours=5))
    for sobject in ("User", "Account", "Contact", "Lead", "Property__c", "Listing__c", "Deal__c", "Opportunity"):
        for old, new in zip(full.of(sobject), later.of(sobject), strict=True):
            assert {k: v for k, v in old.items() if k not in TIMES} == {k: v for k, v in new.items() if k not in TIMES}


@pytest.mark.parametrize(
    ("sobject", "low", "high"),
    [
        ("User", 12, 12), ("Account", 400, 425), ("Contact", 2_000, 2_100), ("Lead", 600, 600),
        ("Opportunity", 150, 200), ("Property__c", 200, 240), ("Listing__c", 130, 150), ("Deal__c", 100, 120),
        ("Task", 3_000, 3_010), ("Event", 1_000, 1_020),
    ],
)  # fmt: skip
def test_size_at_scale_one(full: World, sobject: str, low: int, high: int) -> None:
    assert low <= len(full.of(sobject)) <= high


@pytest.mark.parametrize("scale", [0.01, 0.3])
def test_every_case_is_there_at_any_scale(scale: float) -> None:
    planted = build_world(scale=scale, seed=3, now=NOW).planted
    may_be_few = {"accounts_of_inactive_owner", "contacts_of_inactive_owner"}
    assert not [name for name, cases in planted.items() if not cases and name not in may_be_few]


@pytest.mark.parametrize(("scale", "now"), [(0, NOW), (-1, NOW), (1, NOW.replace(tzinfo=None))])
def test_senseless_arguments_are_refused(scale: float, now: datetime) -> None:
    with pytest.raises(ValueError, match=r"scale|time zone"):
        build_world(scale=scale, now=now)


def test_stamps_are_in_order_and_past(full: World) -> None:
    for sobject, rows in full.rows.items():
        for row in rows if sobject != "QueueSobject" else ():
            assert row["CreatedDate"] <= row["LastModifiedDate"] <= row["SystemModstamp"] <= full.now


def test_live_rows_refer_to_live_rows_only(full: World) -> None:
    schema = sample_schema()
    for sobject, rows in full.rows.items():
        declared = schema.get(sobject)
        assert declared is not None
        lookups = [f.name for f in declared.fields if f.type == "reference" and f.name != "MasterRecordId"]
        for row in rows:
            named = [row[name] for name in lookups if row.get(name) and not row.get("IsDeleted")]
            assert not [found for found in named if full.by_id[found].get("IsDeleted")]


def test_values_fit_their_fields(full: World) -> None:
    schema = sample_schema()
    for sobject, rows in full.rows.items():
        declared = schema.get(sobject)
        assert declared is not None
        for row in rows:
            for name, value in row.items():
                f = declared.field(name)
                assert f is not None or name == "profile_name"
                if f is None or value is None:
                    continue
                assert not f.length or not isinstance(value, str) or len(value) <= f.length
                assert not f.restricted or value in {v.value for v in f.picklist}
                assert value != ""


def test_ambiguous_numbers_are_exactly_the_planted_ones(full: World) -> None:
    plant, held = full.planted, holders(full)
    planned = {group["phone"] for group in plant["switchboards"]}
    planned |= {pair["phone"] for pair in plant["contact_and_lead_share_phone"]}
    planned |= {pair["phone"] for pair in plant["duplicate_contacts"]}
    assert set(plant["ambiguous_phones"]) == planned
    assert {f"+{number}" for number, who in held.items() if len(who) > 1} == planned


def test_switchboards_and_duplicates(full: World) -> None:
    for group in full.planted["switchboards"]:
        rows = [full.by_id[i] for i in group["contacts"]]
        assert len(rows) >= 3
        assert {f"+{digits(row['Phone'])}" for row in rows} == {group["phone"]}
    for pair in full.planted["duplicate_contacts"]:
        one, two = (full.by_id[i] for i in pair["contacts"])
        assert one["Email"] != two["Email"]
        assert one["Email"].lower() == two["Email"].lower() == pair["email"]
        assert digits(one["Phone"]) == digits(two["Phone"])


@pytest.mark.parametrize("kind", ["contact", "account"])
def test_merges_leave_losers_in_the_bin(full: World, kind: str) -> None:
    pairs = [(each["loser"], each["master"]) for each in full.planted[f"merged_{kind}s"]]
    for chain in full.planted[f"merged_{kind}_chains"]:
        assert len(chain) == 3
        pairs += pairwise(chain)
        assert full.by_id[chain[0]]["SystemModstamp"] < full.by_id[chain[1]]["SystemModstamp"]
    for loser, master in pairs:
        row = full.by_id[loser]
        assert row["IsDeleted"]
        assert row["MasterRecordId"] == master
        assert full.now - row["SystemModstamp"] < 15 * DAY
    ends = {chain[-1] for chain in full.planted[f"merged_{kind}_chains"]}
    assert not [i for i in ends if full.by_id[i]["IsDeleted"]]


def test_converted_leads_became_contacts(full: World) -> None:
    for card in full.planted["converted_leads"]:
        lead, contact = full.by_id[card["lead"]], full.by_id[card["contact"]]
        assert lead["IsConverted"]
        assert lead["Status"] == "Closed - Converted"
        assert (lead["ConvertedContactId"], lead["ConvertedAccountId"]) == (card["contact"], card["account"])
        assert (contact["Phone"], contact["AccountId"]) == (lead["Phone"], card["account"])
    assert len(full.planted["converted_leads"]) == sum(field(full, "Lead", "IsConverted"))


def test_near_duplicates_share_no_key(full: World) -> None:
    for one, two in full.planted["near_duplicate_contacts"]:
        a, b = full.by_id[one], full.by_id[two]
        assert a["AccountId"] == b["AccountId"]
        assert sorted(a["LastName"]) == sorted(b["LastName"]) or len(b["LastName"]) == len(a["LastName"]) + 1
        assert a["Email"].lower() != b["Email"].lower()
        assert digits(a["Phone"]) != digits(b["Phone"])


def test_a_queue_owns_leads(full: World) -> None:
    queue = full.planted["queue"]
    assert full.by_id[queue]["Type"] == "Queue"
    owned = {row["Id"] for row in full.of("Lead") if row["OwnerId"] == queue}
    assert owned == set(full.planted["leads_of_queue"])
    assert len(owned) == 18


def test_inactive_user_still_owns(full: World) -> None:
    gone = full.by_id[full.planted["inactive_user"]["id"]]
    assert not gone["IsActive"]
    for sobject in ("Account", "Contact", "Task"):
        assert gone["Id"] in field(full, sobject, "OwnerId")
    assert sum(not active for active in field(full, "User", "IsActive")) == 1


def test_users_live_in_several_zones(full: World) -> None:
    assert len({ZoneInfo(zone).key for zone in field(full, "User", "TimeZoneSidKey")}) >= 6


def test_ids_that_differ_by_case_only(full: World) -> None:
    for name in ("case_twin_contacts", "case_twin_accounts"):
        one, two = full.planted[name]
        assert one[:15] != two[:15]
        assert one[:15].lower() == two[:15].lower()


def test_people_without_and_with_odd_addresses(full: World) -> None:
    emails = field(full, "Contact", "Email")
    assert 100 < emails.count(None) < 300
    assert sum(1 for email in emails if email and email != email.lower()) > 100
    assert any(field(full, "Contact", "HasOptedOutOfEmail"))
    assert any(field(full, "Contact", "DoNotCall"))
    assert any(field(full, "Lead", "DoNotCall"))


def test_hostile_texts_are_everywhere(full: World) -> None:
    for sobject in ("Task", "Event"):
        assert set(hostile.SUBJECTS) <= set(field(full, sobject, "Subject"))
    assert {last for _, last in hostile.PEOPLE} <= set(field(full, "Contact", "LastName"))
    assert set(hostile.COMPANIES) <= set(field(full, "Account", "Name"))


def test_domains_tell_accounts_apart(full: World) -> None:
    lost = {pair["loser"] for pair in full.planted["merged_accounts"]}
    lost |= {i for chain in full.planted["merged_account_chains"] for i in chain[:2]}
    domains = [domain_of(row) for row in full.of("Account") if row["Website"] and row["Id"] not in lost]
    assert len(set(domains)) == len(domains)
    assert len({row["Website"].split(domain_of(row) or "")[0] for row in full.of("Account") if row["Website"]}) > 3


def test_old_finished_activities_are_archived(full: World) -> None:
    for row in full.of("Task"):
        assert row["IsArchived"] == (row["IsClosed"] and row["CompletedDateTime"] < full.now - ARCHIVED_AFTER)
    assert 200 < sum(field(full, "Task", "IsArchived")) < 700
    assert sum(field(full, "Event", "IsArchived")) > 80


def test_activities_obey_the_rules_of_who_and_what(full: World) -> None:
    for sobject in ("Task", "Event"):
        for row in full.of(sobject):
            who, what = row["WhoId"], row["WhatId"]
            assert who or what
            assert who is None or who[:3] in ("003", "00Q")
            if who and who.startswith("00Q"):
                assert what is None
                assert row["AccountId"] is None
            elif what is None:
                assert row["AccountId"] == full.by_id[who]["AccountId"]
            elif what.startswith("001"):
                assert row["AccountId"] == what


def test_times_of_events_agree(full: World) -> None:
    for row in full.of("Event"):
        if row["IsAllDayEvent"]:
            assert row["StartDateTime"] % DAY == 0
            continue
        assert row["EndDateTime"] == row["StartDateTime"] + 60 * row["DurationInMinutes"]
        zone = ZoneInfo(full.by_id[row["OwnerId"]]["TimeZoneSidKey"])
        assert row["ActivityDate"] == datetime.fromtimestamp(row["StartDateTime"], zone).date().isoformat()


def test_activities_come_after_the_records_they_name(full: World) -> None:
    exempt = {*full.planted["events_across_midnight"], *full.planted["all_day_events"]}
    exempt |= set(full.planted["tasks_completed_at_midnight_utc"])
    for sobject in ("Task", "Event"):
        for row in full.of(sobject):
            if row["Id"] not in exempt:
                named = [full.by_id[i]["CreatedDate"] for i in (row["WhoId"], row["WhatId"]) if i]
                assert row["CreatedDate"] >= max(named)


def test_relation_rows_repeat_who_and_what(full: World) -> None:
    for sobject in ("Task", "Event"):
        found: dict[str, set[str]] = {}
        for row in full.of(f"{sobject}Relation"):
            if not row.get("IsInvitee"):
                found.setdefault(row[f"{sobject}Id"], set()).add(row["RelationId"])
        for row in full.of(sobject):
            assert found[row["Id"]] == {row["WhoId"], row["WhatId"]} - {None}
            assert row["WhoCount"] + row["WhatCount"] == len(found[row["Id"]])
    assert sum(row["IsInvitee"] for row in full.of("EventRelation")) > 150


def test_midnights(full: World) -> None:
    for record_id in full.planted["events_across_midnight"]:
        row = full.by_id[record_id]
        assert row["ActivityDate"] < row["EndDate"]
    for record_id in full.planted["tasks_completed_at_midnight_utc"]:
        assert full.by_id[record_id]["CompletedDateTime"] % DAY == 0


def test_last_activity_of_parents(full: World) -> None:
    latest: dict[str, str] = {}
    for row in full.live("Task"):
        if row["IsClosed"] and row["ActivityDate"] and row["WhoId"] and row["ActivityDate"] <= NOW.date().isoformat():
            latest[row["WhoId"]] = max(latest.get(row["WhoId"], ""), row["ActivityDate"])
    assert len(latest) > 300
    assert all(full.by_id[who]["LastActivityDate"] >= day for who, day in latest.items())
