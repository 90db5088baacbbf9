"""What is the whole story of one record?"""

from __future__ import annotations

import streamlit as st

from console.components import frame, notices, story
from console.components.text import code
from console.session import workspace
from core import SynclineError


def main() -> None:
    """The page."""
    frame.header("Record", "The whole story of one record, both sides")
    key = st.text_input(
        "Record", key="key", bind="query-params", icon=":material/search:", label_visibility="collapsed",
        placeholder="Any id, e-mail or phone",
    )  # fmt: skip
    if not (key or "").strip():
        frame.small(
            "Type an org Id (15 or 18 characters), an external id, an e-mail address or a phone number, "
            "and see both sides, every attempt, and what waits."
        )
        return
    try:
        found = workspace().explain(key.strip())
    except SynclineError as error:
        notices.problem(error)
        return
    records = found.get("records") or []
    if not records:
        with st.container(border=True):
            st.markdown(f"**Nothing here is known as** {code(key)}")
            frame.small("Looked at: org Ids, external ids, record numbers, e-mail addresses and phone numbers.")
        return
    if len(records) > 1:
        frame.small(f"{len(records)} records have this key.")
    for n, record in enumerate(records[:10]):
        story.tell(record, n)


main()
