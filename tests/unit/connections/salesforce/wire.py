"""A gateway whose wire is a script: what the org answers to each request, and what left for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from core.clock import FixedClock
from core.connections.salesforce import transport
from core.connections.salesforce.gateway import Gateway
from core.connections.salesforce.ports import InMemory, Tokens
from core.connections.salesforce.tokens import Renew, TokenSource

ORG = "https://acme.my.salesforce.com"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKENS = Tokens(SecretStr("00D!first"), ORG, SecretStr("refresh-1"))


class Cut(Exception):
    """The connection broke: before anything had left, or after."""

    def __init__(self, error: Exception, left: bool) -> None:
        super().__init__()
        self.error = error
        self.left = left


def says(status: int, body: Any = None, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    response._content_consumed = True
    response.headers = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def refuses(status: int, code: str, message: str = "as the org says it", **headers: str) -> requests.Response:
    return says(status, [{"message": message, "errorCode": code}], **headers)


Step = requests.Response | Cut | Callable[[requests.PreparedRequest], requests.Response]


class Wire(BaseAdapter):
    """Answers requests from a list; once it is used up, a further request is a failure of the test."""

    def __init__(self, *steps: Step) -> None:
        super().__init__()
        self.steps = list(steps)
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert self.steps, f"unexpected {request.method} {request.url}"
        self.sent.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Cut):
            if step.left:
                transport.leave()
            raise step.error
        transport.leave()
        response = step if isinstance(step, requests.Response) else step(request)
        response.url, response.request = str(request.url), request
        return response

    def close(self) -> None:
        self.steps.clear()

    def body(self, at: int = -1) -> Any:
        return json.loads(self.sent[at].body or b"null")

    def path(self, at: int = -1) -> str:
        parts = urlsplit(str(self.sent[at].url))
        return parts.path.removeprefix("/services/data/v66.0/") + (f"?{parts.query}" if parts.query else "")


class Scripted:
    """A gateway on a wire, with a clock that stands and pauses that are only noted."""

    def __init__(self, *steps: Step, renew: Renew | None = None, tokens: Tokens = TOKENS) -> None:
        self.wire = Wire(*steps)
        self.clock = FixedClock(NOW)
        self.pauses: list[float] = []
        self.store = InMemory(tokens)
        source = TokenSource(self.store, renew or never)
        self.gateway = Gateway(source, clock=self.clock, sleep=self.pauses.append)
        self.gateway.client.session.mount("https://", self.wire)


def never(tokens: Tokens) -> Tokens:
    raise AssertionError("nobody should have asked for new tokens")


def composite(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"compositeResponse": [{"httpHeaders": {}, "referenceId": f"r{n}", **part} for n, part in enumerate(parts)]}
