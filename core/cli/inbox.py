"""The commands about rows that did not go: why, and a person's decision about the ambiguous ones."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, JobName, Json, opened

group = options.group("Inbox: rows that wait, are held, were rejected or are in doubt.")
COLUMNS = ("job", "subject", "key", "title", "outcome", "cause", "reason", "tries")
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="The row, as `syncline inbox list` shows it.")]


@group.command("list")
def list_rows(
    job: Annotated[str | None, typer.Option("--job", help="Only rows of this job.")] = None,
    cause: Annotated[str | None, typer.Option("--cause", help="Only rows with this cause.")] = None,
    search: Annotated[str, typer.Option("--search", help="Only rows whose key or title contains this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 500,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List open rows with the reason."""
    rows = opened(workspace).open_rows(job=job, cause=cause, search=search, limit=limit)
    show.table("Open rows", rows.select(COLUMNS).to_dicts(), as_json=as_json)


@group.command("show")
def show_row(job: JobName, subject: Subject, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the records that an ambiguous row could mean."""
    show.table("Candidates", opened(workspace).candidates(job, subject).to_dicts(), as_json=as_json)


@group.command("decide")
def decide(
    job: JobName,
    subject: Subject,
    record_id: Annotated[int, typer.Argument(metavar="RECORD", help="A record_id of `syncline inbox show`.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Pick the record that an ambiguous row means, and push the row."""
    from core.cli.progress import follow, working
    from core.errors import UsageError

    ws = opened(workspace)
    ws.job(job)
    known = ws.candidates(job, subject)["record_id"].to_list()
    if known and record_id not in known:
        raise UsageError(f"{record_id} is none of the records that this row could mean.", hint=f"Choose of {known}.")
    with working(ws):
        told = follow(ws, ws.decide(job, subject, record_id), quiet=as_json)
    show.run(told, as_json=as_json)
    raise typer.Exit(show.exit_code([told]))
