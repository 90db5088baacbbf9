"""What would be written, row by row, and does somebody agree to it?"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from console import actions, strings
from console.components import approval, diffs, frame, making, notices, planned, tables, times
from console.components.text import code, safe
from console.session import later, workspace
from console.strings import OUTCOMES, PLAN_STATES
from core import NotFound, Outcome, SynclineError

PAGE = 25
_ALL = 1_000_000
_STATUS = {sign.word: name for name, sign in PLAN_STATES.items()}


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
        "Outcome", list(words), default=next(iter(words)), key="outcome", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    outcome = words[word or next(iter(words))]
    wanted: dict[str, Any] = {"outcome": outcome.value, **_narrowed(plan["plan_id"], outcome)}
    found = workspace().plan_rows_found(plan["plan_id"], **wanted)
    total = int(found["n"].sum())
    if not total:
        st.markdown(f":gray[Nothing to {planned.word(outcome).lower()} fits here, or is kept row by row.]")
        return
    left, right = st.columns([4, 6], gap="medium")
    with left:
        pages = -(-total // PAGE)
        page = min(int(st.session_state.get("plan_page") or 1), pages)
        shown = workspace().plan_rows(plan["plan_id"], limit=PAGE, skip=(page - 1) * PAGE, **wanted)
        chosen = planned.rows_shown(
            list(shown.iter_rows(named=True)), f"plan_rows_{plan['plan_id']}_{outcome}_{page}_{total}"
        )
        if pages > 1:
            st.pagination(pages, key="plan_page", bind="query-params", max_visible_pages=5)
    with right.container(border=True):
        if chosen is not None:
            diffs.card(chosen)
    if outcome not in planned.WRITES:
        frame.section(f"{OUTCOMES[outcome].word}, by cause")
        planned.reasons_table(found)


def _narrowed(plan_id: str, outcome: Outcome) -> dict[str, str]:
    """Object and text, both in the address."""
    objects = sorted(workspace().plan_rows_found(plan_id, outcome=outcome.value)["sobject"].unique().to_list())
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search", key="plan_q", bind="query-params", icon=":material/search:", label_visibility="collapsed",
            placeholder="Record, id or reason", width=260,
        )  # fmt: skip
        picked = None
        if len(objects) > 1:
            picked = st.pills("Object", objects, key="object", bind="query-params", label_visibility="collapsed")
        st.space("stretch")
        st.download_button(
            "Export CSV", later(lambda: _export(plan_id)), file_name=f"{plan_id}.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    return {"sobject": picked or "", "search": search or ""}


def _export(plan_id: str) -> bytes:
    keep = ("row", "outcome", "cause", "reason", "sobject", "action", "key", "org_id", "title", "fields", "payload",
            "before")  # fmt: skip
    return tables.csv_bytes(workspace().plan_rows(plan_id, limit=_ALL).select(keep))


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
    others = [
        p for p in workspace().plans(limit=6, job=plan["job"]).iter_rows(named=True) if p["plan_id"] != plan["plan_id"]
    ]
    if others:
        frame.section("Other plans of this job")
        _table(others, titles, "others_table")


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


def _all(titles: dict[str, str]) -> None:
    buttons = frame.header("Plans", "What would be written, kept for a look and an approval")
    if titles:
        with buttons.popover("Make a plan", icon=":material/rule:"):
            job = st.selectbox("Job", list(titles), format_func=lambda n: titles[n])
            if st.button("Plan it now", type="primary"):
                making.ask(job)
    if workspace().plans(limit=1).is_empty():
        frame.empty("No plan is kept.", "A plan shows what a run would do, before it does it. Make one for a job.",
                    "Open the jobs", lambda: frame.go("jobs"))  # fmt: skip
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        named = {title: name for name, title in titles.items()}
        of = st.selectbox(
            "Of job", list(named), index=None, key="of", bind="query-params", placeholder="All jobs", width=240,
            label_visibility="collapsed",
        )  # fmt: skip
        state = st.pills("State", list(_STATUS), key="plan_state", bind="query-params", label_visibility="collapsed")
    page = int(st.session_state.get("plans_page") or 1)
    found = workspace().plans(PAGE, job=named.get(of or ""), status=_STATUS.get(state or ""), skip=(page - 1) * PAGE)
    if found.is_empty():
        st.markdown(":gray[No plan fits these filters.]")
        return
    plans = sorted(found.iter_rows(named=True), key=lambda p: p["status"] != "kept")
    _table(plans, titles, "plans_table")
    total = int(found["total"][0])
    if total > PAGE:
        st.pagination(-(-total // PAGE), key="plans_page", bind="query-params", max_visible_pages=5)
    waiting = [p for p in plans if p["status"] == "kept"]
    if waiting and st.button(f"Review the newest plan, {safe(titles.get(waiting[0]['job'], ''), 40)}"):
        frame.go("plan", plan=waiting[0]["plan_id"])


def _table(plans: list[dict[str, Any]], titles: dict[str, str], key: str) -> None:
    counted = (*planned.WRITES, Outcome.HELD)
    rows = [
        {
            "State": [PLAN_STATES.get(p["status"], PLAN_STATES["kept"]).word],
            "Job": titles.get(p["job"], p["job"]),
            "Made": p["made_at"],
            "By": p["made_by"],
            **{planned.word(o): tables.some(_counts(p)[o.value]) for o in counted},
            "Plan": p["plan_id"],
            "Open": "Review" if p["status"] == "kept" else "Open",
        }
        for p in plans
    ]
    columns = ("State", "Job", "Made", "By", *(planned.word(o) for o in counted), "Plan", "Open")
    verb = f"{key}_verb"
    st.dataframe(
        tables.frame(rows, columns), hide_index=True, placeholder="", key=key,
        column_config={
            "State": tables.chips("State", PLAN_STATES.values()),
            "Made": tables.distance("Made"),
            **{planned.word(o): tables.number(planned.word(o)) for o in counted},
            "Open": st.column_config.ButtonColumn("", key=verb),
        },
    )  # fmt: skip
    clicked = st.session_state.get(verb)
    if clicked is not None and clicked["row"] < len(plans):
        frame.go("plan", plan=plans[clicked["row"]]["plan_id"])


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
        titles = {s.name: s.title for s in ws.specs()}
        if st.query_params.get("making"):
            _being_made(st.query_params["making"], titles)
            return
        wanted = st.query_params.get("plan")
        if not wanted:
            _all(titles)
            return
        found = ws.plan_info(wanted)
    except NotFound:
        frame.header("Plan")
        st.markdown(f"There is no plan {code(wanted)} any more.")
        return
    except SynclineError as error:
        frame.header("Plans")
        notices.problem(error)
        return
    _one(found, titles)


main()
