"""The commands about duplicates: finding them, foretelling a merge, having the org do it."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Duplicates: records that are probably one, and what merging them does.")
MEMBER = ("group", "score", "place", "record_id", "org_id", "sobject", "side", "name", "email", "activities")
Ids = Annotated[list[str], typer.Argument(metavar="ORG_ID...", help="Two or more org Ids of one object.")]
Winner = Annotated[str, typer.Option("--winner", help="The one that stays; the first where left out.")]


@group.command("list")
def list_duplicates(
    kind: Annotated[str, typer.Option("--kind", help="person or account.")] = "person",
    least: Annotated[float, typer.Option("--least", help="Lowest score: 0.89 proposes, 0.998 is sure.")] = 0.89,
    live: Annotated[bool, typer.Option("--live", help="Also read what only the org has.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List groups of records that are probably one; place 1 is the one to keep. Exit code 1 if there are any."""
    found = opened(workspace).duplicates(kind, least=least, live=live)
    if as_json:
        show.document({"looked_at": found.looked_at, "groups": found.groups, "members": found.members.to_dicts(),
                       "pairs": found.pairs.to_dicts()}, as_json=True)  # fmt: skip
    else:
        show.table(f"{found.groups} groups among {found.looked_at:,}", found.members.select(MEMBER).to_dicts(),
                   as_json=False)  # fmt: skip
        show.table("Evidence", found.pairs.select("group", "score", "name_a", "name_b", "evidence").to_dicts(),
                   as_json=False)  # fmt: skip
    raise typer.Exit(1 if found.groups else 0)


@group.command("simulate")
def simulate(ids: Ids, winner: Winner = "", as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Foretell a merge: what survives, what moves, what the next runs write; nothing is written."""
    show.document(opened(workspace).simulate_merge(ids, winner or None).as_dict(), as_json=as_json)


@group.command("merge")
def merge(
    ids: Ids,
    winner: Winner = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this only the simulation is shown.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Have the org merge records, verify it, and ask for the runs that follow; exit code 1 if not as foretold."""
    ws = opened(workspace)
    plan = ws.simulate_merge(ids, winner or None)
    if not yes:
        show.document(plan.as_dict(), as_json=as_json)
        return
    done = ws.merge_records(plan)
    show.record(done, as_json=as_json)
    raise typer.Exit(0 if done["is_verified"] else 1)
