"""How is one job set up, may it run, and what would it do?"""

from __future__ import annotations

import json

import polars as pl
import streamlit as st

from console import actions, editing, strings
from console.components import frame, making, notices, times
from console.components.text import code, safe
from console.editor import checks, draft, mapping, rules, source, timing, trial, values
from console.session import workspace
from core import Finding, JobSpec, NotFound, SynclineError, differences

STEPS = ("Source", "Mapping", "Values", "Rules", "Preview", "Schedule")
_MOST = 12
_ICONS = {True: "check_circle", False: "error"}
_STEP_OF_CODE = {
    "value_map": "Values",
    "picklist": "Values",
    "schedule": "Schedule",
    "filter": "Source",
    "where": "Source",
}


def _step_of(found: Finding) -> str:
    """The step that mends a finding."""
    return next((step for part, step in _STEP_OF_CODE.items() if part in found.code), "Mapping")


def _steps(name: str, stops: list[Finding]) -> str:
    """The steps, each with whether it is in order; the address says which is shown."""
    bad = {_step_of(f) for f in stops}
    asked = st.query_params.get("step", "")
    key = f"step_{name}"
    if asked in STEPS and st.session_state.get(f"{key}_asked") != asked:
        st.session_state[key] = asked
    st.session_state[f"{key}_asked"] = asked
    labels = {s: f":material/{'circle' if s == 'Preview' else _ICONS[s not in bad]}: {s}" for s in STEPS}
    if st.session_state.get(key) not in STEPS:
        st.session_state[key] = STEPS[1] if asked not in STEPS else asked

    def told() -> None:
        st.query_params["step"] = st.session_state[key] or STEPS[0]
        st.session_state[f"{key}_asked"] = st.session_state[key]

    picked = st.segmented_control(
        "Step", STEPS, key=key, format_func=labels.__getitem__, required=True, width="stretch",
        label_visibility="collapsed", on_change=told,
    )  # fmt: skip
    return picked or STEPS[0]


def _buttons(buttons: st.delta_generator.DeltaGenerator, spec: JobSpec, stops: list[Finding], *, checked: bool) -> None:
    changed = draft.is_changed(spec)
    with buttons:
        with st.popover("More", icon=":material/more_horiz:"):
            if st.button(
                "Run now", icon=":material/play_arrow:", disabled=changed, help="Save it first." if changed else None
            ):
                runs = actions.run_jobs([spec.name])
                frame.go("runs", run=runs[0] if runs else "")
            if st.button("Keep a plan", icon=":material/rule:", disabled=changed):
                making.ask(spec.name)
            if changed and st.button("Drop the changes", icon=":material/undo:"):
                draft.drop(spec.name)
                st.rerun()
        if st.button("Save", disabled=not changed, help=None if changed else "Nothing has changed."):
            if actions.save_job(spec, draft.base(spec.name)):
                draft.drop(spec.name)
            st.rerun()
        why = safe(stops[0].sentence()) if stops else None if checked else "It could not be checked against the org."
        if st.button("Save and sync", type="primary", icon=":material/sync:", disabled=bool(why), help=why):
            run_id = actions.save_and_sync(spec, draft.base(spec.name))
            if run_id:
                draft.drop(spec.name)
                frame.go("runs", run=run_id)
            st.rerun()


def _overtaken(spec: JobSpec) -> None:
    """Somebody else saved the job meanwhile: what differs, and a clear choice."""
    head = draft.overtaken(spec)
    if head is None:
        return
    theirs = workspace().job(spec.name)
    with st.container(border=True, gap="xsmall"):
        who, when = head["updated_by"] or "Somebody", times.clock_time(head["updated_at"])
        badge = strings.JOB_STATES["needs_a_person"].badge("Saved meanwhile")
        st.markdown(f"{badge} **{safe(who)} saved this job at {safe(when)}, while you were editing it.**")
        found = differences(
            json.dumps({"before": theirs.model_dump(mode="json"), "after": spec.model_dump(mode="json")})
        )
        rows = [
            {"Where": safe(w), "Theirs, saved": safe(a, 120), "Yours, not saved": safe(b, 120)} for w, a, b in found
        ]
        st.table(pl.DataFrame(rows[:_MOST]), border="horizontal", hide_index=True)
        if len(rows) > _MOST:
            frame.small(f"and {len(rows) - _MOST} more")
        with st.container(horizontal=True, gap="xsmall"):
            st.button("Keep mine", icon=":material/edit:", on_click=draft.keep_mine, args=(spec,))
            st.button("Take theirs", icon=":material/undo:", on_click=draft.drop, args=(spec.name,))


def _pair(spec: JobSpec) -> str:
    """The object pair that is being looked at."""
    names = [p.sobject for p in spec.pairs]
    if len(names) == 1:
        return names[0]
    return str(st.segmented_control("Object", names, default=names[0], required=True, key=f"pair_{spec.name}"))


def _body(step: str, spec: JobSpec, findings: list[Finding], sobject: str, picked: str | None) -> None:
    if step == "Source":
        source.show(spec)
    elif step == "Mapping":
        mapping.card(spec, sobject, findings, picked)
    elif step == "Values":
        values.show(spec, sobject)
    elif step == "Rules":
        rules.show(spec)
    else:
        timing.show(spec, findings)


def _state(spec: JobSpec) -> str:
    found = next((j for j in workspace().jobs() if j["name"] == spec.name), {})
    if draft.is_changed(spec):
        return "changes are not saved"
    if not found.get("is_enabled"):
        return "off"
    return f"on, next run {times.ago(found['next_run_at'])}" if found.get("next_run_at") else "on"


def _flow(spec: JobSpec) -> str:
    objects = ", ".join(p.sobject for p in spec.pairs)
    kind = spec.kind.replace("_", " ").capitalize()
    return f"{kind} → {objects}" if spec.direction == "outbound" else f"{objects} → {kind}"


def main() -> None:
    """The page."""
    name = st.query_params.get("job", "")
    try:
        spec = draft.of(name)
    except NotFound:
        frame.header("Job")
        st.markdown(f"There is no job called {code(name)}.")
        if st.button("Open the jobs", type="primary"):
            frame.go("jobs")
        return
    found = draft.findings(spec)
    findings = [] if isinstance(found, SynclineError) else found
    stops = editing.stops(findings)
    buttons = frame.header(spec.title, f"{_flow(spec)} · {spec.name} · {_state(spec)}")
    _buttons(buttons, spec, stops, checked=not isinstance(found, SynclineError))
    _overtaken(spec)
    step = _steps(name, stops)
    picked = sobject = None
    if step in ("Mapping", "Values"):
        sobject = _pair(spec)
    if step == "Mapping" and sobject:
        try:
            picked = mapping.table(spec, sobject, findings)
        except SynclineError as error:
            notices.problem(error)
            return
    if step == "Preview":
        trial.show(spec)
        _walk(name, step)
        return
    left, right = st.columns([5, 3], gap="medium")
    with right:
        checks.box(spec, found)
    with left:
        try:
            _body(step, spec, findings, sobject or "", picked)
        except SynclineError as error:
            notices.problem(error)
        _walk(name, step)


def _walk(name: str, step: str) -> None:
    """Back and next."""
    at = STEPS.index(step)
    after = STEPS[at + 1] if at + 1 < len(STEPS) else ""
    with st.container(horizontal=True):
        if st.button("Back", icon=":material/arrow_back:", disabled=at == 0):
            frame.go("job", job=name, step=STEPS[at - 1])
        st.space("stretch")
        if after and st.button(f"Next: {after}", icon=":material/arrow_forward:", icon_position="right"):
            frame.go("job", job=name, step=after)


main()
