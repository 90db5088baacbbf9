"""The demo: practice org, sample workspace, a connection through the real sign-in, first runs, console."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
import typer

from core.cli import show
from core.cli.launch import Children, Launcher, first_line
from core.errors import NotFound, SignInError, UsageError
from core.mapping.spec import JobSpec
from core.running.worker import Worker
from core.settings import Settings
from core.store.runs import balanced
from core.workspace import Workspace, open_workspace

MARKER = ".syncline-demo"
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


@dataclass(frozen=True)
class Wishes:
    """What was asked on the command line."""

    once: bool
    port: int
    data_dir: Path | None
    scale: float
    fresh: bool
    database_url: str
    as_json: bool
    workspace: str


class Demo:
    """One demo, from a directory to a synced org; it ends what it started."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.home = (wishes.data_dir or show.demo_dir()).expanduser().absolute()
        self.children = Children()

    def run(self) -> int:
        """Do it; the exit code is 0 only if every job's books balance."""
        self._take_directory()
        try:
            org = self._start_org()
            ws = self._workspace(org)
            self._connect(ws, org)
            self._load(ws, org)
            self._jobs(ws)
            return self._once(ws) if self.wishes.once else self._stay(ws, org)
        finally:
            self.children.stop()

    def _say(self, text: str) -> None:
        if not self.wishes.as_json:
            typer.echo(text)

    def _take_directory(self) -> None:
        marker = self.home / MARKER
        if self.home.exists() and any(self.home.iterdir()) and not marker.exists():
            raise UsageError(
                f"{self.home} holds something that no demo made.", hint="Name an empty directory with --data-dir."
            )
        if self.wishes.fresh and marker.exists():
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not marker.exists():
            marker.write_text(json.dumps({"scale": self.wishes.scale}))

    def _start_org(self) -> dict[str, Any]:
        self._say("Starting the practice org …")
        child = self.children.start(
            "-m", "local_org", "serve", "--seed", "demo", "--scale", str(self.wishes.scale), "--data-dir",
            str(self.home / "org"), "--print-env", pipe=True,
        )  # fmt: skip
        return first_line(child, 300)

    def _environment(self, org: Mapping[str, Any]) -> dict[str, str]:
        return {
            "SYNCLINE_HOME": str(self.home),
            "SYNCLINE_DATABASE_URL": self.wishes.database_url,
            "SYNCLINE_CA_FILE": str(org["ca_file"]),
            "SYNCLINE_PUBLIC_URL": f"http://localhost:{self.wishes.port}",
        }

    def _workspace(self, org: Mapping[str, Any]) -> Workspace:
        # The demo has a database of its own: whatever the environment names is left alone.
        config = Settings(home=self.home, database_url=self.wishes.database_url, ca_file=str(org["ca_file"]))
        ws = open_workspace(self.wishes.workspace, config=config)
        row = ws.row()
        if row.title != TITLE:
            ws.configure(title=TITLE, zone=ZONE)
        return ws

    def _connect(self, ws: Workspace, org: Mapping[str, Any]) -> None:
        if any(c.state == "ok" and c.instance_url == org["base_url"] for c in ws.connections()):
            return
        self._say("Connecting through the org's own sign-in …")
        ws.allow_host(urlsplit(str(org["login_url"])).netloc)
        redirect = f"http://localhost:{self.wishes.port}/oauth/callback"
        begun = ws.begin_connect(
            login_url=str(org["login_url"]), client_id=str(org["client_id"]), client_secret=str(org["client_secret"]),
            redirect_uri=redirect, name="Practice org",
        )  # fmt: skip
        user = next(u for u in org["users"] if u["profile"].startswith(INTEGRATION))
        query = sign_in(begun.url, user["username"], user["password"], str(org["ca_file"]), redirect)
        ws.finish_connect(begun.browser, query)

    def _load(self, ws: Workspace, org: Mapping[str, Any]) -> None:
        done = self.home / "intake" / ".loaded"
        if done.exists():
            return
        self._say("Taking in the sample files …")
        sample = org["sample"]
        made = self.children.start(
            "-m", "local_org.sample", "--out", str(self.home / "intake"), "--scale", str(sample["scale"]),
            "--seed", str(sample["seed"]), "--now", str(sample["now"]), pipe=True,
        )  # fmt: skip
        if made.wait(300):
            raise NotFound("The sample files could not be made.")
        for kind, name in INTAKE:
            answers = ws.take_in_file(kind, self.home / "intake" / name)
            broken = sum(a.result == "rejected" for a in answers)
            self._say(f"  {name}: {len(answers):,} rows" + (f", {broken} rejected with reason" if broken else ""))
        done.touch()

    def _jobs(self, ws: Workspace) -> None:
        have = {s.name for s in ws.specs()}
        for name in JOBS:
            if name in have:
                continue
            spec = ws.create_job(name)
            if name == "tasks_in":
                ws.save_job(_after_the_others(spec))
            ws.enable(name)

    def _once(self, ws: Workspace) -> int:
        runs = self._run_all(ws)
        books = all(balanced(ws.audit_books(r["run_id"])) and balanced(r["counts"]) for r in runs)
        good = books and all(r["status"].startswith("complete") for r in runs)
        summary = {"runs": [show.pure(r) for r in runs], "balanced": books, **ws.summary()}
        if self.wishes.as_json:
            typer.echo(json.dumps(summary, default=str))
        else:
            show.runs(runs, as_json=False)
            show.record({"books balance": books}, as_json=False)
        return 0 if good else 1

    def _run_all(self, ws: Workspace) -> list[dict[str, Any]]:
        worker = Worker(ws.engine, schedules=False)
        worker.start()
        try:
            out = []
            for name in JOBS:
                self._say(f"Running {name} …")
                out.append(ws.run(name))
            return out
        finally:
            worker.stop()

    def _stay(self, ws: Workspace, org: Mapping[str, Any]) -> int:
        env = self._environment(org)
        launcher = Launcher(port=self.wishes.port, as_json=self.wishes.as_json, workspace=self.wishes.workspace, env=env,
                            children=self.children)  # fmt: skip
        urls = launcher.start()
        if ws.runs(1) == []:
            for name in JOBS:
                self._say(f"Running {name} …")
                ws.run(name)
        for token in ws.list_tokens():
            if token.name == "demo":
                ws.revoke_token("demo")
        urls = {**urls, "api_token": ws.create_token("demo", "admin")}
        if not self.wishes.as_json:
            user = next(u for u in org["users"] if u["profile"].startswith(INTEGRATION))
            self._say(f"API token for this demo: {urls['api_token']}")
            self._say(f"Practice org sign-in: {user['username']} / {user['password']}")
        launcher.announce(urls)
        return launcher.stay()


def _after_the_others(spec: JobSpec) -> JobSpec:
    # Our own pushes touch the same records: what they leave behind is read in the same round.
    return spec.model_copy(update={"after": (*spec.after, "calls_out", "tasks_out")})


class _Forms(HTMLParser):
    """The first form of a page: where it goes, and its fields with values."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attrs}
        if tag == "form" and not self.action:
            self.action, self._open = found.get("action", ""), True
        if self._open and tag == "input" and found.get("name"):
            self.fields[found["name"]] = found.get("value", "")
        if self._open and tag == "button" and found.get("name"):
            self.buttons.append((found["name"], found.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


def sign_in(url: str, username: str, password: str, ca_file: str, redirect: str) -> dict[str, str]:
    """Walk the org's login and consent pages as a browser would; returns the callback's query.

    Raises:
        SignInError: the pages did not lead to the callback.
    """
    with requests.Session() as browser:
        browser.trust_env = False
        browser.verify = ca_file
        answer = browser.get(url, allow_redirects=False, timeout=30)
        for _ in range(12):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if target.startswith(redirect):
                    return dict(parse_qsl(urlsplit(target).query))
                answer = browser.get(target, allow_redirects=False, timeout=30)
                continue
            form = _Forms()
            form.feed(answer.text)
            if not form.action:
                break
            fields = {**form.fields}
            if "password" in fields:
                fields |= {"username": username, "password": password}
            fields |= {n: v for n, v in form.buttons if v == "allow"}
            answer = browser.post(urljoin(answer.url, form.action), data=fields, allow_redirects=False, timeout=30)
    raise SignInError("The org's sign-in pages did not lead back to Syncline.")
