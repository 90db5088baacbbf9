"""The intake files: same bytes for the same arguments, the right shape, every planted case in them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from local_org.sample.__main__ import main
from local_org.sample.base import World
from local_org.sample.lineage import holders
from local_org.sample.people import live_people
from local_org.sample.phones import digits
from local_org.sample.writing import manifest, write_intake

from .conftest import NOW

KINDS = {"call", "note", "email", "meeting", "task", "touchpoint", "campaign_touch"}


@cache
def calls(folder: Path) -> list[dict[str, Any]]:
    """The lines of calls.ndjson that are JSON objects."""
    rows = []
    for line in (folder / "calls.ndjson").read_text("utf-8").split("\n"):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def by_key(folder: Path) -> dict[str, dict[str, Any]]:
    """The calls by external id, each as it came first."""
    found: dict[str, dict[str, Any]] = {}
    for row in calls(folder):
        found.setdefault(row.get("external_id", ""), row)
    return found


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return made


def planted(told: dict[str, Any], case: str, file: str = "calls.ndjson") -> list[str]:
    keys: list[str] = told["intake"]["planted"][file][case]
    return keys


def test_two_runs_write_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_intake(tmp_path, scale=1, seed=7, now=NOW)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 10
    assert [n for n in names if (folder / n).read_bytes() != (tmp_path / n).read_bytes()] == []


def test_manifest_alone_says_the_same(told: dict[str, Any]) -> None:
    assert json.loads(json.dumps(manifest(scale=1, seed=7, now=NOW))) == told


def test_about_six_thousand_activities(told: dict[str, Any]) -> None:
    files = told["intake"]["files"]
    assert files["calls.ndjson"]["created"] == 4_500
    assert sum(files[name]["created"] for name in told["intake"]["planted"]) == 6_000


def test_rows_add_up_and_are_there(folder: Path, told: dict[str, Any]) -> None:
    for name, known in told["intake"]["files"].items():
        assert known["rows"] == known["created"] + known["updated"] + known["unchanged"] + known["rejected"]
        path = folder / name
        if name.endswith(".parquet"):
            assert pl.read_parquet(path).height == known["rows"]
        elif name.endswith(".csv"):
            assert len(table(path)) == known["rows"]
        else:
            assert path.read_text("utf-8").count("\n") == known["rows"]


def test_calls_have_the_shape_of_an_activity(folder: Path) -> None:
    for row in calls(folder):
        if "broken" in row.get("external_id", "broken"):
            continue
        assert row["kind"] == "call"
        assert len(row["person"]) == 1
        assert datetime.fromisoformat(row["occurred_at"]).utcoffset() is not None
        assert datetime.fromisoformat(row["updated_at"]) <= NOW
        assert row["duration_s"] > 0
        assert None not in row.values()


def test_most_calls_are_of_the_last_thirty_days(folder: Path) -> None:
    times = [datetime.fromisoformat(row["occurred_at"]) for key, row in by_key(folder).items() if "broken" not in key]
    recent = sum(NOW - timedelta(days=31) < when < NOW for when in times)
    assert 0.9 < recent / len(times) < 1
    assert max(times) < NOW


def test_most_calls_belong_to_one_person(told: dict[str, Any]) -> None:
    found = told["intake"]["calls_find"]
    assert sum(found.values()) == 4_500
    assert found["contact"] > 3_500
    assert found["lead"] > 400


def test_calls_by_phone_find_whom_the_manifest_says(folder: Path, told: dict[str, Any], full: World) -> None:
    held = holders(full)
    for key, row in by_key(folder).items():
        if key not in told["intake"]["finds"] or "phone" not in row["person"]:
            continue
        who = held.get(digits(row["person"]["phone"]), [])
        assert (who[0] if len(who) == 1 else None) == told["intake"]["finds"][key] or key in planted(
            told, "converted_by_phone"
        )


def test_calls_by_email_find_whom_the_manifest_says(folder: Path, told: dict[str, Any], full: World) -> None:
    known = Counter(row["Email"].lower() for row in live_people(full) if row["Email"])
    by_email = [row for row in calls(folder) if "email" in row.get("person", {})]
    assert len(by_email) > 80
    for row in by_email:
        address = row["person"]["email"].lower()
        assert known[address] == 1
        assert full.by_id[told["intake"]["finds"][row["external_id"]]]["Email"].lower() == address


@pytest.mark.parametrize(
    ("case", "number"),
    [
        ("ambiguous", 30), ("unmapped_outcome", 25), ("no_outcome", 15), ("long_notes", 8), ("orphan", 40),
        ("inactive_caller", 20), ("opted_out", 12), ("hostile_text", 14), ("same", 6), ("newer", 6), ("older", 4),
    ],
)  # fmt: skip
def test_planted_cases_are_counted(told: dict[str, Any], case: str, number: int) -> None:
    keys = planted(told, case)
    assert len(keys) == len(set(keys)) == number
    assert case in told["intake"]["meanings"]


def test_every_case_has_a_meaning(told: dict[str, Any]) -> None:
    cases = {case for file in told["intake"]["planted"].values() for case in file}
    assert cases - {"broken", "related_to"} == set(told["intake"]["meanings"])


def test_outcomes_and_notes_of_planted_calls(folder: Path, told: dict[str, Any]) -> None:
    rows = by_key(folder)
    assert {rows[key]["outcome"] for key in planted(told, "unmapped_outcome")} == {"Gatekeeper"}
    assert sum(row.get("outcome") == "Gatekeeper" for row in rows.values()) == 25
    assert sum("outcome" not in row for row in rows.values()) == 15
    assert all("outcome" not in rows[key] for key in planted(told, "no_outcome"))
    assert all(len(rows[key]["notes"]) > 32_000 for key in planted(told, "long_notes"))
    assert sum(len(row.get("notes", "")) > 32_000 for row in rows.values()) == 8


def test_orphans_and_ambiguous_numbers(folder: Path, told: dict[str, Any], full: World) -> None:
    rows, held = by_key(folder), holders(full)
    for key in planted(told, "orphan"):
        assert digits(rows[key]["person"]["phone"]) not in held
    for key in planted(told, "ambiguous"):
        assert len(held[digits(rows[key]["person"]["phone"])]) > 1


def test_callers_who_cannot_own(folder: Path, told: dict[str, Any], full: World) -> None:
    rows, gone = by_key(folder), full.planted["inactive_user"]["email"]
    assert {rows[key]["user"] for key in planted(told, "inactive_caller")} == {gone}
    assert sum(row.get("user") == gone for row in rows.values()) == 20
    assert sum(row.get("user", "").startswith("jess.park@") for row in rows.values()) == 5


def test_opted_out_people_were_called_only_on_purpose(told: dict[str, Any], full: World) -> None:
    finds = told["intake"]["finds"]
    barred = {key for key, who in finds.items() if who and full.by_id[who]["DoNotCall"]}
    lineage = {*planted(told, "converted_by_phone"), *planted(told, "converted_by_lead_id")}
    assert set(planted(told, "opted_out")) <= barred
    assert barred - lineage == set(planted(told, "opted_out"))


def test_ids_lead_to_survivors(folder: Path, told: dict[str, Any], full: World) -> None:
    rows, finds = by_key(folder), told["intake"]["finds"]
    chains = {chain[0]: chain[2] for chain in full.planted["merged_contact_chains"]}
    for key in planted(told, "merged_chain_by_first_id"):
        assert finds[key] == chains[rows[key]["person"]["id"]]
    became = {card["lead"]: card["contact"] for card in full.planted["converted_leads"]}
    for key in planted(told, "converted_by_lead_id"):
        assert finds[key] == became[rows[key]["person"]["id"]]
    for key in planted(told, "by_id_18_lower"):
        assert rows[key]["person"]["id"] == finds[key].lower()
    for case in ("deleted_by_id", "by_id_15_lower", "workspace_only_person"):
        assert {finds[key] for key in planted(told, case)} == {None}
    people = {row["external_id"] for row in table(folder / "people.csv")}
    assert {rows[key]["person"]["id"] for key in planted(told, "workspace_only_person")} <= people


def test_case_twins_are_two_people(folder: Path, told: dict[str, Any], full: World) -> None:
    rows = by_key(folder)
    named = {rows[key]["person"]["id"] for key in planted(told, "case_twin_by_id")}
    assert named == set(full.planted["case_twin_contacts"])


def test_midnights_on_several_calendars(folder: Path, told: dict[str, Any]) -> None:
    rows = [by_key(folder)[key] for key in planted(told, "midnight")]
    starts = [datetime.fromisoformat(row["occurred_at"]) for row in rows]
    assert len({when.utcoffset() for when in starts}) >= 5
    assert {when.hour for when in starts} >= {0, 23}
    crossing = [
        when for when, row in zip(starts, rows, strict=True)
        if when.date() != (when + timedelta(seconds=row["duration_s"])).date()
    ]  # fmt: skip
    assert len(crossing) >= 5


def test_related_records_exist(told: dict[str, Any], full: World) -> None:
    related = told["intake"]["planted"]["calls.ndjson"]["related_to"]
    assert len(related) > 100
    assert {each["object"] for each in related.values()} == {"Property__c", "Listing__c", "Opportunity"}
    ids = {name: {row["Id"] for row in full.of(name)} for name in ("Property__c", "Listing__c", "Opportunity")}
    assert all(each["id"] in ids[each["object"]] for each in related.values())
    leads = {key for key in related if (told["intake"]["finds"][key] or "").startswith("00Q")}
    assert leads == set(planted(told, "lead_with_related_to"))


def test_repeats_say_what_they_are(folder: Path, told: dict[str, Any]) -> None:
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in calls(folder):
        lines.setdefault(row.get("external_id", "").lower(), []).append(row)
    for key in planted(told, "same"):
        assert lines[key][0] == lines[key][1]
    for key in planted(told, "same_other_case"):
        assert key == key.upper()
        assert {**lines[key.lower()][1], "external_id": key.lower()} == lines[key.lower()][0]
    for case, newer in (("newer", True), ("older", False)):
        for key in planted(told, case):
            first, second = (datetime.fromisoformat(row["updated_at"]) for row in lines[key])
            assert (second > first) is newer
            assert lines[key][0]["notes"] != lines[key][1]["notes"]


def test_broken_rows_are_broken(folder: Path) -> None:
    lines = (folder / "calls.ndjson").read_text("utf-8").splitlines()
    broken = [line for line in lines if "4585559999" in line or line.startswith("[")]
    assert len(broken) == 6
    unreadable = 0
    for line in broken:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            unreadable += 1
            continue
        if isinstance(row, dict):
            dated = row["occurred_at"].startswith("20")
            assert not dated or "external_id" not in row or row["duration_s"] < 0 or row["kind"] not in KINDS
    assert unreadable == 1


def test_broken_cells_are_broken(folder: Path) -> None:
    short = [row for row in table(folder / "tasks.csv") if row["subject"] is None]
    assert len(short) == 1
    assert sum(row["occurred_at"] == "yesterday" for row in table(folder / "meetings.csv")) == 1
    assert sum(not row["external_id"] for row in table(folder / "meetings.csv")) == 1
    assert sum(row["kind"] not in KINDS for row in table(folder / "notes.csv")) == 1
    assert pl.read_parquet(folder / "emails.parquet")["external_id"].null_count() == 1


def test_mail_is_nested_and_in_odd_case(folder: Path, told: dict[str, Any]) -> None:
    frame = pl.read_parquet(folder / "emails.parquet")
    addresses = frame["person"].struct.field("email").to_list()
    assert sum(address != address.lower() for address in addresses) > 50
    assert frame["participants"].list.len().min() == 2
    assert len(planted(told, "opted_out", "emails.parquet")) == 12


def test_tasks_name_accounts_and_assignees(folder: Path, told: dict[str, Any], full: World) -> None:
    rows = [row for row in table(folder / "tasks.csv") if row["subject"] is not None]
    known = {row["Id"][:15] for row in full.live("Account")}
    assert all(row["account.id"][:15] in known for row in rows if row["account.id"])
    assert sum(bool(row["account.domain"]) for row in rows) > 250
    assert {row["status"] for row in rows} == {"open", "in_progress", "completed"}
    assert sum(not row["subject"] for row in rows) == len(planted(told, "without_title", "tasks.csv"))
    assert all(datetime.fromisoformat(row["due_at"]) for row in rows)


def test_users_of_the_workspace(folder: Path, full: World) -> None:
    rows = table(folder / "users.csv")
    org = {row["Email"]: row["IsActive"] for row in full.of("User")}
    assert sum(row["email"].lower() in org for row in rows) == 11
    assert [row["active"] for row in rows if row["email"].lower() == full.planted["inactive_user"]["email"]] == [
        "false"
    ]
    assert any(row["email"] != row["email"].lower() for row in rows)


def test_the_workspace_knows_people_and_accounts_of_its_own(folder: Path, full: World) -> None:
    emails = {row["Email"].lower() for row in live_people(full) if row["Email"]}
    assert not [row for row in table(folder / "people.csv") if row["email"] in emails]
    sites = " ".join(str(row["Website"]).lower() for row in full.of("Account"))
    assert not [row for row in table(folder / "accounts.csv") if row["domain"] in sites]


def test_notes_vary_like_those_of_people(folder: Path) -> None:
    notes = [row["notes"] for row in calls(folder) if "notes" in row]
    assert len(set(notes)) > 0.7 * len(notes)
    assert not [note for note in notes if "{" in note and "{{" not in note]


def test_another_moment_names_the_same_records(tmp_path: Path, told: dict[str, Any], full: World) -> None:
    later = write_intake(tmp_path, scale=1, seed=7, now=NOW + timedelta(hours=7))
    assert {who for who in later["intake"]["finds"].values() if who} <= full.by_id.keys()
    assert later["org"]["planted"]["ambiguous_phones"] == told["org"]["planted"]["ambiguous_phones"]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new"
    assert main(["--out", str(out), "--scale", "0.02", "--seed", "5", "--now", "2026-03-01T00:00:00Z"]) == 0
    assert "calls.ndjson" in capsys.readouterr().out
    told = json.loads((out / "manifest.json").read_text("utf-8"))
    assert (told["scale"], told["seed"], told["now"]) == (0.02, 5, "2026-03-01T00:00:00+00:00")


def test_meetings_are_noted_down_after_they_ended(folder: Path) -> None:
    held = [
        row for row in table(folder / "meetings.csv") if row["status"] == "held" and row["occurred_at"] != "yesterday"
    ]
    assert len(held) > 200
    for row in held:
        assert datetime.fromisoformat(row["occurred_at"]) < datetime.fromisoformat(row["updated_at"])
        assert datetime.fromisoformat(row["updated_at"]) < NOW
