"""The demo that runs once: what it prints, that its books balance, and that a second one has nothing to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.demo_fixture import in_demo, open_demo, syncline
from tests.practice import Practice

JOBS = ["accounts_in", "people_in", "calls_out", "tasks_out", "tasks_in"]
OUTCOMES = "created updated deleted unchanged filtered skipped waiting held rejected in_doubt".split()


def test_it_prints_runs_books_and_counts(demo_summary: dict[str, Any]) -> None:
    assert set(demo_summary) == {"runs", "balanced", "org", "workspace"}
    assert [run["job"] for run in demo_summary["runs"]] == JOBS
    assert demo_summary["balanced"] is True


def test_a_copy_can_be_worked_with(demo_copy: Path, demo_org: Practice) -> None:
    ws = open_demo(demo_copy)
    assert ws.context().gateway.count("Account") == demo_org.count("SELECT COUNT() FROM Account")
