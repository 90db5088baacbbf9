"""P3 and P4: a Bulk 2.0 query of a million Tasks into result files, and how fast the finished result streams."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from benchmarks.report import Measured, cpu_seconds, peak_mb, reset_peak
from local_org.org.engine import Org
from local_org.org.ids import make_id
from tests.practice import ROOT, Practice

ROWS = 1_000_000
LEAST_ROWS_PER_SECOND = 100_000
MOST_GROWTH_MB = 64.0
FIELDS = (
    "Id", "Subject", "Status", "Priority", "ActivityDate", "Description", "WhoId", "OwnerId", "CallDurationInSeconds",
    "IsClosed", "IsDeleted", "IsArchived", "CreatedDate", "LastModifiedDate", "SystemModstamp",
)  # fmt: skip
_WAIT_SECONDS = 300


def run(scale: float) -> list[Measured]:
    """Fill an org, run the query as a job, then read its result and a file of the same bytes in turns."""
    rows = max(1000, int(ROWS * scale))
    with tempfile.TemporaryDirectory(prefix="practice-bench-") as home:
        directory = Path(home)
        with Practice(data_dir=directory) as practice:
            owner = practice.user()["id"]
        fill(directory / "org.sqlite", rows, owner)
        with Practice("--allowance", "10000000", data_dir=directory) as practice:
            http = requests.Session()
            http.trust_env, http.verify = False, practice.env["ca_file"]
            http.headers["Authorization"] = f"Bearer {practice.token()}"
            http.headers["Accept-Encoding"] = "identity"
            job, ran = _job(practice, http, rows)
            return [ran, _stream(practice, http, job, rows, directory)]


def fill(file: Path, rows: int, owner: str) -> None:
    """Put that many Tasks into the org, past the rules."""
    stamp = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())

    def made() -> Iterator[dict[str, Any]]:
        for number in range(rows):
            yield {
                "Id": make_id("00T", number + 1), "Subject": f'Call "back" {number}', "Status": "Completed",
                "Priority": "Normal", "ActivityDate": "2026-01-02", "Description": "Spoke about the lease. " * 3,
                "OwnerId": owner, "CallDurationInSeconds": number % 600, "IsClosed": True, "CreatedById": owner,
                "LastModifiedById": owner, "CreatedDate": stamp + number, "LastModifiedDate": stamp + number,
                "SystemModstamp": stamp + number,
            }  # fmt: skip

    with Org.open(file) as org:
        org.bulk_load("Task", made())


def _job(practice: Practice, http: requests.Session, rows: int) -> tuple[str, Measured]:
    body = {"operation": "query", "query": f"SELECT {', '.join(FIELDS)} FROM Task"}
    reset_peak(practice.pid)
    before, used = peak_mb(practice.pid), cpu_seconds(practice.pid)
    job = http.post(f"{practice.data_url}/jobs/query", json=body, timeout=60).json()["id"]
    until = time.monotonic() + _WAIT_SECONDS
    while (info := http.get(f"{practice.data_url}/jobs/query/{job}", timeout=60).json())["state"] != "JobComplete":
        assert info["state"] != "Failed", info
        assert time.monotonic() < until, info
        time.sleep(0.5)
    cpu, grown = cpu_seconds(practice.pid) - used, peak_mb(practice.pid) - before
    assert info["numberRecordsProcessed"] == rows
    wall = info["totalProcessingTime"] / 1000
    rate = rows / min(wall, cpu)
    facts = {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "grown_mb": round(grown, 1)}
    met = rate >= LEAST_ROWS_PER_SECOND and grown <= MOST_GROWTH_MB
    target = f">= {LEAST_ROWS_PER_SECOND:,} rows/s, <= {MOST_GROWTH_MB:.0f} MB"
    work = f"Bulk 2.0 query of {rows:,} Tasks x {len(FIELDS)} into result files, rows a second of the job's own time"
    return job, Measured("P3", work, facts, {}, round(rate), target, met)


def _stream(practice: Practice, http: requests.Session, job: str, rows: int, directory: Path) -> Measured:
    """The pages of the result beside a file of the same bytes from a file server with the same TLS, best of three."""
    url, kept = f"{practice.data_url}/jobs/query/{job}/results", directory / "static.csv"
    with kept.open("wb") as file:
        first = _read(http, lambda mark: f"{url}?locator={mark}", file.write)
    with Static(practice, directory) as static:
        pages, plain = [], []
        for _ in range(3):
            pages.append(_timed(practice.pid, lambda: _read(http, lambda mark: f"{url}?locator={mark}")))
            plain.append(_timed(static.pid, lambda: _read(http, lambda _: static.url)))
    assert {first} == {facts[0] for facts in [*pages, *plain]}, "both serve the same bytes"
    best, other = (min(facts[1] for facts in side) for side in (pages, plain))
    cpu, other_cpu = (min(facts[2] for facts in side) for side in (pages, plain))
    mb = kept.stat().st_size / 1e6
    return Measured(
        "P4", f"{rows:,} finished rows ({mb:,.0f} MB) over TLS, speed beside a static file's",
        {"wall_s": round(best, 2), "cpu_s": round(cpu, 2), "mb_per_s": round(mb / best)},
        {"wall_s": round(other, 2), "cpu_s": round(other_cpu, 2), "mb_per_s": round(mb / other)},
        round(other / best, 2), ">= 0.5 of a static file's speed", other / best >= 0.5,
    )  # fmt: skip


def _read(http: requests.Session, url_of: Callable[[str], str], write: Callable[[bytes], Any] | None = None) -> str:
    """Read all pages; the digest of the bytes."""
    digest, mark = hashlib.blake2b(), ""
    while mark != "null":
        with http.get(url_of(mark), stream=True, timeout=300) as page:
            assert page.status_code == 200, page.text
            for chunk in page.iter_content(1024 * 1024):
                digest.update(chunk)
                if write is not None:
                    write(chunk)
            mark = page.headers.get("Sforce-Locator", "null")
    return digest.hexdigest()


def _timed(pid: int, work: Callable[[], str]) -> tuple[str, float, float]:
    began, used = time.perf_counter(), cpu_seconds(pid)
    done = work()
    return done, time.perf_counter() - began, cpu_seconds(pid) - used


class Static:
    """A file server with the practice org's own TLS, as a process, for as long as the ``with`` block lasts."""

    def __init__(self, practice: Practice, directory: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.local_org.static_server", str(directory)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"https://127.0.0.1:{self._process.stdout.readline().strip()}/static.csv"
        self.pid = self._process.pid

    def __enter__(self) -> Static:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
