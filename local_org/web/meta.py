"""Describe, the lists of resources and objects, limits, counts of records and recent items."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from local_org.org import sharing
from local_org.web import conditions, lasting
from local_org.web.messages import Answer, Call
from local_org.web.routes import Router
from local_org.web.site import Site

_RECENT = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
_FIXED_LIMITS: dict[str, int] = {
    "AnalyticsExternalDataSizeMB": 40960,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250000,
    "DailyBulkApiBatches": 15000,
    "DailyBulkV2QueryFileStorageMB": 976562,
    "DailyBulkV2QueryJobs": 10000,
    "DailyGenericStreamingApiEvents": 10000,
    "DailyStreamingApiEvents": 10000,
    "DailyWorkflowEmails": 1000,
    "DataStorageMB": 1024,
    "FileStorageMB": 1024,
    "HourlyAsyncReportRuns": 1200,
    "HourlyODataCallout": 1000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "SingleEmail": 15,
    "StreamingApiConcurrentClients": 20,
}


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/", "GET")(resources)
    router.route("/limits", "GET")(limits)
    router.route("/limits/recordCount", "GET")(record_count)
    router.route("/recent", "GET")(recent)
    router.route("/tooling/query", "GET")(tooling_query)
    router.route("/sobjects", "GET")(describe_global)
    router.route("/sobjects/{obj}/describe", "GET")(describe)
    router.route("/sobjects/{obj}", "GET")(basic_information)


def resources(site: Site, call: Call) -> Answer:
    """What there is under a version."""
    base = f"/services/data/v{call.version}"
    names = (
        "tooling", "sobjects", "query", "queryAll", "search", "parameterizedSearch", "limits", "recent", "composite",
        "jobs",
    )  # fmt: skip
    found = {name: f"{base}/{name}" for name in names}
    return Answer(200, found | {"identity": f"{site.base_url}/id/{site.org.id}/{call.user_id}"})


def describe_global(site: Site, call: Call) -> Answer:
    """All objects that the user may read."""
    return _conditional(site, call, site.session(call.user_id, call.version).describe_global())


def describe(site: Site, call: Call) -> Answer:
    """One object with its fields, as the user sees them."""
    answer = _conditional(site, call, site.session(call.user_id, call.version).describe(call.args["obj"]))
    if not call.trainer:
        lasting.described(site, call.args["obj"])
    return answer


def basic_information(site: Site, call: Call) -> Answer:
    """An object's entry of the global list, and recent items of it."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    listed = site.session(call.user_id, call.version).describe_global()
    entry = next(entry for entry in listed["sobjects"] if entry["name"] == sobject.name)
    return Answer(200, {"objectDescribe": entry, "recentItems": _recent_of(site, call, sobject.name, 5)})


def limits(site: Site, call: Call) -> Answer:
    """The org's limits, with what the day has used."""
    used = site.allowance.used(site.now().date().isoformat())
    found = {name: {"Max": most, "Remaining": most} for name, most in _FIXED_LIMITS.items()}
    per_day = site.allowance.per_day
    found["DailyApiRequests"] = {"Max": per_day, "Remaining": max(0, per_day - used)}
    midnight = site.epoch() // 86_400 * 86_400
    ingest, query = site.jobs.counts_since(midnight)
    found["DailyBulkApiBatches"]["Remaining"] -= ingest + site.batch_jobs.batches_since(midnight)
    found["DailyBulkV2QueryJobs"]["Remaining"] -= query
    return Answer(200, dict(sorted(found.items())))


def record_count(site: Site, call: Call) -> Answer:
    """How many records the named objects hold; unknown names are left out."""
    names = [name.strip() for name in call.query.get("sObjects", "").split(",") if name.strip()]
    access = site.session(call.user_id).access
    wanted = [site.org.schema.get(name) for name in names] if names else list(site.org.schema.objects)
    counts = []
    conn = site.org.connection()
    for sobject in wanted:
        if sobject is None or not access.may(sobject, "r"):
            continue
        live = " WHERE NOT IsDeleted" if sobject.field("IsDeleted") else ""
        (count,) = conn.execute(f'SELECT count(*) FROM "{sobject.name}"{live}').fetchone()
        counts.append({"count": count, "name": sobject.name})
    return Answer(200, {"sObjects": counts})


def recent(site: Site, call: Call) -> Answer:
    """Records that were changed last, over the everyday objects."""
    limit = call.number("limit", 20, most=200)
    found = [item for name in _RECENT for item in _recent_of(site, call, name, limit)]
    return Answer(200, found[:limit])


def tooling_query(site: Site, call: Call) -> Answer:
    """The tooling objects, of which this org has none."""
    empty = {"size": 0, "totalSize": 0, "done": True, "queryLocator": None, "entityTypeName": None}
    return Answer(200, empty | {"records": list[str]()})


def _recent_of(site: Site, call: Call, name: str, limit: int) -> list[dict[str, Any]]:
    session = site.session(call.user_id)
    sobject = site.org.schema.get(name)
    if sobject is None or not session.access.may(sobject, "r"):
        return []
    shown = next((f.name for f in sobject.fields if f.name_field and f.stored), "Id")
    live = "WHERE NOT IsDeleted" if sobject.field("IsDeleted") else "WHERE 1"
    if (seen := sharing.condition(site.org.schema, session.access, sobject, "t")) is not None:
        live += f" AND {seen}"
    order = "SystemModstamp DESC" if sobject.field("SystemModstamp") else "Id"
    conn = site.org.connection()
    rows = conn.execute(
        f'SELECT Id, "{shown}" FROM "{sobject.name}" t {live} ORDER BY {order} LIMIT ?',
        (limit,),
    ).fetchall()
    url = f"/services/data/v{call.version}/sobjects/{sobject.name}"
    return [{"attributes": {"type": sobject.name, "url": f"{url}/{r[0]}"}, "Id": r[0], shown: r[1]} for r in rows]


def _conditional(site: Site, call: Call, body: dict[str, Any]) -> Answer:
    """The body with its `Last-Modified`, or 304 when the client has it already.

    `Last-Modified` is the time at which this very body was first seen, so that a change of permissions counts as well.
    """
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
    place = f"describe:{call.user_id}:{call.version}:{call.path.rsplit('/sobjects', 1)[-1].lower()}"
    known, _, since = site.tokens.fact(place).partition("@")
    if known != digest:
        since = str(max(site.epoch(), int(since or 0) + 1))
        site.tokens.keep_fact(place, f"{digest}@{since}")
    changed = datetime.fromtimestamp(int(since), UTC)
    headers = {"Last-Modified": format_datetime(changed, usegmt=True)}
    return conditions.unmet(call, headers, changed) or Answer(200, body, headers)
