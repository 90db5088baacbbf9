"""Counts API calls as the server saw them: a log for tests, and the daily allowance with its header."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

_KEPT = 200_000


class CallLog:
    """Every request that the server answered, oldest first, until it is reset."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def add(self, entry: dict[str, Any]) -> None:
        """Note one request."""
        self._entries.append(entry)

    def listed(self) -> list[dict[str, Any]]:
        """All noted requests."""
        return list(self._entries)

    def reset(self) -> None:
        """Forget them."""
        self._entries.clear()


class Allowance:
    """The daily count of API calls, by the server's clock and kept over restarts."""

    def __init__(self, per_day: int, recall: Callable[[str], str], keep: Callable[[str, str], None]) -> None:
        self.per_day = per_day
        self._keep = keep
        self._lock = threading.Lock()
        day, _, used = recall("api_calls").partition(":")
        self._day = day
        self._used = int(used or 0)

    def used(self, day: str) -> int:
        """Calls made on that day so far."""
        return self._used if day == self._day else 0

    def book(self, day: str, calls: int = 1) -> bool:
        """Book calls; ``False`` when the allowance of the day is used up."""
        with self._lock:
            if day != self._day:
                self._day, self._used = day, 0
            if self._used >= self.per_day:
                return False
            before = self._used
            self._used += calls
            if before // 100 != self._used // 100:
                self._keep("api_calls", f"{self._day}:{self._used}")
            return True

    def save(self) -> None:
        """Write the count down, as the server stops."""
        self._keep("api_calls", f"{self._day}:{self._used}")

    def header(self, day: str) -> str:
        """The value of `Sforce-Limit-Info`."""
        return f"api-usage={self.used(day)}/{self.per_day}"
