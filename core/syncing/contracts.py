"""Keeps what a job relies on of the org's fields, and tests it before each run and when a write meets a changed field.

A contract is made when a job is found valid, and kept until the job is changed. A breach stops this job and no other;
it names the fields, and holds the text for the org's admin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlmodel import select

from core.errors import ContractBroken, NotFound
from core.mapping.reliance import contract
from core.mapping.spec import JobSpec
from core.schema.contract import Breach, Contract
from core.schema.describe import OrgObject
from core.store.tables import FieldContract
from core.syncing import capture
from core.syncing.context import Context

SCHEMA_CODES = frozenset(
    {"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "REQUIRED_FIELD_MISSING", "STRING_TOO_LONG",
     "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INSUFFICIENT_ACCESS_OR_READONLY"}
)  # fmt: skip
"""Codes after which the describe is read again: they may be one row's own fault, or the org was changed."""


def keep(ctx: Context, spec: JobSpec) -> None:
    """Make the contracts of a job that has none of its present mapping."""
    with ctx.db.writing() as session:
        for pair in spec.pairs:
            held = session.get(FieldContract, (ctx.workspace_id, spec.name, pair.sobject))
            if held is not None and held.mapping == spec.fingerprint():
                continue
            made = contract(spec, pair, ctx.org(pair.sobject))
            row = FieldContract(
                workspace_id=ctx.workspace_id, job=spec.name, sobject=pair.sobject, mapping=spec.fingerprint(),
                body=json.dumps(made.to_dict()), made_at=ctx.now(),
            )  # fmt: skip
            session.merge(row)
        session.commit()


def check(ctx: Context, spec: JobSpec) -> None:
    """Test what the job relies on against the describes as they are known now.

    Raises:
        ContractBroken: the org no longer keeps it; names the fields and what to ask the org's admin for.
    """
    broken = breaches(ctx, spec)
    if not broken:
        return
    told = " ".join(b.message for b in broken[:5])
    raise ContractBroken(
        f"The org no longer keeps what the job relies on: {told}",
        hint=f"For the org's admin: {' '.join(dict.fromkeys(b.ask for b in broken[:5]))}",
        fields=[f"{b.sobject}.{b.field}" if b.field else b.sobject for b in broken],
    )


def check_again(ctx: Context, spec: JobSpec) -> None:
    """Read the describes anew, and test the contracts on them.

    Raises:
        ContractBroken: see `check`.
        OrgError: the org did not answer.
    """
    try:
        capture.refresh_describes(ctx, [p.sobject for p in spec.pairs])
    except NotFound as error:
        raise ContractBroken(error.message, hint=error.hint) from error
    check(ctx, spec)


def breaches(ctx: Context, spec: JobSpec) -> list[Breach]:
    """What the org no longer keeps of a job's contracts; nothing for a job that has none of its present mapping."""
    held = {c.sobject: c for c in _held(ctx, spec.name) if c.mapping == spec.fingerprint()}
    out: list[Breach] = []
    for pair in spec.pairs:
        if pair.sobject in held:
            out += Contract.from_dict(json.loads(held[pair.sobject].body)).breaches(_org(ctx, pair.sobject))
    return out


def of_job(ctx: Context, spec: JobSpec) -> list[dict[str, Any]]:
    """The contracts of a job with their breaches.

    Returns:
        Per object ``sobject, made_at, needs`` (per field what is relied on), ``breaches`` (``field, code, message,
        ask``) and ``waiting`` (open rows of the job).
    """
    broken = breaches(ctx, spec)
    waiting = ctx.db.one(
        "SELECT COUNT(*) FROM open_row WHERE workspace_id = :w AND job = :j", w=ctx.workspace_id, j=spec.name
    )
    return [
        {"sobject": c.sobject, "made_at": c.made_at, "needs": json.loads(c.body)["needs"], "waiting": int(waiting or 0),
         "breaches": [
             {"field": b.field, "code": b.code, "message": b.message, "ask": b.ask}
             for b in broken if b.sobject.lower() == c.sobject.lower()
         ]}
        for c in _held(ctx, spec.name)
    ]  # fmt: skip


def may_be_broken(codes: Iterable[str]) -> bool:
    """Whether rows were refused with codes that a changed org may be the reason of."""
    return not SCHEMA_CODES.isdisjoint(codes)


def _held(ctx: Context, job: str) -> list[FieldContract]:
    with ctx.db.session() as session:
        mine = FieldContract.workspace_id == ctx.workspace_id, FieldContract.job == job
        return list(session.exec(select(FieldContract).where(*mine)).all())


def _org(ctx: Context, sobject: str) -> OrgObject | None:
    try:
        return ctx.org(sobject)
    except NotFound:
        return None
