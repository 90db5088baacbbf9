"""The commands about the team's own words: custom fields, stages, outcomes, activity types."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("The team's own words: custom fields, stages, outcomes, activity types.")
Kind = Annotated[str, typer.Argument(metavar="KIND", help="account, person, record, call, task and so on.")]
WordList = Annotated[
    str, typer.Argument(metavar="LIST", help="person_stages, account_stages, outcomes or activity_types.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the field; mappings call it fields.NAME.")]


@group.command("list")
def list_words(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Show the custom fields and the word lists."""
    found = opened(workspace).vocabulary().model_dump(mode="json")
    if as_json:
        show.document(found, as_json=True)
        return
    rows = [{"what": f"field of {f['kind']}", "name": f["name"], "value": f["type"]} for f in found.pop("fields")]
    rows += [{"what": name, "name": word, "value": ""} for name, words in found.items() for word in words]
    show.table("Words", rows, as_json=False)


@group.command("set")
def set_words(
    name: Annotated[
        str, typer.Argument(metavar="LIST", help="person_stages, account_stages, outcomes or activity_types.")
    ],
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="The words, in their order.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Replace a list of words."""
    opened(workspace).set_words(name, words)
    show.record({"list": name, "words": words}, as_json=as_json)


@group.command("add-field")
def add_field(
    kind: Kind,
    name: Name,
    type: Annotated[str, typer.Option("--type", help="text, number, boolean, date, choice and so on.")] = "text",
    label: Annotated[str, typer.Option("--label", help="What people call it.")] = "",
    choices: Annotated[list[str] | None, typer.Option("--choice", help="One value of a choice; repeat it.")] = None,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Add a custom field, or change it."""
    opened(workspace).add_field(kind, name, type, label=label, choices=choices or ())
    show.record({"kind": kind, "field": f"fields.{name}", "type": type}, as_json=as_json)


@group.command("remove-field")
def remove_field(kind: Kind, name: Name, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Take a custom field away; the values that records have stay."""
    opened(workspace).remove_field(kind, name)
    show.record({"kind": kind, "removed": f"fields.{name}"}, as_json=as_json)
