"""Hosts: which are Salesforce, which only look like it, and what an admin may add."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.connections.salesforce.hosts import allowed_origin, is_allowed, is_sign_in_host, jwt_audience
from core.errors import HostRefused

LOOK_ALIKES = [
    "https://my.salesforce.com.evil.test",
    "https://login.salesforce.com.evil.test",
    "https://login.salesforce.com@evil.test",
    "https://user:pw@login.salesforce.com",
    "https://evil.test/login.salesforce.com",
    "https://evil.test#.my.salesforce.com",
    "https://evil.test?.my.salesforce.com",
    "https://evil.test\\.my.salesforce.com",
    "https://evil.test%2f.my.salesforce.com",
    "https://loginsalesforce.com",
    "https://xlogin.salesforce.com",
    "https://evilmy.salesforce.com",
    "https://my.salesforce.com",
    "https://.my.salesforce.com",
    "https://a.b.my.salesforce.com",
    "https://acme.my.salesforce.com.",
    "https://login.salesforce.com.",
    "https://acme.my.salesforce.com:8443",
    "https://acme.my.salesforce.com:",
    "https://acme.my.salesforce.com:0443x",
    "https://acmé.my.salesforce.com",
    "https://xn--acm-dma.my.salesforce.com",
    "https://acme.my.salesforce。com",
    "https://-acme.my.salesforce.com",
    "https://acme_x.my.salesforce.com",
    "http://login.salesforce.com",
    "ftp://login.salesforce.com",
    "javascript://login.salesforce.com",
    "https://login.salesforce.com\n.evil.test",
    "https://login.salesforce.com\t",
    "https://lo gin.salesforce.com",
    "https://127.0.0.1",
    "https://localhost:8443",
    "https://[::1]",
    "https://[::1",
    "https://",
    "",
]


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_look_alikes_are_refused(url: str) -> None:
    with pytest.raises(HostRefused):
        allowed_origin(url)
    assert not is_allowed(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("test.salesforce.com", "https://test.salesforce.com"),
        (" HTTPS://Acme.My.Salesforce.com/path?x=1 ", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com:443/", "https://acme.my.salesforce.com"),
        ("acme--dev.sandbox.my.salesforce.com", "https://acme--dev.sandbox.my.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://acme-dev-ed.develop.my.salesforce.com"),
    ],
)
def test_salesforce_hosts(url: str, origin: str) -> None:
    assert allowed_origin(url) == origin


@pytest.mark.parametrize(
    ("url", "listed", "allowed"),
    [
        ("https://127.0.0.1:8443", ["127.0.0.1:8443"], True),
        ("https://127.0.0.1:8444", ["127.0.0.1:8443"], False),
        ("https://127.0.0.1:8443", ["127.0.0.1"], False),
        ("https://crm.example.com", ["CRM.example.com"], True),
        ("https://crm.example.com:443", ["crm.example.com"], True),
        ("https://crm.example.com.evil.test", ["crm.example.com"], False),
        ("https://x.crm.example.com", ["crm.example.com"], False),
        ("https://[::1]:8443/x", ["[::1]:8443"], True),
        ("http://crm.example.com", ["crm.example.com"], False),
        ("https://a@crm.example.com", ["crm.example.com"], False),
    ],
)
def test_hosts_that_an_admin_lists(url: str, listed: list[str], allowed: bool) -> None:
    assert is_allowed(url, listed) is allowed


@settings(deadline=None)
@given(st.text(max_size=30))
def test_nothing_else_gets_through(text: str) -> None:
    assert not is_allowed(f"https://{text}.evil.test")
    assert not is_allowed(f"https://evil.test/{text}")


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(HostRefused) as refused:
        allowed_origin("https://ana:hunter2@evil.test/x?access_token=hunter2")
    assert "evil.test" in refused.value.message
    assert "hunter2" not in refused.value.sentence() + str(refused.value.facts)


@pytest.mark.parametrize(
    ("origin", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
    ],
)
def test_an_assertion_is_addressed_to_a_shared_host(origin: str, audience: str) -> None:
    assert jwt_audience(origin) == audience


def test_shared_sign_in_hosts_are_known() -> None:
    assert is_sign_in_host("https://login.salesforce.com")
    assert not is_sign_in_host("https://acme.my.salesforce.com")
