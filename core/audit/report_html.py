"""Renders the monthly audit as one HTML file that needs no other host: charts, tables and words in it."""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects as go
import polars as pl
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from core.audit import catalog, words
from core.audit.report import Report

MOST_ROWS = 200
"""Rows of a table that the page shows; the CSV and JSON hold all."""
_COLORS = {
    "synced": "#2e7d5b", "filtered": "#9aa5b1", "skipped": "#7b8794", "waiting": "#3d7edb", "held": "#8a5cd0",
    "rejected": "#c8383a", "in_doubt": "#d98a1f", "deleted": "#52606d", "not_yet_run": "#cbd2d9", "no_trace": "#7a0d0d",
}  # fmt: skip
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
 style-src 'unsafe-inline'; img-src data: blob:; font-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Activity audit {{ r.month }}: {{ r.title }}</title>
<style>
 body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; margin: 0 auto; max-width: 1080px; padding: 2rem 1.5rem }
 h1 { font-size: 1.7rem; margin: 0 } h2 { font-size: 1.2rem; margin: 2.4rem 0 .4rem }
 p.lead { font-size: 1.05rem; margin: .3rem 0 1.2rem } p.small, td.small, caption { color: #52606d; font-size: .86rem }
 .ok { color: #1d6b4a } .bad { color: #a61b1b }
 .cards { display: flex; flex-wrap: wrap; gap: .8rem } .card { border: 1px solid #d9dee4; border-radius: 8px;
 padding: .7rem 1rem; min-width: 7.2rem } .card b { display: block; font-size: 1.5rem; line-height: 1.2 }
 table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem } caption { text-align: left; padding: .3rem 0 }
 th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #e4e7eb; vertical-align: top;
 overflow-wrap: anywhere } th { font-size: .82rem; color: #52606d } td.n { text-align: right; white-space: nowrap }
 tr.red td { background: #fdecea }
 @media print { body { max-width: none; padding: 0 } h2 { break-after: avoid } table, .chart { break-inside: avoid } }
</style>
{{ plotly }}
</head><body>
<h1>Activity audit, {{ month }}</h1>
<p class="lead">{{ r.title }} · days in {{ r.zone }} · made {{ made }}</p>
<p class="lead {{ 'ok' if r.balance.is_balanced else 'bad' }}">{{ verdict }}</p>
{% for note in r.notes %}<p class="small">{{ note }}</p>{% endfor %}
<div class="cards">{% for label, n in cards %}<div class="card"><b>{{ '{:,}'.format(n) }}</b>{{ label }}</div>
{% endfor %}</div>
{% for title, text, charts, tables in sections %}
<h2>{{ title }}</h2>{% if text %}<p class="small">{{ text }}</p>{% endif %}
{% for chart in charts %}<div class="chart">{{ chart }}</div>{% endfor %}
{% for t in tables %}{% if t.rows %}<table>{% if t.caption %}<caption>{{ t.caption }}</caption>{% endif %}
<thead><tr>{% for c in t.columns %}<th>{{ c }}</th>{% endfor %}</tr></thead><tbody>
{% for row in t.rows %}<tr{% if t.red and t.red[loop.index0] %} class="red"{% endif %}>{% for cell in row %}<td
{% if cell is number %} class="n"{% endif %}>{{ '{:,}'.format(cell) if cell is integer else cell }}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table>{% if t.more %}<p class="small">{{ '{:,}'.format(t.more) }} more rows are in the CSV.</p>
{% endif %}{% else %}<p class="small">{{ t.none }}</p>{% endif %}{% endfor %}
{% endfor %}
</body></html>
"""


def render(r: Report) -> str:
    """The report as a page of its own; every value from a record is escaped, and its policy lets it call nobody."""
    env = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return env.from_string(_PAGE).render(
        r=r, plotly=Markup(_script()), month=f"{r.first:%B %Y}", made=words.moment(r.made_at, r.zone),  # noqa: S704  # nosec B704
        verdict=_verdict(r), cards=_cards(r), sections=_sections(r),
    )  # fmt: skip


def _script() -> str:
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def _verdict(r: Report) -> str:
    totals, red = r.totals(), r.balance.red
    made = totals["made"]
    if not made and not totals.get("org_found"):
        return "Nothing was made here in this month."
    if red.height:
        n = red.height
        return f"The books do not balance in {n:,} cell{'s' if n > 1 else ''}, named below."
    sides = "Both sides balance" if r.balance.org is not None else "The workspace's side balances"
    return f"{sides}: each of {made:,} activities made here is accounted for."


def _cards(r: Report) -> list[tuple[str, int]]:
    t = r.totals()
    cards = [("made here", t["made"])] + [(s.replace("_", " "), t[s]) for s in catalog.STATES if t[s]]
    if r.balance.org is not None:
        native = t["org_native_live"] + t["org_native_archived"]
        others = t["org_other_tools_live"] + t["org_other_tools_archived"]
        cards += [("found in the org", t["org_found"]), ("native", native), ("other tools", others)]
    return cards


def _sections(r: Report) -> list[tuple[str, str, list[Markup], list[dict[str, Any]]]]:
    return [
        ("Volume", "Activities made in the workspace, by what became of them.", _volume_charts(r), []),
        ("Does it add up?", "Made here = in the org + left out + open + deleted + not yet run. Found in the org = "
         "ours + native + other tools. A red row does not balance.", [], _balance_tables(r)),
        ("What failed", "Rows that waited, were held, rejected or in doubt, by cause.", [], [
            _table(r.errors.select("job", "outcome", "words", "rows", "records", "still_open", "example"),
                   "Nothing failed in this month."),
            _table(r.failed.select("at", "job", "key", "outcome", "reason").head(MOST_ROWS), "",
                   "The latest of them", r.failed.height),
        ]),
        ("Runs", "", [], [_table(r.runs, "No run in this month.")]),
        ("What is regularly missing", "Ranked by how many activities show it and how much of a habit it is.", [], [
            _table(r.patterns.select("words", "user", pl.format("{} %", (pl.col("share") * 100).round(0).cast(pl.Int64))
                                     .alias("share"), "first_day", "last_day", "do",
                                     pl.col("examples").list.join(", ")), "Nothing stands out."),
        ]),
    ]  # fmt: skip


def _balance_tables(r: Report) -> list[dict[str, Any]]:
    both = [("In the workspace", r.balance.workspace)]
    if r.balance.org is not None:
        both.append(("In the org", r.balance.org))
    tables = [_table(_summed(frame), "No activity.", title, red="difference") for title, frame in both]
    return [_table(r.balance.red, "No cell is red.", "Cells that do not balance"), *tables]


def _summed(frame: pl.DataFrame) -> pl.DataFrame:
    """By user and kind, without the columns in which nothing stands."""
    numbers = [c for c, t in frame.schema.items() if t == pl.Int64]
    kept = [c for c in numbers if c == "difference" or frame[c].sum()]
    return frame.group_by("user", "kind").agg(pl.col(kept).sum()).sort("user", "kind")


def _table(
    frame: pl.DataFrame, none: str, caption: str = "", total: int | None = None, red: str = ""
) -> dict[str, Any]:
    shown = frame.head(MOST_ROWS)
    flags = [bool(v) for v in shown[red]] if red else []
    return {
        "columns": [c.replace("_", " ") for c in shown.columns],
        "rows": [[_cell(v) for v in row] for row in shown.iter_rows()],
        "none": none, "caption": caption, "red": flags, "more": max((total or frame.height) - shown.height, 0),
    }  # fmt: skip


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if hasattr(value, "hour"):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return value if isinstance(value, int | float) else str(value)


def _volume_charts(r: Report) -> list[Markup]:
    v = r.volume
    if v.is_empty():
        return []
    states = [s for s in (*catalog.STATES, "no_trace") if s in set(v["sync_state"])]
    return [
        _bars(v, "day", "sync_state", states, "By day"),
        _bars(v.with_columns(pl.when(pl.col("user") == "").then(pl.lit("(nobody)")).otherwise("user").alias("user")),
              "user", "sync_state", states, "By team member", flat=True),
        _bars(v.with_columns(pl.col("kind").map_elements(words.kind_word, return_dtype=pl.String)),
              "kind", "sync_state", states, "By type", flat=True),
        _bars(v.filter(pl.col("kind") == "call").with_columns(
            pl.when(pl.col("outcome") == "").then(pl.lit("(no outcome)")).otherwise("outcome").alias("outcome")),
              "outcome", "sync_state", states, "Calls by outcome", flat=True),
    ]  # fmt: skip


def _bars(v: pl.DataFrame, axis: str, color: str, order: list[str], title: str, *, flat: bool = False) -> Markup:
    sums = v.group_by(axis, color).agg(pl.col("activities").sum())
    totals = sums.group_by(axis).agg(pl.col("activities").sum()).sort("activities" if flat else axis)
    names = totals[axis].to_list()
    figure = go.Figure()
    for state in order:
        have = dict(sums.filter(pl.col(color) == state).select(axis, "activities").iter_rows())
        values = [have.get(n, 0) for n in names]
        # Charts read markup in labels: what came from a record is escaped.
        labels = [n if not isinstance(n, str) else escape(n) for n in names]
        across = {"x": values, "y": labels} if flat else {"x": labels, "y": values}
        figure.add_bar(
            **across, name=state.replace("_", " "), marker_color=_COLORS[state], orientation="h" if flat else "v"
        )
    figure.update_layout(
        barmode="stack", title=title, height=max(280, 90 + 26 * len(names)) if flat else 320, template="plotly_white",
        margin={"l": 10, "r": 10, "t": 44, "b": 30}, legend={"orientation": "h", "y": -0.18},
        yaxis={"automargin": True}, xaxis={"automargin": True},
    )  # fmt: skip
    made = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return Markup(made)  # noqa: S704  # nosec B704
