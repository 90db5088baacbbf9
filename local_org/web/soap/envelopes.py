"""Takes SOAP messages apart and puts answers and faults together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from local_org.org.model import OrgFault
from local_org.web.messages import Answer
from local_org.web.xmls import XmlFault, is_nil, local, named, parsed, tag, texts, word

XML_TYPE = "text/xml;charset=UTF-8"
NIL = 'xsi:nil="true"'
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
)
_FAULTS = {
    "INVALID_LOGIN": "LoginFault",
    "INVALID_FIELD": "InvalidFieldFault",
    "INVALID_TYPE": "InvalidSObjectFault",
    "INVALID_QUERY_LOCATOR": "InvalidQueryLocatorFault",
    "MALFORMED_ID": "InvalidIdFault",
    "MALFORMED_QUERY": "MalformedQueryFault",
}


class ClientFault(Exception):
    """The message itself is wrong: no envelope, no operation that there is."""


@dataclass(slots=True)
class Message:
    """One call: its operation, the element that holds its arguments, and the values of its headers."""

    operation: str
    body: ElementTree.Element
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def session_id(self) -> str:
        """The session that the call claims."""
        return self.headers.get("SessionHeader", {}).get("sessionId", "")

    def text(self, name: str) -> str:
        """The text of an argument."""
        return texts(self.body).get(name, "")

    def all(self, name: str) -> list[ElementTree.Element]:
        """The arguments of that name."""
        return named(self.body, name)

    def ids(self, name: str = "ids") -> list[str]:
        """An argument that is a list of Ids; clients spell its name as they like."""
        return [(e.text or "").strip() for e in self.body if local(e.tag).lower() == name.lower() and not is_nil(e)]


def understood(raw: bytes) -> Message:
    """A message.

    Raises:
        ClientFault: It is not XML, or not a SOAP call.
    """
    try:
        root = parsed(raw)
    except XmlFault as fault:
        raise ClientFault(f"Unable to read the message: {fault}") from fault
    body = next(iter(named(root, "Body")), None)
    if local(root.tag) != "Envelope" or body is None or len(body) == 0:
        raise ClientFault("The message holds no SOAP envelope with a call")
    headers = {local(h.tag): texts(h) for part in named(root, "Header") for h in part}
    return Message(local(body[0].tag), body[0], headers)


def reply(
    operation: str, results: Iterable[str], namespace: str = "partner", limit: tuple[int, int] = (0, 0)
) -> Answer:
    """The answer to a call.

    Args:
        operation: The operation that was called.
        results: The inside of each ``result`` element; an empty one is nil.
        namespace: ``partner`` or ``enterprise``.
        limit: API calls used and allowed, for the header of the answer; without it there is none.
    """
    inner = "".join(f"<result>{one}</result>" if one else f"<result {NIL}/>" for one in results)
    used, allowed = limit
    facts = tag("current", used) + tag("limit", allowed) + tag("type", "API REQUESTS")
    info = f"<LimitInfoHeader><limitInfo>{facts}</limitInfo></LimitInfoHeader>"
    head = f"<soapenv:Header>{info}</soapenv:Header>" if allowed else ""
    text = (
        f'{_OPEN} xmlns="urn:{namespace}.soap.sforce.com" xmlns:sf="urn:sobject.{namespace}.soap.sforce.com" {_XSI}>'
        f"{head}<soapenv:Body><{operation}Response>{inner}</{operation}Response></soapenv:Body></soapenv:Envelope>"
    )
    return Answer(200, text.encode(), media=XML_TYPE)


def fault_answer(fault: OrgFault, namespace: str = "partner") -> Answer:
    """A fault that the API raises."""
    kind = _FAULTS.get(fault.code, "UnexpectedErrorFault")
    facts = f"<sf:exceptionCode>{fault.code}</sf:exceptionCode>" + tag("sf:exceptionMessage", fault.message)
    place = "<sf:row>-1</sf:row><sf:column>-1</sf:column>" if kind in _WITH_PLACE else ""
    detail = f'<detail><sf:{kind} xsi:type="sf:{kind}">{facts}{place}</sf:{kind}></detail>'
    return _fault(f"sf:{fault.code}", f"{fault.code}: {fault.message}", detail, namespace)


_WITH_PLACE = ("InvalidFieldFault", "InvalidSObjectFault", "MalformedQueryFault")
"""Faults of a query name a row and a column; -1 stands for a place that is told in the message alone."""


def client_fault_answer(text: str) -> Answer:
    """A fault of the message itself."""
    return _fault("soapenv:Client", text, "", "partner")


def _fault(code: str, text: str, detail: str, namespace: str) -> Answer:
    body = (
        f'{_OPEN} xmlns:sf="urn:fault.{namespace}.soap.sforce.com" {_XSI}><soapenv:Body><soapenv:Fault>'
        f"<faultcode>{code}</faultcode><faultstring>{word(text)}</faultstring>{detail}"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return Answer(500, body.encode(), media=XML_TYPE)


def optional(name: str, value: Any) -> str:
    """An element that says nil when there is no value."""
    return f"<{name} {NIL}/>" if value is None else tag(name, value)


def errors_xml(errors: Iterable[OrgFault]) -> str:
    """The errors of one row."""
    return "".join(
        f"<errors>{''.join(tag('fields', name) for name in e.fields or [])}"
        f"{tag('message', e.message)}{tag('statusCode', e.code)}</errors>"
        for e in errors
    )
