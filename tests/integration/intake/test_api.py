"""The HTTP API as a client meets it: over a real socket, with tokens, limits and the answers of real intake."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import uvicorn
from starlette.applications import Starlette

from core import api
from core.api import openapi
from core.api.verbs import VERBS
from core.errors import NotFound, PlanStale, StoreError
from core.store.database import Database
from core.store.records import load_records
from core.store.tokens import TokenInfo, create_token, revoke_token, verify_token
from core.syncing.intake import Answer, take_in

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = {"source": "dialer", "external_id": "C1", "kind": "call", "occurred_at": "2026-11-21T10:00:00Z"}


class Desk:
    """A workspace with real tokens and real intake; its jobs, runs and stories are plain values."""

    workspace_id = 1

    def __init__(self, database: Database, actor: str = "") -> None:
        self.database = database
        self.actor = actor
        self.asked: list[tuple[str, str]] = []
        self.ready: dict[str, bool | str] = {"database": True, "worker": True, "org": "not connected"}

    def acting_as(self, actor: str) -> Desk:
        other = Desk(self.database, actor)
        other.asked = self.asked
        return other

    def verify_token(self, text: str) -> TokenInfo | None:
        return verify_token(self.database, 1, text, now=NOW)

    def take_in(self, kind: str, rows: list[Any], source: str = "") -> list[Answer]:
        return take_in(self.database, 1, kind, rows, actor=self.actor, source_name=source, now=NOW)

    def jobs(self) -> list[dict[str, Any]]:
        return [{"name": "calls-out", "next_run_at": NOW, "is_enabled": True}]

    def request_run(self, job: str, *, reason: str = "") -> str:
        if job == "stale":
            raise PlanStale(hint="Make a new plan.")
        if job != "calls-out":
            raise NotFound(f"There is no job '{job}'.")
        self.asked.append((self.actor, reason))
        return "run-1"

    def run_info(self, run_id: str) -> dict[str, Any]:
        if run_id == "lost":
            raise StoreError("The database does not answer.")
        raise NotFound(f"There is no run '{run_id}'.")

    def explain(self, key: str) -> dict[str, Any]:
        return {"key": key}

    def readiness(self) -> dict[str, bool | str]:
        return self.ready


class Client:
    """Sends requests with a token."""

    def __init__(self, base: str, tokens: dict[str, str]) -> None:
        self.base = base
        self.tokens = tokens

    def send(self, method: str, path: str, role: str | None = "operator", **more: Any) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {self.tokens[role]}"} if role else {}), **more.pop("headers", {})}
        return requests.request(method, self.base + path, headers=headers, timeout=30, **more)

    def post(self, kind: str, rows: Any, role: str | None = "operator") -> requests.Response:
        return self.send("POST", f"/api/v1/{kind}", role, json=rows)


@pytest.fixture
def desk(tmp_path: Path, sqlite_template: Path) -> Iterator[Desk]:
    shutil.copy(sqlite_template, tmp_path / "syncline.db")
    database = Database(f"sqlite:///{tmp_path / 'syncline.db'}")
    yield Desk(database)
    database.close()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    roles = ("viewer", "analyst", "operator", "admin")
    tokens = {role: create_token(desk.database, 1, role, role, created_by="t", now=NOW).text for role in roles}
    listening = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=list(api.routes(lambda: desk)))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Client(f"http://127.0.0.1:{listening.getsockname()[1]}", tokens)
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


def error(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    body = response.json()
    assert (response.status_code, body["error"]) == (status, code), body
    assert body["message"]
    assert body.keys() >= {"error", "message", "hint"}
    return dict(body)


def test_rows_are_answered_one_by_one(client: Client, desk: Desk) -> None:
    response = client.post("activities", [CALL, CALL, {**CALL, "external_id": "c2", "duration_s": -1}, "junk"])
    assert response.status_code == 200
    answers = response.json()
    assert [a["result"] for a in answers] == ["created", "unchanged", "rejected", "rejected"]
    assert answers[2] == {
        "external_id": "c2",
        "result": "rejected",
        "reason": "duration_s '-1' is out of range; write 0 or more",
        "field": "duration_s",
    }
    assert load_records(desk.database, 1, "activity")["external_id"].to_list() == ["c1"]


def test_one_object_gets_one_answer(client: Client) -> None:
    assert client.post("people", {"external_id": "P1"}).json() == {
        "external_id": "p1",
        "result": "created",
        "reason": "",
        "field": "",
    }


def test_every_kind_is_served(client: Client) -> None:
    rows = {
        "accounts": {"external_id": "a1"},
        "people": {"external_id": "p1"},
        "activities": CALL,
        "users": {"email": "bo@x.com"},
        "optouts": {"person": {"id": "p1"}, "channel": "email", "opted_out": True},
        "scores": {"person": {"id": "p1"}, "engagement_score": 1},
        "segments": {"person": {"id": "p1"}, "segment": "VIP"},
    }
    results = {kind: client.post(kind, [row]).json()[0]["result"] for kind, row in rows.items()}
    assert set(results.values()) <= {"created", "updated"}, results
    assert client.post("accounts", []).json() == []


def test_who_wrote_is_the_token(client: Client, desk: Desk) -> None:
    client.post("accounts", {"external_id": "a1"})
    assert desk.database.read("SELECT actor FROM event").item() == "token:operator"
    assert load_records(desk.database, 1, "account")["source"].to_list() == ["operator"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/jobs"),
        ("POST", "/api/v1/jobs/calls-out/runs"),
        ("GET", "/api/v1/runs/x"),
        ("GET", "/api/v1/records/x"),
        ("POST", "/api/v1/activities"),
        ("POST", "/api/v1/nothing"),
        ("GET", "/api/v1/nothing/here"),
    ],
)
def test_nobody_gets_in_without_a_token(client: Client, method: str, path: str) -> None:
    body = error(client.send(method, path, None, json=CALL), 401, "no_token")
    assert "Authorization" in body["hint"]
    for bad in ("Bearer syn_wrong", "Bearer ", "Basic eDp5", "syn_x"):
        response = client.send(method, path, None, headers={"Authorization": bad}, json=CALL)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_token_is_turned_away(client: Client, desk: Desk) -> None:
    assert client.send("GET", "/api/v1/jobs", "admin").status_code == 200
    revoke_token(desk.database, 1, "admin", now=NOW)
    error(client.send("GET", "/api/v1/jobs", "admin"), 401, "bad_token")


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_may_only_look_cannot_write(client: Client, desk: Desk, role: str) -> None:
    assert client.send("GET", "/api/v1/jobs", role).status_code == 200
    error(client.post("activities", CALL, role), 403, "forbidden")
    error(client.send("POST", "/api/v1/jobs/calls-out/runs", role), 403, "forbidden")
    assert load_records(desk.database, 1, "activity").is_empty()
    assert desk.asked == []


def test_too_much_is_refused_whole(client: Client, desk: Desk) -> None:
    rows = [{"external_id": f"a{i}"} for i in range(1_001)]
    body = error(client.post("accounts", rows), 413, "too_many_rows")
    assert "1,000 rows" in body["hint"]
    assert load_records(desk.database, 1, "account").is_empty()
    assert len(client.post("accounts", rows[:1_000]).json()) == 1_000


def test_a_body_over_ten_megabytes_is_refused(client: Client) -> None:
    large = json.dumps([{"external_id": "a", "notes": "x" * (10 * 1024 * 1024)}])
    headers = {"Content-Type": "application/json"}
    error(client.send("POST", "/api/v1/accounts", data=large, headers=headers), 413, "too_large")
    parts = (large[i : i + 65_536].encode() for i in range(0, len(large), 65_536))  # sent without its length
    error(client.send("POST", "/api/v1/accounts", data=parts, headers=headers), 413, "too_large")


@pytest.mark.parametrize("content_type", ["text/csv", "application/x-www-form-urlencoded", "text/plain", ""])
def test_only_json_is_read(client: Client, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    error(client.send("POST", "/api/v1/accounts", data="{}", headers=headers), 415, "content_type")


def test_json_with_a_charset_is_json(client: Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    response = client.send("POST", "/api/v1/accounts", data='{"external_id":"ä"}'.encode(), headers=headers)
    assert response.json()["external_id"] == "ä"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": 1,\n "b" 2}', "line 2, column 6 (character 14)"),
        (b"", "line 1, column 1"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": "\xff"}', "byte 7"),
        (b"[" * 200_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(client: Client, body: bytes, says: str) -> None:
    response = client.send("POST", "/api/v1/accounts", data=body, headers={"Content-Type": "application/json"})
    assert says in error(response, 400, "invalid_json")["message"]


def test_a_run_is_asked_for_by_the_token(client: Client, desk: Desk) -> None:
    response = client.send("POST", "/api/v1/jobs/calls-out/runs")
    assert (response.status_code, response.json()) == (202, {"run_id": "run-1"})
    assert response.headers["Location"] == "/api/v1/runs/run-1"
    assert desk.asked == [("token:operator", "api")]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/api/v1/jobs/no/runs", 404, "not_found"),
        ("POST", "/api/v1/jobs/stale/runs", 409, "refused"),
        ("GET", "/api/v1/runs/no", 404, "not_found"),
        ("GET", "/api/v1/runs/lost", 503, "store"),
        ("POST", "/api/v1/deals", 404, "not_found"),
        ("GET", "/api/v1/accounts", 405, "method"),
        ("DELETE", "/api/v1/no/such", 404, "not_found"),
    ],
)
def test_errors_say_what_happened(client: Client, method: str, path: str, status: int, code: str) -> None:
    error(client.send(method, path, json={}), status, code)


def test_jobs_and_stories_are_told(client: Client) -> None:
    (job,) = client.send("GET", "/api/v1/jobs", "viewer").json()
    assert (job["name"], job["next_run_at"]) == ("calls-out", "2026-11-21T12:00:00Z")
    for key in ("ana+x@x.com", "a/b", "00Qxx0000001gPL"):
        assert client.send("GET", f"/api/v1/records/{key}", "viewer").json() == {"key": key}


def test_health_and_readiness_need_no_token(client: Client, desk: Desk) -> None:
    assert client.send("GET", "/healthz", None).json() == {"status": "ok"}
    assert client.send("GET", "/readyz", None).json()["ready"] is True
    desk.ready["worker"] = False
    response = client.send("GET", "/readyz", None)
    assert (response.status_code, response.json()["worker"]) == (503, False)


def test_metrics_count_rows_requests_and_records(client: Client) -> None:
    client.post("activities", [CALL, {**CALL, "external_id": "c2", "kind": "fax"}])
    client.post("activities", CALL, None)
    text = client.send("GET", "/metrics", None).text
    for line in (
        'syncline_intake_rows_total{kind="activities",result="created"} 1.0',
        'syncline_intake_rows_total{kind="activities",result="rejected"} 1.0',
        'syncline_http_requests_total{route="/api/v1/{kind}",status="401"} 1.0',
        'syncline_records{table="activity"} 1.0',
    ):
        assert line in text
    assert "C1" not in text


def test_the_api_describes_itself(client: Client) -> None:
    document = client.send("GET", "/api/v1/openapi.json", None).json()
    served = {"/api/v1/jobs", "/api/v1/jobs/{name}/runs", "/api/v1/runs/{id}", "/api/v1/records/{key}"}
    assert served < document["paths"].keys()
    assert {f"/api/v1{v.path}" for v in VERBS} <= document["paths"].keys()
    named = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(named) == len(set(named)) == len(served) + 7 + len(VERBS)
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object", name
    references = {part.split('"')[0] for part in json.dumps(document).split('"#/components/schemas/')[1:]}
    assert references <= document["components"]["schemas"].keys()


@pytest.mark.parametrize("row", [CALL, {**CALL, "person": {"email": "a@x.com"}, "outcome": None, "fields": {"a": 1}}])
def test_what_the_description_allows_is_taken(client: Client, row: dict[str, Any]) -> None:
    schema = openapi.document()["components"]["schemas"]["ActivitiesRow"]
    jsonschema.validate(row, schema)
    assert client.post("activities", row).json()["result"] == "created"


@pytest.mark.parametrize("more", [{"kind": "fax"}, {"wombat": 1}, {"duration_s": -1}, {"person": {"mail": "x"}}])
def test_what_the_description_forbids_is_rejected(client: Client, more: dict[str, Any]) -> None:
    schema = openapi.document()["components"]["schemas"]["ActivitiesRow"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**CALL, **more}, schema)
    assert client.post("activities", {**CALL, **more}).json()["result"] == "rejected"
