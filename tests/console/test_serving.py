"""The console as a process of its own: where it listens, what it says first, what it shows to whom."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from console import session, signin
from core import NotAllowed, Workspace
from tests.demo_fixture import clean_environment

SECONDS = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[dict[str, Any]]:
    """A console on an empty data directory, started far from the project's folder."""
    home = tmp_path_factory.mktemp("served")
    process = subprocess.Popen(
        [sys.executable, "-m", "console.server", "--port", "0", "--print-url"],
        cwd=home, env=clean_environment(SYNCLINE_HOME=str(home), PYTHONPATH=str(root)),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield {**json.loads(process.stdout.readline()), "home": home}
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def base(served: dict[str, Any]) -> str:
    return str(served["console_url"].partition("/open")[0])


def handshake(base: str, **headers: str) -> str:
    """The status line with which a websocket is answered."""
    host = base.removeprefix("http://")
    lines = [
        "GET /_stcore/stream HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        *(f"{k.title()}: {v}" for k, v in headers.items()), "", "",
    ]  # fmt: skip
    with closing(socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=20)) as line:
        line.sendall("\r\n".join(lines).encode())
        return line.recv(100).decode("latin-1").splitlines()[0]


def test_it_opens_with_the_link_and_not_without(served: dict[str, Any], base: str) -> None:
    assert requests.get(base, timeout=SECONDS).status_code == 401
    assert requests.get(f"{base}/healthz", timeout=SECONDS).json() == {"status": "ok"}
    with requests.Session() as browser:
        page = browser.get(served["console_url"], timeout=SECONDS)
        assert (page.status_code, page.url) == (200, f"{base}/")
        assert "<html" in page.text
        asset = page.text.partition('src="./')[2].partition('"')[0]
        assert browser.get(f"{base}/{asset}", timeout=SECONDS).status_code == 200
        assert requests.get(f"{base}/{asset}", timeout=SECONDS).status_code == 401
        assert browser.get(f"{base}/metrics", timeout=SECONDS).status_code == 200
        cookie = "; ".join(f"{c.name}={c.value}" for c in browser.cookies)
    assert " 101 " in handshake(base, origin=base, cookie=cookie)
    assert " 403 " in handshake(base, origin="http://evil.example", cookie=cookie)
    assert " 403 " in handshake(base, origin=base)
    assert requests.get(served["console_url"], timeout=SECONDS).status_code == 401


def test_another_host_name_is_refused(base: str) -> None:
    answer = requests.get(f"{base}/healthz", headers={"Host": "evil.example"}, timeout=SECONDS)
    assert answer.status_code == 403


def test_the_api_asks_for_its_token(served: dict[str, Any]) -> None:
    assert requests.get(f"{served['api_url']}/jobs", timeout=SECONDS).status_code == 401


def test_it_listens_on_this_machine_only(base: str) -> None:
    port = int(base.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    addresses = {line.split()[1].split(":")[0] for line in listening if int(line.split()[1].split(":")[1], 16) == port
                 and line.split()[3] == "0A"}  # fmt: skip
    assert addresses == {"0100007F"}


def test_a_fresh_link_is_made_without_the_server(served: dict[str, Any], base: str, root: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "console", "--link", "--port", base.rpartition(":")[2]],
        env=clean_environment(SYNCLINE_HOME=str(served["home"]), PYTHONPATH=str(root)),
        capture_output=True, text=True, check=True, timeout=SECONDS,
    )  # fmt: skip
    assert requests.get(made.stdout.split()[-1], timeout=SECONDS).status_code == 200


def test_a_download_is_made_in_the_hands_of_who_asked_for_it(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    present: list[str | None] = ["ada@team.example"]
    monkeypatch.setattr(signin, "is_on", lambda: True)
    monkeypatch.setattr(signin, "person", lambda: present[0])
    made = session.later(lambda: session.workspace().actor)
    present[0] = None  # the thread of a download knows nobody
    with pytest.raises(NotAllowed):
        session.workspace()
    assert made() == "ada@team.example"
    with pytest.raises(NotAllowed):
        session.workspace()
