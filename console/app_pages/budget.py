"""Will the org's API allowance last, and what would another schedule cost?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import strings
from console.components import charts, frame, notices, tables
from console.components.text import plain, safe
from console.session import workspace
from console.strings import count
from core import Load, SynclineError, forecast

_COLUMNS = ("State", "Job", "Schedule", "Runs a day", "Rows a day", "Calls, idle run", "Forecast", "Last 24 h", "Share")
_TIGHT = 0.75
# Smaller shares of the allowance are told in words: as a bar they would be an empty one.
_SHOWN_FROM = 0.01
_INTERVALS = (1, 5, 15, 30, 60, 120, 240, 720, 1440)


def _verdict(found: dict[str, Any]) -> None:
    told, limit = found["forecast"], found["limit"]
    words = f"A day of the jobs that are on takes about {told.ours:,.0f} calls."
    rest = (
        f"With {told.others:,} of other applications that is {_percent(told.share)} of the {limit:,} that the org "
        "allows in 24 hours."
    )
    if told.dry_after_hours is not None:
        frame.verdict(strings.BUDGET_SIGNS["dry"], words, f"{rest} It runs dry after {told.dry_after_hours:.0f} hours.")
    elif told.share > _TIGHT:
        frame.verdict(strings.BUDGET_SIGNS["tight"], words, rest)
    else:
        frame.verdict(strings.BUDGET_SIGNS["enough"], words, rest)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def _metrics(found: dict[str, Any]) -> None:
    grid = st.grid(4, min_column_width=150, gap="xsmall")
    shared: dict[str, Any] = {"delta_arrow": "off", "delta_color": "off", "border": True, "format": "localized"}
    grid.metric("Used in 24 hours", found["used"], f"of {found['limit']:,}", **shared)
    grid.metric("By Syncline", found["ours"], f"{len(found['last_24h'])} jobs", **shared)
    grid.metric("By other applications", found["others"], "as the org counts", **shared)
    grid.metric("Free", found["limit"] - found["used"], "come back hour by hour", **shared)


def _rows(found: dict[str, Any], jobs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    limit = found["limit"]
    loads: list[Load] = sorted(found["loads"], key=lambda load: (not load.is_on, -load.calls_per_day))
    return [
        {
            "State": ["On" if load.is_on else "Off"],
            "Job": jobs[load.job]["title"],
            "Schedule": jobs[load.job]["schedule"].capitalize(),
            "Runs a day": round(load.runs_per_day),
            "Rows a day": round(load.rows_per_day),
            "Calls, idle run": round(load.idle_calls, 1),
            "Forecast": round(load.calls_per_day),
            "Last 24 h": tables.some(found["last_24h"].get(load.job, 0)),
            "Share": load.calls_per_day / limit,
        }
        for load in loads
    ]


def _table(found: dict[str, Any], jobs: dict[str, dict[str, Any]]) -> None:
    frame.section("A day of each job")
    rows = _rows(found, jobs)
    st.dataframe(
        tables.frame(rows, _COLUMNS), hide_index=True, placeholder="", key="budget_table",
        column_config={
            "State": tables.chips("State", (strings.ON_SIGN, strings.JOB_STATES["off"]), width=60),
            **{n: tables.number(n) for n in ("Runs a day", "Rows a day", "Calls, idle run", "Forecast", "Last 24 h")},
            "Share": st.column_config.NumberColumn("Of the allowance", format="percent"),
        },
    )  # fmt: skip
    frame.small(
        "Rows a day and calls are measured over the last 30 days; a job without a history is taken to cost one "
        "call for each object it reads and for each thousand rows it writes. Jobs that are off are not in the sum."
    )


def _what_if(found: dict[str, Any], jobs: dict[str, dict[str, Any]]) -> None:
    frame.section("What if")
    loads = {load.job: load for load in found["loads"]}
    with st.container(border=True):
        first, second, third = st.columns(3, vertical_alignment="bottom")
        name = first.selectbox(
            "Job", list(loads), format_func=lambda n: plain(jobs[n]["title"], 60), key="job", bind="query-params"
        )
        load = loads[name]
        options = sorted({*_INTERVALS, *([load.every_minutes] if load.every_minutes else [])})
        every = second.select_slider(
            "ran every … minutes", options, value=load.every_minutes or 1440, key=f"every_{name}",
        )  # fmt: skip
        times = third.select_slider("with so many times the rows", (0.5, 1, 2, 5, 10, 50), value=1, key=f"times_{name}")
        asked = None if load.is_daily and every == 1440 else every
        supposed = load.supposing(every_minutes=asked, times=float(times))
        others = [x for x in loads.values() if x.job != name]
        then = forecast([*others, _on(supposed)], limit=found["limit"], others=found["others"])
        change = then.ours - found["forecast"].ours
        st.markdown(
            f"**{safe(jobs[name]['title'])}** would take about **{count(round(supposed.calls_per_day), 'call')}** a day"
            f" ({change:+,.0f}). All jobs together: {then.ours:,.0f}, with other applications {_percent(then.share)} of"
            " the allowance."
        )
        if then.dry_after_hours is not None:
            st.markdown(f"{strings.BUDGET_SIGNS['dry'].badge()} after {then.dry_after_hours:.0f} hours of the day.")


def _on(load: Load) -> Load:
    return load if load.is_on else load.switched_on()


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        found, jobs = ws.api_budget(), {j["name"]: j for j in ws.jobs()}
    except SynclineError as error:
        frame.header("API budget")
        notices.problem(error)
        return
    frame.header("API budget", "What calls to the org go to, and whether they last")
    if not found["limit"] or found["used"] is None:
        frame.empty("The allowance is known after the first call to the org.", "Connect an org, or run a job.",
                    "Open the connections", lambda: frame.go("connections"))  # fmt: skip
        return
    _verdict(found)
    _metrics(found)
    if found["forecast"].share >= _SHOWN_FROM:
        frame.section("A day against the allowance")
        parts = [("Syncline", found["forecast"].ours, "workspace"), ("Other applications", found["others"], "org")]
        charts.allowance(parts, found["limit"], title="Calls of a day against the org's allowance")
    if not jobs:
        frame.small("There are no jobs yet.")
        return
    _table(found, jobs)
    _what_if(found, jobs)
    if any(d["jobs"] for d in found["by_day"]):
        frame.section("Calls by day and job")
        charts.calls(found["by_day"], {n: j["title"] for n, j in jobs.items()}, key="budget_days")


main()
