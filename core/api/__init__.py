"""The HTTP API: a thin face of the workspace's verbs, with health and metrics beside it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.api import verbs
from core.api.guard import Factory, Served, Turned, admit, bearer, read_json, translate
from core.api.metrics import Metrics
from core.api.openapi import ROWS_LIMIT, document
from core.api.verbs import VERBS, Verb
from core.connections.intake import KINDS
from core.errors import SynclineError
from core.store.database import Database
from core.store.tokens import TokenInfo
from core.workspace import Workspace

__all__ = ["Factory", "Served", "routes"]

Handler = Callable[[Request], Awaitable[Response]]
_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def routes(workspace_factory: Factory) -> list[Route]:
    """The routes of the API, to mount at the top of an ASGI application.

    Args:
        workspace_factory: Opens the workspace; called at the first request, and what it opens is kept. Whoever
            carries a token acts as ``token:NAME``.
    """
    return _Api(workspace_factory).routes()


class PlainResponse(JSONResponse):
    """JSON in which moments are ISO texts."""

    def render(self, content: Any) -> bytes:
        """Encode."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


class _Api:
    def __init__(self, workspace_factory: Factory) -> None:
        self.open: Factory = lru_cache(maxsize=1)(workspace_factory)
        self.metrics = Metrics(self._store)

    def routes(self) -> list[Route]:
        named: list[tuple[str, str, Handler]] = [
            ("GET", "/api/v1/jobs", self.jobs),
            ("POST", "/api/v1/jobs/{name}/runs", self.request_run),
            ("GET", "/api/v1/runs/{id}", self.run),
            ("GET", "/api/v1/records/{key:path}", self.record),
            ("GET", "/api/v1/openapi.json", self.openapi),
            *((v.method, f"/api/v1{v.path}", self._verb(v)) for v in VERBS),
            ("POST", "/api/v1/{kind}", self.take_in),
            ("GET", "/healthz", self.health),
            ("GET", "/readyz", self.ready),
            ("GET", "/metrics", self.show_metrics),
        ]
        made = [Route(path, self._answered(path, handler), methods=[method]) for method, path, handler in named]
        rest = "/api/{rest:path}"
        return [*made, Route(rest, self._answered(rest, self.nothing_here), methods=_ALL_METHODS)]

    def _answered(self, route: str, handler: Handler) -> Handler:
        """Errors become answers, and every answer is counted."""

        @wraps(handler)
        async def answer(request: Request) -> Response:
            try:
                response = await handler(request)
            except Turned as turned:
                response = turned.response()
            except SynclineError as error:
                response = translate(error).response()
            self.metrics.requests.labels(route, str(response.status_code)).inc()
            return response

        return answer

    def _store(self) -> tuple[Database, int]:
        workspace = self.open()
        return workspace.database, workspace.workspace_id

    async def _admit(self, request: Request, *, writes: bool = False) -> TokenInfo:
        return await run_in_threadpool(admit, self.open, bearer(request), writes=writes)

    async def take_in(self, request: Request) -> Response:
        token = await self._admit(request, writes=True)
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise Turned(404, "not_found", f"There is no intake of '{kind}'.", f"Kinds are {', '.join(KINDS)}.")
        body = await read_json(request)
        rows = body if isinstance(body, list) else [body]
        if len(rows) > ROWS_LIMIT:
            hint = (
                f"Send at most {ROWS_LIMIT:,} rows at a time, or load a file with: syncline intake --kind {kind} FILE."
            )
            raise Turned(413, "too_many_rows", f"{len(rows):,} rows came at once.", hint)
        answers = await run_in_threadpool(self._take_in, token, kind, rows)
        return JSONResponse(answers if isinstance(body, list) else answers[0])

    def _take_in(self, token: TokenInfo, kind: str, rows: list[Any]) -> list[dict[str, str]]:
        found = self.open().acting_as(token.actor).take_in(kind, rows, token.name)
        answers: list[dict[str, str]] = [a if isinstance(a, dict) else a.as_dict() for a in found]
        for one in answers:
            self.metrics.rows.labels(kind, one["result"]).inc()
        return answers

    async def jobs(self, request: Request) -> Response:
        token = await self._admit(request)
        return PlainResponse(await run_in_threadpool(lambda: self.open().acting_as(token.actor).jobs()))

    async def request_run(self, request: Request) -> Response:
        token = await self._admit(request, writes=True)
        name = request.path_params["name"]
        run_id = await run_in_threadpool(lambda: self.open().acting_as(token.actor).request_run(name, reason="api"))
        return JSONResponse({"run_id": run_id}, status_code=202, headers={"Location": f"/api/v1/runs/{run_id}"})

    async def run(self, request: Request) -> Response:
        token = await self._admit(request)
        run_id = request.path_params["id"]
        return PlainResponse(await run_in_threadpool(lambda: self.open().acting_as(token.actor).run_info(run_id)))

    async def record(self, request: Request) -> Response:
        token = await self._admit(request)
        key = request.path_params["key"]
        return PlainResponse(await run_in_threadpool(lambda: self.open().acting_as(token.actor).explain(key)))

    def _verb(self, verb: Verb) -> Handler:
        """The handler of a verb: what is sent is checked, and its role is asked for by core."""

        async def answer(request: Request) -> Response:
            token = await self._admit(request)
            told = await read_json(request) if verb.in_body else dict(request.query_params)
            given = verbs.sent(verb, told)
            ws = cast(Workspace, self.open().acting_as(token.actor))
            found = await run_in_threadpool(lambda: verbs.plain(verb.answer(ws, request.path_params, given)))
            if verb.status == 204:
                return Response(status_code=204)
            return PlainResponse(found, status_code=verb.status)

        return answer

    async def openapi(self, _request: Request) -> Response:
        return JSONResponse(document())

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        try:
            found = dict(await run_in_threadpool(lambda: self.open().readiness()))
        except SynclineError as error:
            found = {"database": False, "reason": error.message}
        is_ready = all(value is not False for value in found.values())
        return JSONResponse({"ready": is_ready, **found}, status_code=200 if is_ready else 503)

    async def show_metrics(self, _request: Request) -> Response:
        text = await run_in_threadpool(self.metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def nothing_here(self, request: Request) -> Response:
        await self._admit(request)
        rest = request.path_params["rest"]
        if rest.removeprefix("v1/") in KINDS:
            raise Turned(405, "method", f"{request.method} is not for {rest}.", "Use POST with rows in the body.")
        raise Turned(404, "not_found", "There is nothing at this address.", "See /api/v1/openapi.json.")
