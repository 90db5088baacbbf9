"""Hands out the access token in force, and renews it once however many threads and processes find it expired."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from core.connections.salesforce.ports import Tokens, TokenStore
from core.errors import GrantRejected

Renew = Callable[[Tokens], Tokens]
"""Asks the org for a new access token; raises GrantRejected where it refuses for good."""

RENEWALS_A_MINUTE = 5
"""More than that means that fresh tokens are refused as well, and asking on would be a storm."""
_RECONNECT = "Reconnect the org; every job of this connection waits until then."


class TokenSource:
    """The tokens of one connection, as every request takes them; one for a process and connection."""

    def __init__(self, store: TokenStore, renew: Renew) -> None:
        self._store = store
        self._renew = renew
        self._lock = threading.Lock()
        self._cached: Tokens | None = None
        self._renewals: deque[float] = deque(maxlen=RENEWALS_A_MINUTE)

    def current(self) -> Tokens:
        """The tokens to use now, without asking the org.

        Raises:
            GrantRejected: The org has refused this sign-in before, and nobody has reconnected since.
        """
        cached = self._cached
        if cached is None or cached.rejected:
            cached = self._cached = self._store.load()
        if cached.rejected:
            raise _rejected(cached.rejected)
        return cached

    def renewed(self, used: Tokens) -> Tokens:
        """Tokens newer than the ones that were just refused with 401.

        One thread of one process asks the org; the others wait and take what it got. What the org gives is on disk
        before anybody uses it, since a rotated refresh token cannot be had twice.

        Raises:
            GrantRejected: The org refuses the grant; remembered, so that nobody asks again before a reconnect.
            TransientOrgError: The org could not be asked now.
        """
        with self._lock:
            if self._cached is not None and self._newer(self._cached, used):
                return self._cached
            with self._store.locked():
                kept = self._store.load()
                if kept.rejected:
                    self._cached = kept
                    raise _rejected(kept.rejected)
                self._cached = kept if self._newer(kept, used) else self._ask(kept)
                return self._cached

    @staticmethod
    def _newer(tokens: Tokens, used: Tokens) -> bool:
        return not tokens.rejected and tokens.access_token != used.access_token

    def _ask(self, kept: Tokens) -> Tokens:
        self._brake()
        try:
            fresh = self._renew(kept)
            _same_org(kept, fresh)
        except GrantRejected as error:
            refused = replace(kept, rejected=error.message)
            self._cached = refused
            self._store.save(refused)
            raise
        merged = replace(
            fresh,
            refresh_token=fresh.refresh_token or kept.refresh_token,
            org_id=kept.org_id or fresh.org_id,
            user_id=kept.user_id or fresh.user_id,
            username=kept.username or fresh.username,
            scope=fresh.scope or kept.scope,
        )
        self._store.save(merged)
        self._renewals.append(time.monotonic())
        return merged

    def _brake(self) -> None:
        full = len(self._renewals) == RENEWALS_A_MINUTE
        if full and time.monotonic() - self._renewals[0] < 60:
            raise _rejected("The org refuses sessions that it has just given.")


def _same_org(kept: Tokens, fresh: Tokens) -> None:
    if kept.org_id and fresh.org_id and kept.org_id != fresh.org_id:
        raise GrantRejected(
            "The sign-in now leads to another org than the one this connection was made for.",
            hint="Connect the other org in a workspace of its own.",
            expected=kept.org_id,
            found=fresh.org_id,
        )


def _rejected(reason: str) -> GrantRejected:
    return GrantRejected(reason, hint=_RECONNECT)
