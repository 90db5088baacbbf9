"""Signs in to an org: the browser flow with PKCE, refresh, JWT bearer, client credentials, and signing out.

There is no password form: the SOAP login it would need is being retired. `state` is made and kept by the caller; this
module only talks to the org and says in one sentence what went wrong.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import requests
from pydantic import SecretStr

from core.connections.salesforce import oauth_faults, transport
from core.connections.salesforce.hosts import allowed_origin, is_sign_in_host, jwt_audience
from core.connections.salesforce.ports import Tokens
from core.connections.salesforce.tokens import Renew
from core.errors import OrgUnreachable, SignInError, SynclineError, TransientOrgError, UsageError
from core.values.ids import is_id, to18

DEFAULT_SCOPE = "api refresh_token openid"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_SECONDS = 170  # Salesforce takes assertions that end within three minutes


@dataclass(frozen=True, slots=True)
class App:
    """The connected (or external client) app we sign in with, and how its org is reached."""

    login_url: str
    """``https://login.salesforce.com``, ``https://test.salesforce.com`` or the My Domain."""
    client_id: str
    client_secret: SecretStr | None = None
    """None for a public app, which PKCE protects."""
    redirect_uri: str = ""
    allowed_hosts: Collection[str] = ()
    """Hosts an admin has listed besides Salesforce's own, as ``host`` or ``host:port``."""
    ca_file: str = ""
    timeouts: transport.Timeouts = field(default_factory=lambda: transport.Timeouts(read=30))

    def origin(self) -> str:
        """The sign-in host, checked."""
        return allowed_origin(self.login_url, self.allowed_hosts)


@dataclass(frozen=True, slots=True)
class Pkce:
    """The secret half and the public half of one sign-in."""

    verifier: SecretStr
    challenge: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, and to which org."""

    org_id: str
    user_id: str
    username: str
    name: str = ""
    email: str = ""
    zone: str = ""
    locale: str = ""
    active: bool = True


def new_pkce() -> Pkce:
    """A fresh verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(SecretStr(verifier), base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


def authorize_url(
    app: App, *, state: str, pkce: Pkce, scope: str = DEFAULT_SCOPE, prompt: str = "", login_hint: str = ""
) -> str:
    """Where to send the browser.

    Raises:
        HostRefused: The sign-in host is not allowed.
    """
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": scope,
        "state": state,
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
        "prompt": prompt,
        "login_hint": login_hint,
    }
    return f"{app.origin()}/services/oauth2/authorize?" + urlencode({k: v for k, v in query.items() if v})


def read_callback(query: Mapping[str, str]) -> tuple[SecretStr, str]:
    """Code and state from the query with which the org sent the browser back.

    Raises:
        SignInError: The org sent an error instead, such as a refused consent.
    """
    if query.get("error"):
        raise oauth_faults.sign_in_error(query["error"], query.get("error_description", ""))
    if not query.get("code") or not query.get("state"):
        raise SignInError("The org sent the browser back without a code.", hint="Start the sign-in again.")
    return SecretStr(query["code"]), query["state"]


def exchange_code(app: App, code: SecretStr | str, verifier: SecretStr | str) -> Tokens:
    """The tokens for a code, with the org, the user and, where the app may see it, the username filled in.

    Raises:
        SignInError: The code expired, was used, or does not belong to this app, redirect or browser.
        HostRefused: The org's own host is not allowed.
        OrgUnreachable: No answer.
    """
    form = {
        "grant_type": "authorization_code",
        "code": _bare(code),
        "redirect_uri": app.redirect_uri,
        "code_verifier": _bare(verifier),
    }
    return _identified(app, _tokens(app, _token_call(app, form, signing_in=True)))


def refresh(app: App, refresh_token: SecretStr | str) -> Tokens:
    """A new access token; with rotation also a new refresh token, and the old one is dead from now on.

    Raises:
        GrantRejected: The org refuses the refresh token or the app.
        TransientOrgError: The org could not answer now.
    """
    form = {"grant_type": "refresh_token", "refresh_token": _bare(refresh_token)}
    return _tokens(app, _token_call(app, form))


def jwt_bearer(app: App, username: str, private_key: SecretStr) -> Tokens:
    """An access token for a user, by an assertion signed with the app's private key (PEM, RSA).

    Raises:
        UsageError: The key cannot be read.
        GrantRejected: The org refuses the assertion.
    """
    claims = {
        "iss": app.client_id,
        "sub": username,
        "aud": jwt_audience(app.origin()),
        "exp": int(time.time()) + _JWT_SECONDS,
    }
    try:
        assertion = jwt.encode(claims, private_key.get_secret_value(), algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise UsageError(
            "The private key cannot be read.", hint="Give an RSA key in PEM form, without a passphrase."
        ) from None
    tokens = _tokens(app, _token_call(app, {"grant_type": JWT_GRANT, "assertion": assertion}, with_app=False))
    return replace(tokens, username=username)


def client_credentials(app: App) -> Tokens:
    """An access token for the app's own run-as user; served on My Domain hosts only.

    Raises:
        UsageError: The sign-in host is a shared one, or the app has no secret.
        GrantRejected: The org refuses the app.
    """
    if is_sign_in_host(app.origin()):
        raise UsageError("Client credentials work on the org's My Domain only.", hint="Give the My Domain as host.")
    if app.client_secret is None:
        raise UsageError("Client credentials need the app's consumer secret.")
    return _identified(app, _by_app(app))


def revoke(app: App, token: SecretStr) -> bool:
    """End a token in the org; revoking a refresh token ends its access tokens too.

    Returns:
        Whether the org confirmed it; a token it no longer knows counts as ended.
    """
    response = _post(app, "revoke", {"token": token.get_secret_value()})
    return response.status_code == 200 or (response.status_code == 400 and _error(response)[0] == "invalid_token")


def userinfo(app: App, tokens: Tokens) -> Identity:
    """Who the tokens belong to, asked of the org itself.

    Raises:
        SignInError: The org does not say, or refuses the token.
    """
    origin = allowed_origin(tokens.instance_url, app.allowed_hosts)
    headers = {"Authorization": f"Bearer {tokens.access_token.get_secret_value()}"}
    response = _send(app, "GET", f"{origin}/services/oauth2/userinfo", headers=headers)
    told = _json(response)
    if response.status_code != 200 or not is_id(str(told.get("organization_id", ""))):
        raise SignInError(
            "The org did not say who signed in.",
            hint="The app needs the scope 'openid' or 'id', and the user 'API Enabled'. Then sign in again.",
            http=response.status_code,
        )
    return Identity(
        org_id=to18(str(told["organization_id"])),
        user_id=to18(str(told["user_id"])),
        username=str(told.get("preferred_username", "")),
        name=str(told.get("name", "")),
        email=str(told.get("email", "")),
        zone=str(told.get("zoneinfo", "")),
        locale=str(told.get("locale", "")),
        active=bool(told.get("active", True)),
    )


def with_identity(app: App, tokens: Tokens) -> Tokens:
    """The tokens with org, user and username filled in."""
    who = userinfo(app, tokens)
    return replace(tokens, org_id=who.org_id, user_id=who.user_id, username=who.username)


def _identified(app: App, tokens: Tokens) -> Tokens:
    try:
        return with_identity(app, tokens)
    except SignInError:
        # An app without the scope for names still says whose org it is, in the address of the identity.
        if not tokens.org_id:
            raise
        return tokens


def _by_app(app: App) -> Tokens:
    return _tokens(app, _token_call(app, {"grant_type": "client_credentials"}))


def by_refresh(app: App) -> Renew:
    """How a connection made in the browser renews its access token."""

    def renew(tokens: Tokens) -> Tokens:
        if tokens.refresh_token is None:
            raise oauth_faults.grant_error("invalid_grant", "no refresh token was given")
        return refresh(app, tokens.refresh_token)

    return renew


def by_jwt(app: App, username: str, private_key: SecretStr) -> Renew:
    """How a connection with a private key renews its access token."""
    return lambda _tokens: jwt_bearer(app, username, private_key)


def by_client_credentials(app: App) -> Renew:
    """How a connection with client credentials renews its access token."""
    return lambda _tokens: _by_app(app)


def _token_call(app: App, form: dict[str, str], *, with_app: bool = True, signing_in: bool = False) -> dict[str, Any]:
    if with_app:
        form["client_id"] = app.client_id
        if app.client_secret is not None:
            form["client_secret"] = app.client_secret.get_secret_value()
    response = _post(app, "token", form)
    if response.status_code == 200:
        told = _json(response)
        if told.get("access_token") and told.get("instance_url"):
            return told
        raise TransientOrgError("The org answered the sign-in with something that is no token.", http=200)
    code, description = _error(response)
    if not code or response.status_code >= 500 or code == "rate_limit_exceeded":
        raise oauth_faults.not_now(response.status_code, code)
    make = oauth_faults.sign_in_error if signing_in else oauth_faults.grant_error
    raise make(code, description)


def _tokens(app: App, told: dict[str, Any]) -> Tokens:
    """The answer of the token endpoint; its host is as suspect as any other."""
    org_id, user_id = _ids(str(told.get("id", "")))
    refresh_token = told.get("refresh_token")
    return Tokens(
        access_token=SecretStr(str(told["access_token"])),
        refresh_token=SecretStr(str(refresh_token)) if refresh_token else None,
        instance_url=allowed_origin(str(told["instance_url"]), app.allowed_hosts),
        org_id=org_id,
        user_id=user_id,
        scope=str(told.get("scope", "")),
        issued_at=_issued(told.get("issued_at")),
    )


def _ids(identity_url: str) -> tuple[str, str]:
    """Org and user from ``https://.../id/{org}/{user}``."""
    parts = urlsplit(identity_url).path.strip("/").split("/")
    if len(parts) == 3 and parts[0] == "id" and is_id(parts[1]) and is_id(parts[2]):
        return to18(parts[1]), to18(parts[2])
    return "", ""


def _issued(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _post(app: App, what: str, form: Mapping[str, str]) -> requests.Response:
    return _send(app, "POST", f"{app.origin()}/services/oauth2/{what}", data=form)


def _send(app: App, method: str, url: str, **kwargs: Any) -> requests.Response:
    """One request; the exception of the library would carry the form, so it is not chained."""
    failure: SynclineError
    with transport.new_session(app.timeouts, app.ca_file) as session:
        try:
            return session.request(method, url, allow_redirects=False, **kwargs)
        except requests.exceptions.SSLError:
            failure = OrgUnreachable(
                "The org's certificate is not one we trust.", hint="Check the host, or name its authority's file."
            )
        except requests.RequestException as error:
            failure = OrgUnreachable(hint="Check the network and the host, then try again.", cause=type(error).__name__)
    raise failure


def _json(response: requests.Response) -> dict[str, Any]:
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _error(response: requests.Response) -> tuple[str, str]:
    told = _json(response)
    return str(told.get("error", "")), str(told.get("error_description", ""))


def _bare(text: SecretStr | str) -> str:
    return text.get_secret_value() if isinstance(text, SecretStr) else text
