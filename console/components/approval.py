"""Asks once more before a plan is applied."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from console import actions
from console.components import frame
from console.components.planned import WRITES, word
from console.components.text import safe
from console.session import workspace
from console.strings import OUTCOMES


@st.dialog("Approve and apply")
def ask(plan_id: str, counts: Mapping[str, int], title: str) -> None:
    """Where it writes and how much; deletes are confirmed by typing their number."""
    writes = sum(counts[o.value] for o in WRITES)
    st.markdown(f"**{safe(title)}** writes to {safe(frame.org_words(workspace()))}:")
    for o in WRITES:
        if counts[o.value]:
            st.markdown(f"{OUTCOMES[o].badge(f'{word(o)} {counts[o.value]:,}')}")
    ready = True
    if counts["deleted"]:
        typed = st.text_input(f"Type {counts['deleted']} to confirm the deletes")
        ready = typed.strip() == str(counts["deleted"])
    if st.button(f"Apply {writes:,} now", type="primary", disabled=not ready):
        run_id = actions.apply_plan(plan_id)
        if run_id:
            frame.go("runs", run=run_id)
        st.rerun()
