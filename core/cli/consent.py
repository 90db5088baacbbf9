"""The commands about consent: its ledger, and opting somebody in again by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Consent: who has opted out of what, since when, and by whom.")
COLUMNS = ("at", "record_id", "name", "email", "channel", "state", "origin", "actor", "evidence")


@group.command("list")
def list_lines(
    person: Annotated[int | None, typer.Argument(metavar="[PERSON]", help="Only this person, by record_id.")] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Show the consent ledger, the oldest line first; with --json it is the export."""
    show.table("Consent", opened(workspace).consent(person).select(COLUMNS).to_dicts(), as_json=as_json)


@group.command("opt-in")
def opt_in(
    person: Annotated[int, typer.Argument(metavar="PERSON", help="The person's record_id, as `explain` shows it.")],
    channel: Annotated[str, typer.Option("--channel", help="email or phone.")],
    evidence: Annotated[str, typer.Option("--evidence", help="Why they may be opted in again; it is kept.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Opt a person in again by hand; the next runs tell the org."""
    opened(workspace).opt_in(person, channel, evidence)
    show.record({"person": person, "channel": channel, "state": "in"}, as_json=as_json)
