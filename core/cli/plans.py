"""The commands about kept plans: looked at, agreed to, applied or thrown away."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from core.cli import options, show
from core.cli.options import InWorkspace, Json, PlanId, opened

group = options.group("Kept plans: what a run would do, held until somebody agrees.")
HEAD = ("plan_id", "job", "status", "made_by", "made_at", "approved_by", "applied_at", "counts", "guards")
ROW = ("row", "key", "title", "action", "outcome", "cause", "field", "reason", "payload", "before")
MOST_ROWS = 1000


@group.command("list")
def list_plans(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 50,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """List plans, the newest first."""
    rows = [_head(r) for r in opened(workspace).plans(limit).iter_rows(named=True)]
    shown = rows if as_json else [{**r, "counts": show.counted(r["counts"]), "guards": len(r["guards"])} for r in rows]
    show.table("Plans", shown, as_json=as_json)


@group.command("show")
def show_plan(
    plan: PlanId,
    outcome: Annotated[str, typer.Option("--outcome", help="Only rows with this outcome: created, held, ...")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST_ROWS, help="How many rows.")] = 200,
    after: Annotated[int, typer.Option("--after", min=0, help="Go on after this row number.")] = 0,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Show a plan and its rows: what would be written, and what it would take the place of."""
    from core.errors import NotFound

    ws = opened(workspace)
    found = ws.plans(10_000).filter(plan_id=plan)
    if found.is_empty():
        raise NotFound(f"There is no plan {plan}.", hint="See syncline plans list.")
    head = _head(found.row(0, named=True))
    rows = [
        _row(r) for r in ws.plan_rows(plan, outcome=outcome or None, after=after, limit=limit).iter_rows(named=True)
    ]
    if as_json:
        show.document({**head, "rows": rows}, as_json=True)
        return
    show.record({**head, "counts": show.counted(head["counts"]), "guards": " ".join(head["guards"])}, as_json=False)
    show.table("Rows", rows, as_json=False, columns=ROW[:-1])


@group.command("approve")
def approve(plan: PlanId, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Agree to a plan; it is applied by `plans apply`."""
    opened(workspace).approve(plan)
    show.record({"plan_id": plan, "status": "approved"}, as_json=as_json)


@group.command("apply")
def apply(plan: PlanId, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Apply a plan, agreeing to it where nobody has; exit code 1 unless all of it went through."""
    from core.cli.progress import follow, working

    ws = opened(workspace)
    with working(ws):
        told = follow(ws, ws.apply(plan), quiet=as_json)
    show.run(told, as_json=as_json)
    raise typer.Exit(show.exit_code([told]))


@group.command("rehearse")
def rehearse(
    plan: PlanId,
    sample: Annotated[int, typer.Option("--sample", min=1, max=2000, help="How many rows at most.")] = 200,
    in_production: Annotated[
        bool, typer.Option("--in-production", help="Also in an org that is no sandbox; its triggers run.")
    ] = False,
    as_json: Json = False,
    workspace: InWorkspace = "default",
) -> None:
    """Have the org check a sample of a plan and keep nothing of it; exit code 1 where it would refuse rows."""
    told = opened(workspace).rehearse(plan, sample=sample, in_production=in_production)
    rows = list(told.rows.iter_rows(named=True))
    refused = [r for r in rows if r["verdict"] == "refused"]
    head = {"plan_id": plan, "planned": told.n_planned, "rehearsed": len(rows), "refused": len(refused),
            "api_calls": told.api_calls}  # fmt: skip
    if as_json:
        show.document({**head, "rows": rows, "not_shown": list(told.not_shown)}, as_json=True)
    else:
        show.record(head, as_json=False)
        show.table("What the org would refuse", refused, as_json=False)
        show.table("What a rehearsal cannot show", [{"limit": text} for text in told.not_shown], as_json=False)
    raise typer.Exit(1 if refused else 0)


@group.command("discard")
def discard(plan: PlanId, as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Throw a plan away."""
    opened(workspace).discard(plan)
    show.record({"plan_id": plan, "status": "discarded"}, as_json=as_json)


def _head(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{n: row[n] for n in HEAD},
        "counts": _decoded(row["counts"]) or {},
        "guards": _decoded(row["guards"]) or [],
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**{n: row[n] for n in ROW}, "payload": _decoded(row["payload"]), "before": _decoded(row["before"])}


def _decoded(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) and text else text
