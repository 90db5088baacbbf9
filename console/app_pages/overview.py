"""Are both sides in step, and what needs a person?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import actions, strings
from console.components import charts, frame, live, making, notices, tables, times
from console.session import workspace
from console.strings import count
from core import SynclineError

_PAGE_OF = {"failing": "errors", "needs_a_person": "errors", "running": "runs", "stopped": "runs", "off": "job"}
_COLUMNS = ("State", "Job", "Why", "Writes to", "Workspace", "Salesforce", "Differ", "Data is", "Next run", "Verb")


def _verdict(found: dict[str, Any]) -> None:
    told = found["verdict"]
    sign = strings.JOB_STATES.get(told["state"], strings.JOB_STATES["off"])
    waiting = found["metrics"]["waiting"] + found["metrics"]["held"]
    kept = f"Nothing is lost: {count(waiting, 'row')} stored, to go out once mended." if waiting else ""
    on = [j for j in found["jobs"] if j["state"] != "off"]
    badge = sign.word if told["state"] in ("in_step", "off") else ""
    if found["is_paused"]:
        sign, badge = (
            strings.JOB_STATES["paused"],
            "Everything paused" if found.get("is_reading_paused") else "All writes paused",
        )
    frame.verdict(sign, told["sentence"], kept if on and told["state"] != "in_step" else "", badge=badge)


def _org_trouble(connection: dict[str, Any]) -> None:
    """Why nothing comes or goes just now, where it is the org: it is out of reach, or its allowance is used up."""
    state = connection["state"]
    if state in ("unreachable", "over_limit"):
        why = connection["reason"] or strings.CONNECTION_STATES[state].word
        frame.verdict(strings.CONNECTION_STATES[state], why, strings.CONNECTION_REMEDIES[state])


def _cards(found: dict[str, Any]) -> None:
    if not found["needs_person"]:
        return
    frame.section("Needs a person")
    shown = []
    for card in found["needs_person"][:8]:
        sign = strings.OUTCOMES.get(card["kind"], strings.JOB_STATES["stopped"])
        words = strings.cause_words(card["cause"], card["title"]) if card["cause"] else None
        asks = card["cause"] in strings.INBOX_CAUSES
        page, label = {"connection": ("connections", "Sign in"), "plan": ("inbox", "Decide")}.get(
            card["kind"], ("inbox" if asks else "errors", strings.verb(card["cause"] or ""))
        )
        shown.append(
            {
                "badge": sign.badge(f"{card['count']:,} {sign.word.lower()}" if card["cause"] else sign.word),
                "title": words.title if words else card["title"],
                "text": card["sentence"],
                "label": label,
                "page": page,
                "query": _query(page, card),
            }
        )
    frame.cards(shown)


def _query(page: str, card: dict[str, Any]) -> dict[str, str]:
    """What narrows the page to the rows of a card."""
    if page == "errors":
        return {"cause": strings.short(card["cause"] or ""), "push": card["job"]}
    if page != "inbox":
        return {}
    # A conflict may be about a field or about a delete; both are shown.
    asks = strings.ASKS.get(str(strings.ASKED_BY.get(card["cause"] or "")))
    return {"push": card["job"], "kind": asks.word if asks else ""}


def _metrics(found: dict[str, Any]) -> None:
    m, days = found["metrics"], found["by_day"]
    grid = st.grid(4, min_column_width=150, gap="xsmall")
    shared: dict[str, Any] = {"delta_arrow": "off", "border": True, "height": "stretch"}
    held = f"{m['held']:,} held for a person" if m["held"] else "come right by themselves"
    grid.metric("Waiting to go on", m["waiting"] + m["held"], held, delta_color="off", format="localized", **shared)
    rejected = [d["rejected"] for d in days]
    grid.metric(
        "Rejected and open", m["rejected"], f"{rejected[-1]:,} today", format="localized",
        delta_color="inverse" if rejected[-1] else "off", **_trend(rejected), **shared,
    )  # fmt: skip
    written = [d["created"] + d["updated"] + d["deleted"] for d in days]
    grid.metric(
        "Written today", written[-1], f"{sum(written):,} in 7 days", format="localized", delta_color="off",
        **_trend(written), **shared,
    )  # fmt: skip
    used, limit = m["api_used"], m["api_limit"]
    if used is None or not limit:
        grid.metric("API calls, 24 h", "none yet", "known after the first call", delta_color="off", **shared)
        return
    share = f"{100 * used / limit:.1f} % of {limit:,}"
    grid.metric("API calls, 24 h", used, share, format="localized", delta_color="off", **shared)


def _trend(counts: list[int]) -> dict[str, Any]:
    """A sparkline where there is a course to show: one day alone is no trend."""
    return {"chart_data": counts, "chart_type": "bar"} if sum(n > 0 for n in counts) > 1 else {}


def _why(job: dict[str, Any]) -> str:
    """The job's own sentence where it is stuck, else what explains the difference."""
    if job["state"] in ("stopped", "behind", "paused", "running", "off"):
        return str(job["why"])
    return "; ".join(f"{r['n']:,} {r['reason'].partition(',')[0]}" for r in job["reasons"])


def _verb(job: dict[str, Any], cards: list[dict[str, Any]]) -> str:
    """What there is to do about a job, in the word of its own card where it has one."""
    if job["state"] in ("needs_a_person", "failing"):
        cause = next((c["cause"] for c in cards if c["job"] == job["name"]), None)
        return strings.verb(cause) if cause else "Review"
    return strings.VERBS.get(job["state"], "Open")


def _row(job: dict[str, Any], verb: str) -> dict[str, Any]:
    arrow = "→" if job["direction"] == "outbound" else "←"
    late = job["state"] in ("off", "paused")
    return {
        "State": [strings.JOB_STATES[job["state"]].word],
        "Job": job["title"],
        "Why": _why(job),
        "Writes to": f"{arrow} {', '.join(job['sobjects'])}",
        "Workspace": job["workspace"],
        "Salesforce": job["org"],
        "Differ": job["differ"] or None,
        "Data is": f"{times.span(job['data_age_s'])} old" if job["data_age_s"] is not None else "",
        "Next run": "" if late else times.ago(job["next_run_at"]) if job["next_run_at"] else "when it happens",
        "Verb": verb,
    }


def _jobs(found: dict[str, Any]) -> None:
    frame.section("Jobs, worst first")
    jobs = found["jobs"]
    st.dataframe(
        tables.frame([_row(j, _verb(j, found["needs_person"])) for j in jobs], _COLUMNS),
        hide_index=True,
        placeholder="",
        key="jobs_table",
        column_config={
            "State": tables.chips("State", strings.JOB_STATES.values(), width=115),
            "Why": tables.text("Why the sides differ", width=345),
            "Workspace": tables.number("Workspace", width=85),
            "Salesforce": tables.number("Salesforce", width=85),
            "Differ": st.column_config.NumberColumn("Differ", format="%+d", width=65),
            "Verb": st.column_config.ButtonColumn("", key="job_verb"),
        },
    )
    clicked = st.session_state.get("job_verb")
    if clicked is not None:
        job = jobs[clicked["row"]]
        page = _PAGE_OF.get(job["state"], "job")
        if page == "errors" and _verb(job, found["needs_person"]) == "Decide":
            page = "inbox"
        frame.go(page, **{"push" if page in ("errors", "inbox") else "job": job["name"]})


def _charts(found: dict[str, Any]) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        frame.section("Rows by outcome, last 7 days")
        charts.by_outcome(found["by_day"])
    with right:
        frame.section("API calls by day and job")
        budget = workspace().api_budget()
        if not budget["limit"]:
            frame.small("Known after the first call to the org.")
            return
        charts.calls(budget["by_day"][-7:], {j["name"]: j["title"] for j in found["jobs"]}, key="calls_day")
        free = budget["limit"] - (budget["used"] or 0)
        expected = budget["forecast"].ours
        frame.small(
            f"{free:,} of {budget['limit']:,} calls are free in these 24 hours, for all applications of the org. "
            f"A day of these jobs takes about {expected:,.0f}."
        )


def _start(connected: bool) -> None:
    """What to do first, in four steps."""
    steps = [
        ("1", "Connect an org", "Sign in to Salesforce in the browser; no password is kept here.", "connections"),
        ("2", "Make a job from a template", "Call logging is the usual first one.", "jobs"),
        ("3", "Preview", "See what would be written, and what would be held, before anything is.", "jobs"),
        ("4", "Go live", "Switch the job on; it then runs by itself.", "jobs"),
    ]
    first = 1 if connected else 0
    frame.cards(
        [
            {
                "badge": strings.JOB_STATES["in_step"].badge("Done")
                if n < first
                else f":{'blue' if n == first else 'gray'}-badge[{number}]",
                "title": title,
                "text": text,
                "label": "Open",
                "page": page,
            }
            for n, (number, title, text, page) in enumerate(steps)
        ]
    )


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        found = ws.overview()
    except SynclineError as error:
        frame.header("Overview")
        notices.problem(error)
        return
    title = ws.row().title or ws.name
    buttons = frame.header("Overview", f"{title if title != 'default' else 'Workspace'} ⇄ Salesforce")
    if not found["connection"] or not found["jobs"]:
        what = "Nothing is connected yet." if not found["connection"] else "No jobs yet."
        frame.verdict(strings.JOB_STATES["off"], what, "Start with the first card.", badge="Start here")
        _start(bool(found["connection"]))
        return
    if found["is_paused"]:
        buttons.button("Resume writes", icon=":material/play_circle:", on_click=actions.resume)
    else:
        buttons.button("Pause writes", icon=":material/pause_circle:", on_click=actions.pause)
    on = [j["name"] for j in found["jobs"] if j["is_enabled"]]
    buttons.button(
        "Sync now", icon=":material/sync:", type="primary", on_click=actions.sync_now, args=(on,), disabled=not on,
        help="Ask for a run of every job that is on." if on else "No job is switched on.",
    )  # fmt: skip
    making.warn_without_worker()
    live.watch()
    _org_trouble(found["connection"])
    _verdict(found)
    _cards(found)
    _metrics(found)
    _jobs(found)
    _charts(found)


main()
