"""One request: pauses and repeats, what counts, what a failure means, and that nothing secret shows."""

from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from core.connections.salesforce.limits import Usage, parse_limit_info
from core.connections.salesforce.ports import Tokens
from core.errors import (
    AllowanceUsed,
    AnswerLost,
    GrantRejected,
    HostRefused,
    OrgError,
    OrgUnreachable,
    TerminalOrgError,
    TransientOrgError,
    UsageError,
)
from tests.unit.connections.salesforce.wire import NOW, ORG, TOKENS, Cut, Scripted, refuses, says

BUSY = (420, 429, 502, 503, 504)
RESET = requests.ConnectionError("reset")


@pytest.mark.parametrize("status", BUSY)
def test_a_read_is_repeated_while_the_org_is_busy(status: int) -> None:
    scripted = Scripted(says(status, b"<html>"), says(status, b"<html>"), says(200, {"a": 1}))
    assert scripted.gateway.call("GET", "limits") == {"a": 1}
    assert len(scripted.pauses) == 2
    assert 0 < scripted.pauses[0] <= 1 < sum(scripted.pauses) <= 3


def test_a_read_is_given_up_after_a_few_attempts() -> None:
    scripted = Scripted(*[says(503, b"<html>")] * 4)
    with pytest.raises(TransientOrgError):
        scripted.gateway.call("GET", "limits")
    assert scripted.gateway.calls == 4


def test_retry_after_is_honored_unless_it_is_long() -> None:
    scripted = Scripted(refuses(503, "SERVER_UNAVAILABLE", Retry_After="7"), says(200, {"a": 1}))
    scripted.gateway.call("GET", "limits")
    assert scripted.pauses == [7.0]
    scripted = Scripted(refuses(503, "SERVER_UNAVAILABLE", Retry_After="3600"))
    with pytest.raises(TransientOrgError) as raised:
        scripted.gateway.call("GET", "limits")
    assert (scripted.pauses, raised.value.facts["retry_after"]) == ([], "3600")


def test_a_read_is_repeated_after_a_cut() -> None:
    scripted = Scripted(Cut(RESET, True), Cut(RESET, False), says(200, {"a": 1}))
    assert scripted.gateway.call("GET", "limits") == {"a": 1}
    assert scripted.gateway.calls == 2  # one of the three never left


def test_a_write_is_never_repeated() -> None:
    for step, error in (
        (says(503, b""), AnswerLost),
        (Cut(RESET, True), AnswerLost),
        (Cut(RESET, False), OrgUnreachable),
    ):
        scripted = Scripted(step)
        with pytest.raises(error):
            scripted.gateway.call("POST", "composite", json={})
        assert (len(scripted.wire.sent), scripted.pauses) == (1, [])


@pytest.mark.parametrize(
    "error",
    [
        requests.ReadTimeout(),
        RESET,
        requests.exceptions.ChunkedEncodingError(),
        requests.exceptions.ContentDecodingError(),
    ],
)
@pytest.mark.parametrize("left", [True, False])
def test_what_never_left_is_told_from_what_may_have_been_applied(error: Exception, left: bool) -> None:
    scripted = Scripted(Cut(error, left))
    with pytest.raises(TransientOrgError) as raised:
        scripted.gateway.call("PATCH", "sobjects/Task/x", json={})
    assert type(raised.value) is (AnswerLost if left else OrgUnreachable)
    assert raised.value.facts["given_up_at"] == NOW
    assert scripted.gateway.calls == int(left)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(502, b"<html>"), AnswerLost),
        (says(504, b""), AnswerLost),
        (refuses(503, "SERVER_UNAVAILABLE"), AnswerLost),
        (says(500, b"<html>"), AnswerLost),
        (says(200, b'{"compositeRes'), AnswerLost),
        (refuses(500, "UNKNOWN_EXCEPTION"), TransientOrgError),
        (refuses(429, "SERVER_UNAVAILABLE"), TransientOrgError),
        (refuses(400, "JSON_PARSER_ERROR"), TerminalOrgError),
        (says(302, b"", Location="https://evil.test"), TerminalOrgError),
    ],
)
def test_answers_to_a_write(answer: requests.Response, error: type[OrgError]) -> None:
    with pytest.raises(OrgError) as raised:
        Scripted(answer).gateway.call("POST", "composite", json={})
    assert type(raised.value) is error


def renewed(tokens: Tokens) -> Tokens:
    return replace(tokens, access_token=SecretStr(tokens.access_token.get_secret_value() + "+"))


def test_an_expired_session_is_renewed_once_and_the_headers_survive() -> None:
    scripted = Scripted(refuses(401, "INVALID_SESSION_ID"), says(200, {"a": 1}), renew=renewed)
    scripted.gateway.call("POST", "composite", json={"b": 2}, headers={"Sforce-Auto-Assign": "FALSE"})
    first, second = scripted.wire.sent
    assert (first.headers["Authorization"], second.headers["Authorization"]) == (
        "Bearer 00D!first",
        "Bearer 00D!first+",
    )
    assert second.headers["Sforce-Auto-Assign"] == "FALSE"
    assert first.body == second.body
    assert scripted.store.load().access_token.get_secret_value() == "00D!first+"


@pytest.mark.parametrize("body", [b"[]", b"<html>", b"", b'{"error":"Bad_OAuth_Token"}'])
def test_a_401_of_any_form_ends_after_one_renewal(body: bytes) -> None:
    scripted = Scripted(says(401, body), says(401, body), renew=renewed)
    with pytest.raises(TransientOrgError, match="just given") as raised:
        scripted.gateway.call("GET", "limits")
    assert raised.value.http == 401
    assert len(scripted.wire.sent) == 2


def test_sessions_that_are_always_refused_end_in_a_reconnect_not_in_a_storm() -> None:
    scripted = Scripted(*[says(401, b"[]")] * 11, renew=renewed)
    errors = []
    for _ in range(6):
        with pytest.raises(OrgError) as raised:
            scripted.gateway.call("GET", "limits")
        errors.append(type(raised.value))
    assert errors == [TransientOrgError] * 5 + [GrantRejected]


def test_a_renewal_may_move_the_org_to_another_host_but_not_to_any() -> None:
    def moved(tokens: Tokens) -> Tokens:
        return replace(renewed(tokens), instance_url="https://acme2.my.salesforce.com")

    scripted = Scripted(refuses(401, "INVALID_SESSION_ID"), says(200, {}), says(200, {}), renew=moved)
    scripted.gateway.call("GET", "limits")
    scripted.gateway.call("GET", "limits")
    assert {str(r.url)[:30] for r in scripted.wire.sent[1:]} == {"https://acme2.my.salesforce.co"}
    scripted = Scripted(
        refuses(401, "INVALID_SESSION_ID"), renew=lambda t: replace(renewed(t), instance_url="https://evil.test")
    )
    with pytest.raises(HostRefused):
        scripted.gateway.call("GET", "limits")


def test_a_gateway_for_a_host_that_is_not_allowed_is_not_made() -> None:
    with pytest.raises(HostRefused):
        Scripted(tokens=replace(TOKENS, instance_url="https://evil.test"))


def test_a_used_up_allowance_closes_the_door_for_its_window() -> None:
    limit = refuses(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    scripted = Scripted(limit, says(200, {"a": 1}))
    gateway = scripted.gateway
    for _ in range(3):
        with pytest.raises(AllowanceUsed):
            gateway.call("GET", "limits")
    assert (gateway.calls, gateway.closed_until) == (1, NOW + timedelta(minutes=15))
    scripted.clock.advance(15 * 60)
    assert gateway.call("GET", "limits") == {"a": 1}
    assert gateway.closed_until is None


def test_the_door_opens_when_told_and_stays_closed_when_told() -> None:
    limit = refuses(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    scripted = Scripted(limit, says(200, {"a": 1}))
    with pytest.raises(AllowanceUsed):
        scripted.gateway.call("GET", "limits")
    scripted.gateway.allowance_resets()
    scripted.gateway.call("GET", "limits")
    scripted.gateway.allowance_resets(NOW + timedelta(hours=2))
    scripted.clock.advance(3600)
    with pytest.raises(AllowanceUsed):
        scripted.gateway.call("GET", "limits")


def test_too_many_at_once_does_not_close_the_door() -> None:
    busy = refuses(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
    scripted = Scripted(busy, says(200, {"a": 1}))
    with pytest.raises(TransientOrgError):
        scripted.gateway.call("GET", "limits")
    assert scripted.gateway.call("GET", "limits") == {"a": 1}


def test_usage_clock_and_calls_are_learned_from_answers() -> None:
    answer = says(200, {"a": 1}, Sforce_Limit_Info="api-usage=18/5000", Date="Fri, 02 Jan 2026 03:14:05 GMT")
    scripted = Scripted(answer, says(200, {"a": 1}))
    gateway = scripted.gateway
    assert gateway.usage is None
    assert gateway.server_now() == NOW
    with gateway.tally() as outer:
        gateway.call("GET", "limits")
        with gateway.tally() as inner:
            gateway.call("GET", "limits")
    assert (outer.calls, inner.calls, gateway.calls) == (2, 1, 2)
    assert gateway.usage == Usage(18, 5000)
    assert abs(gateway.server_now() - datetime(2026, 1, 2, 3, 14, 5, tzinfo=UTC)) <= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/5000", Usage(18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample)", Usage(25, 5000, "sample", 17, 250)),
        ("per-app-api-usage=17/250(appName=sample)", None),
        ("", None),
        (None, None),
    ],
)
def test_limit_headers(header: str | None, usage: Usage | None) -> None:
    assert parse_limit_info(header) == usage


def test_the_used_share() -> None:
    assert Usage(25, 100).share == 0.25
    assert Usage(0, 0).share == 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), NOW, b"x", {1, 2}])
def test_values_without_json_are_refused_before_sending(value: object) -> None:
    scripted = Scripted()
    with pytest.raises(UsageError):
        scripted.gateway.call("POST", "composite", json={"a": value})
    assert scripted.gateway.calls == 0


@settings(deadline=None)
@given(st.sampled_from(["GET", "POST"]), st.booleans())
def test_no_failure_shows_the_session(method: str, left: bool) -> None:
    request = requests.Request("POST", ORG, headers={"Authorization": "Bearer 00D!first"}).prepare()
    scripted = Scripted(*[Cut(requests.ConnectionError("Bearer 00D!first", request=request), left)] * 4)
    with pytest.raises(TransientOrgError) as raised:
        scripted.gateway.call(method, "composite", json={})
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value.facts)
    assert "00D!first" not in shown
    assert "00D!first" not in repr(scripted.store.load()) + repr(scripted.gateway) + repr(vars(scripted.gateway))


def test_plain_http_is_not_spoken() -> None:
    scripted = Scripted()
    with pytest.raises(UsageError):
        scripted.gateway.client.session.get("http://acme.my.salesforce.com")


def test_a_private_authority_leaves_the_environment_aside() -> None:
    from core.connections.salesforce.transport import new_session

    assert new_session(ca_file="/x/ca.pem").trust_env is False
    assert new_session().trust_env is True
