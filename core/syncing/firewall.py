"""The last look before anything is sent: no row may opt a person in again who has opted out (the consent firewall)."""

from __future__ import annotations

import json

import polars as pl

from core.errors import ConsentBreach
from core.mapping.spec import JobSpec
from core.records import CONSENT_FIELDS, Direction, table_of
from core.store import consent, ledger
from core.syncing.context import Context

STANDARD = {"HasOptedOutOfEmail": "opted_out_email", "DoNotCall": "do_not_call"}
"""Salesforce's own consent fields of Contact and Lead, guarded whatever a mapping says they are filled from."""


def guarded(ctx: Context, sobject: str) -> dict[str, str]:
    """The org's consent fields of an object, standard ones and those that any job maps, with their channel."""
    found = dict(STANDARD)
    for job in ctx.jobs():
        for pair in job.pairs:
            if pair.sobject != sobject:
                continue
            for m in pair.mappings:
                org, ours = (m.target, m.source) if job.direction is Direction.OUTBOUND else (m.source, m.target)
                if ours in CONSENT_FIELDS and org:
                    found[org] = ours
    return found


def check(ctx: Context, spec: JobSpec, run_id: str, rows: pl.DataFrame) -> None:
    """Refuse rows that would opt somebody in again; asked of a whole plan, and of each batch right before it leaves.

    Args:
        ctx: the run's context.
        spec: the job.
        run_id: the run.
        rows: change rows with ``record_id``, ``sobject``, ``action``, ``payload``.

    Raises:
        ConsentBreach: naming how many; a line of kind ``consent.breach`` is in the ledger.
    """
    if table_of(spec.kind) != "person" or spec.direction is Direction.INBOUND:
        return
    going = rows.filter(pl.col("action").is_in(["create", "update"]) & pl.col("payload").is_not_null())
    fields = {s: guarded(ctx, s) for s in going["sobject"].unique()}
    opting_in = [
        (int(record), channel)
        for record, sobject, payload in going.select("record_id", "sobject", "payload").iter_rows()
        for name, value in json.loads(payload).items()
        if (channel := fields[sobject].get(name)) and value != "true"
    ]
    if not opting_in:
        return
    wanted = pl.DataFrame(opting_in, schema={"record_id": pl.Int64, "channel": pl.String}, orient="row")
    with ctx.db.reading(ctx.workspace_id) as batch:
        out = consent.states(batch, wanted["record_id"]).filter(pl.col("state") == "out")
    breach = wanted.join(out, on=["record_id", "channel"], how="semi")
    if breach.is_empty():
        return
    people = breach["record_id"].unique().sort().to_list()
    with ctx.db.batch(ctx.workspace_id) as batch:
        ledger.write(
            batch, "consent.breach", spec.name, actor="worker", at=ctx.now(), run_id=run_id,
            detail=f"{len(people)} people would have been opted in again.", values={"people": people[:1000]},
        )  # fmt: skip
    raise ConsentBreach(
        f"The run would opt in {len(people)} people again who have opted out; it was stopped before it wrote anything.",
        hint="See to the mapping of their consent fields; opting in is done by hand, person by person.",
        people=people[:20],
    )
