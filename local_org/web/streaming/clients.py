"""Keeps the CometD clients: who they are, what they have subscribed to, and how far each has read."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field

FORGOTTEN_AFTER = 40.0
"""Seconds without a request after which a client has to shake hands again."""
MOST_CLIENTS = 1000
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(slots=True)
class Subscription:
    """One channel of a client: the object that it tells (``None`` for all), and the number of the last change told."""

    channel: str
    sobject: str | None
    position: int


@dataclass(slots=True)
class Client:
    """One CometD client."""

    id: str
    user_id: str
    version: str
    seen: float
    connected: bool = False
    """Whether it has connected at least once; the first connect is answered at once."""
    turn: int = 0
    """Counts connects: a newer one lets the one that still waits go."""
    waiting: int = 0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


class Clients:
    """All clients of the server; `closing` is set when it stops, so that nobody waits any longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Client] = {}
        self.closing = False
        self.delivered = 0
        """Events delivered since the start."""

    def add(self, user_id: str, version: str, now: float) -> Client | None:
        """A new client, unless there are too many."""
        with self._lock:
            for key in [key for key, client in self._known.items() if self._gone(client, now)]:
                del self._known[key]
            if len(self._known) >= MOST_CLIENTS:
                return None
            name = "".join(secrets.choice(_ALPHABET) for _ in range(27))
            self._known[name] = Client(name, user_id, version, now)
            return self._known[name]

    def get(self, client_id: object, now: float) -> Client | None:
        """The client of that name, unless it has been silent for too long."""
        with self._lock:
            client = self._known.get(client_id) if isinstance(client_id, str) else None
            if client is None or self._gone(client, now):
                return None
            client.seen = now
            return client

    def knows(self, client: Client) -> bool:
        """Whether a client that waits is still known."""
        return client.id in self._known

    def drop(self, client: Client) -> None:
        """Forget a client."""
        with self._lock:
            self._known.pop(client.id, None)

    def forget_all(self) -> None:
        """Forget every client, as a server that restarts does."""
        with self._lock:
            self._known.clear()

    def listed(self) -> list[Client]:
        """All clients."""
        with self._lock:
            return list(self._known.values())

    def close(self) -> None:
        """Let everybody go."""
        self.closing = True

    @staticmethod
    def _gone(client: Client, now: float) -> bool:
        return client.waiting == 0 and now - client.seen > FORGOTTEN_AFTER
