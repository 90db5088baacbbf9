"""Keeps a page true while runs are under way: it is drawn again when one of them ends."""

from __future__ import annotations

import streamlit as st

from console.components import frame, notices
from console.components.text import safe
from console.session import Key, workspace
from console.strings import RUN_STATES, count
from core import RunStatus

_LIVE = (RunStatus.QUEUED, RunStatus.RUNNING)


@st.fragment(run_every=2)
def watch() -> None:
    """One line about the runs under way; nothing where there are none."""
    under_way = [r for r in workspace().runs(limit=30) if r["status"] in _LIVE]
    before = st.session_state.get(Key.LIVE, 0)
    st.session_state[Key.LIVE] = len(under_way)
    if len(under_way) < before:
        notices.again()
        st.rerun()
    if not under_way:
        return
    titles = {s.name: s.title for s in workspace().specs()}
    names = ", ".join(dict.fromkeys(titles.get(r["job"], r["job"]) for r in under_way))
    with st.container(horizontal=True, vertical_alignment="center"):
        badge = RUN_STATES[RunStatus.RUNNING].badge(count(len(under_way), "run"))
        st.markdown(f"{badge} :small[{safe(names)}; this page follows by itself.]", width="stretch")
        if st.button("Watch", type="tertiary", icon=":material/arrow_forward:", icon_position="right", key="watch"):
            frame.go("runs")
