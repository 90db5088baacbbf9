"""Makes a job from a template, in a dialog."""

from __future__ import annotations

import streamlit as st

from console import actions
from console.components import frame, notices
from console.components.text import safe
from console.session import workspace


@st.dialog("New job from a template", width="large")
def ask() -> None:
    """Choose a template, give it a name, and go to its editor."""
    taken = {s.name for s in workspace().specs()}
    templates = workspace().templates()
    order = sorted(templates, key=lambda t: (t["name"] != "calls_out", t["name"] in taken, t["title"]))
    names = [t["name"] for t in order]
    by_name = {t["name"]: t for t in order}
    picked = st.selectbox("Template", names, format_func=lambda n: by_name[n]["title"])
    found = by_name[picked]
    arrow = "writes to Salesforce" if found["direction"] == "outbound" else "brings records here"
    st.markdown(f"{safe(found['summary'])} :gray[It {arrow}.]")
    fresh = picked if picked not in taken else _free(picked, taken)
    name = st.text_input("Name", value=fresh, key=f"new_{picked}", help="Small letters, digits, - and _.")
    frame.small("It starts switched off. Nothing is written until you switch it on or run it.")
    if st.button("Make the job", type="primary"):
        made = actions.create_job(picked, name.strip())
        if made:
            frame.go("job", job=made.name, step="Mapping")
        else:
            notices.show()
            notices.put_away()


def _free(name: str, taken: set[str]) -> str:
    return next(f"{name}_{n}" for n in range(2, 1000) if f"{name}_{n}" not in taken)
