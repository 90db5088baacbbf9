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
    sobject = site.sobject(call.user_id, call.args["obj"])
    found = replication.updated(site.org, sobject.name, _moment(call, "start"), _moment(call, "end"))
    call.rows += len(found["ids"])
    return Answer(200, found)


def deleted(site: Site, call: Call) -> Answer:
    """Ids of records that were deleted in a span of time."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    found = replication.deleted(site.org, sobject.name, _moment(call, "start"), _moment(call, "end"))
    call.rows += len(found["deletedRecords"])
    return Answer(200, found)


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
