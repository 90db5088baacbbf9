"""The demo that runs once: what it prints, that its books balance, that a second one has nothing to do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.demo_fixture import MAKING_SECONDS, clean_environment, open_demo, syncline
from tests.practice import ROOT, Practice

JOBS = {"accounts_in": 1, "people_in": 2, "calls_out": 1, "tasks_out": 1, "tasks_in": 1}
"""Job to the number of its objects, in the order in which they run."""
OUTCOMES = (
    *("created", "updated", "deleted", "unchanged", "filtered"),
    *("skipped", "waiting", "held", "rejected", "in_doubt"),
)
RUN_KEYS = {"run_id", "job", "direction", "status", "counts", "api_calls", "started_at", "ended_at"}
GOOD = {"complete", "complete_with_rejects"}


def once(home: Path, *args: str) -> dict[str, Any]:
    """The summary of a ``demo --once`` that must go well."""
    answer = syncline("demo", "--once", "--json", "--data-dir", str(home), *args, timeout=MAKING_SECONDS)
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-2000:]
    return dict(json.loads(answer.stdout))


def test_it_prints_runs_books_and_counts(demo_summary: dict[str, Any]) -> None:
    assert list(demo_summary) == ["runs", "balanced", "org", "workspace"]
    assert [run["job"] for run in demo_summary["runs"]] == list(JOBS)
    assert demo_summary["balanced"] is True
    assert set(demo_summary["org"]) == {"Account", "Contact", "Lead", "Task"}
    assert demo_summary["workspace"]["call"] > 100


@pytest.mark.parametrize("job", JOBS)
def test_the_books_of_every_run_balance(job: str, demo_summary: dict[str, Any]) -> None:
    run = next(r for r in demo_summary["runs"] if r["job"] == job)
    assert set(run) >= RUN_KEYS
    assert set(run["counts"]) == {"input", *OUTCOMES}
    assert run["counts"]["input"] == sum(run["counts"][o] for o in OUTCOMES) > 0
    assert run["counts"]["created"] > 0
    assert run["status"] in GOOD
    assert run["started_at"].endswith("Z")
    assert run["ended_at"].endswith("Z")


def test_the_sample_shows_what_goes_wrong_too(demo_summary: dict[str, Any]) -> None:
    together = {o: sum(r["counts"][o] for r in demo_summary["runs"]) for o in OUTCOMES}
    assert all(together[o] for o in ("created", "unchanged", "filtered", "skipped", "waiting", "held", "rejected"))
    # What has just gone out comes back as it was.
    assert together["in_doubt"] == together["updated"] == 0


def test_the_counts_of_the_org_are_the_orgs(demo_summary: dict[str, Any], demo_org: Practice) -> None:
    for sobject, n in demo_summary["org"].items():
        assert demo_org.count(f"SELECT COUNT() FROM {sobject}") == n


def test_a_second_round_writes_nothing_and_costs_next_to_nothing(demo_copy: Path, demo_summary: dict[str, Any]) -> None:
    again = once(demo_copy)
    for run in again["runs"]:
        assert [run["counts"][o] for o in ("created", "updated", "deleted")] == [0, 0, 0]
        assert run["counts"]["input"] == run["counts"]["unchanged"]
        assert run["api_calls"] <= JOBS[run["job"]]
    assert again["org"] == demo_summary["org"]
    assert again["workspace"] == demo_summary["workspace"]


def test_what_a_person_switched_off_stays_off_and_the_port_is_kept(demo_copy: Path) -> None:
    port = (demo_copy / "org" / "port").read_text()
    authority = (demo_copy / "org" / "ca.pem").read_bytes()
    open_demo(demo_copy).disable("tasks_out")
    environment = {"SYNCLINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "SYNCLINE_SECRET_KEY": "broken"}
    answer = syncline("demo", "--once", "--data-dir", str(demo_copy), **environment)
    assert answer.returncode == 0, answer.stderr
    assert "The books of every run balance." in answer.stdout
    assert [j["name"] for j in open_demo(demo_copy).jobs() if not j["is_enabled"]] == ["tasks_out"]
    assert (demo_copy / "org" / "port").read_text() == port
    assert (demo_copy / "org" / "ca.pem").read_bytes() == authority


@pytest.mark.parametrize(
    ("stop", "until"), [(signal.SIGTERM, "is_loaded"), (signal.SIGKILL, "database")], ids=["asked", "killed"]
)
def test_an_interrupted_first_start_is_gone_on_with(tmp_path: Path, stop: signal.Signals, until: str) -> None:
    home = tmp_path / "demo"
    command = [sys.executable, "-m", "core.cli", "demo", "--once", "--scale", "0.02", "--data-dir", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, text=True)
    wait_for(lambda: until in marker(home), process)
    process.send_signal(stop)
    process.communicate(timeout=120)
    assert process.returncode in (130, -stop)
    told = once(home)
    assert told["balanced"] is True
    assert marker(home)["has_jobs"] is True
    tasks = open_demo(home).frames.links().filter(sobject="Task", how="created_out").height
    created = sum(r["counts"]["created"] for r in open_demo(home).runs() if r["direction"] == "outbound")
    assert tasks == created > 0


def marker(home: Path) -> dict[str, Any]:
    path = home / ".syncline-demo"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def wait_for(is_so: Any, process: subprocess.Popen[str], seconds: float = 200) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_org_that_cannot_start_is_one_sentence(demo_copy: Path) -> None:
    with Practice(data_dir=demo_copy.parent / "other") as other:
        (demo_copy / "org" / "port").write_text(other.base_url.rpartition(":")[2])
        answer = syncline("demo", "--once", "--data-dir", str(demo_copy))
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "cannot be had" in answer.stderr
