"""The commands about people's data: erasing a person, handing over what is held, and how long values are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Privacy: erase a person, hand over what is held about them, keep values no longer than needed.")
Key = Annotated[str, typer.Argument(metavar="KEY", help="Any id, e-mail, phone or external id of the person.")]


@group.command("erase")
def erase(
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only counted.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Blank a person's values everywhere here; ids, hashes and the opt-out stay. The org is not touched."""
    ws = opened(workspace)
    show.record(ws.erase_person(key) if yes else ws.preview_erasure(key), as_json=as_json)


@group.command("held")
def held(
    key: Key,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Show everything that is held about a person, table by table."""
    found = opened(workspace).held_about(key)
    if out is None:
        show.document(found, as_json=as_json)
        return
    from core.private import private

    private(out).write_text(json.dumps(found, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    show.record({"file": str(out)}, as_json=as_json)


@group.command("retention")
def retention(
    requests: Annotated[int | None, typer.Option("--requests", min=1, help="Days for requests and answers.")] = None,
    before_values: Annotated[int | None, typer.Option("--before-values", min=1, help="Days for values before.")] = None,
    plans: Annotated[int | None, typer.Option("--plans", min=1, help="Days for the values in plans.")] = None,
    ledger_values: Annotated[int | None, typer.Option("--ledger-values", min=1, help="Days for decisions.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Reduce now what is older.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Show or set for how many days values are kept; --apply reduces older ones to ids, counts and hashes."""
    ws = opened(workspace)
    given = {"requests": requests, "before_values": before_values, "plans": plans, "ledger_values": ledger_values}
    days = {k: v for k, v in given.items() if v is not None}
    if days:
        ws.keep_for(**days)
    show.record(ws.apply_retention() if apply else ws.retention(), as_json=as_json)
