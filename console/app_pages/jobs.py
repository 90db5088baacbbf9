"""Which jobs are there, are they on, and how do they do?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import actions, strings
from console.components import frame, newjob, notices, tables, times
from console.components.text import plain
from console.session import workspace
from console.strings import JOB_STATES, count
from core import SynclineError

_COLUMNS = (
    "State",
    "Job",
    "Direction",
    "From → to",
    "Schedule",
    "Last run",
    "Waiting",
    "Held",
    "Rejected",
    "Linked",
    "Verb",
)


def _row(job: dict[str, Any]) -> dict[str, Any]:
    out = job["direction"] == "outbound"
    kind, objects = job["kind"].replace("_", " ").capitalize(), ", ".join(job["sobjects"])
    last = job["last_run"] or {}
    return {
        "State": [JOB_STATES[job["state"]].word],
        "Job": job["title"],
        "Direction": "→ out" if out else "← in",
        "From → to": f"{kind} → {objects}" if out else f"{objects} → {kind}",
        "Schedule": job["schedule"].capitalize(),
        "Last run": times.instant(last.get("started_at")),
        "Waiting": tables.some(job["open"].get("waiting", 0)),
        "Held": tables.some(job["open"].get("held", 0)),
        "Rejected": tables.some(job["open"].get("rejected", 0)),
        "Linked": job["linked"],
        "Verb": strings.VERBS.get(job["state"], "Open"),
    }


def _filtered(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="job_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Job or object", width=260,
        )  # fmt: skip
        words = list(dict.fromkeys(JOB_STATES[j["state"]].word for j in jobs))
        state = st.pills("State", words, key="job_state", bind="query-params", label_visibility="collapsed")
    low = (search or "").lower()
    return [
        j
        for j in jobs
        if (not low or low in f"{j['name']} {j['title']} {' '.join(j['sobjects'])}".lower())
        and (not state or JOB_STATES[j["state"]].word == state)
    ]


def _table(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    event = st.dataframe(
        tables.frame([_row(j) for j in jobs], _COLUMNS),
        hide_index=True, placeholder="", key="jobs_list", on_select="rerun", selection_mode="multi-row",
        column_config={
            "State": tables.chips("State", JOB_STATES.values()),
            "Last run": tables.distance("Last run"),
            "Verb": st.column_config.ButtonColumn("", key="job_verb"),
            **{n: tables.number(n) for n in ("Waiting", "Held", "Rejected", "Linked")},
        },
    )  # fmt: skip
    clicked = st.session_state.get("job_verb")
    if clicked is not None and clicked["row"] < len(jobs):
        job = jobs[clicked["row"]]
        page = {"failing": "errors", "needs_a_person": "errors", "running": "runs"}.get(job["state"], "job")
        frame.go(page, **{"push" if page == "errors" else "job": job["name"]})
    return [jobs[i] for i in event["selection"]["rows"] if i < len(jobs)]


def _bar(jobs: list[dict[str, Any]], chosen: list[dict[str, Any]]) -> None:
    names = [j["name"] for j in chosen]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if chosen:
            st.markdown(f"**{len(chosen)} ticked**", width="content")
            st.button("Run now", icon=":material/play_arrow:", on_click=actions.sync_now, args=(names,))
            st.button(
                "Switch on", icon=":material/play_circle:", on_click=actions.switch, args=(names,), kwargs={"on": True}
            )
            st.button(
                "Switch off",
                icon=":material/pause_circle:",
                on_click=actions.switch,
                args=(names,),
                kwargs={"on": False},
            )
            return
        frame.small("Tick jobs to run them, or to switch them on or off.")
        st.space("stretch")
        by_name = {j["name"]: j["title"] for j in jobs}
        picked = st.selectbox(
            "Open a job", list(by_name), index=None, placeholder="Open a job",
            format_func=lambda n: plain(by_name[n], 60),
            label_visibility="collapsed", width=260, key="open_job",
        )  # fmt: skip
        if picked:
            frame.go("job", job=picked)


def _listening(jobs: list[dict[str, Any]]) -> None:
    """Why changes are polled that were to come in as they happen."""
    told = [j["changes"] for j in jobs if j["is_enabled"] and j["changes"]]
    for reason in sorted({c["reason"] for c in told if c["state"] == "polling"}):
        frame.small(f"Changes in the org come in by the schedule only, not as they happen. {reason}")


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        found = ws.overview()
    except SynclineError as error:
        frame.header("Jobs")
        notices.problem(error)
        return
    jobs = sorted(found["jobs"], key=lambda j: j["title"])
    on = sum(j["is_enabled"] for j in jobs)
    buttons = frame.header(
        "Jobs", f"{count(len(jobs), 'job')}, {on} on" if jobs else "One direction of one kind of record each"
    )
    connected = found["connection"] is not None
    if buttons.button(
        "New job", type="primary", icon=":material/add:", disabled=not connected,
        help=None if connected else "Connect an org first.",
    ):  # fmt: skip
        newjob.ask()
    if not connected:
        frame.empty("Nothing is connected yet.", "A job needs an org: its fields, users and records.", "Connect an org",
                    lambda: frame.go("connections"))  # fmt: skip
        return
    if not jobs:
        st.markdown("**No jobs yet.** Call logging is the usual first one.")
        frame.small("Use New job to make one from a template.")
        return
    _listening(jobs)
    shown = _filtered(jobs)
    if not shown:
        st.markdown(":gray[No job fits these filters.]")
        return
    _bar(jobs, _table(shown))


main()
