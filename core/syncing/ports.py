"""What syncing needs of an org, so that tests can stand in for the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from core.connections.salesforce.gateway import Answer, Read, RowAnswer


class Org(Protocol):
    """The verbs of the gateway that syncing uses."""

    @property
    def calls(self) -> int:
        """API calls made so far."""
        ...

    def server_now(self) -> datetime:
        """The org's time, from the clock offset measured."""
        ...

    def describe(self, sobject: str, since: str | None = None) -> dict[str, Any] | None:
        """A describe, or ``None`` where it has not changed."""
        ...

    def read_together(self, reads: Sequence[Read]) -> list[Answer]:
        """Several reads in one API call."""
        ...

    def more(self, cursor: str) -> Answer:
        """The next page of a query."""
        ...

    def query(self, soql: str, *, all_rows: bool = False) -> list[dict[str, Any]]:
        """All pages of a query."""
        ...

    def retrieve(self, sobject: str, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any] | None]:
        """Records by Id, ``None`` where there is none to see."""
        ...

    def bulk_query(self, soql: str, *, all_rows: bool = False) -> Iterator[pl.DataFrame]:
        """A Bulk query's rows as frames of text."""
        ...

    def push(
        self, op: str, sobject: str, records: Sequence[dict[str, Any]], *, ext_field: str | None = None
    ) -> list[RowAnswer]:
        """Up to 1,000 rows in one API call."""
        ...
