"""The commands about configuration as a whole: who changed what, and what a day of calls costs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Configuration: who changed what, and when.")
COLUMNS = ("at", "actor", "kind", "subject", "detail")


@group.command("log")
def log(
    search: Annotated[str, typer.Option("--search", help="Only changes with this in subject, actor or kind.")] = "",
    topic: Annotated[str, typer.Option("--topic", help="job, connection, user, role, token, hosts, alerts ...")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 100,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List changes of configuration, newest first; JSON carries the values before and after."""
    rows = opened(workspace).config_log(topic=topic, search=search, limit=limit).drop("total").to_dicts()
    if as_json:
        full = [{**r, "body": json.loads(r["body"]) if r["body"] else None} for r in rows]
        show.table("Changes", full, as_json=True)
        return
    show.table("Changes", [{c: r[c] for c in COLUMNS} for r in rows], as_json=False)


def budget(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Say what the org's API allowance went to, and what a day of each job costs."""
    found = opened(workspace).api_budget()
    rows = [
        {
            "job": load.job,
            "on": load.is_on,
            "runs_per_day": round(load.runs_per_day, 1),
            "rows_per_day": round(load.rows_per_day, 1),
            "calls_per_day": round(load.calls_per_day, 1),
            "last_24h": found["last_24h"].get(load.job, 0),
        }
        for load in found["loads"]
    ]
    if as_json:
        told = found["forecast"]
        head = {k: found[k] for k in ("limit", "used", "ours", "others", "by_day")}
        show.record({**head, "jobs": rows, "forecast": told.ours, "share": told.share}, as_json=True)
        return
    show.table("API calls of a day", rows, as_json=False)
