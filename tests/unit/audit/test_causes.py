from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from core.audit import causes
from core.mapping import checks

ROOMS = ("planning", "syncing", "running")
GIVEN_AS = {"stop": 3, "left_out": 2, "Tripped": 0}
"""Functions that give a row or a plan its cause -> at which place."""


def given(tree: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """Every cause that a module gives: to `stop` and the like, as a column, or in a row's dict."""
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = GIVEN_AS.get(called)
            found += node.args[place : place + 1] if place is not None else []
            columns = [k.value for k in node.keywords if k.arg in ("cause", "_cause")]
            found += [lit.args[0] for c in columns for lit in ast.walk(c) if is_literal(lit)]
        elif isinstance(node, ast.Dict):
            found += [v for k, v in zip(node.keys, node.values, strict=True) if getattr(k, "value", "") == "cause"]
        for value in found:
            said = value.value if isinstance(value, ast.Constant) else names.get(getattr(value, "id", ""))
            if isinstance(said, str) and said:
                yield said


def is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "lit"


def constants(tree: ast.Module) -> dict[str, str]:
    """Module-level names of texts, such as ``AMBIGUOUS_ORG``."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_every_cause_that_the_code_gives_has_words_and_is_in_the_operators_guide(root: Path) -> None:
    trees = [ast.parse(p.read_text("utf-8")) for room in ROOMS for p in sorted((root / "core" / room).rglob("*.py"))]
    found = {c for tree in trees for c in given(tree, constants(tree))}
    assert {
        "left_scope", "archived", "excluded", "private", "teammates", "other_object", "no_value", "erased", "no_access",
        "ambiguous_org", "api_reserve", "ContractBroken", "in_flight", "orphan", "undo_left", "overtaken",
    } <= found  # fmt: skip
    # The org's own code where it gave none: that speaks with the org's words.
    assert found - {"UNKNOWN"} <= set(causes.CAUSES), "a row of this cause is shown without words"


def test_the_operators_guide_names_every_cause_as_the_screens_do(root: Path) -> None:
    told = (root / "docs" / "operators.md").read_text("utf-8").partition("## Causes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", told, flags=re.M)
    assert rows == [(name, c.words, c.do) for name, c in causes.CAUSES.items()]


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
