"""The draft of the job that is being edited, its findings, and the shared parts of all steps."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from console.components import notices
from console.session import Key, workspace
from core import Finding, JobSpec, SynclineError


def of(name: str) -> JobSpec:
    """The draft of a job; what is saved where nothing was changed yet."""
    kept: dict[str, JobSpec] = st.session_state.setdefault(Key.DRAFT, {})
    if name not in kept:
        kept[name] = workspace().job(name)
    return kept[name]


def put(spec: JobSpec) -> None:
    """Keep a changed draft and draw the page again with it."""
    st.session_state.setdefault(Key.DRAFT, {})[spec.name] = spec
    st.rerun()


def drop(name: str) -> None:
    """Forget the changes of a draft."""
    st.session_state.get(Key.DRAFT, {}).pop(name, None)


def is_changed(spec: JobSpec) -> bool:
    """Whether the draft differs from what is saved."""
    return spec != workspace().job(spec.name)


def change(make: Callable[[], JobSpec]) -> None:
    """Change the draft, or say why that does not fit."""
    try:
        made = make()
    except SynclineError as error:
        notices.problem(error)
        return
    put(made)


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
