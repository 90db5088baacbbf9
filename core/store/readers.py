"""Keeps a process at hand that reads SQLite files with the ADBC driver, so that not every read starts one."""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pyarrow as pa

from core.errors import StoreError
from core.store.bulk_reader import IDLE_S

_lock = threading.Lock()
_idle: list[tuple[subprocess.Popen[bytes], float]] = []
"""At most one: who reads at the same time as somebody else starts another, which ends afterwards."""


def read(path: str, sql: str) -> Iterator[pa.RecordBatch]:
    """The rows of a SELECT over an SQLite file, batch by batch.

    Raises:
        StoreError: they could not be read.
    """
    reader = _take()
    try:
        yield from _asked(reader, path, sql)
    except (OSError, pa.ArrowInvalid) as problem:
        _end(reader)
        raise StoreError("The database could not be read.", hint="Look at the log of this process.") from problem
    except BaseException:
        # What it still has to say would be taken for the next answer.
        _end(reader)
        raise
    _give_back(reader)


def _asked(reader: subprocess.Popen[bytes], path: str, sql: str) -> Iterator[pa.RecordBatch]:
    assert reader.stdin is not None  # noqa: S101
    assert reader.stdout is not None  # noqa: S101
    reader.stdin.write(json.dumps({"path": path, "sql": sql}).encode() + b"\n")
    reader.stdin.flush()
    with pa.ipc.open_stream(reader.stdout) as stream:
        yield from stream


def _take() -> subprocess.Popen[bytes]:
    with _lock:
        while _idle:
            reader, since = _idle.pop()
            # One that is about to end by itself is not asked any more.
            if reader.poll() is None and time.monotonic() - since < IDLE_S / 2:
                return reader
            _end(reader)
    return subprocess.Popen(
        [sys.executable, "-m", "core.store.bulk_reader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _give_back(reader: subprocess.Popen[bytes]) -> None:
    with _lock:
        if not _idle:
            _idle.append((reader, time.monotonic()))
            return
    _end(reader)


def _end(reader: subprocess.Popen[bytes]) -> None:
    for pipe in (reader.stdin, reader.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        reader.wait(timeout=2)
    except subprocess.TimeoutExpired:
        # It was still answering somebody who no longer listens.
        reader.kill()
        reader.wait()


@atexit.register
def end_all() -> None:
    """Let go of the process at hand; the next read starts another."""
    with _lock:
        while _idle:
            _end(_idle.pop()[0])
