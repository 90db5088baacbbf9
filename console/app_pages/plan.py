"""What would be written, row by row, and does somebody agree to it?"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from console import actions, strings
from console.components import approval, diffs, frame, making, notices, planned, tables, times
from console.components.text import code, safe
from console.session import workspace
from console.strings import OUTCOMES, PLAN_STATES
from core import Outcome, SynclineError

PAGE = 25


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


def _counts(plan: dict[str, Any]) -> dict[str, int]:
    found = _json(plan["counts"]) or {}
    out = {o.value: int(found.get(o.value, 0)) for o in Outcome}
    return {"input": int(found.get("input", sum(out.values()))), **out}


def _rows(plan: dict[str, Any], counts: dict[str, int]) -> None:
    have = [o for o in Outcome if counts[o.value]]
    if not have:
        return
    words = {planned.word(o): o for o in have}
    word = st.segmented_control(
        "Outcome", list(words), default=next(iter(words)), key="outcome", required=True, label_visibility="collapsed"
    )
    outcome = words[word or next(iter(words))]
    left, right = st.columns([4, 6], gap="medium")
    with left:
        page = int(st.session_state.get("plan_page") or 1)
        rows = list(
            workspace()
            .plan_rows(plan["plan_id"], outcome=outcome.value, limit=page * PAGE)
            .slice((page - 1) * PAGE)
            .iter_rows(named=True)
        )
        if not rows:
            st.markdown(f":gray[Nothing to {planned.word(outcome).lower()} is kept row by row.]")
            return
        chosen = planned.rows_shown(rows, f"plan_rows_{plan['plan_id']}_{outcome}_{page}")
        pages = min(-(-counts[outcome.value] // PAGE), 40)
        if pages > 1:
            st.pagination(pages, key="plan_page", max_visible_pages=5)
    with right.container(border=True):
        if chosen is not None:
            diffs.card(chosen)
    if outcome not in planned.WRITES:
        _reasons(plan["plan_id"], outcome)


def _reasons(plan_id: str, outcome: Outcome) -> None:
    rows = workspace().plan_rows(plan_id, outcome=outcome.value, limit=5000)
    frame.section(f"{OUTCOMES[outcome].word}, by cause")
    planned.reasons_table(rows)


def _one(plan: dict[str, Any], titles: dict[str, str]) -> None:
    counts = _counts(plan)
    title = titles.get(plan["job"], plan["job"])
    writes = sum(counts[o.value] for o in planned.WRITES)
    made = f"{title} · made {times.clock_time(plan['made_at'])} by {plan['made_by']}"
    buttons = frame.header("Plan", made, widths=(5, 6))
    is_open = plan["status"] in ("kept", "approved")
    if buttons.button("All plans", type="tertiary", icon=":material/arrow_back:"):
        frame.go("plan")
    if is_open:
        buttons.button("Discard", type="tertiary", on_click=actions.discard_plan, args=(plan["plan_id"],))
        if buttons.button(
            f"Approve and apply {writes:,}" if writes else "Nothing to apply", type="primary",
            icon=":material/check:", disabled=not writes,
        ):  # fmt: skip
            approval.ask(plan["plan_id"], counts, title)
    elif buttons.button("Plan again", type="primary", icon=":material/refresh:"):
        making.ask(plan["job"])
    _status(plan, writes)
    guards = _json(plan["guards"]) or []
    if guards:
        frame.verdict(strings.JOB_STATES["needs_a_person"], "A guard was tripped.", " ".join(map(str, guards)))
    planned.counts_shown(counts)
    _rows(plan, counts)


def _status(plan: dict[str, Any], writes: int) -> None:
    if plan["status"] == "kept" and not writes:
        frame.verdict(strings.NOTHING_SIGN, "A run of the job would write nothing now.")
        return
    sign = PLAN_STATES.get(plan["status"], PLAN_STATES["kept"])
    told = {
        "stale": ("Either side has changed since this plan was made.", "It cannot be applied any more; plan again."),
        "applied": (f"Applied {times.ago(plan['applied_at'])}.", f"Approved by {plan['approved_by']}."),
        "discarded": ("Nothing of it was written.", ""),
        "approved": (f"Approved by {plan['approved_by']}.", "It is applied by the next run."),
    }.get(plan["status"], ("Nothing is written until somebody approves it.", ""))
    frame.verdict(sign, *told)


def _all(plans: list[dict[str, Any]], titles: dict[str, str]) -> None:
    buttons = frame.header("Plans", "What would be written, kept for a look and an approval")
    if titles:
        with buttons.popover("Make a plan", icon=":material/rule:"):
            job = st.selectbox("Job", list(titles), format_func=lambda n: titles[n])
            if st.button("Plan it now", type="primary"):
                making.ask(job)
    if not plans:
        frame.empty("No plan is kept.", "A plan shows what a run would do, before it does it. Make one for a job.",
                    "Open the jobs", lambda: frame.go("jobs"))  # fmt: skip
        return
    words = list(dict.fromkeys(PLAN_STATES.get(p["status"], PLAN_STATES["kept"]).word for p in plans))
    state = st.pills("State", words, key="state", bind="query-params", label_visibility="collapsed")
    if state:
        plans = [p for p in plans if PLAN_STATES.get(p["status"], PLAN_STATES["kept"]).word == state]
    plans.sort(key=lambda p: p["status"] != "kept")
    rows = [
        {
            "State": [PLAN_STATES.get(p["status"], PLAN_STATES["kept"]).word],
            "Job": titles.get(p["job"], p["job"]),
            "Made": p["made_at"],
            "By": p["made_by"],
            **{planned.word(o): tables.some(_counts(p)[o.value]) for o in (*planned.WRITES, Outcome.HELD)},
            "Plan": p["plan_id"],
            "Open": "Review" if p["status"] == "kept" else "Open",
        }
        for p in plans
    ]
    columns = (
        "State",
        "Job",
        "Made",
        "By",
        *(planned.word(o) for o in (*planned.WRITES, Outcome.HELD)),
        "Plan",
        "Open",
    )
    st.dataframe(
        tables.frame(rows, columns), hide_index=True, placeholder="", key="plans_table",
        column_config={
            "State": tables.chips("State", PLAN_STATES.values()),
            "Made": tables.distance("Made"),
            **{planned.word(o): tables.number(planned.word(o)) for o in (*planned.WRITES, Outcome.HELD)},
            "Open": st.column_config.ButtonColumn("", key="plan_verb"),
        },
    )  # fmt: skip
    clicked = st.session_state.get("plan_verb")
    if clicked is not None:
        frame.go("plan", plan=plans[clicked["row"]]["plan_id"])
    waiting = [p for p in plans if p["status"] == "kept"]
    if waiting and st.button(f"Review the newest plan, {safe(titles.get(waiting[0]['job'], ''), 40)}"):
        frame.go("plan", plan=waiting[0]["plan_id"])


def _being_made(run_id: str, titles: dict[str, str]) -> None:
    try:
        run = workspace().run_info(run_id)
    except SynclineError as error:
        frame.header("Plan")
        notices.problem(error)
        return
    making.page(run, titles.get(run["job"], run["job"]))


def main() -> None:
    """The page."""
    ws = workspace()
    try:
        plans = list(ws.plans(limit=100).iter_rows(named=True))
        titles = {s.name: s.title for s in ws.specs()}
    except SynclineError as error:
        frame.header("Plans")
        notices.problem(error)
        return
    if st.query_params.get("making"):
        _being_made(st.query_params["making"], titles)
        return
    wanted = st.query_params.get("plan")
    if not wanted:
        _all(plans, titles)
        return
    found = next((p for p in plans if p["plan_id"] == wanted), None)
    if found is None:
        frame.header("Plan")
        st.markdown(f"There is no plan {code(wanted)} any more.")
        return
    _one(found, titles)


main()
