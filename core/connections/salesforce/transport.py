"""Makes the HTTPS session every request goes through, and knows whether a request has left the machine.

Whether a failed write may have been applied is decided by one fact: had the connection been made, certificate checked
and a byte of the request handed to it, when things went wrong. The connection class here records just that.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from core.errors import UsageError

_mark = threading.local()
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long we wait, in seconds."""

    connect: float = 10.0
    read: float = 120.0
    """Between two pieces of an answer; Salesforce ends a query after 120 s."""
    total: float = 600.0
    """For an answer as a whole, however steadily it drips; Salesforce ends any request after ten minutes."""

    def pair(self) -> tuple[float, float]:
        """As requests takes them."""
        return (self.connect, self.read)


class _MarkedConnection(HTTPSConnection):
    """Notes on the thread that bytes of a request were handed to a connection that stands."""

    _stands = False

    def connect(self) -> None:
        self._stands = False
        # A proxy's CONNECT is sent in here as well, before the connection stands: it does not count.
        super().connect()
        self._stands = True

    def close(self) -> None:
        self._stands = False
        super().close()

    def send(self, data: Any) -> None:
        if self._stands:
            leave()
        super().send(data)


class _MarkedPool(HTTPSConnectionPool):
    ConnectionCls = _MarkedConnection


class Adapter(HTTPAdapter):
    """Sends with time-outs always, retries never (the gateway decides about those), and marks what has left."""

    def __init__(self, timeouts: Timeouts, pool: int = 16) -> None:
        self._timeouts = timeouts
        super().__init__(pool_connections=4, pool_maxsize=pool, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As usual, with connections that mark."""
        super().init_poolmanager(*args, **kwargs)
        self._use_marked(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """As usual, with connections that mark."""
        manager = super().proxy_manager_for(*args, **kwargs)
        self._use_marked(manager)
        return manager

    @staticmethod
    def _use_marked(manager: Any) -> None:
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _MarkedPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request; time-outs are filled in where the caller gave none."""
        forget()
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeouts.pair()
        return super().send(request, *args, **kwargs)


def forget() -> None:
    """Start a new request on this thread: nothing has left yet."""
    _mark.left = False


def leave() -> None:
    """Note that a byte of this thread's request has left."""
    _mark.left = True


def has_left() -> bool:
    """Whether any byte of this thread's last request was handed to a connection that stands."""
    return bool(getattr(_mark, "left", False))


def take_whole(response: requests.Response, until: float) -> None:
    """Read an answer to its end, so that it can be used like any other.

    Args:
        response: Begun with ``stream=True``.
        until: Reading on `time.monotonic` at which we give up.

    Raises:
        requests.ReadTimeout: It was not whole by then.
        requests.RequestException: It broke off.
    """
    pieces: list[bytes] = []
    for piece in response.iter_content(_PIECE):
        pieces.append(piece)
        if time.monotonic() > until:
            response.close()
            raise requests.ReadTimeout("the answer took too long")
    response._content = b"".join(pieces)


def new_session(timeouts: Timeouts | None = None, ca_file: str = "") -> requests.Session:
    """A session that speaks https only and keeps no cookies.

    Args:
        timeouts: How long to wait.
        ca_file: A private certificate authority to trust instead of the public ones; the environment's own settings
            are then left aside, since REQUESTS_CA_BUNDLE would win over it.
    """
    session = requests.Session()
    session.mount("https://", Adapter(timeouts or Timeouts()))
    session.mount("http://", _Refuse())
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "syncline"
    if ca_file:
        session.verify = ca_file
        session.trust_env = False
    return session


class _Refuse(HTTPAdapter):
    """Stands where plain http would be spoken."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        raise UsageError("Only https is spoken with an org.")
