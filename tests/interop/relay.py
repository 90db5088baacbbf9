"""A proxy on loopback that brings clients with salesforce.com built in to the practice org, TLS and all untouched."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from types import TracebackType

_IDLE_SECONDS = 60.0


class _Tunnel(socketserver.StreamRequestHandler):
    """One CONNECT: whatever salesforce.com host is asked for, the practice org answers; other hosts are refused."""

    server: Relay

    def handle(self) -> None:
        asked = self.rfile.readline().decode("latin-1").split()
        while self.rfile.readline().strip():
            pass
        host = asked[1].partition(":")[0] if len(asked) > 1 else ""
        if not asked or asked[0] != "CONNECT" or not host.endswith((".salesforce.com", "127.0.0.1")):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        self.server.hosts.append(host)
        with socket.create_connection(("127.0.0.1", self.server.target), timeout=_IDLE_SECONDS) as org:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with contextlib.suppress(OSError):
                _pump(self.connection, org)


class Relay(socketserver.ThreadingTCPServer):
    """The proxy, for as long as the ``with`` block lasts; `hosts` are the names that clients have asked for."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.target = target
        self.hosts: list[str] = []

    @property
    def url(self) -> str:
        """What a client's proxy setting wants to hear."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Relay:
        threading.Thread(target=self.serve_forever, name="relay", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()


def _pump(one: socket.socket, other: socket.socket) -> None:
    while True:
        readable, _, _ = select.select([one, other], [], [], _IDLE_SECONDS)
        if not readable:
            return
        for source in readable:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
