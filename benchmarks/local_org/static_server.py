"""Serves one file over HTTPS with the certificate beside it: ``python -m ... DIRECTORY``; prints its port first."""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

directory = sys.argv[1]


async def static(request: Request) -> FileResponse:
    """The one file."""
    return FileResponse(f"{directory}/static.csv")


listener = socket.create_server(("127.0.0.1", 0))
logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(
    Starlette(routes=[Route("/static.csv", static)]),
    http="h11",
    access_log=False,
    log_config=None,
    timeout_graceful_shutdown=1,
    ssl_certfile=f"{directory}/server.pem",
    ssl_keyfile=f"{directory}/server.key",
)
uvicorn.Server(config).run(sockets=[listener])
