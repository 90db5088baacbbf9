"""What is the whole story of one record?"""

from __future__ import annotations

import streamlit as st

from console import actions
from console.components import frame, notices, story
from console.components.text import code
from console.session import later, workspace
from core import SynclineError


def main() -> None:
    """The page."""
    buttons = frame.header("Record", "The whole story of one record, both sides")
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
    if not found["records"] and not found["org_only"]:
        _nothing(key, found["looked"])
        return
    buttons.download_button(
        "Support bundle", later(lambda: actions.make_bundle(key.strip())), file_name="support-bundle.zip",
        mime="application/zip", icon=":material/folder_zip:", on_click="ignore",
        help="Ids, times, values, attempts with the org's errors, and permissions; no secrets.",
    )  # fmt: skip
    if found["found"] > 1:
        frame.small(f"{found['found']} records have this key; the first {len(found['records'])} are told.")
    for n, record in enumerate(found["records"]):
        story.tell(record, n)
    for one in found["org_only"]:
        story.org_only(one)


def _nothing(key: str, looked: list[str]) -> None:
    with st.container(border=True):
        st.markdown(f"**Nothing here is known as** {code(key)}")
        frame.small(f"It was looked for as {', '.join(looked)}." if looked else "It reads like no key that we know.")


main()
