"""What ran, what runs now, and what became of each row?"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from console import actions, strings
from console.components import frame, making, notices, rowcard, tables, times, undoing
from console.components.text import code, plain, safe
from console.session import Key, later, workspace
from console.strings import OUTCOMES, RUN_STATES, cause_words, count
from core import Outcome, RunStatus, SynclineError

_LIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)
_FIRST = {RunStatus.RUNNING: 0, RunStatus.PAUSED: 1, RunStatus.QUEUED: 2}
_CARDS = 4
_COLUMNS = (
    "State",
    "Kind",
    "Job",
    "Why",
    "Started by",
    "Started",
    "Looked at",
    "Written",
    "Open",
    "Rejected",
    "API",
    "Took",
    "Run",
)
_KINDS = {"run": "Run", "plan": "Plan", "retry": "Retry"}
PAGE = 25
_ALL = 100_000


def _written(counts: dict[str, int]) -> int:
    return counts["created"] + counts["updated"] + counts["deleted"]


def _done(counts: dict[str, int]) -> int:
    return sum(counts[o.value] for o in Outcome)


def _progress(run: dict[str, Any]) -> tuple[float, str]:
    """Share and words: done of total, rate, time left."""
    counts = run["counts"]
    total, done = max(counts["input"], run["planned"]), _done(counts)
    if run["status"] == RunStatus.QUEUED:
        return 0.0, "Next in line: it begins when a worker is free"
    if run["status"] == RunStatus.PAUSED:
        return 0.0, "Paused: it goes on after Resume"
    if not total:
        return 0.0, "Reading what has changed"
    words = f"{done:,} of {total:,} rows"
    began = times.instant(run["started_at"])
    seconds = (times.now() - began).total_seconds() if began else 0
    if done and seconds > 1 and done < total:
        rate = done / seconds
        words += f" · {rate:,.0f} a second · about {times.span((total - done) / rate)} left"
    return min(done / total, 1.0), words


@st.fragment(run_every=2)
def _live() -> None:
    """The runs under way; the page is drawn again when the last of them ends."""
    titles = _titles()
    open_runs = sorted(
        (r for r in workspace().runs(limit=50) if r["status"] in _LIVE), key=lambda r: _FIRST[RunStatus(r["status"])]
    )
    shown = [r for r in open_runs if r["status"] != RunStatus.QUEUED] or open_runs[-1:]
    for run in shown[:_CARDS]:
        _live_card(run, titles)
    rest = [r for r in open_runs if r not in shown[:_CARDS]]
    if rest:
        names = ", ".join(dict.fromkeys(titles.get(r["job"], r["job"]) for r in reversed(rest)))
        frame.small(f"{count(len(rest), 'more is', 'more are')} queued: {names}.")
    was = st.session_state.get(Key.LIVE, 0)
    st.session_state[Key.LIVE] = len(open_runs)
    if len(open_runs) < was:
        notices.again()
        st.rerun()


def _live_card(run: dict[str, Any], titles: dict[str, str]) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            sign = RUN_STATES[RunStatus(run["status"])]
            name = safe(titles.get(run["job"], run["job"]))
            st.markdown(
                f"{sign.badge()} **{name}** "
                f":small[:gray[{safe(run['reason'])} · you can close this page, the run goes on]]",
                width="stretch",
            )
            st.button(
                "Cancel after this batch", key=f"cancel-{run['run_id']}", icon=":material/stop_circle:",
                on_click=actions.cancel_run, args=(run["run_id"],),
            )  # fmt: skip
        share, words = _progress(run)
        st.progress(share, text=words)
        st.markdown(outcome_badges(run["counts"]) or ":small[:gray[no row is settled yet]]")


def outcome_badges(counts: dict[str, int]) -> str:
    """The outcomes that occur, each with its number."""
    return " ".join(
        OUTCOMES[o].badge(f"{counts[o.value]:,} {OUTCOMES[o].word.lower()}") for o in Outcome if counts[o.value]
    )


def _titles() -> dict[str, str]:
    return {j.name: j.title for j in workspace().specs()}


def _row(run: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    counts = run["counts"]
    began, ended = times.instant(run["started"]), times.instant(run["ended"])
    return {
        "State": [RUN_STATES[RunStatus(run["status"])].word],
        "Kind": _KINDS.get("retry" if run["reason"] == "retry" else run["kind"], run["kind"].capitalize()),
        "Job": titles.get(run["job"], run["job"]),
        "Why": plain(run["reason"]),
        "Started by": plain(run["actor"]),
        "Started": run["started"] or run["requested_at"],
        "Looked at": counts["input"],
        "Written": tables.some(_written(counts)),
        "Open": tables.some(counts["waiting"] + counts["held"] + counts["in_doubt"]),
        "Rejected": tables.some(counts["rejected"]),
        "API": tables.some(run["api_calls"]),
        "Took": times.span(ended - began) if began and ended else "",
        "Run": run["run_id"],
    }


def _wanted(titles: dict[str, str]) -> dict[str, Any]:
    """What the filters ask the database for; all of them are in the address."""
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="run_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Run, job or person", width=260,
        )  # fmt: skip
        words = list(dict.fromkeys(sign.word for sign in RUN_STATES.values()))
        state = st.pills("State", words, key="run_state", bind="query-params", label_visibility="collapsed")
        job = st.query_params.get("job")
        if job and st.button(f"Only {safe(titles.get(job, job), 40)}", icon=":material/close:", type="tertiary"):
            frame.go("runs")
    low = (search or "").strip().lower()
    return {
        "job": job,
        "search": low,
        "jobs": [name for name, title in titles.items() if low and low in title.lower()],
        "statuses": [s.value for s, sign in RUN_STATES.items() if sign.word == state],
    }


def _shown(wanted: dict[str, Any], page: int) -> list[dict[str, Any]]:
    """A page of runs; the one that the address names stands on it in any case."""
    ws, named = workspace(), st.query_params.get("run")
    shown = ws.runs(PAGE, skip=(page - 1) * PAGE, **wanted)
    if named and page == 1 and not any(r["run_id"] == named for r in shown):
        shown = [*ws.runs(1, search=named), *shown]
    return shown


def _export(wanted: dict[str, Any], titles: dict[str, str]) -> bytes:
    rows = [{**_row(r, titles), "State": RUN_STATES[RunStatus(r["status"])].word} for r in
            workspace().runs(_ALL, **wanted)]  # fmt: skip
    return tables.csv_bytes(tables.frame(rows, _COLUMNS))


def _list(shown: list[dict[str, Any]], titles: dict[str, str], page: int) -> dict[str, Any] | None:
    pages = -(-int(shown[0]["total"]) // PAGE) if shown else 1
    wanted = st.query_params.get("run")
    chosen = next((n for n, r in enumerate(shown) if r["run_id"] == wanted), 0)
    event = st.dataframe(
        tables.frame([_row(r, titles) for r in shown], _COLUMNS),
        hide_index=True,
        placeholder="",
        key=f"runs_table_{page}_{wanted}",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [chosen]}},
        height="content" if len(shown) < 10 else 380,
        column_config={
            "State": tables.chips("State", RUN_STATES.values()),
            "Started": tables.distance("Started"),
            **{name: tables.number(name) for name in ("Looked at", "Written", "Open", "Rejected", "API")},
        },
    )
    if pages > 1:
        st.pagination(pages, key="runs_page", bind="query-params", max_visible_pages=5)
    picked = event["selection"]["rows"]
    return shown[picked[0]] if picked and picked[0] < len(shown) else None


def _detail(run: dict[str, Any], titles: dict[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            f"{safe(titles.get(run['job'], run['job']))} · {times.clock_time(run['started'] or run['requested_at'])}",
            anchor=False,
        )
        st.space("stretch")
        if run["kind"] == "plan" and run["plan_id"] and st.button("Review the plan", icon=":material/rule:"):
            frame.go("plan", plan=run["plan_id"])
        refused = run["counts"]["rejected"] + run["counts"]["held"]
        if refused and st.button(f"Open {count(refused, 'row')} in Errors", icon=":material/error:"):
            frame.go("errors", push=run["job"])
        if undoing.can(run) and st.button("Undo", icon=":material/undo:", help="Shows first what that would do."):
            st.session_state.pop(Key.UNDO, None)
            undoing.ask(run["run_id"], titles.get(run["job"], run["job"]))
    left, right = st.columns([4, 6], gap="medium")
    with left:
        _steps(run)
    with right.container(border=True):
        _debugger(run)


def _steps(run: dict[str, Any]) -> None:
    """What the run did, in order, from its own counters."""
    counts, error = run["counts"], _error(run)
    ended = run["status"] not in _LIVE
    if counts["input"] or not error:
        _step(f"Read {count(counts['input'], 'row')}", "complete" if ended or counts["input"] else "running")
    if run["planned"] or _written(counts):
        _step(f"Planned {count(run['planned'], 'change')}", "complete")
    refused = counts["rejected"]
    if _written(counts) or refused:
        _step(
            f"Wrote {count(_written(counts), 'row')}" + (f", {refused:,} rejected" if refused else ""),
            "error" if refused else "complete",
        )
    if counts["held"]:
        _step(f"Held {count(counts['held'], 'row')} for a person", "error")
    if counts["in_doubt"]:
        _step(f"{count(counts['in_doubt'], 'answer')} lost; the next run asks the org", "error")
    if error:
        _step(error, "error")
    if ended:
        balanced = counts["input"] == _done(counts)
        what = f"Books: {counts['input']:,} read = {_done(counts):,} settled"
        _step(
            what if balanced or run["kind"] == "plan" else f"{what}: they do not balance",
            "complete" if balanced or run["kind"] == "plan" else "error",
        )
    st.markdown(outcome_badges(counts))
    api = f"{count(run['api_calls'], 'API call')}" + (
        f", {run['api_calls_shared']} shared" if run.get("api_calls_shared") else ""
    )
    st.markdown(f":small[:gray[{api} · {RUN_STATES[RunStatus(run['status'])].word.lower()} ·]] {code(run['run_id'])}")


def _error(run: dict[str, Any]) -> str:
    """What stopped the run and what to do, in one line; empty where nothing did."""
    found = run["error"]
    try:
        found = json.loads(found) if isinstance(found, str) and found else found
    except ValueError:
        return plain(found)
    if not isinstance(found, dict):
        return ""
    message, hint = str(found.get("message") or ""), str(found.get("hint") or "")
    return plain(message if hint in message else f"{message} {hint}")


def _step(label: str, state: Any) -> None:
    st.status(safe(label), state=state, type="step")


def _debugger(run: dict[str, Any]) -> None:
    """Each row by outcome: what was sent, what was answered."""
    counts = run["counts"]
    have = [o for o in (*strings.OPEN, *Outcome) if counts[o.value]]
    have = list(dict.fromkeys(have))
    if not have:
        frame.small("No rows yet." if run["status"] in _LIVE else "There was nothing to do.")
        return
    names = {OUTCOMES[o].word: o for o in have}
    word = st.segmented_control(
        "Outcome", list(names), default=next(iter(names)), key=f"outcome-{run['run_id']}", label_visibility="collapsed",
        format_func=lambda w: f"{w} {counts[names[w].value]:,}", required=True,
    )  # fmt: skip
    outcome = names[word or next(iter(names))]
    rows = list(workspace().run_results(run["run_id"], outcome=outcome.value, limit=PAGE).iter_rows(named=True))
    if not rows:
        frame.small("The rows of this outcome are counted, not kept one by one.")
        return
    labels = [f"{plain(r['title'] or r['key'], 70)} · row {r['row']}" for r in rows]
    picked = st.selectbox(
        "Row", range(len(rows)), format_func=lambda n: labels[n], key=f"row-{run['run_id']}-{outcome}"
    )
    row = rows[picked or 0]
    st.markdown(
        f"{OUTCOMES[outcome].badge()} **{safe(row['title'] or row['key'])}** "
        f":small[{safe(_what(run, row))} {code(row['org_id'])}]"
    )
    if outcome in strings.OPEN:
        words = cause_words(row["cause"] or row["status_code"] or "", row["reason"] or "")
        st.markdown(f"**{safe(words.title)}.** {safe(words.why)} {safe(words.do)}")
    if row["reason"]:
        st.text(row["reason"])
    if row["status_code"]:
        st.markdown(f"{code(row['status_code'])} {safe(row['field'])}")
    if row["request"] or row["answer"]:
        rowcard.exchange(row)
    if st.button(
        "Explain this record", icon=":material/manage_search:", type="tertiary", key=f"explain-{run['run_id']}"
    ):
        frame.go("record", key=row["org_id"] or row["key"])


def _what(run: dict[str, Any], row: dict[str, Any]) -> str:
    """What was done with the row, told from the side that it came from."""
    if run["direction"] == "inbound":
        return f"from {row['sobject']}"
    return f"{row['action']} {row['sobject']}"


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        any_run, titles = ws.runs(limit=1), _titles()
    except SynclineError as error:
        frame.header("Runs")
        notices.problem(error)
        return
    buttons = frame.header("Runs", "Runs, retries and plans in one list")
    if not any_run:
        frame.empty(
            "No run yet.", "The first one starts when a job is switched on, or run by hand.", "Open the jobs",
            lambda: frame.go("jobs"),
        )  # fmt: skip
        return
    making.warn_without_worker()
    _live()
    wanted = _wanted(titles)
    buttons.download_button(
        "Export CSV", later(lambda: _export(wanted, titles)), file_name="runs.csv", mime="text/csv",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    page = int(st.session_state.get("runs_page") or 1)
    shown = _shown(wanted, page)
    if not shown:
        st.markdown(":gray[No run fits these filters.]")
        return
    chosen = _list(shown, titles, page)
    if chosen is not None:
        _detail(chosen, titles)


main()
