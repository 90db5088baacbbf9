"""Who an activity speaks of: the tiers, what narrows, what is ambiguous, and never a guess."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.identity.match import PERSON_RULES, match_accounts, match_people

REFS = {
    "local_id": pl.Int64,
    "ref": pl.String,
    "email": pl.String,
    "phone": pl.String,
    "phone_plain": pl.String,
    "account_record_id": pl.Int64,
}
PEOPLE = {"record_id": pl.Int64, "external_id": pl.String, "org_id": pl.String, "account_record_id": pl.Int64}
POINTS = {"kind": pl.String, "value": pl.String, "record_id": pl.Int64}
NAMED = {"local_id": pl.Int64, "ref": pl.String, "domain": pl.String}
DECIDED = {"local_id": pl.Int64, "record_id": pl.Int64}
ANN, BOB, ANN_ID = 1, 2, "003000000000ANNAA1"
TWO = [(ANN, "p-ann", ANN_ID, 70), (BOB, "p-bob", None, 80)]
SHARED = [("phone", "+1555", ANN), ("phone", "+1555", BOB)]


def matched(
    ref: dict[str, Any], points: list[tuple[Any, ...]], people: list[tuple[Any, ...]] = TWO, decided: int | None = None
) -> dict[str, Any]:
    given_ref = {**dict.fromkeys(REFS), "local_id": 9, **ref}
    found = match_people(
        pl.DataFrame([given_ref], schema=REFS),
        pl.DataFrame(people, schema=PEOPLE, orient="row"),
        pl.DataFrame(points, schema=POINTS, orient="row"),
        pl.DataFrame([] if decided is None else [(9, decided)], schema=DECIDED, orient="row"),
    )
    assert found.height == 1
    return found.row(0, named=True)


def said(*args: Any, **kw: Any) -> tuple[int | None, str, str | None]:
    found = matched(*args, **kw)
    return found["person_record_id"], found["status"], found["rule"]


@pytest.mark.parametrize(
    ("ref", "points", "expected"),
    [
        ({"ref": ANN_ID}, [], (ANN, "unique", "id")),
        ({"ref": ANN_ID.lower()}, [], (None, "none", None)),
        ({"ref": "P-Ann"}, [], (ANN, "unique", "external_id")),
        ({"ref": "p-cyd"}, [], (None, "none", None)),
        ({"email": "a@x.example"}, [("email", "a@x.example", ANN)], (ANN, "unique", "email")),
        ({"email": "a@x.example"}, [("phone", "a@x.example", ANN)], (None, "none", None)),
        ({"phone": "+1555x2"}, [("phone", "+1555x2", BOB)], (BOB, "unique", "phone")),
        ({"phone": "+1555x2", "phone_plain": "+1555"}, [("phone", "+1555", BOB)], (BOB, "unique", "phone_plain")),
        ({}, SHARED, (None, "no_reference", None)),
        ({"account_record_id": 70}, SHARED, (None, "no_reference", None)),
    ],
)
def test_each_rule_finds_what_it_is_for(
    ref: dict[str, Any], points: list[tuple[Any, ...]], expected: tuple[Any, ...]
) -> None:
    assert said(ref, points) == expected


def test_a_shared_phone_is_ambiguous_and_lists_both() -> None:
    found = matched({"phone": "+1555"}, SHARED)
    assert (found["person_record_id"], found["status"]) == (None, "ambiguous")
    assert found["candidates"] == [{"record_id": ANN, "rule": "phone"}, {"record_id": BOB, "rule": "phone"}]


def test_the_account_narrows_a_shared_phone() -> None:
    assert said({"phone": "+1555", "account_record_id": 80}, SHARED)[:2] == (BOB, "unique")
    assert said({"phone": "+1555", "account_record_id": 99}, SHARED)[:2] == (None, "ambiguous")


def test_a_later_rule_narrows_an_earlier_one() -> None:
    mails = [("email", "desk@x.example", ANN), ("email", "desk@x.example", BOB)]
    ref = {"email": "desk@x.example", "phone": "+1777"}
    assert said(ref, mails)[1] == "ambiguous"
    assert said(ref, [*mails, ("phone", "+1777", BOB)]) == (BOB, "unique", "email")


def test_a_later_rule_never_brings_in_somebody_else() -> None:
    points = [("email", "a@x.example", ANN), ("phone", "+1777", BOB)]
    assert said({"email": "a@x.example", "phone": "+1777", "account_record_id": 80}, points) == (ANN, "unique", "email")


def test_evidence_for_one_and_evidence_for_another_is_ambiguous() -> None:
    """Ann has the phone, Bob is of the account: neither is better known than the other."""
    mails = [("email", "desk@x.example", ANN), ("email", "desk@x.example", BOB)]
    ref = {"email": "desk@x.example", "phone": "+1777", "account_record_id": 80}
    assert said(ref, [*mails, ("phone", "+1777", ANN)])[1] == "ambiguous"


def test_a_phone_with_its_extension_is_not_two_witnesses_against_an_account() -> None:
    points = [("phone", "+1555x2", ANN), ("phone", "+1555", ANN), ("phone", "+1555x2", BOB)]
    ref = {"phone": "+1555x2", "phone_plain": "+1555"}
    assert said(ref, points)[:2] == (ANN, "unique")
    assert said({**ref, "account_record_id": 80}, points)[1] == "ambiguous"


def test_what_a_person_decided_stands_over_every_rule() -> None:
    assert said({"phone": "+1555"}, SHARED, decided=BOB) == (BOB, "unique", "decided")
    assert said({"ref": ANN_ID}, [], decided=BOB) == (BOB, "unique", "decided")
    assert said({}, [], decided=BOB) == (BOB, "unique", "decided")


def test_deleted_people_are_found_by_no_rule() -> None:
    assert said({"phone": "+1555"}, SHARED, TWO[:1]) == (ANN, "unique", "phone")
    assert said({"phone": "+1555"}, SHARED, []) == (None, "none", None)


def test_a_person_with_two_links_or_a_doubled_phone_is_one_person() -> None:
    twice = [(ANN, "p-ann", ANN_ID, 70), (ANN, "p-ann", "00Q000000000ANNAA1", 70)]
    assert said({"phone": "+1555"}, [("phone", "+1555", ANN)] * 2, twice)[:2] == (ANN, "unique")


def test_at_most_twenty_candidates_are_listed_and_none_is_chosen() -> None:
    crowd = [(i, f"p-{i}", None, None) for i in range(30)]
    found = matched({"phone": "+1555"}, [("phone", "+1555", i) for i in range(30)], crowd)
    assert (found["status"], len(found["candidates"])) == ("ambiguous", 20)


def test_the_order_of_rules_is_the_caller_s() -> None:
    points = [("email", "a@x.example", ANN), ("phone", "+1555", BOB)]
    refs = pl.DataFrame([{**dict.fromkeys(REFS), "local_id": 9, "email": "a@x.example", "phone": "+1555"}], schema=REFS)
    people = pl.DataFrame(TWO, schema=PEOPLE, orient="row")
    frame = pl.DataFrame(points, schema=POINTS, orient="row")
    nothing = pl.DataFrame(schema=DECIDED)
    assert match_people(refs, people, frame, nothing, ("phone", "email"))["person_record_id"].item() == BOB
    assert match_people(refs, people, frame, nothing, ("email", "phone"))["person_record_id"].item() == ANN
    assert match_people(refs, people, frame, nothing, ("id",))["status"].item() == "none"


# --- against a plain reference

ids = st.integers(1, 5)
mail = st.sampled_from(["a@x", "b@x", "c@x"])
phone = st.sampled_from(["1", "1x2", "2", "3"])
refs = st.lists(
    st.fixed_dictionaries(
        {
            "ref": st.one_of(st.none(), st.sampled_from(["O1", "O2", "p1", "P2", "zz"])),
            "email": st.one_of(st.none(), mail),
            "phone": st.one_of(st.none(), phone),
            "account_record_id": st.one_of(st.none(), st.integers(70, 72)),
        }
    ),
    max_size=6,
)
homes = st.one_of(st.none(), st.integers(70, 72))
org_ids = st.one_of(st.none(), st.sampled_from(["O1", "O2"]))
people_of = st.dictionaries(ids, st.tuples(st.sampled_from(["p1", "p2", "p3"]), org_ids, homes), max_size=5)
points_of = st.lists(
    st.one_of(st.tuples(st.just("email"), mail, ids), st.tuples(st.just("phone"), phone, ids)), max_size=10
)


def found_by(rule: str, ref: dict[str, Any], people: dict[int, Any], points: list[Any]) -> set[int]:
    if rule == "id":
        return {i for i, (_, org_id, _) in people.items() if org_id is not None and org_id == ref["ref"]}
    if rule == "external_id":
        return {i for i, (key, _, _) in people.items() if key == (ref["ref"] or "").lower()}
    kind = "email" if rule == "email" else "phone"
    return {i for k, v, i in points if k == kind and ref[rule] is not None and v == ref[rule] and i in people}


def plainly(ref: dict[str, Any], people: dict[int, Any], points: list[Any]) -> tuple[int | None, str]:
    """The first rule that finds anybody; of those the one that has all the evidence that any of them has."""
    found = {rule: found_by(rule, ref, people, points) for rule in PERSON_RULES}
    found["account"] = {
        i for i, (_, _, home) in people.items() if home is not None and home == ref["account_record_id"]
    }
    leading = next((found[rule] for rule in PERSON_RULES if found[rule]), set())
    if not leading:
        return None, "none" if any(ref[k] is not None for k in ("ref", "email", "phone")) else "no_reference"
    evidence = {i: {rule for rule, those in found.items() if i in those} for i in leading}
    everything = set().union(*evidence.values())
    ahead = [i for i in leading if evidence[i] == everything]
    chosen = ahead or sorted(leading)
    return (chosen[0], "unique") if len(chosen) == 1 else (None, "ambiguous")


@settings(max_examples=80, deadline=None)
@given(refs, people_of, points_of)
def test_matching_is_that_of_the_reference_and_never_a_guess(
    given_refs: list[dict[str, Any]], people: dict[int, Any], points: list[Any]
) -> None:
    full = [
        {**r, "local_id": i, "phone_plain": r["phone"] and r["phone"].split("x")[0]} for i, r in enumerate(given_refs)
    ]
    result = match_people(
        pl.DataFrame(full, schema=REFS),
        pl.DataFrame([(i, *p) for i, p in people.items()], schema=PEOPLE, orient="row"),
        pl.DataFrame(points, schema=POINTS, orient="row"),
        pl.DataFrame(schema=DECIDED),
    ).sort("local_id")
    got = list(result.select("person_record_id", "status").iter_rows())
    assert got == [plainly(r, people, points) for r in full]
    for person, status, candidates in result.select("person_record_id", "status", "candidates").iter_rows():
        assert (status == "unique") == (person is not None)
        assert status != "ambiguous" or len(candidates) > 1


# --- accounts


@pytest.mark.parametrize(
    ("ref", "domain", "expected"),
    [
        ("001ACME", None, (5, "unique", "id")),
        ("001acme", None, (None, "none", None)),
        ("ACC-6", None, (6, "unique", "external_id")),
        (None, "acme.example", (5, "unique", "domain")),
        (None, "shared.example", (None, "ambiguous", "domain")),
        ("001ACME", "shared.example", (5, "unique", "id")),
        ("unknown", "acme.example", (5, "unique", "domain")),
        (None, "nobody.example", (None, "none", None)),
        (None, "gone.example", (None, "none", None)),
        (None, None, (None, "no_reference", None)),
    ],
)
def test_accounts_are_found_by_id_key_and_domain(
    ref: str | None, domain: str | None, expected: tuple[Any, ...]
) -> None:
    found = match_accounts(
        pl.DataFrame([(9, ref, domain)], schema=NAMED, orient="row"),
        pl.DataFrame(
            [(5, "acc-5", "001ACME"), (6, "acc-6", None)],
            schema={"record_id": pl.Int64, "external_id": pl.String, "org_id": pl.String},
            orient="row",
        ),
        pl.DataFrame(
            [("domain", "acme.example", 5), ("domain", "shared.example", 5), ("domain", "shared.example", 6),
             ("domain", "gone.example", 99), ("phone", "nobody.example", 5)],
            schema=POINTS,
            orient="row",
        ),
    )  # fmt: skip
    assert found.select("account_record_id", "status", "rule").rows() == [expected]
