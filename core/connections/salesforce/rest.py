"""The one way a request gets to an org: counted, timed, retried where that is safe, its failures told apart.

`simple_salesforce` builds the URLs and reads the JSON; its request function is replaced here, since its own neither
waits nor retries sensibly and drops headers when a session has expired.
"""

from __future__ import annotations

import json as json_library
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import requests
from simple_salesforce.api import Salesforce

from core.clock import Clock, SystemClock
from core.connections.salesforce import faults, limits, transport
from core.connections.salesforce.hosts import allowed_origin
from core.connections.salesforce.meter import Meter, Tally, tally
from core.connections.salesforce.ports import Tokens
from core.connections.salesforce.tokens import TokenSource
from core.errors import AnswerLost, OrgError, OrgUnreachable, TransientOrgError, UsageError

API_VERSION = "66.0"
BASE = f"/services/data/v{API_VERSION}/"
GET_ATTEMPTS = 4
LONGEST_PAUSE = 60.0
"""A longer Retry-After is not waited for here: the run goes on later instead."""
_JITTER = random.SystemRandom()
_AGAIN = frozenset({420, 429, 502, 503, 504})
_NO_ANSWER = frozenset({502, 503, 504})


class Client(Salesforce):
    """simple-salesforce with our request function in place of its own."""

    def __init__(self, send: Callable[..., requests.Response], session: requests.Session, origin: str) -> None:
        self._send_ours = send
        super().__init__(
            session_id="",
            instance_url=origin,
            version=API_VERSION,
            session=session,
            object_pairs_hook=None,
        )
        # Authorization is put on each request by the gateway, from the tokens in force at that moment.
        self.headers = {"Content-Type": "application/json", "Accept": "application/json", "X-PrettyPrint": "0"}

    def _call_salesforce(
        self, method: str, url: str, name: str = "", retries: int = 0, max_retries: int = 3, **kwargs: Any
    ) -> requests.Response:
        return self._send_ours(method, url, **kwargs)


class Rest:
    """Sends requests for one connection; safe to share among threads."""

    def __init__(
        self,
        tokens: TokenSource,
        *,
        allowed_hosts: tuple[str, ...] = (),
        ca_file: str = "",
        timeouts: transport.Timeouts | None = None,
        clock: Clock | None = None,
        window: timedelta = limits.WINDOW,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make it ready; nothing is sent yet.

        Args:
            tokens: The connection's tokens.
            allowed_hosts: Hosts an admin has listed besides Salesforce's own.
            ca_file: Authority of a private certificate.
            timeouts: How long to wait; 10 s to connect, 120 s to read.
            clock: Our own clock; the org's is measured against it.
            window: How long to stay away once the API allowance is used up.
            sleep: How pauses are made.

        Raises:
            GrantRejected: The connection is known to be refused.
            HostRefused: Its org's host is not allowed.
        """
        self._tokens = tokens
        self._allowed_hosts = allowed_hosts
        self._ca_file = ca_file
        self._clock: Clock = clock or SystemClock()
        self._sleep = sleep
        self._door = limits.Door(window)
        self._meter = Meter()
        self._timeouts = timeouts or transport.Timeouts()
        session = transport.new_session(self._timeouts, ca_file)
        self._origin = self._checked(tokens.current())
        self.client = Client(self._send, session, self._origin)

    # What is known without asking

    @property
    def calls(self) -> int:
        """API calls that have left us since the start."""
        return self._meter.calls

    @property
    def usage(self) -> limits.Usage | None:
        """The org's API usage as its last answer told; None before the first."""
        return self._meter.usage

    @property
    def origin(self) -> str:
        """``https://host[:port]`` of the org."""
        return self._origin

    @property
    def closed_until(self) -> datetime | None:
        """Until when nothing is sent because the allowance is used up; None while calls pass."""
        return self._door.closed_until

    def allowance_resets(self, at: datetime | None = None) -> None:
        """Told when the allowance is back: calls pass again from then on, or now."""
        self._door.set(at)

    @property
    def clock_offset(self) -> timedelta:
        """The org's clock less ours, to about a second; zero before the first answer."""
        return self._meter.clock_offset

    def server_now(self) -> datetime:
        """The time at the org, to about a second."""
        return self._clock.now() + self.clock_offset

    def tally(self) -> AbstractContextManager[Tally]:
        """Count the calls made in the block, by this thread or under a copy of its context."""
        return tally()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self.client.session.close()

    # Sending

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        reads: bool | None = None,
    ) -> Any:
        """A request below the API version's path, its answer decoded; None for an empty one.

        Args:
            method: HTTP method.
            path: Without a leading slash, such as ``limits``.
            params: Query.
            json: Body.
            headers: More headers; they survive a renewed session.
            reads: Whether it changes nothing, so that it may be sent again; by default only GET.

        Raises:
            OrgUnreachable: It certainly never left.
            AnswerLost: A write that may have been applied; fact ``given_up_at`` is the org's time.
            OrgError: The org refused it.
        """
        extra: dict[str, Any] = {"headers": dict(headers or {}), "reads": reads}
        if json is not None:
            extra["data"] = encoded(json)
        try:
            return self.client.restful(path, params=dict(params) if params else None, method=method, **extra)
        except requests.exceptions.JSONDecodeError:
            raise self.garbled(reads if reads is not None else method == "GET") from None

    def answer(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """The same, with the bare answer: for headers, CSV, and statuses that are no failure."""
        return self.client._call_salesforce(method, self.client.base_url + path, **kwargs)

    def garbled(self, reads: bool) -> OrgError:
        """What to raise for an answer that makes no sense."""
        if reads:
            return TransientOrgError(
                "The org's answer was garbled.",
                hint="Nothing; it is tried again.",
                http=200,
                given_up_at=self.server_now(),
            )
        return AnswerLost(
            "The org's answer to a write was garbled.", http=200, given_up_at=self.server_now(), cause="garbled"
        )

    def _decoded(self, response: requests.Response, reads: bool = True) -> Any:
        """An answer's JSON; one that is none is an answer lost."""
        try:
            return response.json()
        except ValueError:
            raise self.garbled(reads) from None

    def _send(
        self,
        method: str,
        url: str,
        *,
        reads: bool | None = None,
        row_errors: bool = False,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> requests.Response:
        """Send with the session in force, renew it once on 401, and judge the answer."""
        reads = method in ("GET", "HEAD") if reads is None else reads
        tokens = self._tokens.current()
        own = {**self.client.headers, **(headers or {})}
        response = self._patiently(method, url, tokens, reads, own, kwargs)
        if response.status_code == 401:
            # A request that was refused with 401 was not applied, so a write may be sent again as well.
            response.close()
            tokens = self._tokens.renewed(tokens)
            url = self._moved(url, tokens)
            response = self._patiently(method, url, tokens, reads, own, kwargs)
            if response.status_code == 401:
                raise _refused_afresh(response)
        return self._judged(response, reads, row_errors)

    def _moved(self, url: str, tokens: Tokens) -> str:
        origin = self._checked(tokens)
        if origin == self._origin:
            return url
        old, self._origin = self._origin, origin
        self.client.base_url = self.client.base_url.replace(old, origin, 1)
        return url.replace(old, origin, 1)

    def _checked(self, tokens: Tokens) -> str:
        return allowed_origin(tokens.instance_url, self._allowed_hosts)

    def _patiently(
        self, method: str, url: str, tokens: Tokens, reads: bool, headers: dict[str, str], kwargs: dict[str, Any]
    ) -> requests.Response:
        """Send, and if it only reads, send again after a pause while the org is busy."""
        for attempt in range(1, GET_ATTEMPTS + 1):
            last = not reads or attempt == GET_ATTEMPTS
            try:
                response = self._once(method, url, tokens, reads, headers, kwargs)
            except TransientOrgError as error:
                if last or error.facts.get("refused_locally"):
                    raise
                self._sleep(_pause(attempt, None))
                continue
            pause = _pause(attempt, response.headers.get("Retry-After"))
            if last or response.status_code not in _AGAIN or pause > LONGEST_PAUSE:
                return response
            response.close()
            self._sleep(pause)
        raise AssertionError("unreachable")

    def pause(self, attempt: int) -> None:
        """Wait before rows are sent again, each attempt (from 0) longer, never for exactly the same time."""
        self._sleep(_pause(attempt, None))

    def _once(
        self, method: str, url: str, tokens: Tokens, reads: bool, headers: dict[str, str], kwargs: dict[str, Any]
    ) -> requests.Response:
        self._door.pass_through(self._clock.now())
        signed = {**headers, "Authorization": f"Bearer {tokens.access_token.get_secret_value()}"}
        transport.forget()
        began, ticks = self._clock.now(), time.monotonic()
        failure: OrgError
        try:
            response = self._whole(method, url, headers=signed, **kwargs)
        except requests.RequestException as error:
            # Not chained: the library's exception carries the request, and with it the session.
            failure = self._failure(error, reads)
        else:
            self._meter.learn(response.headers, began, time.monotonic() - ticks)
            return response
        finally:
            if transport.has_left():
                self._meter.count()
        raise failure

    def _whole(self, method: str, url: str, *, stream: bool = False, **kwargs: Any) -> requests.Response:
        """One exchange, bounded in time as a whole unless the caller reads the answer piece by piece."""
        until = time.monotonic() + self._timeouts.total
        response = self.client.session.request(method, url, stream=True, allow_redirects=False, **kwargs)
        if not stream:
            transport.take_whole(response, until)
        return response

    def _failure(self, error: requests.RequestException, reads: bool) -> OrgError:
        """What a broken connection means; only what never left is known not to have been applied."""
        cause = type(error).__name__
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
            raise UsageError("The request could not be built.", cause=cause) from None
        if not transport.has_left():
            hint = "Check the network; work goes on by itself once the org answers."
            if isinstance(error, requests.exceptions.SSLError):
                hint = "Its certificate is not one we trust: check the host, or name its authority's file."
            return OrgUnreachable(hint=hint, cause=cause, given_up_at=self.server_now())
        if reads:
            return TransientOrgError(
                "The org's answer did not arrive.",
                hint="Nothing; it is tried again.",
                cause=cause,
                given_up_at=self.server_now(),
            )
        return AnswerLost(
            hint="Nothing is sent again before it is known whether it arrived.",
            cause=cause,
            given_up_at=self.server_now(),
        )

    def _judged(self, response: requests.Response, reads: bool, row_errors: bool) -> requests.Response:
        status = response.status_code
        if status < 300 or status == 304:
            return response
        body = _body(response)
        code, message, _ = faults.error_of(body)
        if status == 403 and faults.is_daily_limit(code, message):
            closed_until = self._door.close(self._clock.now())
            raise faults.org_error(status, body, closed_until=closed_until)
        if not reads and (status in _NO_ANSWER or (status >= 500 and not code)):
            raise AnswerLost(
                hint="Nothing is sent again before it is known whether it arrived.",
                http=status,
                status_code=code,
                org_message=message,
                given_up_at=self.server_now(),
            )
        if row_errors and (status in (300, 400, 404, 412) or code.startswith("INSUFFICIENT_ACCESS")):
            return response
        facts = {"retry_after": response.headers["Retry-After"]} if "Retry-After" in response.headers else {}
        raise faults.org_error(status, body, **facts)


def _refused_afresh(response: requests.Response) -> TransientOrgError:
    """A session just given was refused as well: the grant itself stands, so this is not yet a case for reconnecting.

    Where it lasts, `TokenSource` stops asking for sessions and does make it one.
    """
    code, message, _ = faults.error_of(_body(response))
    return TransientOrgError(
        "The org refused a session that it had just given.",
        hint="It is tried again. If it lasts, check the session and IP policies of the org's app.",
        status_code=code,
        http=401,
        org_message=message,
    )


def encoded(value: Any) -> bytes:
    """JSON without the numbers that JSON has no form for.

    Raises:
        UsageError: A value is not a number, infinite, or not of a kind that JSON knows.
    """
    try:
        return json_library.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        raise UsageError("A value cannot be sent: it is no text, number, boolean or null.") from None


def _body(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds before the next attempt: what the org asked for, else a growing time with jitter."""
    if retry_after is not None:
        try:
            return max(0.0, float(retry_after))
        except ValueError:
            pass
    longest: float = min(8.0, 0.5 * 2.0**attempt)
    return _JITTER.uniform(0.5, 1.0) * longest
