"""What this room asks of others: somewhere to keep the tokens of a connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the org gave us at sign-in, as kept for a connection; secrets never print."""

    access_token: SecretStr
    instance_url: str
    """Origin of the org, already checked against the allowed hosts: ``https://host[:port]``."""
    refresh_token: SecretStr | None = None
    """None for JWT bearer and client credentials: they ask for a new access token instead."""
    org_id: str = ""
    """18 characters."""
    user_id: str = ""
    """18 characters; the integration user, or the linked user."""
    username: str = ""
    scope: str = ""
    issued_at: datetime | None = None
    rejected: str = ""
    """Why the org no longer accepts this sign-in; empty while it does. Kept, so that no process tries again."""


class TokenStore(Protocol):
    """Keeps the tokens of one connection, shared by all processes."""

    def load(self) -> Tokens:
        """The tokens as they are now, read afresh."""
        ...

    def save(self, tokens: Tokens) -> None:
        """Keep these tokens; on return they have reached the disk."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Hold off every other thread and process that wants to refresh this connection."""
        ...


class InMemory:
    """A token store for one process, forgotten at its end: for a script with a token in hand, and for tests."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()

    def load(self) -> Tokens:
        """The tokens as last saved."""
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        """Keep these tokens."""
        self._tokens = tokens

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off other threads."""
        with self._lock:
            yield
