"""The commands that start something and stay: `demo`, `up` and `worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import InWorkspace, Json, opened

Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Port of the console on this machine; 0 takes a free one.")
]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(demo)
    app.command()(up)
    app.command()(worker)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="No console: run the sample jobs once, print a summary.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Port of the console; 8501, or the one of the last start."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="DIR", help="Where everything of the demo lives. Default: $SYNCLINE_HOME/demo."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option("--scale", min=0.01, max=100, help="Size of the sample data; 1 is about 2,000 contacts."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the demo that is in the directory first.")] = False,
    database_url: Annotated[
        str, typer.Option("--database-url", metavar="URL", help="An empty PostgreSQL database instead of SQLite.")
    ] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Start a practice org with sample data, connect to it, sync, and open the console on it.

    Nothing outside the data directory is touched, and everything that was started ends with the command.
    """
    from core.cli.demo import Demo, Wishes

    wishes = Wishes(once, port, data_dir, scale, fresh, database_url, as_json, workspace)
    raise typer.Exit(Demo(wishes).run())


def up(port: Port = 8501, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Start worker and console on the configured database, until stopped."""
    from core.cli.launch import serve

    raise typer.Exit(serve(opened(workspace, make=True), port=port, as_json=as_json))


def worker(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Start one worker alone, until stopped; on SQLite there can be only one."""
    from core.cli.launch import work

    raise typer.Exit(work(opened(workspace, make=True), as_json=as_json))
