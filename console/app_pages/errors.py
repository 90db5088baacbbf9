"""Which rows did not get through, why, and what mends them?"""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from console import actions, strings
from console.components import frame, live, making, mending, notices, rowcard, tables, times
from console.components.text import code, plain, safe
from console.refusals import Words
from console.session import later, workspace
from console.strings import OUTCOMES, cause_words, count, short
from core import Outcome, SynclineError

PAGE = 50
_CARDS = 9
_COLUMNS = ("State", "Record", "Which push", "Cause", "Why", "When", "Tries", "Verb")


def _heals(group: dict[str, Any]) -> str:
    if group["aside"] == group["count"]:
        return "Put aside"
    if group["is_temporary"]:
        again = times.ago(group["retry_at"])
        return f"Temporary: next try {again}" if again.startswith("in ") else "Temporary: goes on by itself"
    return "Waits for a decision" if group["cause"] in strings.DECISIONS else "Permanent: stays until mended"


def _card(group: dict[str, Any], title: str, n: int, *, primary: bool) -> None:
    words = cause_words(group["cause"], group["words"])
    sign = OUTCOMES[Outcome(group["outcome"])]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(sign.badge(f"{group['count']:,} {sign.word.lower()}"), width="content")
        st.markdown(f":small[:gray[{_heals(group)}]]", width="content")
    st.markdown(f"**{safe(words.title)}**")
    st.markdown(f":small[{safe(title)}: {safe(words.do or group['do'], 200)}]")
    example = group["example"]
    st.markdown(f":small[:gray[{safe(example['title'] or example['key'], 60)}: {safe(example['reason'], 140)}]]")
    if group["status_code"]:
        st.markdown(code(group["status_code"]))
    st.space("stretch")
    _card_buttons(group, words, n, primary=primary)


def _card_buttons(group: dict[str, Any], words: Words, n: int, *, primary: bool) -> None:
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        if group["cause"] == "ambiguous":
            if st.button("Pick the person", key=f"pick-{n}", type=kind):
                _decide_next(group)
        elif words.step and st.button(mending.label(words.step), key=f"mend-{n}", type=kind):
            mending.go(group["job"], words.step, group["field"])
        if group["cause"] != "ambiguous":
            st.button(
                f"Retry {group['count']:,}",
                key=f"retry-{n}",
                icon=":material/replay:",
                type="secondary" if words.step else kind,
                on_click=actions.retry,
                kwargs={"job": group["job"], "cause": group["cause"], "rows": group["count"]},
            )
        st.button("Show rows", key=f"show-{n}", type="tertiary", on_click=_narrow, args=(group["cause"], group["job"]))


def _narrow(cause: str, job: str) -> None:
    """Show only the rows of one card in the table."""
    st.session_state["cause"], st.session_state["push"] = short(cause), job


def _decide_next(group: dict[str, Any]) -> None:
    """Open the drawer with the row that the card shows as its example."""
    rows = workspace().open_rows(job=group["job"], subject=group["example"]["subject"], limit=1)
    if rows.height:
        rowcard.drawer(rows.row(0, named=True))


def _filters(groups: list[dict[str, Any]]) -> tuple[str, str | None, str | None]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        search = st.text_input(
            "Search", key="q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Record, id or message", width=260,
        )  # fmt: skip
        jobs = sorted({g["job"] for g in groups})
        job = st.selectbox(
            "Job", jobs, index=None, key="push", bind="query-params", label_visibility="collapsed",
            placeholder="All jobs", width=200,
        )  # fmt: skip
        causes = list(dict.fromkeys(short(g["cause"]) for g in groups))
        picked = st.pills("Cause", causes, key="cause", bind="query-params", label_visibility="collapsed")
    cause = next((g["cause"] for g in groups if short(g["cause"]) == picked), None)
    return search or "", job, cause


def _row(row: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    aside = row["is_aside"]
    return {
        "State": ["Put aside" if aside else OUTCOMES[Outcome(row["outcome"])].word],
        "Record": plain(row["title"] or row["key"]),
        "Which push": titles.get(row["job"], row["job"]),
        "Cause": short(row["cause"]),
        "Why": plain(row["reason"]),
        "When": row["last_at"],
        "Tries": row["tries"],
        "Verb": strings.verb(row["cause"]),
    }


def _table(rows: list[dict[str, Any]], titles: dict[str, str]) -> list[tuple[str, str]]:
    shown = tables.frame([_row(r, titles) for r in rows], _COLUMNS)
    event = st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        key="open_rows",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "State": tables.chips(
                "State", [*(OUTCOMES[o] for o in strings.OPEN), strings.Sign("Put aside", "gray", "")]
            ),
            "Record": tables.text("Record", width=190),
            "Which push": tables.text("Which push", width=100),
            "Why": tables.text("Why", width=400),
            "When": tables.distance("When", width=95),
            "Tries": tables.number("Tries", width=50),
            "Verb": st.column_config.ButtonColumn("", key="row_verb"),
        },
    )
    clicked = st.session_state.get("row_verb")
    if clicked is not None and clicked["row"] < len(rows):
        rowcard.drawer(rows[clicked["row"]])
    return [(rows[i]["job"], rows[i]["subject"]) for i in event["selection"]["rows"] if i < len(rows)]


def _bar(chosen: list[tuple[str, str]], shown: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if chosen:
            st.markdown(f"**{len(chosen):,} selected**", width="content")
            st.button(
                f"Retry {len(chosen):,} selected", icon=":material/replay:", on_click=actions.retry_rows, args=(chosen,)
            )
            st.button("Put aside", icon=":material/inventory_2:", on_click=actions.put_aside, args=(chosen,))
        else:
            frame.small(f"{shown:,} of {count(total, 'row')}. Tick rows to retry them or put them aside.")
        st.space("stretch")
        pages = -(-total // PAGE)
        if pages > 1:
            st.pagination(pages, key="errors_page", bind="query-params", max_visible_pages=5)


def _rows(groups: list[dict[str, Any]], titles: dict[str, str]) -> None:
    search, job, cause = _filters(groups)
    matching = [g for g in groups if job in (None, g["job"]) and cause in (None, g["cause"])]
    total = sum(g["count"] for g in matching)
    if search:
        total = workspace().count_open_rows(job=job, cause=cause, search=search)
    page = min(int(st.session_state.get("errors_page") or 1), max(-(-total // PAGE), 1))
    found = workspace().open_rows(job=job, cause=cause, search=search, limit=PAGE, skip=(page - 1) * PAGE)
    rows = list(found.iter_rows(named=True))
    if not rows:
        st.markdown(":gray[No row fits these filters.]")
        return
    _bar(_table(rows, titles), len(rows), total)


def _export() -> bytes:
    rows = workspace().frames.open_rows()
    keep = ("job", "outcome", "cause", "title", "key", "reason", "field", "value", "status_code", "sobject", "org_id",
            "record_id", "tries", "is_aside", "first_at", "last_at", "run_id")  # fmt: skip
    return tables.csv_bytes(rows.select(keep))


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        groups = ws.error_groups()
        titles = {j["name"]: j["title"] for j in ws.jobs()}
    except SynclineError as error:
        frame.header("Errors")
        notices.problem(error)
        return
    total = sum(g["count"] for g in groups)
    causes = len({g["cause"] for g in groups})
    buttons = frame.header(
        "Errors", f"{count(total, 'row')}, {count(causes, 'cause')}" if groups else "Nothing is open"
    )
    making.warn_without_worker()
    live.watch()
    if not groups:
        frame.verdict(
            strings.JOB_STATES["in_step"], "No errors.", "Rows that are held, rejected or waiting would be here.",
            badge="All through",
        )  # fmt: skip
        return
    buttons.download_button(
        "Export CSV", later(_export), file_name="open-rows.csv", mime="text/csv", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip
    buttons.button(f"Retry all {total:,}", icon=":material/replay:", on_click=actions.retry, kwargs={"rows": total})
    _show_cards(groups, titles)
    frame.small(strings.RETRY_RULE)
    _rows(groups, titles)


def _show_cards(groups: list[dict[str, Any]], titles: dict[str, str]) -> None:
    order = sorted(groups, key=lambda g: (g["is_temporary"], g["aside"] == g["count"], -g["count"]))
    grid = st.grid(3, min_column_width=280, gap="xsmall")
    for n, group in enumerate(order[:_CARDS]):
        with grid.container(border=True, height="stretch", gap="xsmall"):
            _card(group, titles.get(group["job"], group["job"]), n, primary=n == 0 and not group["is_temporary"])
    if len(order) > _CARDS:
        frame.small(f"{len(order) - _CARDS} more causes are in the table below.")


main()
