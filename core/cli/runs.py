"""The commands about runs: what happened, and pushing again what did not."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, RunId, opened

group = options.group("Runs: what happened, row by row.")
ROW = ("row", "key", "title", "outcome", "cause", "field", "reason", "org_id")


@group.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 30,
    job: Annotated[str | None, typer.Option("--job", help="Only runs of this job.")] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List the latest runs, the newest first."""
    ws = opened(workspace)
    if job:
        ws.job(job)
    show.runs(ws.runs(limit, job), as_json=as_json)


@group.command("show")
def show_run(
    run: RunId,
    outcome: Annotated[str, typer.Option("--outcome", help="Only rows with this outcome: held, rejected, ...")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many rows.")] = 200,
    after: Annotated[int, typer.Option("--after", min=0, help="Go on after this row number.")] = 0,
    rows: Annotated[bool, typer.Option("--rows", help="With --json: the rows too.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Show a run and its rows."""
    ws = opened(workspace)
    told = ws.run_info(run)
    if as_json and not (rows or outcome):
        show.document(told, as_json=True)
        return
    found = ws.run_results(run, outcome=outcome or None, after=after, limit=limit).select(ROW).to_dicts()
    if as_json:
        show.document({**told, "rows": found}, as_json=True)
        return
    show.run(told, as_json=False)
    show.table("Rows", found, as_json=False)


@group.command("retry")
def retry(
    job: Annotated[str, typer.Option("--job", help="Only rows of this job.")] = "",
    cause: Annotated[str, typer.Option("--cause", help="Only rows with this cause, as `inbox list` shows it.")] = "",
    row: Annotated[
        list[str] | None, typer.Option("--row", metavar="SUBJECT", help="This row; may be repeated.")
    ] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Push open rows again: all of them, or those of a job, of a cause, or named ones."""
    from core.cli.progress import follow, working

    ws = opened(workspace)
    if job:
        ws.job(job)
    with working(ws):
        told = [
            follow(ws, r, quiet=as_json) for r in ws.retry(job=job or None, cause=cause or None, subjects=row or [])
        ]
    show.runs(told, as_json=as_json)
    raise typer.Exit(show.exit_code(told))


@group.command("undo")
def undo(
    run: RunId,
    preview: Annotated[bool, typer.Option("--preview", help="Say what it would do, and do nothing.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Take back what a run wrote, as far as nobody has changed it since; the rest is listed."""
    from core.cli.progress import follow, working

    ws = opened(workspace)
    if preview:
        show.preview(ws.preview_undo(run), as_json=as_json)
        return
    with working(ws):
        told = follow(ws, ws.undo(run), quiet=as_json)
    show.run(told, as_json=as_json)
    raise typer.Exit(show.exit_code([told]))


@group.command("cancel")
def cancel(run: RunId, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Stop a run after the batch under way; what has been sent stays, and is recorded."""
    opened(workspace).cancel(run)
    show.record({"run_id": run, "cancel": "asked"}, as_json=as_json)
