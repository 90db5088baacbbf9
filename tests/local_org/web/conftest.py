"""One practice org for all tests of its web face, and a plain HTTPS client that talks to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.practice import Practice

_NUMBERS = itertools.count(1)


class Client:
    """A REST client of one user, as bare as can be."""

    def __init__(self, practice: Practice, token: str) -> None:
        self.practice = practice
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = practice.env["ca_file"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request below the REST root, or to an absolute path."""
        url = f"{self.practice.base_url}{path}" if path.startswith("/") else f"{self.practice.data_url}/{path}"
        options.setdefault("timeout", 30)
        return self.http.request(method, url, **options)

    def soql(self, query: str, **options: Any) -> requests.Response:
        """A query."""
        return self("GET", f"query?q={quote(query)}", **options)

    def collection(self, records: list[dict[str, Any]], *, method: str = "POST", **body: Any) -> requests.Response:
        """A collection call."""
        return self(method, "composite/sobjects", json={"records": records, **body})


@pytest.fixture(scope="session")
def server() -> Iterator[Practice]:
    """The practice org of this test session."""
    with Practice(activity_key=True) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()[-4000:]


@pytest.fixture
def practice(server: Practice) -> Iterator[Practice]:
    """The practice org, with every fault off again afterwards."""
    yield server
    server.fault_off()


@pytest.fixture
def client(practice: Practice) -> Client:
    """An administrator's client."""
    return Client(practice, practice.token())


@pytest.fixture
def reader(practice: Practice) -> Client:
    """A client of a user who may only read."""
    return Client(practice, practice.token("reader@practice.example"))


@pytest.fixture
def unique() -> str:
    """A word that no other test uses."""
    return f"Unique{next(_NUMBERS)}x"
