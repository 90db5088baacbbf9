"""One open row in a drawer: what happened, why, who it could mean, what was sent and answered, and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from console import actions
from console.components import frame, mending, notices, times
from console.components.text import code, plain, safe
from console.session import workspace
from console.strings import OUTCOMES, cause_words, count
from core import Outcome, SynclineError


@st.dialog("Row", position="right", width="medium", icon=":material/manage_search:", on_dismiss="rerun")
def drawer(row: Mapping[str, Any]) -> None:
    """The drawer of one open row."""
    words = cause_words(row["cause"], row["reason"] or "")
    st.markdown(f"{OUTCOMES[Outcome(row['outcome'])].badge()} **{safe(row['title'] or row['key'])}**")
    st.markdown(f"**{safe(words.title)}.** {safe(words.why)} {safe(words.do)}")
    st.text(row["reason"] or "")
    when = f"first {times.ago(row['first_at'])}, last {times.ago(row['last_at'])}"
    seen = f"{code(row['key'])} · {safe(row['job'])} · {when}"
    st.markdown(f":small[{seen} · {count(row['tries'], 'try', 'tries')}]")
    facts(row["job"], row["subject"])
    if row["status_code"]:
        st.markdown(f"{code(row['status_code'])} {safe(row['field'])}")
    if row["cause"] == "ambiguous":
        _candidates(row)
    _buttons(row, words.step)
    _exchange(row)


def facts(job: str, subject: str) -> None:
    """What the workspace knows of the record: for a call who called whom and when, how long, and what was noted."""
    try:
        known = workspace().open_record(job, subject)
    except SynclineError:
        return  # the job is gone; the row tells what it can
    listed = [(label, told) for label, field, tell in _FACTS if known.get(field) and (told := tell(known[field]))]
    if listed:
        grid = st.grid(3, min_column_width=130, gap="small")
        for label, told in listed:
            with grid.container(gap=None):
                st.markdown(f":small[:gray[{label}]]")
                st.text(told)
    if known.get("notes"):
        with st.expander("Notes", type="compact", expanded=len(known["notes"]) < _SHORT_NOTE):
            st.text(plain(known["notes"], 1_000))


def _words(value: Any) -> str:
    return plain(value, 80)


_SHORT_NOTE = 200
_FACTS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("When", "occurred_at", times.clock_time),
    ("Due", "due_at", times.clock_time),
    ("Caller", "user_email", _words),
    ("Phone", "person_phone", _words),
    ("E-mail", "person_email", _words),
    ("Person", "person_ref", _words),
    ("Direction", "direction", _words),
    ("Duration", "duration_s", lambda s: times.span(float(s))),
    ("Outcome", "outcome", _words),
    ("Status", "status", _words),
    ("Company", "account_domain", _words),
    ("Company", "company", _words),
    ("E-mail", "email", _words),
    ("Phone", "phone", _words),
    ("Domain", "domain", _words),
)
"""Label, field and how it is told, of activities, people and accounts; what a record does not have is left out."""


def _candidates(row: Mapping[str, Any]) -> None:
    """Who the row could mean; the button decides and pushes the row."""
    try:
        found = list(workspace().candidates(row["job"], row["subject"]).iter_rows(named=True))
    except SynclineError as error:
        notices.problem(error)
        return
    frame.section("Who was it?")
    if not found:
        frame.small("The candidates are gone; retry the row.")
    for n, person in enumerate(found):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None, width="stretch"):
                st.markdown(f"**{safe(person['name'] or person['email'] or person['record_id'])}**")
                st.text(" · ".join(str(v) for v in (person["title"], person["company"]) if v) or "no title or company")
                st.text(" · ".join(str(v) for v in (person["phone"], person["email"]) if v))
                if person["org_id"]:
                    st.markdown(f":small[{safe(person['sobject'])} {code(person['org_id'])}]")
            if st.button("Pick", key=f"candidate-{n}", type="primary" if n == 0 and len(found) == 1 else "secondary"):
                name = str(person["name"] or person["email"] or "")
                actions.decide(
                    [f"{row['job']}:{row['subject']}"], "record", record_id=int(person["record_id"]),
                    told=f"Decided: {name}. The row is being pushed.",
                )  # fmt: skip
                st.rerun()


def _buttons(row: Mapping[str, Any], step: str) -> None:
    which = [(row["job"], row["subject"])]
    with st.container(horizontal=True, gap="xsmall"):
        if row["cause"] != "ambiguous" and st.button("Retry this row", key="drawer-retry", icon=":material/replay:"):
            actions.retry_rows(which)
            st.rerun()
        if st.button(
            "Take back" if row["is_aside"] else "Put aside", key="drawer-aside", icon=":material/inventory_2:"
        ):
            actions.put_aside(which, aside=not row["is_aside"])
            st.rerun()
        if step and st.button(mending.label(step), key="drawer-mend"):
            mending.go(row["job"], step, row["field"])
        if st.button("Explain", key="drawer-explain", icon=":material/manage_search:"):
            frame.go("record", key=row["org_id"] or row["key"])


def _exchange(row: Mapping[str, Any]) -> None:
    """What was sent and answered the last time, where it was sent at all."""
    results = workspace().run_results(row["run_id"], outcome=row["outcome"], limit=1000)
    for found in results.iter_rows(named=True):
        if (found["record_id"], found["org_id"]) == (row["record_id"], row["org_id"]) or found["key"] == row["key"]:
            if found["request"] or found["answer"]:
                exchange(found)
            return


def exchange(found: Mapping[str, Any]) -> None:
    """Request and answer side by side."""
    left, right = st.columns(2)
    with left:
        st.markdown(":small[:gray[We sent]]")
        st.code(pretty(found["request"]) or "nothing", language=None, wrap_lines=True)
    with right:
        st.markdown(":small[:gray[Salesforce answered]]")
        st.code(pretty(found["answer"]) or "nothing", language=None, wrap_lines=True)


def pretty(text: str | None) -> str:
    """JSON on several lines; anything else as it is."""
    if not text:
        return ""
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except ValueError:
        return text
