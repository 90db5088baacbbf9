"""The commands of the audit: the monthly report, the tables as files, and the views for database tools."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Audit: tables for analysts, the double-entry balance, the monthly report.")


@group.callback(invoke_without_command=True)
def month_of(
    ctx: typer.Context,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="As for report.")] = "",
    file_format: Annotated[str, typer.Option("--format", help="As for report.")] = "html",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Audit: tables for analysts, the double-entry balance, the monthly report (`--month` alone writes it too)."""
    if ctx.invoked_subcommand is None:
        report(month, file_format, as_json=as_json, workspace=workspace)


@group.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go.")],
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Only this table; may be repeated. All where left out.")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="csv, parquet or json (one object per line).")] = "csv",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Write the audit tables to files, one each; docs/audit.md says what their columns mean."""
    done = opened(workspace).audit_export(folder, table or [], file_format)
    show.table("Written", done, as_json=as_json)


@group.command("views")
def views(
    drop: Annotated[bool, typer.Option("--drop", help="Take the views away.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Make the audit tables views of the database (audit_runs, audit_results, ...), for tools that speak SQL."""
    show.lines(opened(workspace).audit_views(drop=drop), as_json=as_json)


@group.command("report")
def report(
    month: Annotated[
        str, typer.Option("--month", metavar="YYYY-MM", help="The month; the last one where left out.")
    ] = "",
    file_format: Annotated[str, typer.Option("--format", help="html, csv (a folder of tables) or json.")] = "html",
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to; audit-YYYY-MM in this folder if left out.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the org: only this side is balanced.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Write the audit of a month: volume, both sides of the balance, errors, and what is regularly missing.

    Exit code 1 if the books do not balance.
    """
    ws = opened(workspace)
    wanted = month or _last_month(ws.doors.clock.now())
    made = ws.audit_report(wanted, live=not offline)
    ending = {"csv": ""}.get(file_format, f".{file_format}")
    files = ws.write_report(made, out or Path(f"audit-{wanted}{ending}"), file_format)
    told = {"month": wanted, "balanced": made.balance.is_balanced, "files": [str(f) for f in files], **made.totals()}
    show.record(told, as_json=as_json)
    raise typer.Exit(0 if made.balance.is_balanced else 1)


def _last_month(now: datetime) -> str:
    return f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"
