"""A small filled org for the query tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from local_org.org.model import OrgFault
from tests.local_org.soql import small_org as org


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """Two accounts, a contact, a lead, a queue and three tasks."""
    made = org.connect()
    org.add(made, org.PROFILE, 1, Name="Standard User")
    ada = org.add(made, org.USER, 1, Name="Ada", Email="ada@example.com", IsActive=1, ProfileId=org.make_id("00e", 1))
    queue = org.add(made, org.GROUP, 1, Name="Leasing", Type="Queue")
    acme = org.add(made, org.ACCOUNT, 1, Name="Acme", OwnerId=ada, BillingCity="Rome", Active__c=1, AnnualRevenue=5.0)
    org.add(made, org.ACCOUNT, 2, Name="beta", Industry="Tech", Markets__c="Office;Retail", ParentId=acme, Code__c="aB")
    tower = org.add(made, org.BUILDING, 1, Name="Tower", City__c="Oslo")
    bo = org.add(made, org.CONTACT, 1, Name="Bo Lee", LastName="Lee", AccountId=acme, OwnerId=ada, Building__c=tower)
    lou = org.add(made, org.LEAD, 1, Name="Lou", Company="Lou Ltd", OwnerId=queue)
    org.add(made, org.TASK, 1, Subject="Call", WhoId=bo, WhatId=acme, Status="Completed", OwnerId=ada,
            ActivityDate="2026-03-10", CallDurationInSeconds=60)  # fmt: skip
    org.add(made, org.TASK, 2, Subject="Mail", WhoId=lou, WhatId=tower, Status="Not Started", OwnerId=queue)
    org.add(made, org.TASK, 3, Subject="Old", IsArchived=1)
    org.add(made, org.TASK, 4, Subject="Gone", IsDeleted=1)
    yield made
    made.close()


@pytest.fixture
def fault(conn: sqlite3.Connection) -> Callable[..., OrgFault]:
    """Asks what must fail and hands back the error."""

    def ask(query: str, **more: object) -> OrgFault:
        with pytest.raises(OrgFault) as caught:
            org.ask(conn, query, **more)  # type: ignore[arg-type]
        return caught.value

    return ask
