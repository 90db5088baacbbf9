"""What the proofs stand on: a workspace on a practice org, workers as processes, the org's own word on its rows."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
import uvicorn
from starlette.applications import Starlette

from core.api import routes
from core.mapping.spec import JobSpec, Schedule
from core.records import OPEN_RUNS
from core.running.worker import Worker
from core.settings import Settings
from core.store.runs import balanced
from core.workspace import Workspace, open_workspace
from tests.practice import ROOT, Practice

PEOPLE, ACCOUNTS = 200, 20
BY_HAND = Schedule(every_minutes=None)
PATIENCE = 120.0
"""Seconds until a wait is given up; nothing takes that long unless it is broken or the machine is very busy."""
TASK_FIELDS = (
    "Id, Subject, WhoId, WhatId, OwnerId, Type, Status, CallDisposition, CallDurationInSeconds, CallType, Description,"
    " ActivityDate, CreatedById"
)
Content = tuple[Any, ...]
T = TypeVar("T")


class MovableClock:
    """The machine's clock, moved by as much as a test likes."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Desk:
    """A workspace of its own on a practice org, with its people and accounts brought in."""

    org: Practice
    home: Path
    clock: MovableClock = field(default_factory=MovableClock)
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ws = self.open()
        self.found = {t["Id"] for t in self.org.soql("SELECT Id FROM Task", all_rows=True)}
        self._worker: Worker | None = None

    def open(self, actor: str = "ana") -> Workspace:
        """The workspace as another process would open it."""
        config = Settings(home=self.home, ca_file=self.org.env["ca_file"], database_url="")
        return open_workspace(actor=actor, config=config, clock=self.clock)

    # Doing

    def work(self) -> Worker:
        """Be the worker from now on, in this process: runs start at once."""
        if self._worker is None:
            self._worker = Worker(self.ws.engine, schedules=False)
            self._worker.start()
        return self._worker

    def rest(self) -> None:
        """End being the worker."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def run(self, job: str, *, full: bool = False) -> dict[str, Any]:
        """Run a job to its end."""
        self.work()
        return self.ended(self.ws.request_run(job, full=full))

    def ended(self, run_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The run once it is over; its books balance, whatever it came to."""
        until(lambda: self.status(run_id) not in OPEN_RUNS, seconds, lambda: f"{run_id} is {self.ws.run_info(run_id)}")
        info = self.ws.run_info(run_id)
        books = self.ws.audit_books(run_id)
        assert balanced(books), f"the books of {run_id} do not balance: {books}"
        assert books == info["counts"]
        return info

    def status(self, run_id: str) -> str:
        return str(self.ws.database.one("SELECT status FROM run WHERE run_id = :r", r=run_id))

    def reset(self) -> None:
        """Forget what this process has learned of the org, as a restart would."""
        self.rest()
        self.ws = self.open()

    def advance(self, seconds: int) -> None:
        """Let time pass, here and in the org."""
        self.clock.ahead += timedelta(seconds=seconds)
        self.org.advance_clock(seconds)

    def start_worker(self, **env: str) -> WorkerProcess:
        """A worker as a process of its own."""
        self.rest()
        worker = WorkerProcess(self, env)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End everything that was started."""
        for worker in self.workers:
            worker.kill()
        self.rest()
        self.ws.database.close()

    # Looking

    def batches(self, run_id: str) -> list[dict[str, Any]]:
        """The outbox of a run."""
        frame = self.ws.database.read("SELECT * FROM batch WHERE run_id = :r ORDER BY number", r=run_id)
        return list(frame.iter_rows(named=True))

    def tasks(self, tag: str, *, all_rows: bool = False) -> list[dict[str, Any]]:
        """The Tasks made since the desk is there whose description begins with a tag, as an administrator sees them.

        Tests share their org: what others left in it is none of this one's.
        """
        clause = "" if all_rows else " WHERE IsDeleted = false"
        found = self.org.soql(f"SELECT {TASK_FIELDS} FROM Task{clause}", all_rows=all_rows)
        return [t for t in found if t["Id"] not in self.found and (t["Description"] or "").startswith(tag)]

    def pushes(self) -> list[dict[str, Any]]:
        """The requests with Tasks that the org has seen since the calls were last reset."""
        return [c for c in self.org.calls() if c["path"].endswith("/composite") and c["rows"]]


class WorkerProcess:
    """A worker started as the launcher starts it, so that it can be killed as a power cut would."""

    def __init__(self, desk: Desk, env: Mapping[str, str] | None = None) -> None:
        self.log = desk.home / "worker.log"
        own = {
            "SYNCLINE_HOME": str(desk.home),
            "SYNCLINE_DATABASE_URL": "",
            "SYNCLINE_CA_FILE": desk.org.env["ca_file"],
        }
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core.cli.worker_process"],
                cwd=ROOT, env={**os.environ, **own, **(env or {})}, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def ready(self) -> WorkerProcess:
        """Wait until it says that it runs."""
        assert self.process.stdout is not None
        said, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if said else ""
        assert "running" in line, f"the worker did not start: {self.log.read_text()[-3000:]}"
        return self

    def refused(self) -> tuple[int, str]:
        """Wait for it to end by itself; its exit code and what it said."""
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        code = self.process.wait(PATIENCE)
        self._shut()
        return code, said

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self._shut()

    def stop(self) -> int:
        """SIGTERM, as an operator would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._shut()
        return code

    def _shut(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()


def until(found: Callable[[], T], seconds: float = PATIENCE, why: Callable[[], str] = lambda: "waited in vain") -> T:
    """Ask again and again until there is an answer, and give it."""
    end = time.monotonic() + seconds
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < end, why()
        time.sleep(0.05)


def struck(org: Practice, fault: str) -> int:
    """How often a fault has struck since it was switched on."""
    return next(int(f.get("struck", 0)) for f in org.faults() if f["name"] == fault)


# The groundwork: made once per org, copied for each test


def domain(number: int) -> str:
    return f"acme{number % ACCOUNTS}-realty.com"


def person_email(number: int) -> str:
    return f"p{number % PEOPLE}@{domain(number)}"


def person_phone(number: int) -> str:
    return f"+1 312 555 {number % PEOPLE:04d}"


def fill(org: Practice) -> None:
    """Accounts and contacts, made in the org by its administrator."""
    accounts = org.create_many(
        "Account", [{"Name": f"Acme {i}", "Website": f"https://{domain(i)}"} for i in range(ACCOUNTS)]
    )
    contacts = [
        {"FirstName": "Pat", "LastName": f"Tern{i}", "Email": person_email(i), "Phone": person_phone(i),
         "AccountId": accounts[i % ACCOUNTS]}
        for i in range(PEOPLE)
    ]  # fmt: skip
    org.create_many("Contact", contacts)


def connect(ws: Workspace, org: Practice) -> None:
    """Sign in without a browser."""
    ws.allow_host(org.base_url.removeprefix("https://"))
    ws.connect_headless(
        flow="client_credentials", login_url=org.env["login_url"], client_id=org.env["client_id"],
        client_secret=org.env["client_secret"],
    )  # fmt: skip


CALLBACK = "http://localhost:8501/oauth/callback"


def sign_in(ws: Workspace, org: Practice) -> None:
    """Sign in as the integration user in the browser, through the org's own pages."""
    begun = ws.begin_connect(
        login_url=org.env["login_url"], client_id=org.env["client_id"], client_secret=org.env["client_secret"],
        redirect_uri=CALLBACK,
    )  # fmt: skip
    back = org.approve(begun.url, username=org.user("Integration")["username"])
    ws.finish_connect(begun.browser, query_of(back))


def query_of(address: str) -> dict[str, str]:
    """The query that the browser is sent back with."""
    return dict(parse_qsl(urlsplit(address).query))


def plain(text: str) -> str:
    """The text, if it is a sentence or two that a person understands: no code, no markup, no trace."""
    assert text, "nothing is said"
    assert not re.search(r"Traceback|<\w|\b[A-Z]+_[A-Z_]+\b|[{}]", text), text
    assert len(re.findall(r"[.!?](?:\s|$)", text)) <= 3, text
    assert len(text) < 250
    return text


def add_job(ws: Workspace, template: str, **changes: Any) -> JobSpec:
    """Make a job that runs by hand unless told otherwise, and switch it on."""
    spec = ws.create_job(template)
    spec = ws.save_job(spec.model_copy(update={"schedule": BY_HAND, **changes}))
    ws.enable(spec.name)
    return spec


@contextlib.contextmanager
def groundwork(org: Practice) -> Iterator[Path]:
    """A home whose workspace is connected and has its accounts and people; to be copied, not used."""
    fill(org)
    with tempfile.TemporaryDirectory(prefix="ground-") as folder:
        desk = Desk(org, Path(folder))
        try:
            connect(desk.ws, org)
            for name in ("accounts_in", "people_in", "calls_out"):
                add_job(desk.ws, name)
            for name, wanted in (("accounts_in", ACCOUNTS), ("people_in", PEOPLE)):
                assert desk.run(name)["counts"]["created"] == wanted
        finally:
            desk.close()
        yield desk.home


def new_desk(org: Practice, ground: Path, home: Path) -> Desk:
    """A desk on a copy of the groundwork."""
    shutil.copytree(ground, home, dirs_exist_ok=True)
    desk = Desk(org, home)
    desk.clock.ahead = datetime.fromisoformat(org.now()) - datetime.now(UTC)
    return desk


@contextlib.contextmanager
def api_of(ws: Workspace) -> Iterator[Callable[..., requests.Response]]:
    """The HTTP API of a workspace on a port of its own: ``send(method, path, token, **more)``."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=list(routes(lambda: ws)))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until(lambda: server.started)

    def send(method: str, path: str, token: str, **more: Any) -> requests.Response:
        head = {"Authorization": f"Bearer {token}"}
        where = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1/{path}"
        return requests.request(method, where, headers=head, timeout=60, **more)

    yield send
    server.should_exit = True
    thread.join(30)


# Calls, and what the org must hold for them


def calls(tag: str, count: int, *, at: datetime | None = None, **changes: Any) -> list[dict[str, Any]]:
    """Calls as a dialer posts them, every one different."""
    now = at or datetime.now(UTC)
    return [
        {
            "source": "dialer", "external_id": f"{tag}-{i}", "kind": "call", "updated_at": now.isoformat(),
            "occurred_at": (now - timedelta(minutes=i % 600)).isoformat(),
            "duration_s": 30 + i, "direction": "outbound",
            "person": {"email": person_email(i)}, "notes": f"{tag} note {i}", "outcome": "connected", **changes,
        }
        for i in range(count)
    ]  # fmt: skip


def tasks(tag: str, count: int, *, at: datetime | None = None, **changes: Any) -> list[dict[str, Any]]:
    """Open tasks as the workspace makes them, one per account."""
    now = at or datetime.now(UTC)
    return [
        {
            "source": "app", "external_id": f"{tag}-{i}", "kind": "task", "subject": f"Follow up {i}",
            "notes": f"{tag} {i}",
            "due_at": (now + timedelta(days=3)).date().isoformat(), "account": {"domain": domain(i)},
            "updated_at": now.isoformat(), **changes,
        }
        for i in range(count)
    ]  # fmt: skip


def expected(org: Practice, sent: Sequence[Mapping[str, Any]]) -> Counter[Content]:
    """What the org must hold for these calls, as a multiset."""
    people = {p["Email"]: p for p in org.soql("SELECT Id, Email, Name, AccountId FROM Contact WHERE Email != null")}
    owner = org.user("Integration")["id"]
    return Counter(_wanted(people[call["person"]["email"]], owner, call) for call in sent)


def _wanted(person: Mapping[str, Any], owner: str, call: Mapping[str, Any]) -> Content:
    return (
        f"Call: {person['Name']}", person["Id"], person["AccountId"], owner, "Call", "Completed", "Connected",
        call["duration_s"], "Outbound", call["notes"], datetime.fromisoformat(call["occurred_at"]).date().isoformat(),
    )  # fmt: skip


def held(tasks: Sequence[Mapping[str, Any]]) -> Counter[Content]:
    """Tasks by the same content."""
    names = (
        "Subject", "WhoId", "WhatId", "OwnerId", "Type", "Status", "CallDisposition", "CallDurationInSeconds",
        "CallType", "Description", "ActivityDate",
    )  # fmt: skip
    return Counter(tuple(t[n] for n in names) for t in tasks)


def assert_each_once(desk: Desk, tag: str, sent: Sequence[Mapping[str, Any]]) -> None:
    """Every call is there exactly as often as it was made, and nothing else is."""
    wanted, have = expected(desk.org, sent), held(desk.tasks(tag, all_rows=True))
    missing, extra = wanted - have, have - wanted
    assert not missing, f"{missing.total()} of {wanted.total()} calls are missing, e.g. {next(iter(missing))}"
    assert not extra, f"{extra.total()} Tasks are doubled or strange, e.g. {next(iter(extra))}"
    links = desk.ws.database.read(
        "SELECT org_id, record_id FROM link WHERE table_name = 'activity' AND state = 'active'"
    )
    assert links["org_id"].n_unique() == links["record_id"].n_unique() == links.height
