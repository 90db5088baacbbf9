"""Serves the console on this machine: the pages, the HTTP API beside them, the one-time link and the org's sign-in."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
import structlog
import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit import config as streamlit_config

from console import signin, strings
from console.components import notices
from console.entry import SESSION_LIFETIME_S, Entry
from console.gate import Gate, cookie_name
from console.session import open_named
from console.slots import REFUSALS, SIGN_INS, Refusal, SignIn, Slots
from core import SynclineError, UsageError, Workspace, logs
from core.api import routes as api_routes
from core.settings import settings

ADDRESS = "127.0.0.1"
BROWSER_COOKIE = "syncline_sign_in"
BROWSER_COOKIE_S = 600
_HERE = Path(__file__).parent

_log = structlog.get_logger("console")
Opener = Callable[..., Workspace]


class Doorway:
    """The routes that Streamlit cannot serve: they set cookies and redirect."""

    def __init__(self, opener: Opener, entry: Entry, slots: Slots[SignIn] = SIGN_INS, *, port: int) -> None:
        self.cookie = cookie_name(port)
        self.port = port
        self.opener = opener
        self.entry = entry
        self.slots = slots

    def routes(self) -> list[Route]:
        """The routes, to stand beside those of the API."""
        return [
            Route("/open", self.open),
            Route("/overview", self.overview),
            Route("/oauth/begin", self.begin, methods=["GET", "POST"]),
            Route("/oauth/callback", self.callback),
        ]

    async def overview(self, request: Request) -> Response:
        """The first page by its own name: Streamlit serves it at the root only."""
        query = request.url.query
        return _to(f"/?{query}" if query else "/")

    async def open(self, request: Request) -> Response:
        """Exchange a one-time link for a session cookie."""
        if self.entry.is_session(request.cookies.get(self.cookie, "")):
            return _to("/")
        if not self.entry.use_key(request.query_params.get("key", "")):
            return _plain(strings.LINK_USED.format(port=self.port), 401)
        answer = _to("/")
        session = self.entry.new_session()
        answer.set_cookie(self.cookie, session, max_age=SESSION_LIFETIME_S, httponly=True, samesite="lax")
        return answer

    async def begin(self, request: Request) -> Response:
        """Begin a sign-in with what a person typed on the Connections page, and send the browser to the org."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _plain(strings.WRONG_ORIGIN, 403)
        asked = self.slots.take(request.query_params.get("slot", ""))
        if asked is None:
            return _refused(Refusal(strings.SIGN_IN_EXPIRED))
        try:
            begun = await run_in_threadpool(
                lambda: self._acting(asked).begin_connect(
                    login_url=asked.login_url,
                    client_id=asked.client_id,
                    client_secret=asked.client_secret,
                    name=asked.name,
                )
            )
        except SynclineError as error:
            return _refused(Refusal(error.message, error.hint or ""))
        answer = _to(begun.url)
        answer.set_cookie(
            BROWSER_COOKIE, begun.browser, max_age=BROWSER_COOKIE_S, path="/oauth", httponly=True, samesite="lax"
        )
        return answer

    def _acting(self, asked: SignIn) -> Workspace:
        opened = self.opener()
        return opened.acting_as(asked.actor) if asked.actor else opened

    async def callback(self, request: Request) -> Response:
        """End a sign-in with what the org sent the browser back with."""
        browser = request.cookies.get(BROWSER_COOKIE, "")
        try:
            await run_in_threadpool(lambda: self.opener().finish_connect(browser, dict(request.query_params)))
        except SynclineError as error:
            answer = _refused(Refusal(error.message, error.hint or ""))
        else:
            answer = _to("/connections?result=connected")
        answer.delete_cookie(BROWSER_COOKIE, path="/oauth")
        return answer


def make_app(*, port: int, home: Path, opener: Opener = open_named, public_url: str = "") -> st.App:
    """The whole console as one ASGI application.

    Args:
        port: where it will listen; Host and Origin are held against it.
        home: data directory with the secret of links and cookies.
        opener: opens the workspace, as ``core.open_workspace`` does.
        public_url: how browsers reach it where people sign in; empty where one-time links open it.
    """
    entry = Entry(home)
    _use_theme()
    streamlit_config.set_option("server.port", port)
    streamlit_config.set_option("browser.serverPort", port)
    return st.App(
        _HERE / "app.py",
        routes=[*Doorway(opener, entry, port=port).routes(), *api_routes(opener)],
        middleware=[Middleware(Gate, entry=entry, port=port, public_url=public_url)],
        on_script_error=_broken,
    )


def _broken(error: Exception) -> bool:
    """Tell a page's own failure in plain words, the traceback folded, and keep it in the log."""
    notice = notices.of_error(error)
    _log.error("page failed", error=notice.text, detail=notice.detail)
    notices.box(notice)
    return True


def new_link(home: Path, port: int) -> str:
    """A fresh one-time link to a console of this data directory."""
    return f"http://localhost:{port}/open?{urlencode({'key': Entry(home).new_key()})}"


def serve(
    port: int = 8501,
    *,
    address: str = ADDRESS,
    home: Path | None = None,
    opener: Opener = open_named,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the console until the process is told to end.

    Args:
        port: where to listen; 0 finds a free one.
        address: only this machine's own addresses are taken while no sign-in is configured.
        home: data directory; the configured one where unset.
        opener: opens the workspace.
        on_ready: called with the one-time link once the console answers.

    Raises:
        UsageError: the address is not this machine's own, the sign-in is not safe as configured, or the port is taken.
    """
    public_url = ""
    if signin.is_on():
        public_url = settings().public_url
        signin.check(public_url)
    elif address not in signin.LOOPBACK:
        raise UsageError(strings.ONLY_LOOPBACK.format(address=address), hint=strings.ONLY_LOOPBACK_HINT)
    home = home or settings().home
    with _bound(address, port) as door:
        port = door.getsockname()[1]
        app = make_app(port=port, home=home, opener=opener, public_url=public_url)
        # The sockets of a page that is open in a browser must not hold up the end.
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, ws="websockets-sansio")

        def announce() -> None:
            if on_ready is not None:
                on_ready(public_url or new_link(home, port))

        _Announcing(config, announce).run(sockets=[door])


class _Announcing(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._announce()


def _bound(address: str, port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((address, port))
    except OSError as error:
        door.close()
        raise UsageError(strings.PORT_TAKEN.format(port=port), hint=strings.PORT_TAKEN_HINT) from error
    return door


def _use_theme() -> None:
    """Take the look from the project's own file, wherever the process was started."""
    # In a checkout the file lies where Streamlit looks for it; a wheel carries it inside the package.
    places = (_HERE.parent / ".streamlit" / "config.toml", _HERE / "config.toml")
    path = next((p for p in places if p.exists()), None)
    if path is not None:
        streamlit_config.get_config_options()
        for key, value in _flat(tomllib.loads(path.read_text(encoding="utf-8"))):
            streamlit_config.set_option(key, value)


def _flat(table: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{at}{name}.")
        else:
            yield f"{at}{name}", value


def _to(url: str) -> RedirectResponse:
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})


def _plain(sentence: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(sentence, status_code=status, headers={"Cache-Control": "no-store"})


def _refused(why: Refusal) -> RedirectResponse:
    """Back to the Connections page, which says why; the address carries a nonce and no words of anybody's."""
    return _to(f"/connections?{urlencode({'refused': REFUSALS.put(why)})}")


def main(arguments: list[str] | None = None) -> int:
    """Serve the console, or print a fresh link to one that is running; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m console.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--address", default=ADDRESS)
    parser.add_argument(
        "--print-url", action="store_true", help="say where it answers as one JSON object, first of all"
    )
    parser.add_argument("--link", action="store_true", help="print a fresh one-time link and end")
    given = parser.parse_args(arguments)
    # Whoever started us reads where we answer from our first line, so nothing else may come before it.
    logs.configure()

    def say(link: str) -> None:
        urls = {"console_url": link, "api_url": f"{link.partition('/open')[0].rstrip('/')}/api/v1"}
        text = json.dumps(urls) if given.print_url else strings.OPEN_THIS.format(link=link)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    if given.link:
        say(new_link(settings().home, given.port))
        return 0
    try:
        serve(given.port, address=given.address, on_ready=say)
    except UsageError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
