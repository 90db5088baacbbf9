"""The command `syncline`: a thin face of `Workspace`; every command prints tables for people or JSON with ``--json``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli import show

app = typer.Typer(help="Sync an engagement workspace with Salesforce, both ways, and prove it.", no_args_is_help=True,
                  pretty_exceptions_enable=False, add_completion=False)  # fmt: skip
org = typer.Typer(help="The practice org: a Salesforce-compatible server on this machine.", no_args_is_help=True)
fault = typer.Typer(help="Fault switches of a running practice org.", no_args_is_help=True)
jobs = typer.Typer(help="What goes where, when, under which rules.", no_args_is_help=True)
plans = typer.Typer(help="Kept plans.", no_args_is_help=True)
runs = typer.Typer(help="What happened.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens, shown once, stored hashed.", no_args_is_help=True)
users = typer.Typer(help="The team's people and their org users.", no_args_is_help=True)
inbox = typer.Typer(help="Rows that wait for a person.", no_args_is_help=True)
for name, group in (
    ("org", org),
    ("jobs", jobs),
    ("plans", plans),
    ("runs", runs),
    ("tokens", tokens),
    ("users", users),
    ("inbox", inbox),
):
    app.add_typer(group, name=name)
org.add_typer(fault, name="fault")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InWorkspace = Annotated[str, typer.Option("--workspace", help="Name of the workspace.")]


def _open(workspace: str) -> Any:
    from core.workspace import open_workspace

    return open_workspace(workspace)


@app.callback(invoke_without_command=True)
def version_option(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version where asked."""
    if version:
        from core import __version__

        typer.echo(f"syncline {__version__}")
        raise typer.Exit


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="No console: run all sample jobs once and end.")] = False,
    port: int = 8501,
    data_dir: Annotated[Path | None, typer.Option(help="Where everything of the demo lives.")] = None,
    scale: float = 1.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete an earlier demo in the directory first.")] = False,
    database_url: Annotated[str, typer.Option(help="Another database than the demo's own SQLite file.")] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Start a practice org with sample data, connect it, sync, and open the console."""
    from core.cli.demo import Demo, Wishes

    wishes = Wishes(once, port, data_dir, scale, fresh, database_url, as_json, workspace)
    raise typer.Exit(Demo(wishes).run())


@app.command()
def up(port: int = 8501, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Start the worker and the console on the configured database, until stopped."""
    from core.cli.launch import Launcher

    _open(workspace)
    raise typer.Exit(Launcher(port=port, as_json=as_json, workspace=workspace).serve())


@app.command()
def worker(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Start one worker alone; on SQLite a second one is refused."""
    from core.cli.launch import work

    raise typer.Exit(work(_open(workspace), as_json=as_json))


@app.command()
def intake(
    files: list[Path],
    kind: Annotated[
        str, typer.Option("--kind", help="accounts, people, activities, users, optouts, scores, segments")
    ] = "activities",
    template: Annotated[str, typer.Option(help="Print the CSV header of a kind and end.")] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Load files (CSV, NDJSON, Parquet) into the workspace; broken rows are reported, the others load."""
    ws = _open(workspace)
    answers = [{"file": str(f), **asdict(a)} for f in files for a in ws.take_in_file(kind, f)]
    broken = show.intake(answers, as_json=as_json)
    raise typer.Exit(1 if broken else 0)


@app.command()
def template(kind: str) -> None:
    """Print the CSV header of an intake kind."""
    from core.connections.intake import template as header

    typer.echo(header(kind))


@app.command()
def connect(
    login_url: str = "https://login.salesforce.com",
    client_id: Annotated[str, typer.Option(envvar="SYNCLINE_CLIENT_ID")] = "",
    client_secret: Annotated[
        str, typer.Option(envvar="SYNCLINE_CLIENT_SECRET", help="Prefer the environment variable.")
    ] = "",
    flow: Annotated[
        str, typer.Option(help="jwt or client_credentials; for the browser use the console.")
    ] = "client_credentials",
    username: str = "",
    key_file: Path | None = None,
    allow_host: Annotated[str, typer.Option(help="List a host beside Salesforce's own first.")] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Connect to an org without a browser."""
    ws = _open(workspace)
    if allow_host:
        ws.allow_host(allow_host)
    key = key_file.read_text() if key_file else ""
    made = ws.connect_headless(flow=flow, login_url=login_url, client_id=client_id, client_secret=client_secret,
                               username=username, private_key=key)  # fmt: skip
    show.record(
        {"username": made.username, "org_id": made.org_id, "instance_url": made.instance_url, "state": made.state},
        as_json=as_json,
    )


@app.command()
def diagnose(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Check database, worker and org, and validate every job: red, yellow, green."""
    ws = _open(workspace)
    rows = [
        {"check": k, "result": "pass" if v is True else "fail", "meaning": "" if v is True else str(v)}
        for k, v in ws.readiness().items()
    ]
    for spec in ws.specs():
        rows += [{"check": f"{spec.name} {f.field}".strip(), "result": str(f.severity), "meaning": f.sentence()}
                 for f in ws.validate(spec) if f.severity != "pass"]  # fmt: skip
    show.table("Checks", rows, as_json=as_json)
    raise typer.Exit(1 if any(r["result"] == "fail" for r in rows) else 0)


@app.command()
def pause(all_: Annotated[bool, typer.Option("--all", help="Everything; the only choice now.")] = True,
          as_json: Json = False, workspace: InWorkspace = "default") -> None:  # fmt: skip
    """Stop all writes to the org at once."""
    _open(workspace).pause()
    show.record({"paused": True}, as_json=as_json)


@app.command()
def resume(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Let writes go on."""
    _open(workspace).resume()
    show.record({"paused": False}, as_json=as_json)


@app.command()
def explain(key: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Tell one record's whole story: any id, e-mail, phone or external id."""
    told = _open(workspace).explain(key)
    show.document(told, as_json=as_json)


# -- org


@org.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def org_serve(ctx: typer.Context) -> None:
    """Start the practice org; see `syncline org serve --help` of the server for its options."""
    _practice("serve", ctx.args)


@fault.command("list", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def fault_list(ctx: typer.Context) -> None:
    """List the faults and which are on."""
    _practice("fault", ["list", *ctx.args])


@fault.command("on", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def fault_on(ctx: typer.Context) -> None:
    """Switch a fault on: NAME [--rate R] [--count N]."""
    _practice("fault", ["on", *ctx.args])


@fault.command("off", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def fault_off(ctx: typer.Context) -> None:
    """Switch a fault off: NAME."""
    _practice("fault", ["off", *ctx.args])


def _practice(command: str, args: list[str]) -> None:
    """Become the practice org's own command line; it is a program of its own and imports nothing of ours."""
    import sys

    if command == "fault" and "--data-dir" not in args:
        args = [*args, "--data-dir", str(show.demo_dir() / "org")]
    os.execv(sys.executable, [sys.executable, "-m", "local_org", command, *args])  # noqa: S606


# -- jobs


@jobs.command("list")
def jobs_list(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List jobs."""
    show.table("Jobs", _open(workspace).jobs(), as_json=as_json,
               columns=("name", "title", "direction", "is_enabled", "schedule", "next_run_at", "linked"))  # fmt: skip


@jobs.command("show")
def jobs_show(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Show a job's spec."""
    show.document(_open(workspace).job(job).model_dump(mode="json"), as_json=as_json)


@jobs.command("create")
def jobs_create(
    template: str,
    name: str | None = None,
    enable: bool = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Make a job from a template; it is off until enabled. Templates: accounts_in, people_in, calls_out, tasks_in, …"""
    ws = _open(workspace)
    spec = ws.create_job(template, name)
    if enable:
        ws.enable(spec.name)
    show.record({"job": spec.name, "title": spec.title, "enabled": enable}, as_json=as_json)


@jobs.command("preview")
def jobs_preview(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Say what a run would do now; nothing is written."""
    show.preview(_open(workspace).preview(job), as_json=as_json)


@jobs.command("validate")
def jobs_validate(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Name every finding of a job."""
    found = _open(workspace).validate(job)
    rows = [{"severity": str(f.severity), "field": f.field, "message": f.message, "mend": f.mend} for f in found]
    show.table("Findings", rows, as_json=as_json)
    raise typer.Exit(1 if any(r["severity"] == "fail" for r in rows) else 0)


@jobs.command("plan")
def jobs_plan(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Make and keep a plan."""
    show.record({"plan_id": _open(workspace).plan(job)}, as_json=as_json)


@jobs.command("run")
def jobs_run(
    job: str,
    plan: Annotated[str, typer.Option(help="Apply this kept plan.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Ignore the marks.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Run a job to its end."""
    ws = _open(workspace)
    told = ws.wait(ws.apply(plan)) if plan else ws.run(job, full=full)
    show.run(told, as_json=as_json)
    raise typer.Exit(0 if told["status"] == "complete" else 1)


@jobs.command("enable")
def jobs_enable(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Switch a job on."""
    _open(workspace).enable(job)
    show.record({"job": job, "enabled": True}, as_json=as_json)


@jobs.command("disable")
def jobs_disable(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Switch a job off."""
    _open(workspace).disable(job)
    show.record({"job": job, "enabled": False}, as_json=as_json)


@jobs.command("export")
def jobs_export(job: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Print a job as YAML."""
    from core.mapping.config import to_yaml

    spec = _open(workspace).job(job)
    if as_json:
        show.document(spec.model_dump(mode="json"), as_json=True)
    else:
        typer.echo(to_yaml(spec), nl=False)


@jobs.command("import")
def jobs_import(file: Path, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Read a job from YAML; it is saved, and on only if it was on before."""
    from core.mapping.config import from_yaml

    spec = _open(workspace).save_job(from_yaml(file.read_text()))
    show.record({"job": spec.name, "saved": True}, as_json=as_json)


@jobs.command("diff")
def jobs_diff(file: Path, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Say how a YAML file differs from the job it names."""
    from core.mapping.config import diff, from_yaml

    spec = from_yaml(file.read_text())
    lines = [str(line) for line in diff(_open(workspace).job(spec.name), spec)]
    show.lines(lines or ["No difference."], as_json=as_json)


# -- plans


@plans.command("list")
def plans_list(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List kept plans."""
    rows = _open(workspace).plans().select("plan_id", "job", "status", "made_by", "made_at", "approved_by").to_dicts()
    show.table("Plans", rows, as_json=as_json)


@plans.command("show")
def plans_show(plan: str, outcome: str = "", as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Show a plan's rows."""
    rows = _open(workspace).plan_rows(plan, outcome=outcome or None, limit=500)
    show.table(
        "Rows",
        rows.select("row", "key", "title", "action", "outcome", "cause", "reason", "payload", "before").to_dicts(),
        as_json=as_json,
    )


@plans.command("approve")
def plans_approve(plan: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Agree to a plan."""
    _open(workspace).approve(plan)
    show.record({"plan_id": plan, "status": "approved"}, as_json=as_json)


@plans.command("apply")
def plans_apply(plan: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Apply a plan."""
    ws = _open(workspace)
    told = ws.wait(ws.apply(plan))
    show.run(told, as_json=as_json)
    raise typer.Exit(0 if told["status"] == "complete" else 1)


@plans.command("discard")
def plans_discard(plan: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Throw a plan away."""
    _open(workspace).discard(plan)
    show.record({"plan_id": plan, "status": "discarded"}, as_json=as_json)


# -- runs


@runs.command("list")
def runs_list(limit: int = 30, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the latest runs."""
    show.runs(_open(workspace).runs(limit), as_json=as_json)


@runs.command("show")
def runs_show(run: str, outcome: str = "", as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Show a run and its rows."""
    ws = _open(workspace)
    info = ws.run_info(run)
    if as_json:
        show.document(info, as_json=True)
        return
    show.run(info, as_json=False)
    rows = ws.run_results(run, outcome=outcome or None, limit=200)
    show.table(
        "Rows", rows.select("row", "key", "title", "outcome", "cause", "reason", "org_id").to_dicts(), as_json=False
    )


@runs.command("retry")
def runs_retry(
    job: str = "", cause: str = "", row: Annotated[list[str] | None, typer.Option(help="Subject of a row; repeat.")] = None,
    as_json: Json = False, workspace: InWorkspace = "default",
) -> None:  # fmt: skip
    """Push open rows again: all, of one job, of one cause, or those named."""
    ws = _open(workspace)
    told = [ws.wait(r) for r in ws.retry(job=job or None, cause=cause or None, subjects=row or [])]
    show.runs(told, as_json=as_json)


@runs.command("cancel")
def runs_cancel(run: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Stop a run after the batch under way."""
    _open(workspace).cancel(run)
    show.record({"run_id": run, "cancel": "asked"}, as_json=as_json)


# -- inbox, tokens, users


@inbox.command("list")
def inbox_list(cause: str = "", as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List rows that wait, are held, were rejected or are in doubt."""
    rows = _open(workspace).open_rows(cause=cause or None, limit=500)
    show.table(
        "Open rows",
        rows.select("job", "subject", "key", "title", "outcome", "cause", "reason", "tries").to_dicts(),
        as_json=as_json,
    )


@inbox.command("decide")
def inbox_decide(
    job: str, subject: str, record_id: int, as_json: Json = False, workspace: InWorkspace = "default"
) -> None:
    """Pick the person that an ambiguous row means."""
    ws = _open(workspace)
    show.run(ws.wait(ws.decide(job, subject, record_id)), as_json=as_json)


@tokens.command("create")
def tokens_create(name: str, role: str = "operator", as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Make a token; it is shown this once."""
    show.record({"name": name, "role": role, "token": _open(workspace).create_token(name, role)}, as_json=as_json)


@tokens.command("list")
def tokens_list(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List tokens."""
    rows = [{"name": t.name, "role": t.role} for t in _open(workspace).list_tokens()]
    show.table("Tokens", rows, as_json=as_json)


@tokens.command("revoke")
def tokens_revoke(name: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """End a token."""
    _open(workspace).revoke_token(name)
    show.record({"name": name, "revoked": True}, as_json=as_json)


@users.command("list")
def users_list(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the team's people and their org users."""
    show.table("Users", _open(workspace).users().to_dicts(), as_json=as_json)


@users.command("link")
def users_link(email: str, org_user_id: str, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Link a workspace user to an org user."""
    _open(workspace).link_user(email, org_user_id)
    show.record({"email": email, "org_user_id": org_user_id}, as_json=as_json)


def main() -> None:
    """Run the command line; an error a person can mend is one sentence and exit code 2."""
    from core.errors import SynclineError, UsageError

    try:
        app()
    except SynclineError as error:
        show.error(error)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
