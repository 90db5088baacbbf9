"""Frame and navigation of the console; the pages are in ``app_pages``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from console import signin, strings
from console.components import notices
from console.components.text import safe
from console.session import has_role, workspace
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


def _may_enter() -> bool:
    """Whether whoever looks has signed in and was given a role; else this asks for it, and no page runs."""
    if not signin.is_on():
        return True
    person = signin.person()
    if person is not None and has_role(person):
        return True
    with st.container(width=480, gap="small"):
        st.title(strings.NAME)
        if not st.user.is_logged_in:
            st.markdown(strings.PLEASE_SIGN_IN)
            st.button("Sign in", icon=":material/login:", type="primary", on_click=st.login)
            return False
        if person is None:
            st.markdown(strings.ADDRESS_NOT_VERIFIED)
        else:
            st.markdown(strings.NO_ROLE.format(person=safe(person)))
            st.code(f"syncline roles set {person} viewer", language=None)
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
    return False


def main() -> None:
    """Draw the frame and run the page that was asked for."""
    st.set_page_config(
        page_title=strings.NAME, page_icon=str(HERE / "static" / "icon.svg"), layout="wide",
        initial_sidebar_state="auto",
    )  # fmt: skip
    st.logo(str(HERE / "static" / "logo.svg"))
    if not _may_enter():
        return
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
