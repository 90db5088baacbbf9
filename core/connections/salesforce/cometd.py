"""Listens to the org's change events: CometD long polling, as Salesforce's Streaming API Developer Guide describes it.

An event is only a hint that something changed; what it carries is not used. Long polls are no API calls, so they pass
by the meter and the allowance; host rules and tokens are those of the gateway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from core.connections.salesforce import transport
from core.connections.salesforce.ports import Tokens
from core.connections.salesforce.tokens import TokenSource
from core.errors import SynclineError, TerminalOrgError, TransientOrgError

PATH = "/cometd/66.0"
NEW = -1
"""Replay Id that asks for new events only."""
HELD_S = 110.0
"""How long the org holds a connect while nothing happens."""
_ABSENT = frozenset({403, 404, 405, 410})
_QUICK = transport.Timeouts(connect=5.0, read=5.0, total=10.0)
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What became of the channels that were asked for."""

    lost: frozenset[str]
    """Their place was no longer known to the org: they begin with what is new."""
    refused: Mapping[str, str]
    """Channel -> the org's own words."""


def channel_of(sobject: str) -> str:
    """The channel that tells an object's changes: ``/data/ContactChangeEvent``, ``/data/Deal__ChangeEvent``."""
    return f"/data/{sobject[:-3]}__ChangeEvent" if sobject.endswith("__c") else f"/data/{sobject}ChangeEvent"


class Stream:
    """One client of the org's endpoint; `wait` in one thread, `close` from any."""

    def __init__(self, tokens: TokenSource, origin: Callable[[Tokens], str], ca_file: str = "") -> None:
        """Make it ready; nothing is sent yet.

        Args:
            tokens: The connection's tokens.
            origin: Where tokens lead to, by the gateway's rules for hosts.
            ca_file: Authority of a private certificate.
        """
        self._tokens = tokens
        self._origin = origin
        self._timeouts = transport.Timeouts(read=HELD_S + 20, total=HELD_S + 60)
        self._session = transport.new_session(self._timeouts, ca_file)
        # The endpoint keeps its clients apart by a cookie; this session talks to no other.
        self._session.cookies.set_policy(DefaultCookiePolicy())
        self._client = ""

    def open(self, places: Mapping[str, int]) -> Subscribed:
        """Shake hands and subscribe.

        Args:
            places: Channel -> Id of the last event that was heeded, or `NEW`.

        Raises:
            TerminalOrgError: The org has no such endpoint, or does not let us in.
            GrantRejected: The org refuses the sign-in.
            TransientOrgError: It cannot be done now.
        """
        self._handshake()
        # The first connect is answered at once, and only then does the org keep the client.
        self.wait()
        lost, refused = set(), {}
        for channel, place in places.items():
            error = self._subscribe(channel, place)
            if error.startswith("400::") and place != NEW:
                lost.add(channel)
                error = self._subscribe(channel, NEW)
            if error:
                refused[channel] = _words(error)
        return Subscribed(frozenset(lost), refused)

    def wait(self) -> dict[str, int]:
        """Wait until something happens, at most about two minutes.

        Returns:
            Channel -> Id of its newest event; empty where nothing happened.

        Raises:
            TransientOrgError: The connection is lost; open it anew.
            TerminalOrgError: The org ended it for good.
        """
        replies = self._send({"channel": "/meta/connect", "clientId": self._client, "connectionType": "long-polling"})
        self._failed(_reply(replies, "/meta/connect"))
        heard: dict[str, int] = {}
        for reply in replies:
            channel, place = str(reply.get("channel")), _place(reply)
            if place is not None:
                heard[channel] = max(place, heard.get(channel, place))
        return heard

    def close(self) -> None:
        """Say goodbye, which lets a wait under way go; whatever becomes of it is no matter."""
        client, self._client = self._client, ""
        if client:
            with suppress(SynclineError):
                self._send({"channel": "/meta/disconnect", "clientId": client}, _QUICK)
        self._session.close()

    def _handshake(self) -> None:
        hello = {
            "channel": "/meta/handshake",
            "version": "1.0",
            "supportedConnectionTypes": ["long-polling"],
            "ext": {"replay": True},
        }
        used = self._tokens.current()
        reply = _reply(self._send(hello), "/meta/handshake")
        if not reply.get("successful") and _reason(reply).startswith("401"):
            self._tokens.renewed(used)
            reply = _reply(self._send(hello), "/meta/handshake")
        if not reply.get("successful"):
            raise TerminalOrgError(refusal(_words(_reason(reply))), hint="Changes are polled meanwhile.")
        self._client = str(reply.get("clientId") or "")

    def _subscribe(self, channel: str, place: int) -> str:
        """Subscribe to one channel; the org's error, empty where there is none."""
        asked = {
            "channel": "/meta/subscribe",
            "clientId": self._client,
            "subscription": channel,
            "ext": {"replay": {channel: place}},
        }
        reply = _reply(self._send(asked), "/meta/subscribe")
        if reply.get("successful"):
            return ""
        if _advised(reply):
            self._failed(reply)
        return _reason(reply)

    def _failed(self, reply: Message) -> None:
        """Raise what an unsuccessful answer of a client that was let in means."""
        if reply.get("successful"):
            return
        reason = _reason(reply)
        if reason.startswith("401"):
            # The next handshake renews the session.
            raise TransientOrgError("The session of the change events has ended.", org_message=reason)
        if _advised(reply) == "none":
            raise TerminalOrgError(refusal(_words(reason)), org_message=reason)
        raise TransientOrgError("The org has forgotten who listens.", org_message=reason)

    def _send(self, message: Message, timeouts: transport.Timeouts | None = None) -> list[Message]:
        """One message; the replies."""
        tokens = self._tokens.current()
        response = self._post(message, tokens, timeouts or self._timeouts)
        if response.status_code == 401:
            response = self._post(message, self._tokens.renewed(tokens), timeouts or self._timeouts)
        if response.status_code in _ABSENT:
            raise TerminalOrgError(
                "The org offers no change events.", hint="Changes are polled.", http=response.status_code
            )
        try:
            replies = response.json() if response.status_code == 200 else None
        except ValueError:
            replies = None
        if not isinstance(replies, list) or not all(isinstance(r, dict) for r in replies):
            raise TransientOrgError("The org's change events do not answer as they should.", http=response.status_code)
        return replies

    def _post(self, message: Message, tokens: Tokens, timeouts: transport.Timeouts) -> requests.Response:
        until = time.monotonic() + timeouts.total
        try:
            response = self._session.post(
                self._origin(tokens) + PATH,
                json=[message],
                headers={"Authorization": f"Bearer {tokens.access_token.get_secret_value()}"},
                timeout=timeouts.pair(),
                allow_redirects=False,
                stream=True,
            )
            transport.take_whole(response, until)
            return response
        except requests.RequestException as error:
            cause = type(error).__name__
        # Not chained: the library's exception carries the request, and with it the session.
        raise TransientOrgError("The connection for change events is down.", cause=cause)


def _reply(replies: list[Message], channel: str) -> Message:
    found = next((r for r in replies if r.get("channel") == channel), None)
    if found is None:
        raise TransientOrgError("The org's change events do not answer as they should.")
    return found


def _place(reply: Message) -> int | None:
    data = reply.get("data")
    event = data.get("event") if isinstance(data, dict) else None
    place = event.get("replayId") if isinstance(event, dict) else None
    return place if isinstance(place, int) else None


def _advised(reply: Message) -> str:
    advice = reply.get("advice")
    return str(advice.get("reconnect") or "") if isinstance(advice, dict) else ""


def _reason(reply: Message) -> str:
    """The org's error; of a handshake the one behind 'denied'."""
    ext = reply.get("ext")
    told = ext.get("sfdc") if isinstance(ext, dict) else None
    behind = told.get("failureReason") if isinstance(told, dict) else None
    return str(behind or reply.get("error") or "unknown")


def _words(error: str) -> str:
    """``403::Restricted channel`` without its number."""
    return error.partition("::")[2] or error


def refusal(words: str) -> str:
    """The sentence for an org that does not let us in, with its own words."""
    return f"The org does not let us listen: {words.rstrip('.')}."
