"""The inbox: what asks a person, one or many answered alike, each answer recorded."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl
import pytest

from core.store.codec import dumps
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]
DISPUTES = [
    {
        "field": "Subject", "target": "Subject", "workspace": "Ours", "org": "Theirs", "baseline": "Before",
        "workspace_at": "2026-11-20T10:00:00+00:00", "org_at": "2026-11-20T11:00:00+00:00", "deleted": False,
    }
]  # fmt: skip


def in_conflict(ws: Workspace, n: int = 2) -> list[str]:
    """Open rows that a conflict holds, with both values; their items."""
    ws.database.execute(
        "UPDATE open_row SET cause = 'conflict', outcome = 'held', disputes = :d, reason = 'Both changed it.'"
        " WHERE workspace_id = :w AND subject IN (SELECT subject FROM open_row WHERE cause = 'unmapped_value' AND"
        " workspace_id = :w ORDER BY subject LIMIT :n)",
        d=dumps(DISPUTES), w=ws.workspace_id, n=n,
    )  # fmt: skip
    return ws.inbox(kind="conflict")["item"].to_list()


def decided(ws: Workspace, items: list[str]) -> list[str]:
    """What the open rows keep as the answer, field by field."""
    out = []
    for item in items:
        job, _, subject = item.partition("#")[0].partition(":")
        row = ws.open_rows(job=job, subject=subject).row(0, named=True)
        out += [f["ruling"] for f in json.loads(row["decision"])["fields"]]
    return out


def test_every_question_is_listed_with_what_it_asks(synced: Workspace, page: Open) -> None:
    in_conflict(synced)
    shown = page("inbox")
    table = shown.frame()
    assert len(table) == min(synced.inbox().height, 50)
    assert {a[0] for a in table["Asks"]} <= {"Conflict", "Which record", "Unknown person"}
    words = page("inbox", kind="Which record").frame()
    assert {a[0] for a in words["Asks"]} == {"Which record"}
    assert "No question fits these filters." in page("inbox", ask_q="nothing like it").text


@pytest.mark.requirement("X10")
def test_a_conflict_shows_both_values_and_is_settled_by_one_press(synced: Workspace, page: Open) -> None:
    (item, *_) = in_conflict(synced, 1)
    shown = page("inbox", kind="Conflict")
    for word in ("Ours", "Theirs", "Both last agreed on: Before", "Subject"):
        assert word in shown.text
    assert "changed 20 Nov" in shown.text
    next(t for t in shown.at.text_input if t.label == "Why").set_value("The call was mine")
    shown.run().press("Workspace wins")
    assert "Decided: 1 question." in shown.text
    assert decided(synced, [item]) == ["ours"]


def answer_all(kind: str) -> None:
    from console.components import questions
    from console.session import workspace

    items = list(workspace().inbox(kind=kind).iter_rows(named=True))
    if items and not items[0]["decided"]:
        questions.many(items)


def test_many_conflicts_are_answered_alike(synced: Workspace, dialog: Open) -> None:
    items = in_conflict(synced, 2)
    shown = dialog(answer_all, kind="conflict")
    assert "2 ticked" in shown.text
    shown.press("Salesforce wins for 2")
    assert decided(synced, items) == ["theirs", "theirs"]


def test_those_without_an_answer_in_common_are_decided_one_by_one(synced: Workspace, dialog: Open) -> None:
    assert "no answer in common" in dialog(answer_all, kind="match").text


@pytest.mark.requirement("T18")
def test_an_ambiguous_match_is_settled_by_one_press(synced: Workspace, page: Open) -> None:
    shown = page("inbox", kind="Which record")
    item = synced.inbox(kind="match").row(0, named=True)
    candidates = json.loads(item["candidates"])
    assert all(c["name"] in shown.text for c in candidates)
    shown.press("Pick")
    job, _, subject = item["item"].partition(":")
    assert (
        json.loads(synced.open_rows(job=job, subject=subject)["decision"][0])["record_id"] == candidates[0]["record_id"]
    )


@pytest.mark.requirement("N11")
def test_an_orphan_is_given_a_person_by_search(synced: Workspace, page: Open) -> None:
    shown = page("inbox", kind="Unknown person")
    person = synced.frames.people().filter(pl.col("email").is_not_null()).row(0, named=True)
    box = next(t for t in shown.at.text_input if t.label == "Who is it?")
    box.set_value(person["email"])
    shown.run()
    assert person["email"] in " ".join(t.value for t in shown.at.text)
    shown.press("Pick")
    assert "Decided: 1 question." in shown.text


def test_a_question_can_be_put_aside(synced: Workspace, page: Open) -> None:
    before = synced.inbox().height
    page("inbox", kind="Which record").press("Put aside")
    assert synced.inbox().height == before - 1


def test_without_questions_it_says_so(synced: Workspace, page: Open) -> None:
    synced.database.execute("DELETE FROM open_row WHERE workspace_id = :w", w=synced.workspace_id)
    assert "Nothing waits for a decision." in page("inbox").text
