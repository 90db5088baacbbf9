"""Tells how a query would be run, in the form of Salesforce's query plan."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from datetime import datetime
from typing import Any

from local_org.org.model import Access, Schema
from local_org.soql import functions
from local_org.soql.engine import count_sql
from local_org.soql.parser import parse
from local_org.soql.results import execute
from local_org.soql.scope import Context, Scope, Sql, quoted

_STEP = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\S+) \((\w+))?")


def explain(
    conn: sqlite3.Connection,
    schema: Schema,
    access: Access,
    text: str,
    *,
    all_rows: bool = False,
    now: datetime,
    api_version: str = "66.0",
) -> dict[str, Any]:
    """The answer to ``?explain=``: what SQLite means to do with the filter, and how many rows pass it.

    Raises:
        OrgFault: As ``run`` does, for a query that could not be run.
    """
    query = replace(parse(text), order_by=())
    context = Context(schema, access, text, now, all_rows, api_version.lstrip("v"), conn)
    functions.install(conn)
    scope, sql = count_sql(context, query)
    cardinality = int(execute(conn, sql).fetchone()[0])
    rows = int(conn.execute(f"SELECT COUNT(*) FROM {quoted(scope.sobject.name)}").fetchone()[0])
    fields = _leading_fields(conn, scope, sql)
    plan = {
        "cardinality": cardinality,
        "fields": fields,
        "leadingOperationType": "Index" if fields else "TableScan",
        "notes": [],
        "relativeCost": round(cardinality / rows, 3) if fields and rows else 1.0,
        "sobjectCardinality": rows,
        "sobjectType": scope.sobject.name,
    }
    return {"plans": [plan], "sourceQuery": text}


def _leading_fields(conn: sqlite3.Connection, scope: Scope, sql: Sql) -> list[str]:
    """The indexed field by which SQLite enters the main table; none when it scans it."""
    for *_, detail in conn.execute(f"EXPLAIN QUERY PLAN {sql.text}", sql.params):
        step = _STEP.match(str(detail))
        if step and step.group(1) == "SEARCH" and step.group(2) == scope.table and step.group(4):
            return [step.group(4)]
    return []
