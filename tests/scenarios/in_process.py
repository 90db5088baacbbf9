"""The practice org in the test's own process, asked without a wire: for stories of thousands of requests."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from core.connections.salesforce import transport
from core.running import steps
from core.store.runs import balanced
from local_org import serve
from local_org.datadir import DataDir
from local_org.web import people
from local_org.web.app import App
from local_org.web.site import Site
from local_org.web.tokens import Grant
from tests.integration.kit import Desk
from tests.practice import Practice

CLIENT = ("127.0.0.1", 1)


class Unwired(BaseAdapter):
    """Hands requests to the application directly; a hang-up of the server is an answer that was lost."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._cut = False
        self._app = App(site, {CLIENT: self})  # type: ignore[dict-item]

    def abort(self) -> None:
        """What the server calls to cut the connection."""
        self._cut = True

    close = abort

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        transport.leave()
        self._cut = False
        sent: list[dict[str, Any]] = []
        asyncio.run(self._ask(request, sent))
        if self._cut or not sent:
            raise requests.exceptions.ConnectionError("the connection was cut")
        return _response(request, sent)

    async def _ask(self, request: requests.PreparedRequest, sent: list[dict[str, Any]]) -> None:
        where = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if parts:
                return parts.pop()
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(k.lower().encode("latin-1"), str(v).encode("latin-1")) for k, v in request.headers.items()]
        scope = {
            "type": "http", "method": request.method, "path": unquote(where.path), "raw_path": where.path.encode(),
            "query_string": where.query.encode(), "headers": [*headers, (b"host", where.netloc.encode())],
            "client": CLIENT, "server": ("127.0.0.1", 443), "scheme": "https", "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        await self._app(scope, receive, send)  # type: ignore[arg-type]


def _response(request: requests.PreparedRequest, sent: list[dict[str, Any]]) -> requests.Response:
    import urllib3

    head, *rest = sent
    pairs = {k.decode("latin-1"): v.decode("latin-1") for k, v in head["headers"]}
    body = b"".join(part.get("body", b"") for part in rest)
    raw = urllib3.HTTPResponse(io.BytesIO(body), headers=pairs, status=head["status"], preload_content=False)
    response = requests.Response()
    response.status_code, response.headers = head["status"], CaseInsensitiveDict(pairs)
    response.raw, response.request, response.url = raw, request, str(request.url)
    return response


class Inside(Practice):
    """The same practice org, without a process and without TLS."""

    def start(self) -> None:
        """Make the site, and a way to ask it."""
        data = DataDir(self.data_dir)
        self._kept = data.prepare()
        self._kept.__enter__()
        self._site = serve._site(
            data, serve.Options(activity_key="--activity-key" in self._args), "https://org.test", b""
        )
        self.unwired = Unwired(self._site)
        self._http.mount("https://", self.unwired)
        self._secret = self._site.control_secret
        self.env = {
            "base_url": "https://org.test", "login_url": "https://org.test", "ca_file": "",
            "api_version": serve.API_VERSION,
            "client_id": self._site.client.client_id, "client_secret": self._site.client.client_secret,
            "users": [self._user(p) for p in people.everyone(self._site.org)],
        }  # fmt: skip

    def _user(self, person: Any) -> dict[str, Any]:
        grant = Grant(person.id, self._site.client.client_id, "api web")
        token = self._site.tokens.issue(grant, self._site.epoch()) if person.active else None
        return {"username": person.username, "access_token": token, "profile": person.profile, "id": person.id,
                "active": person.active, "password": secrets.token_hex()}  # fmt: skip

    def stop(self) -> int:
        """Close its files."""
        self._site.allowance.save()
        self._site.tokens.close()
        self._site.org.close()
        self._kept.__exit__(None, None, None)
        self._http.close()
        return 0


def unwired_session(org: Inside) -> Callable[..., requests.Session]:
    """What takes the place of `transport.new_session`."""

    def new_session(*_: Any) -> requests.Session:
        session = requests.Session()
        session.mount("https://", org.unwired)
        return session

    return new_session


class InnerDesk(Desk):
    """A desk whose runs are walked here, step by step, without the job engine."""

    def run(self, job: str, *, full: bool = False) -> dict[str, Any]:
        run_id = self.ws.request_run(job, full=full)
        walk(self, run_id)
        info = self.ws.run_info(run_id)
        books = self.ws.audit_books(run_id)
        assert balanced(books), f"the books of {run_id} do not balance: {books}"
        assert books == info["counts"]
        return info


def walk(desk: Desk, run_id: str) -> None:
    """The steps of a run in order, each batch in doubt looked at once more."""
    engine = desk.ws.engine
    head = steps.prepare(engine, 1, run_id)
    if head["state"] == "ended":
        return
    doubtful = []
    for number in head["batches"]:
        verdict = steps.do_batch(engine, 1, run_id, number)
        if verdict["state"] == "stop":
            steps.close(engine, 1, run_id, verdict)
            return
        doubtful += [number] if verdict["state"] == "in_doubt" else []
    left = [n for n in doubtful if steps.do_batch(engine, 1, run_id, n)["state"] != "done"]
    told = {"state": "stop", "cause": "in_doubt", "reason": "The org's answer was lost."} if left else None
    steps.close(engine, 1, run_id, told)


def snapshot(desk: Desk, org: Inside) -> str:
    """Everything that a dry run must leave alone: records and links here, records in the org."""
    db = desk.ws.database
    here = [db.read(f"SELECT * FROM {t} ORDER BY id").write_json() for t in ("person", "activity", "account", "link")]
    there = [org.soql(f"SELECT Id, SystemModstamp FROM {o} ORDER BY Id", all_rows=True) for o in ("Task", "Contact")]
    return json.dumps([here, there], default=str)


def temporary() -> Path:
    """A folder of its own."""
    return Path(tempfile.mkdtemp(prefix="both-sides-"))
