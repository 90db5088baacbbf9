"""Adds the list views that a team would import from: prospecting contacts, key accounts, hot leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_org.sample.base import DAY, World, make_id, stamps
from local_org.sample.users import users

if TYPE_CHECKING:
    from local_org.org.engine import Org


@dataclass(frozen=True, slots=True)
class View:
    """One list view: which rows, which columns, in which order."""

    sobject: str
    label: str
    developer_name: str
    columns: tuple[str, ...]
    where: str
    order_by: str

    @property
    def query(self) -> str:
        """The SOQL behind the view."""
        return f"SELECT {', '.join(self.columns)} FROM {self.sobject} WHERE {self.where} ORDER BY {self.order_by}"


_TABLE = (
    "CREATE TABLE IF NOT EXISTS _listview (id TEXT PRIMARY KEY, sobject TEXT NOT NULL, "
    "developer_name TEXT NOT NULL, label TEXT NOT NULL, query TEXT NOT NULL)"
)
VIEWS = (
    View(
        "Contact", "Prospecting List", "Prospecting_List", ("Name", "Account.Name", "Title", "Phone", "Email"),
        "DoNotCall = false AND Contact_Status__c IN ('New', 'Attempting', 'Engaged')", "LastName ASC NULLS LAST",
    ),
    View(
        "Contact", "Newsletter Readers", "Newsletter_Readers", ("Name", "Account.Name", "Email"),
        "Newsletter__c = true AND HasOptedOutOfEmail = false", "LastName ASC NULLS LAST",
    ),
    View(
        "Account", "Key accounts", "Key_accounts", ("Name", "BillingCity", "Phone", "Health_Score__c"),
        "Account_Status__c = 'Active Client' AND Health_Score__c >= 60", "Name ASC NULLS LAST",
    ),
    View(
        "Lead", "Hot leads", "Hot_leads", ("Name", "Company", "Phone", "Status"),
        "Rating = 'Hot' AND IsConverted = false", "Company ASC NULLS LAST",
    ),
)  # fmt: skip


def add_list_views(org: Org, world: World) -> int:
    """Load the views, as ListView rows and with the query that the server runs for them; returns how many."""
    admin = users(world)["admin"]["Id"]
    made = world.now - 300 * DAY
    rows = [
        {
            "Id": view_id(number), "Name": view.label, "DeveloperName": view.developer_name,
            "SobjectType": view.sobject, "IsSoqlCompatible": True, **stamps(made, made, admin),
        }
        for number, view in enumerate(VIEWS, 1)
    ]  # fmt: skip
    queries = [(view_id(n), v.sobject, v.developer_name, v.label, v.query) for n, v in enumerate(VIEWS, 1)]
    with org.write() as conn:
        conn.execute(_TABLE)
        conn.executemany("INSERT INTO _listview VALUES (?, ?, ?, ?, ?)", queries)
        return org.bulk_load("ListView", rows)


def view_id(number: int) -> str:
    """The Id of the number-th view, counted from 1."""
    return make_id("ListView", number)
