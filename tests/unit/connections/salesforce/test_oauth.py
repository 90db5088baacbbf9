"""Sign-in: what is asked, what an answer is worth, and what each failure says; nothing secret shows."""

from __future__ import annotations

import base64
import hashlib
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from core.connections.salesforce import oauth, transport
from core.connections.salesforce.oauth import App
from core.connections.salesforce.ports import Tokens
from core.errors import (
    GrantRejected,
    HostRefused,
    OrgUnreachable,
    SignInError,
    SynclineError,
    TransientOrgError,
    UsageError,
)
from tests.unit.connections.salesforce.wire import Cut, Step, Wire, says

APP = App(
    "https://acme.my.salesforce.com",
    "consumer-key",
    SecretStr("consumer-secret"),
    "http://localhost:8501/oauth/callback",
)
ORG_ID, USER_ID = "00D000000000001EAA", "005000000000001AAA"
TOLD = {
    "access_token": "00D!access",
    "refresh_token": "refresh-1",
    "instance_url": "https://acme.my.salesforce.com",
    "id": "https://login.salesforce.com/id/00D000000000001/005000000000001AAA",
    "issued_at": "1278448448702",
    "scope": "api refresh_token",
}
INFO = {"organization_id": ORG_ID, "user_id": USER_ID, "preferred_username": "ana@x.org", "zoneinfo": "America/Lima"}


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Wire]]:
    """Wires for the sessions to come; a session's close leaves its wire as it is."""
    waiting: list[Wire] = []

    def session(timeouts: object = None, ca_file: str = "") -> requests.Session:
        made = requests.Session()
        made.mount("https://", waiting[0])
        return made

    monkeypatch.setattr(transport, "new_session", session)
    monkeypatch.setattr(Wire, "close", lambda self: None)
    yield waiting
    assert all(not wire.steps for wire in waiting)


def on(wires: list[Wire], *steps: Step) -> Wire:
    wires[:] = [Wire(*steps)]
    return wires[0]


def form(wire: Wire, at: int = 0) -> dict[str, str]:
    return dict(parse_qsl(str(wire.sent[at].body)))


def test_pkce_is_s256_and_new_each_time() -> None:
    pkce = oauth.new_pkce()
    verifier = pkce.verifier.get_secret_value()
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert pkce.challenge == digest
    assert 43 <= len(verifier) <= 128
    assert oauth.new_pkce().challenge != digest
    assert verifier not in repr(pkce)


def test_the_browser_is_sent_with_state_and_challenge() -> None:
    pkce = oauth.new_pkce()
    url = urlsplit(oauth.authorize_url(APP, state="s&1", pkce=pkce))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("https", "acme.my.salesforce.com", "/services/oauth2/authorize")
    assert query["state"] == "s&1"
    assert (query["code_challenge"], query["code_challenge_method"]) == (pkce.challenge, "S256")
    assert query["redirect_uri"] == APP.redirect_uri
    assert "secret" not in url.query
    with pytest.raises(HostRefused):
        oauth.authorize_url(App("https://evil.test", "k"), state="s", pkce=pkce)


def test_a_code_becomes_tokens_with_their_owner(wires: list[Wire]) -> None:
    wire = on(wires, says(200, TOLD), says(200, INFO))
    tokens = oauth.exchange_code(APP, SecretStr("code-1"), SecretStr("verifier-1"))
    assert form(wire) == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": APP.redirect_uri,
        "code_verifier": "verifier-1",
        "client_id": "consumer-key",
        "client_secret": "consumer-secret",
    }
    assert (tokens.org_id, tokens.user_id, tokens.username) == (ORG_ID, USER_ID, "ana@x.org")
    assert tokens.issued_at == datetime(2010, 7, 6, 20, 34, 8, 702000, tzinfo=UTC)
    assert wire.sent[1].headers["Authorization"] == "Bearer 00D!access"


def test_an_app_that_may_not_see_names_still_says_whose_org_it_is(wires: list[Wire]) -> None:
    on(wires, says(200, TOLD), says(403, b"Bad_OAuth_Token"))
    tokens = oauth.exchange_code(APP, "code-1", "verifier-1")
    assert (tokens.org_id, tokens.user_id, tokens.username) == (ORG_ID, USER_ID, "")
    on(wires, says(200, {**TOLD, "id": "nowhere"}), says(403, b""))
    with pytest.raises(SignInError, match="did not say who"):
        oauth.exchange_code(APP, "code-1", "verifier-1")


@pytest.mark.parametrize(
    "host", ["https://evil.test", "http://acme.my.salesforce.com", "https://my.salesforce.com.evil.test"]
)
def test_an_answer_that_names_a_foreign_host_is_refused_before_the_token_is_used(wires: list[Wire], host: str) -> None:
    wire = on(wires, says(200, {**TOLD, "instance_url": host}))
    with pytest.raises(HostRefused):
        oauth.exchange_code(APP, "code-1", "verifier-1")
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("invalid_grant", "expired authorization code", "took too long"),
        ("invalid_grant", "invalid code verifier", "another browser"),
        ("invalid_grant", "authentication failure", "refused the sign-in"),
        ("redirect_uri_mismatch", "redirect_uri must match configuration", "callback address"),
        ("invalid_client_id", "client identifier invalid", "consumer key"),
        ("invalid_client", "invalid client credentials", "consumer secret"),
        ("inactive_user", "user is inactive", "no longer active"),
        ("invalid_request", "API is not enabled for this user", "API is not enabled"),
        ("unsupported_grant_type", "grant type not supported", "does not offer"),
        ("something_new", "who knows", "something_new"),
    ],
)
def test_a_failed_exchange_says_what_to_do(wires: list[Wire], error: str, description: str, words: str) -> None:
    on(wires, says(400, {"error": error, "error_description": description}))
    with pytest.raises(SignInError, match=words) as raised:
        oauth.exchange_code(APP, "code-1", "verifier-1")
    assert raised.value.hint
    assert raised.value.facts["oauth_error"] == error


def test_a_refused_consent_comes_back_as_a_sentence() -> None:
    with pytest.raises(SignInError, match="consent was refused"):
        oauth.read_callback({"error": "access_denied", "error_description": "end-user denied", "state": "s"})
    with pytest.raises(SignInError, match="without a code"):
        oauth.read_callback({"state": "s"})
    code, state = oauth.read_callback({"code": "c", "state": "s"})
    assert (code.get_secret_value(), state) == ("c", "s")


def test_a_refresh_with_and_without_rotation(wires: list[Wire]) -> None:
    wire = on(wires, says(200, {**TOLD, "refresh_token": "refresh-2"}))
    fresh = oauth.refresh(APP, SecretStr("refresh-1"))
    assert form(wire)["refresh_token"] == "refresh-1"
    assert fresh.refresh_token == SecretStr("refresh-2")
    on(wires, says(200, {k: v for k, v in TOLD.items() if k != "refresh_token"}))
    assert oauth.refresh(APP, "refresh-1").refresh_token is None


@pytest.mark.parametrize("error", ["invalid_grant", "inactive_user", "invalid_client", "inactive_org"])
def test_a_refused_refresh_is_a_refused_grant(wires: list[Wire], error: str) -> None:
    on(wires, says(400, {"error": error, "error_description": "expired access/refresh token"}))
    with pytest.raises(GrantRejected) as raised:
        oauth.refresh(APP, "refresh-1")
    assert raised.value.status_code == error


@pytest.mark.parametrize(
    "answer",
    [
        says(503, b"<html>"),
        says(400, {"error": "rate_limit_exceeded"}),
        says(200, b"<html>"),
        says(500, {"error": "x"}),
    ],
)
def test_a_busy_sign_in_service_does_not_cost_the_grant(wires: list[Wire], answer: requests.Response) -> None:
    on(wires, answer)
    with pytest.raises(TransientOrgError):
        oauth.refresh(APP, "refresh-1")


def test_a_connection_without_a_refresh_token_cannot_be_renewed() -> None:
    with pytest.raises(GrantRejected, match="nothing to renew"):
        oauth.by_refresh(APP)(Tokens(SecretStr("a"), "https://acme.my.salesforce.com"))


def key() -> tuple[SecretStr, bytes]:
    made = rsa.generate_private_key(65537, 2048)
    plain = serialization.NoEncryption()
    private = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return SecretStr(private.decode()), public


def test_an_assertion_is_signed_short_lived_and_addressed(wires: list[Wire]) -> None:
    private, public = key()
    wire = on(wires, says(200, {k: v for k, v in TOLD.items() if k != "refresh_token"}))
    tokens = oauth.by_jwt(APP, "ana@x.org", private)(Tokens(SecretStr(""), ""))
    sent = form(wire)
    claims = jwt.decode(sent["assertion"], public, algorithms=["RS256"], audience="https://login.salesforce.com")
    assert (claims["iss"], claims["sub"]) == ("consumer-key", "ana@x.org")
    assert 0 < claims["exp"] - datetime.now(UTC).timestamp() <= 180
    assert "client_secret" not in sent
    assert (tokens.username, tokens.org_id) == ("ana@x.org", ORG_ID)


def test_a_key_that_is_none_is_the_persons_to_mend_and_not_shown() -> None:
    with pytest.raises(UsageError, match="private key") as raised:
        oauth.jwt_bearer(APP, "ana@x.org", SecretStr("-----BEGIN not a key"))
    assert "BEGIN" not in "".join(traceback.format_exception(raised.value)).replace('BEGIN not a key")', "")


def test_client_credentials_need_a_my_domain_and_a_secret(wires: list[Wire]) -> None:
    with pytest.raises(UsageError, match="My Domain"):
        oauth.client_credentials(App("https://login.salesforce.com", "k", SecretStr("s")))
    with pytest.raises(UsageError, match="secret"):
        oauth.client_credentials(App("https://acme.my.salesforce.com", "k"))
    wire = on(wires, says(200, TOLD), says(200, INFO))
    assert oauth.client_credentials(APP).username == "ana@x.org"
    assert form(wire)["grant_type"] == "client_credentials"
    on(wires, says(200, TOLD))
    assert oauth.by_client_credentials(APP)(Tokens(SecretStr(""), "")).access_token == SecretStr("00D!access")


def test_revoking_what_is_gone_is_fine(wires: list[Wire]) -> None:
    for answer, ended in ((says(200), True), (says(400, {"error": "invalid_token"}), True), (says(503), False)):
        wire = on(wires, answer)
        assert oauth.revoke(APP, SecretStr("refresh-1")) is ended
        assert form(wire) == {"token": "refresh-1"}


@pytest.mark.parametrize(
    "step",
    [
        Cut(requests.ConnectionError("code-1 verifier-1 consumer-secret"), left=True),
        Cut(requests.exceptions.SSLError("code-1 verifier-1 consumer-secret"), left=False),
        says(400, {"error": "invalid_grant", "error_description": "authentication failure"}),
        says(200, b"code-1 verifier-1 consumer-secret"),
    ],
)
def test_no_failure_shows_a_secret(wires: list[Wire], step: Step) -> None:
    on(wires, step)
    with pytest.raises(SynclineError) as raised:
        oauth.exchange_code(APP, "code-1", "verifier-1")
    lines = [line for line in traceback.format_exception(raised.value) if "test_oauth.py" not in line]
    shown = "".join(lines) + raised.value.sentence() + repr(raised.value.facts) + repr(APP)
    assert not [secret for secret in ("code-1", "verifier-1", "consumer-secret") if secret in shown]


def test_an_untrusted_certificate_is_said_to_be_one(wires: list[Wire]) -> None:
    on(wires, Cut(requests.exceptions.SSLError(), left=False))
    with pytest.raises(OrgUnreachable, match="certificate"):
        oauth.refresh(APP, "refresh-1")
