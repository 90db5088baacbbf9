"""Practice orgs for real clients to talk to, unmodified, and what starts such a client in its own environment."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.interop.installing import CLIENTS, python_of
from tests.interop.relay import Relay
from tests.practice import Practice

_NUMBERS = itertools.count(1)


class Run(Protocol):
    """Runs one step of a client's script and returns what it printed last, as JSON."""

    def __call__(self, client: str, step: str, **more: str) -> Any: ...


@pytest.fixture(scope="session")
def server() -> Iterator[Practice]:
    """The practice org of the clients; its certificate holds for the sign-in addresses that they have built in."""
    with Practice("--with-salesforce-names", activity_key=True) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()[-4000:]


@pytest.fixture
def practice(server: Practice) -> Iterator[Practice]:
    """The practice org, with every fault off again afterwards."""
    yield server
    server.fault_off()


@pytest.fixture(scope="session")
def brokerage() -> Iterator[Practice]:
    """A practice org that holds the sample, for clients that read it all."""
    with Practice("--with-salesforce-names", seed="demo", scale=0.2, activity_key=True) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()[-4000:]


@pytest.fixture
def unique() -> str:
    """A word that no other test uses."""
    return f"Interop{next(_NUMBERS)}x"


def relayed(org: Practice) -> Relay:
    """The way from the addresses that clients have built in to this org."""
    return Relay(int(org.base_url.rpartition(":")[2]))


def client_environment(org: Practice, relay: Relay) -> dict[str, str]:
    """What a client of the org is started with: where it is, whom to trust, who signs in."""
    user = org.user()
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return kept | {
        "BASE_URL": org.base_url,
        "HOST": org.base_url.removeprefix("https://"),
        "CLIENT_ID": org.env["client_id"],
        "CLIENT_SECRET": org.env["client_secret"],
        "JWT_KEY_FILE": org.env["jwt_key_file"],
        "USERNAME": user["username"],
        "PASSWORD": user["password"],
        "TOKEN": org.token(),
        "CA_FILE": org.env["ca_file"],
        "REQUESTS_CA_BUNDLE": org.env["ca_file"],
        "SSL_CERT_FILE": org.env["ca_file"],
        "NODE_EXTRA_CA_CERTS": org.env["ca_file"],
        "HTTPS_PROXY": relay.url,
        "NO_PROXY": "127.0.0.1",
        "PYTHONWARNINGS": "ignore",
    }


def run_client(root: Path, org: Practice, client: str, step: str, **more: str) -> Any:
    """Run ``clients/CLIENT_steps.py STEP`` with the client's own interpreter; the JSON of its last line."""
    python = python_of(root / "build", client)
    script = CLIENTS / f"{client.replace('-', '_')}_steps.py"
    with relayed(org) as relay:
        done = subprocess.run(
            [str(python), str(script), step],
            env=client_environment(org, relay) | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-6000:])
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def run(root: Path, practice: Practice) -> Run:
    """Runs a step of a Python client against the empty org."""

    def step(client: str, step: str, **more: str) -> Any:
        return run_client(root, practice, client, step, **more)

    return step


@pytest.fixture
def run_on_brokerage(root: Path, brokerage: Practice) -> Run:
    """Runs a step of a Python client against the org that holds the sample."""

    def step(client: str, step: str, **more: str) -> Any:
        return run_client(root, brokerage, client, step, **more)

    return step


def refresh_token(org: Practice) -> str:
    """A refresh token, got through the web flow as a person would."""
    back = "http://localhost:1/oauth/callback"
    asked = {"response_type": "code", "client_id": org.env["client_id"], "redirect_uri": back, "state": "s"}
    sent = org.approve(f"{org.base_url}/services/oauth2/authorize?{urlencode(asked)}")
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(sent).query)["code"][0],
        "client_id": org.env["client_id"],
        "client_secret": org.env["client_secret"],
        "redirect_uri": back,
    }
    with requests.Session() as http:
        http.trust_env = False
        answer = http.post(f"{org.base_url}/services/oauth2/token", data=form, verify=org.env["ca_file"], timeout=30)
    return str(answer.json()["refresh_token"])
