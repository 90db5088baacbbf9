"""Tells Prometheus how the workspace does: runs, open rows, records, connections, workers, and the API's own use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.clock import SystemClock
from core.store.database import Database

_COUNTED = (
    (
        "syncline_runs",
        "Runs by status",
        ("job", "status"),
        "SELECT job, status, COUNT(*) FROM run WHERE workspace_id = :w GROUP BY job, status",
    ),
    (
        "syncline_open_rows",
        "Rows that wait, are held, were rejected or are in doubt",
        ("job", "outcome"),
        "SELECT job, outcome, COUNT(*) FROM open_row WHERE workspace_id = :w GROUP BY job, outcome",
    ),
    (
        "syncline_records",
        "Records that are not deleted",
        ("table",),
        "SELECT 'account', COUNT(*) FROM account WHERE workspace_id = :w AND deleted_at IS NULL UNION ALL "
        "SELECT 'person', COUNT(*) FROM person WHERE workspace_id = :w AND deleted_at IS NULL UNION ALL "
        "SELECT 'activity', COUNT(*) FROM activity WHERE workspace_id = :w AND deleted_at IS NULL",
    ),
    (
        "syncline_connections",
        "Connections by state",
        ("state",),
        "SELECT state, COUNT(*) FROM connection WHERE workspace_id = :w GROUP BY state",
    ),
    (
        "syncline_org_api_used",
        "Calls that the org has counted today",
        ("connection",),
        "SELECT name, api_used FROM connection WHERE workspace_id = :w AND api_used IS NOT NULL",
    ),
    (
        "syncline_org_api_limit",
        "Calls that the org allows a day",
        ("connection",),
        "SELECT name, api_limit FROM connection WHERE workspace_id = :w AND api_limit IS NOT NULL",
    ),
)


class Metrics:
    """The numbers of one API: what the store says at each look, and what was counted since the start."""

    def __init__(self, workspace: Callable[[], tuple[Database, int]]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_StoreCollector(workspace))
        self.requests = Counter(
            "syncline_http_requests", "Requests answered", ("route", "status"), registry=self._registry
        )
        self.rows = Counter(
            "syncline_intake_rows", "Rows taken in over HTTP", ("kind", "result"), registry=self._registry
        )

    def text(self) -> bytes:
        """All of them, in the text format."""
        return generate_latest(self._registry)


class _StoreCollector(Collector):
    def __init__(self, workspace: Callable[[], tuple[Database, int]]) -> None:
        self._workspace = workspace

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: a registry that asks must not open the database at start."""
        return []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Count in the store."""
        database, workspace_id = self._workspace()
        for name, text, labels, sql in _COUNTED:
            gauge = GaugeMetricFamily(name, text, labels=labels)
            for *values, number in database.read(sql, w=workspace_id).iter_rows():
                gauge.add_metric([str(v) for v in values], float(number))
            yield gauge
        seen = database.read("SELECT MAX(seen_at) AS seen_at FROM worker").item()
        if isinstance(seen, datetime):
            age = (SystemClock().now() - seen).total_seconds()
            yield GaugeMetricFamily(
                "syncline_worker_seen_seconds", "Seconds since a worker gave a sign of life", value=age
            )
