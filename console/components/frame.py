"""The frame of every page: header with its buttons, the verdict in one sentence, section titles, empty states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from console.components import notices
from console.components.text import safe
from console.session import workspace
from console.strings import Sign
from core import Workspace


def header(title: str, sub: str = "", *, widths: tuple[int, int] = (3, 2)) -> DeltaGenerator:
    """Title and sub line, then whatever the last action came to; returns the place for at most three buttons.

    Args:
        title: plain words; values are made safe here.
        sub: what the page shows, without the org, which is added.
        widths: of title and buttons.
    """
    left, right = st.columns(list(widths), vertical_alignment="center")
    with left.container(gap=None):
        st.title(safe(title), anchor=False)
        told = " · ".join(part for part in (safe(sub, 400), safe(org_words(workspace()))) if part)
        st.markdown(f":small[:gray[{told}]]")
    buttons = right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xsmall")
    notices.show()
    return buttons


def org_words(ws: Workspace) -> str:
    """The org and what kind it is, for the end of every sub line."""
    found = ws.connections()
    if not found:
        return "no org connected"
    host = (found[0].instance_url or found[0].login_url).removeprefix("https://").split("/")[0]
    name = host.split(":")[0].split(".")[0] if ".my.salesforce.com" in host else host
    return f"{name} · {org_kind(found[0].login_url, host)}"


def org_kind(login_url: str, host: str) -> str:
    """Production, sandbox or practice org, as far as the addresses tell."""
    if "test.salesforce.com" in login_url or ".sandbox." in host or "--" in host:
        return "sandbox"
    if host.split(":")[0] in ("localhost", "127.0.0.1"):
        return "practice org"
    return "production"


def verdict(sign: Sign, bold: str, rest: str = "", *, badge: str = "") -> None:
    """The one sentence that answers the page's question."""
    with st.container(border=True):
        tail = f" {safe(rest, 500)}" if rest else ""
        st.markdown(f"{sign.badge(safe(badge))} **{safe(bold, 400)}**{tail}")


def section(title: str) -> None:
    """A section's title."""
    st.subheader(safe(title), anchor=False)


def small(text: str) -> None:
    """One gray line; the text is data and made safe."""
    st.markdown(f":small[:gray[{safe(text, 500)}]]")


def cards(entries: Sequence[Mapping[str, Any]], columns: int = 4, width: int = 235) -> None:
    """Cards of the same height: ``badge`` (Markdown of ours), ``title``, ``text``, ``label``, ``page``, ``query``."""
    grid = st.grid(columns, min_column_width=width, gap="xsmall")
    for n, entry in enumerate(entries):
        with grid.container(border=True, height="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.markdown(entry["badge"], width="content")
                st.space("stretch")
                if st.button(
                    entry["label"], key=f"card-{entry['page']}-{n}", type="tertiary", icon=":material/arrow_forward:",
                    icon_position="right",
                ):  # fmt: skip
                    go(entry["page"], **entry.get("query", {}))
            st.markdown(f"**{safe(entry['title'])}**")
            small(entry["text"])


def empty(title: str, text: str, label: str = "", action: Callable[[], None] | None = None, key: str = "empty") -> None:
    """What to do first, where there is nothing to show yet."""
    with st.container(border=True):
        st.markdown(f"**{safe(title)}**")
        small(text)
        if label and action and st.button(label, key=key, type="primary"):
            action()


def go(page: str, **query: str) -> None:
    """Go to another page of the console in the same tab."""
    st.switch_page(f"app_pages/{page}.py", query_params={k: v for k, v in query.items() if v})
