"""One question for a person, or many alike: what it is about, both sides, and the buttons that answer it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from console import actions
from console.components import diffs, frame, rowcard, times
from console.components.text import code, plain, safe
from console.session import workspace
from console.strings import ASKS, ASKS_WHY, CHOICE_WORDS
from core import SynclineError


def about(item: Mapping[str, Any]) -> str:
    """What is asked, in a few words for a table."""
    if item["kind"] in ("conflict", "opt_in"):
        return plain(f"{item['field']}: {item['workspace'] or 'empty'} or {item['org'] or 'empty'}", 120)
    return plain(item["reason"], 120)


def one(item: Mapping[str, Any], titles: Mapping[str, str]) -> None:
    """The question with everything that helps to answer it."""
    sign = ASKS[item["kind"]]
    st.markdown(f"{sign.badge()} **{safe(item['title'] or item['key'])}**")
    where = " · ".join(part for part in (code(item["key"]), safe(item["sobject"]), code(item["org_id"] or "")) if part)
    st.markdown(f":small[{where} · {safe(titles.get(item['job'], item['job']))}]")
    st.markdown(f":small[{safe(ASKS_WHY[item['kind']])}]")
    if item["decided"]:
        frame.small(
            f"Decided already: {CHOICE_WORDS.get(item['decided'], item['decided'])}. The next run carries it out."
        )
    if item["reason"]:
        st.text(plain(item["reason"]))
    {"conflict": _conflict, "opt_in": _conflict, "delete": _sides, "plan": _plan}.get(item["kind"], _record)(item)
    _answers(item)
    if item["kind"] != "plan" and st.button(
        "Explain", key="q-explain", type="tertiary", icon=":material/manage_search:"
    ):
        frame.go("record", key=item["org_id"] or item["key"])


def many(items: Sequence[Mapping[str, Any]]) -> None:
    """Several questions answered alike, by the words that all of them take."""
    st.markdown(f"**{len(items):,} ticked**")
    for kind, n in Counter(i["kind"] for i in items).items():
        st.markdown(ASKS[kind].badge(f"{n:,} {ASKS[kind].word.lower()}"))
    shared = [c for c in items[0]["choices"] if all(c in i["choices"] for i in items) and c not in _NEEDS_MORE]
    if not shared:
        frame.small("These have no answer in common; decide them one by one, or tick those of one kind.")
        return
    note = _note("many")
    with st.container(horizontal=True, gap="xsmall"):
        for choice in shared:
            st.button(
                f"{CHOICE_WORDS[choice]} for {len(items):,}", key=f"q-many-{choice}", on_click=actions.answer,
                args=([i["item"] for i in items], choice), kwargs={"note": note},
            )  # fmt: skip


_NEEDS_MORE = ("record", "arrived", "same")
_NEEDS_REASON = ("in",)
"""Words that are only taken with a reason."""


def _conflict(item: Mapping[str, Any]) -> None:
    """Both values beside each other, each with its time, and what both last agreed on."""
    old, new = diffs.marked(_shown(item["org"]), _shown(item["workspace"]))
    st.markdown(f"**{safe(item['field'])}**")
    left, right = st.columns(2, gap="small")
    for column, side, text, at in (
        (left, ":material/workspaces: Workspace", new, item["workspace_at"]),
        (right, ":material/cloud: Salesforce", old, item["org_at"]),
    ):
        with column.container(border=True, gap="xsmall", height="stretch"):
            st.markdown(f":small[:gray[{side}]]")
            st.markdown(text or ":gray[empty]")
            st.markdown(f":small[:gray[{_changed(at)}]]")
    if item["baseline"] is not None:
        frame.small(f"Both last agreed on: {_shown(item['baseline']) or 'empty'}")


def _changed(at: Any) -> str:
    return safe(f"changed {times.clock_time(at)}, {times.ago(at)}") if at else "time not known"


def _shown(value: Any) -> str:
    return times.value("" if value is None else str(value))


def _sides(item: Mapping[str, Any]) -> None:
    left, right = st.columns(2, gap="small")
    left.markdown(f":small[:gray[:material/workspaces: Workspace]] {safe(_changed(item['workspace_at']))}")
    right.markdown(f":small[:gray[:material/cloud: Salesforce]] {safe(_changed(item['org_at']))}")


def _plan(item: Mapping[str, Any]) -> None:
    if st.button("Review the plan", key="q-plan", icon=":material/rule:"):
        frame.go("plan", plan=item["key"])


def _record(item: Mapping[str, Any]) -> None:
    """What the workspace knows of the record."""
    rowcard.facts(item["job"], item["item"].partition(":")[2].partition("#")[0])


def _answers(item: Mapping[str, Any]) -> None:
    """The buttons; the first is the likeliest and stands out only where nothing else can be meant."""
    note = _note(item["item"])
    plain_words = [c for c in item["choices"] if c not in _NEEDS_MORE]
    if "record" in item["choices"]:
        _whom(item, note)
    if "arrived" in item["choices"]:
        _arrived(item, note)
    if "same" in item["choices"]:
        _same(item, note)
    with st.container(horizontal=True, gap="xsmall"):
        for choice in plain_words:
            st.button(
                CHOICE_WORDS[choice], key=f"q-{choice}", on_click=actions.answer, args=([item["item"]], choice),
                kwargs={"note": note}, disabled=choice in _NEEDS_REASON and not note.strip(),
                help="Say why first." if choice in _NEEDS_REASON and not note.strip() else None,
            )  # fmt: skip
        if item["kind"] != "plan":
            job, _, subject = item["item"].partition(":")
            st.button(
                "Put aside", key="q-aside", type="tertiary", icon=":material/inventory_2:", on_click=actions.put_aside,
                args=([(job, subject.partition("#")[0])],),
            )  # fmt: skip


def _note(key: str) -> str:
    return st.text_input(
        "Why", key=f"q-note-{key}", placeholder="Why, for those who ask later (optional)", label_visibility="collapsed"
    )


def _whom(item: Mapping[str, Any], note: str) -> None:
    """The records it could mean, each with a button; others by search."""
    found = json.loads(item["candidates"] or "[]")
    for n, one_of in enumerate(found):
        _candidate(item, one_of, f"{n}", note)
    if found:
        return
    text = st.text_input(
        "Who is it?", key=f"q-search-{item['item']}", icon=":material/search:", placeholder="Name, e-mail or phone"
    )
    if not (text or "").strip():
        return
    try:
        people = workspace().find_people(text).to_dicts()
    except SynclineError:
        people = []
    if not people:
        frame.small("Nobody in the workspace is known by that.")
    for n, person in enumerate(people):
        _candidate(item, person, f"s{n}", note)


def _candidate(item: Mapping[str, Any], person: Mapping[str, Any], key: str, note: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None, width="stretch"):
            name = person.get("name") or person.get("email") or person["record_id"]
            why = f" :small[:gray[{safe(person['why'])}]]" if person.get("why") else ""
            st.markdown(f"**{safe(name)}**{why}")
            st.text(" · ".join(str(person[k]) for k in ("title", "company") if person.get(k)) or "no title or company")
            st.text(" · ".join(str(person[k]) for k in ("phone", "email") if person.get(k)))
            if person.get("org_id"):
                st.markdown(f":small[{safe(person['sobject'])} {code(person['org_id'])}]")
        st.button(
            "Pick", key=f"q-pick-{key}", on_click=actions.answer, args=([item["item"]], "record"),
            kwargs={"record_id": int(person["record_id"]), "note": note},
        )  # fmt: skip


def _same(item: Mapping[str, Any], note: str) -> None:
    """The org's records that it could be, each with a button."""
    for n, found in enumerate(json.loads(item["candidates"] or "[]")):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(code(found["org_id"]))
            st.button(
                CHOICE_WORDS["same"], key=f"q-same-{n}", on_click=actions.answer, args=([item["item"]], "same"),
                kwargs={"org_id": found["org_id"], "note": note},
            )  # fmt: skip


def _arrived(item: Mapping[str, Any], note: str) -> None:
    """Which org record it became, where it did arrive."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        org_id = st.text_input("It arrived as the org record", key=f"q-org-{item['item']}", placeholder="Id in the org")
        st.button(
            CHOICE_WORDS["arrived"], key="q-arrived", disabled=not (org_id or "").strip(), on_click=actions.answer,
            args=([item["item"]], "arrived"), kwargs={"org_id": (org_id or "").strip(), "note": note},
        )  # fmt: skip
