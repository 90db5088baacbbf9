"""Says for each job whether it takes a record, clause by clause of its filter, and why not where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from core.audit.sides import planning_frame
from core.errors import UsageError
from core.mapping.spec import JobSpec
from core.planning.filters import passes
from core.records import OPEN_OUTCOMES, Direction, Kind, Outcome


def of_record(
    specs: Sequence[JobSpec],
    heads: Mapping[str, Mapping[str, Any]],
    kind: Kind,
    record: pl.DataFrame,
    attempts: Sequence[Mapping[str, Any]],
    links: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """What each job makes of a record.

    Args:
        specs: the workspace's jobs.
        heads: job -> its row of the job table.
        kind: what the record is.
        record: its one row, with the store's columns.
        attempts: what runs made of it, newest first.
        links: its links.

    Returns:
        For each job: ``job, title, direction, is_enabled, takes`` (``True``, ``False``; ``None`` where only the org can
        tell), ``why``, ``clauses`` (``{"clause", "passes"}``), ``last`` (the latest attempt's run, outcome, cause and
        reason, or ``None``), ``next_run_at``. Jobs of other kinds come last.
    """
    out = [_verdict(s, heads.get(s.name, {}), kind, record, attempts, links) for s in specs]
    return sorted(out, key=lambda v: (not v["fits"], v["takes"] is False, v["job"]))


def _verdict(
    spec: JobSpec,
    head: Mapping[str, Any],
    kind: Kind,
    record: pl.DataFrame,
    attempts: Sequence[Mapping[str, Any]],
    links: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    fits = spec.kind is kind
    last = next((a for a in attempts if a["job"] == spec.name), None)
    clauses = _clauses(spec, kind, record) if fits else []
    takes, why = _takes(spec, head, fits, clauses, last, links)
    return {
        "job": spec.name,
        "title": spec.title,
        "direction": spec.direction.value,
        "is_enabled": bool(head.get("is_enabled")),
        "fits": fits,
        "takes": takes,
        "why": why,
        "clauses": clauses,
        "last": {k: last[k] for k in ("run_id", "at", "outcome", "cause", "reason")} if last else None,
        "next_run_at": head.get("next_run_at"),
    }


def _takes(
    spec: JobSpec,
    head: Mapping[str, Any],
    fits: bool,
    clauses: Sequence[Mapping[str, Any]],
    last: Mapping[str, Any] | None,
    links: Sequence[Mapping[str, Any]],
) -> tuple[bool | None, str]:
    if not fits:
        return False, f"It is for records of the kind {spec.kind.value}."
    failed = [c["clause"] for c in clauses if c["passes"] is False]
    if failed:
        return False, f"Its filter leaves it out: {failed[0]}."
    if last is not None:
        return _said(last)
    if not head.get("is_enabled"):
        return False, "The job is switched off."
    return _never_seen(spec, links)


def _said(last: Mapping[str, Any]) -> tuple[bool, str]:
    outcome = Outcome(last["outcome"])
    if outcome in OPEN_OUTCOMES:
        return True, f"{outcome.value.replace('_', ' ').capitalize()}: {last['reason'] or last['cause']}"
    if outcome in (Outcome.FILTERED, Outcome.SKIPPED):
        return False, str(last["reason"] or last["cause"])
    said = "left it unchanged" if outcome is Outcome.UNCHANGED else f"{outcome.value} it"
    return True, str(last["reason"] or f"The last run that saw it {said}.")


def _never_seen(spec: JobSpec, links: Sequence[Mapping[str, Any]]) -> tuple[bool | None, str]:
    objects = {p.sobject for p in spec.pairs}
    linked = any(link["sobject"] in objects and link["state"] == "active" for link in links)
    if spec.direction is Direction.OUTBOUND:
        return True, "No run has looked at it yet; the next one will."
    if not linked:
        named = " or ".join(sorted(objects))
        return None, f"It is linked to no {named}; whether the org has one, the next run finds out."
    return True, "It is linked; the next run reads it when it changes in the org."


def _clauses(spec: JobSpec, kind: Kind, record: pl.DataFrame) -> list[dict[str, Any]]:
    if spec.direction is Direction.INBOUND:
        return [{"clause": f"{p.sobject}: {p.where}", "passes": None} for p in spec.pairs if p.where.strip()]
    frame = planning_frame(kind, record)
    out = []
    for condition in spec.filters:
        value = "" if condition.value is None else f" {condition.value}"
        out.append({"clause": f"{condition.field} {condition.op}{value}", "passes": _passes(condition, frame)})
    return out


def _passes(condition: Any, frame: pl.DataFrame) -> bool:
    if condition.field not in frame.columns:
        # A custom field that this record does not have is an empty one.
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(condition.field))
    try:
        return bool(frame.select(passes([condition], dict(frame.schema)).fill_null(value=False)).item())
    except UsageError:
        return False
