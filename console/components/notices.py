"""Tells what an action came to: one sentence, what to do now, and the technical part folded away."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import streamlit as st

from console import strings
from console.components.text import safe
from console.session import Key
from core import NotFound, OrgError, PlanError, StoreError, SynclineError, UsageError
from core.logs import scrubbed

_TITLES: tuple[tuple[type[Exception], str, str], ...] = (
    (PlanError, "Not done", "orange"),
    (NotFound, "Not found", "orange"),
    (UsageError, "Not done", "orange"),
    (OrgError, "Salesforce said no", "red"),
    (StoreError, "Stopped", "red"),
)


@dataclass(frozen=True)
class Notice:
    """What an action came to."""

    title: str
    text: str
    hint: str = ""
    color: str = "green"
    detail: str = ""


def done(text: str, hint: str = "") -> None:
    """Keep the good news for the top of the page that is shown next."""
    st.session_state[Key.NOTICE] = Notice("Done", text, hint)


def refused(text: str, hint: str) -> None:
    """Keep what the org's sign-in came to for the top of the page that is shown next."""
    st.session_state[Key.NOTICE] = Notice("Not connected", scrubbed(text), hint, "red")


def failed(error: Exception) -> None:
    """Keep what went wrong for the top of the page that is shown next."""
    st.session_state[Key.NOTICE] = of_error(error)


def of_error(error: Exception) -> Notice:
    """An error as a notice, without secrets."""
    title, color = next(((t, c) for kind, t, c in _TITLES if isinstance(error, kind)), ("Something went wrong", "red"))
    detail = scrubbed("".join(traceback.format_exception(error)))
    if not isinstance(error, SynclineError):
        return Notice(title, strings.BROKEN_PAGE, strings.BROKEN_PAGE_HINT, color, detail)
    code = getattr(error, "status_code", "")
    text = scrubbed(error.message)
    return Notice(title, f"{text} ({code})" if code and code not in text else text, error.hint or "", color, detail)


def show() -> None:
    """Show what was kept. It stays until `put_away`: a page that is drawn anew half-way must not swallow it."""
    notice = st.session_state.get(Key.NOTICE)
    if notice is not None:
        box(notice)


def put_away() -> None:
    """Forget what was kept, once a page with it has been drawn to its end."""
    st.session_state[Key.TOLD] = st.session_state.pop(Key.NOTICE, None)


def again() -> None:
    """Show once more what was told last: the page is drawn anew by itself, and nobody has done anything since."""
    told = st.session_state.get(Key.TOLD)
    if told is not None:
        st.session_state.setdefault(Key.NOTICE, told)


def box(notice: Notice) -> None:
    """One bordered box: badge, sentence, what to do now; the details folded."""
    icon = {"green": "check_circle", "orange": "warning"}.get(notice.color, "error")
    with st.container(border=True, gap="xsmall"):
        badge = f":{notice.color}-badge[:material/{icon}: {notice.title}]"
        hint = f" {safe(notice.hint)}" if notice.hint else ""
        st.markdown(f"{badge} **{safe(notice.text)}**{hint}")
        if notice.detail:
            with st.expander(strings.DETAILS, type="compact"):
                st.code(notice.detail, language=None)


def problem(error: Exception) -> None:
    """Show an error right here."""
    box(of_error(error))
