"""A walker for each page: somebody at the command line and at the API, on a workspace of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.cli import app
from core.mapping import config
from core.settings import settings
from tests.integration.kit import BY_HAND, Desk, api_of
from tests.practice import Practice

Typed = Callable[..., tuple[int, str]]
Golden = list[tuple[str, str, str, dict[str, Any]]]


@dataclass
class Walker:
    """Does what the page says, and reads back what came of it."""

    desk: Desk
    typed: Typed
    names: dict[str, str] = field(default_factory=dict)
    """Org Id -> what the golden plan calls it."""

    def cli(self, *args: str, code: int = 0) -> Any:
        """Run a command; what it prints as JSON."""
        ended, out = self.typed(self.desk, *args, "--json")
        assert ended == code, f"syncline {' '.join(args)} ended with {ended}: {out}"
        return json.loads(out) if out.strip() else None

    def post(self, kind: str, rows: list[dict[str, Any]]) -> list[str]:
        """Send rows to the API; what became of each."""
        token = self.cli("tokens", "create", f"t{len(self.desk.ws.list_tokens())}", "--role", "operator")["token"]
        with api_of(self.desk.ws) as send:
            told = send("POST", kind, token, json=rows)
        assert told.status_code == 200, told.text
        return [r["result"] for r in told.json()]

    def edit(self, job: str, change: Callable[[str], str]) -> None:
        """Edit a job as a file: export, change, diff, import."""
        text = self.typed(self.desk, "jobs", "export", job)[1]
        changed = change(text)
        assert changed != text, "the edit changes nothing"
        file = self.desk.home / f"{job}.yaml"
        file.write_text(changed, encoding="utf-8")
        assert self.cli("jobs", "diff", str(file), code=1)
        self.cli("jobs", "import", str(file))

    def by_hand(self, job: str) -> None:
        """Have a job run only when it is told to, so that the walk sets the pace."""
        spec = config.from_yaml(self.typed(self.desk, "jobs", "export", job)[1])
        self.desk.ws.save_job(spec.model_copy(update={"schedule": BY_HAND}))

    def plan(self, job: str) -> Golden:
        """What a run would write, with names in place of Ids."""
        rows = self.desk.ws.preview(job).rows
        out = []
        for r in rows.iter_rows(named=True):
            sent = json.loads(r["payload"]) if r["payload"] else {}
            named = {k: self.names.get(v, v) if isinstance(v, str) else v for k, v in sent.items()}
            out.append((r["action"], r["outcome"], r["cause"], named))
        return out

    def run(self, job: str, code: int = 0) -> dict[str, int]:
        """Run a job; its counts that are not zero."""
        told = self.cli("jobs", "run", job, code=code)
        return {k: v for k, v in told["counts"].items() if v}

    def soql(self, query: str) -> list[dict[str, Any]]:
        """The org's own word."""
        return self.desk.org.soql(query)

    def name(self, **ids: str) -> None:
        """Give Ids names for the golden plan."""
        self.names |= {i: f"<{n}>" for n, i in ids.items()}


@pytest.fixture(scope="session")
def harbor() -> Iterator[Practice]:
    """The sample org, small; the walks share it, each with records of its own."""
    with Practice(seed="demo", scale=0.05) as org:
        yield org


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs a command as it is typed; exit code and what it prints."""
    before = structlog.get_config()

    def call(desk: Desk, *args: str) -> tuple[int, str]:
        monkeypatch.setenv("SYNCLINE_HOME", str(desk.home))
        monkeypatch.setenv("SYNCLINE_CA_FILE", desk.org.env["ca_file"])
        for name in ("SYNCLINE_DATABASE_URL", "SYNCLINE_SECRET_KEY", "SYNCLINE_LOG"):
            monkeypatch.delenv(name, raising=False)
        settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["syncline", *args])
        capsys.readouterr()
        code = app.run()
        printed = capsys.readouterr()
        return code, printed.out or printed.err

    yield call
    settings.cache_clear()
    structlog.configure(**before)


@pytest.fixture
def walker(harbor: Practice, tmp_path: Path, typed: Typed) -> Iterator[Walker]:
    """Somebody who has just installed Syncline and has the app's key at hand."""
    desk = Desk(harbor, tmp_path)
    made = Walker(desk, typed)
    env = harbor.env
    made.cli("connect", "allow-host", harbor.base_url.removeprefix("https://"))
    made.cli(
        "connect", "client-credentials", "--login-url", env["login_url"], "--client-id", env["client_id"],
        "--client-secret", env["client_secret"],
    )  # fmt: skip
    desk.work()  # one worker for the whole walk: commands use it instead of each starting one
    yield made
    red = desk.ws.balance().red
    desk.close()
    # Whatever a story did: each activity made here is in exactly one state, day by day, member by member.
    assert red.is_empty(), red
