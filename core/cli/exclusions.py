"""The commands about exclusion lists: domains and people that no job carries over."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Exclusion lists: domains and people that no job carries over.")
Kind = Annotated[str, typer.Argument(metavar="LIST", help="domain or person.")]
Values = Annotated[list[str], typer.Argument(metavar="VALUE...", help="Domains, or e-mail addresses of people.")]


@group.command("list")
def list_exclusions(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Show what is excluded."""
    rows = [{"list": kind, "value": v} for kind, values in opened(workspace).exclusions().items() for v in values]
    show.table("Exclusions", rows, as_json=as_json)


@group.command("add")
def add(kind: Kind, values: Values, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Exclude domains or people; opt-outs are written back all the same."""
    show.record({"list": kind, "added": opened(workspace).exclude(kind, values)}, as_json=as_json)


@group.command("remove")
def remove(kind: Kind, values: Values, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Take domains or people off the list."""
    show.record({"list": kind, "removed": opened(workspace).exclude(kind, values, exclude=False)}, as_json=as_json)
