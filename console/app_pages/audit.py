"""What was logged, by whom, and does it add up?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import charts, frame, notices, tables
from console.components.text import plain, safe
from console.components.times import day, now
from console.session import workspace
from console.strings import count
from core import SynclineError

_PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "All": 0}
_MOST_ROWS = 500
_OPEN = ("waiting", "held", "rejected", "in_doubt")
_STATE_SIGNS: dict[str, strings.Sign] = {
    "synced": strings.Sign("Synced", "green", "check_circle"),
    "not_yet_run": strings.Sign("Not yet run", "gray", "circle"),
    "deleted": strings.Sign("Deleted", "gray", "delete"),
    "no_trace": strings.Sign("No trace", "red", "error"),
    **{o.value: s for o, s in strings.OUTCOMES.items() if o.value in (*_OPEN, "filtered", "skipped")},
}


@st.cache_data(ttl=10, show_spinner=False, max_entries=4)
def _activities(_frames: Any, database: str) -> pl.DataFrame:
    """Every activity, read at most every ten seconds; a page that is clicked through stays quick."""
    found: pl.DataFrame = _frames.activities()
    return found


def _labelled(column: str, none: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String).fill_null("").str.strip_chars()
    return pl.when(text == "").then(pl.lit(none)).otherwise(text)


def _type() -> pl.Expr:
    """The kind as people say it: ``Campaign touch``."""
    words = pl.col("kind").str.replace_all("_", " ").str.replace("^email$", "e-mail")
    return words.str.slice(0, 1).str.to_uppercase() + words.str.slice(1)


def _filters(rows: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    with st.container(horizontal=True, vertical_alignment="center"):
        kinds = sorted(rows["type"].unique().to_list())
        kind = st.pills("Type", kinds, key="kind", bind="query-params", label_visibility="collapsed")
        users = sorted(u for u in rows["who"].unique().to_list() if u)
        user = st.selectbox(
            "User", users, index=None, placeholder="All users", key="user", bind="query-params",
            label_visibility="collapsed", width=240,
        )  # fmt: skip
        states = [s.word for n, s in _STATE_SIGNS.items() if n in set(rows["sync_state"].unique().to_list())]
        state = st.selectbox(
            "Became", states, index=None, placeholder="Whatever became of it", key="became", bind="query-params",
            label_visibility="collapsed", width=200,
        )  # fmt: skip
    picked = rows
    if kind:
        picked = picked.filter(pl.col("type") == kind)
    if user:
        picked = picked.filter(pl.col("who") == user)
    if state:
        name = next(n for n, s in _STATE_SIGNS.items() if s.word == state)
        picked = picked.filter(pl.col("sync_state") == name)
    return picked, " · ".join(str(p) for p in (kind, user, state) if p)


def _books(rows: pl.DataFrame) -> None:
    """The double entry in one line: what was made equals what became of it."""
    own = rows.filter(pl.col("origin") != "org")
    n = dict(own.group_by("sync_state").len().iter_rows())
    known = [s for s in _STATE_SIGNS if s != "no_trace" and n.get(s)]
    lost = n.get("no_trace", 0)
    parts = " + ".join(f"{n[s]:,} {_STATE_SIGNS[s].word.lower()}" for s in known)
    if lost:
        verdict, words = (
            strings.Sign("Does not balance", "red", "error"),
            f"{count(lost, 'activity has', 'activities have')} no trace.",
        )
    else:
        verdict, words = strings.Sign("Balances", "green", "check_circle"), "Every activity made here is accounted for."
    frame.verdict(verdict, words, f"{own.height:,} made = {parts}" if parts else "Nothing was made here in this time.")
    came = rows.height - own.height
    if came:
        frame.small(f"Beside them, {count(came, 'activity', 'activities')} came in from the org.")


def _by_day(rows: pl.DataFrame) -> Any:
    frame.section("By day and type")
    dated = rows.filter(pl.col("day").is_not_null())
    if dated.is_empty():
        frame.small("No activity here has a day.")
        return None
    known: list[date] = dated["day"].unique().sort().to_list()
    days = [known[0] + timedelta(days=n) for n in range((known[-1] - known[0]).days + 1)]
    cells = {(d, k): n for d, k, n in dated.group_by("day", "type").len().iter_rows()}
    kinds = dated.group_by("type").len().sort("len", "type", descending=[True, False])["type"].to_list()
    return charts.stacked(
        days,
        {k: [cells.get((d, k), 0) for d in days] for k in kinds},
        alt="Activities by day and type",
        key="chart_day",
    )


def _by(rows: pl.DataFrame, column: str, title: str, key: str) -> Any:
    """Both sides by user or outcome: made in the workspace, and there in the org."""
    frame.section(title)
    top = (
        rows.group_by(column)
        .agg(pl.len().alias("n"), (pl.col("sync_state") == "synced").sum().alias("synced"))
        .sort("n", column, descending=[True, False])
        .head(12)
    )
    if top.is_empty():
        frame.small("Nothing to count.")
        return None
    return charts.bars(
        top[column].to_list(),
        {"Workspace": top["n"].to_list(), "In Salesforce": top["synced"].to_list()},
        alt=title, key=key, height=max(120, 46 + 34 * top.height),
    )  # fmt: skip


def _points(event: Any) -> list[dict[str, Any]]:
    return list(event["selection"]["points"]) if event else []


def _drilled(rows: pl.DataFrame, by_day: Any, by_user: Any, by_outcome: Any) -> tuple[pl.DataFrame, str]:
    """The rows behind what was clicked in a chart."""
    for point in _points(by_day)[:1]:
        picked = date.fromisoformat(str(point["x"])[:10])
        return rows.filter(pl.col("day") == picked), day(picked)
    for column, event in (("who", by_user), ("result", by_outcome)):
        for point in _points(event)[:1]:
            value = point.get("customdata") or point["y"]
            value = value[0] if isinstance(value, list) else value
            return rows.filter(pl.col(column) == str(value)), str(value)
    return rows, ""


def _table(rows: pl.DataFrame, about: str) -> None:
    frame.section(f"Activities{f', {about}' if about else ''}")
    shown = rows.sort("occurred_at", descending=True, nulls_last=True).head(_MOST_ROWS)
    listed = shown.select(
        pl.col("sync_state").replace_strict({n: [s.word] for n, s in _STATE_SIGNS.items()}, default=None,
                                            return_dtype=pl.List(pl.String)).alias("Became"),
        pl.col("occurred_at").alias("When"),
        pl.col("type").alias("Type"),
        pl.col("who").alias("User"),
        pl.col("subject").alias("Subject"),
        pl.col("outcome").alias("Outcome"),
        pl.col("duration_s").alias("Seconds"),
        pl.col("org_id").alias("Salesforce Id"),
        pl.col("reason").alias("Why"),
        pl.col("external_id").alias("Key"),
    )  # fmt: skip
    event = st.dataframe(
        listed, hide_index=True, placeholder="", key="audit_rows", on_select="rerun", selection_mode="single-row",
        height=420 if listed.height > 10 else "content",
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
    if rows.height > _MOST_ROWS:
        frame.small(f"The newest {_MOST_ROWS} of {rows.height:,}; the export has all of them.")
    picked = event["selection"]["rows"]
    if picked and picked[0] < shown.height:
        row = shown.row(picked[0], named=True)
        if st.button(
            f"Explain {safe(plain(row['subject'] or row['external_id'], 50))}", icon=":material/manage_search:"
        ):
            frame.go("record", key=row["org_id"] or row["external_id"])


def _export(rows: pl.DataFrame) -> bytes:
    keep = ("day", "occurred_at", "kind", "who", "subject", "result", "direction", "duration_s", "sync_state", "cause",
            "reason", "org_id", "source", "external_id")  # fmt: skip
    return tables.csv_bytes(rows.select(keep).rename({"who": "user", "result": "outcome"}))


def main() -> None:
    """The page."""
    ws = workspace()
    buttons = frame.header("Audit", "What was logged, by whom, and does it add up?")
    try:
        rows = _activities(ws.frames, f"{ws.name}-{id(ws)}")
    except SynclineError as error:
        notices.problem(error)
        return
    if rows.is_empty():
        frame.empty(
            "No activities yet.", "They come in by the command syncline intake, by POST /api/v1/activities, or "
            "with a job that brings tasks from the org.", "Open the jobs", lambda: frame.go("jobs"),
        )  # fmt: skip
        return
    who, result = _labelled("user", "nobody"), _labelled("outcome", "no outcome")
    rows = rows.with_columns(who.alias("who"), result.alias("result"), _type().alias("type"))
    with buttons:
        period = st.segmented_control(
            "Period", list(_PERIODS), default="30 days", key="period", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
    days = _PERIODS[period or "30 days"]
    if days:
        today = now().date()
        rows = rows.filter(pl.col("day").is_between(today - timedelta(days=days), today, closed="right"))
    picked, about = _filters(rows)
    buttons.download_button(
        "Export CSV", lambda: _export(picked), file_name="activities.csv", mime="text/csv", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip
    if picked.is_empty():
        st.markdown(":gray[No activity fits this period and these filters.]")
        return
    _books(picked)
    by_day = _by_day(picked)
    left, right = st.columns(2, gap="medium")
    with left:
        by_user = _by(picked, "who", "By user", "chart_user")
    with right:
        by_outcome = _by(picked, "result", "By outcome", "chart_outcome")
    drilled, clicked = _drilled(picked, by_day, by_user, by_outcome)
    _table(drilled, " · ".join(p for p in (about, clicked) if p))


main()
