"""The values step: what each value of the workspace becomes in the org's picklist, the gaps first."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import editing, strings
from console.components import frame
from console.components.text import plain, safe, spoken
from console.editor import draft
from console.editor.mapping import Side, side
from console.session import workspace
from console.strings import count
from core import JobSpec, map_state

_MOST = 60
_MISSING = strings.Sign("Missing", "red", "error")
_INVALID = strings.Sign("Not in the picklist", "red", "error")
_READY = strings.Sign("Ready", "green", "check_circle")
_UNUSED = strings.Sign("Does not occur", "gray", "circle")


def show(spec: JobSpec, sobject: str) -> None:
    """The step."""
    found = side(spec, sobject)
    mapped = [m.model_dump(mode="json") for m in spec.pair(sobject).mappings]
    maps = [m for m in mapped if m["source"] and (m["value_map"] is not None or _could(found, m))]
    if not maps:
        frame.small("No field of this mapping leads to a picklist or has a value map.")
        return
    targets = [m["target"] for m in maps]
    wanted = st.query_params.get("field")
    with_map = next((n for n, m in enumerate(maps) if m["value_map"] is not None), 0)
    worst = max(range(len(maps)), key=lambda n: _gaps(found, maps[n]), default=with_map)
    start = targets.index(wanted) if wanted in targets else worst if _gaps(found, maps[worst]) else with_map
    # The first choice is put into the state and is no default of the widget's: it moves as gaps are filled.
    key = f"values_{spec.name}_{sobject}_{wanted or ''}"
    if st.session_state.get(key) not in targets:
        st.session_state[key] = targets[start]
    target = st.selectbox(
        "Field", targets, key=key,
        format_func=lambda t: _label(found, next(m for m in maps if m["target"] == t)),
    )  # fmt: skip
    mapping = next(m for m in maps if m["target"] == target)
    if mapping["value_map"] is None:
        frame.small("Values go over as they are.")
        if st.button("Give it a value map"):
            draft.change(lambda: editing.with_mapping(spec, sobject, target, value_map={}))
        return
    _entries(found, mapping)


def _could(found: Side, mapping: dict[str, Any]) -> bool:
    return bool(found.outbound and mapping["role"] == "value" and _picklist(found, mapping))


def _picklist(found: Side, mapping: dict[str, Any]) -> list[str]:
    field = found.org.get(mapping["target"]) if found.outbound else None
    return list(field.active_values) if field is not None else []


def _counts(found: Side, mapping: dict[str, Any]) -> dict[str, int]:
    return workspace().value_counts(found.spec).get(mapping["source"] or "", {})


def _gaps(found: Side, mapping: dict[str, Any]) -> int:
    if mapping["value_map"] is None:
        return 0
    state = map_state(mapping["value_map"], _picklist(found, mapping), list(_counts(found, mapping)))
    return len(state.missing) + len(state.invalid)


def _label(found: Side, mapping: dict[str, Any]) -> str:
    gaps = _gaps(found, mapping)
    tail = f", {gaps} to choose" if gaps else ""
    return f"{found.own.get(mapping['source'], mapping['source'])} → {mapping['target']}{tail}"


def _entries(found: Side, mapping: dict[str, Any]) -> None:
    entries, choices, seen = mapping["value_map"], _picklist(found, mapping), _counts(found, mapping)
    state = map_state(entries, choices, list(seen) if seen else None)
    invalid = {k for k, _ in state.invalid}
    ordered = list(dict.fromkeys([*state.missing, *(k for k, _ in state.invalid), *seen, *entries]))
    ordered = _folded(ordered)
    affected = sum(n for v, n in seen.items() if v in state.missing)
    if affected:
        frame.small(f"{count(affected, 'record')} carry a value that has no entry. They are held, not sent.")
    suggested = dict(state.suggestions)
    if suggested:
        _suggest(found, mapping, suggested)
    most = max(seen.values(), default=1)
    for value in ordered[:_MOST]:
        sign = _MISSING if value in state.missing else _INVALID if value in invalid else _READY
        if seen and value not in seen and sign is _READY:
            sign = _UNUSED
        _entry(found, mapping, value, choices, sign, seen.get(value, 0), most)
    if len(ordered) > _MOST:
        frame.small(f"{len(ordered) - _MOST} more values are not shown; mend those above first.")


def _folded(values: list[str]) -> list[str]:
    """Each value once, whatever its case."""
    out: dict[str, str] = {}
    for value in values:
        out.setdefault(value.strip().lower(), value)
    return list(out.values())


def _suggest(found: Side, mapping: dict[str, Any], suggested: dict[str, str]) -> None:
    told = "; ".join(f"{plain(k, 30)} → {v}" for k, v in list(suggested.items())[:4])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[:gray[Suggested: {safe(told)}]]", width="stretch")
        if st.button(f"Take {count(len(suggested), 'suggestion')}", icon=":material/wand_stars:"):
            entries = {**mapping["value_map"], **suggested}
            target = mapping["target"]
            draft.change(lambda: editing.with_mapping(found.spec, found.sobject, target, value_map=entries), anew=True)


def _entry(
    found: Side, mapping: dict[str, Any], value: str, choices: list[str], sign: strings.Sign, n: int, most: int
) -> None:
    """One value of the workspace and what it becomes."""
    now = editing.entry(mapping["value_map"], value)
    key = f"value_{draft.token(found.spec)}_{found.sobject}_{mapping['target']}_{value}"
    left, middle, right = st.columns([4, 3, 5], vertical_alignment="center")
    with left.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(sign.badge(), width="content")
        st.text(plain(value, 60))
    if n:
        middle.progress(n / most, text=f":small[{count(n, 'record')}]")
    with right:
        if choices:
            options = [*choices, *([now] if now and now not in choices else [])]
            picked = st.selectbox(
                f"{spoken(value)} becomes", options, index=options.index(now) if now else None, key=key,
                placeholder="Choose a value", label_visibility="collapsed",
            )  # fmt: skip
        else:
            picked = st.text_input(
                f"{spoken(value)} becomes", value=now or "", key=key, label_visibility="collapsed",
                placeholder="Type a value",
            )  # fmt: skip
    if (picked or None) != now:
        draft.change(lambda: editing.with_value(found.spec, found.sobject, mapping["target"], value, picked or None))
