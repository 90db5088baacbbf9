"""Merges records: the one thing that Salesforce offers by SOAP alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from core.connections.salesforce import faults
from core.connections.salesforce.rest import API_VERSION, Rest
from core.errors import AnswerLost, OrgError

MOST_LOSERS = 2
"""A merge takes a master and at most so many others (SOAP API Developer Guide, ``merge()``)."""
_PARTNER = "{urn:partner.soap.sforce.com}"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns="urn:partner.soap.sforce.com" xmlns:s="urn:sobject.partner.soap.sforce.com"><e:Header><SessionHeader>'
    "<sessionId>{session}</sessionId></SessionHeader></e:Header><e:Body><merge><request>{request}</request></merge>"
    "</e:Body></e:Envelope>"
)


class SoapCalls(Rest):
    """The SOAP part of a gateway."""

    def merge(
        self, sobject: str, master_id: str, loser_ids: Sequence[str], values: Mapping[str, str | None]
    ) -> dict[str, Any]:
        """Merge records of one object into a master, in one transaction of the org.

        The losers go to the recycle bin with MasterRecordId set; what hangs on them hangs on the master then.

        Args:
            sobject: Account, Contact, Lead or Case.
            master_id: The record that stays.
            loser_ids: One or two that go.
            values: Values of the losers that the master takes over.

        Returns:
            ``id``, ``merged`` (the losers' Ids), ``moved`` (Ids of records that hang on the master now).

        Raises:
            AnswerLost: It may have been done; ask the org whether the losers are there.
            OrgError: The org refused it, with its statusCode.
        """
        body = _request(sobject, master_id, loser_ids, values)
        text = self._soap(body)
        try:
            result = next(ElementTree.fromstring(text).iter(f"{_PARTNER}result"), None)  # noqa: S314  # nosec B314
        except ElementTree.ParseError:
            result = None
        if result is None:
            raise AnswerLost("The org's answer to a merge was garbled.", given_up_at=self.server_now())
        if result.findtext(f"{_PARTNER}success") != "true":
            error = result.find(f"{_PARTNER}errors")
            told = (
                {k: error.findtext(f"{_PARTNER}{k}") or "" for k in ("statusCode", "message")}
                if error is not None
                else {}
            )
            raise faults.org_error(400, [{"errorCode": told.get("statusCode", ""), "message": told.get("message", "")}])
        each = {
            k: [e.text or "" for e in result.findall(f"{_PARTNER}{k}")]
            for k in ("mergedRecordIds", "updatedRelatedIds")
        }
        return {"id": master_id, "merged": each["mergedRecordIds"], "moved": each["updatedRelatedIds"]}

    def _soap(self, request: str) -> str:
        """Send a merge, once more with a renewed session where the org says that the one we had is over."""
        tokens = self._tokens.current()
        text = ""
        for renewed in (False, True):
            session = escape(tokens.access_token.get_secret_value())
            envelope = _ENVELOPE.format(session=session, request=request)
            url = f"{self._checked(tokens)}/services/Soap/u/{API_VERSION}"
            headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}
            response = self._once("POST", url, tokens, False, headers, {"data": envelope.encode()})
            text = response.text
            if "INVALID_SESSION_ID" not in text or renewed:
                break
            # A call that was refused for its session was not done.
            tokens = self._tokens.renewed(tokens)
        if "<faultcode>" in text:
            raise _fault(text)
        if response.status_code >= 300:
            raise AnswerLost("The org's answer to a merge was lost.", given_up_at=self.server_now())
        return text


def _request(sobject: str, master_id: str, loser_ids: Sequence[str], values: Mapping[str, str | None]) -> str:
    cleared = "".join(f"<s:fieldsToNull>{escape(n)}</s:fieldsToNull>" for n, v in values.items() if v is None)
    given = "".join(f"<s:{escape(n)}>{escape(v)}</s:{escape(n)}>" for n, v in values.items() if v is not None)
    record = f"<s:type>{escape(sobject)}</s:type>{cleared}<s:Id>{escape(master_id)}</s:Id>{given}"
    losers = "".join(f"<recordToMergeIds>{escape(i)}</recordToMergeIds>" for i in loser_ids)
    return f"<masterRecord>{record}</masterRecord>{losers}"


def _fault(text: str) -> OrgError:
    code = text.partition("<faultcode>")[2].partition("</faultcode>")[0].rpartition(":")[2]
    message = text.partition("<faultstring>")[2].partition("</faultstring>")[0]
    return faults.org_error(500, [{"errorCode": code, "message": message}])
