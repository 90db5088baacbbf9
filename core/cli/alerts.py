"""The commands about alerts: how things stand, who is told, and what is muted."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

group = options.group("Alerts: who is told when a job, the connection or the allowance goes bad, or well again.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the channel.")]


@group.command("list")
def list_alerts(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the level of each job, the connection and the allowance, as of the worker's last look."""
    states = opened(workspace).alerts()["states"]
    rows = [{"subject": s, **{k: v[k] for k in ("level", "since", "why")}} for s, v in sorted(states.items())]
    show.table("Alerts", rows, as_json=as_json)


@group.command("channels")
def channels(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List where alerts go."""
    show.table("Channels", opened(workspace).alerts()["channels"], as_json=as_json)


@group.command("add")
def add(
    name: Name,
    target: Annotated[str, typer.Argument(metavar="ADDRESS", help="https://... or an e-mail address.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Have alerts sent to a webhook or an e-mail address."""
    kind = "webhook" if "://" in target else "email"
    opened(workspace).add_alert_channel(name, kind, target)
    show.record({"name": name, "kind": kind}, as_json=as_json)


@group.command("remove")
def remove(name: Name, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Send no alerts there any more."""
    opened(workspace).remove_alert_channel(name)
    show.record({"name": name, "removed": True}, as_json=as_json)


@group.command("try")
def try_channel(name: Name, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Send a trial notice."""
    opened(workspace).try_alert_channel(name)
    show.record({"name": name, "delivered": True}, as_json=as_json)


@group.command("mute")
def mute(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="job:NAME, connection, api or all.")] = "all",
    hours: Annotated[float, typer.Option("--hours", min=0, help="For so long; 0 ends it.")] = 24,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Keep a subject silent for a while."""
    opened(workspace).mute_alerts(subject, hours)
    show.record({"subject": subject, "muted_hours": hours}, as_json=as_json)
