"""Translates the org's error codes: the one table that says of each code what it means, why, and what to do.

A code of a record becomes a `Fault` beside the record's result; a code of a whole request becomes an exception.
The code and the org's own message are always kept verbatim next to the plain words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.connections.salesforce.fault_table import ROWS
from core.errors import AllowanceUsed, GrantRejected, OrgError, TerminalOrgError, TransientOrgError


class Kind(StrEnum):
    """What a status code asks of us."""

    TEMPORARY = "temporary"
    """The org could not do it now; the same request may work later."""
    LOCK = "lock"
    """Another change held the record: again, later, and if need be alone."""
    LIMIT = "limit"
    """An allowance is used up: again when it is back."""
    DUPLICATE = "duplicate"
    """The org found a record like it: a person decides, or it is linked."""
    PERMANENT = "permanent"
    """It will fail again until the record, the mapping or the org is mended."""


RETRYABLE = frozenset({Kind.TEMPORARY, Kind.LOCK, Kind.LIMIT})


@dataclass(frozen=True, slots=True)
class Fault:
    """A status code in plain words."""

    code: str
    kind: Kind
    what: str
    why: str
    do: str

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without anybody mending anything."""
        return self.kind in RETRYABLE


FAULTS: dict[str, Fault] = {code: Fault(code, Kind(kind), what, why, do) for code, kind, what, why, do in ROWS}
_FOLDED = {code.upper(): fault for code, fault in FAULTS.items()}


def fault(code: str) -> Fault:
    """The words for a status code; a code we do not know is permanent and says so."""
    known = _FOLDED.get(code.upper())
    if known:
        return known
    return Fault(
        code,
        Kind.PERMANENT,
        f"The org refused it with the code {code}." if code else "The org refused it without a code.",
        "This code is not in our table; the org's own message says more.",
        "Read the org's message, mend what it names, then retry.",
    )


def is_known(code: str) -> bool:
    """Whether the table has the code."""
    return code.upper() in _FOLDED


def bulk_error(text: str | None) -> tuple[str, str, tuple[str, ...]]:
    """Code, message and fields of a Bulk result's ``sf__Error``: ``CODE:message:field,field --``."""
    text = (text or "").strip()
    code, _, rest = text.partition(":")
    if not code or not code.replace("_", "").isalnum():
        return "", text, ()
    message, colon, fields = rest.rpartition(":")
    if not colon:
        return code, rest.removesuffix("--").strip(), ()
    names = fields.strip().removesuffix("--").strip()
    return code, message, tuple(name.strip() for name in names.split(",") if name.strip())


def org_error(http: int, body: Any, **facts: Any) -> OrgError:
    """The exception for a whole request that the org refused.

    Args:
        http: Status of the answer.
        body: Decoded JSON, or text where it was none.
        facts: What else belongs into the error's facts; never a secret.
    """
    code, message, fields = error_of(body)
    if not code:
        return _without_code(http, body, facts)
    facts = {"org_message": message, "org_fields": fields, **facts}
    known = fault(code)
    kind: type[OrgError] = TerminalOrgError
    if is_daily_limit(code, message):
        kind = AllowanceUsed
    elif http == 401 or code.upper() in ("INVALID_SESSION_ID", "INVALIDSESSIONID"):
        kind = GrantRejected
    elif known.retryable or (http >= 500 and not is_known(code)):
        kind = TransientOrgError
    return kind(known.what, hint=known.do, status_code=code, http=http, **facts)


def is_daily_limit(code: str, message: str) -> bool:
    """Whether this is the day's allowance; the limit on simultaneous long calls carries the same code."""
    return code.upper() == "REQUEST_LIMIT_EXCEEDED" and "concurrent" not in message.lower()


def error_of(body: Any) -> tuple[str, str, tuple[str, ...]]:
    """Code, message and fields of an error body in any of the org's forms; an empty code where there is none."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return "", body.strip()[:500] if isinstance(body, str) else "", ()
    code = body.get("errorCode") or body.get("statusCode") or body.get("exceptionCode") or body.get("error") or ""
    message = body.get("message") or body.get("exceptionMessage") or body.get("error_description") or ""
    fields = body.get("fields")
    return str(code), str(message), tuple(map(str, fields)) if isinstance(fields, list) else ()


_BY_STATUS: dict[int, str] = {
    401: "INVALID_SESSION_ID",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    414: "URI_TOO_LONG",
    415: "UNSUPPORTED_MEDIA_TYPE",
    420: "SERVER_UNAVAILABLE",
    429: "SERVER_UNAVAILABLE",
    431: "URI_TOO_LONG",
    502: "SERVER_UNAVAILABLE",
    503: "SERVER_UNAVAILABLE",
    504: "SERVER_UNAVAILABLE",
}


def _without_code(http: int, body: Any, facts: dict[str, Any]) -> OrgError:
    text = body if isinstance(body, str) else ""
    facts = {"org_message": _plain(text), **facts}
    if http == 401:
        known = fault(_BY_STATUS[401])
        return GrantRejected(known.what, hint=known.do, http=http, **facts)
    if http in _BY_STATUS:
        known = fault(_BY_STATUS[http])
        kind = TransientOrgError if known.retryable else TerminalOrgError
        return kind(known.what, hint=known.do, http=http, **facts)
    if http >= 500 or http == 408:
        known = fault("UNKNOWN_EXCEPTION")
        return TransientOrgError(known.what, hint=known.do, http=http, **facts)
    if 300 <= http < 400:
        return TerminalOrgError(
            "The org sent us on to another address.",
            hint="Sign in again with the My Domain of the org.",
            http=http,
            **facts,
        )
    return TerminalOrgError(f"The org refused the request with HTTP {http} and no code.", http=http, **facts)


def _plain(text: str) -> str:
    """The beginning of an error page; a whole maintenance page says nothing more."""
    return " ".join(text.split())[:200]
