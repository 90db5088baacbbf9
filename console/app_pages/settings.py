"""Who may do what here, what stops everything, and what was changed by whom?"""

from __future__ import annotations

import streamlit as st

from console.admin import alerts, changes, policies, recycling, roles, safety, tokens
from console.components import frame, notices
from core import SynclineError

_PARTS = {
    "Changes": changes.show,
    "Alerts": alerts.show,
    "Roles": roles.show,
    "API tokens": tokens.show,
    "Recycle bin": recycling.show,
    "Policies": policies.show,
    "Pause and session": safety.show,
}


def main() -> None:
    """The page."""
    frame.header("Settings", "Who may do what, and what was changed")
    part = st.segmented_control(
        "Part", list(_PARTS), default="Changes", key="part", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    try:
        _PARTS[part or "Changes"]()
    except SynclineError as error:
        notices.problem(error)


main()
