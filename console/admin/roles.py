"""Who of the team may see, plan, run, or edit and connect."""

from __future__ import annotations

import streamlit as st

from console import actions, strings
from console.components import frame, tables
from console.components.text import plain, safe
from console.session import workspace

_COLUMNS = ("Role", "Person", "May")


def show() -> None:
    """The part."""
    ws = workspace()
    members = ws.list_members()
    own = strings.ROLES[ws.role]
    st.markdown(f"You act as **{safe(ws.actor)}**, {own.badge()} {safe(strings.ROLE_MAY[ws.role])}")
    if not members:
        frame.small(
            "Nobody was given a role yet, so everybody who can open this console is an admin. With the first role that "
            "is given you become an admin by name, and whoever has none may only look."
        )
    else:
        rows = [
            {"Role": [strings.ROLES[role].word], "Person": plain(who), "May": strings.ROLE_MAY[role]}
            for who, role in sorted(members.items(), key=lambda m: (-list(strings.ROLES).index(m[1]), m[0]))
        ]
        st.dataframe(
            tables.frame(rows, _COLUMNS), hide_index=True, placeholder="", key="members",
            column_config={"Role": tables.chips("Role", strings.ROLES.values())},
        )  # fmt: skip
    _give(list(members))


def _give(members: list[str]) -> None:
    with st.form("give_role", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        people = sorted({*members, *workspace().users()["email"].to_list()})
        who = st.selectbox(
            "Person", people, index=None, placeholder="E-mail or user name", accept_new_options=True, width=320,
            help="As they sign in: an e-mail address, or the name of the user of this machine.",
        )  # fmt: skip
        role = st.selectbox("Role", list(strings.ROLES), format_func=lambda r: strings.ROLES[r].word, width=160)
        if st.form_submit_button("Give the role", type="primary") and who:
            actions.set_role(str(who), role)
            st.rerun()
    if members:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            gone = st.selectbox("Take the role away from", members, index=None, placeholder="Nobody", width=320)
            st.button(
                "Take away", icon=":material/person_remove:", disabled=gone is None, on_click=actions.set_role,
                args=(gone, None),
            )  # fmt: skip
