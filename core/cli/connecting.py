"""The commands about the org: connecting without a browser, and finding out whether all is well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, opened

if TYPE_CHECKING:
    from core.store.tables import Connection
    from core.workspace import Workspace

group = options.group("Connections to an org. For a sign-in in the browser, use the console: `syncline up`.")
SHOWN = ("name", "flow", "username", "org_id", "instance_url", "is_master", "state", "state_reason", "state_at")
COLORS = {"pass": "green", "warn": "yellow", "fail": "red"}
LoginUrl = Annotated[str, typer.Option("--login-url", metavar="URL", help="Where the org signs in.")]
ClientId = Annotated[
    str, typer.Option("--client-id", envvar="SYNCLINE_CLIENT_ID", help="Consumer key of the app in the org.")
]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(group, name="connect")
    app.command()(diagnose)


@group.command("list")
def list_connections(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the connections and their states."""
    show.table("Connections", [_shown(c) for c in opened(workspace).connections()], as_json=as_json)


@group.command("client-credentials")
def client_credentials(
    login_url: LoginUrl,
    client_id: ClientId,
    client_secret: Annotated[
        str,
        typer.Option("--client-secret", envvar="SYNCLINE_CLIENT_SECRET", prompt=True, hide_input=True,
                     help="Consumer secret; asked for where neither option nor variable gives it."),
    ],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:  # fmt: skip
    """Connect as the run-as user of an app (client credentials flow); the URL is the org's My Domain."""
    made = opened(workspace, make=True).connect_headless(
        flow="client_credentials", login_url=login_url, client_id=client_id, client_secret=client_secret
    )
    show.record(_shown(made), as_json=as_json)


@group.command("jwt")
def jwt(
    username: Annotated[str, typer.Option("--username", help="The integration user's name in the org.")],
    key_file: Annotated[Path, typer.Option("--key-file", metavar="FILE", help="The private key, as PEM.")],
    client_id: ClientId,
    login_url: LoginUrl = "https://login.salesforce.com",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Connect with a certificate (JWT bearer flow), for servers that nobody signs in on."""
    from core.errors import UsageError

    try:
        key = key_file.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The key file {key_file.name} cannot be read.") from None
    made = opened(workspace, make=True).connect_headless(
        flow="jwt", login_url=login_url, client_id=client_id, username=username, private_key=key
    )
    show.record(_shown(made), as_json=as_json)


@group.command("allow-host")
def allow_host(
    host: Annotated[str, typer.Argument(metavar="HOST", help="A host name, with its port where it has one.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List a host beside Salesforce's own as one that may be signed in to."""
    opened(workspace, make=True).allow_host(host)
    show.record({"host": host.lower(), "allowed": True}, as_json=as_json)


def _shown(connection: Connection) -> dict[str, Any]:
    return {name: getattr(connection, name) for name in SHOWN}


def diagnose(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Check database, worker, org and every job, in red, yellow and green; exit code 1 unless all is green."""
    rows = _checks(opened(workspace))
    if as_json:
        show.document(rows, as_json=True)
    else:
        said = [{**r, "result": f"{COLORS[r['result']]} ({r['result']})"} for r in rows]
        show.table("Checks", said, as_json=False, columns=("check", "result", "meaning", "mend"))
    raise typer.Exit(0 if all(r["result"] == "pass" for r in rows) else 1)


def _checks(ws: Workspace) -> list[dict[str, str]]:
    ready = ws.readiness()
    # Without a worker nothing runs by itself, but nothing is broken either.
    worker = "" if ready["worker"] else str(ready.get("worker_reason", ""))
    rows = [
        _check("database", "" if ready["database"] else str(ready.get("database_reason", "It does not answer."))),
        _check("worker", worker, worst="warn", mend="Start one: syncline up, or syncline worker."),
        _org(ws),
    ]
    if ws.row().is_paused:
        rows.append(
            _check("writing", "All writing to the org is paused.", worst="warn", mend="syncline resume lifts it.")
        )
    return rows + [row for spec in ws.specs() for row in _job(ws, spec.name)]


def _org(ws: Workspace) -> dict[str, str]:
    from core.errors import SynclineError

    try:
        allowance = ws.context().gateway.limits()["DailyApiRequests"]
    except SynclineError as error:
        return _check("org", error.message, mend=error.hint or "See the connection in the console.")
    left, of = allowance["Remaining"], allowance["Max"]
    if left * 10 < of:
        return _check("org", f"{left:,} of {of:,} API calls are left today.", worst="warn")
    return {
        "check": "org",
        "result": "pass",
        "meaning": f"It answers; {left:,} of {of:,} API calls are left.",
        "mend": "",
    }


def _job(ws: Workspace, name: str) -> list[dict[str, str]]:
    from core.errors import SynclineError

    try:
        found = [f for f in ws.validate(name) if f.severity != "pass"]
    except SynclineError as error:
        return [_check(f"job {name}", error.message, mend=error.hint or "")]
    if not found:
        return [_check(f"job {name}", "")]
    return [_check(f"job {name} {f.field}".strip(), f.message, worst=f.severity, mend=f.mend) for f in found]


def _check(name: str, amiss: str, *, worst: str = "fail", mend: str = "") -> dict[str, str]:
    return {"check": name, "result": worst if amiss else "pass", "meaning": amiss, "mend": mend if amiss else ""}
