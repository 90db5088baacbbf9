"""Frame and navigation of the console; the pages are in ``app_pages``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from console import strings
from console.components import notices
from console.session import workspace
from core import SynclineError

HERE = Path(__file__).parent


def _titles() -> dict[str, str]:
    """Titles that carry a count."""
    try:
        groups = workspace().error_groups()
    except SynclineError:
        groups = []
    n = sum(g["count"] - g["aside"] for g in groups)
    asks = sum(g["count"] - g["aside"] for g in groups if g["cause"] in strings.INBOX_CAUSES)
    return {"errors": f"Errors {n:,}" if n else "Errors", "inbox": f"Inbox {asks:,}" if asks else "Inbox"}


def _page(name: str, title: str, icon: str, *, default: bool = False, hidden: bool = False) -> st.Page:
    return st.Page(
        HERE / "app_pages" / f"{name}.py",
        title=title,
        icon=f":material/{icon}:",
        url_path=name,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


def main() -> None:
    """Draw the frame and run the page that was asked for."""
    st.set_page_config(
        page_title=strings.NAME, page_icon=str(HERE / "static" / "icon.svg"), layout="wide",
        initial_sidebar_state="auto",
    )  # fmt: skip
    st.logo(str(HERE / "static" / "logo.svg"))
    titles = _titles()
    pages = {
        "": [
            _page("overview", "Overview", "monitor_heart", default=True),
            _page("inbox", titles["inbox"], "front_hand"),
            _page("errors", titles["errors"], "error"),
            _page("runs", "Runs", "sync"),
            _page("record", "Record", "manage_search"),
        ],
        "Configure": [
            _page("jobs", "Jobs", "route"),
            _page("job", "Job", "schema", hidden=True),
            _page("segments", "Segments", "groups"),
            _page("connections", "Connections", "cable"),
        ],
        "Account for": [
            _page("audit", "Audit", "fact_check"),
            _page("plan", "Plans", "rule"),
            _page("budget", "API budget", "speed"),
            _page("settings", "Settings", "settings"),
        ],
    }
    st.navigation(pages, position="top").run()
    notices.put_away()


main()
