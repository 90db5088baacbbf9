"""Who gets in: by Host, Origin, one-time link and cookie; and the way to the org's sign-in and back."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from console import server, strings
from console.entry import LINK_LIFETIME_S, SESSION_LIFETIME_S, Entry
from console.gate import Gate, cookie_name
from console.server import BROWSER_COOKIE, Doorway
from console.slots import LIFETIME_S, REFUSALS, Refusal, SignIn, Slots
from core import SignInError, UsageError
from core.syncing.connect import Begun

PORT = 8501
OWN = f"localhost:{PORT}"


class Answer:
    """What came back from the application."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start = next((m for m in messages if m["type"] == "http.response.start"), {})
        self.accepted = any(m["type"] == "websocket.accept" for m in messages)
        self.status = int(start.get("status", 0))
        self.headers = [(k.decode(), v.decode()) for k, v in start.get("headers", [])]
        self.text = b"".join(m.get("body", b"") for m in messages).decode()

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k == name), "")

    def cookie(self, name: str) -> str:
        """The attributes of a cookie that was set."""
        return next((v for k, v in self.headers if k == "set-cookie" and v.startswith(f"{name}=")), "")


def ask(app: Any, path: str, *, method: str = "GET", kind: str = "http", **headers: str) -> Answer:
    """One request, straight to the application."""
    given = {"host": OWN, **{k.replace("_", "-"): v for k, v in headers.items()}}
    split = urlsplit(path)
    scope = {
        "type": kind, "method": method, "path": split.path, "raw_path": split.path.encode(), "root_path": "",
        "query_string": split.query.encode(), "scheme": "http", "http_version": "1.1", "subprotocols": [],
        "headers": [(k.encode(), v.encode()) for k, v in given.items()], "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 1), "extensions": {},
    }  # fmt: skip
    first = {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": b""}
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        coming = iter([first])

        async def receive() -> dict[str, Any]:
            return next(coming, {"type": "websocket.disconnect", "code": 1000})

        await app(scope, receive, send)

    asyncio.run(run())
    return Answer(sent)


class Org:
    """Stands for the workspace where a sign-in is begun and ended."""

    def __init__(self) -> None:
        self.asked: dict[str, str] = {}
        self.came: tuple[str, dict[str, str]] | None = None
        self.refuses: Exception | None = None

    def begin_connect(self, **asked: str) -> Begun:
        if self.refuses:
            raise self.refuses
        self.asked = asked
        return Begun("https://login.example/authorize?state=s", "the-browser")

    def finish_connect(self, browser: str, query: dict[str, str]) -> None:
        if self.refuses:
            raise self.refuses
        self.came = (browser, query)


async def _page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("the page")


async def _stream(socket: WebSocket) -> None:
    await socket.accept()


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(tmp_path)


@pytest.fixture
def org() -> Org:
    return Org()


@pytest.fixture
def slots() -> Slots[SignIn]:
    return Slots()


@pytest.fixture
def app(entry: Entry, org: Org, slots: Slots[SignIn]) -> Iterator[Starlette]:
    routes = [
        *Doorway(lambda **_: org, entry, slots, port=PORT).routes(),  # type: ignore[arg-type, return-value]
        *(Route(path, _page) for path in ("/", "/static/app.js", "/metrics", "/healthz", "/readyz")),
        Route("/api/v1/jobs", _page, methods=["GET", "POST"]),
        WebSocketRoute("/_stcore/stream", _stream),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Gate, entry=entry, port=PORT)])  # type: ignore[return-value]


def cookie(entry: Entry) -> str:
    return f"{cookie_name(PORT)}={entry.new_session()}"


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/oauth/begin", "/oauth/callback"])
def test_without_the_cookie_nothing_is_shown(app: Starlette, path: str) -> None:
    answer = ask(app, path)
    assert (answer.status, answer.text) == (401, strings.NEEDS_LINK.format(port=PORT))


@pytest.mark.parametrize("path", ["/", "/static/app.js"])
def test_with_the_cookie_it_is(app: Starlette, entry: Entry, path: str) -> None:
    assert ask(app, path, cookie=cookie(entry)).text == "the page"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/jobs"])
def test_health_and_the_api_need_no_cookie(app: Starlette, path: str) -> None:
    assert ask(app, path).status == 200


@pytest.mark.parametrize("host", [OWN, f"127.0.0.1:{PORT}", f"[::1]:{PORT}"])
def test_its_own_names_are_answered(app: Starlette, host: str) -> None:
    assert ask(app, "/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "localhost:9999", "localhost", f"localhost.evil.example:{PORT}", ""],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/jobs", "/healthz", "/open"])
def test_another_host_name_is_refused_everywhere(app: Starlette, entry: Entry, host: str, path: str) -> None:
    answer = ask(app, path, host=host, cookie=cookie(entry))
    assert (answer.status, answer.text) == (403, strings.WRONG_HOST)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost:8501", "null", f"http://localhost:{PORT + 1}"]
)
def test_another_origin_may_not_write(app: Starlette, entry: Entry, origin: str) -> None:
    answer = ask(app, "/api/v1/jobs", method="POST", origin=origin, cookie=cookie(entry))
    assert (answer.status, answer.text) == (403, strings.WRONG_ORIGIN)


def test_its_own_origin_may(app: Starlette) -> None:
    assert ask(app, "/api/v1/jobs", method="POST", origin=f"http://{OWN}").status == 200
    assert ask(app, "/api/v1/jobs", method="POST").status == 200


def test_a_websocket_needs_cookie_and_origin(app: Starlette, entry: Entry) -> None:
    mine = {"kind": "websocket", "cookie": cookie(entry)}
    assert ask(app, "/_stcore/stream", origin=f"http://{OWN}", **mine).accepted
    assert not ask(app, "/_stcore/stream", origin="http://evil.example", **mine).accepted
    assert not ask(app, "/_stcore/stream", **mine).accepted
    assert not ask(app, "/_stcore/stream", origin=f"http://{OWN}", kind="websocket").accepted
    assert not ask(app, "/_stcore/stream", origin=f"http://{OWN}", host="evil.example", **mine).accepted


def test_a_link_opens_once_and_leaves_a_cookie_for_half_a_day(app: Starlette, entry: Entry) -> None:
    key = entry.new_key()
    answer = ask(app, f"/open?key={key}")
    assert (answer.status, answer.header("location")) == (303, "/")
    kept = answer.cookie(cookie_name(PORT))
    assert "HttpOnly" in kept
    assert "samesite=lax" in kept.lower()
    assert f"Max-Age={SESSION_LIFETIME_S}" in kept
    assert ask(app, "/", cookie=kept.split(";")[0]).text == "the page"
    again = ask(app, f"/open?key={key}")
    assert (again.status, again.text) == (401, strings.LINK_USED.format(port=PORT))
    assert not again.cookie(cookie_name(PORT))


def test_whoever_is_in_already_may_open_an_old_link(app: Starlette, entry: Entry) -> None:
    assert ask(app, "/open?key=used", cookie=cookie(entry)).header("location") == "/"


@pytest.mark.parametrize("key", ["", "wrong", "a.99999999999.b", "a.b.c"])
def test_a_made_up_key_opens_nothing(app: Starlette, key: str) -> None:
    assert ask(app, f"/open?key={key}").status == 401


def test_a_session_is_no_key_and_a_key_no_session(entry: Entry) -> None:
    assert not entry.use_key(entry.new_session())
    assert not entry.is_session(entry.new_key())


def test_cookies_outlive_a_restart_but_not_their_time(tmp_path: Path) -> None:
    at = [1_000.0]
    first = Entry(tmp_path, now=lambda: at[0])
    session, key = first.new_session(), first.new_key()
    assert Entry(tmp_path, now=lambda: at[0]).is_session(session)
    at[0] += LINK_LIFETIME_S + 1
    assert not first.use_key(key)
    at[0] += SESSION_LIFETIME_S
    assert not first.is_session(session)
    assert not Entry(tmp_path / "other").is_session(session)


def test_a_used_link_stays_used_after_a_restart(tmp_path: Path) -> None:
    key = Entry(tmp_path).new_key()
    assert Entry(tmp_path).use_key(key)
    assert not Entry(tmp_path).use_key(key)


def test_the_secret_is_for_its_owner_only(entry: Entry, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "console.key").stat().st_mode) == 0o600
    entry.use_key(entry.new_key())
    assert stat.S_IMODE((tmp_path / "console-links.used").stat().st_mode) == 0o600


def test_a_sign_in_begins_with_a_cookie_for_the_way_back(
    app: Starlette, entry: Entry, org: Org, slots: Slots[SignIn]
) -> None:
    nonce = slots.put(SignIn("https://login.salesforce.com", "the-client", "the-secret"))
    answer = ask(app, f"/oauth/begin?slot={nonce}", cookie=cookie(entry))
    assert (answer.status, answer.header("location")) == (303, "https://login.example/authorize?state=s")
    kept = answer.cookie(BROWSER_COOKIE)
    assert kept.startswith(f"{BROWSER_COOKIE}=the-browser;")
    assert "HttpOnly" in kept
    assert "samesite=lax" in kept.lower()
    assert "Max-Age=600" in kept
    assert (org.asked["client_id"], org.asked["client_secret"]) == ("the-client", "the-secret")
    again = ask(app, f"/oauth/begin?slot={nonce}", cookie=cookie(entry))
    assert refusal(again) == Refusal(strings.SIGN_IN_EXPIRED)


def test_another_site_cannot_begin_a_sign_in(app: Starlette, entry: Entry, org: Org, slots: Slots[SignIn]) -> None:
    nonce = slots.put(SignIn("https://login.salesforce.com", "the-client"))
    answer = ask(app, f"/oauth/begin?slot={nonce}", cookie=cookie(entry), sec_fetch_site="cross-site")
    assert answer.status == 403
    assert org.asked == {}


def test_what_was_typed_is_kept_for_ten_minutes_and_never_shown() -> None:
    at = [0.0]
    slots: Slots[SignIn] = Slots(now=lambda: at[0])
    asked = SignIn("https://login.salesforce.com", "the-client", "the-secret")
    assert "the-secret" not in repr(asked)
    nonce = slots.put(asked)
    assert slots.holds(nonce)
    at[0] = LIFETIME_S + 1
    assert not slots.holds(nonce)
    assert slots.take(nonce) is None


def test_the_way_back_ends_on_connections(app: Starlette, entry: Entry, org: Org) -> None:
    both = f"{cookie(entry)}; {BROWSER_COOKIE}=the-browser"
    answer = ask(app, "/oauth/callback?code=c&state=s", cookie=both)
    assert (answer.status, answer.header("location")) == (303, "/connections?result=connected")
    assert org.came == ("the-browser", {"code": "c", "state": "s"})
    assert "Max-Age=0" in answer.cookie(BROWSER_COOKIE)


def refusal(answer: Answer) -> Refusal | None:
    """What the Connections page will say; the address that leads to it says nothing."""
    where = urlsplit(answer.header("location"))
    assert (answer.status, where.path) == (303, "/connections")
    return REFUSALS.take(parse_qs(where.query)["refused"][0])


@pytest.mark.parametrize("path", ["/oauth/callback?error=access_denied", "/oauth/begin?slot={slot}"])
def test_a_refused_sign_in_leads_back_to_the_page_that_says_why(
    app: Starlette, entry: Entry, org: Org, slots: Slots[SignIn], path: str
) -> None:
    org.refuses = SignInError("The org's user refused <b>access</b>.", hint="Start again.")
    nonce = slots.put(SignIn("https://login.salesforce.com", "the-client"))
    answer = ask(app, path.format(slot=nonce), cookie=cookie(entry))
    assert "refused <b>" not in answer.header("location")
    assert refusal(answer) == Refusal("The org's user refused <b>access</b>.", "Start again.")


def test_a_session_that_was_ended_lets_nobody_in_any_more(app: Starlette, entry: Entry, tmp_path: Path) -> None:
    mine, other = cookie(entry), cookie(entry)
    Entry(tmp_path).end_session(mine.partition("=")[2])
    assert ask(app, "/", cookie=mine).status == 401
    assert not ask(app, "/_stcore/stream", kind="websocket", cookie=mine, origin=f"http://{OWN}").accepted
    assert ask(app, "/", cookie=other).text == "the page"
    assert not Entry(tmp_path).is_session(mine.partition("=")[2])


def test_an_open_websocket_hears_nothing_more_of_an_ended_session(entry: Entry) -> None:
    heard: list[str] = []

    async def page(_scope: Any, receive: Any, _send: Any) -> None:
        for _ in range(3):
            heard.append((await receive())["type"])
            entry.end_session(session)

    session = entry.new_session()
    headers = [(b"host", OWN.encode()), (b"origin", f"http://{OWN}".encode()),
               (b"cookie", f"{cookie_name(PORT)}={session}".encode())]  # fmt: skip
    coming = iter(["websocket.connect", "websocket.receive", "websocket.receive"])

    async def receive() -> dict[str, str]:
        return {"type": next(coming)}

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is to be said")

    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers}
    asyncio.run(Gate(page, entry=entry, port=PORT)(scope, receive, send))
    assert heard == ["websocket.connect", "websocket.disconnect", "websocket.disconnect"]


def test_without_sign_in_no_other_address_is_served(tmp_path: Path) -> None:
    for address in ("0.0.0.0", "::", "192.168.1.4", "example.com"):
        with pytest.raises(UsageError, match="this machine only"):
            server.serve(0, address=address, home=tmp_path)


def test_a_link_names_the_port_and_a_good_key(tmp_path: Path) -> None:
    link = urlsplit(server.new_link(tmp_path, 8600))
    assert (link.netloc, link.path) == ("localhost:8600", "/open")
    assert Entry(tmp_path).use_key(parse_qs(link.query)["key"][0])


def test_the_first_page_has_its_own_name_too(app: Starlette, entry: Entry) -> None:
    assert ask(app, "/overview", cookie=cookie(entry)).header("location") == "/"
