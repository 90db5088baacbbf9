"""The commands about configuration as a whole: as one file, who changed what, and what a day of calls costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.jobs import read_text
from core.cli.options import InWorkspace, Json, opened

group = options.group("Configuration as code, and who changed what and when.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A configuration, as `syncline config export` prints it.")]
COLUMNS = ("at", "actor", "kind", "subject", "detail")


@group.command("export")
def export(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Print the whole configuration as YAML; there is no org Id and no secret in it."""
    text = opened(workspace).export_config()
    if as_json:
        show.record({"yaml": text}, as_json=True)
    else:
        show.text(text)


@group.command("diff")
def diff(file: File, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Name every difference between the workspace and a file; exit code 1 if there is one."""
    lines = opened(workspace).diff_config(read_text(file))
    show.lines(lines if lines or as_json else ["No difference."], as_json=as_json)
    raise typer.Exit(1 if lines else 0)


@group.command("validate")
def validate(file: File, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Check every job of a file against the org without saving it; exit code 1 if something stops one."""
    found = opened(workspace).validate_config(read_text(file))
    rows = [
        {"job": job, "severity": f.severity, "field": f.field, "message": f.message, "mend": f.mend}
        for job, findings in found.items()
        for f in findings
    ]
    show.table("Findings", rows, as_json=as_json)
    raise typer.Exit(1 if any(r["severity"] == "fail" for r in rows) else 0)


@group.command("import")
def import_config(
    file: File,
    enable: Annotated[bool, typer.Option("--enable", help="Switch on the jobs that are on in the file.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Take a file over; jobs that it does not name stay as they are."""
    lines = opened(workspace).import_config(read_text(file), enable=enable)
    show.lines(lines if lines or as_json else ["No difference."], as_json=as_json)


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
