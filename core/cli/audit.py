"""The commands of the audit: the monthly report, the tables as files, and the views for database tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Audit: tables for analysts, the double-entry balance, the monthly report.")


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
