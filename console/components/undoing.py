"""Takes a run back after a look at what that would do, in a dialog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from console import actions
from console.components import diffs, frame, notices, planned
from console.components.text import safe
from console.session import Key, workspace
from console.strings import count
from core import Outcome, Preview, RunStatus, SynclineError

_ENDED = (RunStatus.COMPLETE, RunStatus.COMPLETE_WITH_REJECTS, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELED)
_MOST = 200


def can(run: Mapping[str, Any]) -> bool:
    """Whether a run has written something and is over."""
    return run["status"] in _ENDED and any(run["counts"][o.value] for o in planned.WRITES)


@st.dialog("Undo this run", width="large")
def ask(run_id: str, title: str) -> None:
    """What an undo would put back, what it would leave alone and why; nothing is written before the button."""
    found = _preview(run_id)
    if found is None:
        return
    writes = sum(found.counts[o.value] for o in planned.WRITES)
    left = found.counts["input"] - writes
    st.markdown(
        f"**{safe(title)}**: {count(writes, 'record')} of {found.counts['input']:,} "
        f"{'is' if writes == 1 else 'are'} put back as before."
    )
    frame.small(
        "Only what still holds what the run wrote is put back; what somebody changed since stays as it is. The undo is "
        "a run of its own, and can be undone as well."
    )
    planned.counts_shown(found.counts)
    if st.button(
        f"Undo {count(writes, 'record')} now" if writes else "Nothing to undo", type="primary", disabled=not writes,
        icon=":material/undo:",
    ):  # fmt: skip
        made = actions.undo_run(run_id)
        if made:
            frame.go("runs", run=made)
        st.rerun()
    _rows(found.rows, run_id)
    if left:
        frame.section("Left alone")
        stays = found.rows.filter(~pl.col("outcome").is_in([o.value for o in planned.WRITES]))
        planned.reasons_table(stays.group_by("cause", "reason").len("n"))


def _preview(run_id: str) -> Preview | None:
    """The preview, asked for once for each opening of the dialog."""
    kept = st.session_state.get(Key.UNDO)
    if kept and kept[0] == run_id:
        return kept[1]  # type: ignore[no-any-return]
    with st.spinner("Comparing what the run wrote with what both sides hold now"):
        try:
            found = workspace().preview_undo(run_id)
        except SynclineError as error:
            notices.problem(error)
            return None
    st.session_state[Key.UNDO] = (run_id, found)
    return found


def _rows(rows: pl.DataFrame, run_id: str) -> None:
    """The records that would be put back, each with its fields now and then."""
    back = rows.filter(pl.col("outcome").is_in([o.value for o in planned.WRITES]))
    if back.is_empty():
        return
    listed: list[dict[str, Any]] = list(back.head(_MOST).iter_rows(named=True))
    chosen = planned.rows_shown(listed, f"undo_rows_{run_id}")
    if back.height > _MOST:
        frame.small(f"The first {_MOST} of {back.height:,}.")
    if chosen is not None and Outcome(chosen["outcome"]) in planned.WRITES:
        with st.container(border=True, gap="xsmall"):
            diffs.card(chosen)
