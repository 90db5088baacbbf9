"""Says which records of the org live on as others: merged into them, or leads converted to contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from core.connections.salesforce import frames, soql
from core.errors import NotFound
from core.mapping.spec import JobSpec
from core.records import Kind
from core.syncing.capture import Captured
from core.syncing.context import Context

HEIRS: dict[str, Any] = {"Id": pl.String, "heir": pl.String, "became": pl.String, "into_account": pl.String}
"""``heir`` is the record at the end of a chain, ``became`` is merged or converted, ``into_account`` the account of a
conversion."""
_CONVERSION = ("Id", "ConvertedContactId", "ConvertedAccountId")
_ASKED_BY_ID = 400
"""Up to so many new contacts are asked about by Id; of more, every converted lead is read."""


def of(ctx: Context, spec: JobSpec, captured: Sequence[Captured]) -> pl.DataFrame:
    """The heirs of what was read, and of linked leads that became contacts which the job reads for the first time.

    Returns:
        :data:`HEIRS`.

    Raises:
        OrgError: the org refused or did not answer.
    """
    parts = [f for c in captured for f in (_merged(c.rows), _converted(c.rows))]
    return ends([*parts, _of_leads_elsewhere(ctx, spec, captured)])


def ends(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The parts as one, each record with the one at the end of its chain: a lead's contact may have lost a merge."""
    whole = pl.concat([pl.DataFrame(schema=HEIRS), *parts]).unique("Id", keep="first", maintain_order=True)
    into = dict(whole.select("Id", "heir").iter_rows())
    found = pl.Series("heir", [_end(i, into) for i in whole["Id"]], dtype=pl.String)
    return whole.with_columns(found)


def _end(loser: str, into: dict[str, str]) -> str:
    seen = {loser}
    while (heir := into[loser]) in into and heir not in seen:
        seen.add(heir)
        loser = heir
    return into[loser]


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    if "MasterRecordId" not in rows.columns:
        return pl.DataFrame(schema=HEIRS)
    gone = rows.filter((pl.col("IsDeleted") == "true") & pl.col("MasterRecordId").is_not_null())
    return gone.select("Id", heir="MasterRecordId", became=pl.lit("merged"), into_account=pl.lit(None, dtype=pl.String))


def _converted(rows: pl.DataFrame) -> pl.DataFrame:
    if not {"IsConverted", "ConvertedContactId"} <= set(rows.columns):
        return pl.DataFrame(schema=HEIRS)
    leads = rows.filter((pl.col("IsConverted") == "true") & pl.col("ConvertedContactId").is_not_null())
    account = "ConvertedAccountId" if "ConvertedAccountId" in rows.columns else pl.lit(None, dtype=pl.String)
    return leads.select("Id", heir="ConvertedContactId", became=pl.lit("converted"), into_account=account)


def _of_leads_elsewhere(ctx: Context, spec: JobSpec, captured: Sequence[Captured]) -> pl.DataFrame:
    """Conversions into contacts that are new here, where leads are read by another job or by none any more."""
    none = pl.DataFrame(schema=HEIRS)
    sobjects = {p.sobject.lower() for p in spec.pairs}
    if spec.kind is not Kind.PERSON or "contact" not in sobjects or "lead" in sobjects or not _has_leads(ctx):
        return none
    contacts = pl.concat([c.rows.select("Id") for c in captured if c.pair.sobject.lower() == "contact"])
    with ctx.db.reading(ctx.workspace_id) as batch:
        known = batch.read(
            f'SELECT s."Id" FROM {batch.stage(contacts)} s JOIN link l ON l.org_id = s."Id"'  # noqa: S608
            " WHERE l.workspace_id = :w AND l.state = 'active'",
            w=batch.workspace_id,
        )
    fresh = sorted(set(contacts["Id"]) - set(known["Id"]))
    try:
        lead = ctx.org("Lead")
    except NotFound:
        return none
    if not fresh or any(lead.field(f) is None for f in _CONVERSION):
        return none
    return _converted_into(ctx, fresh)


def _has_leads(ctx: Context) -> bool:
    return bool(
        ctx.db.one(
            "SELECT 1 FROM link WHERE workspace_id = :w AND table_name = 'person' AND sobject = 'Lead'"
            " AND state = 'active' LIMIT 1",
            w=ctx.workspace_id,
        )
    )


def _converted_into(ctx: Context, contacts: list[str]) -> pl.DataFrame:
    converted = soql.eq("IsConverted", value=True)
    if len(contacts) <= _ASKED_BY_ID:
        statements = list(soql.queries_in(_CONVERSION, "Lead", "ConvertedContactId", contacts, where=converted))
    else:
        statements = [soql.select(_CONVERSION, "Lead", soql.all_of(converted, soql.ne("ConvertedContactId", None)))]
    found = [r for statement in statements for r in ctx.gateway.query(statement, all_rows=True)]
    rows = frames.to_frame(found, list(_CONVERSION)).with_columns(IsConverted=pl.lit("true"))
    return _converted(rows).filter(pl.col("heir").is_in(contacts))
