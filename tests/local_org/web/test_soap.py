from __future__ import annotations

from html import escape
from xml.etree import ElementTree

import pytest
import requests

from tests.practice import Practice

PARTNER = "{urn:partner.soap.sforce.com}"
ROW = "{urn:sobject.partner.soap.sforce.com}"


class Soap:
    """A bare SOAP client of one session."""

    def __init__(self, practice: Practice, token: str) -> None:
        self.practice = practice
        self.token = token

    def post(self, body: bytes | str, path: str = "u/59.0") -> requests.Response:
        """A message as it is."""
        url = f"{self.practice.base_url}/services/Soap/{path}"
        raw = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
        return requests.post(url, data=raw, headers=headers, verify=self.practice.env["ca_file"], timeout=30)

    def send(self, operation: str, inner: str = "", headers: str = "", path: str = "u/59.0") -> requests.Response:
        """A call with a session."""
        return self.post(
            '<?xml version="1.0" encoding="utf-8"?>'
            '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><env:Header>'
            f"<SessionHeader><sessionId>{self.token}</sessionId></SessionHeader>{headers}</env:Header>"
            f"<env:Body><{operation}>{inner}</{operation}></env:Body></env:Envelope>",
            path,
        )

    def __call__(self, operation: str, inner: str = "", headers: str = "") -> list[ElementTree.Element]:
        """The results of a call that succeeds."""
        answer = self.send(operation, inner, headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/xml;charset=UTF-8"
        return list(ElementTree.fromstring(answer.text).iter(PARTNER + "result"))


def text(element: ElementTree.Element, path: str) -> str | None:
    """The text of an un-prefixed element."""
    return element.findtext("/".join(PARTNER + part for part in path.split("/")))


def record(kind: str, **fields: str) -> str:
    """An sObject."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<type>{kind}</type>{inner}"


@pytest.fixture
def soap(practice: Practice) -> Soap:
    return Soap(practice, practice.token())


def test_rows_are_created_changed_and_deleted(soap: Soap, practice: Practice, unique: str) -> None:
    rows = (record("Contact", LastName=unique, DoNotCall="true"), record("Contact"))
    good, bad = soap("create", "".join(f"<sObjects>{row}</sObjects>" for row in rows))
    assert (text(good, "success"), text(bad, "success")) == ("true", "false")
    assert text(bad, "errors/statusCode") == "REQUIRED_FIELD_MISSING"
    record_id = text(good, "id") or ""
    change = f"<sObjects>{record('Contact', fieldsToNull='DoNotCall', Id=record_id, Title='x')}</sObjects>"
    assert [text(one, "success") for one in soap("update", change)] == ["true"]
    assert practice.soql(f"SELECT Title FROM Contact WHERE Id = '{record_id}'") == [{"Title": "x"}]
    gone, missing = soap("delete", f"<ids>{record_id}</ids><ids>zzz</ids>")
    assert (text(gone, "success"), text(missing, "errors/statusCode")) == ("true", "MALFORMED_ID")
    (back,) = soap("undelete", f"<ids>{record_id}</ids>")
    assert text(back, "success") == "true"
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE Id = '{record_id}'") == 1
    (twice,) = soap("undelete", f"<ids>{record_id}</ids>")
    assert text(twice, "errors/statusCode") == "UNDELETE_FAILED"


def test_all_or_none_header(soap: Soap, practice: Practice, unique: str) -> None:
    rows = f"<sObjects>{record('Contact', LastName=unique)}</sObjects><sObjects>{record('Contact')}</sObjects>"
    results = soap("create", rows, "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>")
    assert text(results[0], "errors/statusCode") == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 0


def test_upsert_by_key(soap: Soap, unique: str) -> None:
    row = f"<sObjects>{record('Task', Syncline_Key__c=unique)}</sObjects>"
    inner = f"<externalIDFieldName>Syncline_Key__c</externalIDFieldName>{row}"
    assert [text(soap("upsert", inner)[0], "created") for _ in range(2)] == ["true", "false"]
    fault = soap.send("upsert", inner.replace("Syncline_Key__c", "Subject"))
    assert "Field name provided, Subject does not match an External ID for Task" in fault.text


def test_merge_moves_what_hangs_on_the_losers(soap: Soap, practice: Practice, unique: str) -> None:
    master, loser = practice.create_many("Account", [{"Name": unique}, {"Name": f"{unique} Ltd", "Phone": "7"}])
    contact = practice.create("Contact", LastName=unique, AccountId=loser)
    request = f"<masterRecord>{record('Account', Id=master, Phone='7')}</masterRecord>"
    (result,) = soap("merge", f"<request>{request}<recordToMergeIds>{loser}</recordToMergeIds></request>")
    assert (text(result, "success"), text(result, "id")) == ("true", master)
    assert text(result, "mergedRecordIds") == loser
    assert contact in [e.text for e in result.findall(PARTNER + "updatedRelatedIds")]
    (gone,) = practice.soql(f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'", all_rows=True)
    assert gone == {"IsDeleted": True, "MasterRecordId": master}
    assert practice.soql(f"SELECT Phone FROM Account WHERE Id = '{master}'") == [{"Phone": "7"}]
    (again,) = soap("merge", f"<request>{request}<recordToMergeIds>{loser}</recordToMergeIds></request>")
    assert text(again, "errors/statusCode") == "ENTITY_IS_DELETED"


def test_lead_is_converted_once(soap: Soap, practice: Practice, unique: str) -> None:
    lead = practice.create("Lead", LastName=unique, Company=unique)
    call = practice.create("Task", Subject="Call", WhoId=lead)
    inner = (
        f"<leadConverts><convertedStatus>Closed - Converted</convertedStatus><doNotCreateOpportunity>true"
        f"</doNotCreateOpportunity><leadId>{lead}</leadId></leadConverts>"
    )
    (done,) = soap("convertLead", inner)
    assert (text(done, "success"), text(done, "leadId"), text(done, "opportunityId")) == ("true", lead, "")
    (moved,) = practice.soql(f"SELECT WhoId, WhatId FROM Task WHERE Id = '{call}'")
    assert moved == {"WhoId": text(done, "contactId"), "WhatId": text(done, "accountId")}
    (again,) = soap("convertLead", inner)
    assert (text(again, "success"), text(again, "errors/statusCode")) == ("false", "CANNOT_UPDATE_CONVERTED_LEAD")
    (odd,) = soap("convertLead", inner.replace("Closed - Converted", "Nonsense"))
    assert text(odd, "errors/statusCode") in ("INVALID_STATUS", "CANNOT_UPDATE_CONVERTED_LEAD")


def test_conversion_into_what_is_there_and_what_is_not(soap: Soap, practice: Practice, unique: str) -> None:
    account = practice.create("Account", Name=unique)
    contact = practice.create("Contact", LastName=unique, AccountId=account)

    def convert(**more: str) -> ElementTree.Element:
        facts = {"convertedStatus": "Closed - Converted", "leadId": practice.create("Lead", LastName="x", Company="x")}
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in (facts | more).items())
        return soap("convertLead", f"<leadConverts>{inner}</leadConverts>")[0]

    done = convert(accountId=account, contactId=contact, opportunityName=unique)
    assert (text(done, "accountId"), text(done, "contactId")) == (account, contact)
    assert practice.soql(f"SELECT Id FROM Opportunity WHERE Name = '{unique}'") == [{"Id": text(done, "opportunityId")}]
    assert text(convert(contactId=account), "errors/statusCode") == "INVALID_CROSS_REFERENCE_KEY"
    assert text(convert(leadId="x"), "errors/statusCode") == "MALFORMED_ID"
    assert text(convert(convertedStatus=""), "errors/statusCode") == "INVALID_STATUS"


def test_who_may_only_read_neither_merges_nor_converts(practice: Practice, unique: str) -> None:
    reader = Soap(practice, practice.token("reader@practice.example"))
    lead = practice.create("Lead", LastName=unique, Company=unique)
    status = "<convertedStatus>Closed - Converted</convertedStatus>"
    (refused,) = reader("convertLead", f"<leadConverts>{status}<leadId>{lead}</leadId></leadConverts>")
    assert text(refused, "errors/statusCode") == "INSUFFICIENT_ACCESS_OR_READONLY"
    master, loser = practice.create_many("Account", [{"Name": unique}] * 2)
    request = f"<masterRecord>{record('Account', Id=master)}</masterRecord><recordToMergeIds>{loser}</recordToMergeIds>"
    (refused,) = reader("merge", f"<request>{request}</request>")
    assert text(refused, "errors/statusCode") == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert practice.count(f"SELECT COUNT() FROM Lead WHERE Id = '{lead}' AND IsConverted = false") == 1


def test_query_pages_parents_and_children(soap: Soap, practice: Practice, unique: str) -> None:
    account = practice.create("Account", Name=f"{unique} & Sons\u0007")
    practice.create_many("Contact", [{"LastName": f"{unique} {n:03}", "AccountId": account} for n in range(201)])
    where = f"WHERE LastName LIKE '{unique}%' ORDER BY LastName"
    asked = escape(f"SELECT Id, LastName, Email, CreatedDate, Account.Name FROM Contact {where}")
    options = "<QueryOptions><batchSize>200</batchSize></QueryOptions>"
    (page,) = soap("query", f"<queryString>{asked}</queryString>", options)
    assert (text(page, "done"), text(page, "size")) == ("false", "201")
    rows = page.findall(PARTNER + "records")
    first = rows[0]
    assert (len(rows), first.findtext(ROW + "type")) == (200, "Contact")
    assert first.findtext(f"{ROW}Account/{ROW}Name") == f"{unique} & Sons"
    assert (first.findtext(ROW + "CreatedDate") or "").endswith(".000Z")
    (rest,) = soap("queryMore", f"<queryLocator>{text(page, 'queryLocator')}</queryLocator>")
    assert (text(rest, "done"), len(rest.findall(PARTNER + "records"))) == ("true", 1)
    nested = f"SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Id = '{account}'"
    (family,) = soap("query", f"<queryString>{nested}</queryString>")
    child = family.find(f"{PARTNER}records/{ROW}Contacts")
    assert child is not None
    assert text(child, "size") == "201"


def test_retrieve_user_and_time(soap: Soap, practice: Practice, unique: str) -> None:
    account = practice.create("Account", Name=unique)
    ids = f"<ids>{account}</ids><ids>001000000000000AAA</ids>"
    found, nothing = soap("retrieve", f"<fieldList>Id, Name</fieldList><sObjectType>Account</sObjectType>{ids}")
    assert (found.findtext(ROW + "Name"), len(nothing)) == (unique, 0)
    (user,) = soap("getUserInfo")
    assert (text(user, "userName"), text(user, "organizationId")) == (
        practice.user()["username"],
        practice.env["org_id"],
    )
    (now,) = soap("getServerTimestamp")
    assert (text(now, "timestamp") or "")[:16] == practice.now()[:16]


@pytest.mark.parametrize(
    ("operation", "inner", "code", "kind"),
    [
        ("query", "<queryString>SELECT FROM Contact</queryString>", "MALFORMED_QUERY", "MalformedQueryFault"),
        ("query", "<queryString>SELECT Id FROM Nonsense</queryString>", "INVALID_TYPE", "InvalidSObjectFault"),
        ("create", "<sObjects><type>Nonsense</type></sObjects>", "INVALID_TYPE", "InvalidSObjectFault"),
        ("queryMore", "<queryLocator>x</queryLocator>", "INVALID_QUERY_LOCATOR", "InvalidQueryLocatorFault"),
        ("delete", "<ids>003000000000001AAA</ids>" * 201, "EXCEEDED_ID_LIMIT", "UnexpectedErrorFault"),
    ],
)
def test_faults_name_their_code_and_their_kind(soap: Soap, operation: str, inner: str, code: str, kind: str) -> None:
    answer = soap.send(operation, inner)
    assert answer.status_code == 500
    assert f"<faultcode>sf:{code}</faultcode><faultstring>{code}: " in answer.text
    assert f'<sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{code}</sf:exceptionCode>' in answer.text
    ElementTree.fromstring(answer.text)


def test_sessions_and_allowance_are_kept(soap: Soap, practice: Practice) -> None:
    before = practice.api_calls()
    soap("getServerTimestamp")
    assert practice.api_calls() == before + 1
    with practice.fault("allowance", count=1):
        assert "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded." in soap.send("getServerTimestamp").text
    assert "<faultcode>sf:INVALID_SESSION_ID</faultcode>" in Soap(practice, "00Dxx").send("getUserInfo").text
    soap.send("logout")
    assert "INVALID_SESSION_ID" in soap.send("getUserInfo").text


def test_refuses_entities_and_what_it_does_not_offer(soap: Soap) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    hidden = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'.encode("utf-16")
    for body in (bomb, hidden, b"not xml", b"<e:Envelope xmlns:e='x'/>"):
        answer = soap.post(body)
        assert (answer.status_code, "soapenv:Client" in answer.text) == (500, True)
    assert "No operation available for request" in soap.send("describeTabs").text
    assert "No operation available for request" in soap.send("getUserInfo", path="m/59.0").text


def test_a_late_commit_merges_after_the_hang_up(soap: Soap, practice: Practice, unique: str) -> None:
    master, loser = practice.create_many("Account", [{"Name": unique}] * 2)
    request = f"<masterRecord>{record('Account', Id=master)}</masterRecord><recordToMergeIds>{loser}</recordToMergeIds>"
    with practice.fault("late_commit", value="0.3", count=1):
        (result,) = soap("merge", f"<request>{request}</request>")
    assert text(result, "success") == "true"
    found = practice.soql(f"SELECT MasterRecordId FROM Account WHERE Id = '{loser}'", all_rows=True)
    assert found == [{"MasterRecordId": master}]


def test_a_cut_answer_has_saved_its_row(soap: Soap, practice: Practice, unique: str) -> None:
    with practice.fault("answer_cut", count=1), pytest.raises(requests.ConnectionError):
        soap.send("create", f"<sObjects>{record('Contact', LastName=unique)}</sObjects>")
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 1
