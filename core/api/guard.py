"""Lets a request in or turns it away: who asks, what they may, how much they send, and how errors read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse

from core.connections.intake import parse_json
from core.errors import NotAllowed, NotFound, OrgError, PlanError, StoreError, SynclineError, UsageError
from core.store.database import Database
from core.store.tokens import TokenInfo

BODY_LIMIT = 10 * 1024 * 1024
MAY_WRITE = frozenset({"operator", "admin"})
_STATUS: tuple[tuple[type[SynclineError], int, str], ...] = (
    (NotAllowed, 403, "forbidden"),
    (NotFound, 404, "not_found"),
    (UsageError, 400, "usage"),
    (PlanError, 409, "refused"),
    (OrgError, 502, "org"),
    (StoreError, 503, "store"),
)


class Served(Protocol):
    """The verbs of a workspace that the API calls."""

    workspace_id: int

    @property
    def database(self) -> Database:
        """The store."""
        ...

    def acting_as(self, actor: str) -> Served:
        """The same workspace for somebody else: what is written carries their name."""
        ...

    def verify_token(self, text: str) -> TokenInfo | None:
        """Who a token stands for."""
        ...

    def take_in(self, kind: str, rows: list[Any], source: str = ...) -> list[Any]:
        """Take rows in; one answer per row."""
        ...

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs."""
        ...

    def request_run(self, job: str, *, reason: str = ...) -> str:
        """Ask for a run; returns its id."""
        ...

    def run_info(self, run_id: str) -> dict[str, Any]:
        """One run as it is printed."""
        ...

    def explain(self, key: str) -> dict[str, Any]:
        """One record's whole story."""
        ...

    def readiness(self) -> Mapping[str, bool | str]:
        """What a working installation needs, and whether it is there."""
        ...


Factory = Callable[[], Served]


class Turned(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, error: str, message: str, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "message": message, "hint": hint, **facts}

    def response(self) -> JSONResponse:
        """The answer: what happened, and what to do about it."""
        headers = {"WWW-Authenticate": 'Bearer realm="syncline"'} if self.status == 401 else None
        return JSONResponse(self.body, status_code=self.status, headers=headers)


def translate(error: SynclineError) -> Turned:
    """One of our errors as the API tells it."""
    status, code = next(((s, c) for kind, s, c in _STATUS if isinstance(error, kind)), (500, "error"))
    return Turned(status, code, error.message, error.hint or "")


def bearer(request: Request) -> str:
    """The token that the request carries.

    Raises:
        Turned: it carries none.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Turned(
            401,
            "no_token",
            "This needs a token.",
            "Send the header 'Authorization: Bearer syn_...'; an admin makes tokens.",
        )
    return text.strip()


def admit(open_workspace: Factory, text: str, *, writes: bool) -> TokenInfo:
    """Who stands behind the token, if they may do this.

    Raises:
        Turned: the token is not known here, or its role may only look.
    """
    token = open_workspace().verify_token(text)
    if token is None:
        raise Turned(
            401, "bad_token", "This token is not known here, or it was revoked.", "Ask an admin for a new one."
        )
    if writes and token.role not in MAY_WRITE:
        raise Turned(
            403,
            "forbidden",
            f"A token with the role {token.role} may look, not write.",
            "Use one with the role operator.",
        )
    return token


async def read_json(request: Request) -> Any:
    """The body as JSON.

    Raises:
        Turned: not announced as JSON, too long, or no JSON.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        shown = f"'{content_type[:60]}'" if content_type else "no content type"
        raise Turned(
            415, "content_type", f"The body is to be JSON, not {shown}.", "Send Content-Type: application/json."
        )
    body = await read_body(request)
    try:
        return parse_json(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Turned(
            400, "invalid_json", f"The body is not UTF-8 at byte {error.start}.", position=error.start
        ) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno} (character {error.pos})"
        raise Turned(
            400, "invalid_json", f"The body is not JSON: {error.msg} at {where}.", position=error.pos,
            line=error.lineno, column=error.colno,
        ) from error  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise Turned(400, "invalid_json", f"The body is not JSON that can be taken: {str(error)[:120]}.") from error


async def read_body(request: Request) -> bytes:
    """The whole body, as long as it keeps within the limit.

    Raises:
        Turned: it does not.
    """
    announced = request.headers.get("content-length", "")
    parts, size = [], int(announced) if announced.isdecimal() else 0
    if size <= BODY_LIMIT:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > BODY_LIMIT:
                break
            parts.append(part)
    if size > BODY_LIMIT:
        raise Turned(
            413,
            "too_large",
            "The body is over 10 MB.",
            "Send fewer rows at a time, or load a file with: syncline intake.",
        )
    return b"".join(parts)
