"""Reads the picklists that hold for a record type; a describe has only those of the whole object."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from core.connections.salesforce import soql
from core.errors import NotFound
from core.mapping.compile import RECORD_TYPE
from core.mapping.spec import PairSpec
from core.schema.describe import OrgObject
from core.syncing.context import Context


def narrowed(ctx: Context, org: OrgObject, record_type: str) -> OrgObject:
    """An object with the picklists of a record type; as it is where none is named.

    They come from the User Interface API (``ui-api/object-info/{object}/picklist-values/{recordTypeId}``).

    Raises:
        NotFound: there is no record type of that developer name that the connected user may use.
    """
    if not record_type:
        return org
    found = org.record_type(record_type)
    if found is None:
        known = ", ".join(r.name for r in org.record_types) or "none"
        raise NotFound(f"{org.name} has no record type {record_type}.", hint=f"There is: {known}.")
    path = f"ui-api/object-info/{soql.name(org.name)}/picklist-values/{quote(found.id, safe='')}"
    told: dict[str, Any] = ctx.gateway.call("GET", path) or {}
    fields: dict[str, Any] = told.get("picklistFieldValues") or {}
    return org.with_values({name: [str(v["value"]) for v in f.get("values", ())] for name, f in fields.items()})


def of_pair(ctx: Context, pair: PairSpec, org: OrgObject) -> OrgObject:
    """An object with the picklists that hold for what a pair writes: of its one record type, where it names one."""
    mapping = pair.mapping_of(RECORD_TYPE)
    named = mapping.constant if mapping is not None else None
    return narrowed(ctx, org, named) if named and org.record_type(named) else org
