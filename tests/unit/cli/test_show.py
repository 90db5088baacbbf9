"""What is printed: shapes for programs, plain text for people, no secrets in the log."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from core import logs
from core.cli import show

RUN: dict[str, Any] = {
    "planned": 2,
    "run_id": "run_1",
    "job": "calls_out",
    "direction": "outbound",
    "status": "complete_with_rejects",
    "counts": {"input": 3, "created": 1, "rejected": 2},
    "api_calls": 2,
    "started_at": "2026-11-21T10:00:00Z",
    "ended_at": None,
    "requested_at": datetime(2026, 11, 21, tzinfo=UTC),
}


def test_a_run_has_the_fixed_keys_first_and_no_inner_ones() -> None:
    assert list(show.pure({**RUN, "tick_id": "t", "api_calls_shared": 1})) == [
        *("run_id", "job", "direction", "status", "counts", "api_calls", "started_at", "ended_at"),
        *("api_calls_shared", "tick_id"),
    ]


def test_json_is_one_line_with_instants_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Runs", [{"at": datetime(2026, 11, 21, 10, tzinfo=UTC), "text": "Größe"}], as_json=True)
    assert capsys.readouterr().out == '[{"at": "2026-11-21T10:00:00Z", "text": "Größe"}]\n'


def test_values_cannot_draw_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Rows", [{"title": "\x1b[2J[bold red]boo[/]\nnext :smile:"}], as_json=False)
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[bold red]boo[/] next :smile:" in printed


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Plans", [], as_json=False)
    assert capsys.readouterr().out == "Plans: none.\n"


@pytest.mark.parametrize(("status", "code"), [("complete", 0), ("complete_with_rejects", 1), ("waiting_approval", 1)])
def test_only_a_complete_run_ends_with_0(status: str, code: int) -> None:
    assert show.exit_code([{**RUN, "status": status}]) == code


def test_counts_in_words() -> None:
    assert show.counted({"created": 1200, "in_doubt": 1, "held": 0}) == "1,200 created, 1 in doubt"
    assert show.counted({"created": 0}) == "nothing to do"


def test_intake_tells_the_first_broken_rows(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [{"file": "a.csv", "result": "rejected", "reason": f"line {n}"} for n in range(25)]
    assert show.intake([*answers, {"file": "a.csv", "result": "created", "reason": ""}], as_json=False) == 25
    printed = capsys.readouterr().out
    assert "26 rows: 25 rejected, 1 created" in printed
    assert "a.csv: line 19\n… and 5 more" in printed


@pytest.mark.parametrize(
    "text",
    [
        "sent with Bearer 00DHs0000000001!AQEAQ.x_y",
        "refresh_token=abc123&x=1",
        "could not reach postgresql://ada:abc123@db/x",
        "token syn_abc123abc123abc123",
        "-----BEGIN PRIVATE KEY-----\nabc123\n-----END PRIVATE KEY-----",
    ],
)
def test_secrets_do_not_reach_the_log(text: str) -> None:
    written = io.StringIO()
    before = structlog.get_config()
    try:
        logs.configure("INFO", written)
        structlog.get_logger().error("it failed", said=[text], client_secret="abc123", run_id="run_1")
        structlog.get_logger().debug("not from this level on")
    finally:
        structlog.configure(**before)
    assert written.getvalue().count("\n") == 1
    line = json.loads(written.getvalue())
    assert "abc123" not in written.getvalue()
    assert "AQEAQ" not in written.getvalue()
    assert logs.HIDDEN in line["said"][0]
    assert (line["level"], line["run_id"]) == ("error", "run_1")
