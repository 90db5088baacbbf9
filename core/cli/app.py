"""Puts the commands together, runs the one that was asked for, and turns what went wrong into a sentence and a code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from core.cli import (
    alerts,
    audit,
    basics,
    config,
    connecting,
    consent,
    duplicates,
    exclusions,
    inbox,
    jobs,
    links,
    plans,
    practice,
    privacy,
    roles,
    runs,
    segments,
    show,
    starting,
    tokens,
    users,
    words,
)

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    help="Sync an engagement workspace with Salesforce, both ways, and prove it record by record.",
    epilog="Begin with `syncline demo`. Exit codes: 0 fine, 1 findings or failed rows, 2 used wrongly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)
starting.add_to(app)
connecting.add_to(app)
basics.add_to(app)
app.command()(config.budget)
for _name, _group in (
    ("jobs", jobs.group),
    ("plans", plans.group),
    ("runs", runs.group),
    ("consent", consent.group),
    ("inbox", inbox.group),
    ("links", links.group),
    ("users", users.group),
    ("segments", segments.group),
    ("tokens", tokens.group),
    ("alerts", alerts.group),
    ("config", config.group),
    ("audit", audit.group),
    ("duplicates", duplicates.group),
    ("roles", roles.group),
    ("privacy", privacy.group),
    ("exclusions", exclusions.group),
    ("words", words.group),
    ("org", practice.group),
):
    app.add_typer(_group, name=_name)


@app.callback(invoke_without_command=True)
def head(
    ctx: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False
) -> None:
    """Sync an engagement workspace with Salesforce, both ways, and prove it record by record."""
    if version:
        from core import __version__

        typer.echo(f"syncline {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(MISUSED)


def run() -> int:
    """Run the command line of this process and return its exit code."""
    try:
        return int(app(standalone_mode=False, prog_name="syncline") or 0)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; what is left in the buffer must not raise again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as problem:
        return _told(problem)


def _told(problem: Exception) -> int:
    from core.errors import SynclineError, UsageError

    if isinstance(problem, SynclineError):
        show.error(type(problem).__name__, problem.message, problem.hint)
        return MISUSED if isinstance(problem, UsageError) else FAILED
    if hasattr(problem, "format_message"):
        return _misused(problem)
    if os.environ.get("SYNCLINE_LOG", "").upper() == "DEBUG":
        raise problem
    show.error(*_unforeseen(problem))
    return FAILED


def _misused(problem: Exception) -> int:
    """A command line that the parser refused: an unknown option, an argument that is missing or of the wrong kind."""
    ctx = getattr(problem, "ctx", None)
    path = ctx.command_path if ctx else "syncline"
    text = str(problem.format_message())  # type: ignore[attr-defined]
    if type(problem).__name__ == "NoArgsIsHelpError":
        if "--json" in sys.argv:
            show.error("UsageError", f"{path} needs a command.", f"See {path} --help.")
        else:
            sys.stderr.write(text + "\n")
        return MISUSED
    show.error("UsageError", text if text.endswith((".", "?", "!")) else f"{text}.", f"See {path} --help.")
    return MISUSED


def _unforeseen(problem: Exception) -> tuple[str, str, str]:
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    hint = "SYNCLINE_LOG=DEBUG shows where."
    if isinstance(problem, DBAPIError):
        lines = str(problem.orig).strip().splitlines() or [type(problem).__name__]
        return "StoreError", f"The database did not answer: {lines[0].rstrip('.')}.", "Look at SYNCLINE_DATABASE_URL."
    if isinstance(problem, ValidationError):
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(p) for p in first["loc"])
        return "UsageError", f"{problem.title}: {where}: {first['msg']}.", hint
    if isinstance(problem, OSError) and problem.strerror:
        where = f"{problem.filename}: " if problem.filename else ""
        return type(problem).__name__, f"{where}{problem.strerror}.", hint
    return type(problem).__name__, f"Something went wrong that should not: {type(problem).__name__}.", hint
