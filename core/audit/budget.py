"""Says what the API allowance went to, and what a day costs: by job and day, beside the org's limit and other apps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.mapping.spec import JobSpec
from core.planning.forecast import ROWS_PER_CALL, Load, forecast
from core.records import ACTIVITY_KINDS, Direction, table_of
from core.store.database import Database

DAYS = 14
LOOK_BACK = 30
"""Days over which ordinary volume is measured."""
_USED = (
    "SELECT job, started_at, api_calls + api_calls_shared AS calls FROM run WHERE workspace_id = :w"
    " AND started_at >= :since AND api_calls + api_calls_shared > 0"
)
_COST = (
    "SELECT job, AVG(CASE WHEN moved = 0 THEN calls END) AS idle, SUM(CASE WHEN moved > 0 THEN moved END) AS moved,"
    " SUM(CASE WHEN moved > 0 THEN calls END) AS busy, SUM(CASE WHEN moved > 0 THEN 1 ELSE 0 END) AS n_busy FROM"
    " (SELECT job, api_calls AS calls, n_created + n_updated + n_deleted AS moved FROM run WHERE workspace_id = :w"
    " AND kind <> 'plan' AND status IN ('complete', 'complete_with_rejects', 'partial') AND requested_at >= :since) r"
    " GROUP BY job"
)
_CHANGED_HERE = {
    "account": "SELECT COUNT(*) FROM account WHERE workspace_id = :w AND updated_at >= :since AND updated_at < :now",
    "person": "SELECT COUNT(*) FROM person WHERE workspace_id = :w AND updated_at >= :since AND updated_at < :now",
    "activity": (
        "SELECT COUNT(*) FROM activity WHERE workspace_id = :w AND kind = :k AND updated_at >= :since"
        " AND updated_at < :now"
    ),
}
_CHANGED_THERE = (
    "SELECT sobject, COUNT(*) AS n FROM link WHERE workspace_id = :w AND state = 'active' AND org_modified_at >= :since"
    " AND org_modified_at < :now GROUP BY sobject"
)


def budget(db: Database, workspace_id: int, specs: Sequence[JobSpec], now: datetime) -> dict[str, Any]:
    """The allowance and what goes into it.

    Returns:
        ``limit``, ``used`` (calls of all applications in the last 24 hours; both ``None`` before the first call),
        ``ours`` and ``others`` (the parts of ``used``); ``by_day``: for each of the last 14 days ``{"day", "jobs":
        {job: calls}}``, today last; ``loads``: one `Load` per job, measured where there is a history; ``forecast``: the
        `Forecast` of a day with the jobs that are on; ``last_24h``: job -> calls.
    """
    zone = ZoneInfo(str(db.one("SELECT zone FROM workspace WHERE id = :w", w=workspace_id) or "UTC"))
    head = db.read(
        "SELECT api_used, api_limit FROM connection WHERE workspace_id = :w ORDER BY is_master DESC, id LIMIT 1",
        w=workspace_id,
    )
    used, limit = head.row(0) if head.height else (None, None)
    rows = db.read(_USED, w=workspace_id, since=now - timedelta(days=DAYS + 1))
    last: dict[str, int] = {}
    days: dict[date, dict[str, int]] = {
        now.astimezone(zone).date() - timedelta(days=back): {} for back in range(DAYS - 1, -1, -1)
    }
    for job, at, calls in rows.iter_rows():
        if at >= now - timedelta(days=1):
            last[job] = last.get(job, 0) + int(calls)
        cell = days.get(at.astimezone(zone).date())
        if cell is not None:
            cell[job] = cell.get(job, 0) + int(calls)
    ours = sum(last.values())
    loads = _loads(db, workspace_id, specs, now)
    others = max(int(used or 0) - ours, 0)
    return {
        "limit": limit,
        "used": used,
        "ours": min(ours, int(used)) if used is not None else ours,
        "others": others,
        "by_day": [{"day": day.isoformat(), "jobs": cell} for day, cell in days.items()],
        "loads": loads,
        "forecast": forecast(loads, limit=int(limit or 0), others=others),
        "last_24h": last,
    }


def _loads(db: Database, workspace_id: int, specs: Sequence[JobSpec], now: datetime) -> list[Load]:
    since = now - timedelta(days=LOOK_BACK)
    on = dict(db.read("SELECT name, is_enabled FROM job WHERE workspace_id = :w", w=workspace_id).iter_rows())
    costs = {r["job"]: r for r in db.read(_COST, w=workspace_id, since=since).iter_rows(named=True)}
    there = dict(db.read(_CHANGED_THERE, w=workspace_id, since=since, now=now).iter_rows())
    out = []
    for spec in specs:
        inbound = spec.direction is Direction.INBOUND
        cost = costs.get(spec.name, {})
        idle = cost.get("idle")
        idle = float(idle) if idle is not None else float(len(spec.pairs)) if inbound else 0.0
        carried = float(cost.get("busy") or 0) - idle * float(cost.get("n_busy") or 0)
        moved = float(cost.get("moved") or 0)
        changed = (
            sum(there.get(p.sobject, 0) for p in spec.pairs) if inbound else _here(db, workspace_id, spec, since, now)
        )
        out.append(
            Load(
                job=spec.name,
                is_on=bool(on.get(spec.name)),
                every_minutes=None if spec.schedule.daily_at else spec.schedule.every_minutes,
                is_daily=bool(spec.schedule.daily_at),
                is_woken=spec.schedule.as_it_happens,
                rows_per_day=changed / LOOK_BACK,
                idle_calls=idle,
                rows_per_call=max(moved / carried, 1.0) if carried >= 1 and moved else ROWS_PER_CALL,
            )
        )
    return out


def _here(db: Database, workspace_id: int, spec: JobSpec, since: datetime, now: datetime) -> int:
    table = table_of(spec.kind)
    kind = {"k": spec.kind.value} if spec.kind in ACTIVITY_KINDS else {}
    return int(db.one(_CHANGED_HERE[table], {"w": workspace_id, "since": since, "now": now, **kind}) or 0)
