"""What the commands share: the options that each of them takes, and how they open the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.workspace import Workspace

FIRST = "default"
"""The workspace that is there without being named."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables and sentences.")]
InWorkspace = Annotated[str, typer.Option("--workspace", metavar="NAME", help="Which workspace.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of the job, as `syncline jobs list` shows it.")]
PlanId = Annotated[str, typer.Argument(metavar="PLAN", help="Id of the plan, as `syncline plans list` shows it.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, as `syncline runs list` shows it.")]


def group(about: str) -> typer.Typer:
    """A group of commands; without a command it prints its help."""
    return typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None)


def opened(name: str, *, make: bool = False) -> Workspace:
    """Open the workspace of the configured database.

    Args:
        name: the workspace.
        make: make it where it is not there; else a misspelled name would open an empty one.

    Raises:
        NotFound: there is no workspace of that name.
    """
    from core import logs
    from core.settings import settings
    from core.workspace import open_workspace

    logs.configure(settings().log)
    if not make and name != FIRST:
        _must_exist(name)
    return open_workspace(name)


def _must_exist(name: str) -> None:
    from core.errors import NotFound
    from core.settings import settings
    from core.store.database import Database

    database = Database(settings().url())
    known = workspaces(database)
    database.close()
    if name not in known:
        raise NotFound(f"There is no workspace called {name}.", hint=f"Workspaces: {', '.join(known) or 'none yet'}.")


def workspaces(database: object) -> list[str]:
    """The names of a database's workspaces; the tables are made where they are not there."""
    from core.store.database import Database
    from core.store.migrate import migrate

    assert isinstance(database, Database)  # noqa: S101
    migrate(database)
    return [str(n) for n in database.read("SELECT name FROM workspace ORDER BY id")["name"]]
