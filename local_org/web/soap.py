"""SOAP login and logout, for the clients that still sign in with a password; nothing else is offered over SOAP."""

from __future__ import annotations

from html import escape
from xml.etree import ElementTree

from local_org.web import people
from local_org.web.messages import Answer, Call
from local_org.web.people import Person
from local_org.web.routes import Router
from local_org.web.site import Site
from local_org.web.tokens import Grant

XML_TYPE = "text/xml;charset=UTF-8"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>"
)
_WRONG = "Invalid username, password, security token; or user locked out."


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    for path in ("/services/Soap/{kind}/{version}", "/services/Soap/{kind}/{version}/{org}"):
        router.route(path, "POST")(answer)


def answer(site: Site, call: Call) -> Answer:
    """Answer one SOAP message."""
    operation, values = _understood(call.raw)
    if operation == "login":
        return _login(site, call, values)
    if operation == "logout":
        site.tokens.revoke(values.get("sessionId", ""))
        return _reply("<logoutResponse/>")
    return _fault("INVALID_OPERATION", f"{operation or 'this message'} is not offered over SOAP")


def _login(site: Site, call: Call, values: dict[str, str]) -> Answer:
    username, password = values.get("username", ""), values.get("password", "")
    person = people.by_username(site.org, username)
    if person is None or not person.active or not site.check_password(username, password):
        return _fault("INVALID_LOGIN", _WRONG)
    token = site.tokens.issue(Grant(person.id, "SOAP", "api"), site.epoch())
    root = f"{site.base_url}/services/Soap"
    version, org = call.args["version"], site.org.id[:15]
    facts = {
        "metadataServerUrl": f"{root}/m/{version}/{org}",
        "passwordExpired": "false",
        "sandbox": "false",
        "serverUrl": f"{root}/{call.args['kind']}/{version}/{org}",
        "sessionId": token,
        "userId": person.id,
    }
    result = _elements(facts) + f"<userInfo>{_elements(_user_info(site, person))}</userInfo>"
    return _reply(f"<loginResponse><result>{result}</result></loginResponse>")


def _user_info(site: Site, person: Person) -> dict[str, str]:
    row = site.org.connection().execute('SELECT "Name" FROM "Organization"').fetchone()
    return {
        "accessibilityMode": "false",
        "currencySymbol": "$",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgHasPersonAccounts": "false",
        "organizationId": site.org.id,
        "organizationMultiCurrency": "false",
        "organizationName": row[0] if row else "",
        "profileId": site.session(person.id).retrieve("User", person.id, ["ProfileId"])["ProfileId"],
        "userEmail": person.email,
        "userFullName": person.name,
        "userId": person.id,
        "userLanguage": "en_US",
        "userLocale": "en_US",
        "userName": person.username,
        "userTimeZone": person.time_zone,
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }


def _understood(raw: bytes) -> tuple[str, dict[str, str]]:
    """The operation of a message and its values; a session in the header counts as a value."""
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        return "", {}
    try:
        # Document types are refused above, so that no entity can grow.
        root = ElementTree.fromstring(raw)  # noqa: S314
    except ElementTree.ParseError:
        return "", {}
    values = {_local(element.tag): (element.text or "").strip() for element in root.iter()}
    body = next((element for element in root.iter() if _local(element.tag) == "Body"), None)
    operation = _local(body[0].tag) if body is not None and len(body) else ""
    return operation, values


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _elements(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _reply(body: str) -> Answer:
    return Answer(200, _ENVELOPE.format(body).encode(), media=XML_TYPE)


def _fault(code: str, text: str) -> Answer:
    body = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(text)}</faultstring>"
        f"<detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>"
        f"<sf:exceptionMessage>{escape(text)}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    )
    return Answer(500, _ENVELOPE.format(body).encode(), media=XML_TYPE)
