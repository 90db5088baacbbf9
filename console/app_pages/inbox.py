"""What waits for a person's decision, and what is it about?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import strings
from console.components import frame, live, making, notices, questions, tables
from console.components.text import plain, safe
from console.session import later, workspace
from console.strings import ASKS, count
from core import SynclineError

PAGE = 50
_COLUMNS = ("Asks", "Record", "Job", "About", "Since", "Decided")


def _filters(titles: dict[str, str], counts: dict[str, int]) -> dict[str, Any]:
    """What the filters ask the database for; all three are in the address."""
    words = {ASKS[k].word: k for k in ASKS if counts.get(k)}
    kind = st.pills("Kind", list(words), key="kind", bind="query-params", label_visibility="collapsed")
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="ask_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Record, key, field or value", width=260,
        )  # fmt: skip
        job = st.selectbox(
            "Job", sorted(titles), index=None, key="push", bind="query-params", label_visibility="collapsed",
            placeholder="All jobs", width=220,
        )  # fmt: skip
        wanted: dict[str, Any] = {"kind": words.get(kind or ""), "job": job, "search": search or ""}
        st.space("stretch")
        st.download_button(
            "Export CSV", later(lambda: _export(wanted)), file_name="inbox.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    return wanted


def _named() -> dict[str, Any]:
    """The one row that another page has sent the reader to, as a filter; none else."""
    job, _, subject = st.query_params.get("item", "").partition(":")
    if not subject:
        return {}
    if st.button(f"Only {safe(plain(subject, 40))}", icon=":material/close:", type="tertiary"):
        frame.go("inbox")
    return {"job": job, "subject": subject}


def _export(wanted: dict[str, Any]) -> bytes:
    keep = ("kind", "job", "title", "key", "org_id", "field", "workspace", "org", "workspace_at", "org_at", "reason",
            "decided", "since")  # fmt: skip
    return tables.csv_bytes(workspace().inbox(**wanted).select(keep))


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


def _told(counts: dict[str, int]) -> str:
    """How many wait for a decision, and how many for their person to be known."""
    unknown = counts.get("orphan", 0)
    rest = sum(counts.values()) - unknown
    parts = [f"{count(rest, 'question')} for a person"] if rest else []
    parts += [f"{count(unknown, 'row')} of unknown people"] if unknown else []
    return ", ".join(parts) or "Nothing waits for you"


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        counts, titles = ws.count_inbox(), {s.name: s.title for s in ws.specs()}
    except SynclineError as error:
        frame.header("Inbox")
        notices.problem(error)
        return
    frame.header("Inbox", _told(counts))
    making.warn_without_worker()
    live.watch()
    if not counts:
        frame.verdict(
            strings.JOB_STATES["in_step"], "Nothing waits for a decision.",
            "Ambiguous matches, conflicts, deletes behind a brake and lost answers would be here.", badge="All decided",
        )  # fmt: skip
        return
    wanted = {**_filters(titles, counts), **_named()}
    found = _total(ws.count_inbox(job=wanted["job"], search=wanted["search"]), wanted)
    pages = max(-(-found // PAGE), 1)
    page = min(int(st.session_state.get("inbox_page") or 1), pages)
    items = list(ws.inbox(**wanted, limit=PAGE, skip=(page - 1) * PAGE).iter_rows(named=True)) if found else []
    if not items:
        st.markdown(":gray[No question fits these filters.]")
        return
    left, right = st.columns([6, 5], gap="medium")
    with left:
        chosen = _list(items, titles, f"inbox_{page}_{found}_{items[0]['item']}")
        with st.container(horizontal=True, vertical_alignment="center"):
            frame.small(f"{len(items):,} of {count(found, 'question')}. Tick several to decide them alike.")
            st.space("stretch")
            if pages > 1:
                st.pagination(pages, key="inbox_page", bind="query-params", max_visible_pages=5)
    with right.container(border=True, gap="small"):
        if len(chosen) > 1:
            questions.many(chosen)
        else:
            questions.one(chosen[0] if chosen else items[0], titles)


def _total(counts: dict[str, int], wanted: dict[str, Any]) -> int:
    if wanted.get("subject"):
        return 1
    return counts.get(wanted["kind"], 0) if wanted["kind"] else sum(counts.values())


main()
