"""What one browser session holds: the workspace it works on, and the names of everything it keeps in its state."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import TypeVar

import streamlit as st

from console import signin, strings
from console.entry import Entry
from console.gate import cookie_name
from core import NotAllowed, Workspace, open_workspace
from core.settings import settings


class Key(StrEnum):
    """Names in the session's state; those of widgets that are bound to the address are its words too."""

    NOTICE = "notice"
    TOLD = "told"
    DRAFT = "draft"
    BASE = "base"
    CHECKED = "checked"
    PREVIEWED = "previewed"
    FIELD = "field"
    SLOT = "slot"
    TURN = "turn"
    SAVED = "saved"
    LIVE = "live"
    MADE = "made"
    VIEWS = "views"
    UNDO = "undo"
    BOOKS = "books"
    REPORT = "report"
    REPLAY = "replay"
    SIGNED_OUT = "signed_out"


T = TypeVar("T")
_HELD: ContextVar[Workspace | None] = ContextVar("held", default=None)


def open_named(*, actor: str | None = None) -> Workspace:
    """The workspace that ``SYNCLINE_WORKSPACE`` names, ``default`` where it names none."""
    return open_workspace(os.environ.get("SYNCLINE_WORKSPACE") or "default", actor)


@st.cache_resource(show_spinner=False)
def _opened() -> Workspace:
    return open_named()


def workspace() -> Workspace:
    """The workspace of this installation, opened once for all sessions, in the hands of whoever has signed in.

    Raises:
        NotAllowed: sign-in is configured and nobody is signed in, so nothing is anybody's to do.
    """
    held = _HELD.get()
    if held is not None:
        return held
    if not signin.is_on():
        return _opened()
    person = signin.person()
    if person is None:
        raise NotAllowed(strings.NOT_SIGNED_IN, hint=strings.SIGN_IN_AGAIN)
    return _opened().acting_as(person)


def later(make: Callable[[], T]) -> Callable[[], T]:
    """Something that is done after the page is drawn, as a download is made: still in the hands of who looks now.

    A download is made on a thread of its own, which knows neither the session nor who has signed in.
    """
    held = workspace()

    def made() -> T:
        token = _HELD.set(held)
        try:
            return make()
        finally:
            _HELD.reset(token)

    return made


def has_role(person: str) -> bool:
    """Whether somebody who signed in was given a role; with sign-in, who has none may not even look."""
    return person in _opened().list_members()


def sign_out() -> None:
    """End the browser's session for good; what it still sends over its open socket is heard no more."""
    port = st.get_option("server.port")
    cookie = st.context.cookies.get(cookie_name(port), "")
    if cookie:
        Entry(settings().home).end_session(cookie)


def forget() -> None:
    """Open the workspace anew at the next look; for tests that move to another data directory."""
    _opened.clear()
