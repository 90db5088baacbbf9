"""The statements by which audit frames read the rows that they are made of."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from core.store.database import Database

_WORDS = {
    "link": {"l_org_id": "org_id", "l_sobject": "sobject", "l_job": "job"},
    "open": {"o_job": "job", "o_cause": "cause", "o_reason": "reason"},
    "result": {"r_job": "job", "r_cause": "cause", "r_reason": "reason"},
}
"""What is told of a record beyond its state: our name -> column."""
_STATE_OF = {
    "link": {"id": "record_id", "l_id": "id", "l_how": "how", "l_state": "state"},
    "open": {"id": "record_id", "o_outcome": "outcome", "o_last_at": "last_at", "o_by": "job"},
    "result": {"id": "record_id", "r_outcome": "outcome", "r_last_at": "at", "r_run_id": "run_id"},
}
_FROM = {
    "link": "link WHERE workspace_id = :w AND table_name = 'activity'",
    "open": "open_row WHERE workspace_id = :w AND record_id IS NOT NULL",
    "result": (
        "record_result WHERE workspace_id = :w AND record_id IS NOT NULL AND run_id IN"
        " (SELECT run_id FROM run WHERE workspace_id = :w AND direction = 'outbound')"
    ),
}
_NAMED = " OR ".join(
    ["person_record_id IS NOT NULL", *(f"COALESCE(person_{c}, '') <> ''" for c in ("ref", "email", "phone"))]
)


def activities(columns: Iterable[str]) -> str:
    """Columns of every activity, then ``user_email`` and ``has_person``: whether it names one, in whatever way."""
    return f"SELECT {', '.join(columns)}, user_email, ({_NAMED}) AS has_person FROM activity WHERE workspace_id = :w"


def of_activities(part: str, *, told: bool) -> tuple[str, list[str]]:
    """What a part (link, open, result) says of activities: the statement and its columns; ``told`` with its words."""
    columns = {**_STATE_OF[part], **(_WORDS[part] if told else {})}
    named = ", ".join(f"{column} AS {name}" for name, column in columns.items())
    return f"SELECT {named} FROM {_FROM[part]}", list(columns)


def _told_of(table: str) -> str:
    """The records of a table of which there is something to tell: a link that ended or came back, or a second one."""
    own = f"FROM link WHERE workspace_id = :w AND table_name = '{table}'"
    return (
        f"SELECT record_id {own} GROUP BY record_id HAVING COUNT(*) > 1 OR MAX(state) <> 'active' OR MIN(state) <>"
        f" 'active' UNION SELECT record_id {own} AND how IN ('restored', 'undeleted')"
    )


_TITLE = {"account": "name", "person": "name", "activity": "subject", "record": "name"}
LINKS_WITH_A_STORY = " UNION ALL ".join(
    "SELECT id, table_name, record_id, sobject, org_id, state, how, evidence, job, run_id, created_at, updated_at"
    f" FROM link WHERE workspace_id = :w AND table_name = '{t}' AND record_id IN ({_told_of(t)})"
    for t in _TITLE
)
"""Every link of each of them."""


def titles(db: Database, workspace_id: int, record_ids: pl.Series) -> pl.DataFrame:
    """``table_name, record_id, key, title`` of records by their number."""
    found = []
    with db.reading(workspace_id) as batch:
        ids = batch.stage(pl.DataFrame({"record_id": record_ids.unique()}))
        for table, title in _TITLE.items():
            rows = batch.read(
                f"SELECT '{table}' AS table_name, r.id AS record_id, r.external_id AS key, r.{title} AS title"
                f" FROM {table} r JOIN {ids} s ON s.record_id = r.id WHERE r.workspace_id = :w",
                w=workspace_id,
            )
            found.append(rows.with_columns(pl.col("key", "title").cast(pl.String), pl.col("record_id").cast(pl.Int64)))
    return pl.concat(found)
