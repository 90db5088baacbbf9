"""Runs a practice org as a process of its own, for test suites that need one; it imports none of its code."""

from __future__ import annotations

import contextlib
import json
import re
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0


class PracticeFailed(RuntimeError):
    """The practice org did not start, or refused what a test asked of it."""


class Practice:
    """One practice org: started on construction, ended by `stop` or by leaving the ``with`` block.

    With a data directory of its own it can be restarted or killed and started again on the same port, with the same
    rows, CA and secrets.
    """

    def __init__(
        self,
        *args: str,
        data_dir: Path | None = None,
        seed: str = "empty",
        scale: float = 1.0,
        activity_key: bool = False,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="practice-") if data_dir is None else None
        self.data_dir = data_dir or Path(self._temporary.name if self._temporary else "")
        self._args = [*args, "--seed", seed, "--scale", str(scale), *(["--activity-key"] if activity_key else [])]
        self._process: subprocess.Popen[str] | None = None
        self._http = requests.Session()
        self._http.trust_env = False
        self.env: dict[str, Any] = {}
        self.start()

    def __enter__(self) -> Practice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # The process

    def start(self) -> None:
        """Start the server and wait until it has said how to connect."""
        command = [sys.executable, "-m", "local_org", "serve", "--print-env", "--data-dir", str(self.data_dir)]
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._args], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            self._process.wait()
            raise PracticeFailed(f"the practice org did not start: {self.log()[-4000:]}")
        self.env = json.loads(line)
        self._http.verify = self.env["ca_file"]
        self._secret = (self.data_dir / "control.secret").read_text().strip()
        self._control("GET", "clock")

    def stop(self) -> int:
        """End the server as an operator would (SIGTERM), and clean up; its exit code."""
        code = self._end(kill=False)
        self._http.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.cleanup()
        return code

    def kill(self) -> None:
        """End the server as a power cut would (SIGKILL); `start` brings it back."""
        self._end(kill=True)

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def _log_file(self) -> Path:
        return self.data_dir / "server.log"

    def log(self) -> str:
        """What the server has written to its error output, over all starts."""
        return self._log_file.read_text()

    def restart(self) -> None:
        """Stop and start on the same data."""
        self._end(kill=False)
        self.start()

    def _end(self, *, kill: bool) -> int:
        process = self._process
        if process is None:
            return 0
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            code = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        return code

    # Who and where

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return str(self.env["base_url"])

    @property
    def data_url(self) -> str:
        """The REST root of the newest version."""
        return f"{self.base_url}/services/data/v{self.env['api_version']}"

    def user(self, profile: str = "System Administrator") -> dict[str, Any]:
        """The first active user of a profile, as ``--print-env`` shows it."""
        return next(u for u in self.env["users"] if u["profile"] == profile and u["active"])

    def token(self, username: str | None = None) -> str:
        """A fresh access token, whatever the clock has done to the old ones."""
        wanted = username or self.user()["username"]
        return str(self._control("POST", "sessions", {"username": wanted})["access_token"])

    def approve(self, authorize_url: str, *, username: str | None = None, allow: bool = True) -> str:
        """Do what a person does in the browser: sign in, allow or deny; the address that the browser is sent back to.

        Args:
            authorize_url: Where the product sends the browser.
            username: Who signs in, by default the administrator.
            allow: Which button is pressed on the consent page.
        """
        wanted = username or self.user()["username"]
        user = next(u for u in self.env["users"] if u["username"] == wanted)
        with requests.Session() as browser:
            browser.trust_env, browser.verify = False, self.env["ca_file"]
            page = browser.get(authorize_url, allow_redirects=False, timeout=30)
            if "Location" in page.headers:
                return str(page.headers["Location"])
            signed_in = self._submit(browser, page, username=wanted, password=user["password"])
            if "Location" not in signed_in.headers:
                raise PracticeFailed(f"sign-in refused: {signed_in.status_code} {signed_in.text}")
            consent = browser.get(self.base_url + signed_in.headers["Location"], timeout=30)
            back = self._submit(browser, consent, decision="allow" if allow else "deny")
            return str(back.headers["Location"])

    def _submit(self, browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
        """Send the form of a page, as it is, with some fields filled in."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        if action is None:
            raise PracticeFailed(f"no form on the page: {page.status_code} {page.text}")
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        form = {name: unescape(value) for name, value in hidden}
        return browser.post(self.base_url + action[1], data=form | fields, allow_redirects=False, timeout=30)

    # Faults, clock, calls, schema

    def fault_on(
        self,
        name: str,
        *,
        rate: float = 1.0,
        count: int | None = None,
        value: str | float = "",
        match: str = "",
        seed: int | None = None,
    ) -> None:
        """Switch a fault on."""
        body = {"name": name, "rate": rate, "count": count, "value": str(value), "match": match, "seed": seed}
        self._control("POST", "faults", body)

    def fault_off(self, name: str = "all") -> None:
        """Switch a fault off, by default all."""
        self._control("DELETE", f"faults/{name}")

    @contextlib.contextmanager
    def fault(self, name: str, **settings: Any) -> Iterator[None]:
        """A fault that is on inside the ``with`` block."""
        self.fault_on(name, **settings)
        try:
            yield
        finally:
            self.fault_off(name)

    def faults(self) -> list[dict[str, Any]]:
        """All faults with their settings."""
        listed: list[dict[str, Any]] = self._control("GET", "faults")
        return listed

    def advance_clock(self, seconds: int) -> str:
        """Move the server's clock; the time that it shows then."""
        return str(self._control("POST", "clock", {"seconds": seconds})["now"])

    def now(self) -> str:
        """The server's time."""
        return str(self._control("GET", "clock")["now"])

    def calls(self) -> list[dict[str, Any]]:
        """The requests that the server has answered since `reset_calls`, oldest first."""
        listed: list[dict[str, Any]] = self._control("GET", "calls")["calls"]
        return listed

    def api_calls(self) -> int:
        """How many API calls these count for."""
        return int(self._control("GET", "calls")["api_calls"])

    def reset_calls(self) -> None:
        """Empty the log of requests."""
        self._control("DELETE", "calls")

    def schema_change(self, change: str, **facts: Any) -> None:
        """Change the schema or permissions, for example ``"hide_field", object="Task", field="Type"``."""
        self._control("POST", "schema", {"change": change, **facts})

    def archive(self) -> int:
        """Archive activities that are over a year old; how many."""
        return int(self._control("POST", "archive")["archived"])

    def purge(self) -> int:
        """Empty the recycle bin; how many records are gone for good."""
        return int(self._control("POST", "purge", {})["purged"])

    def merge(self, sobject: str, master: str, losers: list[str], **facts: Any) -> dict[str, Any]:
        """Merge records."""
        done: dict[str, Any] = self._control(
            "POST", "merge", {"object": sobject, "master": master, "losers": losers, **facts}
        )
        return done

    def convert(self, lead: str, **facts: Any) -> dict[str, Any]:
        """Convert a lead."""
        done: dict[str, Any] = self._control("POST", "convert", {"lead": lead, **facts})
        return done

    def end_sessions(self) -> None:
        """End every session: all clients have to refresh."""
        self._control("DELETE", "sessions")

    def allowance(self, per_day: int) -> None:
        """Set the daily allowance of API calls."""
        self._control("POST", "allowance", {"per_day": per_day})

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(
            method,
            f"{self.base_url}/_practice/{path}",
            json=body,
            headers={"X-Practice-Secret": self._secret},
            timeout=60,
        )
        if answer.status_code >= 400:
            raise PracticeFailed(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    # Records, as an administrator: such calls are spared by faults, and neither counted nor logged

    def soql(self, query: str, *, all_rows: bool = False) -> list[dict[str, Any]]:
        """All records of a query, without their attributes."""
        path = "queryAll" if all_rows else "query"
        answer = self.rest("GET", path, params={"q": query})
        records = list(answer["records"])
        while not answer["done"]:
            answer = self.rest("GET", answer["nextRecordsUrl"].split("/", 4)[4])
            records += answer["records"]
        return [_plain(record) for record in records] if records else []

    def count(self, query: str) -> int:
        """The total of a query."""
        return int(self.rest("GET", "query", params={"q": query})["totalSize"])

    def create(self, sobject: str, **fields: Any) -> str:
        """Create a record; its Id."""
        return str(self.rest("POST", f"sobjects/{sobject}", json=fields)["id"])

    def create_many(self, sobject: str, records: list[dict[str, Any]]) -> list[str]:
        """Create records by collections of 200; their Ids."""
        ids: list[str] = []
        for start in range(0, len(records), 200):
            body = [{"attributes": {"type": sobject}, **record} for record in records[start : start + 200]]
            saved = self.rest("POST", "composite/sobjects", json={"allOrNone": True, "records": body})
            if not all(row["success"] for row in saved):
                raise PracticeFailed(str([row for row in saved if not row["success"]][:3]))
            ids += [row["id"] for row in saved]
        return ids

    def update(self, sobject: str, record_id: str, **fields: Any) -> None:
        """Change a record."""
        self.rest("PATCH", f"sobjects/{sobject}/{record_id}", json=fields)

    def delete(self, sobject: str, record_id: str) -> None:
        """Delete a record."""
        self.rest("DELETE", f"sobjects/{sobject}/{record_id}")

    def rest(self, method: str, path: str, *, username: str | None = None, **options: Any) -> Any:
        """A REST call as an administrator or another user; the JSON that it answers."""
        answer = self._http.request(
            method,
            f"{self.data_url}/{path}",
            headers={"Authorization": f"Bearer {self.token(username)}", "X-Practice-Secret": self._secret},
            timeout=60,
            **options,
        )
        if answer.status_code >= 400:
            raise PracticeFailed(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The record without `attributes`, in nested records too."""
    return {name: _plain_value(value) for name, value in record.items() if name != "attributes"}


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _plain(value)
    return [_plain_value(part) for part in value] if isinstance(value, list) else value
