"""A practice org inside the test process: no server, no TLS, a clock that stands still until it is moved.

Requests of the product end in an adapter of the session that would have sent them, which hands them to the org's
application; what a cut, a late commit or a crash does to a client happens there.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from core.connections.salesforce import transport
from local_org import serve
from local_org.datadir import DataDir
from local_org.org.clock import Clock
from local_org.tls import jwt_key_pair, server_files
from local_org.web.app import App
from local_org.web.site import Site
from tests.practice import Practice

BASE = "https://127.0.0.1:1"
START = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here: nothing catches it, as nothing catches a power cut."""


class Hands:
    """One clock for both sides, moved by hand; the org's shows whole seconds of it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        """As the product asks."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


class OrgClock(Clock):
    """The org's clock, which follows the hands."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._hands.at.timestamp()) + self.offset


@dataclass
class Waiting:
    """A request whose client has hung up while its transaction is open."""

    release: asyncio.Event
    done: Future[None]


@dataclass
class Wire:
    """What lies between the product and the org, and what has gone over it."""

    site: Site
    loop: asyncio.AbstractEventLoop
    late: list[Waiting] = field(default_factory=list)
    sent: list[tuple[str, str, bool, int]] = field(default_factory=list)
    """Method, path, whether it wrote, status (0 for none), of each request of the product."""
    kill_at: int = 0
    """The n-th request from now on kills: it arrives if ``kill_after``, and its answer does not."""
    kill_after: bool = False
    seen: Callable[[requests.PreparedRequest, int], None] | None = None

    def __post_init__(self) -> None:
        self.app = App(self.site, {})

    def exchange(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        """Hand a request to the org, and take its answer.

        Raises:
            requests.ConnectionError: There was none, or half of one.
            requests.ReadTimeout: The org is still at it; see `let_go`.
        """
        messages: list[dict[str, Any]] = []
        hung_up: Future[Waiting] = Future()
        finished = asyncio.run_coroutine_threadsafe(self._one(request, messages, hung_up), self.loop)
        waited = threading.Event()
        finished.add_done_callback(lambda _: waited.set())
        hung_up.add_done_callback(lambda _: waited.set())
        waited.wait(60)
        if not finished.done():
            waiting = hung_up.result(1)
            waiting.done = finished
            self.late.append(waiting)
            raise requests.ReadTimeout("no answer")
        finished.result()
        return self._answer(messages)

    @staticmethod
    def _answer(messages: list[dict[str, Any]]) -> tuple[int, dict[str, str], bytes]:
        if not messages or messages[-1].get("more_body"):
            raise requests.ConnectionError("the connection was closed")
        head, body = messages[0], b"".join(m.get("body", b"") for m in messages[1:])
        return head["status"], {k.decode(): v.decode() for k, v in head["headers"]}, body

    async def _one(
        self, request: requests.PreparedRequest, messages: list[dict[str, Any]], hung_up: Future[Waiting]
    ) -> None:
        release, asked = asyncio.Event(), 0

        async def receive() -> dict[str, Any]:
            nonlocal asked
            asked += 1
            if asked == 1:
                return {"type": "http.request", "body": _bytes(request.body), "more_body": False}
            hung_up.set_result(Waiting(release, Future()))
            await release.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)

        parts = urlsplit(str(request.url))
        scope = {
            "type": "http", "method": request.method, "path": parts.path, "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(), "client": ("inside", 1),
            "headers": [
                (k.lower().encode(), _bytes(v)) for k, v in request.headers.items() if k.lower() != "accept-encoding"
            ],
        }  # fmt: skip
        await self.app(scope, receive, send)

    def let_go(self) -> int:
        """Let the open transactions commit; how many there were."""
        late, self.late = self.late, []
        for waiting in late:
            self.loop.call_soon_threadsafe(waiting.release.set)
            with contextlib.suppress(requests.RequestException):
                waiting.done.result(60)
        return len(late)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else (body or b"")


class Adapter(BaseAdapter):
    """Sends into the process instead of over the network; marks what has left, as the product's own does."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request."""
        wire = self._wire
        transport.forget()
        is_trainer = "X-Practice-Secret" in request.headers
        if not is_trainer:
            wire.kill_at -= 1
            if wire.kill_at == 0 and not wire.kill_after:
                raise Killed
        transport.leave()
        status = 0
        try:
            status, headers, body = wire.exchange(request)
        finally:
            if not is_trainer and wire.seen is not None:
                wire.seen(request, status)
        if not is_trainer and wire.kill_at == 0:
            raise Killed
        raw = HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)
        answer = requests.Response()
        answer.status_code, answer.raw, answer.request, answer.url = status, raw, request, str(request.url)
        answer.headers = requests.structures.CaseInsensitiveDict(headers)
        return answer

    def close(self) -> None:
        """Nothing is open."""


class Inside(Practice):
    """A practice org in this process, with the helpers of one that is a process of its own."""

    def __init__(self, data_dir: Path, hands: Hands, *, activity_key: bool = False) -> None:
        self._hands = hands
        self._options = serve.Options(data_dir=data_dir, activity_key=activity_key, allowance=10_000_000)
        super().__init__(data_dir=data_dir)

    def start(self) -> None:
        """Open the org of the data directory, or make it."""
        data = DataDir(self.data_dir)
        self._lock = data.prepare()
        key_file, certificate = jwt_key_pair(data.path)
        with mock.patch.object(serve, "Clock", return_value=OrgClock(self._hands)):
            self.site = serve._site(data, self._options, BASE, certificate.read_bytes())
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.wire = Wire(self.site, self.loop)
        self.env = serve._environment(self.site, data, server_files(data.path), key_file)
        self._secret = data.control_secret()
        self._http.mount("https://", Adapter(self.wire))

    def stop(self) -> int:
        """Close it."""
        self.wire.let_go()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()
        self.site.allowance.save()
        self.site.tokens.close()
        self.site.org.close()
        self._lock.close()
        self._http.close()
        return 0

    @contextlib.contextmanager
    def reached(self) -> Iterator[None]:
        """The product's sessions end here."""
        made = transport.new_session

        def session(*args: Any, **kwargs: Any) -> requests.Session:
            new = made(*args, **kwargs)
            new.mount("https://", Adapter(self.wire))
            return new

        with mock.patch.object(transport, "new_session", session):
            yield
