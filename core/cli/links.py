"""The command about links: which workspace record is which org record, and how that came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

if TYPE_CHECKING:
    import polars as pl

group = options.group("Links: which workspace record is which org record.")
COLUMNS = ("id", "table_name", "record_id", "sobject", "org_id", "state", "how", "job", "run_id")


@group.command("show")
def show_links(
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="A record Id of the org, or a record_id of ours.")] = "",
    job: Annotated[str, typer.Option("--job", help="Only links made by this job.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many.")] = 100,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Show links: all, those of a job, or those of one record."""
    ws = opened(workspace)
    found = ws.frames.links()
    if key:
        found = found.filter(_is(found, key))
    if job:
        ws.job(job)
        found = found.filter(found["job"] == job)
    show.table("Links", found.head(limit).select(COLUMNS).to_dicts(), as_json=as_json)
    raise typer.Exit(1 if key and found.is_empty() else 0)


def _is(links: pl.DataFrame, key: str) -> pl.Series:
    from core.values.ids import is_id, to18

    if is_id(key):
        return links["org_id"] == to18(key)
    return links["record_id"].cast(str) == key


@group.command("repair")
def repair(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="account, person or activity.")],
    record: Annotated[int, typer.Argument(metavar="RECORD", help="Number of our record.")],
    org_id: Annotated[
        str, typer.Argument(metavar="[ORG_ID]", help="The org record it is; unlinks where left out.")
    ] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Link a record to the org record that it really is, or unlink it; who did it is recorded."""
    show.record(opened(workspace).repair_link(table, record, org_id or None), as_json=as_json)
