"""Prints what commands found out, as tables for people or as JSON; values from records are printed as plain text."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from core.workspace import Preview

SHOWN_BROKEN = 20
_UNSEEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
CELL = 90
STOPPED = ["held", "rejected", "waiting", "skipped"]
RUN = ("run_id", "job", "direction", "status", "counts", "api_calls", "started_at", "ended_at")
RUN_MORE = ("api_calls_shared", "tick_id", "actor", "reason", "plan_id", "error")


def document(value: Any, *, as_json: bool) -> None:
    """A nested value: on one line for programs, indented for people."""
    made = json.dumps(value, indent=None if as_json else 2, ensure_ascii=False, default=_plain)
    # Characters that steer a terminal are written as JSON escapes: the same value, and nothing happens.
    text(_UNSEEN.sub(lambda hit: f"\\u{ord(hit.group()):04x}", made) + "\n")


def text(value: str) -> None:
    """Text as it is."""
    sys.stdout.write(value)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def printer(*, error: bool = False) -> Console:
    """Where people read: as wide as the terminal, and as wide as it takes where the output goes elsewhere."""
    from rich.console import Console

    made = Console(stderr=error, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = 250
    return made


def record(values: Mapping[str, Any], *, as_json: bool) -> None:
    """One small record."""
    if as_json:
        document(dict(values), as_json=True)
        return
    text("".join(f"{key}: {_cell(value, None)}\n" for key, value in values.items()))


def lines(values: Sequence[str], *, as_json: bool) -> None:
    """Lines of text."""
    if as_json:
        document(list(values), as_json=True)
        return
    text("".join(f"{value}\n" for value in values))


def table(title: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Rows of equal shape; ``columns`` chooses for people, programs get all."""
    if as_json:
        document([dict(r) for r in rows], as_json=True)
        return
    if not rows:
        text(f"{title}: none.\n")
        return
    from rich.table import Table
    from rich.text import Text

    names = list(columns) or list(rows[0])
    out = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        out.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        out.add_row(*(Text(_cell(row.get(n))) for n in names))
    printer().print(out)


def _cell(value: Any, most: int | None = CELL) -> str:
    if value is None:
        return ""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain).strip('"')
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    # A line end or an escape sequence in a record must not draw on the operator's terminal.
    shown = "".join(c if c.isprintable() else " " for c in shown)
    return shown if most is None or len(shown) <= most else shown[: most - 1] + "…"


def counted(counts: Mapping[str, int]) -> str:
    """Counts as words, without those that are zero."""
    return ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in counts.items() if n) or "nothing to do"


def pure(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run as it is printed everywhere: the fixed keys first, then what else is known of it."""
    return {**{k: row[k] for k in RUN}, **{k: row[k] for k in RUN_MORE if k in row}}


def runs(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Several runs."""
    if as_json:
        document([pure(r) for r in rows], as_json=True)
        return
    table("Runs", [_flat(r) for r in rows], as_json=False)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run": row["run_id"],
        "job": row["job"],
        "status": str(row["status"]),
        "rows": counted(row["counts"]),
        "calls": row["api_calls"],
        "ended": row["ended_at"],
    }


def run(row: Mapping[str, Any], *, as_json: bool) -> None:
    """One run, and its error in a sentence."""
    if as_json:
        document(pure(row), as_json=True)
        return
    record(_flat(row), as_json=False)
    if row.get("error"):
        text(_cell(row["error"].get("message", ""), None) + "\n")
    if row["status"] == "waiting_approval":
        text(f"It waits for approval: syncline plans show {row.get('plan_id')}, then plans apply or plans discard.\n")


def exit_code(rows: Sequence[Mapping[str, Any]]) -> int:
    """0 if every run is complete, else 1."""
    return 0 if all(r["status"] == "complete" for r in rows) else 1


def preview(found: Preview, *, as_json: bool) -> None:
    """What a run would do, with those rows on which something is amiss."""
    stopped = found.rows.filter(found.rows["outcome"].is_in(STOPPED))
    rows = stopped.select("row", "key", "title", "outcome", "cause", "field", "reason").to_dicts()
    if as_json:
        head = {"job": found.job, "counts": found.counts, "guards": found.guards, "api_calls": found.api_calls}
        document({**head, "stopped": rows}, as_json=True)
        return
    text(f"A run now: {counted(found.counts)}\n")
    lines([f"Guard: {g}" for g in found.guards], as_json=False)
    table("Would not go", rows[:100], as_json=False)
    if len(rows) > 100:
        text(f"… and {len(rows) - 100:,} more.\n")


def intake(answers: Sequence[Mapping[str, Any]], *, as_json: bool) -> int:
    """Answers of an intake; returns how many rows were rejected."""
    broken = [a for a in answers if a["result"] == "rejected"]
    counts = dict(Counter(str(a["result"]) for a in answers))
    if as_json:
        document({"counts": counts, "rejected": broken}, as_json=True)
        return len(broken)
    text(f"{len(answers):,} rows: {counted(counts)}\n")
    for answer in broken[:SHOWN_BROKEN]:
        text(f"{_cell(answer['file'], None)}: {_cell(answer['reason'], None)}\n")
    if len(broken) > SHOWN_BROKEN:
        text(f"… and {len(broken) - SHOWN_BROKEN:,} more; --json lists all.\n")
    return len(broken)


def error(name: str, message: str, hint: str | None) -> None:
    """An error: one sentence and what to do, on stderr; with --json an object on stdout."""
    if "--json" in sys.argv:
        document({"error": name, "message": message, "hint": hint or ""}, as_json=True)
    else:
        sys.stderr.write(_cell(f"{message} {hint}" if hint else message, None) + "\n")
