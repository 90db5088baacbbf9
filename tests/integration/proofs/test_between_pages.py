"""What happens in the org between two pages of one capture is neither lost, nor doubled, nor revived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.kit import Desk, groundwork, new_desk, struck
from tests.practice import Practice

ROWS = 2050
"""More than the 2,000 records of a page."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on an org of its own: each test begins where the mark has left the rows of the others behind."""
    with Practice() as org, groundwork(org) as ground:
        desk = new_desk(org, ground, tmp_path_factory.mktemp("reader") / "home")
        desk.advance(1900)
        desk.run("people_in")
        yield desk
        desk.close()


def people(desk: Desk, tag: str) -> list[dict[str, Any]]:
    """The people here of a tag, with their links."""
    frame = desk.ws.database.read(
        "SELECT p.id, p.last_name, l.org_id, l.sobject FROM person p LEFT JOIN link l ON"
        " l.record_id = p.id AND l.table_name = 'person' AND l.state = 'active' WHERE p.deleted_at IS NULL"
        " AND p.last_name LIKE :t",
        t=f"{tag} %",
    )
    return list(frame.iter_rows(named=True))


def made(desk: Desk, sobject: str, tag: str) -> None:
    more = {"Company": "Pages"} if sobject == "Lead" else {}
    desk.org.create_many(
        sobject, [{"LastName": f"{tag} {i}", "Email": f"{tag}{i}@pages.example", **more} for i in range(ROWS)]
    )


def read_through(desk: Desk, value: str) -> None:
    """A capture that something happens in, and two more that leave it behind."""
    desk.advance(5)
    with desk.org.fault("between_pages", count=1, value=value):
        assert desk.run("people_in")["status"] == "complete"
        assert struck(desk.org, "between_pages") == 1, "nothing happened between the pages"
    for _ in range(2):
        desk.advance(1900)
        desk.run("people_in")


@pytest.mark.requirement("T18", "X11")
@pytest.mark.parametrize("value", ["", "merge", "change"], ids=["delete", "merge", "change"])
def test_a_delete_a_merge_and_an_edit_between_two_pages(reader: Desk, value: str) -> None:
    desk, tag = reader, f"pages{value or 'delete'}"
    made(desk, "Contact", tag)
    read_through(desk, value)
    here = people(desk, tag)
    there = desk.org.soql(f"SELECT Id, LastName FROM Contact WHERE LastName LIKE '{tag} %'")
    assert len(there) == (ROWS if value == "change" else ROWS - 1)
    assert Counter(p["org_id"] for p in here) == Counter(t["Id"] for t in there)
    assert {p["org_id"]: p["last_name"] for p in here} == {t["Id"]: t["LastName"] for t in there}
    again = desk.run("people_in")["counts"]
    assert (again["created"], again["updated"], again["deleted"]) == (0, 0, 0)


@pytest.mark.requirement("T18", "X11")
def test_a_conversion_between_two_pages(reader: Desk) -> None:
    """The lead comes in as its contact, once."""
    desk, tag = reader, "pagesconvert"
    made(desk, "Lead", tag)
    read_through(desk, "convert")
    here = people(desk, tag)
    (contact,) = desk.org.soql(f"SELECT Id FROM Contact WHERE LastName LIKE '{tag} %'")
    assert len(here) == len({p["last_name"] for p in here}) == ROWS
    assert [p["sobject"] for p in here if p["org_id"] == contact["Id"]] == ["Contact"]
