"""Hands the ledger to analysts as polars frames; `core.audit.catalog` names their columns and says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from core.audit import balance as books
from core.audit import catalog, configlog, lineage
from core.store import audited
from core.store.bulk import put_in_order, read_all, read_table
from core.store.database import Database
from core.store.records import columns_of

_HIDDEN = ("workspace_id", "seq", "hash")
_LINKED_RECORD = {c: catalog.LINKS.types[c] for c in ("record_id", "org_id", "sobject", "how")}
_CHANNELS = {"email": ("opted_out_email", "HasOptedOutOfEmail"), "phone": ("do_not_call", "DoNotCall")}


class Frames:
    """The tables of one workspace, read anew at each call; every instant is a Datetime in UTC."""

    def __init__(self, db: Database, workspace_id: int) -> None:
        self._db = db
        self._workspace_id = workspace_id

    def _table(self, table: str, types: Mapping[str, Any], **only: str) -> pl.DataFrame:
        return read_table(self._db, table, self._workspace_id, types, only)

    def runs(self) -> pl.DataFrame:
        """Every run, the oldest first; see `catalog.RUNS`."""
        types = catalog.RUNS.types
        return put_in_order(self._table("run", types), "requested_at", "run_id")

    def changes(self) -> pl.DataFrame:
        """Every row of every plan, by plan and row; see `catalog.CHANGES`."""
        types = catalog.CHANGES.types
        of_plan = ("run_id", "job", "made_at")
        own = [c for c in types if c not in of_plan]
        rows = self._table("change", {c: types[c] for c in own})
        plans = self._table("plan", {c: types[c] for c in ("plan_id", *of_plan)})
        rows = rows.join(plans, on="plan_id", how="left", maintain_order="left").select(list(types))
        return put_in_order(rows, "made_at", "plan_id", "row")

    def results(self) -> pl.DataFrame:
        """What each row of each run came to, in order; see `catalog.RESULTS`."""
        types = catalog.RESULTS.types
        return put_in_order(self._table("record_result", types), "at", "run_id", "row")

    def links(self) -> pl.DataFrame:
        """Which workspace record is which org record; see `catalog.LINKS`."""
        types = catalog.LINKS.types
        return put_in_order(self._table("link", types), "id")

    def lineage(self) -> pl.DataFrame:
        """Merged, converted, moved, deleted and restored records, the latest first; see `catalog.LINEAGE`."""
        return lineage.lines(self._db, self._workspace_id)

    def activities(self) -> pl.DataFrame:
        """Every activity with the org record it is linked to and what became of it; see `catalog.ACTIVITIES`."""
        became = books.by_record(self._db, self._workspace_id)
        own = {c: t for c, t in catalog.ACTIVITIES.types.items() if c in columns_of("activity")}
        types = {**own, "user_email": pl.String, "has_person": pl.Boolean}
        rows = books.with_cell(read_all(self._db, audited.activities(own), self._workspace_id, types), self._zone())
        # In order and column by column: a million activities are never held twice.
        rows = put_in_order(rows.drop("user_email"), "occurred_at", "id")
        at = _places(rows["id"], became["id"])
        for name in became.columns[1:]:
            rows.insert_column(rows.width, became.drop_in_place(name).gather(at))
        return rows.select(list(catalog.ACTIVITIES.types))

    def _zone(self) -> str:
        return books.zone_of(self._db, self._workspace_id)

    def people(self) -> pl.DataFrame:
        """Every person with ``org_id``, ``sobject`` (Contact or Lead) and ``linked_how`` of its active link, if any."""
        return self._linked("person")

    def accounts(self) -> pl.DataFrame:
        """Every account with ``org_id``, ``sobject`` and ``linked_how`` of its active link, if it has one."""
        return self._linked("account")

    def _linked(self, table: str) -> pl.DataFrame:
        types: dict[str, Any] = {c: t for c, t in columns_of(table).items() if c not in _HIDDEN}
        linked = self._table("link", _LINKED_RECORD, table_name=table, state="active")
        linked = linked.rename({"record_id": "id", "how": "linked_how"})
        return self._table(table, types).join(linked, on="id", how="left").sort("id", "org_id")

    def consent(self) -> pl.DataFrame:
        """Who may not be written to or called, by channel and side; see `catalog.CONSENT`."""
        fields = [f for pair in _CHANNELS.values() for f in pair]
        own = {"id": pl.Int64, "external_id": pl.String, "name": pl.String}
        people = self._table("person", {**own, **dict.fromkeys(fields[::2], pl.Boolean)})
        columns = ("record_id", "org_id", "sobject", "baseline", "updated_at")
        links = self._table(
            "link", {c: catalog.LINKS.types[c] for c in columns}, table_name="person", state="active"
        ).rename({"updated_at": "agreed_at"})
        told = links.with_columns(
            (pl.col("baseline").str.json_path_match(f"$.{f}") == "true").alias(f) for f in fields[1::2]
        )
        both = people.join(told, left_on="id", right_on="record_id", how="left")
        parts = [
            both.select(
                record_id="id", key="external_id", title="name", channel=pl.lit(channel),
                workspace_out=pl.col(ours).fill_null(value=False), org_out=theirs, org_id="org_id",
                sobject="sobject", agreed_at="agreed_at",
            )
            for channel, (ours, theirs) in _CHANNELS.items()
        ]  # fmt: skip
        out = pl.concat(parts).filter(pl.col("workspace_out") | pl.col("org_out").fill_null(value=False))
        return out.select(list(catalog.CONSENT.types)).sort("record_id", "channel", "org_id")

    def configuration(self) -> pl.DataFrame:
        """Every change of configuration, the oldest first; see `catalog.CONFIGURATION`."""
        events = self.events().filter(
            pl.any_horizontal(pl.col("kind").str.starts_with(f"{topic}.") for topic in configlog.TOPICS)
        )
        body = pl.col("body")
        pair = body.str.contains('"after":', literal=True)
        return events.select(
            *(c for c in catalog.CONFIGURATION.types if c not in ("before", "after")),
            before=pl.when(pair).then(body.str.json_path_match("$.before")),
            after=pl.when(pair).then(body.str.json_path_match("$.after")).otherwise(body),
        )

    def open_rows(self) -> pl.DataFrame:
        """Every row that waits, is held, was rejected or is in doubt; see `catalog.OPEN_ROWS`."""
        types = catalog.OPEN_ROWS.types
        return put_in_order(self._table("open_row", types), "job", "subject")

    def events(self) -> pl.DataFrame:
        """The ledger, the oldest line first; see `catalog.EVENTS`."""
        types = catalog.EVENTS.types
        lines = self._table("event", {c: t for c, t in types.items() if c != "body"})
        bodies = self._table("event_value", {"event_id": pl.Int64, "body": pl.String})
        whole = lines.join(bodies, left_on="id", right_on="event_id", how="left", maintain_order="left")
        return put_in_order(whole.select(list(types)), "id")

    def balance(self) -> pl.DataFrame:
        """The workspace's side of the double entry by day, user and kind; see `catalog.BALANCE`."""
        return books.balance(self._db, self._workspace_id)


def _places(wanted: pl.Series, there: pl.Series) -> pl.Series:
    """Where each of the wanted numbers stands."""
    found = there.to_frame("id").with_row_index("_at")
    return wanted.to_frame("id").join(found, on="id", how="left", maintain_order="left")["_at"]
