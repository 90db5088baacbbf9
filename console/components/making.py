"""Follows a plan that is being made until it can be looked at, and says plainly what it waits for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import actions, strings
from console.components import frame, times
from console.components.text import code
from console.session import workspace
from console.strings import RUN_STATES, count
from core import RunStatus

UNDER_WAY = (RunStatus.QUEUED, RunStatus.RUNNING)


def ask(job: str) -> None:
    """Ask for a plan of a job and go where it can be watched."""
    run_id = actions.make_plan(job)
    if run_id:
        frame.go("plan", making=run_id)
    st.rerun()


def no_worker() -> str:
    """Why nothing that is asked for begins; empty while a worker is there to do it."""
    ready = workspace().readiness()
    return "" if ready["worker"] else str(ready.get("worker_reason") or strings.NO_WORKER)


def warn_without_worker() -> None:
    """Say on top of a page that nothing begins, where no worker is running."""
    why = no_worker()
    if why:
        frame.verdict(strings.NO_WORKER_SIGN, why, strings.NO_WORKER_HINT)


def page(run: dict[str, Any], title: str) -> None:
    """The page of a plan that is not there yet; goes on to the plan as soon as it is."""
    if run["plan_id"] and run["status"] not in UNDER_WAY:
        frame.go("plan", plan=run["plan_id"])
    began = times.clock_time(run.get("requested_at") or run.get("started_at"))
    asked = f"asked for at {began} by {run['actor']}" if began else f"asked for by {run['actor']}"
    buttons = frame.header("Plan", f"{title} · {asked}")
    if buttons.button("All plans", type="tertiary", icon=":material/arrow_back:"):
        frame.go("plan")
    if run["status"] in UNDER_WAY:
        _follow(run["run_id"], run["status"])
        return
    _not_made(run, buttons)


def _not_made(run: dict[str, Any], buttons: Any) -> None:
    error = run["error"] if isinstance(run["error"], dict) else {}
    sign = RUN_STATES[RunStatus(run["status"])]
    frame.verdict(sign, "The plan was not made.", f"{error.get('message') or ''} {error.get('hint') or ''}".strip())
    if buttons.button("Open the run", icon=":material/sync:"):
        frame.go("runs", run=run["run_id"])
    if buttons.button("Plan again", type="primary", icon=":material/refresh:"):
        ask(run["job"])


@st.fragment(run_every=1.5)
def _follow(run_id: str, was: str) -> None:
    run = workspace().run_info(run_id)
    if run["status"] not in UNDER_WAY or run["status"] != was:
        st.rerun()
    why = no_worker()
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_sentence(run["status"], why), width="stretch")
            st.button("Cancel", icon=":material/stop_circle:", on_click=actions.cancel_run, args=(run_id,))
        read = run["counts"]["input"]
        if run["status"] == RunStatus.RUNNING:
            st.progress(0.0 if not read else 1.0, text=f"{count(read, 'row')} read" if read else "Reading both sides")
        st.markdown(f":small[:gray[You can leave this page; the plan is kept under Plans.]] {code(run_id)}")


def _sentence(status: str, why: str) -> str:
    if why:
        return f"{strings.NO_WORKER_SIGN.badge()} **{why}** {strings.NO_WORKER_HINT}"
    if status == RunStatus.QUEUED:
        return f"{RUN_STATES[RunStatus.QUEUED].badge()} **The plan is next in line.** Nothing is written by it."
    return f"{RUN_STATES[RunStatus.RUNNING].badge('Planning')} **Both sides are being read.** Nothing is written by it."
