"""Decides who may enter the console: one-time links and the signed session cookie that they are exchanged for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core import lasting_secret

LINK_LIFETIME_S = 24 * 3600
SESSION_LIFETIME_S = 12 * 3600
_KEY_FILE = "console.key"
_USED_FILE = "console-links.used"
_ENDED_FILE = "console-sessions.ended"


class Entry:
    """Makes and checks links and session cookies with a secret that is kept in the data directory.

    Whoever can read the data directory can make a link, so a link that was lost is replaced without a restart.
    """

    def __init__(self, home: Path, now: Callable[[], float] = time.time) -> None:
        self._home = home
        self._now = now
        self._secret = _secret(home)
        self._lock = threading.Lock()
        self._ended: tuple[int, frozenset[str]] = (0, frozenset())

    def new_key(self) -> str:
        """A key for one link, good for a day and for one use."""
        return self._signed("link", LINK_LIFETIME_S)

    def use_key(self, key: str) -> bool:
        """Whether the key is good; it is used up by that."""
        if not self._is_good("link", key):
            return False
        return self._noted(_USED_FILE, key)

    def new_session(self) -> str:
        """The value of a session cookie."""
        return self._signed("session", SESSION_LIFETIME_S)

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie is one of ours, still good, and not ended by its owner."""
        return self._is_good("session", cookie) and _mark(cookie) not in self._ended_marks()

    def end_session(self, cookie: str) -> None:
        """End a session for good, in every tab and after a restart too."""
        if self._is_good("session", cookie):
            self._noted(_ENDED_FILE, cookie)

    def _ended_marks(self) -> frozenset[str]:
        """Sessions that were ended, read again when one more was, by whichever page."""
        path = self._home / _ENDED_FILE
        try:
            stamp = path.stat().st_mtime_ns
        except FileNotFoundError:
            return frozenset()
        if stamp != self._ended[0]:
            self._ended = (stamp, frozenset(path.read_text().split()))
        return self._ended[1]

    def _noted(self, name: str, value: str) -> bool:
        """Write the mark of a value down; false where it stood there before."""
        path, mark = self._home / name, _mark(value)
        with self._lock:
            marks = path.read_text().split() if path.exists() else []
            if mark in marks:
                return False
            _write_private(path, "\n".join([*marks[-999:], mark]) + "\n")
        return True

    def _signed(self, purpose: str, lifetime_s: int) -> str:
        body = f"{secrets.token_urlsafe(18)}.{int(self._now()) + lifetime_s}"
        return f"{body}.{self._signature(purpose, body)}"

    def _signature(self, purpose: str, body: str) -> str:
        digest = hmac.new(self._secret, f"{purpose}.{body}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _is_good(self, purpose: str, value: str) -> bool:
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(self._signature(purpose, body).encode(), signature.encode()):
            return False
        return int(body.rpartition(".")[2]) > self._now()


def _mark(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _secret(home: Path) -> bytes:
    return bytes.fromhex(lasting_secret(home / _KEY_FILE, lambda: secrets.token_hex(32)))


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    fresh.replace(path)
