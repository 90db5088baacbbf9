"""Alerts: how things stand, who is told, from where on, and what was told lately."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import actions, strings
from console.components import frame, tables, times
from console.components.text import plain, safe
from console.session import workspace

_COLUMNS = ("Level", "What", "Why", "Since", "Muted until")
_LATEST = ("When", "What", "Detail")
_HOURS = {"1 hour": 1, "8 hours": 8, "1 day": 24, "1 week": 168}
_KINDS = {"webhook": "A webhook", "email": "An e-mail address"}
_WORST_FIRST = ("critical", "warning", "ok")


def show() -> None:
    """The part."""
    found = workspace().alerts()
    _standing(found)
    _channels(found)
    _rules(found["rules"])
    _latest(found["recent"])


def _standing(found: dict[str, Any]) -> None:
    frame.section("How things stand")
    states, mutes = found["states"], found["mutes"]
    if not states:
        frame.small("The worker looks once a minute; it has not looked yet.")
        return
    order = sorted(states.items(), key=lambda s: (_WORST_FIRST.index(s[1]["level"]), s[1]["title"]))
    rows = [
        {
            "Level": [strings.ALERT_LEVELS[s["level"]].word],
            "What": plain(s["title"]),
            "Why": plain(s["why"]),
            "Since": times.instant(s["since"]),
            "Muted until": times.instant(mutes.get(subject) or mutes.get("all")),
        }
        for subject, s in order
    ]
    st.dataframe(
        tables.frame(rows, _COLUMNS), hide_index=True, placeholder="", key="alert_states",
        column_config={
            "Level": tables.chips("Level", strings.ALERT_LEVELS.values()),
            "Why": tables.text("Why", width=420),
            "Since": tables.distance("Since"),
            "Muted until": tables.moment("Muted until"),
        },
    )  # fmt: skip
    _mute({"all": "Everything", **{subject: s["title"] for subject, s in order}}, mutes)


def _mute(titles: dict[str, str], mutes: dict[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        subject = st.selectbox("Mute", list(titles), format_func=lambda s: plain(titles[s], 60), width=280)
        span = st.selectbox("for", list(_HOURS), index=1, width=120)
        st.button(
            "Mute", icon=":material/notifications_off:", on_click=actions.mute_alerts, args=(subject, _HOURS[span])
        )
        if subject in mutes:
            st.button("Let it speak", icon=":material/notifications:", on_click=actions.mute_alerts, args=(subject, 0))


def _channels(found: dict[str, Any]) -> None:
    frame.section("Who is told")
    if not found["channels"]:
        frame.small("Nobody yet. Each change of level is told once, and so is the recovery.")
    for channel in found["channels"]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{safe(channel['name'])}** :small[:gray[{safe(channel['kind'])} to {safe(channel['shown'])}]]",
                width="stretch",
            )
            st.button("Try it", key=f"try-{channel['name']}", icon=":material/send:",
                      on_click=actions.try_alert_channel, args=(channel["name"],))  # fmt: skip
            st.button("Remove", key=f"drop-{channel['name']}", type="tertiary", icon=":material/delete:",
                      on_click=actions.remove_alert_channel, args=(channel["name"],))  # fmt: skip
    with st.form("add_channel", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            "Send to", list(_KINDS), format_func=_KINDS.__getitem__,
            width=180,
        )  # fmt: skip
        name = st.text_input("Name of the channel", placeholder="RevOps chat", width=200)
        target = st.text_input(
            "Address", placeholder="https://… or team@example.com", width=360,
            help="A webhook's address is kept sealed; only its host is shown again.",
        )  # fmt: skip
        if st.form_submit_button("Add", type="primary") and name.strip() and target.strip():
            actions.add_alert_channel(name, kind, target)
            st.rerun()


def _rules(rules: dict[str, int]) -> None:
    with st.expander("From where on", type="compact"), st.form("alert_rules", border=True):
        grid = st.grid(2, min_column_width=300, gap="small")
        new = {
            name: int(
                grid.number_input(
                    words, 0, 100 if name.startswith("api") else 1_000_000, rules[name], key=f"rule_{name}"
                )
            )
            for name, words in strings.ALERT_RULES.items()
        }
        frame.small(
            "0 switches a threshold off. A job that stopped and a refused sign-in are always critical; a late job is "
            "always a warning."
        )
        if st.form_submit_button("Save the thresholds"):
            actions.set_alert_rules(new)
            st.rerun()


def _latest(recent: list[dict[str, Any]]) -> None:
    if not recent:
        return
    frame.section("Told lately")
    rows = [
        {"When": r["at"], "What": strings.ALERT_KINDS.get(r["kind"], r["kind"]), "Detail": plain(r["detail"])}
        for r in recent
    ]
    st.dataframe(
        tables.frame(rows, _LATEST), hide_index=True, placeholder="", key="alert_log",
        column_config={"When": tables.moment("When"), "Detail": tables.text("Detail", width=640)},
    )  # fmt: skip
