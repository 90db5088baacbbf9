"""The consent ledger: who has opted out of what, since when and by whom; out stays out until a person opts them in."""

from __future__ import annotations

import polars as pl

from core.errors import ConsentBreach
from core.records import CONSENT_FIELDS
from core.store.database import Batch, Database

STATES = {"record_id": pl.Int64, "channel": pl.String, "state": pl.String}
_LATEST = (
    "SELECT c.record_id, c.channel, c.state FROM {staged} s CROSS JOIN consent c WHERE c.workspace_id = :w"
    " AND c.record_id = s.record_id AND c.id = (SELECT MAX(d.id) FROM consent d WHERE d.workspace_id = c.workspace_id"
    " AND d.record_id = c.record_id AND d.channel = c.channel)"
)


def states(batch: Batch, record_ids: pl.Series) -> pl.DataFrame:
    """The latest word on each of these people: columns of :data:`STATES`; people without one are in by default."""
    staged = batch.stage(pl.DataFrame({"record_id": record_ids}, schema={"record_id": pl.Int64}).unique())
    return batch.read(_LATEST.format(staged=staged), w=batch.workspace_id).cast(STATES)  # type: ignore[arg-type]


def keep(batch: Batch, people: pl.DataFrame) -> None:
    """Write down the opt-outs among saved people, and refuse what would take one back.

    Args:
        batch: the transaction in which they are saved; its ``origin``, ``actor`` and ``at`` become the provenance.
        people: ``id`` and any of the consent fields.

    Raises:
        ConsentBreach: somebody who is out would be in or unknown, and no person has said so; nothing is saved.
    """
    fields = [f for f in CONSENT_FIELDS if f in people.columns]
    if not fields or people.is_empty():
        return
    told = people.select(pl.col("id").alias("record_id"), *fields).unpivot(
        fields, index="record_id", variable_name="channel"
    )
    known = told.join(states(batch, people["id"]), on=["record_id", "channel"], how="left")
    is_out = (pl.col("state") == "out").fill_null(value=False)
    taken_back = known.filter(is_out & ~pl.col("value").fill_null(value=False))
    if taken_back.height:
        raise ConsentBreach(
            f"{taken_back.height} people who have opted out would be opted in again; nothing was written.",
            hint="Only a person may do that, on the person's page or with `syncline consent opt-in`.",
            people=taken_back["record_id"].head(20).to_list(),
        )
    fresh = known.filter(~is_out & pl.col("value").fill_null(value=False)).select("record_id", "channel")
    _append(batch, fresh.with_columns(state=pl.lit("out")))


def opt_in(batch: Batch, record_id: int, channel: str, evidence: str) -> None:
    """Write down that a person has opted somebody in again."""
    line = pl.DataFrame({"record_id": [record_id], "channel": [channel], "state": ["in"]}, schema=STATES)
    _append(batch, line, evidence)


def _append(batch: Batch, lines: pl.DataFrame, evidence: str | None = None) -> None:
    if lines.is_empty():
        return
    first = batch.allocate(lines.height)
    batch.insert(
        "consent",
        lines.with_columns(
            workspace_id=pl.lit(batch.workspace_id), id=pl.int_range(first, first + lines.height),
            origin=pl.lit(batch.origin), actor=pl.lit(batch.actor), at=pl.lit(batch.at),
            evidence=pl.lit(evidence, dtype=pl.String),
        ),
    )  # fmt: skip


def history(db: Database, workspace_id: int, record_id: int | None = None) -> pl.DataFrame:
    """The whole ledger, or one person's part of it, oldest first, with name and e-mail address for the export."""
    return db.read(
        "SELECT c.id, c.at, c.record_id, p.name, p.email, c.channel, c.state, c.origin, c.actor, c.evidence"
        " FROM consent c LEFT JOIN person p ON p.workspace_id = c.workspace_id AND p.id = c.record_id"
        " WHERE c.workspace_id = :w AND (CAST(:r AS BIGINT) IS NULL OR c.record_id = :r) ORDER BY c.id",
        w=workspace_id,
        r=record_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64))
