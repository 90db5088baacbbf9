"""The commands about the team's people and the org users that they are."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("The team's people, and which org user each of them is.")
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail in the workspace.")]


@group.command("list")
def list_users(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the team's people with their org users."""
    show.table("Users", opened(workspace).users().to_dicts(), as_json=as_json)


@group.command("link")
def link(
    email: Email,
    org_user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="Id of the org user, 15 or 18 characters.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Link a person to an org user: what they do is theirs in the org too."""
    from core.errors import UsageError
    from core.values.ids import is_id, to18

    if not is_id(org_user_id) or not org_user_id.startswith("005"):
        raise UsageError(f"{org_user_id} is not the Id of an org user.", hint="It has 15 or 18 characters: 005...")
    opened(workspace).link_user(email, to18(org_user_id))
    show.record({"email": email, "org_user_id": to18(org_user_id)}, as_json=as_json)


@group.command("unlink")
def unlink(email: Email, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Take a person's link to an org user away."""
    opened(workspace).link_user(email, None)
    show.record({"email": email, "org_user_id": None}, as_json=as_json)
