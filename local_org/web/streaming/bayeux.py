"""Answers CometD messages: handshake, connect, subscribe, unsubscribe, disconnect, in the org's own words.

Texts are those of Salesforce's Streaming API Developer Guide (error codes; handling errors).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from local_org.org.model import OrgFault
from local_org.web.messages import Call
from local_org.web.site import Site
from local_org.web.streaming import capture, events
from local_org.web.streaming.clients import Client, Subscription

Message = dict[str, Any]
LONGEST_WAIT = 110.0
"""Seconds that a connect is held while nothing happens."""
MOST_EVENTS = 500
"""Events that one connect brings."""
_RETRY = {"interval": 0, "timeout": int(LONGEST_WAIT * 1000), "reconnect": "retry"}
_HANDSHAKE = {"interval": 0, "reconnect": "handshake"}
_NONE = {"reconnect": "none", "interval": 0}
_EXT = {"replay": True, "payload.format": True}


@dataclass(slots=True)
class Talk:
    """One HTTP request to the endpoint: whose it is, and through which version."""

    site: Site
    call: Call
    version: str
    user_id: str
    """Empty when the session is not valid."""
    refusal: str
    """Why it is not: ``401::...``."""


def answer(talk: Talk, message: Message) -> Message:
    """The answer to one message; a connect is answered as one that has nothing to wait for."""
    channel = message.get("channel")
    if channel == "/meta/handshake":
        made = _handshake(talk, message)
    elif not talk.user_id:
        made = _failed(message, talk.refusal, _NONE)
    else:
        made = _as_client(talk, message, channel)
    return _named(message, made)


def refused(talk: Talk, message: Message) -> Message:
    """What a connect is told whose session has ended while it waited."""
    return _named(message, _failed(message, talk.refusal or "401::Authentication invalid", _NONE))


def deliveries(talk: Talk, client: Client) -> list[Message]:
    """The events that wait for a client; they count as read."""
    site, found = talk.site, list[Message]()
    conn = site.org.connection()
    session = site.session(client.user_id)
    for subscription in list(client.subscriptions.values()):
        room = MOST_EVENTS - len(found)
        if room <= 0:
            break
        changes, subscription.position = capture.read(conn, subscription.position, subscription.sobject, room)
        for group in events.grouped(changes):
            sobject = site.org.schema.get(group[0].object)
            if sobject is None or not session.access.may(sobject, "r"):
                continue
            data = events.event(group, sobject, session.access, client.version, _gap(site, group[0].kind))
            found.append({"data": data, "channel": subscription.channel})
    site.streams.delivered += len(found)
    return found


def _gap(site: Site, kind: str) -> str:
    fault = site.faults.strikes("event_gap")
    if fault is None:
        return ""
    return "GAP_OVERFLOW" if fault.value == "overflow" else f"GAP_{kind}"


def _handshake(talk: Talk, message: Message) -> Message:
    made: Message = {"ext": dict(_EXT), "channel": "/meta/handshake"}
    client = talk.site.streams.add(talk.user_id, talk.version, time.monotonic()) if talk.user_id else None
    if client is None:
        reason = talk.refusal or "403::Organization concurrent user limit exceeded"
        made["ext"] = {"sfdc": {"failureReason": reason}, **_EXT}
        return made | {"advice": {"reconnect": "none"}, "error": "403::Handshake denied", "successful": False}
    return made | {
        "minimumVersion": "1.0",
        "clientId": client.id,
        "supportedConnectionTypes": ["long-polling"],
        "version": "1.0",
        "successful": True,
    }


def _as_client(talk: Talk, message: Message, channel: object) -> Message:
    client = talk.site.streams.get(message.get("clientId"), time.monotonic())
    if client is None or client.user_id != talk.user_id:
        return _failed(message, "403::Unknown client", _HANDSHAKE)
    if channel == "/meta/connect":
        return _connect(client, message)
    if channel == "/meta/subscribe":
        return _each(message, lambda name: _subscribe(talk, client, message, name))
    if channel == "/meta/unsubscribe":
        return _each(message, lambda name: _unsubscribe(client, message, name))
    if channel == "/meta/disconnect":
        talk.site.streams.drop(client)
        return {"channel": channel, "clientId": client.id, "successful": True}
    return _failed(message, f"403:denied_by_security_policy:publish_denied {channel}")


def _connect(client: Client, message: Message) -> Message:
    if message.get("connectionType", "long-polling") != "long-polling":
        return _failed(message, f"400::Invalid connection type {message.get('connectionType')}")
    made: Message = {"clientId": client.id, "channel": "/meta/connect", "successful": True}
    return made if client.connected else {**made, "advice": dict(_RETRY)}


def _each(message: Message, one: Any) -> Message:
    """Do it for every channel that the message names; the first failure is the answer."""
    named = message.get("subscription")
    answers = [one(name) for name in (named if isinstance(named, list) and named else [named])]
    made: Message = next((a for a in answers if not a["successful"]), answers[-1])
    return made | {"subscription": named} if isinstance(named, list) else made


def _subscribe(talk: Talk, client: Client, message: Message, channel: object) -> Message:
    if not isinstance(channel, str) or not channel:
        return _failed(message, "400::Channel name not specified")
    if not channel.startswith("/"):
        return _failed(message, "400::Channel subscriptions must start with a leading '/'")
    access = talk.site.session(client.user_id).access
    sobject = events.object_of(talk.site.org.schema, channel)
    if sobject is None and channel.lower() != events.ALL.lower():
        return _failed(message, f"403::Cannot create channel {channel}")
    if sobject is not None and not access.may(sobject, "r"):
        return _failed(message, "403::Restricted channel")
    if not access.view_all and not access.modify_all:
        return _failed(message, "403::User not allowed to subscribe CDC without View All Data permissions")
    try:
        position = _position(talk, message, channel)
    except OrgFault as fault:
        return _failed(message, f"400::{fault.message}")
    only = None if sobject is None else sobject.name
    client.subscriptions[channel.lower()] = Subscription(channel, only, position)
    return {"clientId": client.id, "channel": "/meta/subscribe", "subscription": channel, "successful": True}


def _position(talk: Talk, message: Message, channel: str) -> int:
    """The number after which the channel is read: what the replay extension asks for, the newest by default.

    Raises:
        OrgFault: The number is not kept any more, or never was given out.
    """
    site = talk.site
    capture.purge(site.org, site.epoch() - capture.KEPT_SECONDS)
    conn = site.org.connection()
    oldest, newest = capture.oldest(conn), capture.newest(conn)
    ext = message.get("ext")
    asked = ext.get("replay") if isinstance(ext, dict) else None
    wanted = asked.get(channel, -1) if isinstance(asked, dict) else -1
    if wanted == -1:
        return newest
    if wanted == -2:
        return oldest
    lost = isinstance(wanted, int) and wanted >= 0 and site.faults.strikes("event_lost") is not None
    if isinstance(wanted, bool) or not isinstance(wanted, int) or lost or not oldest <= wanted <= newest:
        text = (
            f"The replayId {{{wanted}}} you provided was invalid. Please provide a valid ID, -2 to replay all events, "
            "or -1 to replay only new events."
        )
        raise OrgFault("INVALID_INPUT", text)
    return wanted


def _unsubscribe(client: Client, message: Message, channel: object) -> Message:
    if not isinstance(channel, str) or client.subscriptions.pop(channel.lower(), None) is None:
        return _failed(message, f"400::The channel you requested to subscribe to does not exist {channel}")
    return {"clientId": client.id, "channel": "/meta/unsubscribe", "subscription": channel, "successful": True}


def _failed(message: Message, error: str, advice: Message | None = None) -> Message:
    made: Message = {"channel": message.get("channel"), "error": error, "successful": False}
    if isinstance(message.get("clientId"), str):
        made["clientId"] = message["clientId"]
    if "subscription" in message:
        made["subscription"] = message["subscription"]
    return made | ({"advice": dict(advice)} if advice else {})


def _named(message: Message, made: Message) -> Message:
    return made | {"id": message["id"]} if "id" in message else made
