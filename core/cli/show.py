"""Prints what commands found out, as tables for people or as JSON; values from records are printed as plain text."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console(soft_wrap=False)
SHOWN_BROKEN = 20


def demo_dir() -> Path:
    """Where the demo lives."""
    return Path(os.environ.get("SYNCLINE_HOME") or Path.home() / ".syncline") / "demo"


def document(value: Any, *, as_json: bool) -> None:
    """A nested value."""
    text = json.dumps(value, indent=None if as_json else 2, ensure_ascii=False, default=str)
    sys.stdout.write(text + "\n")


def record(values: Mapping[str, Any], *, as_json: bool) -> None:
    """One small record."""
    if as_json:
        document(dict(values), as_json=True)
        return
    for key, value in values.items():
        console.print(Text(f"{key}: {value}"))


def lines(values: Sequence[str], *, as_json: bool) -> None:
    """Lines of text."""
    if as_json:
        document(list(values), as_json=True)
        return
    for value in values:
        console.print(Text(value))


def table(title: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Rows of equal shape."""
    if as_json:
        document([dict(r) for r in rows], as_json=True)
        return
    if not rows:
        console.print(Text(f"{title}: none."))
        return
    names = list(columns) or list(rows[0])
    out = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        out.add_column(name)
    for row in rows:
        out.add_row(*(Text(_cell(row.get(n)), overflow="ellipsis") for n in names))
    console.print(out)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if len(text) <= 90 else text[:87] + "…"


def runs(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Several runs."""
    if as_json:
        document([pure(r) for r in rows], as_json=True)
        return
    table("Runs", [_flat(r) for r in rows], as_json=False)


def pure(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run without what only the console needs."""
    return {k: v for k, v in row.items() if k not in ("requested_at", "started", "ended")}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in row["counts"].items() if n)
    return {
        "run": row["run_id"],
        "job": row["job"],
        "status": row["status"],
        "rows": counts,
        "calls": row["api_calls"],
        "ended": row["ended_at"],
    }


def run(row: Mapping[str, Any], *, as_json: bool) -> None:
    """One run."""
    if as_json:
        document(pure(row), as_json=True)
        return
    record(_flat(row), as_json=False)
    if row.get("error"):
        console.print(Text(str(row["error"].get("message", ""))))


def preview(found: Any, *, as_json: bool) -> None:
    """What a run would do, with those rows on which something is amiss."""
    stopped = found.rows.filter(found.rows["outcome"].is_in(["held", "rejected", "waiting", "skipped"]))
    rows = stopped.select("row", "key", "title", "outcome", "cause", "field", "reason").to_dicts()
    if as_json:
        document(
            {
                "job": found.job,
                "counts": found.counts,
                "guards": found.guards,
                "api_calls": found.api_calls,
                "stopped": rows,
            },
            as_json=True,
        )
        return
    record({k: v for k, v in found.counts.items() if v}, as_json=False)
    table("Would not go", rows[:100], as_json=False)


def intake(answers: Sequence[Mapping[str, Any]], *, as_json: bool) -> int:
    """Answers of an intake; returns how many rows were rejected."""
    broken = [a for a in answers if a["result"] == "rejected"]
    if as_json:
        document({"counts": dict(Counter(a["result"] for a in answers)), "rejected": broken}, as_json=True)
        return len(broken)
    record(dict(Counter(a["result"] for a in answers)), as_json=False)
    for answer in broken[:SHOWN_BROKEN]:
        console.print(Text(f"{Path(answer['file']).name}: {answer['reason']}"))
    if len(broken) > SHOWN_BROKEN:
        console.print(Text(f"… and {len(broken) - SHOWN_BROKEN} more."))
    return len(broken)


def error(problem: Any) -> None:
    """An error as one sentence."""
    if "--json" in sys.argv:
        document({"error": type(problem).__name__, "message": problem.message, "hint": problem.hint}, as_json=True)
    else:
        Console(stderr=True).print(Text(problem.sentence()))
