"""The documentation holds together: links lead somewhere, requirements are complete, commands exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tables import one_of, table

FAMILIES = {"T": 20, "O": 21, "A": 15, "R": 7, "S": 6, "X": 30, "N": 12}
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
PAGES = (
    "architecture",
    "connecting",
    "decision-table",
    "glossary",
    "operators",
    "plan-lifecycle",
    "requirements",
    "salesforce",
    "security",
    "adr/0001-stack",
    "adr/0002-staging-file",
    "adr/0003-runs-are-rows",
)


def documents(root: Path) -> list[Path]:
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_there(root: Path, page: str) -> None:
    assert (root / "docs" / f"{page}.md").read_text(encoding="utf-8").startswith("# ")


def test_every_link_leads_somewhere(root: Path) -> None:
    broken: list[str] = []
    for path in documents(root):
        for _image, target in LINK.findall(path.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            goal = (path.parent / name).resolve() if name else path
            if not goal.exists() or (anchor and anchor not in anchors(goal)):
                broken.append(f"{path.relative_to(root)} -> {target}")
    assert not broken


def test_the_requirements_are_complete(root: Path) -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) \| (.+) \|$", (root / "docs/requirements.md").read_text("utf-8"), flags=re.M)
    assert [i for i, _ in rows] == [f"{family}{n}" for family, count in FAMILIES.items() for n in range(1, count + 1)]
    assert all(len(text) > 30 and text.endswith((".", ")")) for _, text in rows)


def test_requirements_refer_to_each_other_by_ids_that_exist(root: Path) -> None:
    text = (root / "docs/requirements.md").read_text("utf-8")
    ids = set(re.findall(r"^\| ([A-Z]\d+) \|", text, flags=re.M))
    assert set(re.findall(r"\b([TOARSXN]\d{1,2})\b", text)) == ids


def test_documents_name_only_targets_that_make_knows(root: Path) -> None:
    known = set(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text("utf-8"), flags=re.M))
    for path in documents(root):
        named = set(re.findall(r"`make ([a-z][a-z-]*)", path.read_text("utf-8")))
        assert named <= known, path.name


def test_every_target_of_make_explains_itself(root: Path) -> None:
    text = (root / "Makefile").read_text("utf-8")
    phony = set(re.findall(r"^\.PHONY: (.+)$", text, flags=re.M)) - {"tools"}
    assert phony == set(re.findall(r"^([a-z][a-z-]*):.*## ", text, flags=re.M))


def test_ci_runs_the_suite_and_nothing_else(root: Path) -> None:
    path = root / ".ci" / "run"
    lines = path.read_text("utf-8").splitlines()
    assert lines[-1] == "exec make test"
    assert path.stat().st_mode & 0o100


def test_the_moves_of_a_run_are_those_of_the_code(root: Path) -> None:
    from core.records import RUN_MOVES

    rows = table(root / "docs/plan-lifecycle.md", "## States of a run")
    written = {row["from"]: {word.strip("`") for word in one_of(row["to"]) if word} for row in rows}
    assert written == {state.value: {to.value for to in moves} for state, moves in RUN_MOVES.items()}


def test_the_outcomes_are_those_of_the_code(root: Path) -> None:
    from core.records import Outcome

    words = {w for row in table(root / "docs/glossary.md", "## What becomes of a row") for w in one_of(row["outcome"])}
    assert words == {outcome.value.replace("_", " ") for outcome in Outcome}


def test_the_layers_are_those_of_the_rules(root: Path) -> None:
    rules = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(c for c in rules if c["id"] == "layers")["layers"]
    assert "\n".join(layers) in (root / "docs/architecture.md").read_text("utf-8")


def test_the_stack_names_every_dependency_at_its_locked_release(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[\[<>=~! ]", d)[0] for d in project["dependencies"]}
    rows = {row["package"]: row["release"] for row in table(root / "docs/adr/0001-stack.md", "## Decision")}
    lock = (root / "requirements.lock").read_text("utf-8")
    assert rows.keys() == names
    assert [n for n, v in rows.items() if not re.search(rf"^{n}(\[.*\])?=={re.escape(v)}\b", lock, flags=re.M)] == []


def test_the_environment_is_documented(root: Path) -> None:
    from core.settings import Settings

    text = (root / "docs/operators.md").read_text("utf-8")
    assert [name for name in Settings.model_fields if f"`SYNCLINE_{name.upper()}`" not in text] == []
