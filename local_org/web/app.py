"""The ASGI application: takes a request off the wire, lets faults strike, answers in a thread, sends the answer."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from email.utils import format_datetime
from typing import IO, Any
from urllib.parse import parse_qsl

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.types import Receive, Scope, Send

from local_org.org.model import OrgFault
from local_org.web import dispatch, spoiling, striking
from local_org.web.messages import HTML_TYPE, Answer, Call, fault_answer
from local_org.web.routes import tidy
from local_org.web.site import Site
from local_org.web.streaming import doors as streaming

MAX_BODY = 50 * 1024 * 1024
MAX_UPLOAD = 160 * 1024 * 1024
MAX_URI = 16_384
_MEMORY = 4 * 1024 * 1024
_COUNTED = ("/services/data", "/services/async")
"""Addresses whose answers say how many calls the day has used."""
_LOG = logging.getLogger("local_org")
_CUT = "x-practice-cut"
"""Marks an answer whose body is to break off; it never leaves the server."""
_MAINTENANCE = (
    b"<html><head><title>Maintenance</title></head><body><h1>We are down for maintenance.</h1>"
    b"<p>Sorry for the inconvenience. We'll be back shortly.</p></body></html>"
)


_TOO_LARGE = b"<h1>Bad Message 431</h1><pre>reason: Request Header Fields Too Large</pre>"
"""What the web server in front of the API says; it is no error array."""


class CutError(Exception):
    """The connection is to be closed without an answer."""


class App:
    """One practice org as an ASGI application; `transports` maps a client's address to its connection."""

    def __init__(self, site: Site, transports: dict[Any, asyncio.Transport]) -> None:
        self._site = site
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_URI:
            too_large = Answer(431, _TOO_LARGE, media=HTML_TYPE)
            await self._send(scope, send, Call(scope["method"], scope["path"], {}, {}), too_large)
            return
        try:
            call = await _take(scope, receive)
        except OrgFault as fault:
            await self._send(scope, send, Call(scope["method"], scope["path"], {}, {}), fault_answer(fault))
            return
        except CutError:
            return
        try:
            answer = await self._answer(call, receive)
        except CutError:
            self._log(call, 0, started)
            await self._hang_up(scope)
            return
        finally:
            if call.spool is not None:
                call.spool.close()
        self._log(call, answer.status, started)
        if answer.headers.pop(_CUT, ""):
            await self._send_half(scope, send, answer)
            return
        await self._send(scope, send, call, answer)

    async def _answer(self, call: Call, receive: Receive) -> Answer:
        call.trainer = self._site.is_trainer(call.headers)
        if (call.trainer and not streaming.is_mine(call.path)) or call.path.startswith("/_practice"):
            return await run_in_threadpool(dispatch.answer, self._site, call)
        faults = self._site.faults
        if (fault := faults.strikes("org_stopped", call.path)) is not None:
            return _stopped(fault.value)
        if (fault := faults.strikes("latency", call.path)) is not None:
            await asyncio.sleep(fault.number(150) / 1000)
        if (fault := faults.strikes("slow", call.path)) is not None:
            await asyncio.sleep(fault.number(5))
        if streaming.is_mine(call.path):
            return await streaming.answer(self._site, call, receive)
        if striking.is_write(call):
            return await self._write(call, receive)
        answer = await run_in_threadpool(dispatch.answer, self._site, call)
        if faults.strikes("read_cut", call.path) is not None:
            answer.headers[_CUT] = "mid"
            return answer
        return await run_in_threadpool(spoiling.spoiled, self._site, call, answer) if faults.any_on() else answer

    async def _write(self, call: Call, receive: Receive) -> Answer:
        """A request that writes: the answer may be cut, the commit may come late."""
        cut = striking.strikes(self._site, "answer_cut", call)
        if cut is not None and cut.value == "before":
            raise CutError
        late = striking.strikes(self._site, "late_commit", call)
        if late is not None:
            with self._site.late_transaction() as transaction:
                gone = await _wait_for_hang_up(receive, *striking.wait_times(late))
                answer = await run_in_threadpool(dispatch.answer, self._site, call, transaction)
            if gone:
                raise CutError
        else:
            answer = await run_in_threadpool(dispatch.answer, self._site, call)
        if cut is None:
            return answer
        if cut.value == "mid" and answer.body is not None:
            answer.headers[_CUT] = "mid"
            return answer
        raise CutError

    async def _hang_up(self, scope: Scope) -> None:
        transport = self._transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()
        # The server has to notice the loss before this task ends, or it would try to answer 500.
        await asyncio.sleep(0.02)

    async def _send_half(self, scope: Scope, send: Send, answer: Answer) -> None:
        body = b"".join(answer.stream) if answer.stream is not None else answer.encoded()
        headers = [(b"Content-Type", answer.media.encode()), (b"Content-Length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body[: max(1, len(body) // 2)], "more_body": True})
        transport = self._transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.close()
        await asyncio.sleep(0.05)

    async def _send(self, scope: Scope, send: Send, call: Call, answer: Answer) -> None:
        squeeze = "gzip" in call.headers.get("accept-encoding", "") and "Content-Encoding" not in answer.headers
        headers = self._common_headers(call)
        headers.update(answer.headers)
        if answer.stream is not None:
            await _send_stream(send, answer, headers, squeeze)
            return
        body = answer.encoded()
        if body and "Content-Type" not in headers:
            headers["Content-Type"] = answer.media
        if squeeze and len(body) > 1400:
            body = await run_in_threadpool(_gzip, body) if len(body) > 60_000 else _gzip(body)
            headers["Content-Encoding"] = "gzip"
        if answer.status not in (204, 304):
            headers["Content-Length"] = str(len(body))
        await send({"type": "http.response.start", "status": answer.status, "headers": _raw(headers)})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _common_headers(self, call: Call) -> dict[str, str]:
        now = self._site.now()
        headers = {"Date": format_datetime(now, usegmt=True), "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
        if call.path.lower().startswith(_COUNTED):
            headers["Sforce-Limit-Info"] = self._site.limit_info()
        return headers

    def _log(self, call: Call, status: int, started: float) -> None:
        if call.trainer or call.path.startswith("/_practice"):
            return
        self._site.calls.add(
            {
                "at": self._site.now().isoformat(),
                "method": call.method,
                "path": call.path,
                "query": dict(call.query),
                "status": status,
                "rows": call.rows,
                "user_id": call.user_id,
                "api_calls": call.booked,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            }
        )


def _stopped(kind: str) -> Answer:
    """What an org that is down answers: mostly a page for people, sometimes an error that says when to come back."""
    if kind == "429":
        return Answer(429, [{"message": "Too Many Requests", "errorCode": "TOO_MANY_REQUESTS"}], {"Retry-After": "1"})
    if kind == "json":
        return Answer(503, [{"message": "Server Unavailable", "errorCode": "SERVER_UNAVAILABLE"}], {"Retry-After": "1"})
    return Answer(int(kind) if kind in ("420", "502") else 503, _MAINTENANCE, media=HTML_TYPE)


async def _take(scope: Scope, receive: Receive) -> Call:
    """The request with its body, unzipped.

    Raises:
        OrgFault: 414 for an address that is too long, 413 for a body that is too big, 400 for broken gzip.
    """
    query_string = scope["query_string"].decode("latin-1")
    raw_path = scope.get("raw_path") or scope["path"].encode()
    if len(raw_path) + len(query_string) > MAX_URI:
        raise OrgFault("URI_TOO_LONG", "The length of the URI exceeds the 16,384 byte limit.", status=414)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(query_string, keep_blank_values=True))
    path = tidy(raw_path.decode("latin-1").partition("?")[0])
    method = scope["method"]
    if method == "POST" and "_HttpMethod" in query:
        method = query.pop("_HttpMethod").upper()
    call = Call(method, path, query, headers)
    if method == "PUT" and "/jobs/" in path.lower():
        call.spool = await _spooled(receive, headers)
    else:
        call.raw = b"".join([chunk async for chunk in _body(receive, headers, MAX_BODY)])
    return call


async def _spooled(receive: Receive, headers: dict[str, str]) -> IO[bytes]:
    """The body in a file, which is closed when the request is answered, or at once when the body breaks off."""
    spool = tempfile.SpooledTemporaryFile(max_size=_MEMORY)  # noqa: SIM115 - outlives this function
    try:
        async for chunk in _body(receive, headers, MAX_UPLOAD):
            spool.write(chunk)
    except (OrgFault, CutError):
        spool.close()
        raise
    spool.seek(0)
    return spool


async def _body(receive: Receive, headers: dict[str, str], limit: int) -> AsyncIterator[bytes]:
    unzip = zlib.decompressobj(31) if headers.get("content-encoding", "").lower() == "gzip" else None
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Half a body must not pass for a whole one.
            raise CutError
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        if unzip is not None:
            try:
                chunk = unzip.decompress(chunk) + (b"" if more else unzip.flush())
            except zlib.error as fault:
                raise OrgFault("MALFORMED_REQUEST", "The request body is not valid gzip") from fault
        size += len(chunk)
        if size > limit:
            raise OrgFault("REQUEST_TOO_LARGE", "Maximum size of request exceeded", status=413)
        if chunk:
            yield chunk


async def _wait_for_hang_up(receive: Receive, longest: float, after: float) -> bool:
    """Wait until the client is gone, `longest` seconds at most; whether it is gone."""
    try:
        await asyncio.wait_for(receive(), longest)
    except TimeoutError:
        return False
    await asyncio.sleep(after)
    return True


async def _send_stream(send: Send, answer: Answer, headers: dict[str, str], squeeze: bool) -> None:
    headers.setdefault("Content-Type", answer.media)
    stream = answer.stream or iter(())
    if squeeze:
        headers["Content-Encoding"] = "gzip"
        stream = _gzip_stream(stream)
    await send({"type": "http.response.start", "status": answer.status, "headers": _raw(headers)})
    async for chunk in iterate_in_threadpool(stream):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _gzip(body: bytes) -> bytes:
    squeezer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return squeezer.compress(body) + squeezer.flush()


def _gzip_stream(chunks: Iterator[bytes]) -> Iterator[bytes]:
    squeezer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for chunk in chunks:
        if squeezed := squeezer.compress(chunk):
            yield squeezed
    yield squeezer.flush()
