"""Charts in the console's own colors, light and dark; color of a side never means a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import plotly.graph_objects as graph
import streamlit as st

from console.components.tables import theme

_CONFIG = {"displayModeBar": False}
_LEGEND = 36
"""Pixels above the bars that belong to the legend."""
_FEW = 5
_FEW_DAYS = 12
_WIDEST_DAYS = 6
_FILLS = {
    "light": {
        "created": "#3FA074", "updated": "#5A97D8", "skipped": "#B7C0CA", "rejected": "#C62828", "held": "#9A78D6",
        "free": "#E6EAEE", "workspace": "#0F7C86", "org": "#4C5FD5",
    },
    "dark": {
        "created": "#3C9E72", "updated": "#4D86C6", "skipped": "#556270", "rejected": "#F17A7A", "held": "#8468C4",
        "free": "#262F3A", "workspace": "#3FB6C0", "org": "#8E9BFF",
    },
}  # fmt: skip
_TEALS = {
    "light": ("#0B626A", "#2F848E", "#75B3BA", "#C0DDE0", "#4F9BA4", "#DCEBED", "#08484E"),
    "dark": ("#A5DEE3", "#3FA9B3", "#267E88", "#1B575F", "#6CC4CC", "#17363C", "#2F949E"),
}


def _fill(name: str) -> str:
    return _FILLS[theme()][name]


def _laid_out(figure: graph.Figure, height: int, **more: Any) -> graph.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": _LEGEND, "b": 0},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "title": None},
        hovermode="x unified",
        bargap=0.4,
        **more,
    )
    figure.update_xaxes(title=None, tickangle=0, automargin=True)
    figure.update_yaxes(title=None, automargin=True)
    return figure


def by_outcome(days: Sequence[Mapping[str, Any]]) -> None:
    """Rows by outcome and day, stacked."""
    labels = [f"{d:%a} {d.day}" for d in (date.fromisoformat(d["day"]) for d in days)]
    groups = {
        "Created": ("created", ("created",)),
        "Updated or deleted": ("updated", ("updated", "deleted")),
        "Skipped or filtered": ("skipped", ("skipped", "filtered")),
        "Held or waiting": ("held", ("held", "waiting", "in_doubt")),
        "Rejected": ("rejected", ("rejected",)),
    }
    figure = graph.Figure(
        [
            graph.Bar(name=name, x=labels, y=[sum(d[o] for o in outcomes) for d in days], marker_color=_fill(fill))
            for name, (fill, outcomes) in groups.items()
        ]
    )
    _laid_out(figure, 260, barmode="stack").update_yaxes(tickformat=",d")
    st.plotly_chart(figure, config=_CONFIG, alt="Rows by outcome for each of the last seven days")


def calls(days: Sequence[Mapping[str, Any]], titles: Mapping[str, str], *, key: str, height: int = 260) -> Any:
    """API calls by day, one series per job, those with the most calls at the bottom; returns what was clicked."""
    known: dict[str, int] = {}
    for day in days:
        for job, n in day["jobs"].items():
            known[job] = known.get(job, 0) + n
    jobs = sorted(known, key=lambda j: (-known[j], j))
    return stacked(
        [date.fromisoformat(d["day"]) for d in days],
        {titles.get(job, job): [d["jobs"].get(job, 0) for d in days] for job in jobs},
        alt="API calls by day and job", key=key, height=height,
    )  # fmt: skip


def allowance(parts: Sequence[tuple[str, float, str]], limit: int, *, title: str) -> None:
    """Calls of the allowance as one bar: name, calls and color of each part; what is left is free."""
    left = max(limit - sum(n for _, n, _ in parts), 0)
    shown = [*parts, ("Free", left, "free")]
    figure = graph.Figure(
        [
            graph.Bar(name=_text(f"{name} {n:,.0f}"), y=[""], x=[n], orientation="h", marker_color=_fill(fill))
            for name, n, fill in shown
        ]
    )
    _laid_out(figure, 120, barmode="stack")
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(showgrid=False, nticks=6, range=[0, max(limit, sum(n for _, n, _ in parts))], tickformat=",d")
    st.plotly_chart(figure, config=_CONFIG, alt=title)


def stacked(days: Sequence[date], series: Mapping[str, Sequence[int]], *, alt: str, key: str, height: int = 300) -> Any:
    """Counts by day, one series per color of the workspace's hue; returns what was clicked."""
    teals = _TEALS[theme()]
    figure = graph.Figure(
        [
            graph.Bar(name=_text(name), x=list(days), y=list(values), marker_color=teals[n % len(teals)])
            for n, (name, values) in enumerate(series.items())
        ]
    )
    _laid_out(figure, height, barmode="stack").update_yaxes(tickformat=",d", rangemode="tozero", nticks=6)
    _day_axis(figure, days)
    return st.plotly_chart(figure, config=_CONFIG, alt=alt, key=key, on_select="rerun", selection_mode="points")


def _day_axis(figure: graph.Figure, days: Sequence[date]) -> None:
    """One tick a day at most, and room around a few days, so that one of them is no wall."""
    step = max(1, -(-len(days) // 8))
    figure.update_xaxes(tickformat="%-d %b", tickvals=list(days[::step]), type="date")
    if days and len(days) < _FEW_DAYS:
        middle = days[0] + (days[-1] - days[0]) / 2
        half = timedelta(days=max(len(days), _WIDEST_DAYS) / 2 + 0.5)
        noon = datetime.combine(middle, time())
        figure.update_xaxes(range=[noon - half, noon + half])


def bars(labels: Sequence[str], series: Mapping[str, Sequence[int]], *, alt: str, key: str, height: int = 300) -> Any:
    """Horizontal bars, the greatest on top; the two sides in their colors."""
    sides = {"Workspace": _fill("workspace"), "In Salesforce": _fill("org")}
    shown = [_text(label) for label in labels]
    figure = graph.Figure(
        [
            graph.Bar(
                name=_text(name), y=shown, x=list(values), orientation="h", customdata=list(labels),
                marker_color=sides.get(name, _fill("skipped")),
            )
            for name, values in series.items()
        ]
    )  # fmt: skip
    _laid_out(figure, height, barmode="group")
    figure.update_layout(hovermode="y unified", bargap=0.3)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickformat=",d", rangemode="tozero", nticks=6)
    if max((v for values in series.values() for v in values), default=0) < _FEW:
        figure.update_xaxes(dtick=1)
    return st.plotly_chart(figure, config=_CONFIG, alt=alt, key=key, on_select="rerun", selection_mode="points")


def _text(label: str) -> str:
    """A label without what Plotly would read as markup: it knows a few tags and links."""
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:60]
