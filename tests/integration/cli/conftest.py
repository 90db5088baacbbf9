"""What the tests of this folder share: the finished demo, and the command line run inside the test's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.cli import app
from core.settings import settings
from tests.demo_fixture import demo_copy, demo_folder, demo_home, demo_org, demo_summary

__all__ = ["demo_copy", "demo_folder", "demo_home", "demo_org", "demo_summary"]


@dataclass
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        import json

        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command against the database of a demo: ``cli(home, "runs", "list")``."""
    before = structlog.get_config()

    def call(home: Path, *args: str) -> Said:
        monkeypatch.setenv("SYNCLINE_HOME", str(home))
        monkeypatch.setenv("SYNCLINE_CA_FILE", str(home / "org" / "ca.pem"))
        for name in ("SYNCLINE_DATABASE_URL", "SYNCLINE_SECRET_KEY", "SYNCLINE_LOG"):
            monkeypatch.delenv(name, raising=False)
        settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["syncline", *args])
        capsys.readouterr()
        code = app.run()
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    yield call
    settings.cache_clear()
    structlog.configure(**before)
