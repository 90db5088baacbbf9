"""Links a record to the org record that a person names, or unlinks it, and remembers who did and what was before."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.errors import NotFound, UsageError
from core.store import ledger, links
from core.syncing.context import Context
from core.values import ids

_OBJECTS = {"001": "Account", "003": "Contact", "00Q": "Lead", "00T": "Task", "00U": "Event"}
_TABLES = {"Account": ("account",), "Contact": ("person",), "Lead": ("person",), "Task": ("activity",),
           "Event": ("activity",)}  # fmt: skip


def relink(ctx: Context, actor: str, table: str, record_id: int, org_id: str | None) -> dict[str, Any]:
    """End a record's link, and link it to another org record where one is named.

    What both sides last agreed on is unknown for the new pair: the next run compares them as on first contact.

    Returns:
        ``record_id``, ``before`` and ``after``: org Ids or ``None``.

    Raises:
        UsageError: the Id is none, of another kind, or linked to another record.
        NotFound: there is no such record here, or none in the org.
    """
    if table not in ("account", "person", "activity") or not _exists(ctx, table, record_id):
        raise NotFound(f"There is no {table} {record_id} here.", hint="explain finds records by any key.")
    wanted, sobject = (None, "") if org_id is None else _named(ctx, table, record_id, org_id)
    before = ctx.db.one(
        "SELECT org_id FROM link WHERE workspace_id = :w AND table_name = :t AND record_id = :i AND state = 'active'",
        w=ctx.workspace_id, t=table, i=record_id,
    )  # fmt: skip
    if wanted is not None and before == wanted:
        raise UsageError(f"Record {record_id} is linked to {wanted} already.", hint="There is nothing to repair.")
    now = ctx.now()
    with ctx.db.batch(ctx.workspace_id) as batch:
        batch.execute(
            "UPDATE link SET state = 'superseded', updated_at = :at WHERE workspace_id = :w AND table_name = :t"
            " AND record_id = :i AND state = 'active'",
            at=now, w=ctx.workspace_id, t=table, i=record_id,
        )  # fmt: skip
        if wanted is not None:
            row = {"table_name": table, "record_id": record_id, "sobject": sobject, "org_id": wanted, "how": "by_hand",
                   "evidence": actor, "job": "", "run_id": "", "created_at": now, "updated_at": now}  # fmt: skip
            links.add(batch, pl.DataFrame([row]))
        told = {"record_id": record_id, "before": before, "after": wanted}
        ledger.write(batch, "link.repaired", str(record_id), actor=actor, at=now, values=told)
    return told


def _exists(ctx: Context, table: str, record_id: int) -> bool:
    found = ctx.db.one(
        "SELECT COUNT(*) FROM (SELECT id, 'account' AS t FROM account WHERE workspace_id = :w UNION ALL"
        " SELECT id, 'person' FROM person WHERE workspace_id = :w UNION ALL SELECT id, 'activity' FROM activity"
        " WHERE workspace_id = :w) r WHERE r.id = :i AND r.t = :t",
        w=ctx.workspace_id, i=record_id, t=table,
    )  # fmt: skip
    return bool(found)


def _named(ctx: Context, table: str, record_id: int, org_id: str) -> tuple[str, str]:
    """The Id, 18 characters long, and its object, once it is certain that it may be linked."""
    wanted = ids.normalize_ids(pl.Series([org_id])).item()
    sobject = _OBJECTS.get(str(wanted)[:3], "")
    if wanted is None or table not in _TABLES.get(sobject, ()):
        raise UsageError(f"{org_id} is no Id of an org record that a {table} can be.", hint="Give its 18-character Id.")
    holder = ctx.db.one(
        "SELECT record_id FROM link WHERE workspace_id = :w AND org_id = :o AND state = 'active' AND record_id <> :i",
        w=ctx.workspace_id, o=wanted, i=record_id,
    )  # fmt: skip
    if holder is not None:
        raise UsageError(f"{wanted} is linked to record {holder}.", hint="Unlink that one first.")
    if ctx.gateway.retrieve(sobject, [wanted], ["Id"]) == [None]:
        raise NotFound(f"{wanted} is not in the org, or out of our user's sight.", hint="Check the Id.")
    return wanted, sobject
