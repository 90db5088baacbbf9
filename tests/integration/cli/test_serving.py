"""The demo, `up` and `worker` while they run: where they are found, what is refused beside them, and how they end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.demo_fixture import clean_environment, free_port, in_demo, syncline
from tests.practice import ROOT, Practice

START_SECONDS = 240.0


@contextmanager
def running(*args: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A command that stays, and what it says first; killed at the end if it still runs."""
    command = [sys.executable, "-m", "core.cli", *args]
    process = subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if ready else ""
        assert line, process.stderr.read() if process.poll() is not None else "silent"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def children(pid: int) -> dict[str, int]:
    """Program -> process id of what a process has started."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    mine = [(int(r[0]), r[2]) for r in rows if len(r) == 3 and int(r[1]) == pid]
    return {args.split(" core.cli.child ")[1].split()[1]: n for n, args in mine if " core.cli.child " in args}


def are_gone(pids: list[int], seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        states = subprocess.run(
            ["ps", "-o", "stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True, check=False
        ).stdout.split()
        if all(s.startswith("Z") for s in states):
            return True
        time.sleep(0.1)
    return False


def test_the_demo_serves_refuses_a_second_one_and_ends_clean(demo_copy: Path) -> None:
    port = free_port()
    args = ("demo", "--json", "--port", str(port), "--data-dir", str(demo_copy))
    with running(*args) as (process, told):
        assert set(told) == {"console_url", "api_url", "api_token"}, told.get("message")
        assert told["console_url"].startswith(f"http://localhost:{port}/")
        assert requests.get(f"http://localhost:{port}/healthz", timeout=30).status_code == 200
        jobs = requests.get(
            f"{told['api_url']}/jobs", headers={"Authorization": f"Bearer {told['api_token']}"}, timeout=30
        )
        assert jobs.status_code == 200
        started = children(process.pid)
        assert set(started) == {"local_org", "core.cli.worker_process", "console.server"}
        second = syncline(*args)
        assert second.returncode == 2
        assert json.loads(second.stdout)["message"] == f"A demo is already running on {demo_copy}."
        worker = in_demo(demo_copy, "worker")
        assert worker.returncode == 1
        assert worker.stderr.startswith("Another worker is already running on this database.")
        assert worker.stderr.count("\n") == 1
        faults = syncline("org", "fault", "list", "--json", SYNCLINE_HOME=str(demo_copy))
        assert "answer_cut" in {f["name"] for f in json.loads(faults.stdout)}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert are_gone(list(started.values()), 0.5)


def test_nothing_outlives_a_demo_that_is_killed_or_loses_a_part(demo_copy: Path) -> None:
    args = ("demo", "--json", "--port", str(free_port()), "--data-dir", str(demo_copy))
    with running(*args) as (process, _):
        started = children(process.pid)
        assert len(started) == 3
        process.kill()
        process.wait()
        assert are_gone(list(started.values()))
    with running(*args) as (process, _):
        started = children(process.pid)
        os.kill(started["core.cli.worker_process"], signal.SIGKILL)
        assert process.wait(60) == 1
        assert process.stdout is not None
        assert "The worker ended by itself" in json.loads(process.stdout.readline())["message"]
        assert are_gone(list(started.values()), 0.5)


def test_up_serves_the_configured_database(demo_copy: Path, demo_org: Practice) -> None:
    env = {"SYNCLINE_HOME": str(demo_copy), "SYNCLINE_CA_FILE": str(demo_copy / "org" / "ca.pem")}
    with running("up", "--json", "--port", "0", **env) as (process, told):
        base = told["console_url"].partition("/open")[0]
        assert requests.get(f"{base}/readyz", timeout=30).status_code == 200
        started = children(process.pid)
        assert set(started) == {"core.cli.worker_process", "console.server"}
        second = in_demo(demo_copy, "up", "--port", "0")
        assert second.returncode == 1
        assert second.stderr.startswith("Another worker is already running on this database.")
        busy = in_demo(demo_copy, "up", "--port", base.rpartition(":")[2])
        assert busy.returncode == 2
        assert busy.stderr == f"Port {base.rpartition(':')[2]} is in use. Name another with --port.\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert are_gone(list(started.values()), 0.5)


def test_a_worker_alone_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with running("worker", "--json", SYNCLINE_HOME=str(tmp_path)) as (process, told):
        assert told == {"worker": "running", "pid": process.pid}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize("option", ["--help", "--json"])
def test_the_practice_org_answers_through_our_command(option: str) -> None:
    if option == "--help":
        answer = syncline("org", "serve", "--help")
        assert answer.returncode == 0
        assert "--activity-key" in answer.stdout
        return
    with running("org", "serve", "--json", "--workspace", "any") as (process, told):
        assert told["base_url"].startswith("https://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
