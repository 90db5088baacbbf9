"""What was logged, by whom, and does it add up?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import books, charts, frame, monthly, notices, tables
from console.components.text import plain, safe
from console.components.times import day, now
from console.session import later, workspace
from console.strings import count
from core import SynclineError

_PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "All": 0}
PAGE = 50
_OPEN = ("waiting", "held", "rejected", "in_doubt")
_STATE_SIGNS: dict[str, strings.Sign] = {
    "synced": strings.Sign("Synced", "green", "check_circle"),
    "not_yet_run": strings.Sign("Not yet run", "gray", "circle"),
    "deleted": strings.Sign("Deleted", "gray", "delete"),
    **{o.value: s for o, s in strings.OUTCOMES.items() if o.value in (*_OPEN, "filtered", "skipped")},
    "no_trace": strings.Sign("No trace", "red", "error"),
}
_WORDS = {state: sign.word for state, sign in _STATE_SIGNS.items()}
_NOBODY, _NO_OUTCOME = "nobody", "no outcome"


@st.cache_data(ttl=10, show_spinner=False, max_entries=8)
def _counted(database: str, first: date, last: date) -> pl.DataFrame:
    """Activities counted by the database, at most every ten seconds; a page that is clicked through stays quick."""
    return workspace().volume(first, last)


def _filters(cube: pl.DataFrame) -> tuple[dict[str, str | None], str]:
    """What the reader looks for, as columns of the count; and the same in words."""
    with st.container(horizontal=True, vertical_alignment="center"):
        kinds = {books.kind_words(k): k for k in sorted(cube["kind"].unique().to_list())}
        kind = st.pills("Type", list(kinds), key="kind", bind="query-params", label_visibility="collapsed")
        users = sorted(cube["user"].unique().to_list())
        user = st.selectbox(
            "User", [u or _NOBODY for u in users], index=None, placeholder="All users", key="user", bind="query-params",
            label_visibility="collapsed", width=240,
        )  # fmt: skip
        have = set(cube["sync_state"].unique().to_list())
        state = st.selectbox(
            "Became", [w for n, w in _WORDS.items() if n in have], index=None, placeholder="Whatever became of it",
            key="became", bind="query-params", label_visibility="collapsed", width=200,
        )  # fmt: skip
    wanted = {
        "kind": kinds.get(kind or ""),
        "user": "" if user == _NOBODY else user,
        "sync_state": next((n for n, w in _WORDS.items() if w == state), None),
    }
    return wanted, " · ".join(str(p) for p in (kind, user, state) if p)


def _narrowed(cube: pl.DataFrame, wanted: dict[str, Any]) -> pl.DataFrame:
    given = {c: v for c, v in wanted.items() if v is not None}
    return cube.filter(*(pl.col(c) == v for c, v in given.items())) if given else cube


def _total(cube: pl.DataFrame) -> int:
    return int(cube["n"].sum())


def _books(cube: pl.DataFrame) -> None:
    """The double entry in one line: what was made equals what became of it."""
    own = cube.filter(pl.col("origin") != "org")
    n = {str(s): int(k) for s, k in own.group_by("sync_state").agg(pl.col("n").sum()).iter_rows()}
    lost = n.get("no_trace", 0)
    parts = " + ".join(f"{n[s]:,} {w.lower()}" for s, w in _WORDS.items() if s != "no_trace" and n.get(s))
    if lost:
        verdict, words = (
            strings.Sign("Does not balance", "red", "error"),
            f"{count(lost, 'activity has', 'activities have')} no trace.",
        )
    else:
        verdict, words = strings.Sign("Balances", "green", "check_circle"), "Every activity made here is accounted for."
    made = _total(own)
    frame.verdict(verdict, words, f"{made:,} made = {parts}" if parts else "Nothing was made here in this time.")
    came = _total(cube) - made
    if came:
        frame.small(f"Beside them, {count(came, 'activity', 'activities')} came in from the org.")


def _by_day(cube: pl.DataFrame) -> Any:
    frame.section("By day and type")
    known: list[date] = cube["day"].unique().sort().to_list()
    days = [known[0] + timedelta(days=n) for n in range((known[-1] - known[0]).days + 1)]
    cells = {(d, k): n for d, k, n in cube.group_by("day", "kind").agg(pl.col("n").sum()).iter_rows()}
    order = cube.group_by("kind").agg(pl.col("n").sum()).sort("n", "kind", descending=[True, False])["kind"].to_list()
    return charts.stacked(
        days,
        {books.kind_words(k): [cells.get((d, k), 0) for d in days] for k in order},
        alt="Activities by day and type",
        key="chart_day",
    )


def _by(cube: pl.DataFrame, column: str, none: str, title: str, key: str) -> Any:
    """Both sides by user or outcome: made in the workspace, and there in the org."""
    frame.section(title)
    n = pl.col("n")
    top = (
        cube.group_by(column)
        .agg(n.sum(), n.filter(pl.col("sync_state") == "synced").sum().alias("synced"))
        .sort("n", column, descending=[True, False])
        .head(12)
    )
    return charts.bars(
        [v or none for v in top[column].to_list()],
        {"Workspace": top["n"].to_list(), "In Salesforce": top["synced"].to_list()},
        alt=title, key=key, height=max(120, 46 + 34 * top.height),
    )  # fmt: skip


def _points(event: Any) -> list[dict[str, Any]]:
    return list(event["selection"]["points"]) if event else []


def _clicked(by_day: Any, by_user: Any, by_outcome: Any) -> tuple[dict[str, Any], str]:
    """What was clicked in a chart, as columns of the count; and the same in words."""
    for point in _points(by_day)[:1]:
        picked = date.fromisoformat(str(point["x"])[:10])
        return {"day": picked}, day(picked)
    for column, none, event in (("user", _NOBODY, by_user), ("outcome", _NO_OUTCOME, by_outcome)):
        for point in _points(event)[:1]:
            value = point.get("customdata") or point["y"]
            value = str(value[0] if isinstance(value, list) else value)
            return {column: "" if value == none else value}, value
    return {}, ""


def _cell_words(cell: dict[str, Any]) -> str:
    told = {"day": day, "user": lambda v: v or _NOBODY, "kind": books.kind_words}
    return ", ".join(str(told[c](v)) for c, v in cell.items())


def _table(span: tuple[date, date], wanted: dict[str, Any], total: int, about: str) -> None:
    frame.section(f"Activities{f', {about}' if about else ''}")
    page = min(int(st.session_state.get("audit_page") or 1), max(-(-total // PAGE), 1))
    asked = dict(wanted)
    picked_day = asked.pop("day", None)
    first, last = (picked_day, picked_day) if picked_day else span
    shown = workspace().logged(first, last, **asked, limit=PAGE, skip=(page - 1) * PAGE)
    rows = list(shown.iter_rows(named=True))
    event = st.dataframe(
        tables.frame([_row(r) for r in rows], _COLUMNS), hide_index=True, placeholder="", key=f"audit_rows_{page}",
        on_select="rerun", selection_mode="single-row", height=420 if len(rows) > 10 else "content",
        column_config={
            "Became": tables.chips("Became", _STATE_SIGNS.values()),
            "When": tables.moment("When"),
            "Type": tables.text("Type", width=75),
            "Subject": tables.text("Subject", width=200),
            "Salesforce Id": tables.text("Salesforce Id", width=150),
            "Outcome": tables.text("Outcome", width=105),
            "Why": tables.text("Why", width=190),
            "Seconds": tables.number("Seconds"),
        },
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.small(f"{len(rows):,} of {count(total, 'activity', 'activities')}, the latest first.")
        st.space("stretch")
        if total > PAGE:
            st.pagination(-(-total // PAGE), key="audit_page", bind="query-params", max_visible_pages=5)
    picked = event["selection"]["rows"]
    if picked and picked[0] < len(rows):
        row = rows[picked[0]]
        if st.button(
            f"Explain {safe(plain(row['subject'] or row['external_id'], 50))}", icon=":material/manage_search:"
        ):
            frame.go("record", key=row["org_id"] or row["external_id"])


_COLUMNS = ("Became", "When", "Type", "User", "Subject", "Outcome", "Seconds", "Salesforce Id", "Why", "Key")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "Became": [_WORDS.get(row["sync_state"], row["sync_state"])],
        "When": row["at"],
        "Type": books.kind_words(row["kind"]),
        "User": plain(row["user"]) or _NOBODY,
        "Subject": plain(row["subject"]),
        "Outcome": plain(row["outcome"]),
        "Seconds": row["duration_s"],
        "Salesforce Id": row["org_id"],
        "Why": plain(row["reason"]),
        "Key": plain(row["external_id"]),
    }


def _export(span: tuple[date, date], wanted: dict[str, Any]) -> bytes:
    keep = ("at", "kind", "user", "subject", "outcome", "direction", "duration_s", "sync_state", "cause", "reason",
            "org_id", "source", "external_id")  # fmt: skip
    return tables.csv_bytes(workspace().logged(*span, **wanted, limit=None).select(keep))


def _span(period: str, first: date) -> tuple[date, date]:
    """The days that are looked at; activities that are dated ahead belong to all of the time."""
    today = now().date()
    days = _PERIODS[period]
    return (today - timedelta(days=days - 1), today) if days else (min(first, today), today + timedelta(days=366))


def main() -> None:
    """The page."""
    ws = workspace()
    buttons = frame.header("Audit", "What was logged, by whom, and does it add up?", widths=(5, 6))
    try:
        first = ws.first_day()
        if first is None:
            frame.empty(
                "No activities yet.", "They come in by the command syncline intake, by POST /api/v1/activities, or "
                "with a job that brings tasks from the org.", "Open the jobs", lambda: frame.go("jobs"),
            )  # fmt: skip
            return
        with buttons:
            period = st.segmented_control(
                "Period", list(_PERIODS), default="30 days", key="period", bind="query-params", required=True,
                label_visibility="collapsed",
            )  # fmt: skip
        span = _span(period or "30 days", first)
        cube = _counted(f"{ws.name}-{id(ws)}", *span)
    except SynclineError as error:
        notices.problem(error)
        return
    wanted, about = _filters(cube)
    picked = _narrowed(cube, wanted)
    if buttons.button("Monthly report", icon=":material/summarize:"):
        monthly.ask(now().date())
    buttons.download_button(
        "Export CSV", later(lambda: _export(span, wanted)), file_name="activities.csv", mime="text/csv",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    if picked.is_empty():
        st.markdown(":gray[No activity fits this period and these filters.]")
        return
    _books(picked)
    by_day = _by_day(picked)
    left, right = st.columns(2, gap="medium")
    with left:
        by_user = _by(picked, "user", _NOBODY, "By user", "chart_user")
    with right:
        by_outcome = _by(picked, "outcome", _NO_OUTCOME, "By outcome", "chart_outcome")
    cell = books.own_side(picked, _WORDS, "own_books")
    books.both_sides(*span)
    clicked, words = (
        ({**cell, "origin": "workspace"}, _cell_words(cell)) if cell else _clicked(by_day, by_user, by_outcome)
    )
    wanted |= clicked
    _table(span, wanted, _total(_narrowed(cube, wanted)), " · ".join(p for p in (about, words) if p))


main()
