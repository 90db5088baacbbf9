"""Value maps against picklists and the values seen."""

from __future__ import annotations

import pytest

from core.mapping.valuemaps import doubled_targets, invert, map_state, suggest, suggest_map
from tests.unit.schema.describes import OUTCOMES


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("connected", "Connected"),
        ("voicemail", "Left Voicemail"),
        ("no_answer", "No Answer"),
        ("No-Answer", "No Answer"),
        ("meetingBooked", "Meeting Booked"),
        ("callback", "Callback Requested"),
        ("wrong_number", "Wrong Number"),
        ("banana", None),
        ("", None),
    ],
)
def test_suggestions(value: str, want: str | None) -> None:
    assert suggest(value, OUTCOMES) == want


def test_nothing_is_guessed_between_two_alike() -> None:
    assert suggest("call", ["Call back", "Call later"]) is None


def test_state_names_every_trouble() -> None:
    value_map = {"connected": "Connected", "Connected ": "Connected", "vm": "Voice Mail", "old": "No Answer"}
    found = map_state(value_map, OUTCOMES, seen=["CONNECTED", "vm", "no_answer", "", "no_answer"])
    assert found.missing == ("no_answer",)
    assert found.doubled == ("connected", "Connected ")
    assert found.unused == ("old",)
    assert found.invalid == (("vm", "Voice Mail"),)
    assert found.suggestions == (("no_answer", "No Answer"), ("vm", "Left Voicemail"))
    assert not found.complete


def test_complete_map() -> None:
    found = map_state({"a": "A", "b": ""}, ["A"], seen=["a", "B"])
    assert found.complete


def test_unknown_values_seen_tell_nothing_of_unused() -> None:
    assert map_state({"a": "A"}, ["A"]).unused == ()


def test_one_to_one_and_inversion() -> None:
    assert doubled_targets({"a": "X", "b": "x", "c": "Y"}) == {"x": ["a", "b"]}
    assert invert({"a": "X", "b": "X", "c": "Y"}) == {"X": "a", "Y": "c"}


def test_suggested_map_leaves_out_what_has_no_counterpart() -> None:
    assert suggest_map(["connected", "banana"], OUTCOMES) == {"connected": "Connected"}
