"""The commands of every day that stand alone: taking files in, telling a record's story, pausing and going on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli import show
from core.cli.options import InWorkspace, Json, opened


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(intake)
    app.command()(explain)
    app.command()(bundle)
    app.command()(pause)
    app.command()(resume)


def intake(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="CSV, NDJSON or Parquet.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="accounts, people, activities, users, optouts, scores or segments."),
    ] = None,
    template: Annotated[str | None, typer.Option("--template", metavar="KIND", help="Print a CSV header.")] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Load files into the workspace; broken rows are reported with line and reason, the others load.

    Exit code 1 if a row was rejected. Loading the same file again changes nothing.
    """
    from core.errors import UsageError

    if template is not None:
        _header(template, as_json=as_json)
        return
    if kind is None:
        raise UsageError("Say what the rows are with --kind.", hint="As in: syncline intake --kind activities FILE.")
    _known(kind)
    if not files:
        raise UsageError("There is no file to load.", hint=f"A header for one: syncline intake --template {kind}.")
    _readable(files)
    ws = opened(workspace, make=True)
    answers = [{"file": f.name, **asdict(a)} for f in files for a in ws.take_in_file(kind, f)]
    raise typer.Exit(1 if show.intake(answers, as_json=as_json) else 0)


def _known(kind: str) -> None:
    from core.connections.intake import KINDS
    from core.errors import UsageError

    if kind not in KINDS:
        raise UsageError(f"There is no kind called {kind}.", hint=f"Kinds: {', '.join(KINDS)}.")


def _readable(files: list[Path]) -> None:
    """All files first: none is loaded when the last one's name is misspelled."""
    from core.errors import UsageError

    for file in files:
        if not file.is_file():
            raise UsageError(f"There is no file {file}.", hint="Nothing was loaded.")


def _header(kind: str, *, as_json: bool) -> None:
    from core.connections.intake import template as header

    _known(kind)
    text = header(kind)
    if as_json:
        show.document({"kind": kind, "columns": text.split(",")}, as_json=True)
    else:
        show.text(text + "\n")


def explain(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Any id, e-mail, phone or external id.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Tell one record's whole story: both sides, its link, every run that touched it."""
    show.document(opened(workspace).explain(key), as_json=as_json)


def bundle(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Any id, e-mail, phone or external id.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The file; bundle-KEY.zip in this folder if left out.")
    ] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Pack one record's story for support; secrets and other people's data are left out.

    With --json and without --out it is printed.
    """
    ws = opened(workspace)
    if as_json and out is None:
        show.document(ws.bundle(key), as_json=True)
        return
    plain = "".join(c if c.isalnum() else "-" for c in key)[:60]
    made = ws.write_bundle(key, out or Path(f"bundle-{plain}.zip"))
    show.record({"file": str(made)}, as_json=as_json)


def pause(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Switch off this job only.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Stop all writing to the org.")] = False,
    reading: Annotated[bool, typer.Option("--reading", help="With --all: stop reading from the org too.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Stop one job, or with --all every write to the org, at once and through restarts.

    What has been sent is finished, so that nothing is left in doubt.
    """
    from core.errors import UsageError

    if all_ == (job is not None):
        raise UsageError("Name one job to stop, or say --all.", hint="syncline pause --all stops all writing.")
    ws = opened(workspace)
    if job is None:
        ws.pause(reading=reading)
        show.record({"paused": True, **({"reading_paused": True} if reading else {})}, as_json=as_json)
        return
    ws.disable(job)
    show.record({"job": job, "enabled": False}, as_json=as_json)


def resume(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Switch this job on again.")] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Let writing go on after `pause --all`, or switch one job on again."""
    ws = opened(workspace)
    if job is None:
        ws.resume()
        show.record({"paused": False}, as_json=as_json)
        return
    ws.enable(job)
    show.record({"job": job, "enabled": True}, as_json=as_json)
