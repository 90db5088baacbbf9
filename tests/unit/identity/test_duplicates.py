"""Duplicates are found by evidence that surprises, and people who only share a house or a switchboard are not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from benchmarks.audit.planted_people import measured, plant
from core.identity import duplicates, names
from core.identity.duplicates import PERSON, find


def people(*rows: dict[str, Any], crowd: int = 400) -> pl.DataFrame:
    """The rows among a crowd in which nobody is anybody's double."""
    blank = dict.fromkeys(PERSON) | {"phones": []}
    firsts = ("Ada", "Bea", "Cleo", "Dora", "Esme", "Faye", "Gina", "Hope", "Iris", "June")
    others = [
        blank | {"uid": 1000 + n, "first_name": firsts[n % 10], "last_name": f"Zz{chr(97 + n % 26)}{n // 26:02d}xq",
                 "email": f"p{n}@firm{n % 40}.example", "phones": [f"+1555{n:07d}"], "domain": f"firm{n % 40}.example"}
        for n in range(crowd)
    ]  # fmt: skip
    return pl.DataFrame([blank | r for r in (*rows, *others)], schema=PERSON)


def person(uid: int, first: str, last: str, **more: Any) -> dict[str, Any]:
    return {"uid": uid, "first_name": first, "last_name": last, "name": f"{first} {last}".strip(), **more}


def pairs(frame: pl.DataFrame) -> dict[tuple[int, int], dict[str, Any]]:
    return {(r["a"], r["b"]): r for r in find(frame).pairs.iter_rows(named=True)}


SAME = {
    "the same address": (
        person(1, "Ann", "Lee", email="ann@x.example"), person(2, "Ann", "Lee", email="ann@x.example")),
    "a nickname": (
        person(1, "Robert", "Quill", phones=["+13125550001"]), person(2, "Bob", "Quill", phones=["+13125550001"])),
    "letters swapped": (
        person(1, "Ann", "Chandler", domain="c.example"), person(2, "Ann", "Chandlre", domain="c.example")),
    "an accent and capitals": (
        person(1, "Zoë", "Björk", email="z@x.example"), person(2, "ZOE", "BJORK", email="z@x.example")),
    "first and last name swapped": (
        person(1, "Ann", "Quillon", phones=["+13125550001"], domain="c.example"),
        person(2, "Quillon", "Ann", phones=["+13125550001"], domain="c.example")),
    "an initial": (person(1, "Harriet", "Quill", email="hq@x.example"), person(2, "H", "Quill", email="hq@x.example")),
    "moved on and kept the mobile": (
        person(1, "Ann", "Quillon", phones=["+13125550001"], domain="a.example"),
        person(2, "Ann", "Quillon", phones=["+13125550001"], domain="b.example")),
}  # fmt: skip
OTHERS = {
    "a household": (
        person(1, "Ann", "Quill", phones=["+13125550001"], street="1 Elm St", city="Reno"),
        person(2, "Max", "Quill", phones=["+13125550001"], street="1 Elm St", city="Reno")),
    "an office": (
        person(1, "Ann", "Quill", phones=["+13125550001"], domain="c.example", city="Reno"),
        person(2, "Max", "Brandt", phones=["+13125550001"], domain="c.example", city="Reno")),
    "a shared mailbox": (
        person(1, "Ann", "Quill", email="info@c.example"), person(2, "Max", "Brandt", email="info@c.example")),
    "a name alone, elsewhere": (
        person(1, "Ada", "Zza00xq", domain="q.example", city="Reno", email="a@q.example"),
        person(2, "Ada", "Quill", domain="c.example", city="Mesa", email="b@c.example")),
}  # fmt: skip


@pytest.mark.requirement("N6")
@pytest.mark.parametrize("why", SAME)
def test_one_person_entered_twice_is_found(why: str) -> None:
    found = pairs(people(*SAME[why]))
    assert set(found) == {(1, 2)}
    assert found[1, 2]["score"] > 0.85
    assert found[1, 2]["evidence"]


@pytest.mark.parametrize("why", OTHERS)
def test_two_people_are_left_alone(why: str) -> None:
    assert pairs(people(*OTHERS[why])) == {}


def test_what_many_hold_makes_no_pairs() -> None:
    desk = {"phones": ["+13125550001"], "domain": "c.example"}
    board = [person(n, f"{chr(97 + n % 20)}xa{n}", f"Quill{n}", **desk) for n in range(60)]
    found = find(people(*board))
    assert found.pairs.is_empty()


def test_groups_hold_together_what_pairs_hold() -> None:
    told = pl.DataFrame({"a": [1, 2, 7], "b": [2, 3, 8], "score": [0.9, 0.99, 1.0]})
    groups = duplicates.groups(told)
    assert groups.rows() == [(1, 1, 3, 0.9), (2, 1, 3, 0.9), (3, 1, 3, 0.9), (7, 7, 2, 1.0), (8, 7, 2, 1.0)]


def test_an_empty_set_has_no_duplicates() -> None:
    assert find(pl.DataFrame(schema=PERSON)).pairs.is_empty()


def test_companies_are_one_by_name_domain_or_street() -> None:
    blank = dict.fromkeys(PERSON) | {"phones": []}
    rows = [
        {"uid": 1, "name": "Acme Holdings, Inc.", "domain": "acme.example", "city": "Reno"},
        {"uid": 2, "name": "ACME (Old)", "domain": "acme.example", "city": "Reno"},
        {"uid": 3, "name": "Acme Bakery", "domain": "bakery.example", "city": "Mesa"},
        *({"uid": 10 + n, "name": f"Firm {n} zx", "domain": f"f{n}.example", "city": "Reno"} for n in range(200)),
    ]
    found = find(pl.DataFrame([blank | r for r in rows], schema=PERSON), companies=True)
    assert [(r["a"], r["b"]) for r in found.pairs.iter_rows(named=True)] == [(1, 2)]


@pytest.mark.parametrize("seed", [101, 202])
def test_a_hard_set_is_told_apart_at_least_so_well(seed: int) -> None:
    """Slips, nicknames, moves, households and switchboards by a generator that the finder knows nothing of."""
    planted = plant(12_000, seed)
    named = planted.with_columns(
        name=pl.format("{} {}", "first_name", "last_name"), email=pl.col("email").str.to_lowercase()
    )
    found = find(named.select(list(PERSON)))
    precision, recall = measured(found.pairs, planted)
    print(f"seed {seed}: precision {precision:.3f}, recall {recall:.3f}")
    assert precision >= 0.95
    assert recall >= 0.94


def test_names_are_made_plain() -> None:
    frame = pl.DataFrame({"a": ["Zoë O'Brien", "  ", None, "Straße"]})
    assert frame.select(names.plain(pl.col("a")))["a"].to_list() == ["zoe obrien", None, None, "strasse"]
    formal = names.formal_names(pl.Series(["bob", "xyz"]))
    assert {("bob", "robert"), ("bob", "bob"), ("xyz", "xyz")} <= set(formal.iter_rows())
