"""Remembers sessions, refresh tokens and authorization codes in the server's own small database."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import string
import threading
from dataclasses import dataclass
from pathlib import Path

CODE_LIFE = 600
REFRESH_TOKENS_PER_USER = 5
_ALPHABET = string.ascii_letters + string.digits + "._"
_TABLES = """
CREATE TABLE IF NOT EXISTS session (
    token TEXT PRIMARY KEY, user_id TEXT NOT NULL, client_id TEXT NOT NULL, scope TEXT NOT NULL,
    issued INTEGER NOT NULL, used INTEGER NOT NULL, refresh TEXT);
CREATE TABLE IF NOT EXISTS refresh (
    token TEXT PRIMARY KEY, family TEXT NOT NULL, user_id TEXT NOT NULL, client_id TEXT NOT NULL,
    scope TEXT NOT NULL, issued INTEGER NOT NULL, live INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, user_id TEXT NOT NULL, client_id TEXT NOT NULL, scope TEXT NOT NULL,
    redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL, issued INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0,
    nonce TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what through which client."""

    user_id: str
    client_id: str
    scope: str
    issued: int = 0


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """An authorization code that was just redeemed."""

    grant: Grant
    redirect_uri: str
    challenge: str
    nonce: str = ""


class Tokens:
    """Issues and checks tokens; times are seconds of the server's clock. Only digests of tokens are stored."""

    def __init__(self, file: Path, org_id15: str, *, idle_seconds: int = 7200) -> None:
        self._conn = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.execute("PRAGMA synchronous=NORMAL")
        self._conn.executescript(_TABLES)
        self._add_nonce()
        file.chmod(0o600)
        self._lock = threading.Lock()
        self._org = org_id15
        self.idle_seconds = idle_seconds
        self._seen: dict[str, tuple[Grant, int]] = {}

    def _add_nonce(self) -> None:
        """Data directories of earlier versions have codes without a nonce."""
        if "nonce" not in {row[1] for row in self._conn.execute("PRAGMA table_info(code)")}:
            self._conn.execute("ALTER TABLE code ADD COLUMN nonce TEXT NOT NULL DEFAULT ''")

    def close(self) -> None:
        """Write down when sessions were last used, and let go of the database."""
        with self._lock:
            for digest, (_, used) in self._seen.items():
                self._conn.execute("UPDATE session SET used=? WHERE token=?", (used, digest))
            self._conn.close()

    def issue(self, grant: Grant, now: int, refresh: str | None = None) -> str:
        """A new access token in Salesforce's shape."""
        token = f"{self._org}!" + "".join(secrets.choice(_ALPHABET) for _ in range(96))
        with self._lock:
            self._conn.execute(
                "INSERT INTO session VALUES (?,?,?,?,?,?,?)",
                (_digest(token), grant.user_id, grant.client_id, grant.scope, now, now, refresh and _digest(refresh)),
            )
        return token

    def check(self, token: str, now: int) -> Grant | None:
        """The grant behind a live session, whose idle time starts anew; ``None`` when it is unknown or expired."""
        digest = _digest(token)
        with self._lock:
            grant, used = self._seen.get(digest) or self._load(digest)
            if grant is None or now - used > self.idle_seconds:
                self._seen.pop(digest, None)
                return None
            # An idle time to the minute is good enough to survive a restart, and spares a write on every request.
            if now - used >= 60:
                self._conn.execute("UPDATE session SET used=? WHERE token=?", (now, digest))
                used = now
            self._seen[digest] = (grant, used)
            return grant

    def _load(self, digest: str) -> tuple[Grant | None, int]:
        row = self._conn.execute(
            "SELECT user_id, client_id, scope, issued, used FROM session WHERE token=?", (digest,)
        ).fetchone()
        return (Grant(row[0], row[1], row[2], row[3]), row[4]) if row else (None, 0)

    def issue_refresh(self, grant: Grant, now: int, family: str = "") -> str:
        """A new refresh token; beyond five of one user and client the oldest stops working."""
        token = "5Aep" + "".join(secrets.choice(_ALPHABET) for _ in range(80))
        digest = _digest(token)
        with self._lock:
            self._conn.execute(
                "INSERT INTO refresh(token, family, user_id, client_id, scope, issued) VALUES (?,?,?,?,?,?)",
                (digest, family or digest, grant.user_id, grant.client_id, grant.scope, now),
            )
            self._conn.execute(
                "UPDATE refresh SET live=0 WHERE live AND user_id=? AND client_id=? AND rowid NOT IN (SELECT rowid FROM"
                " refresh WHERE live AND user_id=? AND client_id=? ORDER BY rowid DESC LIMIT ?)",
                (grant.user_id, grant.client_id, grant.user_id, grant.client_id, REFRESH_TOKENS_PER_USER),
            )
        return token

    def redeem_refresh(self, token: str, client_id: str) -> tuple[Grant, str] | None:
        """The grant and family of a live refresh token.

        A token that rotation has already replaced is taken as stolen: its whole family stops working.
        """
        with self._lock:
            row = self._conn.execute(
                "SELECT user_id, scope, issued, family, live FROM refresh WHERE token=? AND client_id=?",
                (_digest(token), client_id),
            ).fetchone()
            if row is None:
                return None
            if not row[4]:
                self._conn.execute("UPDATE refresh SET live=0 WHERE family=?", (row[3],))
                return None
            return Grant(row[0], client_id, row[1], row[2]), row[3]

    def retire_refresh(self, token: str) -> None:
        """A rotated refresh token works no more."""
        with self._lock:
            self._conn.execute("UPDATE refresh SET live=0 WHERE token=?", (_digest(token),))

    def refresh_grant(self, token: str) -> Grant | None:
        """The grant of a live refresh token, for introspection."""
        with self._lock:
            row = self._conn.execute(
                "SELECT user_id, client_id, scope, issued FROM refresh WHERE live AND token=?", (_digest(token),)
            ).fetchone()
        return Grant(*row) if row else None

    def issue_code(self, grant: Grant, redirect_uri: str, challenge: str, now: int, nonce: str = "") -> str:
        """A new authorization code; the nonce comes back in the ``id_token``."""
        code = "aPrx" + secrets.token_urlsafe(48)
        with self._lock:
            self._conn.execute(
                "INSERT INTO code(code, user_id, client_id, scope, redirect_uri, challenge, issued, nonce)"
                " VALUES (?,?,?,?,?,?,?,?)",
                (_digest(code), grant.user_id, grant.client_id, grant.scope, redirect_uri, challenge, now, nonce),
            )
        return code

    def redeem_code(self, code: str, client_id: str, now: int) -> CodeGrant | None:
        """What a code stands for, once and within ten minutes; ``None`` after that."""
        digest = _digest(code)
        with self._lock:
            row = self._conn.execute(
                "UPDATE code SET used=1 WHERE code=? AND client_id=? AND NOT used AND issued>=?"
                " RETURNING user_id, scope, redirect_uri, challenge, nonce",
                (digest, client_id, now - CODE_LIFE),
            ).fetchone()
        return CodeGrant(Grant(row[0], client_id, row[1]), row[2], row[3], row[4]) if row else None

    def revoke(self, token: str) -> bool:
        """End a session, or a refresh token with its family and the sessions that came from it."""
        digest = _digest(token)
        with self._lock:
            row = self._conn.execute("SELECT family FROM refresh WHERE live AND token=?", (digest,)).fetchone()
            if row is None:
                self._seen.pop(digest, None)
                return self._conn.execute("DELETE FROM session WHERE token=?", (digest,)).rowcount > 0
            self._seen.clear()
            self._conn.execute(
                "DELETE FROM session WHERE refresh IN (SELECT token FROM refresh WHERE family=?)", (row[0],)
            )
            self._conn.execute("UPDATE refresh SET live=0 WHERE family=?", (row[0],))
            return True

    def end_sessions(self, user_id: str = "") -> None:
        """End all sessions, or those of one user."""
        with self._lock:
            self._seen.clear()
            self._conn.execute("DELETE FROM session WHERE user_id=? OR ?=''", (user_id, user_id))

    def fact(self, name: str, default: str = "") -> str:
        """A small remembered value, such as today's count of API calls."""
        with self._lock:
            row = self._conn.execute("SELECT value FROM fact WHERE name=?", (name,)).fetchone()
        return str(row[0]) if row else default

    def keep_fact(self, name: str, value: str) -> None:
        """Remember a small value over restarts."""
        with self._lock:
            self._conn.execute("INSERT OR REPLACE INTO fact VALUES (?,?)", (name, value))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
