"""Keeps count of the API calls of a connection, and what the org's answers tell about its allowance and its clock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median

from core.connections.salesforce.limits import Usage, parse_limit_info

_SAMPLES = 9
_SLOW = 5.0


class Tally:
    """API calls counted while it was open."""

    def __init__(self) -> None:
        self.calls = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """One more."""
        with self._lock:
            self.calls += 1


_open: ContextVar[tuple[Tally, ...]] = ContextVar("tallies", default=())


@contextmanager
def tally() -> Iterator[Tally]:
    """Count the calls made in this block; one inside another counts for both."""
    counted = Tally()
    token = _open.set((*_open.get(), counted))
    try:
        yield counted
    finally:
        _open.reset(token)


class Meter:
    """What one connection has used and learned; safe to share among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offsets: deque[float] = deque(maxlen=_SAMPLES)
        self.calls = 0
        self.usage: Usage | None = None

    def count(self) -> None:
        """One call has left."""
        with self._lock:
            self.calls += 1
        for counted in _open.get():
            counted.add()

    @property
    def clock_offset(self) -> timedelta:
        """The org's clock less ours, to about a second; zero before the first answer."""
        with self._lock:
            return timedelta(seconds=median(self._offsets)) if self._offsets else timedelta()

    def learn(self, headers: Mapping[str, str], began: datetime, took: float) -> None:
        """Take usage and clock from an answer's headers.

        Args:
            headers: Of the answer.
            began: Our own time when the request began.
            took: Seconds until the answer was there.
        """
        usage = parse_limit_info(headers.get("Sforce-Limit-Info"))
        offset = _offset(headers.get("Date", ""), began, took)
        with self._lock:
            self.usage = usage or self.usage
            if offset is not None:
                self._offsets.append(offset)


def _offset(date: str, began: datetime, took: float) -> float | None:
    """Seconds that the org's clock is ahead; None where the answer was too slow to tell."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs.tzinfo is None or took > _SLOW:
        return None
    # The header has whole seconds and was written some time while we waited.
    return (theirs - began).total_seconds() - took / 2 + 0.5
