"""Which lists of the org feed which segments, and who is in them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from console import actions
from console.components import frame, making, notices, tables, times
from console.components.text import plain, safe
from console.session import Key, later, workspace
from console.strings import JOB_STATES, count
from core import JobSpec, SynclineError

_OBJECTS = {"Contact": "Contacts, and their accounts", "Lead": "Leads", "Account": "Accounts alone"}
_WAYS = {"only": "They only come in", "new": "Into a new segment", "old": "Into a segment that is there"}
_COLUMNS = ("State", "Rule", "Object", "Lists", "Into", "Last run", "Linked")
_SEGMENTS = ("Segment", "Of", "Members")


def rules(specs: Sequence[JobSpec]) -> list[JobSpec]:
    """The jobs that bring what list views hold."""
    return [s for s in specs if any(p.list_views for p in s.pairs)]


def _row(spec: JobSpec, job: dict[str, Any]) -> dict[str, Any]:
    pair = next(p for p in spec.pairs if p.list_views)
    last = job["last_run"] or {}
    return {
        "State": [JOB_STATES[job["state"]].word],
        "Rule": plain(spec.title),
        "Object": pair.sobject,
        "Lists": plain(", ".join(pair.list_views), 120),
        "Into": plain(pair.segment or "no segment"),
        "Last run": times.instant(last.get("started_at")),
        "Linked": job["linked"],
    }


def _rules(found: list[JobSpec], jobs: dict[str, dict[str, Any]]) -> None:
    frame.section("Import rules")
    if not found:
        frame.small("No rule yet. Make one below: it brings what one or more list views of the org hold.")
        return
    event = st.dataframe(
        tables.frame([_row(s, jobs[s.name]) for s in found], _COLUMNS), hide_index=True, placeholder="", key="rules",
        on_select="rerun", selection_mode="multi-row",
        column_config={
            "State": tables.chips("State", JOB_STATES.values()),
            "Last run": tables.distance("Last run"),
            "Linked": tables.number("Linked"),
        },
    )  # fmt: skip
    chosen = [found[i] for i in event["selection"]["rows"] if i < len(found)]
    names = [s.name for s in chosen]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if not chosen:
            frame.small("Tick rules to run them, to switch them on, or to deactivate them.")
            return
        st.button("Run now", icon=":material/play_arrow:", on_click=actions.sync_now, args=(names,))
        st.button(
            "Switch on", icon=":material/play_circle:", on_click=actions.switch, args=(names,), kwargs={"on": True}
        )
        st.button(
            "Deactivate", icon=":material/pause_circle:", on_click=actions.switch, args=(names,), kwargs={"on": False}
        )
        if len(chosen) == 1 and st.button("Edit", icon=":material/edit:"):
            frame.go("job", job=names[0], step="Source")


def _segments(found: list[dict[str, Any]]) -> None:
    frame.section("Segments")
    if not found:
        frame.small("No segment has members yet.")
        return
    rows = [
        {
            "Segment": plain(s["name"]),
            "Of": "Accounts" if s["kind"] == "account" else "People",
            "Members": s["members"],
        }
        for s in found
    ]
    st.dataframe(
        tables.frame(rows, _SEGMENTS), hide_index=True, placeholder="", key="segments",
        height="content" if len(rows) < 12 else 420, column_config={"Members": tables.number("Members")},
    )  # fmt: skip
    st.download_button(
        "Export CSV", later(lambda: tables.csv_bytes(tables.frame(rows, _SEGMENTS))), file_name="segments.csv",
        mime="text/csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _views(sobject: str) -> list[dict[str, str]] | None:
    """The list views that our user may see, asked of the org once per session; ``None`` where it does not answer."""
    kept: dict[str, list[dict[str, str]]] = st.session_state.setdefault(Key.VIEWS, {})
    if sobject not in kept:
        try:
            with st.spinner("Asking the org for its list views"):
                kept[sobject] = workspace().list_views(sobject)
        except SynclineError as error:
            notices.problem(error)
            return None
    return kept[sobject]


def _new(segments: Sequence[str]) -> None:
    frame.section("New import rule")
    with st.container(border=True, gap="small"):
        left, right = st.columns(2, gap="medium")
        sobject = left.selectbox("Bring", list(_OBJECTS), format_func=_OBJECTS.__getitem__, key="rule_object")
        views = _views(sobject)
        if views is None:
            return
        labels = {v["name"]: v["label"] for v in views}
        with left:
            chosen = st.multiselect(
                "From these list views", list(labels), format_func=lambda n: plain(labels[n], 80),
                key=f"rule_views_{sobject}", placeholder="Choose one or more",
            )  # fmt: skip
            _not_there(sobject, len(views))
        way = right.selectbox("And", list(_WAYS), format_func=_WAYS.__getitem__, key="rule_way")
        with right:
            segment = _segment(way, segments)
        ready = bool(chosen) and (way == "only" or bool(segment))
        if st.button("Make the rule", type="primary", icon=":material/add:", disabled=not ready):
            actions.import_lists(sobject, chosen, segment, new=way == "new")
            st.rerun()
        frame.small("The rule starts switched off. A run of it brings the members; people bring their accounts along.")


def _segment(way: str, segments: Sequence[str]) -> str:
    if way == "new":
        return st.text_input("Name of the new segment", key="rule_segment").strip()
    if way == "old":
        return st.selectbox("Segment", segments, index=None, placeholder="Choose a segment", key="rule_old") or ""
    return ""


def _not_there(sobject: str, n: int) -> None:
    """Why a list that somebody looks for may be missing."""
    connections = workspace().connections()
    who = connections[0].username if connections else "our user"
    with st.expander("A list is missing?", type="compact"):
        st.markdown(
            f"The org shows {safe(who)} {count(n, 'list view')} of {safe(sobject)}. A list that is not among them is "
            "private to somebody, or shared with a group that this user is not in."
        )
        st.markdown(
            "In Salesforce, its owner opens the list, **List View Controls**, **Sharing Settings**, and shares it with "
            f"all users or with a group that has {safe(who)} in it. Then read the lists again."
        )
        if st.button("Read the lists again", icon=":material/refresh:"):
            st.session_state.pop(Key.VIEWS, None)
            st.rerun()


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        found, jobs = ws.overview(), ws.specs()
        segments = ws.segments()
    except SynclineError as error:
        frame.header("Segments")
        notices.problem(error)
        return
    of_lists = rules(jobs)
    frame.header("Segments", f"{count(len(of_lists), 'import rule')}, {count(len(segments), 'segment')}")
    if found["connection"] is None:
        frame.empty("Nothing is connected yet.", "Segments are filled from list views of an org.", "Connect an org",
                    lambda: frame.go("connections"))  # fmt: skip
        return
    making.warn_without_worker()
    _rules(of_lists, {j["name"]: j for j in found["jobs"]})
    _segments(segments)
    named = {s["name"] for s in segments} | {p.segment for s in of_lists for p in s.pairs if p.segment}
    _new(sorted(named))


main()
