"""The recycle bin: what a sync has deleted in the workspace, and the button that brings it back."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import actions
from console.components import frame, tables
from console.components.text import plain
from console.session import workspace
from console.strings import count

PAGE = 50
_KINDS = {"Accounts": "account", "People": "person", "Activities": "activity"}
_COLUMNS = ("Kind", "Record", "Key", "Deleted", "By the job", "Was in Salesforce as", "Run")


def show() -> None:
    """The part."""
    frame.small(
        "What an inbound job deleted here because it was deleted in the org. Restored, a record is as it was; its org "
        "record is gone, so an outbound job makes a new one."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="bin_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Record, key or Id", width=260,
        )  # fmt: skip
        kind = st.pills("Kind", list(_KINDS), key="bin_kind", bind="query-params", label_visibility="collapsed")
    page = int(st.session_state.get("bin_page") or 1)
    wanted: dict[str, Any] = {"kind": _KINDS.get(kind or ""), "search": search or ""}
    found = workspace().recycle_bin(**wanted, limit=PAGE, skip=(page - 1) * PAGE)
    if found.is_empty():
        narrowed = search or kind
        st.markdown(":gray[No deleted record fits these filters.]" if narrowed else ":gray[The recycle bin is empty.]")
        return
    rows = list(found.iter_rows(named=True))
    chosen = _table(rows, f"bin_{kind}_{search}_{page}")
    total = int(rows[0]["total"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Restore {count(len(chosen), 'record')}" if chosen else "Restore", icon=":material/restore_from_trash:",
            type="primary", disabled=not chosen, on_click=actions.restore,
            args=([(r["table"], r["record_id"]) for r in chosen],), help=None if chosen else "Tick records first.",
        )  # fmt: skip
        frame.small(count(total, "deleted record"))
        st.space("stretch")
        if total > PAGE:
            st.pagination(-(-total // PAGE), key="bin_page", bind="query-params", max_visible_pages=5)


def _table(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    event = st.dataframe(
        tables.frame([_row(r) for r in rows], _COLUMNS), hide_index=True, placeholder="", key=key, on_select="rerun",
        selection_mode="multi-row", height="content" if len(rows) < 12 else 420,
        column_config={"Deleted": tables.distance("Deleted"), "Record": tables.text("Record", width=240)},
    )  # fmt: skip
    return [rows[i] for i in event["selection"]["rows"] if i < len(rows)]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "Kind": row["table"].capitalize(),
        "Record": plain(row["title"] or row["key"]),
        "Key": plain(row["key"]),
        "Deleted": row["deleted_at"],
        "By the job": row["job"],
        "Was in Salesforce as": row["org_id"],
        "Run": row["run_id"],
    }
