from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests

from tests.practice import Practice

CALLBACK = "http://localhost:8501/oauth/callback"


class Browser:
    """A person's browser: follows the forms of the pages as they are."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = practice.env["ca_file"]

    def authorize(self, **changes: str) -> requests.Response:
        query = {
            "response_type": "code",
            "client_id": self.practice.env["client_id"],
            "redirect_uri": CALLBACK,
            "state": "s&1",
        }
        url = f"{self.practice.base_url}/services/oauth2/authorize"
        return self.http.get(url, params=query | changes, allow_redirects=False, timeout=10)

    def submit(self, page: requests.Response, **fields: str) -> requests.Response:
        action = re.search(r'action="([^"]+)"', page.text)
        assert action is not None
        form = {n: unescape(v) for n, v in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)}
        url = self.practice.base_url + action[1]
        return self.http.post(url, data=form | fields, allow_redirects=False, timeout=10)

    def consent(self, decision: str, **changes: str) -> dict[str, str]:
        user = self.practice.user()
        signed_in = self.submit(self.authorize(**changes), username=user["username"], password=user["password"])
        assert signed_in.status_code == 303
        page = self.http.get(self.practice.base_url + signed_in.headers["Location"], timeout=10)
        back = self.submit(page, decision=decision)
        assert back.headers["Location"].startswith(CALLBACK + "?")
        return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["Location"]).query).items()}


@pytest.fixture
def browser(practice: Practice) -> Browser:
    return Browser(practice)


def token(practice: Practice, **form: str) -> requests.Response:
    """A call of the token endpoint."""
    return requests.post(
        f"{practice.base_url}/services/oauth2/token", data=form, verify=practice.env["ca_file"], timeout=10
    )


def exchange(practice: Practice, code: str, **more: str) -> requests.Response:
    """The code for tokens."""
    form = {
        "client_id": practice.env["client_id"],
        "client_secret": practice.env["client_secret"],
        "redirect_uri": CALLBACK,
    }
    return token(practice, grant_type="authorization_code", code=code, **(form | more))


def refresh(practice: Practice, value: str) -> requests.Response:
    """A new access token."""
    form = {"client_id": practice.env["client_id"], "client_secret": practice.env["client_secret"]}
    return token(practice, grant_type="refresh_token", refresh_token=value, **form)


def use(practice: Practice, access_token: str) -> int:
    """Status of a call with the token."""
    headers = {"Authorization": f"Bearer {access_token}"}
    url = f"{practice.data_url}/limits"
    return requests.get(url, headers=headers, verify=practice.env["ca_file"], timeout=10).status_code


def challenge_of(verifier: str) -> str:
    """The PKCE challenge."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def test_web_flow_with_pkce(practice: Practice, browser: Browser) -> None:
    verifier = secrets.token_urlsafe(48)
    back = browser.consent("allow", code_challenge=challenge_of(verifier))
    assert back["state"] == "s&1"
    answer = exchange(practice, back["code"], code_verifier=verifier)
    body = answer.json()
    assert answer.status_code == 200
    assert re.fullmatch(r"(00D\w{12,15})![.\w]*", body["access_token"])
    assert body["instance_url"] == practice.base_url
    assert body["id"] == f"{practice.base_url}/id/{practice.env['org_id']}/{practice.user()['id']}"
    signed = hmac.new(practice.env["client_secret"].encode(), (body["id"] + body["issued_at"]).encode(), "sha256")
    assert body["signature"] == base64.b64encode(signed.digest()).decode()
    assert use(practice, body["access_token"]) == 200
    renewed = refresh(practice, body["refresh_token"]).json()
    assert "refresh_token" not in renewed
    assert use(practice, renewed["access_token"]) == 200


def test_a_code_works_once_and_only_with_its_verifier(practice: Practice, browser: Browser) -> None:
    verifier = secrets.token_urlsafe(48)
    code = browser.consent("allow", code_challenge=challenge_of(verifier))["code"]
    wrong = exchange(practice, code, code_verifier="x" * 43)
    assert (wrong.status_code, wrong.json()["error_description"]) == (400, "invalid code verifier")
    used = exchange(practice, code, code_verifier=verifier)
    assert used.json() == {"error": "invalid_grant", "error_description": "expired authorization code"}


def test_a_code_expires_after_ten_minutes(practice: Practice, browser: Browser) -> None:
    code = browser.consent("allow")["code"]
    practice.advance_clock(601)
    assert exchange(practice, code).json()["error_description"] == "expired authorization code"


def test_helper_of_other_suites_walks_the_same_pages(practice: Practice) -> None:
    query = {"response_type": "code", "client_id": practice.env["client_id"], "redirect_uri": CALLBACK}
    url = f"{practice.base_url}/services/oauth2/authorize?{urlencode(query)}"
    code = parse_qs(urlsplit(practice.approve(url)).query)["code"][0]
    assert exchange(practice, code).status_code == 200
    assert "error=access_denied" in practice.approve(url, allow=False)
    reader = parse_qs(urlsplit(practice.approve(url, username="reader@practice.example")).query)["code"][0]
    assert exchange(practice, reader).json()["id"].endswith(practice.user("Read Only")["id"])


def test_deny_goes_back_with_the_reason(browser: Browser) -> None:
    back = browser.consent("deny")
    assert back == {"error": "access_denied", "error_description": "end-user denied authorization", "state": "s&1"}


def test_wrong_password_and_inactive_user_are_not_signed_in(practice: Practice, browser: Browser) -> None:
    user = practice.user()
    page = browser.submit(browser.authorize(), username=user["username"], password="wrong")
    assert page.status_code == 200
    assert "Please check your username and password" in page.text
    former = next(u for u in practice.env["users"] if not u["active"])
    assert former["access_token"] is None
    page = browser.submit(browser.authorize(), username=former["username"], password=former["password"])
    assert "Please check your username and password" in page.text


def test_a_form_from_elsewhere_is_refused(practice: Practice, browser: Browser) -> None:
    user = practice.user()
    page = browser.authorize()
    forged = browser.submit(page, csrf="forged", username=user["username"], password=user["password"])
    assert forged.status_code == 400


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"redirect_uri": "https://evil.example/oauth/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost:1@evil.example/oauth/callback"}, "redirect_uri_mismatch"),
        ({"client_id": "nobody"}, "invalid_client_id"),
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(browser: Browser, change: Any, text: str) -> None:
    page = browser.authorize(**change)
    assert page.status_code == 400
    assert "Location" not in page.headers
    assert text in page.text


def test_page_shows_what_it_was_given_as_text(browser: Browser) -> None:
    page = browser.authorize(login_hint='"><script>alert(1)</script>')
    assert "<script>" not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_other_redirect_uri_or_secret_at_the_exchange(practice: Practice, browser: Browser) -> None:
    code = browser.consent("allow")["code"]
    other = exchange(practice, code, redirect_uri="http://localhost:1/oauth/callback")
    assert other.json()["error"] == "redirect_uri_mismatch"
    code = browser.consent("allow", prompt="login")["code"]
    assert exchange(practice, code, client_secret="no").json()["error"] == "invalid_client"


def test_rotation_replaces_and_reuse_revokes_the_family(practice: Practice, browser: Browser) -> None:
    first = exchange(practice, browser.consent("allow")["code"]).json()["refresh_token"]
    practice.fault_on("rotation")
    second = refresh(practice, first).json()["refresh_token"]
    third = refresh(practice, second).json()["refresh_token"]
    assert len({first, second, third}) == 3
    assert refresh(practice, second).json()["error_description"] == "expired access/refresh token"
    assert refresh(practice, third).status_code == 400


def test_revoking_a_refresh_token_ends_its_sessions(practice: Practice, browser: Browser) -> None:
    body = exchange(practice, browser.consent("allow")["code"]).json()
    url = f"{practice.base_url}/services/oauth2/revoke"
    form = {"token": body["refresh_token"]}
    assert requests.post(url, data=form, verify=practice.env["ca_file"], timeout=10).status_code == 200
    assert use(practice, body["access_token"]) == 401
    assert refresh(practice, body["refresh_token"]).json()["error"] == "invalid_grant"


def test_sixth_refresh_token_of_a_user_drops_the_first(practice: Practice, browser: Browser) -> None:
    tokens = []
    for _ in range(6):
        browser.http.cookies.clear()
        tokens.append(exchange(practice, browser.consent("allow")["code"]).json()["refresh_token"])
    assert refresh(practice, tokens[0]).status_code == 400
    assert all(refresh(practice, value).status_code == 200 for value in tokens[1:])


def test_client_credentials_by_form_and_by_header(practice: Practice) -> None:
    client_id, secret = practice.env["client_id"], practice.env["client_secret"]
    by_form = token(practice, grant_type="client_credentials", client_id=client_id, client_secret=secret).json()
    assert by_form["id"].endswith(practice.user("Integration")["id"])
    assert "refresh_token" not in by_form
    by_header = requests.post(
        f"{practice.base_url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client_id, secret),
        verify=practice.env["ca_file"],
        timeout=10,
    )
    assert use(practice, by_header.json()["access_token"]) == 200
    refused = token(practice, grant_type="client_credentials", client_id=client_id, client_secret="no").json()
    assert refused == {"error": "invalid_client", "error_description": "invalid client credentials"}


def assertion(practice: Practice, **claims: Any) -> str:
    """A signed JWT of the integration user."""
    known = {
        "iss": practice.env["client_id"],
        "sub": practice.user("Integration")["username"],
        "aud": practice.base_url + "/",
        "exp": str(int(time.time()) + 120),
    }
    with open(practice.env["jwt_key_file"]) as key:
        return jwt.encode(known | claims, key.read(), algorithm="RS256")


def test_jwt_bearer(practice: Practice) -> None:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    body = token(practice, grant_type=grant, assertion=assertion(practice)).json()
    assert use(practice, body["access_token"]) == 200
    # Salesforce's own command line counts in milliseconds.
    far = token(practice, grant_type=grant, assertion=assertion(practice, exp=int(time.time() * 1000)))
    assert use(practice, far.json()["access_token"]) == 200
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"exp": int(time.time()) - 5}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"aud": "https://elsewhere.example"}, "invalid_grant"),
        ({"iss": "nobody"}, "invalid_client_id"),
        ({"sub": "former@practice.example"}, "inactive_user"),
        ({"sub": "nobody@practice.example"}, "invalid_grant"),
    ]
    for claims, error in refusals:
        assert token(practice, grant_type=grant, assertion=assertion(practice, **claims)).json()["error"] == error
    head, _, _ = assertion(practice).rpartition(".")
    assert token(practice, grant_type=grant, assertion=f"{head}.AAAA").json()["error"] == "invalid_grant"


def test_password(practice: Practice) -> None:
    user = practice.user()
    known = {"grant_type": "password", "username": user["username"]}
    client = {"client_id": practice.env["client_id"], "client_secret": practice.env["client_secret"]}
    body = token(practice, **known, **client, password=user["password"]).json()
    assert use(practice, body["access_token"]) == 200
    assert "refresh_token" not in body
    refused = token(practice, **known, **client, password="wrong").json()
    assert refused == {"error": "invalid_grant", "error_description": "authentication failure"}
    unknown = token(practice, **known, client_id=client["client_id"], client_secret="no", password=user["password"])
    assert unknown.json()["error"] == "invalid_client"


def test_unknown_grant_and_missing_parameter(practice: Practice) -> None:
    assert token(practice, grant_type="magic").json()["error"] == "unsupported_grant_type"
    missing = token(practice, grant_type="refresh_token", client_id=practice.env["client_id"]).json()
    assert missing["error_description"] == "missing required parameter: refresh_token"


def test_session_ends_after_two_idle_hours_and_use_keeps_it(practice: Practice) -> None:
    access_token = practice.token()
    practice.advance_clock(7000)
    assert use(practice, access_token) == 200
    practice.advance_clock(7000)
    assert use(practice, access_token) == 200
    practice.advance_clock(7300)
    assert use(practice, access_token) == 401


def test_userinfo_identity_and_introspection(practice: Practice) -> None:
    user, ca = practice.user(), practice.env["ca_file"]
    access_token = practice.token()
    headers = {"Authorization": f"Bearer {access_token}"}
    base = practice.base_url
    info = requests.get(f"{base}/services/oauth2/userinfo", headers=headers, verify=ca, timeout=10).json()
    assert (info["preferred_username"], info["user_id"]) == (user["username"], user["id"])
    assert info["organization_id"] == practice.env["org_id"]
    url = f"{base}/id/{practice.env['org_id']}/{user['id']}?oauth_token={access_token}"
    identity = requests.get(url, verify=ca, timeout=10).json()
    assert identity["username"] == user["username"]
    assert identity["urls"]["rest"] == base + "/services/data/v{version}/"
    form = {
        "token": access_token,
        "client_id": practice.env["client_id"],
        "client_secret": practice.env["client_secret"],
    }
    seen = requests.post(f"{base}/services/oauth2/introspect", data=form, verify=ca, timeout=10).json()
    assert (seen["active"], seen["username"]) == (True, user["username"])
    form["token"] = "00Dx!unknown"
    unseen = requests.post(f"{base}/services/oauth2/introspect", data=form, verify=ca, timeout=10).json()
    assert unseen == {"active": False}
    nobody = requests.get(f"{base}/services/oauth2/userinfo", verify=ca, timeout=10)
    assert (nobody.status_code, nobody.text) == (401, "Bad_OAuth_Token")


@pytest.mark.requirement("N12")
def test_faults_of_the_sign_in(practice: Practice, browser: Browser) -> None:
    practice.fault_on("consent_refused", count=1)
    refused = browser.authorize()
    assert "error=access_denied" in refused.headers["Location"]
    practice.fault_on("code_expired", count=1)
    body = exchange(practice, browser.consent("allow")["code"]).json()
    assert body["error_description"] == "expired authorization code"
    browser.http.cookies.clear()
    good = exchange(practice, browser.consent("allow")["code"]).json()
    practice.fault_on("revoked_grant", count=1)
    assert refresh(practice, good["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(practice, good["refresh_token"]).json()["error"] == "invalid_grant"


def test_user_without_api_access_is_refused(practice: Practice) -> None:
    access_token = practice.token("reader@practice.example")
    practice.schema_change("api_access", profile="Read Only", enabled=False)
    try:
        assert use(practice, access_token) == 403
    finally:
        practice.schema_change("api_access", profile="Read Only", enabled=True)
    assert use(practice, access_token) == 200


def test_id_token_for_who_asks_for_openid(browser: Browser, practice: Practice) -> None:
    scope = "openid profile refresh_token api"
    answer = exchange(practice, browser.consent("allow", scope=scope, nonce="n-1")["code"]).json()
    http = browser.http
    known = http.get(f"{practice.base_url}/.well-known/openid-configuration", timeout=10).json()
    (shown,) = http.get(known["jwks_uri"], timeout=10).json()["keys"]
    header = jwt.get_unverified_header(answer["id_token"])
    assert header["kid"] == shown["kid"]
    claims = jwt.decode(
        answer["id_token"],
        jwt.PyJWK(shown).key,
        algorithms=known["id_token_signing_alg_values_supported"],
        audience=practice.env["client_id"],
        issuer=known["issuer"],
        options={"verify_iat": False},  # another test may have moved the org's clock
    )
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert (claims["sub"], claims["nonce"]) == (answer["id"], "n-1")
    assert (claims["preferred_username"], "email" in claims) == (practice.user()["username"], False)
    refreshed = refresh(practice, answer["refresh_token"]).json()
    assert jwt.decode(refreshed["id_token"], options={"verify_signature": False})["sub"] == answer["id"]


def test_no_id_token_unless_asked(browser: Browser, practice: Practice) -> None:
    assert "id_token" not in exchange(practice, browser.consent("allow")["code"]).json()
