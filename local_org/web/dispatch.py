"""Takes a call to its handler: authentication, allowance, version, faults, and the shape of every error."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local_org.org.engine import OpenTransaction
from local_org.org.model import OrgFault
from local_org.web import authorize, control, namespaces, oauth, replies, spoiling
from local_org.web.bulk1 import doors as bulk1
from local_org.web.messages import Answer, Call, fault_answer, not_found
from local_org.web.registry import DATA
from local_org.web.routes import Router, tidy
from local_org.web.site import Site
from local_org.web.soap import doors as soap

_LOG = logging.getLogger("local_org")
_DATA_PATH = re.compile(r"/services/data/v(\d\d\.0)(/.*)?\Z", re.IGNORECASE)
_VERSIONS = {f"{number}.0" for number in range(31, 67)}
_SITE = Router()
for _module in (oauth, authorize, control, replies, soap, bulk1):
    _module.add_routes(_SITE)


def answer(site: Site, call: Call, transaction: OpenTransaction | None = None) -> Answer:
    """Answer a request that came over the wire.

    Args:
        site: The running org.
        call: The request.
        transaction: The open transaction of a late commit, under whose start its rows are stamped.
    """
    try:
        if transaction is not None:
            with transaction.write():
                return _route(site, call)
        return _route(site, call)
    except OrgFault as fault:
        return fault_answer(fault)
    except Exception:
        _LOG.exception("%s %s", call.method, call.path)
        return fault_answer(unknown_exception())


def unknown_exception() -> OrgFault:
    """The 500 that an unexpected failure answers."""
    text = (
        "An unexpected error occurred. Please include this ErrorId if you contact support: "
        "1234567890-12345 (-1234567890)"
    )
    return OrgFault("UNKNOWN_EXCEPTION", text, status=500)


def answer_inner(site: Site, outer: Call, method: str, url: str, body: Any, headers: dict[str, str]) -> Answer:
    """Answer one subrequest of a composite; nothing is counted and no fault of the wire strikes it.

    Args:
        site: The running org.
        outer: The request that it came in.
        method: Its HTTP method.
        url: Its address: absolute, from the root, or from the version on (``v60.0/...``).
        body: Its body as a JSON value.
        headers: Its own headers.
    """
    parts = urlsplit(url)
    path = tidy(parts.path if parts.path.startswith("/") else "/services/data/" + parts.path)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    lowered = {name.lower(): str(value) for name, value in headers.items()}
    call = Call(method.upper(), path, query, lowered, content=body, user_id=outer.user_id, inner=True)
    call.trainer, call.names = outer.trainer, outer.names
    try:
        match = _DATA_PATH.match(path)
        if match is None:
            raise not_found()
        return _data(site, call, match)
    except OrgFault as fault:
        return fault_answer(fault)
    finally:
        outer.rows += call.rows


def _route(site: Site, call: Call) -> Answer:
    match = _DATA_PATH.match(call.path)
    if match is None:
        handler, call.args = _SITE.find(call.method, call.path)
        return handler(site, call)
    if not call.trainer and (fault := site.faults.strikes("expired_session", call.path)) is not None:
        return spoiling.signed_out(fault.value)
    _authenticate(site, call)
    if not call.trainer:
        site.book(call)
        if site.faults.strikes("server_error", call.path) is not None:
            raise unknown_exception()
    return _data(site, call, match)


def _data(site: Site, call: Call, match: re.Match[str]) -> Answer:
    call.version = match.group(1)
    if call.version not in _VERSIONS:
        raise not_found()
    path = match.group(2) or "/"
    names = call.names or namespaces.asked(site.org.schema, call.headers)
    if names is not None:
        call.names, path = names, names.text(path)
        call.query = {key: names.text(value) for key, value in call.query.items()}
    handler, call.args = DATA.find(call.method, path)
    return handler(site, call)


def token_of(call: Call) -> str:
    """The access token of a request, by either scheme; empty when there is none."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""


def _authenticate(site: Site, call: Call) -> None:
    """Find the user of the request.

    Raises:
        OrgFault: 401, or 403 when the user may not use the API.
    """
    token = token_of(call)
    if not token:
        raise OrgFault("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", status=401)
    grant = site.tokens.check(token, site.epoch())
    if grant is None:
        raise OrgFault("INVALID_SESSION_ID", "Session expired or invalid", status=401)
    call.user_id = grant.user_id
    if not site.session(grant.user_id).access.api_enabled:
        text = "API is not enabled for this Organization or Partner"
        raise OrgFault("API_DISABLED_FOR_ORG", text, status=403)
