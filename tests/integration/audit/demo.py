"""A real synced workspace: what `syncline demo --once` leaves, with its practice org running again."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.settings import Settings
from core.store.records import load_records
from core.workspace import Workspace, open_workspace
from tests.practice import ROOT, Practice

SCALE = 0.1
_PERSON = {"id": "ref", "email": "email", "phone": "phone"}


@dataclass(frozen=True)
class Demo:
    """The workspace, the org, and what the demo printed."""

    home: Path
    ws: Workspace
    org: Practice
    summary: dict[str, Any]


@contextmanager
def synced(home: Path) -> Iterator[Demo]:
    """A demo in a directory that is not there yet, taken down afterwards; one at a time, since all share a port."""
    template, summary = _made()
    shutil.copytree(template, home)
    with Practice(data_dir=home / "org", seed="demo", scale=SCALE) as org:
        ws = open_workspace(actor="ann", config=Settings(home=home, ca_file=org.env["ca_file"], database_url=""))
        yield Demo(home, ws, org, summary)
        ws.database.close()


@cache
def _made() -> tuple[Path, dict[str, Any]]:
    """What `syncline demo --once` makes, once per process, and what it printed."""
    folder = Path(tempfile.mkdtemp(prefix="syncline-demo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = folder / "demo"
    env = {k: v for k, v in os.environ.items() if not k.startswith("SYNCLINE_")}
    wishes = ["--once", "--json", "--data-dir", str(home), "--scale", str(SCALE)]
    command = [sys.executable, "-m", "core.cli", "demo", *wishes]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return home, json.loads(done.stdout.splitlines()[-1])


def disturb(demo: Demo) -> dict[str, str]:
    """Change records on both sides so that each cause has at least one; cause (with a dot, variants) -> its key."""
    states = demo.ws.frames.activities().filter(kind="call", sync_state="synced").select("id")
    calls = load_records(demo.ws.database, demo.ws.workspace_id, "activity").join(states, on="id").sort("id")
    theirs, ours, both, gone, cased = calls.drop_nulls("notes").head(5).iter_rows(named=True)
    org_ids = dict(demo.ws.frames.links().select("record_id", "org_id").iter_rows())
    for row, text in ((theirs, "Changed by Olga"), (both, "Changed by Olga"), (cased, str(cased["notes"]).upper())):
        demo.org.update("Task", org_ids[row["id"]], Description=text)
    demo.org.delete("Task", org_ids[gone["id"]])
    told = [_told(row, notes="Changed by Wim") for row in (ours, both)]
    told.append(_told(theirs, external_id="fresh-1", notes="A new one"))
    answers = demo.ws.take_in("activities", told, source=theirs["source"])
    assert [a.result for a in answers] == ["updated", "updated", "created"], answers
    person = demo.org.soql("SELECT Id FROM Contact WHERE IsDeleted = false ORDER BY Id LIMIT 1")[0]["Id"]
    demo.org.update("Contact", person, Title="Head of Mismatches")
    new = demo.org.create("Contact", LastName="Newcomer", Email="newcomer@fresh.example")
    return {
        "changed in the org": theirs["external_id"],
        "changed in the workspace": ours["external_id"],
        "conflict": both["external_id"],
        "missing in org": gone["external_id"],
        "case or format only": cased["external_id"],
        "not yet synced": "fresh-1",
        "changed in the org.person": person,
        "not yet synced.person": new,
    }


def _told(row: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An activity as its source would tell it again, later."""
    return {
        "source": row["source"],
        "external_id": row["external_id"],
        "kind": "call",
        "occurred_at": row["occurred_at"].isoformat(),
        "updated_at": "2027-01-01T00:00:00Z",
        "person": {k: row[f"person_{n}"] for k, n in _PERSON.items() if row[f"person_{n}"]},
        **changed,
    }


def copied(demo: Demo, home: Path) -> Path:
    """A copy of the demo's database in a home of its own, in which one written call has lost its link."""
    home.mkdir()
    with closing(sqlite3.connect(demo.home / "syncline.db")) as whole:
        whole.execute("VACUUM INTO ?", (str(home / "syncline.db"),))
    with closing(sqlite3.connect(home / "syncline.db")) as part:
        part.execute("DELETE FROM link WHERE id = (SELECT MIN(id) FROM link WHERE how = 'created_out')")
        part.commit()
    return home
