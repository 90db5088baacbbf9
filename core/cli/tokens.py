"""The commands about tokens of the HTTP API: shown once, stored hashed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Tokens of the HTTP API: shown once, stored hashed.")
COLUMNS = ("name", "role", "created_at", "created_by", "last_used_at", "revoked_at")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]


@group.command("create")
def create(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="viewer, analyst, operator or admin.")] = "operator",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Make a token; its text is shown this once."""
    text = opened(workspace).create_token(name, role)
    show.record({"name": name, "role": role, "token": text}, as_json=as_json)


@group.command("list")
def list_tokens(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the tokens, without their texts."""
    rows = [asdict(t) for t in opened(workspace).list_tokens()]
    show.table("Tokens", [{c: r[c] for c in COLUMNS} for r in rows], as_json=as_json)


@group.command("revoke")
def revoke(name: Name, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """End a token at once."""
    opened(workspace).revoke_token(name)
    show.record({"name": name, "revoked": True}, as_json=as_json)
