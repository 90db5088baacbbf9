"""Takes a SOAP call to its operation: sign-in, session, allowance, and the shape of every fault."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from local_org.org.model import OrgFault
from local_org.web import people
from local_org.web.messages import Answer, Call
from local_org.web.routes import Router
from local_org.web.site import Site
from local_org.web.soap import reading, saving
from local_org.web.soap.envelopes import ClientFault, Message, client_fault_answer, fault_answer, reply, understood
from local_org.web.soap.people import user_info
from local_org.web.tokens import Grant
from local_org.web.xmls import tags

_LOG = logging.getLogger("local_org")
_WRONG = "Invalid username, password, security token; or user locked out."
_NAMESPACES = {"u": "partner", "c": "enterprise"}
Operation = Callable[[Site, Call, Message], Iterable[str]]
OPERATIONS: dict[str, Operation] = {
    "convertLead": saving.convert_lead,
    "create": saving.create,
    "delete": saving.delete,
    "getServerTimestamp": reading.server_timestamp,
    "getUserInfo": reading.current_user,
    "merge": saving.merge,
    "query": reading.query,
    "queryAll": reading.query_all,
    "queryMore": reading.query_more,
    "retrieve": reading.retrieve,
    "undelete": saving.undelete,
    "update": saving.update,
    "upsert": saving.upsert,
}


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    for path in ("/services/Soap/{kind}/{version}", "/services/Soap/{kind}/{version}/{org}"):
        router.route(path, "POST")(answer)


def answer(site: Site, call: Call) -> Answer:
    """Answer one SOAP call."""
    namespace = _NAMESPACES.get(call.args["kind"].lower(), "partner")
    try:
        message = understood(call.raw)
        if message.operation == "login":
            return reply("login", [_login(site, call, message)], namespace)
        if message.operation == "logout":
            site.tokens.revoke(message.session_id)
            return reply("logout", [], namespace)
        operation = _operation(call, message, namespace)
        _enter(site, call, message)
        results = list(operation(site, call, message))
        used = site.allowance.used(site.now().date().isoformat())
        return reply(message.operation, results, namespace, (used, site.allowance.per_day))
    except ClientFault as fault:
        return client_fault_answer(str(fault))
    except OrgFault as fault:
        return fault_answer(fault, namespace)
    except Exception:
        _LOG.exception("%s %s", call.method, call.path)
        return fault_answer(_unexpected(), namespace)


def _operation(call: Call, message: Message, namespace: str) -> Operation:
    found = OPERATIONS.get(message.operation)
    if found is None or call.args["kind"].lower() not in _NAMESPACES:
        name = f"{{urn:{namespace}.soap.sforce.com}}{message.operation}"
        raise ClientFault(f"No operation available for request {name}, please check the WSDL for the service.")
    return found


def _enter(site: Site, call: Call, message: Message) -> None:
    """Find the user of the session, count the call, and let what a header asks for steer the save.

    Raises:
        OrgFault: No live session, no API for this user, the day's calls are used up.
    """
    grant = site.tokens.check(message.session_id, site.epoch())
    struck = not call.trainer and site.faults.strikes("expired_session", call.path) is not None
    if grant is None or struck:
        text = "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session hash"
        raise OrgFault("INVALID_SESSION_ID", text)
    call.user_id = grant.user_id
    call.version = call.args["version"]
    if not site.session(grant.user_id).access.api_enabled:
        raise OrgFault("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
    site.book(call)
    if not call.trainer and site.faults.strikes("server_error", call.path) is not None:
        raise _unexpected()
    call.headers = {**call.headers, **_steering(message)}


def _steering(message: Message) -> dict[str, str]:
    """The SOAP headers that steer a save, as REST spells them."""
    found = {}
    allow = message.headers.get("DuplicateRuleHeader", {}).get("allowSave")
    if allow is not None:
        found["sforce-duplicate-rule-header"] = f"allowSave={allow}"
    rules = message.headers.get("AssignmentRuleHeader", {})
    if rule := rules.get("assignmentRuleId") or rules.get("useDefaultRule"):
        found["sforce-auto-assign"] = rule
    return found


def _login(site: Site, call: Call, message: Message) -> str:
    username, password = message.text("username"), message.text("password")
    person = people.by_username(site.org, username)
    if person is None or not person.active or not site.check_password(username, password):
        raise OrgFault("INVALID_LOGIN", _WRONG)
    token = site.tokens.issue(Grant(person.id, "SOAP", "api"), site.epoch())
    root = f"{site.base_url}/services/Soap"
    version, org = call.args["version"], site.org.id[:15]
    facts = {
        "metadataServerUrl": f"{root}/m/{version}/{org}",
        "passwordExpired": False,
        "sandbox": False,
        "serverUrl": f"{root}/{call.args['kind']}/{version}/{org}",
        "sessionId": token,
        "userId": person.id,
    }
    return tags(facts.items()) + f"<userInfo>{user_info(site, person)}</userInfo>"


def _unexpected() -> OrgFault:
    text = "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (-123)"
    return OrgFault("UNKNOWN_EXCEPTION", text)
