"""Lets a request into the console or turns it away: by Host, by Origin, by the session cookie."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import strings
from console.entry import Entry

COOKIE = "syncline_session"


def cookie_name(port: int) -> str:
    """The session cookie of the console on a port: cookies know no ports, so the name does."""
    return f"{COOKIE}_{port}"


_OPEN_PATHS = ("/open", "/healthz", "/readyz", "/metrics")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Gate:
    """ASGI middleware around everything that the console serves, websockets included."""

    def __init__(self, app: ASGIApp, *, entry: Entry, port: int, public_url: str = "") -> None:
        """Guard an application.

        Args:
            app: what the console serves.
            entry: checks session cookies.
            port: where the console listens.
            public_url: how browsers reach it where people sign in with the team's provider: its host is let in as
                well, and nobody needs a one-time link; the pages then ask for the sign-in themselves.
        """
        self.app = app
        self.entry = entry
        self.port = port
        self.signs_in = bool(public_url)
        self.cookie = cookie_name(port)
        self.hosts = frozenset(own_hosts(port))
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        if public_url:
            told = urlsplit(public_url.lower())
            self.hosts |= {told.netloc}
            self.origins |= {f"{told.scheme}://{told.netloc}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        turned = self._turned(scope)
        if turned is None and scope["type"] == "websocket" and not self.signs_in:
            await self.app(scope, self._while_signed_in(scope, receive), send)
        elif turned is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            # Before it is accepted, a closed websocket reaches the browser as 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            status, text = turned
            answer = PlainTextResponse(text, status_code=status, headers={"Cache-Control": "no-store"})
            await answer(scope, receive, send)

    def _while_signed_in(self, scope: Scope, receive: Receive) -> Receive:
        """What comes in over an open websocket, until its session is ended."""
        cookie = _cookie(Headers(scope=scope).getlist("cookie"), self.cookie)

        async def checked() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not self.entry.is_session(cookie):
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        return checked

    def _turned(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self.hosts:
            return 403, strings.WRONG_HOST
        if not self._origin_fits(scope, headers.get("origin")):
            return 403, strings.WRONG_ORIGIN
        needs = not self.signs_in and _needs_cookie(scope["path"])
        if needs and not self.entry.is_session(_cookie(headers.getlist("cookie"), self.cookie)):
            return 401, strings.NEEDS_LINK.format(port=self.port)
        return None

    def _origin_fits(self, scope: Scope, origin: str | None) -> bool:
        """A page elsewhere may neither write here nor open a websocket; a link from there may lead here."""
        if scope["type"] == "websocket":
            return origin is not None and origin.lower() in self.origins
        if origin is None or (origin == "null" and scope["method"] in _SAFE):
            return True
        return origin.lower() in self.origins


def own_hosts(port: int) -> list[str]:
    """The names under which a browser on this machine reaches the port."""
    names = ("localhost", "127.0.0.1", "[::1]")
    return [f"{name}:{port}" for name in names] + (list(names) if port == 80 else [])


def _needs_cookie(path: str) -> bool:
    return path not in _OPEN_PATHS and not path.startswith("/api/")


def _cookie(headers: Iterable[str], name: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    for header in headers:
        try:
            jar.load(header)
        except CookieError:
            continue
    return jar[name].value if name in jar else ""
