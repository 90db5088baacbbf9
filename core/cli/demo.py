"""The demo: practice org, sample workspace, a connection through the real sign-in, first runs, console."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from core import logs
from core.audit.health import kinds
from core.cli import show
from core.cli.children import Children, stoppable
from core.cli.folder import Folder, default_folder
from core.cli.launch import Launcher, require_port
from core.cli.options import workspaces
from core.cli.progress import follow, working
from core.cli.sign_in import sign_in
from core.connections.salesforce.composite import COLLECTIONS, Query
from core.connections.salesforce.soql import count
from core.mapping.spec import JobSpec
from core.records import ENDED_RUNS, RunStatus
from core.settings import Settings
from core.store.database import Database
from core.store.runs import balanced
from core.workspace import Workspace, open_workspace

JOBS = ("accounts_in", "people_in", "calls_out", "tasks_out", "tasks_in")
INTAKE = (
    ("users", "users.csv"),
    ("accounts", "accounts.csv"),
    ("people", "people.csv"),
    ("activities", "calls.ndjson"),
    ("activities", "tasks.csv"),
    ("activities", "emails.parquet"),
    ("activities", "meetings.csv"),
    ("activities", "notes.csv"),
    ("activities", "touchpoints.csv"),
)
TITLE, ZONE = "Harbor & Pine Realty", "America/Chicago"
INTEGRATION = "Integration"
PORT = 8501
ORG_SECONDS, SAMPLE_SECONDS = 900.0, 900.0
GOOD = (RunStatus.COMPLETE, RunStatus.COMPLETE_WITH_REJECTS)


@dataclass(frozen=True)
class Wishes:
    """What was asked on the command line; ``None`` is what an earlier start has settled, else what is usual."""

    once: bool
    port: int | None
    data_dir: Path | None
    scale: float | None
    fresh: bool
    database_url: str
    as_json: bool
    workspace: str


class Demo:
    """One demo, from a directory to a synced org; it ends what it started."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.folder = Folder(wishes.data_dir or default_folder())
        self.children = Children(self.folder.logs)
        self.port = PORT
        self.is_serving = False

    def run(self) -> int:
        """Do it; the exit code is 0 only if every job's books balance."""
        try:
            with stoppable():
                try:
                    return self._run()
                finally:
                    self.children.stop()
                    self.folder.release()
        except KeyboardInterrupt:
            if self.is_serving:
                return 0
            self._say("Stopped. The next start goes on from here.")
            raise

    def _run(self) -> int:
        wishes = self.wishes
        self.folder.take(fresh=wishes.fresh)
        logs.configure(Settings().log, (self.folder.logs / "demo.log").open("a", encoding="utf-8"))
        fresh = "Begin anew with --fresh, or leave the option out."
        scale = self.folder.keep("scale", wishes.scale, 1.0, hint=fresh)
        self.folder.keep("workspace", wishes.workspace, wishes.workspace, hint=fresh)
        if not wishes.once:
            self.port = require_port(self.folder.known().get("port", PORT) if wishes.port is None else wishes.port)
            self.folder.remember(port=self.port)
        self._say(f"Syncline demo in {self.folder.path}")
        org = self._start_org(scale)
        ws = self._workspace(org)
        self._connect(ws, org)
        self._load(ws, org)
        self._jobs(ws)
        return self._once(ws) if wishes.once else self._serve(ws, org)

    # -- what people see

    def _say(self, text: str) -> None:
        if not self.wishes.as_json:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    @contextmanager
    def _step(self, text: str) -> Iterator[list[str]]:
        """A step that takes a while; what is put into the list is said at its end."""
        began = time.monotonic()
        watched = not self.wishes.as_json and sys.stdout.isatty()
        if watched:
            sys.stdout.write(f"  … {text}")
            sys.stdout.flush()
        said: list[str] = []
        yield said
        if watched:
            sys.stdout.write("\r\x1b[K")
        self._say(f"  {text}{': ' if said else ''}{', '.join(said)} ({time.monotonic() - began:.0f} s)")

    # -- step by step; each can be interrupted, and is then done again or gone on with by the next start

    def _start_org(self, scale: float) -> dict[str, Any]:
        with self._step("Practice org") as said:
            child = self.children.start(
                "practice org", "local_org", "serve", "--seed", "demo", "--scale", str(scale),
                "--data-dir", str(self.folder.path / "org"), "--print-env",
            )  # fmt: skip
            org = child.answer(ORG_SECONDS)
            said.append(str(org["base_url"]))
        return org

    def _settings(self, org: Mapping[str, Any]) -> Settings:
        """The demo's own settings: what the environment says of database and keys is left alone."""
        return Settings(
            home=self.folder.path,
            database_url=self.wishes.database_url,
            secret_key=SecretStr(""),
            ca_file=str(org["ca_file"]),
            public_url=f"http://localhost:{self.port}",
        )

    def _workspace(self, org: Mapping[str, Any]) -> Workspace:
        config = self._settings(org)
        self.folder.keep_database(self.wishes.database_url, self._is_foreign(config))
        ws = open_workspace(self.wishes.workspace, config=config)
        if ws.row().title != TITLE:
            ws.configure(title=TITLE, zone=ZONE)
        return ws

    def _is_foreign(self, config: Settings) -> bool:
        """Whether a database that was named holds the workspace before the demo has been there."""
        if not self.wishes.database_url:
            return False
        database = Database(config.url())
        found = self.wishes.workspace in workspaces(database)
        database.close()
        return found

    def _connect(self, ws: Workspace, org: Mapping[str, Any]) -> None:
        if any(c.state == "ok" and c.instance_url == org["base_url"] for c in ws.connections()):
            return
        with self._step("Connection through the org's own sign-in") as said:
            ws.allow_host(urlsplit(str(org["login_url"])).netloc)
            redirect = f"http://localhost:{self.port}/oauth/callback"
            begun = ws.begin_connect(
                login_url=str(org["login_url"]), client_id=str(org["client_id"]),
                client_secret=str(org["client_secret"]), redirect_uri=redirect, name="Practice org",
            )  # fmt: skip
            user = _integration_user(org)
            query = sign_in(begun.url, user["username"], user["password"], str(org["ca_file"]), redirect)
            said.append(ws.finish_connect(begun.browser, query).username)

    def _load(self, ws: Workspace, org: Mapping[str, Any]) -> None:
        if self.folder.known().get("is_loaded"):
            return
        files = self.folder.path / "intake"
        with self._step("Sample files"):
            sample = org["sample"]
            child = self.children.start(
                "sample generator", "local_org.sample", "--out", str(files), "--scale", str(sample["scale"]),
                "--seed", str(sample["seed"]), "--now", str(sample["now"]),
            )  # fmt: skip
            child.end_of_work(SAMPLE_SECONDS)
            self.children.forget(child)
        for kind, name in INTAKE:
            with self._step(f"Intake of {name}") as said:
                answers = ws.take_in_file(kind, files / name)
                broken = sum(a.result == "rejected" for a in answers)
                said += [f"{len(answers):,} rows", *([f"{broken} rejected with reason"] if broken else [])]
        self.folder.remember(is_loaded=True)

    def _jobs(self, ws: Workspace) -> None:
        """Make and switch on the sample jobs, once: what a person changes afterwards stays changed."""
        if self.folder.known().get("has_jobs"):
            return
        with self._step("Jobs") as said:
            have = {s.name: s for s in ws.specs()}
            for name in JOBS:
                spec = have.get(name) or ws.create_job(name)
                if name == "tasks_in" and "calls_out" not in spec.after:
                    ws.save_job(_after_the_others(spec))
                ws.enable(name)
                said.append(name)
        self.folder.remember(has_jobs=True)

    # -- once

    def _once(self, ws: Workspace) -> int:
        with working(ws):
            runs = [self._run_job(ws, name) for name in JOBS]
        books = all(balanced(ws.audit_books(r["run_id"])) and balanced(r["counts"]) for r in runs)
        counts = {"org": _org_counts(ws), "workspace": kinds(ws.database, ws.workspace_id)}
        if self.wishes.as_json:
            show.document({"runs": [show.pure(r) for r in runs], "balanced": books, **counts}, as_json=True)
        else:
            self._say(f"  In the org: {show.counted(counts['org'])}")
            self._say(f"  In the workspace: {show.counted(counts['workspace'])}")
            self._say(
                "The books of every run balance." if books else "The books do not balance: see syncline runs show."
            )
        return 0 if books and all(r["status"] in GOOD for r in runs) else 1

    def _run_job(self, ws: Workspace, name: str) -> dict[str, Any]:
        with self._step(name) as said:
            told = follow(ws, ws.request_run(name), quiet=self.wishes.as_json)
            said += [str(told["status"]), show.counted({k: v for k, v in told["counts"].items() if k != "input"})]
            if told.get("error"):
                said.append(str(told["error"].get("message", "")))
        return told

    # -- until stopped

    def _serve(self, ws: Workspace, org: Mapping[str, Any]) -> int:
        launcher = Launcher(self.port, self.wishes.workspace, self.children, self._environment(org))
        with self._step("Worker and console"):
            urls = launcher.start()
        for name in JOBS:
            if not any(r["status"] in ENDED_RUNS for r in ws.runs(1, name)):
                self._run_job(ws, name)
        urls = {**urls, "api_token": self._new_token(ws)}
        if self.wishes.as_json:
            sys.stdout.write(json.dumps(urls) + "\n")
            sys.stdout.flush()
        else:
            self._announce(urls, org)
        self.is_serving = True
        launcher.stay()
        return 0

    def _environment(self, org: Mapping[str, Any]) -> dict[str, str]:
        config = self._settings(org)
        return {
            "SYNCLINE_HOME": str(config.home),
            "SYNCLINE_DATABASE_URL": config.database_url,
            "SYNCLINE_SECRET_KEY": "",
            "SYNCLINE_CA_FILE": config.ca_file,
            "SYNCLINE_PUBLIC_URL": config.public_url,
        }

    def _new_token(self, ws: Workspace) -> str:
        """A token for this start: the text of an earlier one is not known to anybody."""
        if any(t.name == "demo" and t.revoked_at is None for t in ws.list_tokens()):
            ws.revoke_token("demo")
        return ws.create_token("demo", "admin")

    def _announce(self, urls: Mapping[str, Any], org: Mapping[str, Any]) -> None:
        user = _integration_user(org)
        self._say(
            f"\nConsole       {urls['console_url']}\n"
            f"API           {urls['api_url']}\n"
            f"API token     {urls['api_token']}\n"
            f"Practice org  {org['base_url']}, sign in as {user['username']} with {user['password']}\n\n"
            "Stop with Ctrl+C."
        )


def _integration_user(org: Mapping[str, Any]) -> dict[str, Any]:
    return dict(next(u for u in org["users"] if u["profile"].startswith(INTEGRATION) and u.get("active", True)))


def _after_the_others(spec: JobSpec) -> JobSpec:
    # Our own pushes touch the same records: what they leave behind is read in the same round.
    return spec.model_copy(update={"after": (*spec.after, "calls_out", "tasks_out")})


def _org_counts(ws: Workspace) -> dict[str, int]:
    """How many records the org has of each object that the jobs touch; five counts cost one API call."""
    names = sorted({p.sobject for s in ws.specs() for p in s.pairs})
    gateway = ws.context().gateway
    out: dict[str, int] = {}
    for first in range(0, len(names), COLLECTIONS):
        part = names[first : first + COLLECTIONS]
        answers = gateway.read_together([Query(count(n), all_rows=False) for n in part])
        out |= {n: a.ok().total for n, a in zip(part, answers, strict=True)}
    return out
