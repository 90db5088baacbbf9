"""What was edited while in doubt is known again by whom it is about, or by everything else."""

from __future__ import annotations

from typing import Any

from core.syncing.settle import pair_edited


def task(who: str, text: str, length: str = "1") -> dict[str, Any]:
    return {"WhoId": who, "WhatId": None, "Description": text, "Length": length}


def test_as_many_with_one_person_are_paired_the_most_alike_first() -> None:
    sent = {1: task("A", "one", "10"), 2: task("A", "two", "20")}
    there = {"T1": task("A", "edited", "20"), "T2": task("A", "edited too", "10")}
    assert pair_edited(sent, {}, there) == ({1: "T2", 2: "T1"}, False)


def test_nothing_with_that_person_never_arrived() -> None:
    assert pair_edited({1: task("A", "one")}, {}, {"T1": task("B", "other", "2")}) == ({}, False)


def test_what_was_given_to_another_person_is_known_by_the_rest() -> None:
    assert pair_edited({1: task("A", "one")}, {}, {"T1": task("B", "one")}) == ({1: "T1"}, False)


def test_where_the_counts_differ_it_cannot_be_told() -> None:
    sent = {1: task("A", "one"), 2: task("A", "two")}
    assert pair_edited(sent, {}, {"T1": task("A", "edited")}) == ({}, True)
    assert pair_edited({1: sent[1]}, {}, {"T1": task("A", "x"), "T2": task("A", "y")}) == ({}, True)


def test_a_group_that_is_torn_may_be_told_by_the_rest() -> None:
    sent = {1: task("A", "one"), 2: task("A", "two")}
    there = {"T1": task("A", "one"), "T2": task("B", "two")}
    assert pair_edited(sent, {}, there) == ({1: "T1", 2: "T2"}, False)


def test_what_another_batch_sent_counts_as_well() -> None:
    there = {"T1": task("A", "edited")}
    assert pair_edited({1: task("A", "one")}, {-1: task("A", "two")}, there) == ({}, True)
    both = there | {"T2": task("A", "two more", "9")}
    found, unclear = pair_edited({1: task("A", "one", "1")}, {-1: task("A", "two", "9")}, both)
    assert (found, unclear) == ({1: "T1"}, False)
