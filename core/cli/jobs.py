"""The commands about jobs: what goes where, when, and under which rules."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, JobName, Json, opened
from core.records import Direction

group = options.group("Jobs: what goes where, when, and under which rules.")
COLUMNS = ("name", "title", "direction", "is_enabled", "schedule", "next_run_at", "linked")
JobFile = Annotated[Path, typer.Argument(metavar="FILE", help="A job as YAML, as `syncline jobs export` prints it.")]


@group.command("list")
def list_jobs(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """List the jobs, and whether they are switched on."""
    show.table("Jobs", opened(workspace).jobs(), as_json=as_json, columns=COLUMNS)


@group.command("show")
def show_job(job: JobName, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Show everything that a job is told to do."""
    spec = opened(workspace).job(job)
    if as_json:
        show.document(spec.model_dump(mode="json"), as_json=True)
        return
    from core.mapping.config import to_yaml

    show.text(to_yaml(spec))


@group.command("create")
def create(
    template: Annotated[str, typer.Argument(help="A template; without one they are listed.")] = "",
    name: Annotated[str | None, typer.Option("--name", help="Another name than the template's.")] = None,
    enable: Annotated[bool, typer.Option("--enable", help="Switch it on right away.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Make a job from a template; it is off until it is enabled."""
    ws = opened(workspace)
    if not template:
        show.table("Templates", ws.templates(), as_json=as_json, columns=("name", "title", "summary"))
        return
    spec = ws.create_job(template, name)
    if enable:
        ws.enable(spec.name)
    show.record({"job": spec.name, "title": spec.title, "enabled": enable}, as_json=as_json)


@group.command("preset")
def from_preset(
    name: Annotated[str, typer.Argument(metavar="PRESET", help="A preset; without one they are listed.")] = "",
    pick: Annotated[list[str] | None, typer.Option("--pick", metavar="ROLE=OBJECT", help="Another object.")] = None,
    calls: Annotated[str | None, typer.Option("--attach", metavar="JOB", help="Attach its activities to them.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what of it the org does not have.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Make the jobs for properties, listings and deals of a style of org; they are off until they are enabled."""
    ws = opened(workspace)
    if not name:
        show.table("Presets", ws.presets(), as_json=as_json, columns=("name", "title", "note"))
        return
    picks = {role: found for role, _, found in (p.partition("=") for p in pick or ())}
    findings = [{"field": f.field, "message": f.message, "mend": f.mend} for f in ws.check_preset(name, picks)]
    if check:
        show.table("Findings", findings, as_json=as_json)
        return
    made = ws.create_preset_jobs(name, picks, calls=calls)
    show.table("Jobs", [{"name": s.name, "object": s.pairs[0].sobject} for s in made], as_json=as_json)


@group.command("preview")
def preview(job: JobName, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Say what a run would do now; reads the org and writes nothing."""
    show.preview(opened(workspace).preview(job), as_json=as_json)


@group.command("validate")
def validate(job: JobName, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Name everything that is wrong with a job; exit code 1 if something stops it."""
    rows = [
        {"severity": f.severity, "object": f.sobject, "field": f.field, "message": f.message, "mend": f.mend}
        for f in opened(workspace).validate(job)
    ]
    show.table("Findings", rows, as_json=as_json)
    raise typer.Exit(1 if any(r["severity"] == "fail" for r in rows) else 0)


@group.command("filter")
def check_filter(
    sobject: Annotated[str, typer.Argument(metavar="OBJECT", help="The org object that is filtered.")],
    where: Annotated[str, typer.Argument(metavar="SOQL", help="What stands after WHERE.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Check a SOQL filter against the org: fields, permissions, and what it costs; exit code 1 if it cannot be used."""
    found = opened(workspace).check_filter(sobject, where)
    rows = [{"severity": f.severity, "field": f.field, "message": f.message, "mend": f.mend} for f in found]
    show.table("Findings", rows, as_json=as_json)
    raise typer.Exit(1 if any(r["severity"] == "fail" for r in rows) else 0)


@group.command("fields")
def fields(
    sobject: Annotated[str, typer.Argument(metavar="OBJECT", help="The org object.")],
    direction: Annotated[Direction, typer.Option("--direction", help="Whether they are written or read.")] = (
        Direction.OUTBOUND
    ),
    record_type: Annotated[str, typer.Option("--record-type", help="Developer name; picklists are then its own.")] = "",
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List an object's fields: type, length, required, writable, hidden, formula, picklist; what can be no target."""
    found = opened(workspace).org_fields(sobject, direction=direction, record_type=record_type)
    show.table("Fields", [asdict(f) for f in found], as_json=as_json)


@group.command("plan")
def plan(job: JobName, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Make a plan and keep it, to be looked at and applied later."""
    from core.cli.progress import working

    ws = opened(workspace)
    with working(ws):
        plan_id = ws.plan(job)
    show.record({"plan_id": plan_id}, as_json=as_json)


@group.command("run")
def run(
    job: JobName,
    plan: Annotated[str, typer.Option("--plan", metavar="PLAN", help="Apply this kept plan.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Look at everything again, not only at what is new.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Run a job to its end; exit code 1 unless it is complete."""
    from core.cli.progress import follow, working
    from core.errors import UsageError

    if plan and full:
        raise UsageError("A kept plan is applied as it is: --plan and --full do not go together.")
    ws = opened(workspace)
    ws.job(job)
    if plan:
        _must_be_of(ws.plans(1000).filter(plan_id=plan)["job"].to_list(), plan, job)
    with working(ws):
        run_id = ws.apply(plan) if plan else ws.request_run(job, full=full)
        told = follow(ws, run_id, quiet=as_json)
    show.run(told, as_json=as_json)
    raise typer.Exit(show.exit_code([told]))


@group.command("try")
def try_job(
    job: JobName,
    user: Annotated[str, typer.Option("--user", metavar="EMAIL", help="The person whose activities are sent.")],
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Run a job for one person only, and list what arrived in the org; exit code 1 if something did not."""
    from core.cli.progress import follow, working

    ws = opened(workspace)
    with working(ws):
        told = follow(ws, ws.try_job(job, user), quiet=as_json)
    rows = ws.checklist(str(told["run_id"]))
    if as_json:
        show.document({"run": told, "checklist": rows}, as_json=True)
    else:
        show.table("What arrived", rows, as_json=False, columns=("key", "field", "expected", "actual", "ok"))
    raise typer.Exit(0 if all(r["ok"] for r in rows) else 1)


def _must_be_of(jobs: list[str], plan: str, job: str) -> None:
    from core.errors import NotFound, UsageError

    if not jobs:
        raise NotFound(f"There is no plan {plan}.", hint="See syncline plans list.")
    if jobs != [job]:
        raise UsageError(f"The plan {plan} is of the job {jobs[0]}, not of {job}.")


@group.command("backfill")
def backfill(
    job: JobName,
    counts: Annotated[bool, typer.Option("--counts", help="Only say what it would come to; writes nothing.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Sync once everything that is there already; exit code 1 unless it is complete."""
    from core.cli.progress import follow, working

    ws = opened(workspace)
    if counts:
        show.record(dict(ws.backfill_counts(job)), as_json=as_json)
        return
    with working(ws):
        told = follow(ws, ws.backfill(job), quiet=as_json)
    show.run(told, as_json=as_json)
    raise typer.Exit(show.exit_code([told]))


@group.command("enable")
def enable(
    job: JobName,
    from_now: Annotated[bool, typer.Option("--from-now", help="Leave what is there already to a backfill.")] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Switch a job on: from now on it runs by its schedule."""
    opened(workspace).enable(job, from_now=from_now)
    show.record({"job": job, "enabled": True}, as_json=as_json)


@group.command("disable")
def disable(job: JobName, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Switch a job off."""
    opened(workspace).disable(job)
    show.record({"job": job, "enabled": False}, as_json=as_json)


@group.command("export")
def export(job: JobName, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Print a job as YAML, to be kept in version control or taken to another workspace."""
    from core.mapping.config import to_yaml

    spec = opened(workspace).job(job)
    if as_json:
        show.document(spec.model_dump(mode="json"), as_json=True)
    else:
        show.text(to_yaml(spec))


@group.command("import")
def import_job(file: JobFile, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Save a job from YAML; a new one is off, an existing one stays on or off."""
    from core.mapping.config import from_yaml

    spec = opened(workspace).save_job(from_yaml(read_text(file)))
    show.record({"job": spec.name, "saved": True}, as_json=as_json)


@group.command("diff")
def diff(file: JobFile, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Say how a YAML file differs from the job that it names; exit code 1 if it does."""
    from core.mapping.config import diff, from_yaml

    spec = from_yaml(read_text(file))
    lines = [str(line) for line in diff(opened(workspace).job(spec.name), spec)]
    show.lines(lines if lines or as_json else ["No difference."], as_json=as_json)
    raise typer.Exit(1 if lines else 0)


def read_text(file: Path) -> str:
    """A file's text.

    Raises:
        UsageError: it is not there, or not text.
    """
    from core.errors import UsageError

    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file.name} is not text in UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{file.name} cannot be read: {error.strerror}.") from None
