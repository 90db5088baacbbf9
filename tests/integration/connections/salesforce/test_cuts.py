"""Every place where a connection can break, on real sockets: before anything left, and after."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from core.connections.salesforce.gateway import Gateway, Timeouts
from core.connections.salesforce.ports import InMemory, Tokens
from core.connections.salesforce.tokens import TokenSource
from core.errors import AnswerLost, OrgUnreachable, TransientOrgError
from tests.unit.connections.salesforce.wire import never

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = b'{"compositeResponse":[]}'
Behavior = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cuts")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("cuts") / "cert.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


@contextmanager
def serving(behave: Behavior) -> Iterator[int]:
    """A listener that treats each connection so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        behave(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def over_tls(pem: Path, answer: bytes, *, read: bool = True, linger: float = 0) -> Behavior:
    """Shake hands, read the request whole, send these bytes, close."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            if read:
                text = b""
                while b"\r\n\r\n" not in text:
                    text += secure.recv(65536)
                head, _, body = text.partition(b"\r\n\r\n")
                size = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
                while len(body) < size:
                    body += secure.recv(65536)
            secure.sendall(answer)
            if linger:
                threading.Event().wait(linger)

    return behave


def gateway_on(port: int, ca_file: str) -> Gateway:
    origin = f"https://127.0.0.1:{port}"
    source = TokenSource(InMemory(Tokens(SecretStr("x"), origin)), never)
    return Gateway(
        source,
        allowed_hosts=(f"127.0.0.1:{port}",),
        ca_file=ca_file,
        timeouts=Timeouts(connect=1, read=1, total=2),
        sleep=lambda seconds: None,
    )


def sized(body: bytes, extra: bytes = b"") -> bytes:
    return HEAD + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


AFTER = {
    "closed without a word": b"",
    "half a status line": b"HTTP/1.1 20",
    "no HTTP at all": b"\x00\x01\x02 nonsense\r\n\r\n",
    "half a head": HEAD,
    "no body": HEAD + b"Content-Length: 24\r\n\r\n",
    "half a body": sized(WHOLE)[:-5],
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + WHOLE[:7],
    "no last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + WHOLE + b"\r\n",
    "half a gzip": sized(gzip.compress(WHOLE)[:-12], b"Content-Encoding: gzip\r\n"),
    "no gzip at all": sized(b"nonsense", b"Content-Encoding: gzip\r\n"),
    "half of the JSON": sized(WHOLE[:9]),
    "too few parts": sized(WHOLE),
}


@pytest.mark.parametrize("answer", AFTER.values(), ids=AFTER)
def test_whatever_breaks_after_sending_leaves_a_write_in_doubt(pem: Path, answer: bytes) -> None:
    with serving(over_tls(pem, answer)) as port:
        gateway = gateway_on(port, str(pem))
        with pytest.raises(AnswerLost) as raised:
            gateway.push("create", "Task", [{"Subject": "x"}])
        assert gateway.calls == 1
        assert abs((raised.value.facts["given_up_at"] - gateway.server_now()).total_seconds()) < 5


@pytest.mark.parametrize("answer", AFTER.values(), ids=AFTER)
def test_the_same_never_passes_for_an_answer_to_a_read(pem: Path, answer: bytes) -> None:
    with serving(over_tls(pem, answer)) as port, pytest.raises(TransientOrgError) as raised:
        gateway_on(port, str(pem)).query("SELECT Id FROM Task")
    assert not isinstance(raised.value, AnswerLost)


def test_a_server_that_hangs_after_sending_leaves_a_write_in_doubt(pem: Path) -> None:
    with serving(over_tls(pem, b"", linger=2)) as port, pytest.raises(AnswerLost):
        gateway_on(port, str(pem)).push("create", "Task", [{"Subject": "x"}])


def test_an_answer_that_drips_without_end_is_given_up(pem: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def drip(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(40):
                secure.sendall(b"1\r\n \r\n")
                threading.Event().wait(0.2)

    began = time.monotonic()
    with serving(drip) as port, pytest.raises(AnswerLost):
        gateway_on(port, str(pem)).push("create", "Task", [{"Subject": "x"}])
    assert time.monotonic() - began < 7


def test_a_server_that_closes_while_we_send_leaves_a_write_in_doubt(pem: Path) -> None:
    rows = [{"Description": "x" * 30_000}] * 1000
    with serving(over_tls(pem, b"", read=False)) as port, pytest.raises(AnswerLost):
        gateway_on(port, str(pem)).push("create", "Task", rows)


def test_nobody_listening_means_nothing_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gateway = gateway_on(port, "")
    with pytest.raises(OrgUnreachable):
        gateway.push("create", "Task", [{"Subject": "x"}])
    assert gateway.calls == 0


def test_a_connection_that_closes_before_the_handshake_means_nothing_left(pem: Path) -> None:
    with serving(lambda connection: None) as port:
        gateway = gateway_on(port, str(pem))
        with pytest.raises(OrgUnreachable):
            gateway.push("create", "Task", [{"Subject": "x"}])
        assert gateway.calls == 0


def test_a_handshake_that_hangs_means_nothing_left(pem: Path) -> None:
    with serving(lambda connection: bool(threading.Event().wait(2)) and None) as port, pytest.raises(OrgUnreachable):
        gateway_on(port, str(pem)).push("create", "Task", [{"Subject": "x"}])


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_proxy_that_does_not_connect_us_means_nothing_left(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    def proxy(connection: socket.socket) -> None:
        assert connection.recv(65536).startswith(b"CONNECT acme.my.salesforce.com:443")
        connection.sendall(answer)

    with serving(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        source = TokenSource(InMemory(Tokens(SecretStr("x"), "https://acme.my.salesforce.com")), never)
        gateway = Gateway(source, timeouts=Timeouts(2, 2))
        with pytest.raises(OrgUnreachable):
            gateway.push("create", "Task", [{"Subject": "x"}])
        assert gateway.calls == 0


def test_a_certificate_that_is_not_trusted_means_nothing_left(pem: Path) -> None:
    with serving(over_tls(pem, sized(WHOLE))) as port:
        gateway = gateway_on(port, "")
        with pytest.raises(OrgUnreachable, match="does not answer") as raised:
            gateway.push("create", "Task", [{"Subject": "x"}])
        assert "certificate" in str(raised.value.hint)
        assert gateway.calls == 0


def test_a_name_that_does_not_exist_means_nothing_left() -> None:
    origin = "https://no-such-org-here.invalid"
    source = TokenSource(InMemory(Tokens(SecretStr("x"), origin)), never)
    gateway = Gateway(source, allowed_hosts=("no-such-org-here.invalid",), timeouts=Timeouts(2, 2))
    with pytest.raises(OrgUnreachable):
        gateway.push("create", "Task", [{"Subject": "x"}])
    assert gateway.calls == 0
