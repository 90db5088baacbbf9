"""OAuth 2.0 as Salesforce speaks it: the token endpoint and its grants, revoke, introspect, userinfo, identity."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from jwt.types import Options

from local_org.web import openid, people
from local_org.web.messages import Answer, Call
from local_org.web.people import Person
from local_org.web.routes import Router
from local_org.web.site import Site
from local_org.web.tokens import Grant

DEFAULT_SCOPE = "refresh_token api web"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com", "login.salesforce.com")


class OAuthFault(Exception):
    """An error as the OAuth endpoints spell it."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/services/oauth2/token", "POST")(token)
    router.route("/services/oauth2/revoke", "POST", "GET")(revoke)
    router.route("/services/oauth2/introspect", "POST")(introspect)
    router.route("/services/oauth2/userinfo", "GET", "POST")(userinfo)
    router.route("/id/{org}/{user}", "GET")(identity)


def token(site: Site, call: Call) -> Answer:
    """Hand out an access token for one of the grants."""
    form = form_of(call)
    grants = {
        "authorization_code": _by_code,
        "refresh_token": _by_refresh_token,
        "client_credentials": _by_client_credentials,
        "password": _by_password,
        _JWT_GRANT: _by_assertion,
    }
    try:
        grant_type = _needed(form, "grant_type")
        if grant_type not in grants:
            raise OAuthFault("unsupported_grant_type", "grant type not supported")
        return Answer(200, grants[grant_type](site, call, form), {"Cache-Control": "no-store", "Pragma": "no-cache"})
    except OAuthFault as fault:
        return _refusal(fault)


def revoke(site: Site, call: Call) -> Answer:
    """End a session or a refresh token."""
    value = form_of(call).get("token") or call.query.get("token", "")
    if site.tokens.revoke(value):
        return Answer(200)
    return _refusal(OAuthFault("unsupported_token_type", "this token type is not supported"))


def introspect(site: Site, call: Call) -> Answer:
    """Say what a token is worth."""
    form = form_of(call)
    try:
        _client(site, call, form)
    except OAuthFault as fault:
        return _refusal(fault)
    value, now = form.get("token", ""), site.epoch()
    is_access = value.startswith("00D")
    grant = site.tokens.check(value, now) if is_access else site.tokens.refresh_grant(value)
    if grant is None:
        return Answer(200, {"active": False})
    person = people.by_id(site.org, grant.user_id)
    return Answer(
        200,
        {
            "active": True,
            "scope": grant.scope,
            "client_id": grant.client_id,
            "username": person.username if person else "",
            "sub": _identity_url(site, grant.user_id),
            "token_type": "access_token" if is_access else "refresh_token",
            "exp": now + site.tokens.idle_seconds,
            "iat": grant.issued,
            "nbf": grant.issued,
        },
    )


def userinfo(site: Site, call: Call) -> Answer:
    """The OpenID facts about the user of the session."""
    person = _caller(site, call)
    if person is None:
        return Answer(401, b"Bad_OAuth_Token", media="text/html;charset=UTF-8")
    identity = _identity_url(site, person.id)
    return Answer(
        200,
        {
            "sub": identity,
            "user_id": person.id,
            "organization_id": site.org.id,
            "preferred_username": person.username,
            "nickname": person.alias,
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "given_name": person.first_name,
            "family_name": person.last_name,
            "zoneinfo": person.time_zone,
            "photos": {},
            "profile": f"{site.base_url}/{person.id}",
            "picture": "",
            "address": {},
            "urls": _urls(site, person.id),
            "active": person.active,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "updated_at": site.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )


def identity(site: Site, call: Call) -> Answer:
    """The identity document of a user."""
    person = _caller(site, call)
    if person is None:
        return Answer(403, b"Bad_OAuth_Token", media="text/html;charset=UTF-8")
    if call.args["org"][:15] != site.org.id[:15] or call.args["user"][:15] != person.id[:15]:
        return Answer(403, b"Wrong_Org", media="text/html;charset=UTF-8")
    return Answer(
        200,
        {
            "id": _identity_url(site, person.id),
            "asserted_user": True,
            "user_id": person.id,
            "organization_id": site.org.id,
            "username": person.username,
            "nick_name": person.alias,
            "display_name": person.name,
            "email": person.email,
            "email_verified": True,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "timezone": person.time_zone,
            "urls": _urls(site, person.id),
            "active": person.active,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "last_modified_date": site.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "is_app_installed": True,
        },
    )


def form_of(call: Call) -> dict[str, str]:
    """The fields of a form-encoded body."""
    return dict(parse_qsl(call.raw.decode("utf-8", "replace"), keep_blank_values=True))


def s256(verifier: str) -> str:
    """The PKCE challenge that belongs to a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _by_code(site: Site, call: Call, form: dict[str, str]) -> dict[str, Any]:
    code, client_id = _needed(form, "code"), _client_id(site, call, form)
    redirect_uri = _needed(form, "redirect_uri")
    redeemed = site.tokens.redeem_code(code, client_id, site.epoch())
    if redeemed is None or site.faults.strikes("code_expired") is not None:
        raise OAuthFault("invalid_grant", "expired authorization code")
    if redeemed.redirect_uri != redirect_uri:
        raise OAuthFault("redirect_uri_mismatch", "redirect_uri must match configuration")
    if redeemed.challenge:
        if not hmac.compare_digest(s256(form.get("code_verifier", "")), redeemed.challenge):
            raise OAuthFault("invalid_grant", "invalid code verifier")
        if _secret(call, form)[1]:
            _client(site, call, form)
    else:
        _client(site, call, form)
    _active(site, redeemed.grant.user_id)
    refresh = ""
    if {"refresh_token", "offline_access"} & set(redeemed.grant.scope.split()):
        refresh = site.tokens.issue_refresh(redeemed.grant, site.epoch())
    body = _base(site, redeemed.grant, refresh) | ({"refresh_token": refresh} if refresh else {})
    return body | _id_token(site, redeemed.grant, body["access_token"], redeemed.nonce)


def _by_refresh_token(site: Site, call: Call, form: dict[str, str]) -> dict[str, Any]:
    value, client_id = _needed(form, "refresh_token"), _client_id(site, call, form)
    if _secret(call, form)[1]:
        _client(site, call, form)
    if site.faults.strikes("revoked_grant") is not None:
        site.tokens.revoke(value)
    found = site.tokens.redeem_refresh(value, client_id)
    if found is None:
        raise OAuthFault("invalid_grant", "expired access/refresh token")
    grant, family = found
    _active(site, grant.user_id)
    fresh = value
    if site.faults.strikes("rotation") is not None:
        fresh = site.tokens.issue_refresh(grant, site.epoch(), family)
        site.tokens.retire_refresh(value)
    body = _base(site, grant, fresh) | ({"refresh_token": fresh} if fresh != value else {})
    return body | _id_token(site, grant, body["access_token"])


def _by_client_credentials(site: Site, call: Call, form: dict[str, str]) -> dict[str, Any]:
    _client(site, call, form)
    person = people.by_username(site.org, site.client.run_as)
    if person is None or not person.active:
        raise OAuthFault("invalid_grant", "no client credentials user enabled")
    return _base(site, Grant(person.id, site.client.client_id, "api"))


def _by_password(site: Site, call: Call, form: dict[str, str]) -> dict[str, Any]:
    """User name and password; orgs made since Summer '23 refuse it unless an administrator allows it."""
    _client(site, call, form)
    person = people.by_username(site.org, _needed(form, "username"))
    if person is None or not site.check_password(person.username, _needed(form, "password")):
        raise OAuthFault("invalid_grant", "authentication failure")
    _active(site, person.id)
    return _base(site, Grant(person.id, site.client.client_id, "api web"))


def _by_assertion(site: Site, call: Call, form: dict[str, str]) -> dict[str, Any]:
    claims = _claims(site, _needed(form, "assertion"))
    if claims.get("iss") != site.client.client_id:
        raise OAuthFault("invalid_client_id", "client identifier invalid")
    audiences = claims.get("aud")
    accepted = {site.base_url, site.base_url.partition("//")[2], *_LOGIN_HOSTS}
    if not accepted & {str(a).rstrip("/") for a in (audiences if isinstance(audiences, list) else [audiences])}:
        raise OAuthFault("invalid_grant", "audience is invalid")
    # An assertion is dated by its maker's own clock, so this one check does not use the org's movable clock.
    # How far ahead it lies is not looked at: Salesforce's own command line sends milliseconds, and is let in.
    if not _seconds(claims.get("exp")) > time.time():
        raise OAuthFault("invalid_grant", "token validity expired")
    person = people.by_username(site.org, str(claims.get("sub") or claims.get("prn") or ""))
    if person is None:
        raise OAuthFault("invalid_grant", "user hasn't approved this consumer")
    _active(site, person.id)
    return _base(site, Grant(person.id, site.client.client_id, "api web"))


def _seconds(exp: object) -> float:
    """When an assertion ends; some clients send the number as a text."""
    try:
        return float(exp) if isinstance(exp, (str, int, float)) else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _claims(site: Site, assertion: str) -> dict[str, Any]:
    """What a signed assertion says; the times in it are checked by the caller."""
    key = load_pem_x509_certificate(site.client.certificate).public_key()
    if not isinstance(key, RSAPublicKey):
        raise OAuthFault("invalid_grant", "invalid assertion")
    unchecked: Options = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["RS256"], options=unchecked)
    except jwt.PyJWTError as fault:
        raise OAuthFault("invalid_grant", "invalid assertion") from fault
    return claims


def _base(site: Site, grant: Grant, refresh: str = "") -> dict[str, Any]:
    issued_at = str(int(site.now().timestamp() * 1000))
    identity_url = _identity_url(site, grant.user_id)
    signed = hmac.new(site.client.client_secret.encode(), (identity_url + issued_at).encode(), hashlib.sha256)
    return {
        "access_token": site.tokens.issue(grant, site.epoch(), refresh or None),
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": grant.scope,
        "instance_url": site.base_url,
        "id": identity_url,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


def _id_token(site: Site, grant: Grant, access_token: str, nonce: str = "") -> dict[str, str]:
    """The signed statement about the user, for a client that asked for the scope ``openid``."""
    person = people.by_id(site.org, grant.user_id)
    if person is None or "openid" not in grant.scope.split():
        return {}
    subject = _identity_url(site, grant.user_id)
    return {"id_token": openid.statement(site, person, subject, grant, access_token, nonce)}


def _client_id(site: Site, call: Call, form: dict[str, str]) -> str:
    given = _secret(call, form)[0]
    if not given:
        raise OAuthFault("invalid_request", "missing required parameter: client_id")
    if given != site.client.client_id:
        raise OAuthFault("invalid_client_id", "client identifier invalid")
    return given


def _client(site: Site, call: Call, form: dict[str, str]) -> None:
    """Check the client's secret."""
    _client_id(site, call, form)
    if not hmac.compare_digest(_secret(call, form)[1], site.client.client_secret):
        raise OAuthFault("invalid_client", "invalid client credentials")


def _secret(call: Call, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, from the form or from a Basic header."""
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(value).decode().partition(":")
        except ValueError as fault:
            raise OAuthFault("invalid_client", "invalid client credentials") from fault
        return client_id, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _active(site: Site, user_id: str) -> Person:
    person = people.by_id(site.org, user_id)
    if person is None or not person.active:
        raise OAuthFault("inactive_user", "user is inactive")
    return person


def _caller(site: Site, call: Call) -> Person | None:
    value = call.headers.get("authorization", "").partition(" ")[2] or call.query.get("oauth_token", "")
    value = value or form_of(call).get("access_token", "")
    grant = site.tokens.check(value.strip(), site.epoch())
    return people.by_id(site.org, grant.user_id) if grant else None


def _identity_url(site: Site, user_id: str) -> str:
    return f"{site.base_url}/id/{site.org.id}/{user_id}"


def _urls(site: Site, user_id: str) -> dict[str, str]:
    data = f"{site.base_url}/services/data/v{{version}}/"
    return {
        "rest": data,
        "sobjects": data + "sobjects/",
        "query": data + "query/",
        "search": data + "search/",
        "recent": data + "recent/",
        "profile": f"{site.base_url}/{user_id}",
        "custom_domain": site.base_url,
    }


def _needed(form: dict[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise OAuthFault("invalid_request", f"missing required parameter: {name}")
    return value


def _refusal(fault: OAuthFault) -> Answer:
    return Answer(fault.status, {"error": fault.error, "error_description": fault.description})
