"""Tells the practice org's time: whole seconds, with an offset that tests and trainers may move."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class Clock:
    """The server's clock: the machine's time plus an offset, or a frozen instant."""

    def __init__(self, offset: int = 0, *, frozen_at: int | None = None) -> None:
        """Start with an offset in seconds; ``frozen_at`` (seconds since 1970) makes the clock stand still."""
        self._offset = offset
        self._frozen = frozen_at
        self._stamp: int | None = None
        self._lock = threading.Lock()

    @classmethod
    def at(cls, moment: datetime) -> Clock:
        """A clock that stands still at the given moment until it is advanced."""
        return cls(frozen_at=int(moment.timestamp()))

    def now(self) -> int:
        """Seconds since 1970-01-01 UTC."""
        with self._lock:
            base = int(time.time()) if self._frozen is None else self._frozen
            return base + self._offset

    def stamp(self) -> int:
        """The stamp that rows written now get: the time, unless stamps are held."""
        return self.now() if self._stamp is None else self._stamp

    def hold_stamps(self, at: int | None) -> None:
        """Give all rows the same stamp from now on; ``None`` lets stamps follow the time again."""
        self._stamp = at

    def moment(self) -> datetime:
        """The present as a UTC datetime without fractions."""
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def offset(self) -> int:
        """Seconds added to the machine's time."""
        return self._offset

    def set_offset(self, seconds: int) -> None:
        """Replace the offset."""
        with self._lock:
            self._offset = seconds

    def advance(self, seconds: int) -> None:
        """Move the clock; negative seconds move it back."""
        with self._lock:
            self._offset += seconds
