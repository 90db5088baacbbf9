"""Keeps the results of queries open between pages: at most ten per user, for as long as they are used."""

from __future__ import annotations

import secrets
import string
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

MOST_PER_USER = 10
IDLE_SECONDS = 900
_ALPHABET = string.ascii_letters + string.digits


@dataclass(slots=True)
class Cursor:
    """One open result."""

    user_id: str
    result: Any
    size: int
    used: int
    nested: bool = False
    """Whether it pages through the children of one row; such cursors come and go with their parent's page."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Cursors:
    """All open results; the oldest of a user is dropped when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Cursor] = OrderedDict()

    def open(self, user_id: str, result: Any, size: int, now: int, *, nested: bool = False) -> str:
        """Keep a result and name it; nested ones do not count among a user's ten."""
        name = "01g" + "".join(secrets.choice(_ALPHABET) for _ in range(15))
        with self._lock:
            for key in [key for key, cursor in self._open.items() if now - cursor.used > IDLE_SECONDS]:
                del self._open[key]
            mine = [key for key, c in self._open.items() if c.user_id == user_id and not c.nested]
            for key in mine[: 0 if nested else len(mine) - MOST_PER_USER + 1]:
                del self._open[key]
            self._open[name] = Cursor(user_id, result, size, now, nested)
        return name

    def get(self, name: str, user_id: str, now: int) -> Cursor | None:
        """The named result, if it is that user's and was used within the last 15 minutes."""
        with self._lock:
            cursor = self._open.get(name)
            if cursor is None or cursor.user_id != user_id or now - cursor.used > IDLE_SECONDS:
                return None
            cursor.used = now
            return cursor

    def close_all(self) -> None:
        """Forget all results, so that every locator turns invalid."""
        with self._lock:
            self._open.clear()
