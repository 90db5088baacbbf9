"""Tokens: one renewal however many ask, kept before it is used, and no storm after a refusal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr

from core.connections.salesforce.ports import InMemory, Tokens
from core.connections.salesforce.tokens import RENEWALS_A_MINUTE, TokenSource
from core.errors import GrantRejected, OrgUnreachable

FIRST = Tokens(
    SecretStr("access-1"), "https://acme.my.salesforce.com", SecretStr("refresh-1"), org_id="00D000000000001AAA"
)


class Org:
    """Rotates: every refresh token is good once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def renew(self, tokens: Tokens) -> Tokens:
        assert tokens.refresh_token is not None
        with self._lock:
            given = tokens.refresh_token.get_secret_value()
            if given in self.asked:
                raise GrantRejected("The org no longer accepts our sign-in: it expired or was revoked.")
            self.asked.append(given)
            n = len(self.asked) + 1
        return Tokens(SecretStr(f"access-{n}"), tokens.instance_url, SecretStr(f"refresh-{n}"))


def at_once(*calls: Callable[[], Tokens]) -> list[Tokens]:
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Tokens]) -> Tokens:
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_eight_threads_make_one_renewal() -> None:
    org, store = Org(), InMemory(FIRST)
    source = TokenSource(store, org.renew)
    found = at_once(*[lambda: source.renewed(FIRST)] * 8)
    assert {t.access_token.get_secret_value() for t in found} == {"access-2"}
    assert org.asked == ["refresh-1"]
    assert source.current() == store.load()


def test_several_processes_make_one_renewal() -> None:
    org, store = Org(), InMemory(FIRST)
    sources = [TokenSource(store, org.renew) for _ in range(4)]
    found = at_once(*[lambda source=source: source.renewed(FIRST) for source in sources])
    assert {t.access_token.get_secret_value() for t in found} == {"access-2"}
    assert org.asked == ["refresh-1"]


def test_a_rotated_refresh_token_is_kept_before_anybody_gets_the_new_session() -> None:
    events: list[str] = []

    class Store(InMemory):
        def save(self, tokens: Tokens) -> None:
            events.append("saved")
            super().save(tokens)

    source = TokenSource(Store(FIRST), Org().renew)
    source.renewed(FIRST)
    events.append("used")
    assert events == ["saved", "used"]


def test_a_crash_while_saving_hands_out_nothing() -> None:
    class Full(InMemory):
        def save(self, tokens: Tokens) -> None:
            raise OSError("disk full")

    source = TokenSource(Full(FIRST), Org().renew)
    with pytest.raises(OSError, match="disk full"):
        source.renewed(FIRST)
    assert source.current().access_token.get_secret_value() == "access-1"


def test_without_rotation_the_refresh_token_and_the_identity_stay() -> None:
    source = TokenSource(InMemory(FIRST), lambda t: Tokens(SecretStr("access-2"), t.instance_url))
    fresh = source.renewed(FIRST)
    assert fresh == replace(FIRST, access_token=SecretStr("access-2"))


def test_a_refused_grant_is_remembered_by_all_until_somebody_reconnects() -> None:
    asked: list[int] = []

    def refuse(tokens: Tokens) -> Tokens:
        asked.append(1)
        raise GrantRejected("The org refused the sign-in.")

    store = InMemory(FIRST)
    one, other = TokenSource(store, refuse), TokenSource(store, refuse)
    for call in (
        lambda: one.renewed(FIRST),
        one.current,
        lambda: one.renewed(FIRST),
        lambda: other.renewed(FIRST),
        other.current,
    ):
        with pytest.raises(GrantRejected, match="The org refused the sign-in"):
            call()
    assert len(asked) == 1
    assert store.load().rejected == "The org refused the sign-in."
    again = replace(FIRST, access_token=SecretStr("access-9"))
    store.save(again)
    assert one.current() == other.current() == again


def test_an_org_that_does_not_answer_is_asked_again_later() -> None:
    answers: list[Tokens | Exception] = [OrgUnreachable(), replace(FIRST, access_token=SecretStr("access-2"))]

    def renew(tokens: Tokens) -> Tokens:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    source = TokenSource(InMemory(FIRST), renew)
    with pytest.raises(OrgUnreachable):
        source.renewed(FIRST)
    assert source.renewed(FIRST).access_token.get_secret_value() == "access-2"


def test_sessions_that_keep_being_refused_do_not_become_a_storm() -> None:
    org = Org()
    source = TokenSource(InMemory(FIRST), org.renew)
    tokens = FIRST
    for _ in range(RENEWALS_A_MINUTE):
        tokens = source.renewed(tokens)
    with pytest.raises(GrantRejected, match="just given"):
        source.renewed(tokens)
    assert len(org.asked) == RENEWALS_A_MINUTE


def test_a_sign_in_that_leads_to_another_org_is_refused_and_not_kept() -> None:
    store = InMemory(FIRST)
    source = TokenSource(store, lambda t: replace(t, access_token=SecretStr("x"), org_id="00D000000000002AAA"))
    with pytest.raises(GrantRejected, match="another org"):
        source.renewed(FIRST)
    assert store.load().access_token == FIRST.access_token
    assert store.load().rejected


def test_tokens_never_print() -> None:
    assert "access-1" not in f"{FIRST} {FIRST!r}"
    assert "refresh-1" not in f"{FIRST} {FIRST!r}"
