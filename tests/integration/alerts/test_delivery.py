"""Notices on the way: by webhook and by e-mail, once for each change, with what did not arrive written down."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.connections.notify import NotDelivered
from core.errors import NotFound, UsageError
from core.running import alerting
from core.settings import Settings, settings
from core.store.tables import Connection
from core.workspace import Workspace, open_workspace


class Inbox(HTTPServer):
    """A webhook that keeps what it is told, and answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Post)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/s3cret"


class Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        assert isinstance(server, Inbox)
        server.got.append(json.loads(body))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Mail(socketserver.StreamRequestHandler):
    """The little of SMTP that a sender needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        data = False
        while line := self.rfile.readline():
            word = line.strip().upper()
            if data:
                self.server.got.append(line.decode().rstrip())  # type: ignore[attr-defined]
                data = line != b".\r\n"
                if not data:
                    self.wfile.write(b"250 kept\r\n")
            elif word.startswith(b"EHLO"):
                self.wfile.write(b"250 here\r\n")
            elif word == b"DATA":
                data = True
                self.wfile.write(b"354 go on\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def hook() -> Iterator[Inbox]:
    server = Inbox()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    made = open_workspace(config=Settings(home=tmp_path, database_url=""), actor="ana")
    with made.database.writing() as session:
        session.add(
            Connection(
                workspace_id=made.workspace_id, name="Salesforce", login_url="https://x", state="ok", api_used=10,
                api_limit=1000, created_at=made.doors.clock.now(),
            )
        )  # fmt: skip
        session.commit()
    yield made
    made.database.close()


def look(ws: Workspace, *, used: int) -> list[str]:
    ws.database.execute("UPDATE connection SET api_used = :u", u=used)
    return [n.headline for n in alerting.look(ws.doors, ws.workspace_id)]


@pytest.mark.requirement("X15")
def test_a_webhook_is_told_of_each_change_once(ws: Workspace, hook: Inbox) -> None:
    ws.add_alert_channel("chat", "webhook", hook.url)
    assert look(ws, used=10) == []
    assert look(ws, used=800) == ["Warning: API allowance"]
    assert look(ws, used=810) == []
    assert look(ws, used=990) == ["Critical: API allowance"]
    assert look(ws, used=20) == ["Recovered: API allowance"]
    assert [(g["level"], g["was"]) for g in hook.got] == [
        ("warning", "ok"),
        ("critical", "warning"),
        ("ok", "critical"),
    ]
    assert "99 % of the 1,000 calls" in hook.got[1]["text"]
    assert hook.got[0]["url"].endswith("/budget")
    kinds = [r["kind"] for r in ws.alerts()["recent"]]
    assert kinds == ["alert.recovered", "alert.raised", "alert.raised"]


@pytest.mark.requirement("X15")
def test_thresholds_and_mutes_are_obeyed_and_recorded(ws: Workspace, hook: Inbox) -> None:
    ws.add_alert_channel("chat", "webhook", hook.url)
    ws.set_alert_rules(api_warning=50)
    assert look(ws, used=510) == ["Warning: API allowance"]
    ws.mute_alerts("api", 1)
    assert look(ws, used=990) == []
    assert ws.alerts()["states"]["api"]["level"] == "critical"
    ws.mute_alerts("api", 0)
    assert look(ws, used=20) == ["Recovered: API allowance"]
    assert len(hook.got) == 2
    done = ws.config_log(topic="alerts")["kind"].to_list()
    assert done == ["alerts.unmuted", "alerts.muted", "alerts.rules", "alerts.channel_added"]
    with pytest.raises(UsageError, match="no threshold"):
        ws.set_alert_rules(moon=3)


def test_what_did_not_arrive_is_written_down_and_stops_nobody(ws: Workspace, hook: Inbox) -> None:
    ws.add_alert_channel("gone", "webhook", "http://127.0.0.1:9/hook")
    ws.add_alert_channel("chat", "webhook", hook.url)
    hook.status = 302
    assert look(ws, used=990) == ["Critical: API allowance"]
    missed = [r["detail"] for r in ws.alerts()["recent"] if r["kind"] == "alert.undelivered"]
    assert missed == ["chat: 127.0.0.1 answered 302.", "gone: 127.0.0.1 did not answer (ConnectionError)."]


def test_an_address_is_kept_sealed(ws: Workspace, hook: Inbox) -> None:
    ws.add_alert_channel("chat", "webhook", hook.url)
    assert ws.alerts()["channels"] == [{"name": "chat", "kind": "webhook", "shown": f"127.0.0.1:{hook.server_port}"}]
    everything = str(ws.database.read("SELECT value FROM setting").to_dicts())
    everything += str(ws.database.read("SELECT body FROM event_value").to_dicts())
    assert "s3cret" not in everything


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("webhook", "http://example.com/x"),
        ("webhook", "http://localhost.evil.example/x"),
        ("webhook", "file:///etc/passwd"),
        ("email", "nobody"),
        ("email", "a@b.example\nBcc: c@d.example"),
        ("pigeon", "x"),
    ],
)
def test_addresses_that_do_not_fit_are_refused(ws: Workspace, kind: str, target: str) -> None:
    with pytest.raises(UsageError):
        ws.add_alert_channel("x", kind, target)


def test_a_trial_says_whether_it_arrived(ws: Workspace, hook: Inbox) -> None:
    ws.add_alert_channel("chat", "webhook", hook.url)
    ws.try_alert_channel("chat")
    assert hook.got[0]["title"] == "Trial"
    hook.status = 500
    with pytest.raises(NotDelivered, match="answered 500"):
        ws.try_alert_channel("chat")
    ws.remove_alert_channel("chat")
    with pytest.raises(NotFound):
        ws.try_alert_channel("chat")


def test_an_email_is_sent_where_a_mail_server_is_set(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    server = socketserver.TCPServer(("127.0.0.1", 0), Mail)
    server.got = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        monkeypatch.setenv("SYNCLINE_SMTP_URL", f"smtp://127.0.0.1:{server.server_address[1]}")
        settings.cache_clear()
        ws.add_alert_channel("team", "email", "team@example.com")
        assert look(ws, used=990) == ["Critical: API allowance"]
    finally:
        settings.cache_clear()
        server.shutdown()
        server.server_close()
    letter = server.got  # type: ignore[attr-defined]
    assert "Subject: Syncline: Critical: API allowance" in letter
    assert "To: team@example.com" in letter


def test_without_a_mail_server_the_trial_says_what_to_set(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNCLINE_SMTP_URL", raising=False)
    settings.cache_clear()
    ws.add_alert_channel("team", "email", "team@example.com")
    with pytest.raises(NotDelivered, match="No mail server is set"):
        ws.try_alert_channel("team")
