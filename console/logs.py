"""Sends what the console's process logs to stderr, one JSON object a line, with tokens and secrets taken out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from console.components.text import scrubbed

_NAMES = re.compile(r"token|secret|password|authorization|private_key|assertion|cookie", re.I)
_HIDDEN = "…"


def configure(to: TextIO | None = None) -> None:
    """Say where the log goes: our own lines, and those of the libraries that use Python's logging."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.setLogRecordFactory(_record)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what looks like a token, key or password, wherever in the line it stands."""
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: Any) -> Any:
    if _NAMES.search(name) and value:
        return _HIDDEN
    if isinstance(value, dict):
        return {k: _hidden(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(name, v) for v in value]
    return scrubbed(value) if isinstance(value, str) else value


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A record of Python's logging whose message and traceback are clean before any handler sees them."""
    record = logging.LogRecord(*args, **kwargs)
    try:
        record.msg, record.args = scrubbed(record.getMessage()), None
    except (TypeError, ValueError):
        # The message does not fit its arguments: the handler says so, as it would without us.
        return record
    if record.exc_info and record.exc_info[0]:
        record.exc_text = scrubbed(logging.Formatter().formatException(record.exc_info))
    return record
