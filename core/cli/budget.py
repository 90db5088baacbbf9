"""The command that says what a day of API calls costs."""

from __future__ import annotations

from core.cli import show
from core.cli.options import InWorkspace, Json, opened


def budget(as_json: Json = False, workspace: InWorkspace = "default") -> None:
    """Say what the org's API allowance went to, and what a day of each job costs."""
    found = opened(workspace).api_budget()
    rows = [
        {
            "job": load.job,
            "on": load.is_on,
            "runs_per_day": round(load.runs_per_day, 1),
            "rows_per_day": round(load.rows_per_day, 1),
            "calls_per_day": round(load.calls_per_day, 1),
            "last_24h": found["last_24h"].get(load.job, 0),
        }
        for load in found["loads"]
    ]
    if as_json:
        told = found["forecast"]
        head = {k: found[k] for k in ("limit", "used", "ours", "others", "by_day")}
        show.record({**head, "jobs": rows, "forecast": told.ours, "share": told.share}, as_json=True)
        return
    show.table("API calls of a day", rows, as_json=False)
