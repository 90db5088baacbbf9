"""What a process logs: where it goes, and that no secret goes along."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from core import logs

SECRETS = (
    "00DHs0000000001MAA!AQ8AQabc123secret",
    "syn_abc123secretabc123",
    "Bearer abc123secret",
    "postgresql://ada:abc123secret@db.example/syncline",
    "http://localhost:8501/open?key=abc123secret.1.2",
    "refresh_token=abc123secret",
    "-----BEGIN PRIVATE KEY-----\nabc123secret\n-----END PRIVATE KEY-----",
)


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    before, was = logging.getLogRecordFactory(), structlog.get_config()
    out = io.StringIO()
    logs.configure(to=out)
    yield out
    logging.setLogRecordFactory(before)
    structlog.configure(**was)


@pytest.fixture
def handled(told: io.StringIO) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of a library, with a handler of its own."""
    log, out = logging.getLogger("somebody.else"), io.StringIO()
    handler = logging.StreamHandler(out)
    log.addHandler(handler)
    yield log, out
    log.removeHandler(handler)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_taken_out_wherever_it_stands(told: io.StringIO, secret: str) -> None:
    structlog.get_logger("console").error("page failed", detail=f"on the way: {secret}", more={"deep": [secret]})
    line = json.loads(told.getvalue())
    assert (line["event"], line["level"]) == ("page failed", "error")
    assert "abc123secret" not in told.getvalue()


def test_a_value_with_a_telling_name_is_taken_out(told: io.StringIO) -> None:
    structlog.get_logger().info("signed in", client_secret="hunter2", headers={"Cookie": "hunter2"}, port=8501)
    line = json.loads(told.getvalue())
    assert "hunter2" not in told.getvalue()
    assert line["port"] == 8501


def test_a_status_code_is_no_secret(told: io.StringIO) -> None:
    structlog.get_logger().warning("refused", detail="status_code=REQUIRED_FIELD_MISSING")
    assert "REQUIRED_FIELD_MISSING" in told.getvalue()


def test_what_the_org_says_of_a_query_is_no_secret() -> None:
    assert logs.scrubbed("unexpected token: FROM") == "unexpected token: FROM"


@pytest.mark.parametrize("secret", SECRETS)
def test_lines_of_libraries_are_cleaned_too(handled: tuple[logging.Logger, io.StringIO], secret: str) -> None:
    log, out = handled
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed for %s", secret)
    assert "failed for" in out.getvalue()
    assert "Traceback" in out.getvalue()
    assert "abc123secret" not in out.getvalue()


def test_a_line_that_does_not_fit_its_values_ends_nothing(
    handled: tuple[logging.Logger, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, out = handled
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.error("%d rows", "many")
    log.error("goes on")
    assert out.getvalue().splitlines()[-1] == "goes on"


def test_without_a_place_it_goes_to_stderr(told: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    configure: Callable[[], None] = logs.configure
    configure()
    structlog.get_logger().info("hello")
    captured = capsys.readouterr()
    assert "hello" in captured.err
    assert captured.out == ""
