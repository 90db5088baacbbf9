"""Says what a Bulk query may not ask for."""

from __future__ import annotations

from local_org.org.model import OrgFault
from local_org.soql import functions
from local_org.soql.groups import is_aggregate
from local_org.soql.nodes import Path, Query, Selected, Subselect, Typeof
from local_org.soql.scope import Context, Scope, source_object

UNSUPPORTED = frozenset(
    {
        "TaskWhoRelation",
        "EventWhoRelation",
        "ListView",
        "TaskStatus",
        "CaseStatus",
        "LeadStatus",
        "OpportunityStage",
        "UserRecordAccess",
    }
)
"""Objects that only REST queries reach."""


def check(context: Context, query: Query) -> None:
    """Refuses what Bulk API queries do not take.

    Raises:
        OrgFault: API_ERROR that names the feature, INVALIDENTITY for an object Bulk cannot read.
    """
    sobject = source_object(context, query.sources[0])
    if sobject.name in UNSUPPORTED:
        raise OrgFault("INVALIDENTITY", f"Entity '{sobject.name}' is not supported by the Bulk API.")
    _check_clauses(query)
    scope = Scope(context, sobject, query.sources[0])
    for source in query.sources[1:]:
        scope.alias_path(source)
    for item in query.select:
        if isinstance(item, Selected) and isinstance(item.expr, Path):
            value = scope.resolve(item.expr)
            if value.type in ("address", "location"):
                raise OrgFault("API_ERROR", "Selecting compound data not supported in Bulk Query")
            if value.type == "base64":
                raise OrgFault("API_ERROR", "Selecting binary data not supported in Bulk Query")


def _check_clauses(query: Query) -> None:
    fields = any(isinstance(i, Selected) and functions.uses(i.expr, frozenset({"FIELDS"})) for i in query.select)
    refused = {
        "Aggregate Relationships not supported in Bulk Query": any(isinstance(i, Subselect) for i in query.select),
        "TYPEOF is not supported in Bulk Query": any(isinstance(i, Typeof) for i in query.select),
        "GROUP BY and aggregate functions are not supported in Bulk Query": is_aggregate(query),
        "OFFSET is not supported in Bulk Query": query.offset is not None,
        "The SOQL FIELDS function is not supported in Bulk Query": fields,
    }
    for message, wrong in refused.items():
        if wrong:
            raise OrgFault("API_ERROR", message)
