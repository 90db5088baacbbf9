"""The double entry as tables: the workspace's side, the org's where it was asked, and the rows behind a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import frame, notices, tables
from console.components.text import plain
from console.components.times import day
from console.session import Key, workspace
from console.strings import count
from core import SynclineError

GROUPS = {"By day": ("day",), "By user": ("user",), "By type": ("kind",), "Each cell": ("day", "user", "kind")}
LABELS = {"day": "Day", "user": "User", "kind": "Type"}
_BALANCES = strings.Sign("Balances", "green", "check_circle")
_RED = strings.Sign("Does not balance", "red", "error")
_MOST = 200
_ORG = {
    "expected": "Expected", "found": "Found", "ours_live": "Ours", "ours_archived": "Ours, archived",
    "native_live": "Native", "native_archived": "Native, archived", "other_tools_live": "Other tools",
    "other_tools_archived": "Other tools, archived", "missing": "Missing", "unknown": "Unknown",
}  # fmt: skip


def kind_words(kind: str) -> str:
    """A kind as people say it: ``Campaign touch``, ``E-mail``."""
    return "E-mail" if kind == "email" else kind.replace("_", " ").capitalize()


def own_side(cube: pl.DataFrame, states: Mapping[str, str], key: str) -> dict[str, Any]:
    """The workspace's side: what was made equals what became of it; returns the cell that was picked, if any.

    Args:
        cube: `core.audit.volume.CUBE`, narrowed by the page's filters.
        states: state -> its word, in the order of the columns; the last is the one that makes a cell red.
        key: of the table.
    """
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        frame.section("Double entry")
    by = right.segmented_control(
        "By", list(GROUPS), default="By day", key="books_by", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    cell = GROUPS[by or "By day"]
    cells = _cells(cube.filter(pl.col("origin") != "org"), cell, list(states))
    *known, red = states
    shown = [s for s in known if cells[s].sum()]
    rows = [
        {
            "Balance": [(_RED if r[red] else _BALANCES).word],
            **_named(r, cell),
            "Made": r["made"],
            **{states[s]: tables.some(r[s]) for s in shown},
            states[red]: tables.some(r[red]),
        }
        for r in cells.head(_MOST).iter_rows(named=True)
    ]
    picked = _table(rows, f"{key}_{by}", [LABELS[c] for c in cell], [*(states[s] for s in shown), states[red]])
    if cells.height > _MOST:
        frame.small(f"{_MOST} of {count(cells.height, 'cell')}, those that do not balance first, then the latest.")
    if picked is None:
        return {}
    row = cells.row(picked, named=True)
    return {c: row[c] for c in cell}


def _cells(own: pl.DataFrame, cell: Sequence[str], states: Sequence[str]) -> pl.DataFrame:
    n = pl.col("n")
    found = own.group_by(list(cell)).agg(
        n.sum().alias("made"), *(n.filter(pl.col("sync_state") == s).sum().alias(s) for s in states)
    )
    down = [True] * len(cell) if cell[0] == "day" else [False] * len(cell)
    return found.sort(states[-1], *cell, descending=[True, *down], nulls_last=True)


def _named(row: Mapping[str, Any], cell: Sequence[str]) -> dict[str, Any]:
    told = {"day": lambda v: v, "user": lambda v: plain(v) or "nobody", "kind": kind_words}
    return {LABELS[c]: told[c](row[c]) for c in cell}


def _table(rows: list[dict[str, Any]], key: str, names: Sequence[str], numbers: Sequence[str]) -> int | None:
    event = st.dataframe(
        tables.frame(rows, ("Balance", *names, "Made", *numbers)), hide_index=True, placeholder="", key=key,
        on_select="rerun", selection_mode="single-row", height=320 if len(rows) > 8 else "content",
        column_config={
            "Balance": tables.chips("Balance", (_BALANCES, _RED)),
            "Day": st.column_config.DateColumn("Day", format="D MMM YYYY"),
            **{n: tables.number(n) for n in ("Made", *numbers)},
        },
    )  # fmt: skip
    picked = event["selection"]["rows"]
    return int(picked[0]) if picked and picked[0] < len(rows) else None


def both_sides(first: date, last: date) -> None:
    """The org's side of the same days, asked for by a button, with the org's activities behind a cell."""
    kept = st.session_state.get(Key.BOOKS)
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.small("The org's side is counted by reading the org: what is ours, native, or of other tools.")
        st.space("stretch")
        if st.button("Ask Salesforce as well", icon=":material/cloud_sync:"):
            with st.spinner("Reading the org's activities"):
                try:
                    kept = (first, last, workspace().balance(first, last, live=True))
                except SynclineError as error:
                    notices.problem(error)
                    return
            st.session_state[Key.BOOKS] = kept
    if kept and kept[:2] == (first, last):
        _org_side(kept[2])


def _org_side(both: Any) -> None:
    cells = both.org.sort("difference", "day", "user", "kind", descending=[True, True, False, False])
    red = int((cells["difference"] != 0).sum())
    frame.verdict(
        _RED if red else _BALANCES, f"{int(cells['found'].sum()):,} activities are in the org.",
        f"{count(red, 'cell does', 'cells do')} not balance." if red else "All of ours are there, and nothing twice.",
    )  # fmt: skip
    shown = [c for c in _ORG if c in cells.columns and (c in ("expected", "found") or cells[c].sum())]
    rows = [
        {
            "Balance": [(_RED if r["difference"] else _BALANCES).word],
            **_named(r, GROUPS["Each cell"]),
            **{_ORG[c]: tables.some(r[c]) for c in shown},
        }
        for r in cells.head(_MOST).iter_rows(named=True)
    ]
    event = st.dataframe(
        tables.frame(rows, ("Balance", *LABELS.values(), *(_ORG[c] for c in shown))), hide_index=True, placeholder="",
        key="org_books", on_select="rerun", selection_mode="single-row", height=320 if len(rows) > 8 else "content",
        column_config={
            "Balance": tables.chips("Balance", (_BALANCES, _RED)),
            "Day": st.column_config.DateColumn("Day", format="D MMM YYYY"),
            **{_ORG[c]: tables.number(_ORG[c]) for c in shown},
        },
    )  # fmt: skip
    picked = event["selection"]["rows"]
    if picked and picked[0] < cells.height:
        cell = cells.row(picked[0], named=True)
        state = "difference" if cell["difference"] else ""
        _behind(both.behind(side="org", state=state, **{c: cell[c] for c in GROUPS["Each cell"]}), cell)


def _behind(found: pl.DataFrame, cell: Mapping[str, Any]) -> None:
    """The org's activities behind a cell; of a red one those that make it red."""
    frame.section(f"In the org, {day(cell['day'])}, {kind_words(cell['kind'])}")
    columns = [c for c in ("whose", "org_id", "sobject", "subject", "created_at", "is_archived") if c in found.columns]
    st.dataframe(
        tables.frame(list(found.select(columns).head(_MOST).iter_rows(named=True)), columns), hide_index=True,
        placeholder="", key="org_behind",
        column_config={
            "whose": tables.text("Whose"), "org_id": tables.text("Salesforce Id"), "sobject": tables.text("Object"),
            "subject": tables.text("Subject", width=320), "created_at": tables.moment("Made"),
            "is_archived": st.column_config.CheckboxColumn("Archived"),
        },
    )  # fmt: skip
