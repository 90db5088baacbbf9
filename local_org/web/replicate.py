"""getUpdated and getDeleted over HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from local_org.org import replication
from local_org.org.model import OrgFault
from local_org.web.messages import Answer, Call
from local_org.web.routes import Router
from local_org.web.site import Site


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/sobjects/{obj}/updated", "GET")(updated)
    router.route("/sobjects/{obj}/deleted", "GET")(deleted)


def updated(site: Site, call: Call) -> Answer:
    """Ids of records that changed in a span of time."""
    session = site.session(call.user_id, call.version)
    found = replication.updated(session, call.args["obj"], _minute(call, "start"), _minute(call, "end"))
    call.rows += len(found.ids)
    return Answer(200, {"ids": found.ids, "latestDateCovered": _shown(found.latest_date_covered)})


def deleted(site: Site, call: Call) -> Answer:
    """Ids of records that were deleted in a span of time."""
    session = site.session(call.user_id, call.version)
    found = replication.deleted(session, call.args["obj"], _minute(call, "start"), _minute(call, "end"))
    call.rows += len(found.records)
    return Answer(
        200,
        {
            "deletedRecords": [{"id": record_id, "deletedDate": _shown(when)} for record_id, when in found.records],
            "earliestDateAvailable": _shown(found.earliest_date_available),
            "latestDateCovered": _shown(found.latest_date_covered),
        },
    )


def _shown(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _minute(call: Call, name: str) -> int:
    """A date of the query string in seconds; its own seconds are ignored."""
    return int(_moment(call, name).timestamp()) // 60 * 60


def _moment(call: Call, name: str) -> datetime:
    """A date of the query string; a plus sign that was not encoded arrives as a space."""
    text = call.query.get(name, "").strip().replace(" ", "+")
    if not text:
        raise OrgFault("MISSING_ARGUMENT", f"The '{name}' parameter is required.")
    try:
        moment = datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)\Z", r"\1:\2", text.replace("Z", "+00:00")))
    except ValueError as fault:
        raise OrgFault("INVALID_REPLICATION_DATE", f"{name}: not a date: {text}") from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
