"""The commands about segments, and the org's list views that people and accounts are imported from."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Segments, and the org's list views that fill them.")
Object = Annotated[str, typer.Argument(metavar="OBJECT", help="Contact, Lead or Account.")]


@group.command("list")
def list_segments(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the segments with their members."""
    show.table("Segments", opened(workspace).segments(), as_json=as_json)


@group.command("views")
def list_views(sobject: Object, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the list views that the connected user may see; one that is missing is not shared with that user."""
    show.table("List views", opened(workspace).list_views(sobject), as_json=as_json)


@group.command("import")
def import_lists(
    sobject: Object,
    views: Annotated[list[str], typer.Argument(metavar="VIEW...", help="Developer names of list views.")],
    segment: Annotated[str, typer.Option("--segment", help="Segment that they join; none: they only come in.")] = "",
    new: Annotated[bool, typer.Option("--new", help="Make the segment; else it has to be there.")] = False,
    name: Annotated[str, typer.Option("--name", help="Name of the rule, to edit one.")] = "",
    enable: Annotated[bool, typer.Option("--enable", help="Switch its jobs on right away.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Make or edit an import rule; people bring their accounts along. Its jobs are off until they are enabled."""
    ws = opened(workspace)
    made = ws.import_lists(sobject, views, segment=segment, new=new, name=name)
    for spec in made if enable else ():
        ws.enable(spec.name)
    show.table("Jobs", [{"name": s.name, "title": s.title, "enabled": enable} for s in made], as_json=as_json)
