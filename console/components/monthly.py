"""The monthly audit: made on request, read here, or taken away as a page, tables or JSON."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import streamlit as st

from console import actions
from console.components import notices
from console.session import Key, later, workspace
from core import SynclineError

_FORMATS = {
    "html": ("Page", "text/html", "audit-{}.html"),
    "csv": ("Tables (CSV)", "application/zip", "audit-{}.zip"),
    "json": ("JSON", "application/json", "audit-{}.json"),
}
_MONTHS = 24


@st.dialog("Monthly audit", width="large")
def ask(today: date) -> None:
    """Choose a month, make its report, read it, take it away."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        month = st.selectbox("Month", months(today), width=160)
        live = st.checkbox("Ask Salesforce as well", value=False, help="Adds the org's side of the balance.")
        made = st.button("Make the report", type="primary", icon=":material/summarize:")
    if made and not _make(month, live=live):
        return
    kept: tuple[str, Any, str] | None = st.session_state.get(Key.REPORT)
    if not kept or kept[0] != month:
        return
    with st.container(horizontal=True, gap="xsmall"):
        for file_format, (label, mime, name) in _FORMATS.items():
            st.download_button(
                label, later(partial(actions.report_file, kept[1], file_format)), mime=mime,
                file_name=name.format(month), icon=":material/download:", on_click="ignore",
                key=f"report-{file_format}",
            )  # fmt: skip
    st.iframe(kept[2], height=620, alt=f"Audit of {month}")


def _make(month: str, *, live: bool) -> bool:
    with st.spinner("Counting the month"):
        try:
            made = workspace().audit_report(month, live=live)
            page = actions.report_file(made, "html").decode()
        except SynclineError as error:
            notices.problem(error)
            return False
    st.session_state[Key.REPORT] = (month, made, page)
    return True


def months(today: date) -> list[str]:
    """The latest months, the one before this first: it is the one whose books are closed."""
    first = today.replace(day=1)
    out = []
    for _ in range(_MONTHS):
        out.append(f"{first:%Y-%m}")
        first = (first - timedelta(days=1)).replace(day=1)
    return [out[1], out[0], *out[2:]]
