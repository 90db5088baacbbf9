"""Reads what the org says about its API allowance, and holds the door once it is used up."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import AllowanceUsed

WINDOW = timedelta(minutes=15)
"""How long we stay away after the org said that its allowance is used up, unless told otherwise."""
_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")
_PER_APP = re.compile(r"per-app-api-usage=(\d+)/(\d+)\(appName=([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Usage:
    """API calls of the whole org in the last 24 hours, against its limit."""

    used: int
    limit: int
    app: str = ""
    app_used: int = 0
    app_limit: int = 0

    @property
    def share(self) -> float:
        """Used part of the limit; 1.0 where the org names no limit."""
        return self.used / self.limit if self.limit else 1.0


def parse_limit_info(header: str | None) -> Usage | None:
    """The ``Sforce-Limit-Info`` header, such as ``api-usage=25/5000; per-app-api-usage=17/250(appName=x)``."""
    found = _USAGE.search(header or "")
    if not found:
        return None
    app = _PER_APP.search(header or "")
    if not app:
        return Usage(int(found[1]), int(found[2]))
    return Usage(int(found[1]), int(found[2]), app[3], int(app[1]), int(app[2]))


class Door:
    """Closed from the moment the org refuses a call for its allowance until the window is over; thread safe."""

    def __init__(self, window: timedelta = WINDOW) -> None:
        self._window = window
        self._closed_until: datetime | None = None
        self._lock = threading.Lock()

    @property
    def closed_until(self) -> datetime | None:
        """When it opens again by itself; None while it is open."""
        return self._closed_until

    def close(self, now: datetime) -> datetime:
        """Close it for a window from now."""
        with self._lock:
            self._closed_until = now + self._window
            return self._closed_until

    def set(self, until: datetime | None) -> None:
        """Keep it closed until then, or open it now."""
        with self._lock:
            self._closed_until = until

    def pass_through(self, now: datetime) -> None:
        """Let a call through.

        Raises:
            AllowanceUsed: The door is closed; nothing was sent.
        """
        with self._lock:
            if self._closed_until is None:
                return
            if now >= self._closed_until:
                self._closed_until = None
                return
            raise AllowanceUsed(
                hint="Nothing is sent until it is back; waiting work goes on by itself.",
                status_code="REQUEST_LIMIT_EXCEEDED",
                closed_until=self._closed_until,
                refused_locally=True,
            )
