"""The rules step: what the job may do, who wins, who owns, when it must stop and ask."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from console import editing, strings
from console.editor import draft
from core import JobSpec

_PARENTS = {
    "record_then_account": "The custom record the person is on, else the account",
    "given_then_account": "The record it names, else the account",
    "account": "Always the account",
    "given": "Only the record it names",
    "none": "No parent",
}
_ACTIVITIES = ("Task", "Event")


def show(spec: JobSpec) -> None:
    """The step."""
    new: dict[str, Any] = {}
    target = "Salesforce" if spec.direction == "outbound" else "the workspace"
    with st.container(border=True):
        st.markdown(f"**What may it do in {target}?**")
        first, second, third = st.columns(3)
        new["create"] = first.toggle("Create records", spec.create, key=f"r_create_{draft.token(spec)}")
        new["update"] = second.toggle("Update records", spec.update, key=f"r_update_{draft.token(spec)}")
        new["delete"] = third.toggle("Delete records", spec.delete, key=f"r_delete_{draft.token(spec)}")
        new["policy"] = _choice(
            "If both sides changed the same field", strings.POLICIES, spec.policy.value, spec, "policy"
        )
    if spec.direction == "outbound":
        with st.container(border=True):
            st.markdown("**Who owns it, and what does it hang on?**")
            left, right = st.columns(2)
            with left:
                new["owner_rule"] = _choice("Owner", strings.OWNER_RULES, spec.owner_rule, spec, "owner")
                new["inactive_owner"] = _choice(
                    "If the owner is inactive", strings.INACTIVE_OWNERS, spec.inactive_owner, spec, "inactive"
                )
            with right:
                _parent(spec)
                new["zone"] = _zone(spec)
    with st.container(border=True):
        st.markdown("**When must it stop and ask?**")
        share = st.slider(
            "A plan that deletes more than this share waits for a person", 0, 100,
            round(spec.guards.max_delete_share * 100), format="%d %%", key=f"r_share_{draft.token(spec)}",
        )  # fmt: skip
        least = st.number_input(
            "but never for fewer deletes than", 1, 100_000, spec.guards.min_deletes, key=f"r_least_{draft.token(spec)}"
        )
    now = spec.model_dump(mode="json")
    new["guards"] = now["guards"] | {"max_delete_share": share / 100, "min_deletes": int(least)}
    if any(now[k] != v for k, v in new.items()):
        draft.change(lambda: editing.changed(spec, **new))


def _choice(label: str, words: dict[str, str], now: str, spec: JobSpec, key: str) -> str:
    options = list(words)
    return str(
        st.selectbox(
            label, options, index=options.index(now), format_func=words.__getitem__, key=f"r_{key}_{draft.token(spec)}"
        )
    )


def _zone(spec: JobSpec) -> str:
    options = list(dict.fromkeys(["workspace", "owner", "UTC", spec.zone]))
    words = {"workspace": "The workspace's", "owner": "The owner's"}
    return str(
        st.selectbox(
            "Zone in which an instant becomes a date",
            options,
            index=options.index(spec.zone),
            key=f"r_zone_{draft.token(spec)}",
            format_func=lambda z: words.get(z, z),
            accept_new_options=True,
        )
    )


def _parent(spec: JobSpec) -> None:
    for pair in spec.pairs:
        if pair.sobject not in _ACTIVITIES:
            continue
        picked = _choice(f"{pair.sobject} is related to", _PARENTS, pair.related_to, spec, f"parent_{pair.sobject}")
        if picked != pair.related_to:
            sobject = pair.sobject
            draft.change(partial(editing.with_pair, spec, sobject, related_to=picked))
