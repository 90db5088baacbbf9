from __future__ import annotations

import inspect
import re
from pathlib import Path

from core.audit import causes
from core.mapping import checks

STOPPED = re.compile(r"Outcome\.(?:HELD|WAITING|REJECTED),\s*\"(\w+)\"")


def test_every_cause_for_which_planning_stops_a_row_has_words(root: Path) -> None:
    found = {c for p in (root / "core" / "planning").glob("*.py") for c in STOPPED.findall(p.read_text())}
    assert {"ambiguous", "orphan", "conflict"} <= found
    assert found <= set(causes.CAUSES), "a row that stops for this cause is shown without words"


def test_every_problem_that_a_mapping_finds_has_words() -> None:
    written = inspect.getsource(checks)
    named = {"unmapped_value", "bad_picklist", "required_empty", "too_long", "bad_value"}
    assert {n for n in named if f'"{n}"' in written} == named <= set(causes.CAUSES)


def test_every_exception_that_ends_a_run_has_words() -> None:
    assert {"AllowanceUsed", "OrgUnreachable", "GrantRejected", "AnswerLost", "in_doubt"} <= set(causes.CAUSES)


def test_words_are_headings_and_what_to_do_is_a_sentence() -> None:
    for name, cause in causes.CAUSES.items():
        assert cause.words[0].isupper(), name
        assert not cause.words.endswith("."), name
        assert cause.do.endswith("."), name
        assert cause.heals == cause.do.startswith("Nothing:") or name == "paused", name


def test_a_status_code_of_the_org_is_not_ours() -> None:
    assert causes.known("FIELD_CUSTOM_VALIDATION_EXCEPTION") is None
