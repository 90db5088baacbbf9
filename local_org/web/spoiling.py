"""Spoils answers that were right: drips them out, cuts gzip or CSV short, repeats a page, lets locators expire."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

from local_org.org.model import OrgFault
from local_org.web.messages import HTML_TYPE, Answer, Call, fault_answer
from local_org.web.site import Site

_PIECES = 20
_SIGN_IN = b"<html><head><title>Login</title></head><body><h1>Your session has ended.</h1></body></html>"


def spoiled(site: Site, call: Call, answer: Answer) -> Answer:
    """The answer as the faults that are on leave it; what the trainer asks stays whole."""
    if not 200 <= answer.status < 300 or call.trainer:
        return answer
    if answer.media.startswith("text/csv") and call.method == "GET" and _strikes(site, "short_page", call):
        return _short(answer)
    if "gzip" in call.headers.get("accept-encoding", "") and _strikes(site, "broken_gzip", call):
        return _broken(answer)
    fault = site.faults.strikes("drip", call.path)
    return answer if fault is None else _dripping(answer, fault.number(5))


def signed_out(kind: str) -> Answer:
    """What a session that has ended gets: an error, or a page for people in its place."""
    if kind == "html":
        return Answer(401, _SIGN_IN, media=HTML_TYPE)
    return fault_answer(OrgFault("INVALID_SESSION_ID", "Session expired or invalid", status=401))


def _strikes(site: Site, name: str, call: Call) -> bool:
    return site.faults.strikes(name, call.path) is not None


def _whole(answer: Answer) -> bytes:
    return b"".join(answer.stream) if answer.stream is not None else answer.encoded()


def _short(answer: Answer) -> Answer:
    """The first half, to the middle of a row, with nothing that says so: headers and length fit what is sent."""
    body = _whole(answer)
    return Answer(answer.status, body[: max(1, len(body) // 2)], dict(answer.headers), answer.media)


def _broken(answer: Answer) -> Answer:
    """Gzip that ends too early."""
    squeezer = zlib.compressobj(1, zlib.DEFLATED, 31)
    body = squeezer.compress(_whole(answer)) + squeezer.flush()
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return Answer(answer.status, body[: max(1, len(body) * 2 // 3)], headers, answer.media)


def _dripping(answer: Answer, seconds: float) -> Answer:
    body = _whole(answer)
    headers = {**answer.headers, "Content-Encoding": "identity"}
    return Answer(answer.status, None, headers, answer.media, stream=_drops(body, seconds))


def _drops(body: bytes, seconds: float) -> Iterator[bytes]:
    size = max(1, -(-len(body) // _PIECES))
    for start in range(0, len(body), size):
        yield body[start : start + size]
        time.sleep(seconds / _PIECES)


def page_start(site: Site, call: Call, start: int, size: int) -> int:
    """The row that a further page of a result begins with; the page before, where the fault repeats it.

    Raises:
        OrgFault: The fault lets the locator expire.
    """
    if not call.trainer and _strikes(site, "locator_expired", call):
        raise OrgFault("INVALID_QUERY_LOCATOR", "invalid query locator")
    if not call.trainer and _strikes(site, "repeated_page", call):
        return max(0, start - size)
    return start
