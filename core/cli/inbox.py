"""The commands about rows that did not go: why, and a person's decision about the ambiguous ones."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, JobName, Json, opened

group = options.group("Inbox: rows that wait, are held, were rejected or are in doubt.")
QUESTION = ("item", "kind", "title", "field", "workspace", "org", "choices", "decided", "reason")
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


@group.command("questions")
def questions(
    job: Annotated[str | None, typer.Option("--job", help="Only questions of this job.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="conflict, delete, match, org_match, orphan, in_doubt, gone or plan.")
    ] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List what waits for a decision, with both values and the words that answer it."""
    found = opened(workspace).inbox(job=job, kind=kind)
    rows = found.to_dicts() if as_json else found.select(QUESTION).to_dicts()
    show.table("Questions", rows, as_json=as_json)


@group.command("decide")
def decide(
    items: Annotated[list[str], typer.Argument(metavar="ITEM...", help="As `syncline inbox questions` shows them.")],
    choice: Annotated[str, typer.Option("--choice", help="One of the choices that the question lists.")],
    record: Annotated[int | None, typer.Option("--record", help="With `record`: the record_id that is meant.")] = None,
    org_id: Annotated[
        str | None, typer.Option("--org-id", help="With `arrived` or `same`: the org record it is.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Why; kept with the decision.")] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Decide one or many questions alike, and run the jobs that carry it out."""
    from core.cli.progress import follow, working

    ws = opened(workspace)
    with working(ws):
        runs = ws.decide(items, choice, record_id=record, org_id=org_id, note=note)
        told = [follow(ws, r, quiet=as_json) for r in runs]
    show.runs(told, as_json=as_json)
    raise typer.Exit(show.exit_code(told))
