"""Keeps what is known about a workspace's change events: whether somebody listens, why not, and how far was heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from core.store import setting
from core.store.database import Batch, Database

_KEY = "change_events"
LISTENING, POLLING = "listening", "polling"


class Heard(TypedDict):
    """What is kept, as JSON."""

    org: str
    """Org that the places are of."""
    state: str
    """`LISTENING`, or `POLLING`: changes come in by the schedule alone."""
    reason: str
    """Why changes are polled; empty while somebody listens."""
    since: NotRequired[str]
    """ISO instant from which the state holds."""
    refused: dict[str, str]
    """Object -> why the org does not tell its changes, while those of others are told."""
    places: dict[str, int]
    """Channel -> Id of the last event that was heeded; listening goes on behind it."""


def read(db: Database, workspace_id: int) -> Heard:
    """What is known; where nothing is, nobody has listened yet."""
    kept: Heard | None = setting.get(db, workspace_id, _KEY)
    return kept or Heard(org="", state=POLLING, reason="Nobody has listened yet.", refused={}, places={})


def keep(batch: Batch, heard: Heard) -> None:
    """Keep it, in the caller's transaction."""
    setting.put_in(batch, _KEY, heard)


def of_job(heard: Heard, sobjects: Sequence[str]) -> dict[str, Any]:
    """What it means for a job of these objects: ``state``, ``reason``, ``since_at`` (instant or ``None``)."""
    state, reason = heard["state"], heard["reason"]
    refused = [f"{name}: {heard['refused'][name]}" for name in sobjects if name in heard["refused"]]
    if refused and state == LISTENING:
        state, reason = POLLING, f"The org does not tell these changes ({'; '.join(refused)})."
    since = datetime.fromisoformat(heard["since"]) if "since" in heard else None
    return {"state": state, "reason": reason, "since_at": since}
