"""What waits for a person's decision, and what is it about?"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import frame, live, making, notices, questions, tables
from console.components.text import plain
from console.session import workspace
from console.strings import ASKS, count
from core import SynclineError

PAGE = 50
_COLUMNS = ("Asks", "Record", "Job", "About", "Since", "Decided")


def _filters(found: pl.DataFrame) -> pl.DataFrame:
    """Narrowed by kind, job and text; all three are in the address."""
    kinds = dict(found.group_by("kind").len().iter_rows())
    words = {ASKS[k].word: k for k in ASKS if kinds.get(k)}
    kind = st.pills("Kind", list(words), key="kind", bind="query-params", label_visibility="collapsed")
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="ask_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Record, key, field or value", width=260,
        )  # fmt: skip
        job = st.selectbox(
            "Job", sorted(found["job"].unique().to_list()), index=None, key="push", bind="query-params",
            label_visibility="collapsed", placeholder="All jobs", width=220,
        )  # fmt: skip
        st.space("stretch")
        st.download_button(
            "Export CSV", lambda: _export(found), file_name="inbox.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if kind:
        found = found.filter(pl.col("kind") == words[kind])
    if job:
        found = found.filter(pl.col("job") == job)
    if search:
        text = pl.concat_str([pl.col(c).cast(pl.String).fill_null("") for c in _SEARCHED], separator=" ")
        found = found.filter(text.str.to_lowercase().str.contains(search.strip().lower(), literal=True))
    return found


_SEARCHED = ("title", "key", "org_id", "field", "workspace", "org", "reason")


def _export(found: pl.DataFrame) -> bytes:
    keep = ("kind", "job", "title", "key", "org_id", "field", "workspace", "org", "workspace_at", "org_at", "reason",
            "decided", "since")  # fmt: skip
    return tables.csv_bytes(found.select(keep))


def _row(item: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    return {
        "Asks": [ASKS[item["kind"]].word],
        "Record": plain(item["title"] or item["key"]),
        "Job": titles.get(item["job"], item["job"]),
        "About": questions.about(item),
        "Since": item["since"],
        "Decided": "next run" if item["decided"] else "",
    }


def _list(items: list[dict[str, Any]], titles: dict[str, str], key: str) -> list[dict[str, Any]]:
    event = st.dataframe(
        tables.frame([_row(i, titles) for i in items], _COLUMNS), hide_index=True, placeholder="", key=key,
        on_select="rerun", selection_mode="multi-row", selection_default={"selection": {"rows": [0]}},
        height="content" if len(items) < 12 else 460,
        column_config={
            "Asks": tables.chips("Asks", ASKS.values()),
            "Record": tables.text("Record", width=170),
            "About": tables.text("About", width=200),
            "Since": tables.distance("Since"),
        },
    )  # fmt: skip
    return [items[i] for i in event["selection"]["rows"] if i < len(items)]


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        found = ws.inbox()
        titles = {s.name: s.title for s in ws.specs()}
    except SynclineError as error:
        frame.header("Inbox")
        notices.problem(error)
        return
    frame.header(
        "Inbox", f"{count(found.height, 'question')} for a person" if found.height else "Nothing waits for you"
    )
    making.warn_without_worker()
    live.watch()
    if found.is_empty():
        frame.verdict(
            strings.JOB_STATES["in_step"], "Nothing waits for a decision.",
            "Ambiguous matches, conflicts, deletes behind a brake and lost answers would be here.", badge="All decided",
        )  # fmt: skip
        return
    picked = _filters(found)
    if picked.is_empty():
        st.markdown(":gray[No question fits these filters.]")
        return
    pages = -(-picked.height // PAGE)
    page = min(int(st.session_state.get("page") or 1), pages)
    items = list(picked.slice((page - 1) * PAGE, PAGE).iter_rows(named=True))
    left, right = st.columns([6, 5], gap="medium")
    with left:
        chosen = _list(items, titles, f"inbox_{page}_{picked.height}_{items[0]['item']}")
        with st.container(horizontal=True, vertical_alignment="center"):
            frame.small(f"{len(items):,} of {count(picked.height, 'question')}. Tick several to decide them alike.")
            st.space("stretch")
            if pages > 1:
                st.pagination(pages, key="page", bind="query-params", max_visible_pages=5)
    with right.container(border=True, gap="small"):
        if len(chosen) > 1:
            questions.many(chosen)
        else:
            questions.one(chosen[0] if chosen else items[0], titles)


main()
