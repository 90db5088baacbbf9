"""Keeps what a person typed for a sign-in, and what became of it, so that neither travels in an address."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

LIFETIME_S = 600.0
_MOST = 200

T = TypeVar("T")


@dataclass(frozen=True)
class SignIn:
    """What a sign-in needs: where to, and as which app."""

    login_url: str
    client_id: str
    client_secret: str = ""
    name: str = "Salesforce"
    actor: str = ""
    """Who begins it; the workspace's own actor where nobody signs in to the console."""

    def __repr__(self) -> str:
        """Without the secret."""
        return f"SignIn({self.login_url!r}, {self.client_id!r})"


class Slots(Generic[T]):
    """One-time places in the memory of the server, each under a nonce, for ten minutes."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def put(self, value: T) -> str:
        """Keep it; returns the nonce under which it can be taken once."""
        nonce = secrets.token_urlsafe(24)
        with self._lock:
            self._drop_old()
            self._kept[nonce] = (self._now() + LIFETIME_S, value)
        return nonce

    def take(self, nonce: str) -> T | None:
        """What was kept, once; ``None`` where there is nothing, or it is too old."""
        with self._lock:
            self._drop_old()
            kept = self._kept.pop(nonce, None)
        return kept[1] if kept else None

    def holds(self, nonce: str) -> bool:
        """Whether there is still something to take."""
        with self._lock:
            self._drop_old()
            return nonce in self._kept

    def _drop_old(self) -> None:
        now = self._now()
        live = {k: v for k, v in self._kept.items() if v[0] > now}
        self._kept = dict(list(live.items())[-_MOST:])


@dataclass(frozen=True)
class Refusal:
    """Why a sign-in did not work, and what to do."""

    text: str
    hint: str = ""


SIGN_INS: Slots[SignIn] = Slots()
"""What sign-ins begin with: the pages fill these slots, the server's routes empty them."""
REFUSALS: Slots[Refusal] = Slots()
"""How sign-ins failed: the server's routes fill these slots, the Connections page empties them."""
