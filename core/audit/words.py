"""Puts what the store knows into sentences for people: moments in the workspace's zone, titles, decisions, links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_KINDS = {
    "call": "Call",
    "note": "Note",
    "email": "E-mail",
    "meeting": "Meeting",
    "task": "Task",
    "touchpoint": "Touchpoint",
    "campaign_touch": "Campaign touch",
    "person": "Person",
    "account": "Account",
}
POLICIES = {
    "last_update_wins": "the last update wins",
    "org_wins": "the org wins",
    "workspace_wins": "the workspace wins",
    "ask": "a person decides",
}
_EVENTS = {
    "conflict.decided": "Conflict decided",
    "match.decided": "Person chosen",
    "link.repaired": "Link repaired",
    "rows.retried": "Tried again",
    "job.saved": "Job saved",
    "job.enabled": "Job switched on",
    "job.disabled": "Job switched off",
}


def moment(value: Any, zone: str) -> str:
    """``21 Nov 2026, 06:05`` in the zone; an ISO text or a datetime comes in, anything else comes back as text."""
    at: datetime | None = value if isinstance(value, datetime) else None
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if at is None:
        return "" if value is None else str(value)
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def kind_word(kind: str) -> str:
    """What a kind is called: ``Campaign touch``."""
    return _KINDS.get(kind, kind.replace("_", " ").capitalize())


def title(kind: str, row: Mapping[str, Any], person: Mapping[str, Any] | None) -> str:
    """What people call a record: its subject or name; else what it is and with whom; its key where nothing is known."""
    own = next((str(row[c]).strip() for c in ("subject", "name") if row.get(c) and str(row[c]).strip()), "")
    if own:
        return own
    if kind == "person":
        whole = " ".join(str(row[c]) for c in ("first_name", "last_name") if row.get(c))
        return whole or str(row.get("email") or row.get("phone") or row["external_id"])
    whom = (person or {}).get("name") or row.get("person_email") or row.get("person_phone")
    if whom and kind not in ("account", "person"):
        return f"{kind_word(kind)} with {whom}"
    return f"{kind_word(kind)} {row['external_id']}"


def link_story(link: Mapping[str, Any], zone: str, job_titles: Mapping[str, str]) -> str:
    """How a link came about."""
    told = {
        "created_out": "Syncline created the org record",
        "created_in": "It came in from the org",
        "settled": "Found in the org after its answer had been lost",
        "merge": "The org merged its record into this one",
        "converted": "The org converted its lead into this one",
        "by_hand": "Linked by hand",
    }
    evidence = link["evidence"] or str(link["how"]).removeprefix("matched_").replace("_", " ")
    words = told.get(link["how"], f"Matched by {evidence}".rstrip())
    by = job_titles.get(link["job"], link["job"])
    where = ", ".join(part for part in (by, moment(link["created_at"], zone)) if part)
    return f"{words} ({where})." if where else f"{words}."


def event_story(event: Mapping[str, Any], policy: str | None) -> str:
    """One line of the ledger. A conflict is decided by its rule; whoever started the run decided nothing."""
    what = _EVENTS.get(event["kind"], str(event["kind"]).replace(".", " ").replace("_", " ").capitalize())
    detail = f": {event['detail']}" if event["detail"] else ""
    if event["kind"] == "conflict.decided":
        values = event.get("values") or {}
        if values.get("decision") == "ask":
            return f"Conflict found{detail}"
        return f"{what} by the rule that {POLICIES.get(policy or '', 'the job sets')}{detail}"
    return f"{what} by {event['actor']}{detail}" if event["actor"] else f"{what}{detail}"
