"""One practice org for real clients to talk to, unmodified."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.practice import Practice

_NUMBERS = itertools.count(1)


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


@pytest.fixture
def unique() -> str:
    """A word that no other test uses."""
    return f"Interop{next(_NUMBERS)}x"
