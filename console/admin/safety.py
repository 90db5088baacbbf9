"""The switch that stops all writes at once, the workspace's name and zone, and the end of this session."""

from __future__ import annotations

import streamlit as st

from console import actions, signin, strings
from console.components import frame
from console.components.text import safe
from console.session import Key, sign_out, workspace


def show() -> None:
    """The part."""
    row = workspace().row()
    with st.container(border=True, gap="small"):
        st.markdown("**Writes to the org**")
        if row.is_paused:
            st.markdown(f"{strings.JOB_STATES['paused'].badge()} Paused by {safe(row.paused_by or 'somebody')}.")
            frame.small(
                "Nothing is sent, in any job, over restarts too. What comes meanwhile is kept and goes out later."
            )
            st.button("Resume writes", icon=":material/play_circle:", on_click=actions.resume)
        else:
            frame.small(
                "One switch stops every write to the org at once. A batch that is under way is settled; everything "
                "else is kept and goes out after Resume."
            )
            st.button("Pause writes", icon=":material/pause_circle:", on_click=actions.pause)
    _workspace(row.title, row.zone)
    _session()


def _workspace(title: str, zone: str) -> None:
    with st.form("workspace", border=True):
        st.markdown("**This workspace**")
        left, right = st.columns(2)
        name = left.text_input("Title", value=title)
        where = right.text_input(
            "Time zone", value=zone, help="As in America/Chicago. Days, and daily runs, follow it."
        )
        if st.form_submit_button("Save"):
            actions.configure(name.strip(), where.strip())
            st.rerun()


def _session() -> None:
    with st.container(border=True, gap="small"):
        st.markdown("**This session**")
        if st.session_state.get(Key.SIGNED_OUT):
            st.markdown(strings.SIGNED_OUT)
            return
        if signin.is_on():
            frame.small(f"You are signed in as {workspace().actor}, with the role {workspace().role}.")
            st.button("Sign out", icon=":material/logout:", on_click=st.logout)
            return
        frame.small(
            f"You act as {workspace().actor}. This console is open to whoever was given its one-time link, on this "
            "machine only; a session lasts twelve hours."
        )
        if st.button("Sign out", icon=":material/logout:"):
            sign_out()
            st.session_state[Key.SIGNED_OUT] = True
            st.rerun()
