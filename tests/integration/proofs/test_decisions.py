"""What only a person can decide waits as a question, is answered for one or many, and the next run carries it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import NotFound, UsageError
from core.mapping.spec import Guards, Policy
from tests.integration.kit import Desk, add_job, calls, groundwork, tasks, until
from tests.integration.proofs.test_two_way import edit_here, ours, quiet, rounds
from tests.practice import Practice


@pytest.fixture(scope="module")
def apart() -> Iterator[tuple[Practice, Path]]:
    """An org of its own: these tests count everything that a run reads."""
    with Practice() as org, groundwork(org) as ground:
        yield org, ground


@pytest.fixture
def asking(desk_on: Callable[[tuple[Practice, Path]], Desk], apart: tuple[Practice, Path]) -> Desk:
    """Tasks travel both ways, and conflicts wait for a person; what others left in the org is here already."""
    desk = desk_on(apart)
    add_job(desk.ws, "tasks_out", policy=Policy.ASK)
    add_job(desk.ws, "tasks_in", policy=Policy.ASK)
    rounds(desk)
    return desk


def both_edited(desk: Desk, tag: str) -> tuple[dict[str, Any], str]:
    """A task whose subject and description were changed on both sides; the task, and its Id in the org."""
    (task,) = tasks(tag, 1, at=desk.clock.now())
    desk.ws.take_in("activities", [task])
    rounds(desk)
    (there,) = desk.tasks(tag)
    desk.advance(30)
    edit_here(desk, task, subject="By the workspace", notes=f"{tag} by the workspace")
    desk.org.update("Task", there["Id"], Subject="By the org", Description=f"{tag} by the org")
    desk.advance(30)
    for counts in rounds(desk):
        assert counts["held"] >= 1
    return task, there["Id"]


def delete_here(desk: Desk, task: dict[str, Any]) -> None:
    key = {k: task[k] for k in ("source", "external_id", "kind")}
    (answer,) = desk.ws.take_in("activities", [{**key, "deleted": True, "updated_at": desk.clock.now().isoformat()}])
    assert answer.result == "deleted"


def done(desk: Desk, runs: list[str]) -> list[dict[str, Any]]:
    return [desk.ended(r) for r in runs]


@pytest.mark.requirement("O2", "X10")
@pytest.mark.parametrize("job", ["tasks_in", "tasks_out"])
def test_each_field_of_a_conflict_is_decided_for_itself(asking: Desk, job: str) -> None:
    task, there = both_edited(asking, f"asked {job}")
    rows = {r["field"].lower(): r for r in asking.ws.inbox(job=job, kind="conflict").iter_rows(named=True)}
    subject, notes = rows["subject"], rows.get("notes") or rows["description"]
    assert (subject["workspace"], subject["org"], subject["baseline"]) == (
        "By the workspace", "By the org", "Follow up 0",
    )  # fmt: skip
    assert None not in (subject["workspace_at"], subject["org_at"])
    assert subject["choices"] == ["workspace", "org"]
    done(asking, asking.ws.decide(subject["item"], "workspace", note="she called me"))
    still = asking.ws.inbox(job=job, kind="conflict")
    assert still["field"].to_list() == [notes["field"]], "the other field is still asked for"
    done(asking, asking.ws.decide(notes["item"], "org"))
    asking.advance(30)
    rounds(asking)
    (now,) = asking.org.soql(f"SELECT Subject, Description FROM Task WHERE Id = '{there}'")
    assert (now["Subject"], now["Description"]) == ("By the workspace", f"asked {job} by the org")
    mine = ours(asking, task["external_id"])
    assert (mine["subject"], mine["notes"]) == ("By the workspace", f"asked {job} by the org")
    assert asking.ws.inbox(kind="conflict").is_empty()
    assert all(map(quiet, rounds(asking, 2)))
    lines = asking.ws.database.read("SELECT actor, detail FROM event WHERE kind = 'conflict.settled' ORDER BY id")
    assert lines.rows() == [("ana", "workspace: she called me"), ("ana", "org")]


@pytest.mark.requirement("O2")
def test_many_are_decided_at_once_and_a_value_that_moved_is_asked_again(asking: Desk) -> None:
    both_edited(asking, "many a")
    _, moved = both_edited(asking, "many b")
    items = asking.ws.inbox(job="tasks_in")["item"].to_list()
    assert len(items) == 4
    asking.org.update("Task", moved, Subject="By the org, once more")
    asking.advance(30)
    (run,) = [r for r in done(asking, asking.ws.decide(items, "org")) if r["job"] == "tasks_in"]
    assert (run["counts"]["updated"], run["counts"]["held"]) == (1, 1)
    (left,) = asking.ws.inbox(job="tasks_in", kind="conflict").iter_rows(named=True)
    assert (left["org"], left["field"]) == ("By the org, once more", "subject")
    with pytest.raises(UsageError, match="workspace or org"):
        asking.ws.decide(left["item"], "record")
    done(asking, asking.ws.decide(left["item"], "org"))
    assert all(map(quiet, rounds(asking, 2)))
    with pytest.raises(NotFound, match="not open"):
        asking.ws.decide(left["item"], "org")


@pytest.mark.requirement("O18")
@pytest.mark.parametrize("choice", ["org", "workspace"])
@pytest.mark.parametrize("side", ["org", "workspace"])
def test_a_delete_against_a_change_is_decided_either_way(asking: Desk, side: str, choice: str) -> None:
    tag = f"gone in {side} for {choice}"
    (task,) = tasks(tag, 1, at=asking.clock.now())
    asking.ws.take_in("activities", [task])
    rounds(asking)
    (there,) = asking.tasks(tag)
    asking.advance(30)
    if side == "org":
        edit_here(asking, task, subject="Changed here")
        asking.org.delete("Task", there["Id"])
    else:
        asking.org.update("Task", there["Id"], Subject="Changed there")
        delete_here(asking, task)
    asking.advance(30)
    rounds(asking)
    asked = asking.ws.inbox(kind="delete")
    assert set(asked["job"]) == {"tasks_in" if side == "org" else "tasks_out"}
    done(asking, asking.ws.decide(asked["item"].unique().to_list(), choice))
    asking.advance(30)
    rounds(asking, 2)
    stays = choice != side
    assert (ours(asking, task["external_id"])["deleted_at"] is None) is stays
    alive = asking.tasks(tag)
    assert len(alive) == int(stays)
    if stays:
        wanted = "Changed here" if side == "org" else "Changed there"
        assert (alive[0]["Subject"], ours(asking, task["external_id"])["subject"]) == (wanted, wanted)
        assert (alive[0]["Id"] == there["Id"]) is (side == "workspace")
    assert asking.ws.inbox().is_empty()
    assert all(map(quiet, rounds(asking)))


@pytest.mark.requirement("T18")
def test_an_ambiguous_account_lists_its_candidates_and_takes_the_one_that_is_picked(asking: Desk) -> None:
    for name in ("North", "South"):
        asking.org.create("Account", Name=f"Twin {name}", Website="https://twin-homes.com")
    asking.advance(5)
    asking.run("accounts_in")
    (task,) = tasks("twin", 1, at=asking.clock.now(), account={"domain": "twin-homes.com"})
    asking.ws.take_in("activities", [task])
    assert asking.run("tasks_out")["counts"]["held"] == 1
    (asked,) = asking.ws.inbox(kind="match").iter_rows(named=True)
    found = {c["name"]: c for c in json.loads(asked["candidates"])}
    assert set(found) == {"Twin North", "Twin South"}
    assert {c["why"] for c in found.values()} == {"domain"}
    south = found["Twin South"]
    done(asking, asking.ws.decide(asked["item"], "record", record_id=south["record_id"]))
    (there,) = asking.tasks("twin")
    assert there["WhatId"] == south["org_id"]


@pytest.mark.requirement("T18")
@pytest.mark.parametrize("choice", ["record", "new"])
def test_an_org_record_that_could_be_several_of_ours_waits_and_becomes_what_is_said(asking: Desk, choice: str) -> None:
    email = f"several-{choice}@acme3-realty.com"
    people = [{"source": "crm", "external_id": f"{choice}-{n}", "name": f"Sev {n}", "last_name": n, "email": email}
              for n in ("One", "Two")]  # fmt: skip
    assert {a.result for a in asking.ws.take_in("people", people)} == {"created"}
    there = asking.org.create("Contact", LastName="Eral", Email=email)
    asking.advance(5)
    asking.run("people_in")
    (asked,) = asking.ws.inbox(kind="match").iter_rows(named=True)
    assert (asked["job"], asked["org_id"], asked["choices"]) == ("people_in", there, ["record", "new"])
    candidates = {c["record_id"] for c in json.loads(asked["candidates"])}
    assert len(candidates) == 2
    picked = max(candidates) if choice == "record" else None
    done(asking, asking.ws.decide(asked["item"], choice, record_id=picked))
    linked = asking.ws.database.one("SELECT record_id FROM link WHERE org_id = :o AND state = 'active'", o=there)
    assert linked == picked if choice == "record" else linked not in candidates
    assert asking.ws.inbox().is_empty()


@pytest.mark.requirement("N11")
def test_an_orphan_goes_to_the_person_that_is_named(asking: Desk) -> None:
    (call,) = calls("orphaned", 1, at=asking.clock.now(), person={"email": "nobody@nowhere-at-all.com"})
    asking.ws.take_in("activities", [call])
    assert asking.run("calls_out")["counts"]["waiting"] == 1
    (asked,) = asking.ws.inbox(kind="orphan").iter_rows(named=True)
    person = asking.ws.database.read("SELECT p.id, l.org_id FROM person p JOIN link l ON l.record_id = p.id LIMIT 1")
    done(asking, asking.ws.decide(asked["item"], "record", record_id=int(person["id"][0])))
    assert [t["WhoId"] for t in asking.tasks("orphaned")] == [person["org_id"][0]]


@pytest.mark.requirement("O18")
def test_what_is_gone_in_the_org_is_made_anew_or_deleted_here(asking: Desk) -> None:
    made = tasks("vanished", 2, at=asking.clock.now())
    asking.ws.take_in("activities", made)
    rounds(asking)
    for task in asking.tasks("vanished"):
        asking.org.delete("Task", task["Id"])
    asking.advance(30)
    for task in made:
        edit_here(asking, task, subject="Changed here")
    assert asking.run("tasks_out")["counts"]["held"] == 2
    rows = {r["key"]: r["item"] for r in asking.ws.inbox(kind="gone").iter_rows(named=True)}
    done(asking, asking.ws.decide(rows["vanished-0"], "again"))
    asking.ws.decide(rows["vanished-1"], "delete")
    assert [t["Description"] for t in asking.tasks("vanished")] == ["vanished 0"]
    assert ours(asking, "vanished-1")["deleted_at"] is not None
    asking.advance(30)
    assert all(map(quiet, rounds(asking, 2)[2:]))


@pytest.mark.requirement("O18")
def test_a_plan_behind_a_brake_is_approved_in_the_inbox(asking: Desk) -> None:
    spec = asking.ws.job("tasks_out")
    asking.ws.save_job(spec.model_copy(update={"guards": Guards(max_delete_share=0.1, min_deletes=2)}))
    made = tasks("braked", 4, at=asking.clock.now())
    asking.ws.take_in("activities", made)
    rounds(asking)
    asking.advance(30)
    for task in made[:3]:
        delete_here(asking, task)
    run_id = asking.ws.request_run("tasks_out")
    until(lambda: asking.status(run_id) == "waiting_approval")
    assert len(asking.tasks("braked")) == 4
    (asked,) = asking.ws.inbox(kind="plan").iter_rows(named=True)
    assert "3 of" in asked["reason"]
    (info,) = done(asking, asking.ws.decide(asked["item"], "approve"))
    assert info["counts"]["deleted"] == 3
    assert len(asking.tasks("braked")) == 1
