"""Sends the log to stderr or a file, one JSON object a line, with tokens and secrets taken out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_SECRETS = re.compile(
    r"00D\w{12,15}![.\w]+"  # a session id or access token of an org
    r"|\bsyn_[\w-]{10,}"  # a token of our own API
    r"|(?<=Bearer )[^\s\"']+|(?<=OAuth )[^\s\"']{15,}"
    r"|(?<=token=)[^\s&\"']+|(?<=secret=)[^\s&\"']+|(?<=assertion=)[^\s&\"']+|(?<=password=)[^\s&\"']+"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # user and password of a database URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
)
_NAMES = re.compile(r"token|secret|password|authorization|private_key|assertion|cookie", re.I)
HIDDEN = "[hidden]"


def configure(level: str = "INFO", to: TextIO | None = None) -> None:
    """Say where the log of this process goes, and from which level on."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=False,
    )


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what looks like a token, key or password, wherever in the line it stands."""
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: Any) -> Any:
    if _NAMES.search(name) and value:
        return HIDDEN
    if isinstance(value, dict):
        return {k: _hidden(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(name, v) for v in value]
    return _SECRETS.sub(HIDDEN, value) if isinstance(value, str) else value
