"""The two pages a person sees when connecting: sign in, then allow or deny; and the way back with a code."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from local_org.web import people
from local_org.web.messages import HTML_TYPE, Answer, Call
from local_org.web.oauth import DEFAULT_SCOPE, form_of
from local_org.web.routes import Router
from local_org.web.site import Site
from local_org.web.tokens import Grant

_KEPT = 1000
_COOKIE = "practice_sid"
_CALLBACK = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?/oauth/callback\Z")
_KNOWN_SCOPES = {"id", "api", "web", "full", "refresh_token", "offline_access", "openid", "profile", "email"}
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;background:#f3f4f6;color:#181818;margin:0}
main{max-width:24rem;margin:8vh auto;background:#fff;padding:2rem;border:1px solid #c9c9c9;border-radius:.5rem}
h1{font-size:1.25rem;margin:0 0 1rem}label{display:block;margin:.75rem 0 .25rem}
input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #747474;border-radius:.25rem}
button{font:inherit;padding:.5rem 1.25rem;margin:1rem .5rem 0 0;border-radius:.25rem;border:1px solid #0b5cab;
background:#fff;color:#0b5cab}button.main{background:#0b5cab;color:#fff}
p.error{color:#8e030f}p.note{color:#5c5c5c;font-size:.875rem}
"""
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"
)


@dataclass(slots=True)
class _Request:
    """An authorization that waits for its person."""

    redirect_uri: str
    state: str
    scope: str
    challenge: str
    csrf: str
    nonce: str


class Browsers:
    """Signed-in browsers and waiting authorizations; both live in memory and end with the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: OrderedDict[str, _Request] = OrderedDict()
        self._signed_in: OrderedDict[str, str] = OrderedDict()

    def wait(self, request: _Request) -> str:
        """Keep an authorization until its person has decided."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._requests[key] = request
            while len(self._requests) > _KEPT:
                self._requests.popitem(last=False)
        return key

    def request(self, key: str, *, csrf: str | None = None) -> _Request | None:
        """The waiting authorization; with `csrf`, only if the form came from our own page."""
        found = self._requests.get(key)
        if found is None or (csrf is not None and not hmac.compare_digest(csrf, found.csrf)):
            return None
        return found

    def decided(self, key: str) -> None:
        """Forget an authorization."""
        with self._lock:
            self._requests.pop(key, None)

    def sign_in(self, user_id: str) -> str:
        """A new browser session."""
        sid = secrets.token_urlsafe(32)
        with self._lock:
            self._signed_in[sid] = user_id
            while len(self._signed_in) > _KEPT:
                self._signed_in.popitem(last=False)
        return sid

    def user(self, call: Call) -> str:
        """The user of the browser that sent the call, or nothing."""
        return self._signed_in.get(_cookie(call), "")

    def sign_out(self, call: Call) -> None:
        """End the browser's session."""
        with self._lock:
            self._signed_in.pop(_cookie(call), None)


_BROWSERS = Browsers()


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/services/oauth2/authorize", "GET")(start)
    router.route("/services/oauth2/authorize/login", "POST")(login)
    router.route("/services/oauth2/authorize/consent", "GET")(consent_page)
    router.route("/services/oauth2/authorize/consent", "POST")(consent)
    router.route("/secur/logout.jsp", "GET")(logout)


def start(site: Site, call: Call) -> Answer:
    """Check the client's request and show the sign-in page, or the consent page to a browser that is signed in."""
    query = call.query
    if query.get("client_id", "") != site.client.client_id:
        return _error_page("invalid_client_id", "client identifier invalid")
    redirect_uri = query.get("redirect_uri", "")
    if not _CALLBACK.match(redirect_uri):
        return _error_page("redirect_uri_mismatch", "redirect_uri must match configuration")
    request = _Request(
        redirect_uri,
        query.get("state", ""),
        query.get("scope", "") or DEFAULT_SCOPE,
        query.get("code_challenge", ""),
        secrets.token_urlsafe(24),
        query.get("nonce", ""),
    )
    if query.get("response_type") != "code":
        return _back(request, error="unsupported_response_type", error_description="response type is not supported")
    if set(request.scope.split()) - _KNOWN_SCOPES:
        return _back(request, error="invalid_scope", error_description="the requested scope is not allowed")
    if query.get("code_challenge_method", "S256") != "S256":
        return _back(request, error="invalid_request", error_description="invalid code challenge method")
    if site.faults.strikes("consent_refused") is not None:
        return _denied(request)
    key = _BROWSERS.wait(request)
    if _BROWSERS.user(call) and query.get("prompt") != "login":
        return _redirect(f"/services/oauth2/authorize/consent?request={key}")
    return _login_page(key, request, query.get("login_hint", ""))


def login(site: Site, call: Call) -> Answer:
    """Sign a person in."""
    form = form_of(call)
    key = form.get("request", "")
    request = _BROWSERS.request(key, csrf=form.get("csrf", ""))
    if request is None:
        return _error_page("invalid_request", "This sign-in page is no longer valid. Start again.")
    person = people.by_username(site.org, form.get("username", "").strip())
    right = site.check_password(form.get("username", "").strip(), form.get("password", ""))
    if person is None or not right or not person.active:
        text = "Please check your username and password. If you still can't log in, contact your administrator."
        return _login_page(key, request, form.get("username", ""), text)
    answer = _redirect(f"/services/oauth2/authorize/consent?request={key}")
    sid = _BROWSERS.sign_in(person.id)
    answer.headers["Set-Cookie"] = f"{_COOKIE}={sid}; Path=/; Secure; HttpOnly; SameSite=Lax"
    return answer


def consent_page(site: Site, call: Call) -> Answer:
    """Ask whether the client may have access."""
    key = call.query.get("request", "")
    request = _BROWSERS.request(key)
    if request is None:
        return _error_page("invalid_request", "This page is no longer valid. Start again.")
    person = people.by_id(site.org, _BROWSERS.user(call))
    if person is None:
        return _login_page(key, request, "")
    wishes = "".join(f"<li>{escape(_wish(scope))}</li>" for scope in request.scope.split())
    return _page(
        "Allow access?",
        f"<p>Syncline is asking to:</p><ul>{wishes}</ul>"
        f"<p>Do you want to allow access for {escape(person.username)}?</p>"
        f'<form method="post" action="/services/oauth2/authorize/consent">{_hidden(key, request)}'
        '<button type="submit" name="decision" value="deny">Deny</button>'
        '<button class="main" type="submit" name="decision" value="allow">Allow</button></form>',
    )


def consent(site: Site, call: Call) -> Answer:
    """Take the person's decision back to the client."""
    form = form_of(call)
    key = form.get("request", "")
    request = _BROWSERS.request(key, csrf=form.get("csrf", ""))
    user_id = _BROWSERS.user(call)
    if request is None or not user_id:
        return _error_page("invalid_request", "This page is no longer valid. Start again.")
    _BROWSERS.decided(key)
    if form.get("decision") != "allow":
        return _denied(request)
    grant = Grant(user_id, site.client.client_id, request.scope)
    code = site.tokens.issue_code(grant, request.redirect_uri, request.challenge, site.epoch(), request.nonce)
    return _back(request, code=code)


def logout(site: Site, call: Call) -> Answer:
    """Sign the browser out."""
    _BROWSERS.sign_out(call)
    return _page("Signed out", "<p>You are signed out of the practice org.</p>")


def _login_page(key: str, request: _Request, username: str, error: str = "") -> Answer:
    trouble = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    return _page(
        "Log in to the practice org",
        f'{trouble}<form method="post" action="/services/oauth2/authorize/login">{_hidden(key, request)}'
        '<label for="username">Username</label><input id="username" name="username" autocomplete="username" '
        f'value="{escape(username, quote=True)}" autofocus>'
        '<label for="password">Password</label><input id="password" name="password" type="password" '
        'autocomplete="current-password"><button class="main" type="submit" id="Login">Log In</button></form>',
    )


def _hidden(key: str, request: _Request) -> str:
    return (
        f'<input type="hidden" name="request" value="{escape(key, quote=True)}">'
        f'<input type="hidden" name="csrf" value="{escape(request.csrf, quote=True)}">'
    )


def _page(title: str, body: str, status: int = 200) -> Answer:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f'<h1>{escape(title)}</h1>{body}<p class="note">Practice org: not Salesforce, no real data.</p>'
        "</main></body></html>"
    )
    headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "DENY", "Cache-Control": "no-store"}
    return Answer(status, html.encode(), headers, HTML_TYPE)


def _error_page(error: str, description: str) -> Answer:
    body = f'<p class="error">error={escape(error)}&amp;error_description={escape(description)}</p>'
    return _page("OAuth error", body, 400)


def _denied(request: _Request) -> Answer:
    return _back(request, error="access_denied", error_description="end-user denied authorization")


def _back(request: _Request, **values: str) -> Answer:
    if request.state:
        values["state"] = request.state
    separator = "&" if urlsplit(request.redirect_uri).query else "?"
    return _redirect(f"{request.redirect_uri}{separator}{urlencode(values)}")


def _redirect(target: str) -> Answer:
    return Answer(303, None, {"Location": target, "Cache-Control": "no-store"})


def _wish(scope: str) -> str:
    return {
        "api": "Manage user data via APIs (api)",
        "web": "Manage user data via Web browsers (web)",
        "full": "Full access (full)",
        "refresh_token": "Perform requests at any time (refresh_token, offline_access)",
        "offline_access": "Perform requests at any time (refresh_token, offline_access)",
        "id": "Access the identity URL service (id)",
        "openid": "Access unique user identifiers (openid)",
        "profile": "Access your basic information (profile)",
        "email": "Access your email address (email)",
    }.get(scope, scope)


def _cookie(call: Call) -> str:
    for part in call.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == _COOKIE:
            return value
    return ""
