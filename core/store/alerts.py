"""Keeps what alerts need: thresholds, channels with their addresses sealed, mutes, and the levels at the last look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import NotFound, UsageError
from core.store import setting
from core.store.database import Batch, Database
from core.store.secrets import Vault

KEY, STATE = "alerts", "alert_state"
KINDS = ("webhook", "email")


@dataclass(frozen=True)
class Channel:
    """Where notices go; the address is a secret, since a webhook's often is one."""

    name: str
    kind: str
    target: str

    @property
    def shown(self) -> str:
        """The address as it may be shown: an e-mail whole, of a webhook the host."""
        return self.target if self.kind == "email" else self.target.split("://", 1)[-1].split("/", 1)[0]


def read(db: Database, workspace_id: int, key: str = KEY) -> dict[str, Any]:
    """What is kept under a key; empty where nothing is."""
    return dict(setting.get(db, workspace_id, key) or {})


def change(db: Database, workspace_id: int, values: Mapping[str, Any]) -> None:
    """Set some of the alert settings; the others stay."""
    setting.change(db, workspace_id, KEY, lambda kept: {**(kept or {}), **values})


def remember(batch: Batch, states: Mapping[str, Any]) -> None:
    """Keep the levels of this look, in the caller's transaction."""
    setting.put_in(batch, STATE, states)


def channels(db: Database, workspace_id: int, vault: Vault) -> list[Channel]:
    """Where notices go, with their addresses opened."""
    kept = read(db, workspace_id).get("channels", [])
    return [Channel(c["name"], c["kind"], str(vault.open(c["sealed"].encode()))) for c in kept]


def add_channel(db: Database, workspace_id: int, vault: Vault, channel: Channel) -> None:
    """Keep a channel; one of the same name is replaced.

    Raises:
        UsageError: the kind is unknown, or the address does not fit it.
    """
    _check(channel)
    kept = [c for c in read(db, workspace_id).get("channels", []) if c["name"] != channel.name]
    sealed = vault.seal(channel.target).decode()
    change(db, workspace_id, {"channels": [*kept, {"name": channel.name, "kind": channel.kind, "sealed": sealed}]})


def remove_channel(db: Database, workspace_id: int, name: str) -> None:
    """Forget a channel.

    Raises:
        NotFound: there is none of that name.
    """
    kept = read(db, workspace_id).get("channels", [])
    if all(c["name"] != name for c in kept):
        raise NotFound(f"There is no alert channel called {name}.")
    change(db, workspace_id, {"channels": [c for c in kept if c["name"] != name]})


def _check(channel: Channel) -> None:
    if not channel.name.strip():
        raise UsageError("An alert channel needs a name.")
    if channel.kind not in KINDS:
        raise UsageError(f"There is no alert channel of the kind {channel.kind}.", hint=f"Kinds: {', '.join(KINDS)}.")
    if channel.kind == "email" and (channel.target.count("@") != 1 or any(c.isspace() for c in channel.target)):
        raise UsageError("That is not an e-mail address.", hint="Write it like team@example.com.")
    if channel.kind == "webhook" and not _is_safe(channel.target):
        raise UsageError("A webhook's address begins with https://.", hint="Copy it from the system to be told.")


def _is_safe(url: str) -> bool:
    """Whether a notice travels sealed there, or does not leave this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    own = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or own)
