"""A practice org for this folder, and gateways on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from core.connections.salesforce import oauth
from core.connections.salesforce.gateway import Gateway, Timeouts
from core.connections.salesforce.oauth import App
from core.connections.salesforce.ports import InMemory, Tokens
from core.connections.salesforce.tokens import TokenSource
from tests.practice import Practice

CALLBACK = "http://localhost:8501/oauth/callback"
QUICK = Timeouts(connect=5, read=5)


@pytest.fixture(scope="session")
def started() -> Iterator[Practice]:
    with Practice() as org:
        yield org


@pytest.fixture
def practice(started: Practice) -> Iterator[Practice]:
    yield started
    started.fault_off("all")


@pytest.fixture
def app(practice: Practice) -> App:
    env = practice.env
    host = practice.base_url.removeprefix("https://")
    return App(
        env["login_url"], env["client_id"], SecretStr(env["client_secret"]), CALLBACK, (host,), env["ca_file"], QUICK
    )


@pytest.fixture
def gateway_for(practice: Practice, app: App) -> Callable[..., Gateway]:
    """A gateway for tokens; by default for a fresh session of the integration user."""

    def make(tokens: Tokens | None = None, **options: object) -> Gateway:
        fresh = Tokens(SecretStr(practice.token(practice.user("Integration")["username"])), practice.base_url)
        source = TokenSource(InMemory(tokens or fresh), oauth.by_refresh(app))
        known = {"allowed_hosts": tuple(app.allowed_hosts), "ca_file": app.ca_file, "timeouts": QUICK}
        return Gateway(source, **{**known, **options})  # type: ignore[arg-type]

    return make


@pytest.fixture
def gateway(gateway_for: Callable[..., Gateway]) -> Gateway:
    return gateway_for()
