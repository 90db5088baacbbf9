"""One record's whole story: verdict, both sides, attempts, what people decided, which jobs take it and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from console import strings
from console.components import frame, mending, times
from console.components.rowcard import exchange
from console.components.text import code, plain, safe
from console.strings import OUTCOMES, count
from core import Outcome

_FIRST = 8


def tell(record: Mapping[str, Any], n: int) -> None:
    """The story of one record; ``n`` makes its keys unique."""
    _verdict(record, n)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _sides(record)
        _jobs(record["jobs"])
        _belongs(record, n)
    with right:
        timeline(record["attempts"], record["events"])


def _verdict(record: Mapping[str, Any], n: int) -> None:
    link, opened = record["link"], record["open"]
    if opened:
        sign = OUTCOMES[Outcome(opened[0]["outcome"])]
    else:
        sign = strings.JOB_STATES["in_step"] if link else strings.Sign("Not linked", "gray", "link_off")
    kind = str(record["kind"]).replace("_", " ").capitalize()
    ids = f"{kind} {code(record['workspace']['external_id'])}"
    if link:
        ids += f" ⇄ {safe(link['sobject'])} {code(link['org_id'])}"
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{sign.badge()} **{safe(record['title'])}** :small[{ids} · found by {safe(record['found_by'])}]")
        st.text(times.told(record["verdict"]))
        if link:
            frame.small(times.told(link["story"]))
        for m, row in enumerate(opened):
            mending.ways(row, f"open-{n}-{m}")


def _sides(record: Mapping[str, Any]) -> None:
    frame.section("Both sides")
    fields = record["fields"]
    if not fields:
        frame.small("It has no partner in the org yet; this is what the workspace holds.")
        held = {k: v for k, v in record["workspace"].items() if v not in (None, "", {}, [])}
        _table(
            [
                {"Field": safe(k), ":material/workspaces: Workspace": safe(times.value(_text(v)))}
                for k, v in held.items()
            ]
        )
        return
    differing = [f for f in fields if f["differs"]]
    equal = [f for f in fields if not f["differs"]]
    shown = [*differing, *equal[: max(_FIRST - len(differing), 3)]]
    _table([_side_row(f, record["writers"]) for f in shown])
    rest = [f for f in equal if f not in shown]
    if rest:
        with st.expander(f"{count(len(rest), 'more field')}, all the same", type="compact"):
            _table([_side_row(f, record["writers"]) for f in rest])
    frame.small("The Salesforce side is what both sides last agreed on.")


def _side_row(field: Mapping[str, Any], writers: Mapping[str, Any]) -> dict[str, str]:
    own, org = (safe(times.value(_text(field[side])), 120) for side in ("workspace", "org"))
    if field["differs"]:
        own, org = (f":orange-background[{v}]" if v else "" for v in (own, org))
    writer = writers.get(field["field"])
    by = f"{times.clock_time(writer['at'])}, {writer['job']}" if writer else ""
    return {
        "Field": safe(field["field"]),
        ":material/workspaces: Workspace": own,
        ":material/cloud: Salesforce": org,
        "Verdict": ":orange-badge[:material/warning: Differs]" if field["differs"] else "Same",
        "Last written": safe(by),
    }


def _table(rows: Sequence[Mapping[str, str]]) -> None:
    st.table(pl.DataFrame(list(rows)), border="horizontal", hide_index=True)


def _jobs(jobs: Sequence[Mapping[str, Any]]) -> None:
    frame.section("Which jobs take it, and why")
    rows = []
    for job in [j for j in jobs if j["fits"]] or jobs[:3]:
        taken = job["takes"]
        badge = {
            True: ":green-badge[:material/check_circle: Taken]",
            False: ":gray-badge[:material/do_not_disturb_on: Left out]",
        }.get(taken, ":gray-badge[:material/help: Only the org can tell]")
        failing = [c["clause"] for c in job["clauses"] if c["passes"] is False]
        why = f"**{safe(failing[0])}**" if failing else safe(job["why"], 200)
        rows.append(
            {"Verdict": badge, "Job": safe(job["title"]), "Why": why, "Next run": safe(times.ago(job["next_run_at"]))}
        )
    if rows:
        _table(rows)
    else:
        frame.small("There are no jobs yet.")


def _belongs(record: Mapping[str, Any], n: int) -> None:
    for label, other in (("Person", record["person"]), ("Account", record["account"])):
        if other:
            words = " · ".join(safe(other.get(k)) for k in ("name", "title", "company", "domain") if other.get(k))
            where = f" {safe(other['sobject'])} {code(other['org_id'])}" if other.get("org_id") else " not in the org"
            st.markdown(f"**{label}** {words} :small[{where}]")
    if record["activities"]:
        frame.section("Latest activities")
        _table(
            [
                {
                    "When": safe(times.clock_time(a["occurred_at"])),
                    "What": safe(a["kind"]),
                    "Subject": safe(a["subject"], 90),
                    "In the org": code(a["org_id"]) if a["org_id"] else "no",
                }
                for a in record["activities"][:_FIRST]
            ]
        )
    with st.expander("All fields of the workspace record", type="compact", key=f"all-{n}"):
        st.code(json.dumps(record["workspace"], indent=1, ensure_ascii=False), language=None, wrap_lines=True)


def timeline(attempts: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> None:
    """Attempts and decisions, newest first."""
    frame.section("Timeline")
    entries: list[tuple[str, str, str, Mapping[str, Any]]] = []
    for a in attempts:
        sign = OUTCOMES[Outcome(a["outcome"])]
        what = f"{sign.word} by {a['job']}" + (f": {a['reason']}" if a["reason"] else "")
        entries.append((str(a["at"]), f":material/{sign.icon}:", what, a))
    for e in events:
        entries.append((str(e["at"]), ":material/history:", e["story"], e))
    if not entries:
        frame.small("Nothing has happened to it yet.")
    for at, icon, what, body in sorted(entries, key=lambda e: e[0], reverse=True)[:30]:
        with st.expander(f"{times.clock_time(at)} · {safe(plain(what, 110))}", type="step", icon=icon):
            _entry(body)


def _entry(body: Mapping[str, Any]) -> None:
    if body.get("request") or body.get("answer"):
        exchange({k: _text(body.get(k)) for k in ("request", "answer")})
    if body.get("before"):
        st.markdown(":small[:gray[Before]]")
        st.code(_text(body["before"]), language=None, wrap_lines=True)
    if body.get("values"):
        st.code(json.dumps(body["values"], indent=1, ensure_ascii=False), language=None, wrap_lines=True)
    if body.get("run_id"):
        st.markdown(f":small[:gray[Run] {code(body['run_id'])}]")


def org_only(found: Mapping[str, Any]) -> None:
    """An org Id that has no record here."""
    with st.container(border=True):
        st.markdown(f"{code(found['org_id'])} has no record in the workspace.")
        for row in found["open"]:
            st.text(f"{row['job']}: {row['reason'] or row['cause']}")
    timeline(found["attempts"], found["events"])


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
