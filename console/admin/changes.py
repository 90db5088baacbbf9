"""The configuration log: who changed what and when, with the values before and after."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from console.components import frame, tables, times
from console.components.diffs import marked
from console.components.text import plain, safe
from console.session import later, workspace
from console.strings import count
from core import differences

PAGE = 25
_ALL = 100_000
_TOPICS = {
    "Jobs": "job",
    "Connections": "connection",
    "People": "user",
    "Roles": "role",
    "Tokens": "token",
    "Hosts": "hosts",
    "Alerts": "alerts",
    "Words": "vocabulary",
    "Exclusions": "exclusion",
    "Import rules": "list",
    "Retention": "config",
    "Workspace": "workspace",
}
_COLUMNS = ("When", "Who", "What", "Of", "Changed")
_MOST_NAMES = 3


def show() -> None:
    """The part."""
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="change_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Person, job or what was done", width=260,
        )  # fmt: skip
        about = st.pills("About", list(_TOPICS), key="topic", bind="query-params", label_visibility="collapsed")
        topic = _TOPICS.get(about or "", "")
        st.space("stretch")
        st.download_button(
            "Export CSV", later(lambda: _export(topic, search or "")), file_name="changes.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    page = int(st.session_state.get("changes_page") or 1)
    found = workspace().config_log(topic=topic, search=search or "", limit=PAGE, skip=(page - 1) * PAGE)
    if found.is_empty():
        st.markdown(":gray[No change fits these filters.]")
        return
    rows = list(found.iter_rows(named=True))
    chosen = _table(rows, f"changes_{topic}_{search}_{page}")
    total = int(rows[0]["total"])
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.small(count(total, "change"))
        st.space("stretch")
        if total > PAGE:
            st.pagination(-(-total // PAGE), key="changes_page", bind="query-params", max_visible_pages=5)
    _one(chosen)


def _table(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    event = st.dataframe(
        tables.frame([_row(r) for r in rows], _COLUMNS), hide_index=True, placeholder="", key=key,
        on_select="rerun", selection_mode="single-row", selection_default={"selection": {"rows": [0]}},
        height="content" if len(rows) < 12 else 420,
        column_config={"When": tables.moment("When"), "Changed": tables.text("What changed", width=480)},
    )  # fmt: skip
    picked = event["selection"]["rows"]
    return rows[picked[0]] if picked and picked[0] < len(rows) else rows[0]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "When": row["at"],
        "Who": plain(row["actor"], 60),
        "What": done(row["kind"]),
        "Of": plain(row["subject"], 80),
        "Changed": _names(row),
    }


def done(kind: str) -> str:
    """A kind of the ledger as people say it: ``Job saved``."""
    return kind.replace(".", " ").replace("_", " ").capitalize()


def _names(row: dict[str, Any]) -> str:
    changed = differences(row["body"])
    if len(changed) > _MOST_NAMES and not any(before for _, before, _ in changed):
        return "made"
    names = [where for where, _, _ in changed]
    if not names:
        return plain(row["detail"], 160)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return plain(", ".join(names[:_MOST_NAMES]) + more, 160)


def _one(row: dict[str, Any]) -> None:
    """The chosen change, value by value."""
    with st.container(border=True, gap="xsmall"):
        at = f"{times.clock_time(row['at'])} by {row['actor']}"
        st.markdown(f"**{safe(done(row['kind']))}: {safe(row['subject'])}** :small[:gray[{safe(at)}]]")
        if row["detail"]:
            st.text(plain(row["detail"]))
        changed = differences(row["body"])
        if not changed:
            frame.small("Nothing more was recorded with it.")
            return
        listed = []
        for where, before, after in changed:
            old, new = marked(before, after)
            listed.append({"Where": safe(where), ":material/remove: Before": old, ":material/add: After": new})
        st.table(pl.DataFrame(listed), border="horizontal", hide_index=True)


def _export(topic: str, search: str) -> bytes:
    found = workspace().config_log(topic=topic, search=search, limit=_ALL).drop("total")
    return tables.csv_bytes(found)
