"""A Bulk query streams: a small multiple of plain sqlite3's time, and never the whole result in memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

from tests.local_org.soql import small_org as org
from tests.local_org.soql.bulk_speed import FIELDS, QUERY, fill, measure


def test_the_time_is_a_small_multiple_of_plain_sqlite() -> None:
    found = measure(60_000)
    assert found["csv_mb"] > 12
    assert found["ratio"] < 8, found


def test_memory_stays_flat(tmp_path: Path) -> None:
    conn = fill(tmp_path / "tasks.sqlite", 20_000)
    result = org.ask(conn, QUERY, bulk=True)
    tracemalloc.start()
    size = sum(len(piece) for piece in result.iter_csv(1_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    conn.close()
    assert size > 4_000_000
    assert peak < size / 3


def test_the_rows_of_the_benchmark_are_right(tmp_path: Path) -> None:
    conn = fill(tmp_path / "tasks.sqlite", 200)
    text = b"".join(org.ask(conn, QUERY, bulk=True).iter_csv(30)).decode()
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    conn.close()
    assert (head, len(rows)) == (FIELDS, 200)
    assert rows[50][1] == 'Call "back" 50, please'
    assert rows[7][7:] == [
        "",
        "7",
        "true",
        "false",
        "false",
        *["2026-03-10T15:29:53.000Z"],
        *["2026-03-10T15:29:57.000Z"] * 2,
    ]
