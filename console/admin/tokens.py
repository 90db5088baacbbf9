"""Tokens of the HTTP API: made here, shown once, ended at once."""

from __future__ import annotations

from dataclasses import asdict

import streamlit as st

from console import actions, strings
from console.components import frame, tables
from console.session import Key, workspace

_COLUMNS = ("State", "Name", "Role", "Made", "By", "Last used")


def show() -> None:
    """The part."""
    tokens = [asdict(t) for t in workspace().list_tokens()]
    rows = [
        {
            "State": [(strings.TOKEN_ENDED if t["revoked_at"] else strings.TOKEN_GOOD).word],
            "Name": t["name"],
            "Role": t["role"],
            "Made": t["created_at"],
            "By": t["created_by"],
            "Last used": t["last_used_at"],
        }
        for t in sorted(tokens, key=lambda t: (t["revoked_at"] is not None, t["name"]))
    ]
    if rows:
        st.dataframe(
            tables.frame(rows, _COLUMNS), hide_index=True, placeholder="", key="tokens",
            column_config={
                "State": tables.chips("State", (strings.TOKEN_GOOD, strings.TOKEN_ENDED)),
                "Made": tables.moment("Made"),
                "Last used": tables.distance("Last used"),
            },
        )  # fmt: skip
    else:
        frame.small("No tokens yet. Other systems use one to send rows in and to ask for runs.")
    made = st.session_state.pop(Key.MADE, None)
    if made:
        with st.container(border=True):
            st.markdown("**The new token.** It is shown this once; keep it where secrets are kept.")
            st.code(made, language=None)
    with st.form("make_token", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", placeholder="dialer", width=260)
        role = st.selectbox(
            "Role", list(strings.ROLES), index=2, format_func=lambda r: strings.ROLES[r].word, width=160
        )
        if st.form_submit_button("Make a token", type="primary") and name.strip():
            st.session_state[Key.MADE] = actions.create_token(name.strip(), role)
            st.rerun()
    good = [t["name"] for t in tokens if not t["revoked_at"]]
    if good:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            gone = st.selectbox("End a token", good, index=None, placeholder="None", width=260)
            st.button(
                "End it now", icon=":material/block:", disabled=gone is None, on_click=actions.revoke_token,
                args=(gone,),
            )  # fmt: skip
