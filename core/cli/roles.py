"""The commands about roles: who of the team may see, plan, run, or edit and connect."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Roles: who of the team may see, plan, run, or edit and connect.")
Who = Annotated[str, typer.Argument(metavar="WHO", help="The person as they sign in: an e-mail or a user name.")]


@group.command("list")
def list_roles(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List who has which role; while nobody has one, everybody is an admin."""
    known = opened(workspace).list_members()
    show.table("Roles", [{"who": w, "role": r} for w, r in sorted(known.items())], as_json=as_json)


@group.command("set")
def set_role(
    who: Who,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, analyst, operator or admin.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Give somebody a role; whoever gives the first one becomes an admin by it."""
    opened(workspace).set_role(who, role)
    show.record({"who": who, "role": role}, as_json=as_json)


@group.command("remove")
def remove(who: Who, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Take somebody's role away: they may only look then."""
    opened(workspace).set_role(who, None)
    show.record({"who": who, "role": None}, as_json=as_json)
