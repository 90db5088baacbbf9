"""The schedule step: when the job runs, and whether it is on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from console import actions, editing
from console.components import frame
from console.components.text import safe
from console.editor import draft
from console.session import workspace
from core import Finding, JobSpec

_WAYS = {"every": "At an interval", "daily": "Once a day", "hand": "By hand only"}


def show(spec: JobSpec, findings: Sequence[Finding]) -> None:
    """The step."""
    schedule = spec.schedule
    way = "daily" if schedule.daily_at else "every" if schedule.every_minutes else "hand"
    with st.container(border=True):
        st.markdown("**When does it run?**")
        picked = st.segmented_control(
            "When", list(_WAYS), default=way, format_func=_WAYS.__getitem__, required=True,
            key=f"s_way_{draft.token(spec)}",
            label_visibility="collapsed",
        )  # fmt: skip
        new: dict[str, Any] = {"every_minutes": None, "daily_at": None}
        if picked == "every":
            new["every_minutes"] = int(
                st.number_input(
                    "Every how many minutes", 1, 10_080, schedule.every_minutes or 15, key=f"s_min_{draft.token(spec)}"
                )
            )
        elif picked == "daily":
            hours = [f"{h:02d}:{m:02d}" for h in range(24) for m in (0, 30)]
            now = schedule.daily_at or "02:00"
            options = [*hours, *([now] if now not in hours else [])]
            new["daily_at"] = st.selectbox(
                f"At, in the workspace's zone ({workspace().row().zone})", options, index=options.index(now),
                key=f"s_at_{draft.token(spec)}",
            )  # fmt: skip
        new["as_it_happens"] = False
        if spec.direction == "outbound":
            new["as_it_happens"] = st.toggle(
                "As it happens: fresh data wakes the job at once",
                schedule.as_it_happens,
                key=f"s_wake_{draft.token(spec)}",
            )
        elif picked != "hand":
            new["as_it_happens"] = st.toggle(
                "As it happens: changes in the org wake the job at once, where the org tells them",
                schedule.as_it_happens,
                key=f"s_wake_{draft.token(spec)}",
            )
        if any(getattr(schedule, k) != v for k, v in new.items()):
            draft.change(lambda: editing.changed(spec, schedule=new))
    _switch(spec, findings)


def _switch(spec: JobSpec, findings: Sequence[Finding]) -> None:
    on = next((j["is_enabled"] for j in workspace().jobs() if j["name"] == spec.name), False)
    stops = editing.stops(findings)
    with st.container(border=True):
        st.markdown("**Is it on?**")
        if on:
            frame.small("It is on: it runs by its schedule, and plans that trip no guard are applied by themselves.")
            st.button("Switch off", icon=":material/pause_circle:", on_click=actions.switch, args=([spec.name],),
                      kwargs={"on": False}, key="timing-off")  # fmt: skip
            return
        frame.small("It is off: nothing runs by itself. Switching it on approves its plans that trip no guard.")
        unsaved = draft.is_changed(spec)
        why = "Save it first." if unsaved else safe(stops[0].sentence()) if stops else None
        st.button(
            "Switch on", icon=":material/play_circle:", on_click=actions.switch, args=([spec.name],),
            kwargs={"on": True}, disabled=bool(why), help=why, key="timing-on",
        )  # fmt: skip
