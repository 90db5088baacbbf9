"""Planned rows, as kept plans and previews show them: the sum, the list, the causes."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import frame, tables
from console.components.text import plain, safe
from console.strings import OUTCOMES, PLANNED_WORDS, cause_words, count
from core import Outcome

WRITES = (Outcome.CREATED, Outcome.UPDATED, Outcome.DELETED)


def word(outcome: Outcome) -> str:
    """The outcome as something that is still to come: Create, Update, Delete, else its own word."""
    return PLANNED_WORDS.get(outcome, OUTCOMES[outcome].word)


def counts_shown(counts: dict[str, int]) -> None:
    """Counts as tiles, those that occur, and the sum written out beneath."""
    shown = [o for o in Outcome if counts[o.value]]
    if not counts["input"] and not shown:
        frame.small("Nothing has changed on either side since the last run, so there was nothing to look at.")
        return
    grid = st.grid(1 + len(shown), min_column_width=118, gap="xsmall")
    grid.metric("Looked at", counts["input"], border=True, format="localized", icon=":material/search:")
    for o in shown:
        grid.metric(word(o), counts[o.value], border=True, format="localized", icon=f":material/{OUTCOMES[o].icon}:")
    st.markdown(_sum(counts))


def _sum(counts: dict[str, int]) -> str:
    """``1,350 = 1,205 writes + 107 filtered``, and whether it adds up."""
    writes = sum(counts[o.value] for o in WRITES)
    kinds = [f"{counts[o.value]:,} {word(o).lower()}" for o in WRITES if counts[o.value]]
    parts = f" ({' + '.join(kinds)})" if len(kinds) > 1 else ""
    rest = "".join(f" + {counts[o.value]:,} {word(o).lower()}" for o in Outcome if o not in WRITES and counts[o.value])
    total = sum(counts[o.value] for o in Outcome)
    sign = (
        strings.SEVERITIES["pass"].badge("adds up")
        if total == counts["input"]
        else strings.SEVERITIES["fail"].badge(f"{counts['input'] - total:,} unaccounted for")
    )
    return f"{counts['input']:,} = **{count(writes, 'write')}**{parts}{rest} {sign}"


def rows_shown(rows: list[dict[str, Any]], key: str) -> dict[str, Any] | None:
    """A list of plan rows with the fields that they change, or why they change none; returns the chosen one."""
    second = "Fields that change" if any(r["fields"] for r in rows) else "Why"
    shown = [{"Record": plain(r["title"] or r["key"]), second: fields_words(r)} for r in rows]
    event = st.dataframe(
        tables.frame(shown, ("Record", second)),
        hide_index=True, placeholder="", key=key, on_select="rerun", selection_mode="single-row",
        selection_default={"selection": {"rows": [0]}}, height="content" if len(rows) < 12 else 420,
        column_config={"Record": tables.text("Record", width=200)},
    )  # fmt: skip
    picked = event["selection"]["rows"]
    return rows[picked[0]] if picked and picked[0] < len(rows) else None


def fields_words(row: dict[str, Any]) -> str:
    """Which fields a row touches, or why it touches none."""
    names = [f for f in (row["fields"] or "").split(",") if f]
    if not names:
        return plain(row["reason"], 80)
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def reasons_table(found: pl.DataFrame) -> None:
    """Rows by cause, with an example and what to do next; ``cause, reason, n``."""
    grouped = found.group_by("cause").agg(pl.col("n").sum(), pl.col("reason").drop_nulls().first())
    listed = [
        {
            "Cause": safe(cause_words(g["cause"], g["reason"] or "").title),
            "Example": safe(g["reason"], 120),
            "Rows": g["n"],
            "What next": safe(strings.CAUSES[g["cause"]].do) if g["cause"] in strings.CAUSES else "",
        }
        for g in grouped.sort("n", "cause", descending=[True, False]).iter_rows(named=True)
    ]
    st.table(pl.DataFrame(listed), border="horizontal", hide_index=True)
