from __future__ import annotations

import polars as pl
import pytest

from console.components import times
from console.components.diffs import marked
from console.components.tables import csv_bytes
from console.components.text import code, defused, plain, safe
from core.logs import scrubbed
from tests.console.pages import FORMULA, HOSTILE, MARKS


def test_nothing_of_a_hostile_text_is_left_for_markdown() -> None:
    assert MARKS.search(HOSTILE)
    assert not MARKS.search(safe(HOSTILE))


def test_a_safe_text_reads_as_before() -> None:
    assert safe("Call Ada (41 Quay St) *now*").replace("\\", "") == "Call Ada (41 Quay St) *now*"


def test_a_safe_text_stays_on_one_line_and_ends() -> None:
    assert safe("a\n# b\r\nc") == "a \\# b c"
    assert plain("x" * 400, 10) == "x" * 9 + "…"
    assert safe(None) == ""


def test_backticks_cannot_leave_their_fence() -> None:
    assert code("a`b``c") == "``` a`b``c ```"
    assert code("003Hp00001") == "`003Hp00001`"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_is_defused(start: str) -> None:
    assert defused(f"{start}1+1") == f"'{start}1+1"


def test_numbers_and_plain_texts_are_left_alone() -> None:
    assert defused(-3) == -3
    assert defused("a=b") == "a=b"


def test_an_export_opens_without_running_anything() -> None:
    text = csv_bytes(pl.DataFrame({"subject": [FORMULA, "plain", None], "n": [-1, 2, 3]})).decode("utf-8-sig")
    lines = text.splitlines()
    assert lines[1].startswith("\"'=HYPERLINK")
    assert lines[2:] == ["plain,2", ",3"]


@pytest.mark.parametrize(
    "text",
    ["Authorization: Bearer abc123secret", "refresh_token=abc123secret", '"client_secret": "abc123secret"',
     "00DHs0000000001MAA!abc123secret", "https://x/cb?code=abc123secret&state=1"],
)  # fmt: skip
def test_secrets_do_not_reach_a_page(text: str) -> None:
    assert "abc123secret" not in scrubbed(text)


def test_a_diff_marks_only_what_changed_and_stays_text() -> None:
    old, new = marked("Wants two floors ![x](y)", "Wants three floors ![x](y)")
    assert ":red-background[two]" in old
    assert ":green-background[three]" in new
    assert "![x](" not in old + new


def test_instants_in_a_sentence_are_told_in_the_readers_zone() -> None:
    assert times.told("Next run: 2026-01-02T22:56:41Z.") == "Next run: 2 Jan 22:56."
    assert times.told("2 people could be meant.") == "2 people could be meant."
