"""Signing in at a real org over HTTPS: the browser flow, renewal by many at once, and every refusal."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr

from core.connections.salesforce import oauth
from core.connections.salesforce.gateway import Gateway
from core.connections.salesforce.oauth import App
from core.connections.salesforce.ports import InMemory, Tokens
from core.connections.salesforce.tokens import TokenSource
from core.errors import GrantRejected, OrgUnreachable, SignInError
from tests.integration.connections.salesforce.browsing import consent
from tests.practice import Practice


def signed_in(practice: Practice, app: App, profile: str = "Integration") -> Tokens:
    user = practice.user(profile)
    pkce = oauth.new_pkce()
    back = consent(practice, oauth.authorize_url(app, state="s1", pkce=pkce), user["username"], user["password"])
    code, state = oauth.read_callback(back)
    assert state == "s1"
    return oauth.exchange_code(app, code, pkce.verifier)


def token_posts(practice: Practice) -> int:
    return sum("/oauth2/token" in str(call.get("path", call)) for call in practice.calls())


@pytest.mark.requirement("T1")
def test_the_browser_flow_says_who_signed_in_and_where(practice: Practice, app: App) -> None:
    tokens = signed_in(practice, app)
    user = practice.user("Integration")
    assert (tokens.username, tokens.user_id) == (user["username"], user["id"])
    assert tokens.org_id == practice.env["org_id"]
    assert tokens.refresh_token is not None
    assert tokens.instance_url == practice.base_url
    who = oauth.userinfo(app, tokens)
    assert who.active
    assert who.zone


def test_a_refused_consent(practice: Practice, app: App) -> None:
    user = practice.user()
    url = oauth.authorize_url(app, state="s", pkce=oauth.new_pkce())
    with pytest.raises(SignInError, match="consent was refused"):
        oauth.read_callback(consent(practice, url, user["username"], user["password"], "deny"))


def test_a_code_is_good_once_for_one_browser_and_in_time(practice: Practice, app: App) -> None:
    user = practice.user()

    def fresh() -> tuple[SecretStr, oauth.Pkce]:
        pkce = oauth.new_pkce()
        back = consent(practice, oauth.authorize_url(app, state="s", pkce=pkce), user["username"], user["password"])
        return oauth.read_callback(back)[0], pkce

    code, pkce = fresh()
    oauth.exchange_code(app, code, pkce.verifier)
    with pytest.raises(SignInError, match="used before"):
        oauth.exchange_code(app, code, pkce.verifier)
    code, _ = fresh()
    with pytest.raises(SignInError, match="another browser"):
        oauth.exchange_code(app, code, oauth.new_pkce().verifier)
    code, pkce = fresh()
    practice.fault_on("code_expired", count=1)
    with pytest.raises(SignInError, match="took too long"):
        oauth.exchange_code(app, code, pkce.verifier)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"redirect_uri": "http://localhost:9/oauth/callback"}, "callback address"),
        ({"client_secret": SecretStr("wrong")}, "consumer secret"),
        ({"client_id": "wrong"}, "consumer key"),
    ],
)
def test_an_app_that_is_not_set_up_as_told(practice: Practice, app: App, wrong: dict[str, Any], words: str) -> None:
    user = practice.user()
    pkce = oauth.new_pkce()
    back = consent(practice, oauth.authorize_url(app, state="s", pkce=pkce), user["username"], user["password"])
    with pytest.raises(SignInError, match=words):
        oauth.exchange_code(replace(app, **wrong), back["code"], pkce.verifier)


@pytest.mark.requirement("X1")
def test_headless_sign_in_by_key_and_by_app(practice: Practice, app: App, gateway_for: Callable[..., Gateway]) -> None:
    user = practice.user("Integration")
    key = SecretStr(Path(practice.env["jwt_key_file"]).read_text(encoding="utf-8"))
    by_key = oauth.jwt_bearer(app, user["username"], key)
    by_app = oauth.client_credentials(app)
    assert by_key.refresh_token is by_app.refresh_token is None
    assert by_key.user_id == user["id"]
    for tokens in (by_key, by_app):
        assert gateway_for(tokens).query("SELECT Id FROM Organization")[0]["Id"] == practice.env["org_id"]
    with pytest.raises(GrantRejected):
        oauth.jwt_bearer(app, "nobody@practice.example", key)


@pytest.mark.requirement("X3")
def test_eight_threads_on_an_expired_session_make_one_refresh_with_rotation(practice: Practice, app: App) -> None:
    practice.fault_on("rotation")
    store = InMemory(signed_in(practice, app))
    before = store.load()
    source = TokenSource(store, oauth.by_refresh(app))
    gateway = Gateway(source, allowed_hosts=tuple(app.allowed_hosts), ca_file=app.ca_file, timeouts=app.timeouts)
    practice.end_sessions()
    practice.reset_calls()
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: gateway.count("User"), range(8)))
    assert len(set(counts)) == 1
    assert token_posts(practice) == 1
    kept = store.load()
    assert kept.refresh_token != before.refresh_token
    practice.end_sessions()
    assert gateway.count("User") == counts[0]  # the rotated token was the one kept


@pytest.mark.requirement("X3")
def test_a_revoked_grant_is_asked_for_once(practice: Practice, app: App, gateway_for: Callable[..., Gateway]) -> None:
    gateway = gateway_for(signed_in(practice, app))
    practice.fault_on("revoked_grant")
    practice.end_sessions()
    practice.reset_calls()
    with ThreadPoolExecutor(4) as pool:
        refused = [pool.submit(gateway.count, "User").exception() for _ in range(12)]
    assert {type(error) for error in refused} == {GrantRejected}
    assert token_posts(practice) == 1


def test_a_write_that_met_an_expired_session_is_made_once(
    practice: Practice, app: App, gateway_for: Callable[..., Gateway]
) -> None:
    gateway = gateway_for(signed_in(practice, app))
    practice.fault_on("expired_session", count=1)
    assert all(answer.success for answer in gateway.push("create", "Contact", [{"LastName": "Expired"}] * 3))
    assert practice.count("SELECT COUNT() FROM Contact WHERE LastName = 'Expired'") == 3


def test_revoking_ends_the_connection(practice: Practice, app: App, gateway_for: Callable[..., Gateway]) -> None:
    tokens = signed_in(practice, app)
    assert tokens.refresh_token is not None
    assert oauth.revoke(app, tokens.refresh_token)
    practice.end_sessions()
    with pytest.raises(GrantRejected):
        gateway_for(tokens).count("User")


def test_nobody_listens(practice: Practice, app: App) -> None:
    away = replace(app, login_url="https://127.0.0.1:9", allowed_hosts=("127.0.0.1:9",))
    with pytest.raises(OrgUnreachable):
        oauth.refresh(away, "x")
    with pytest.raises(OrgUnreachable, match="certificate"):
        oauth.refresh(replace(app, ca_file=""), "x")


class FileStore:
    """Tokens in a file, locked among processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Tokens:
        kept = json.loads(self.path.read_text(encoding="utf-8"))
        return Tokens(SecretStr(kept["access"]), kept["url"], SecretStr(kept["refresh"]), rejected=kept["rejected"])

    def save(self, tokens: Tokens) -> None:
        assert tokens.refresh_token is not None
        kept = {
            "access": tokens.access_token.get_secret_value(),
            "refresh": tokens.refresh_token.get_secret_value(),
            "url": tokens.instance_url,
            "rejected": tokens.rejected,
        }
        # Whole or not at all: others read without the lock.
        part = self.path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.replace(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def count_users(path: Path, app: App, results: Any) -> None:
    source = TokenSource(FileStore(path), oauth.by_refresh(app))
    gateway = Gateway(source, allowed_hosts=tuple(app.allowed_hosts), ca_file=app.ca_file, timeouts=app.timeouts)
    results.put(gateway.count("User"))


@pytest.mark.requirement("X3")
def test_three_processes_make_one_refresh(
    practice: Practice, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests of the console leave a page as the main module; no child is to begin by running that.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    practice.fault_on("rotation")
    path = tmp_path / "tokens.json"
    FileStore(path).save(signed_in(practice, app))
    practice.end_sessions()
    practice.reset_calls()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=count_users, args=(path, app, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    counts = [results.get(timeout=180) for _ in workers]
    for worker in workers:
        worker.join(30)
    assert counts[0] > 0
    assert len(set(counts)) == 1
    assert token_posts(practice) == 1
