"""The policy backtest: the conflicts of the past under each policy, and what would have been lost."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import frame, notices, tables
from console.components.text import plain
from console.session import Key, later, workspace
from console.strings import count
from core import SynclineError

_COUNTS = {
    "conflicts": "Conflicts", "workspace_wins": "Workspace wins", "org_wins": "Salesforce wins", "asks": "Asks",
    "workspace_lost": "Workspace values lost", "org_lost": "Salesforce values lost",
    "newer_lost": "Newer values lost", "other_than_decided": "Other than decided",
}  # fmt: skip
_COLUMNS = ("When", "Job", "Record", "Field", "Workspace", "Salesforce", "Was decided", "Would be", "Lost")
_SIDES = {"ours": "Workspace", "theirs": "Salesforce", "ask": "Ask a person", "same": "Same"}
_MOST = 200


def show() -> None:
    """The part."""
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.small(
            "Every conflict that was decided is replayed under each policy: who would have won, and what would have "
            "been overwritten. Nothing is changed by it."
        )
        st.space("stretch")
        if st.button("Replay the past", type="primary", icon=":material/replay:"):
            _replay()
    rows: pl.DataFrame | None = st.session_state.get(Key.REPLAY)
    if rows is None:
        return
    if rows.is_empty():
        st.markdown(":gray[No conflict has been decided yet, so there is nothing to replay.]")
        return
    _summary(rows)
    _rows(rows)


def _replay() -> None:
    with st.spinner("Replaying the conflicts of the past"):
        try:
            st.session_state[Key.REPLAY] = workspace().backtest()
        except SynclineError as error:
            notices.problem(error)


def _summary(rows: pl.DataFrame) -> None:
    found = workspace().backtest_summary(rows)
    shown = [
        {"Policy": strings.POLICIES[r["policy"]], **{word: r[c] for c, word in _COUNTS.items()}}
        for r in found.iter_rows(named=True)
    ]
    st.dataframe(
        tables.frame(shown, ("Policy", *_COUNTS.values())), hide_index=True, placeholder="", key="backtest",
        column_config={word: tables.number(word) for word in _COUNTS.values()},
    )  # fmt: skip


def _rows(rows: pl.DataFrame) -> None:
    """The conflicts that one policy would decide otherwise."""
    policies = {strings.POLICIES[p]: p for p in rows["policy"].unique().sort().to_list()}
    word = st.segmented_control(
        "Policy", list(policies), default=next(iter(policies)), key="policy", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    other = rows.filter(pl.col("policy") == policies[word or next(iter(policies))], pl.col("is_other"))
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.small(f"{count(other.height, 'conflict')} would have ended otherwise.")
        st.space("stretch")
        st.download_button(
            "Export CSV", later(lambda: tables.csv_bytes(rows)), file_name="backtest.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if other.is_empty():
        return
    st.dataframe(
        tables.frame([_row(r) for r in other.head(_MOST).iter_rows(named=True)], _COLUMNS), hide_index=True,
        placeholder="", key="backtest_rows", height="content" if other.height < 12 else 420,
        column_config={"When": tables.moment("When")},
    )  # fmt: skip
    if other.height > _MOST:
        frame.small(f"The first {_MOST}; the export has all of them.")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "When": row["at"],
        "Job": row["job"],
        "Record": plain(row["key"]),
        "Field": plain(row["field"]),
        "Workspace": plain(row["workspace"]),
        "Salesforce": plain(row["org"]),
        "Was decided": _SIDES.get(row["decided"], row["decided"]),
        "Would be": _SIDES.get(row["would"], row["would"]),
        "Lost": plain(row["lost"]),
    }
