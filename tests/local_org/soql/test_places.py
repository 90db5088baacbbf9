"""DISTANCE and GEOLOCATION: in SELECT, WHERE and ORDER BY, and what they refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from local_org.org.model import OrgFault
from local_org.soql.places import between
from tests.local_org.soql.small_org import ACCOUNT, BUILDING, CONTACT, add, ask, rows, user

Fault = Callable[..., OrgFault]
PARIS = "GEOLOCATION(48.8566, 2.3522)"


@pytest.fixture(autouse=True)
def _spots(conn: sqlite3.Connection) -> None:
    london = add(conn, BUILDING, 31, Name="London", Spot__Latitude__s=51.5074, Spot__Longitude__s=-0.1278)
    add(conn, BUILDING, 32, Name="Lyon", Spot__Latitude__s=45.764, Spot__Longitude__s=4.8357)
    add(conn, CONTACT, 31, Name="Lia", LastName="Lia", Building__c=london)
    add(conn, ACCOUNT, 31, Name="Near", BillingLatitude=48.85, BillingLongitude=2.35)


@pytest.mark.parametrize(("unit", "radius", "wide"), [("km", 343.6, 0.5), ("mi", 213.5, 0.5), ("KM", 343.6, 0.5)])
def test_distances_are_those_of_the_map(conn: sqlite3.Connection, unit: str, radius: float, wide: float) -> None:
    (record,) = rows(conn, f"SELECT DISTANCE(Spot__c, {PARIS}, '{unit}') far FROM Building__c WHERE Name = 'London'")
    assert record["far"] == pytest.approx(radius, abs=wide)


def test_filters_and_orders_by_distance(conn: sqlite3.Connection) -> None:
    query = "SELECT Name FROM Building__c WHERE DISTANCE(Spot__c, {0}, 'km') {1} ORDER BY DISTANCE(Spot__c, {0}, 'km')"
    assert [r["Name"] for r in rows(conn, query.format(PARIS, "< 500"))] == ["London", "Lyon"]
    assert [r["Name"] for r in rows(conn, query.format(PARIS, "> 350") + " DESC")] == ["Lyon"]
    every = rows(conn, f"SELECT Name FROM Building__c ORDER BY DISTANCE(Spot__c, {PARIS}, 'mi') NULLS LAST")
    assert [r["Name"] for r in every] == ["London", "Lyon", "Tower"]


def test_addresses_and_parents_are_places_too(conn: sqlite3.Connection) -> None:
    near = f"SELECT Name FROM Account WHERE DISTANCE(BillingAddress, {PARIS}, 'km') < 5"
    assert [r["Name"] for r in rows(conn, near)] == ["Near"]
    (record,) = rows(conn, f"SELECT Name FROM Contact WHERE DISTANCE(Building__r.Spot__c, {PARIS}, 'km') < 400")
    assert record["Name"] == "Lia"


def test_a_distance_without_alias_is_numbered(conn: sqlite3.Connection) -> None:
    query = (
        f"SELECT DISTANCE(Spot__c, {PARIS}, 'km'), DISTANCE(Spot__c, Spot__c, 'km'), Name FROM Building__c "
        "WHERE Name = 'Lyon'"
    )
    (record,) = rows(conn, query)
    assert list(record) == ["attributes", "expr0", "expr1", "Name"]
    assert record["expr1"] == 0
    assert ask(conn, query).headers == ["expr0", "expr1", "Name"]


def test_a_location_answers_its_two_numbers(conn: sqlite3.Connection) -> None:
    (record,) = rows(conn, "SELECT Spot__c FROM Building__c WHERE Name = 'Lyon'")
    assert record["Spot__c"] == {"latitude": 45.764, "longitude": 4.8357}


def test_half_the_earth_is_the_longest_way() -> None:
    assert between(90, 0, -90, 0, 1) == pytest.approx(3.14159265)
    assert between(0, 179.5, 0, -179.5, 1) == pytest.approx(0.0174533, rel=1e-5)
    assert between(None, 1, 1, 1, 1) is None


def test_hidden_coordinates_are_nowhere(conn: sqlite3.Connection) -> None:
    blind = user(fields={"Building__c.Spot__Latitude__s": ""})
    query = f"SELECT DISTANCE(Spot__c, {PARIS}, 'km') far FROM Building__c WHERE Name = 'Lyon'"
    assert rows(conn, query, blind)[0]["far"] is None


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (f"DISTANCE(Name, {PARIS}, 'km') < 5", "INVALID_FIELD"),
        (f"DISTANCE({PARIS}, Spot__c, 'km') < 5", "MALFORMED_QUERY"),
        (f"DISTANCE(Spot__c, {PARIS}, 'ft') < 5", "MALFORMED_QUERY"),
        (f"DISTANCE(Spot__c, {PARIS}) < 5", "MALFORMED_QUERY"),
        ("DISTANCE(Spot__c, GEOLOCATION(91, 0), 'km') < 5", "MALFORMED_QUERY"),
        ("DISTANCE(Spot__c, GEOLOCATION('a', 0), 'km') < 5", "MALFORMED_QUERY"),
        (f"DISTANCE(Spot__c, {PARIS}, 'km') = 5", "INVALID_QUERY_FILTER_OPERATOR"),
        (f"DISTANCE(Spot__c, {PARIS}, 'km') < 'x'", "INVALID_FIELD"),
        ("DISTANCE(Nope__c, GEOLOCATION(1, 1), 'km') < 5", "INVALID_FIELD"),
    ],
)
def test_what_is_no_distance(fault: Fault, where: str, code: str) -> None:
    assert fault(f"SELECT Id FROM Building__c WHERE {where}").code == code
