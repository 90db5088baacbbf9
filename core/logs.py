"""Takes secrets out of whatever is told, and says where this process logs: JSON, one object a line."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

HIDDEN = "[hidden]"
_NAMES = re.compile(r"token|secret|password|authorization|private_key|assertion|cookie", re.I)
# Each group is what is kept in front of what is hidden.
_SECRETS = re.compile(
    r"(?i)((?:bearer|oauth)\s+)[^\s\"']{8,}"
    r"|((?:access_token|refresh_token|id_token|client_secret|\bcode|code_verifier|assertion|password)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
    r"|((?:token|secret)=)[^\s\"'&]+"
    r"|(00D[0-9A-Za-z]{12,15}!)\S+"  # a session id or access token of an org
    r"|(\bsyn_)[\w-]{10,}"  # a token of our own API
    r"|((?:\?|&)key=)[^\s&\"']+"  # a one-time link to the console
    r"|(://)[^\s/@:]*:[^\s/@]+(?=@)"  # user and password of a database URL
    r"|(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]+?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
)


def scrubbed(text: str) -> str:
    """A text without tokens, keys, passwords and codes."""
    return _SECRETS.sub(lambda hit: f"{next(kept for kept in hit.groups() if kept)}{HIDDEN}", text)


def configure(level: str = "INFO", to: TextIO | None = None) -> None:
    """Say where the log of this process goes, and from which level on; those of libraries are cleaned as well."""
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
    logging.setLogRecordFactory(_record)


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
