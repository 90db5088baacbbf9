"""The control endpoints for trainers and tests: faults, clock, schema, log of calls, merge, convert."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from local_org.org import merging
from local_org.org.model import OrgFault
from local_org.web import control_api, lasting, people, reshape
from local_org.web.bulk import query_jobs
from local_org.web.messages import Answer, Call, not_found
from local_org.web.routes import Handler, Router
from local_org.web.site import API_VERSION, Site
from local_org.web.streaming import capture
from local_org.web.tokens import Grant

_LATEST = 32_503_680_000
"""The first second of the year 3000."""


def add_routes(router: Router) -> None:
    """Register the handlers of this module, each behind the control secret."""
    for path, method, handler in table():
        router.route(path, method)(_guarded(handler))
    router.route("/_practice/openapi.json", "GET")(api)


def table() -> list[tuple[str, str, Handler]]:
    """Every control endpoint: path, method, handler."""
    return [
        ("/_practice/faults", "GET", faults),
        ("/_practice/faults", "POST", fault_on),
        ("/_practice/faults/{name}", "DELETE", fault_off),
        ("/_practice/clock", "GET", clock),
        ("/_practice/clock", "POST", move_clock),
        ("/_practice/calls", "GET", calls),
        ("/_practice/calls", "DELETE", forget_calls),
        ("/_practice/schema", "POST", schema),
        ("/_practice/merge", "POST", merge),
        ("/_practice/convert", "POST", convert),
        ("/_practice/undelete", "POST", undelete),
        ("/_practice/sessions", "POST", new_session),
        ("/_practice/sessions", "DELETE", end_sessions),
        ("/_practice/cursors", "DELETE", close_cursors),
        ("/_practice/allowance", "POST", allowance),
        ("/_practice/results", "POST", prepare_result),
        ("/_practice/results", "DELETE", forget_results),
        ("/_practice/archive", "POST", archive),
        ("/_practice/purge", "POST", purge),
        ("/_practice/events", "GET", events),
        ("/_practice/events", "DELETE", forget_events),
        ("/_practice/clients", "DELETE", forget_clients),
    ]


def api(site: Site, call: Call) -> Answer:
    """The description of the control endpoints; it needs no secret."""
    return Answer(200, control_api.document(table()))


def faults(site: Site, call: Call) -> Answer:
    """All faults with their settings."""
    return Answer(200, site.faults.listed())


def fault_on(site: Site, call: Call) -> Answer:
    """Switch a fault on."""
    body = call.mapping()
    count, seed = body.get("count"), body.get("seed")
    name, value = str(body.get("name", "")), str(body.get("value") or "")
    fault = site.faults.switch_on(
        name,
        rate=float(body.get("rate", 1.0)),
        count=None if count is None else int(count),
        value=value,
        match=str(body.get("match") or ""),
        seed=None if seed is None else int(seed),
    )
    try:
        lasting.begin(site, name, value)
    except (ValueError, OrgFault):
        site.faults.switch_off(name)
        raise
    return Answer(200, {"name": fault.name, "on": True})


def fault_off(site: Site, call: Call) -> Answer:
    """Switch a fault off, or all."""
    site.faults.switch_off(call.args["name"])
    lasting.end(site, call.args["name"])
    return Answer(204)


def clock(site: Site, call: Call) -> Answer:
    """The server's time."""
    return Answer(200, {"now": site.now().isoformat(), "offset": site.org.clock.offset})


def move_clock(site: Site, call: Call) -> Answer:
    """Advance the server's clock by ``seconds``, or set its ``offset``."""
    body = call.mapping()
    held = site.org.clock.offset
    offset = int(body.get("offset", held)) + int(body.get("seconds", 0))
    if not 0 <= site.epoch() - held + offset < _LATEST:
        raise ValueError("the clock stays between the years 1970 and 3000")
    site.org.clock.set_offset(offset)
    site.tokens.keep_fact("clock_offset", str(site.org.clock.offset))
    return clock(site, call)


def calls(site: Site, call: Call) -> Answer:
    """The requests that the server answered since the last reset."""
    listed = site.calls.listed()
    booked = sum(entry["api_calls"] for entry in listed)
    return Answer(200, {"calls": listed, "total": len(listed), "api_calls": booked})


def forget_calls(site: Site, call: Call) -> Answer:
    """Empty the log."""
    site.calls.reset()
    return Answer(204)


def merge(site: Site, call: Call) -> Answer:
    """Merge records: ``object``, ``master``, ``losers``; optionally the winning ``values`` and ``as`` (a username)."""
    body = call.mapping()
    session = site.session(_actor(site, body))
    done = merging.merge(session, str(body["object"]), str(body["master"]), list(body["losers"]), body.get("values"))
    return Answer(200, asdict(done))


def convert(site: Site, call: Call) -> Answer:
    """Convert a ``lead``; optionally into an ``account_id``, a ``contact_id``, without an opportunity, as a user."""
    body = call.mapping()
    session = site.session(_actor(site, body))
    lead = str(body.pop("lead"))
    body.pop("as", None)
    return Answer(200, asdict(merging.convert_lead(session, lead, **body)))


def undelete(site: Site, call: Call) -> Answer:
    """Bring records back from the recycle bin: ``object``, ``ids``."""
    body = call.mapping()
    results = site.session(_actor(site, body)).undelete(str(body["object"]), list(body["ids"]))
    return Answer(200, [{"id": r.id, "success": r.success} for r in results])


def new_session(site: Site, call: Call) -> Answer:
    """A fresh access token for ``username``, for tests that moved the clock."""
    person = people.by_username(site.org, str(call.mapping().get("username", "")))
    if person is None:
        raise not_found("no such user")
    token = site.tokens.issue(Grant(person.id, site.client.client_id, "api web"), site.epoch())
    return Answer(200, {"username": person.username, "access_token": token})


def end_sessions(site: Site, call: Call) -> Answer:
    """End every session, so that all clients have to refresh."""
    site.tokens.end_sessions()
    return Answer(204)


def close_cursors(site: Site, call: Call) -> Answer:
    """Let every query locator expire."""
    site.cursors.close_all()
    return Answer(204)


def allowance(site: Site, call: Call) -> Answer:
    """Set the daily allowance: ``per_day``."""
    site.allowance.per_day = int(call.mapping()["per_day"])
    return Answer(200, {"per_day": site.allowance.per_day})


def prepare_result(site: Site, call: Call) -> Answer:
    """Make a Bulk 2.0 query's result beforehand: a body as of a query job, and ``as`` (a username) who will ask."""
    body = call.mapping()
    job = query_jobs.prepare(site, query_jobs.new_job(site, _actor(site, body), API_VERSION, body))
    return Answer(200, {"job": job.id, "rows": job.processed})


def forget_results(site: Site, call: Call) -> Answer:
    """Let queries run again whose results were made beforehand."""
    site.jobs.prepared.clear()
    return Answer(204)


def archive(site: Site, call: Call) -> Answer:
    """Archive the events that ended, and the tasks that were closed, over a year ago."""
    return Answer(200, {"archived": site.org.archive_activities()})


def purge(site: Site, call: Call) -> Answer:
    """Empty the recycle bin, as it is emptied after 15 days: of what was deleted ``older_than`` seconds ago, or all."""
    return Answer(200, {"purged": site.org.purge(site.epoch() + 1 - int(call.mapping().get("older_than", 0)))})


def schema(site: Site, call: Call) -> Answer:
    """Change the schema or the permissions while the org runs; see `reshape.CHANGES`."""
    body = call.mapping()
    reshape.apply(site.org, str(body.pop("change", "")), body)
    capture.install(site.org)
    return Answer(200, {"changed": True})


def events(site: Site, call: Call) -> Answer:
    """Which change events are kept, how many were delivered, and who listens."""
    conn = site.org.connection()
    clients = [
        {"id": c.id, "user_id": c.user_id, "channels": [s.channel for s in c.subscriptions.values()]}
        for c in site.streams.listed()
    ]
    told = {
        "oldest": capture.oldest(conn) + 1,
        "newest": capture.newest(conn),
        "delivered": site.streams.delivered,
        "clients": clients,
    }
    return Answer(200, told)


def forget_events(site: Site, call: Call) -> Answer:
    """Forget the kept change events, so that an earlier replay Id is refused."""
    capture.purge(site.org, site.epoch() + capture.KEPT_SECONDS)
    return Answer(204)


def forget_clients(site: Site, call: Call) -> Answer:
    """Forget every streaming client: the next thing that each hears is that it is unknown."""
    site.streams.forget_all()
    return Answer(204)


def _actor(site: Site, body: dict[str, Any]) -> str:
    """Id of the user who acts: ``as``, or the first administrator."""
    if body.get("as"):
        person = people.by_username(site.org, str(body["as"]))
        if person is not None:
            return person.id
    return next(p.id for p in people.everyone(site.org) if p.active and p.profile == "System Administrator")


def _guarded(handler: Handler) -> Handler:
    def guard(site: Site, call: Call) -> Answer:
        if not site.is_trainer(call.headers):
            raise OrgFault("INVALID_SESSION_ID", "The control secret is missing or wrong", status=401)
        try:
            return handler(site, call)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
            raise OrgFault("INVALID_INPUT", str(fault)) from fault

    return guard
