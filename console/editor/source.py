"""The source step: which records the job takes, and the job's name for people."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from console import editing
from console.components import frame
from console.components.text import safe
from console.editor import draft
from console.strings import count
from core import JobSpec, workspace_fields

_OPERATORS = ("=", "!=", "in", "not in", "<", "<=", ">", ">=", "contains", "is empty", "is not empty")
_ALONE = ("is empty", "is not empty")
_LISTS = ("in", "not in")


def show(spec: JobSpec) -> None:
    """The step."""
    with st.container(border=True):
        title = st.text_input("Title", value=spec.title, key=f"title_{draft.token(spec)}")
        if title.strip() and title != spec.title:
            draft.change(lambda: editing.changed(spec, title=title.strip()))
        if spec.direction == "outbound":
            _outbound(spec)
        else:
            _inbound(spec)


def _outbound(spec: JobSpec) -> None:
    st.markdown(f"**Which {safe(spec.kind.replace('_', ' '))} records go out?**")
    limited = st.checkbox(
        "Only those updated lately when the job first sees them", value=spec.updated_within_days is not None,
        key=f"limited_{draft.token(spec)}",
    )  # fmt: skip
    days = spec.updated_within_days
    if limited:
        days = int(st.number_input("Days", 1, 3650, value=days or 30, key=f"days_{draft.token(spec)}"))
    now = days if limited else None
    if now != spec.updated_within_days:
        draft.change(lambda: editing.changed(spec, updated_within_days=now))
    _conditions(spec)


def _conditions(spec: JobSpec) -> None:
    """The filter, one clause per line; all must hold."""
    labels = {f.name: f.label for f in workspace_fields(spec.kind)}
    clauses = [c.model_dump(mode="json") for c in spec.filters]
    frame.small("All of these must hold." if clauses else "No filter: every record goes out.")
    new = [c for n, clause in enumerate(clauses) if (c := _clause(spec, n, clause, labels)) is not None]
    if new != clauses:
        draft.change(lambda: editing.changed(spec, filters=new))
    if st.button("Add a condition", icon=":material/add:", key=f"add_{draft.token(spec)}"):
        added = {"field": next(iter(labels)), "op": "is not empty", "value": None}
        draft.change(lambda: editing.changed(spec, filters=[*clauses, added]))


def _clause(spec: JobSpec, n: int, clause: dict[str, Any], labels: dict[str, str]) -> dict[str, Any] | None:
    key = f"{draft.token(spec)}_{n}_{len(spec.filters)}"
    first, second, third, last = st.columns([4, 3, 4, 1], vertical_alignment="bottom")
    names = [*labels, *([clause["field"]] if clause["field"] not in labels else [])]
    field = first.selectbox(
        "Field", names, index=names.index(clause["field"]), key=f"cf_{key}", format_func=lambda f: labels.get(f, f),
        label_visibility="collapsed", accept_new_options=True,
    )  # fmt: skip
    op = second.selectbox(
        "Operator", _OPERATORS, index=_OPERATORS.index(clause["op"]), key=f"co_{key}", label_visibility="collapsed"
    )
    shown = ", ".join(map(str, clause["value"])) if isinstance(clause["value"], list) else str(clause["value"] or "")
    typed = shown
    if op not in _ALONE:
        typed = third.text_input(
            "Value", value=shown, key=f"cv_{key}", label_visibility="collapsed",
            placeholder="a, b, c" if op in _LISTS else "Value",
        )  # fmt: skip
    if last.button("", icon=":material/delete:", key=f"cx_{key}", help="Take this condition out", type="tertiary"):
        return None
    value: Any = None
    if op in _LISTS:
        value = [v.strip() for v in typed.split(",") if v.strip()]
    elif op not in _ALONE:
        value = clause["value"] if typed == shown and clause["value"] is not None else typed
    return {"field": field, "op": op, "value": value}


def _inbound(spec: JobSpec) -> None:
    for pair in spec.pairs:
        st.markdown(f"**Which {safe(pair.sobject)} records come in?**")
        where = st.text_area(
            "SOQL after WHERE", value=pair.where, key=f"where_{draft.token(spec)}_{pair.sobject}", height=80,
            placeholder="Empty: all of them. For example: Status = 'Open' AND OwnerId != null",
        )  # fmt: skip
        if where.strip() != pair.where:
            sobject = pair.sobject
            draft.change(partial(editing.with_pair, spec, sobject, where=where.strip()))
    frame.small(f"{count(len(spec.pairs), 'object')}: the filter is checked against the org's fields at every change.")
