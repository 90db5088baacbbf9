"""Follows merges, conversions and undeletes: link, opt-outs and activities go to the record that lives on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from core.mapping.spec import JobSpec
from core.records import CONSENT_FIELDS, table_of
from core.store import ledger, links
from core.store.codec import dumps
from core.store.database import Batch
from core.store.records import save_records

_EVIDENCE = {"merged": "MasterRecordId", "converted": "ConvertedContactId", "restored": "IsDeleted"}
_HOW = {"merged": "merge", "converted": "converted", "restored": "restored"}
_STEP: dict[str, Any] = {
    "record_id": pl.Int64, "org_id": pl.String, "sobject": pl.String, "master": pl.String, "became": pl.String,
    "into_account": pl.String, "out": pl.List(pl.String),
}  # fmt: skip


def follow(batch: Batch, spec: JobSpec, run_id: str, rows: pl.DataFrame, now: datetime) -> None:
    """Follow what rows of a plan say of records that live on as others.

    The link goes to the heir; where the heir has a record here, the other one is closed, and its activities and
    opt-outs go over. A record that was deleted here takes no heir over: that one comes in as one of its own.

    Args:
        batch: the transaction.
        spec: the job.
        run_id: the run.
        rows: change rows: those with action ``move``, and those whose ``extra`` says what they were.
        now: the time.
    """
    extra = [json.loads(t) if t else {} for t in rows["extra"]]
    _adopt(batch, spec, run_id, rows, extra, now)
    told = [
        {"record_id": r["record_id"], "org_id": r["org_id"], "sobject": r["sobject"], **e}
        for r, e in zip(rows.iter_rows(named=True), extra, strict=True)
        if r["action"] == "move"
    ]
    steps = pl.DataFrame([{c: s.get(c) for c in _STEP} for s in told], schema=_STEP)
    if steps.height:
        _move(batch, spec, run_id, steps, now)


def _adopt(
    batch: Batch, spec: JobSpec, run_id: str, rows: pl.DataFrame, extra: list[dict[str, Any]], now: datetime
) -> None:
    """What was read and is not linked takes over the link of what it was: an heir, or what was undeleted in the org."""
    told = [
        {"record_id": r["record_id"], "org_id": e["was"], "sobject": r["sobject"], "master": r["org_id"],
         "became": e["was_how"]}
        for r, e in zip(rows.iter_rows(named=True), extra, strict=True)
        if e.get("was") and r["action"] in ("update", "link", "delete", "restore")
    ]  # fmt: skip
    steps = pl.DataFrame([{c: s.get(c) for c in _STEP} for s in told], schema=_STEP)
    known = links.of_org(batch, steps["master"])
    free = steps.join(known.select(master="org_id"), on="master", how="anti")
    if free.height:
        links.end(batch, free["org_id"], "superseded", now)
        _add_links(batch, spec, run_id, free, now)
        back = free.filter(pl.col("became") == "restored")
        bring_back(batch, table_of(spec.kind), back["record_id"])


def bring_back(batch: Batch, table: str, record_ids: pl.Series) -> None:
    """Take records out of the workspace's recycle bin."""
    back = pl.DataFrame({"id": record_ids}, schema={"id": pl.Int64}).unique()
    none = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    save_records(batch, table, back.with_columns(deleted_at=none, updated_at=pl.lit(batch.at)))


def _move(batch: Batch, spec: JobSpec, run_id: str, steps: pl.DataFrame, now: datetime) -> None:
    table = table_of(spec.kind)
    alive = _alive(batch, table, steps["record_id"])
    found = links.of_org(batch, steps["master"].unique()).filter(pl.col("table_name") == table)
    known = found.select(master="org_id", heir="record_id")
    held = steps.join(known, on="master", how="left")
    living = held.filter(pl.col("record_id").is_in(alive))
    loose = living.filter(pl.col("heir").is_null())
    free = loose.sort("record_id").unique("master", keep="first", maintain_order=True)
    heirs = pl.concat([known, free.select("master", heir="record_id")])
    gone_on = living.drop("heir").join(heirs, on="master")
    closed = gone_on.filter(pl.col("record_id") != pl.col("heir"))
    links.end(batch, steps["org_id"], "superseded", now)
    to_contact = pl.when(pl.col("became") == "converted").then(pl.lit("Contact")).otherwise("sobject")
    _add_links(batch, spec, run_id, free.with_columns(sobject=to_contact), now)
    closing = closed.select(id="record_id").unique().with_columns(deleted_at=pl.lit(now), updated_at=pl.lit(now))
    save_records(batch, table, closing)
    if table == "person":
        _hand_over(batch, closed, now)
        _keep_opted_out(batch, gone_on, now)
        _link_accounts(batch, spec, run_id, gone_on, now)
    _tell(batch, run_id, gone_on, now)


def _add_links(batch: Batch, spec: JobSpec, run_id: str, steps: pl.DataFrame, now: datetime) -> None:
    """Link the heirs; a record that is linked to one of that object already keeps it, and the heir comes in anew."""
    have = links.of_records(batch, table_of(spec.kind), steps["record_id"]).select("record_id", "sobject")
    steps = steps.join(have, on=["record_id", "sobject"], how="anti")
    named = pl.col("became")
    links.add(
        batch,
        steps.select(
            "record_id", "sobject", org_id="master", how=named.replace_strict(_HOW),
            evidence=named.replace_strict(_EVIDENCE),
        ).with_columns(
            table_name=pl.lit(table_of(spec.kind)), job=pl.lit(spec.name), run_id=pl.lit(run_id),
            created_at=pl.lit(now), updated_at=pl.lit(now),
        ),
    )  # fmt: skip


def _hand_over(batch: Batch, closed: pl.DataFrame, now: datetime) -> None:
    """Activities of a closed person are the heir's from now on."""
    staged = batch.stage(closed.select("record_id", "heir").unique("record_id"))
    theirs = batch.read(
        f"SELECT a.id, s.heir AS person_record_id FROM activity a JOIN {staged} s"  # noqa: S608
        " ON s.record_id = a.person_record_id WHERE a.workspace_id = :w UNION"
        f" SELECT a.id, s.heir FROM {staged} s JOIN person p ON p.workspace_id = :w AND p.id = s.record_id"
        " JOIN activity a ON a.workspace_id = :w AND a.person_record_id IS NULL"
        " AND LOWER(a.person_email) = LOWER(p.email)",
        w=batch.workspace_id,
    )
    moved = theirs.with_columns(pl.col("id", "person_record_id").cast(pl.Int64)).unique("id")
    save_records(batch, "activity", moved)


def _keep_opted_out(batch: Batch, steps: pl.DataFrame, now: datetime) -> None:
    """Whoever is opted out on either side of the step is so as the heir: the org may keep only the heir's flags.

    Args:
        batch: the transaction.
        steps: ``record_id``, ``heir`` Int64 (equal where the record itself lives on), ``out`` (consent fields in which
            the org's record was out).
        now: the time.
    """
    said = steps.select("record_id", "heir", *(pl.col("out").list.contains(f).alias(f) for f in CONSENT_FIELDS))
    flags = ", ".join(
        f"h.{f} AS heir_{f}, MAX(CASE WHEN l.{f} THEN 1 WHEN s.{f} THEN 1 ELSE 0 END) AS {f}" for f in CONSENT_FIELDS
    )
    own = ", ".join(f"h.{f}" for f in CONSENT_FIELDS)
    held = batch.read(
        f"SELECT s.heir AS id, h.external_id, {flags} FROM {batch.stage(said)} s"  # noqa: S608
        " JOIN person l ON l.workspace_id = :w AND l.id = s.record_id"
        " JOIN person h ON h.workspace_id = :w AND h.id = s.heir"
        f" GROUP BY s.heir, h.external_id, {own}",
        w=batch.workspace_id,
    )
    for row in held.iter_rows(named=True):
        # Absent stays absent: only an opt-out is handed on.
        taken = [f for f in CONSENT_FIELDS if row[f] and not row[f"heir_{f}"]]
        if not taken:
            continue
        save_records(batch, "person", pl.DataFrame({"id": [int(row["id"])], **{name: [True] for name in taken}}))
        ledger.write(
            batch, "consent.kept", str(row["external_id"]), actor="merge", at=now,
            detail=f"{', '.join(taken)} taken over from a record that lives on as this one",
        )  # fmt: skip


def _link_accounts(batch: Batch, spec: JobSpec, run_id: str, steps: pl.DataFrame, now: datetime) -> None:
    """The account of a converted lead is the org's account from now on, where neither of them is linked yet."""
    wanted = steps.select(record_id="heir", org_id="into_account").drop_nulls()
    if wanted.is_empty():
        return
    free = batch.read(
        "SELECT p.account_record_id AS record_id, s.org_id"  # noqa: S608
        f" FROM {batch.stage(wanted)} s JOIN person p ON p.workspace_id = :w AND p.id = s.record_id"
        " JOIN account a ON a.workspace_id = :w AND a.id = p.account_record_id AND a.deleted_at IS NULL"
        " WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.workspace_id = :w AND l.state = 'active'"
        " AND (l.org_id = s.org_id OR (l.table_name = 'account' AND l.record_id = a.id)))",
        w=batch.workspace_id,
    ).with_columns(pl.col("record_id").cast(pl.Int64), pl.col("org_id").cast(pl.String))
    alone = free.sort("record_id", "org_id").unique("org_id", keep="first").unique("record_id", keep="first")
    links.add(
        batch,
        alone.with_columns(
            table_name=pl.lit("account"), sobject=pl.lit("Account"), how=pl.lit("converted"),
            evidence=pl.lit("ConvertedAccountId"), job=pl.lit(spec.name), run_id=pl.lit(run_id),
            created_at=pl.lit(now), updated_at=pl.lit(now),
        ),
    )  # fmt: skip


def _tell(batch: Batch, run_id: str, steps: pl.DataFrame, now: datetime) -> None:
    """One line of history per record that went on as another."""
    words = {"merged": "lost a merge to", "converted": "was converted into"}
    lines = [
        {"at": now, "actor": "org", "kind": f"record.{s['became']}", "subject": str(s["heir"]), "run_id": run_id,
         "detail": f"{s['sobject']} {s['org_id']} {words[s['became']]} {s['master']}",
         "body": dumps({"record_id": s["record_id"], "from": s["org_id"], "into": s["master"]})}
        for s in steps.iter_rows(named=True)
    ]  # fmt: skip
    ledger.write_many(batch, pl.DataFrame(lines))


def _alive(batch: Batch, table: str, record_ids: pl.Series) -> list[int]:
    staged = batch.stage(pl.DataFrame({"id": record_ids}, schema={"id": pl.Int64}))
    found = batch.read(
        f"SELECT r.id FROM {table} r JOIN {staged} s ON s.id = r.id WHERE r.workspace_id = :w AND r.deleted_at IS NULL",  # noqa: S608
        w=batch.workspace_id,
    )
    return [int(i) for i in found["id"]]
