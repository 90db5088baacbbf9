"""The draft of the job that is being edited, kept over reloads and restarts, and its findings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import streamlit as st

from console.components import notices, times
from console.session import Key, workspace
from core import Finding, JobSpec, SynclineError


def of(name: str) -> JobSpec:
    """The draft of a job; what is saved where nothing was changed yet. Asked once for each drawing."""
    saved = st.session_state[Key.SAVED] = workspace().job(name)
    kept: dict[str, JobSpec] = st.session_state.setdefault(Key.DRAFT, {})
    bases: dict[str, int] = st.session_state.setdefault(Key.BASE, {})
    if name not in bases:
        bases[name] = _taken_up(name, saved, kept)
    if name not in kept:
        bases[name] = int(workspace().job_head(name)["version"])
    return kept.get(name, saved)


def _taken_up(name: str, saved: JobSpec, kept: dict[str, JobSpec]) -> int:
    """Take up what an earlier session has left; returns the version that it began from."""
    left = workspace().draft(name)
    if left is None:
        return 0
    try:
        spec = JobSpec.model_validate(left["spec"])
    except ValueError:
        # It was kept by an earlier release and reads no more; what is saved stands.
        workspace().drop_draft(name)
        return 0
    if spec != saved:
        kept[name] = spec
        notices.done(f"Your draft of {times.clock_time(left['at'])} was taken up again.", "It is not saved yet.")
    return int(left["version"])


def base(name: str) -> int:
    """The version of the job that the draft began from."""
    return int(st.session_state.get(Key.BASE, {}).get(name, 0))


def overtaken(spec: JobSpec) -> dict[str, Any] | None:
    """Who has saved another version since the draft began, and when; ``None`` where nobody has."""
    head = workspace().job_head(spec.name)
    return head if is_changed(spec) and head["version"] != base(spec.name) else None


def keep_mine(spec: JobSpec) -> None:
    """Go on with the draft, knowing what was saved meanwhile."""
    st.session_state[Key.BASE][spec.name] = int(workspace().job_head(spec.name)["version"])
    workspace().keep_draft(spec, base(spec.name))


def put(spec: JobSpec, *, anew: bool = False) -> None:
    """Keep a changed draft and draw the page again with it.

    Args:
        spec: the draft.
        anew: it was changed past its widgets, which must forget what they hold.
    """
    st.session_state.setdefault(Key.DRAFT, {})[spec.name] = spec
    try:
        workspace().keep_draft(spec, base(spec.name))
    except SynclineError as error:
        notices.failed(error)
    if anew:
        _turn()
    st.rerun()


def drop(name: str) -> None:
    """Forget the changes of a draft."""
    st.session_state.get(Key.DRAFT, {}).pop(name, None)
    workspace().drop_draft(name)
    _turn()


def _turn() -> None:
    st.session_state[Key.TURN] = st.session_state.get(Key.TURN, 0) + 1


def token(spec: JobSpec) -> str:
    """What the keys of a draft's widgets begin with.

    A widget keeps its value under its key. When the job was saved, here or by somebody else, or the draft was changed
    past the widgets, they get new keys and with them the draft's values; else old values would be taken for edits.
    """
    saved: JobSpec = st.session_state[Key.SAVED]
    mark = hashlib.sha256(saved.model_dump_json().encode()).hexdigest()[:8]
    return f"{spec.name}.{mark}.{st.session_state.get(Key.TURN, 0)}"


def is_changed(spec: JobSpec) -> bool:
    """Whether the draft differs from what is saved."""
    return bool(spec != st.session_state[Key.SAVED])


def change(make: Callable[[], JobSpec], *, anew: bool = False) -> None:
    """Change the draft, or say why that does not fit."""
    try:
        made = make()
    except SynclineError as error:
        notices.problem(error)
        return
    put(made, anew=anew)


def findings(spec: JobSpec, *, again: bool = False) -> list[Finding] | SynclineError:
    """What stands in the draft's way, checked once for each state of the draft."""
    kept: dict[str, list[Finding]] = st.session_state.setdefault(Key.CHECKED, {})
    body = spec.model_dump_json()
    if again or body not in kept:
        try:
            found = workspace().validate(spec)
        except SynclineError as error:
            return error
        st.session_state[Key.CHECKED] = {body: found}
    return list(st.session_state[Key.CHECKED][body])
