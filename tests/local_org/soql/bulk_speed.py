"""Measures a Bulk query against plain sqlite3: `python -m tests.local_org.soql.bulk_speed --rows 1000000`.

Plain is the quickest that Python can do without a query engine: the same SELECT, its rows fetched and thrown away.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.local_org.soql import small_org as org

FIELDS = ["Id", "Subject", "Status", "WhoId", "WhatId", "OwnerId", "AccountId", "ActivityDate", "CallDurationInSeconds",
          "IsClosed", "IsArchived", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp"]  # fmt: skip
QUERY = f"SELECT {', '.join(FIELDS)} FROM Task"


def fill(path: Path, rows: int) -> sqlite3.Connection:
    """A file with that many tasks, as an org has them."""
    conn = sqlite3.connect(path)
    memory = org.connect()
    conn.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
    for (statement,) in memory.execute("SELECT sql FROM sqlite_master WHERE type = 'table'"):
        conn.execute(statement)
    memory.close()
    marks = ", ".join("?" for _ in FIELDS)
    conn.executemany(f"INSERT INTO Task ({', '.join(FIELDS)}) VALUES ({marks})", _tasks(rows))
    conn.commit()
    return conn


def _tasks(rows: int) -> Iterator[tuple[Any, ...]]:
    people = [org.make_id("003", n) for n in range(997)]
    accounts = [org.make_id("001", n) for n in range(499)]
    owner, now = org.make_id("005", 1), int(org.NOW.timestamp())
    for n in range(rows):
        account = accounts[n % 499]
        subject = f'Call "back" {n}, please' if n % 50 == 0 else f"Call about the lease {n}"
        day, stamps = "2026-03-10" if n % 7 else None, (now - n, now - n // 2, now - n // 2)
        who = (people[n % 997], account, owner, account)
        status = "Completed" if n % 3 else "Not Started"
        yield (f"00T{n:012d}AAA", subject, status, *who, day, n % 900 or None, int(n % 3 > 0), 0, 0, *stamps)


def plain(conn: sqlite3.Connection) -> int:
    """Rows of the same SELECT without a query engine."""
    cursor = conn.execute(f"SELECT {', '.join(FIELDS)} FROM Task WHERE IsDeleted = 0 AND IsArchived = 0")
    found = 0
    while rows := cursor.fetchmany(5_000):
        found += len(rows)
    return found


def bulk(conn: sqlite3.Connection) -> int:
    """Bytes of the Bulk query's CSV."""
    return sum(len(piece) for piece in org.ask(conn, QUERY, bulk=True).iter_csv())


def measure(rows: int) -> dict[str, Any]:
    """Seconds, rates, the ratio of both, and how much the process grew while the CSV streamed."""
    with tempfile.TemporaryDirectory() as folder:
        conn = fill(Path(folder) / "tasks.sqlite", rows)
        assert plain(conn) == rows
        started = time.process_time()
        plain(conn)
        between = time.process_time()
        before = _peak_mb()
        size = bulk(conn)
        spent = time.process_time() - between
        grown = _peak_mb() - before
        conn.close()
    return {
        "rows": rows,
        "fields": len(FIELDS),
        "csv_mb": round(size / 2**20, 1),
        "plain_rows_per_s": round(rows / (between - started)),
        "bulk_rows_per_s": round(rows / spent),
        "ratio": round(spent / (between - started), 2),
        "grown_mb": round(grown, 1),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().rows), indent=1))
