"""The CometD endpoint: takes the messages of a request, holds a connect until there is something to tell."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive

from local_org.org.model import OrgFault
from local_org.web.dispatch import token_of
from local_org.web.messages import Answer, Call, fault_answer, not_found
from local_org.web.site import Site
from local_org.web.streaming import bayeux, capture
from local_org.web.streaming.bayeux import Message, Talk
from local_org.web.streaming.clients import Client

MOST_BYTES = 32_768
_PATH = re.compile(r"/cometd(?:/(?P<version>\d\d\.\d))?(?:/(?:handshake|connect|disconnect))?\Z", re.IGNORECASE)
_TICK = 0.05
"""Seconds between two looks for news."""


def is_mine(path: str) -> bool:
    """Whether a path is the endpoint's."""
    return path.lower().startswith("/cometd")


async def answer(site: Site, call: Call, receive: Receive) -> Answer:
    """Answer one request; a connect waits for events, for the end of its time, or until the client hangs up."""
    try:
        talk, messages = await run_in_threadpool(_open, site, call)
        answers: list[Message] = []
        held: tuple[Message, Client] | None = None
        for message in messages:
            reply = await run_in_threadpool(bayeux.answer, talk, message)
            if message.get("channel") == "/meta/connect" and reply["successful"] and held is None:
                client = site.streams.get(message.get("clientId"), time.monotonic())
                if client is not None:
                    held = (message, client)
            answers.append(reply)
        if held is not None:
            answers = await _held(talk, *held, answers, receive)
        headers = {"Set-Cookie": f"BAYEUX_BROWSER={secrets.token_hex(8)}; Path=/; Secure"}
        shaken = any(reply.get("channel") == "/meta/handshake" for reply in answers)
        return Answer(200, answers, headers if shaken and "bayeux_browser" not in _cookie(call) else {})
    except OrgFault as fault:
        return fault_answer(fault)


def _cookie(call: Call) -> str:
    return call.headers.get("cookie", "").lower()


def _open(site: Site, call: Call) -> tuple[Talk, list[Message]]:
    """Whose request it is, and its messages.

    Raises:
        OrgFault: A wrong address, method, version, size or body.
    """
    match = _PATH.match(call.path)
    if match is None:
        raise not_found()
    if call.method != "POST":
        raise OrgFault("METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are POST", status=405)
    usage = "URI format: '/cometd/66.0'"
    version = match["version"]
    if not version:
        raise OrgFault("INVALID_INPUT", f"API version in the URI is mandatory. {usage}")
    if not 37 <= float(version) <= 66:
        text = f"Unsupported API version. Only API versions '37.0' and later are supported. {usage}"
        raise OrgFault("INVALID_INPUT", text)
    if len(call.raw) > MOST_BYTES:
        raise OrgFault("REQUEST_TOO_LARGE", "Maximum Request Size Exceeded", status=413)
    user_id, refusal = authenticated(site, call)
    return Talk(site, call, version, user_id, refusal), _messages(call)


def _messages(call: Call) -> list[Message]:
    body = call.json()
    messages = body if isinstance(body, list) else [body]
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise OrgFault("JSON_PARSER_ERROR", "The body must be a CometD message or a list of them at [line:1, column:1]")
    return messages


def authenticated(site: Site, call: Call) -> tuple[str, str]:
    """The user of a request, or an empty Id and why there is none."""
    token = token_of(call)
    if not token:
        return "", "401::Request requires authentication"
    if not call.trainer and site.faults.strikes("expired_session", call.path) is not None:
        return "", "401::Authentication invalid"
    grant = site.tokens.check(token, site.epoch())
    if grant is None or not site.session(grant.user_id).access.api_enabled:
        return "", "401::Authentication invalid"
    return grant.user_id, ""


async def _held(
    talk: Talk, message: Message, client: Client, answers: list[Message], receive: Receive
) -> list[Message]:
    """Wait for what the client has subscribed to; the events go before the answer to the connect."""
    first, client.connected = not client.connected, True
    client.turn += 1
    turn = client.turn
    longest = 0.0 if first or len(answers) > 1 else _wait_of(message)
    client.waiting += 1
    hang_up = asyncio.ensure_future(receive())
    try:
        found = await _news(talk, client, turn, longest, hang_up)
    finally:
        hang_up.cancel()
        client.waiting -= 1
        client.seen = time.monotonic()
    if talk.refusal:
        return [bayeux.refused(talk, message)]
    if not talk.site.streams.knows(client):
        # Forgotten while it waited: the server lost its state.
        lost = {"advice": {"interval": 0, "reconnect": "handshake"}, "error": "403::Unknown client"}
        return [{"channel": "/meta/connect", "successful": False, "id": message.get("id"), **lost}]
    return [*found, *answers]


def _wait_of(message: Message) -> float:
    advice = message.get("advice")
    asked: Any = advice.get("timeout") if isinstance(advice, dict) else None
    if isinstance(asked, (int, float)) and not isinstance(asked, bool) and asked >= 0:
        return min(asked / 1000, bayeux.LONGEST_WAIT)
    return bayeux.LONGEST_WAIT


async def _news(talk: Talk, client: Client, turn: int, longest: float, hang_up: asyncio.Future[Any]) -> list[Message]:
    site, began = talk.site, time.monotonic()
    seen, checked = -1, began
    while True:
        written = capture.newest(site.org.connection())
        if written != seen and not hang_up.done():
            seen = written
            found = await run_in_threadpool(bayeux.deliveries, talk, client)
            if found:
                return found
        now = time.monotonic()
        over = now - began >= longest or client.turn != turn or hang_up.done() or site.streams.closing
        if over or not site.streams.knows(client):
            return []
        if now - checked >= 1:
            checked = now
            _, talk.refusal = await run_in_threadpool(authenticated, site, talk.call)
            if talk.refusal:
                return []
        await asyncio.sleep(_TICK)
