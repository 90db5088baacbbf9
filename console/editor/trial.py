"""The preview step: what a run of the draft would do now, what it would hold and why, before anything is sent."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import diffs, frame, notices, planned
from console.components.text import plain, safe
from console.session import Key, workspace
from console.strings import OUTCOMES, cause_words, count
from core import JobSpec, Outcome, Preview, SynclineError

_HELD = (Outcome.HELD, Outcome.REJECTED, Outcome.WAITING)
_ORDER = (*_HELD[:2], *planned.WRITES, *(o for o in Outcome if o not in (*_HELD[:2], *planned.WRITES)))
"""What needs a person first, then what would be written, then what stays as it is."""
_NAMES = 12
_WAITING_NAMES = 4


def show(spec: JobSpec) -> None:
    """The step."""
    kept: dict[str, Preview] = st.session_state.setdefault(Key.PREVIEWED, {})
    body = spec.model_dump_json()
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.small("Reads both sides, writes nothing, keeps nothing.")
        st.space("stretch")
        asked = st.button(
            "Preview now", type="primary" if body not in kept else "secondary", icon=":material/visibility:"
        )
    if asked:
        with st.spinner("Reading both sides"):
            try:
                found = workspace().preview(spec)
            except SynclineError as error:
                notices.problem(error)
                return
        st.session_state[Key.PREVIEWED] = kept = {body: found}
    if body not in kept:
        with st.container(border=True):
            st.markdown("**Not previewed in this state.**")
            frame.small("Preview shows every row this draft would write, and names those it would hold.")
        return
    _told(kept[body])


def _told(found: Preview) -> None:
    planned.counts_shown(found.counts)
    frame.small(f"{count(found.api_calls, 'API call')} for this preview.")
    if found.guards:
        frame.verdict(strings.JOB_STATES["needs_a_person"], "A guard would stop it.", " ".join(found.guards))
    _held(found.rows)
    _rows(found)


def _held(rows: pl.DataFrame) -> None:
    """Rows that would not go, by cause, with names."""
    rank = {o.value: n for n, o in enumerate(_HELD)}
    held = rows.filter(pl.col("outcome").is_in(list(rank)))
    held = held.sort(pl.col("outcome").replace_strict(rank, return_dtype=pl.Int8), "cause", maintain_order=True)
    if held.is_empty():
        return
    frame.section("Would not be sent")
    for (outcome, cause, field), group in held.group_by("outcome", "cause", "field", maintain_order=True):
        words = cause_words(str(cause), str(group["reason"][0] or ""))
        names = _WAITING_NAMES if outcome == Outcome.WAITING else _NAMES
        with st.container(border=True, gap="xsmall"):
            sign = OUTCOMES[Outcome(str(outcome))]
            badge = sign.badge(f"{group.height:,} {sign.word.lower()}")
            about = f" {safe(field)}" if field else ""
            st.markdown(f"{badge} **{safe(words.title)}**{f' · {about}' if about else ''}")
            if words.do:
                frame.small(words.do)
            listed = [
                {"Record": safe(r["title"] or r["key"], 80), "Why": safe(r["reason"], 160)}
                for r in group.head(names).iter_rows(named=True)
            ]
            st.table(pl.DataFrame(listed), border="horizontal", hide_index=True)
            if group.height > names:
                frame.small(f"and {group.height - names:,} more")
            if words.step and st.button(f"Mend in {words.step}", key=f"mend-{outcome}-{cause}-{field}"):
                spec_name = st.query_params.get("job", "")
                frame.go("job", job=spec_name, step=words.step, field=str(field or ""))


def _rows(found: Preview) -> None:
    have = [o for o in _ORDER if found.counts.get(o.value)]
    if not have:
        frame.small("There is nothing to do.")
        return
    frame.section("Row by row")
    names = {strings.PLANNED_WORDS.get(o, OUTCOMES[o].word): o for o in have}
    word = st.segmented_control(
        "Outcome",
        list(names),
        default=next(iter(names)),
        required=True,
        label_visibility="collapsed",
        key="trial_outcome",
    )
    outcome = names.get(word or "", have[0])
    rows: list[dict[str, Any]] = list(
        found.rows.filter(pl.col("outcome") == outcome.value).head(50).iter_rows(named=True)
    )
    if not rows:
        frame.small("These rows are counted, not listed.")
        return
    left, right = st.columns([4, 6], gap="medium")
    with left:
        chosen = planned.rows_shown(rows, f"trial_{outcome}")
        more = found.counts[outcome.value] - len(rows)
        if more > 0:
            frame.small(f"{plain(f'{more:,}')} more are not listed.")
    with right.container(border=True):
        if chosen is not None:
            diffs.card(chosen)
