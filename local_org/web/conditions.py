"""Conditional requests: what a record is compared by, and what becomes of a request whose condition does not hold.

By the REST API Developer Guide: ETags exist on Account rows only, dates on rows and describes; a condition that fails
makes 304 of a GET or HEAD and 412 of a PATCH or POST; DELETE knows no conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from local_org.org.model import OrgFault
from local_org.web.messages import Answer, Call


def validators(sobject: str, record_id: str, changed: datetime | None) -> dict[str, str]:
    """The headers that describe a record's state: `Last-Modified`, and `ETag` for an Account."""
    if changed is None:
        return {}
    headers = {"Last-Modified": format_datetime(changed, usegmt=True)}
    if sobject == "Account":
        headers["ETag"] = f'"{record_id}-{int(changed.timestamp())}"'
    return headers


def unmet(call: Call, held: Mapping[str, str], changed: datetime | None) -> Answer | None:
    """The 304 of a read whose condition fails, nothing when it holds.

    Args:
        call: The request.
        held: The record's validators.
        changed: When the record changed last.

    Raises:
        OrgFault: 412 for a write whose condition fails, 400 for one whose date cannot be read.
    """
    if call.method == "DELETE" or not _fails(call, held.get("ETag", ""), changed):
        return None
    if call.method in ("GET", "HEAD"):
        return Answer(304, None, dict(held))
    raise OrgFault("PRECONDITION_FAILED", "The record does not meet the condition of the request", status=412)


def moment(call: Call, name: str) -> datetime | None:
    """A date of the headers; one that cannot be read does not count on a read.

    Raises:
        OrgFault: 400 for a write with a date that cannot be read.
    """
    value = call.headers.get(name, "")
    if not value:
        return None
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError) as fault:
        if call.method in ("GET", "HEAD"):
            return None
        raise OrgFault("INVALID_HEADER", f"Invalid date in {name}: {value}") from fault
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _fails(call: Call, etag: str, changed: datetime | None) -> bool:
    wanted, unwanted = call.headers.get("if-match", ""), call.headers.get("if-none-match", "")
    if etag and wanted and wanted != "*" and etag not in wanted:
        return True
    if etag and unwanted and (unwanted == "*" or etag in unwanted):
        return True
    since, until = moment(call, "if-modified-since"), moment(call, "if-unmodified-since")
    if changed is None:
        return False
    return bool(since and changed <= since) or bool(until and changed > until)
