"""One measurement in a process of its own: what it took, and the most memory that it and its readers held.

python -m benchmarks.audit.measured frame activities DATABASE
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import adbc_driver_manager as manager
import adbc_driver_sqlite
import polars as pl
import pyarrow as pa

from benchmarks.audit.filled import MONTH
from benchmarks.report import cpu_seconds, peak_mb
from core.audit import catalog
from core.audit.duplicates import find
from core.audit.frames import Frames
from core.store.database import Database

NOW = datetime(2026, 12, 1, tzinfo=UTC)
_STATES = {
    "link": "record_id, id, how, state",
    "open_row": "record_id, outcome, last_at",
    "record_result": "record_id, outcome, at, run_id",
}
_OF_RECORD = {
    "link": "org_id, sobject, how, state, job, record_id",
    "open_row": "record_id, job, outcome, cause, reason, last_at",
    "record_result": "record_id, job, outcome, cause, reason, at",
}
_SOURCES: dict[str, dict[str, str]] = {
    "changes": {
        "change": ", ".join(f'"{c}"' for c in catalog.CHANGES.types if c not in ("run_id", "job", "made_at")),
        "plan": "plan_id, run_id, job, made_at",
    },
    "lineage": {"link": "table_name, record_id, sobject, org_id, state, how, evidence, job, run_id, updated_at"},
    "activities": {
        "activity": "id, kind, source, external_id, occurred_at, duration_s, direction, user_email, subject, notes,"
        " outcome, type, status, priority, due_at, person_record_id, account_record_id, person_ref, person_email,"
        " person_phone, created_at, updated_at, deleted_at",
        **_OF_RECORD,
    },
    "balance": {"activity": "id, kind, user_email, occurred_at, created_at, deleted_at", **_STATES},
    "consent": {
        "person": "id, external_id, name, opted_out_email, do_not_call",
        "link": "record_id, org_id, sobject, baseline, updated_at",
    },
    "configuration": {"event": "id, at, actor, kind, subject, detail", "event_value": "event_id, body"},
    "events": {"event": "id, at, actor, kind, subject, run_id, detail", "event_value": "event_id, body"},
}
_WHERE = {
    ("consent", "link"): " AND table_name = 'person' AND state = 'active'",
    ("activities", "link"): " AND table_name = 'activity'",
    ("balance", "link"): " AND table_name = 'activity'",
}
_TABLES = {"runs": "run", "results": "record_result", "links": "link", "open_rows": "open_row"}


def rows_of(name: str) -> list[str]:
    """The SELECTs that read the rows of a frame, and of each only the columns that the frame needs."""
    if name in _TABLES:
        columns = ", ".join(f'"{c}"' for c in catalog.TABLES[name].types)
        return [f"SELECT {columns} FROM {_TABLES[name]} WHERE workspace_id = 1"]
    return [
        f'SELECT {columns} FROM "{table}" WHERE workspace_id = 1{_WHERE.get((name, table), "")}'
        for table, columns in _SOURCES[name].items()
    ]


def read_rows(name: str, path: Path) -> int:
    """Read a frame's rows with the bare ADBC driver; how many."""
    count = 0
    for statement in rows_of(name):
        with (
            adbc_driver_sqlite.connect(f"{path.resolve().as_uri()}?mode=ro") as database,
            manager.AdbcConnection(database) as connection,
            manager.AdbcStatement(connection) as asked,
        ):
            asked.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
            asked.set_sql_query(statement)
            handle, _ = asked.execute_query()
            count += int(pa.RecordBatchReader._import_from_c(handle.address).read_all().num_rows)
    return count


def frame(name: str, path: Path) -> int:
    """Make the frame; how many rows it has."""
    db = Database(f"sqlite:///{path}")
    made: pl.DataFrame = getattr(Frames(db, 1), name)()
    db.close()
    return made.height


def frames_of_report(_: str, path: Path) -> int:
    """The frames that a monthly report is made of."""
    return sum(frame(name, path) for name in ("activities", "results", "open_rows", "runs"))


def monthly(_: str, path: Path) -> int:
    """The report of a month as a page; how many activities it tells of."""
    # Only here: charts and pages take memory that frames do not need.
    from core.audit import double, report, report_files

    db = Database(f"sqlite:///{path}")
    frames = Frames(db, 1)
    first, last = report.days_of(MONTH)
    tables = {name: getattr(frames, name)() for name in ("results", "open_rows", "runs")}
    balance = double.of_workspace(double.within(frames.activities(), first, last))
    made = report.make(db, 1, MONTH, balance, tables, NOW)
    with tempfile.TemporaryDirectory() as folder:
        report_files.write(made, Path(folder) / "report.html", "html")
    db.close()
    return made.totals()["made"]


def duplicates(out: str, path: Path) -> int:
    """Duplicate groups of the database's people; their pairs go to the file ``out``; how many pairs."""
    db = Database(f"sqlite:///{path}")
    found = find(db, 1, "person")
    db.close()
    found.pairs.select("a", "b").write_parquet(out)
    return found.pairs.height


WORKS: dict[str, Callable[[str, Path], int]] = {
    "rows": read_rows,
    "frame": frame,
    "report-frames": frames_of_report,
    "report": monthly,
    "duplicates": duplicates,
}


def main() -> None:
    """Do it once for every line of stdin, and answer each with a line of JSON: ``rows, wall_s, cpu_s, peak_mb``.

    The memory is that of this process and of those that read for it, the most so far; it is told once they have ended.
    """
    work, name, path = WORKS[sys.argv[1]], sys.argv[2], Path(sys.argv[3])
    for _ in sys.stdin:
        wall, cpu = time.monotonic(), _cpu()
        rows = work(name, path)
        took = {"rows": rows, "wall_s": round(time.monotonic() - wall, 3), "cpu_s": round(_cpu() - cpu, 2)}
        print(json.dumps(took), flush=True)
    theirs = sum(peak_mb(pid) for pid in _children())
    print(json.dumps({"peak_mb": round(peak_mb(os.getpid()) + theirs), "reader_mb": round(theirs)}))


def _children() -> list[int]:
    """The processes that read for this one; an idle one lives on until this one ends."""
    return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _cpu() -> float:
    return time.process_time() + sum(cpu_seconds(pid) for pid in _children())


if __name__ == "__main__":
    main()
