"""Runs a query: reads it, checks it against what the user may see, and hands back its result."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from local_org.org.model import Access, Schema
from local_org.soql import bulk as bulk_rules
from local_org.soql import functions
from local_org.soql.clauses import counted, open_scope, order_sql, where_sql
from local_org.soql.groups import is_aggregate, is_count, plan_groups
from local_org.soql.nodes import Query
from local_org.soql.parser import parse
from local_org.soql.results import ResultSet
from local_org.soql.rows import plan_rows
from local_org.soql.scope import Context, Scope, Sql, source_object


def run(
    conn: sqlite3.Connection,
    schema: Schema,
    access: Access,
    text: str,
    *,
    all_rows: bool = False,
    now: datetime,
    api_version: str = "66.0",
    bulk: bool = False,
) -> ResultSet:
    """The result of a query as one user sees it.

    Args:
        conn: Where the tables are; it gains an SQL function the first time.
        schema: The org's objects.
        access: The user: object and field permissions, and the time zone of date literals.
        text: The query.
        all_rows: Whether deleted and archived rows count, as in queryAll.
        now: The moment that date literals are seen from.
        api_version: Echoed in record addresses.
        bulk: Whether the narrower rules of Bulk queries hold; Ids are then read only when asked for.

    Raises:
        OrgFault: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD and their like, in Salesforce's words and layout.
    """
    query = parse(text)
    context = Context(schema, access, text, now, all_rows, api_version.lstrip("v"), conn)
    functions.install(conn)
    if bulk:
        bulk_rules.check(context, query)
    if is_count(query):
        scope, sql = count_sql(context, query)
        return ResultSet(conn, scope.sobject.name, sql, [])
    if is_aggregate(query):
        groups = plan_groups(context, query)
        return ResultSet(conn, groups.scope.sobject.name, groups, groups.columns)
    plan = plan_rows(context, query)
    result = ResultSet(conn, plan.scope.sobject.name, plan, plan.columns)
    if not bulk:
        # A cursor is over the rows of now, not over those of the moment a page is fetched.
        _ = result.ids
    return result


def count_sql(context: Context, query: Query) -> tuple[Scope, Sql]:
    """The SQL of a bare ``COUNT()``, and its scope; an ORDER BY is checked and otherwise idle."""
    scope = open_scope(context, query, source_object(context, query.sources[0]))
    where = where_sql(scope, query)
    order_sql(scope, query.order_by)
    return scope, counted(scope, where, query.limit, query.offset)
