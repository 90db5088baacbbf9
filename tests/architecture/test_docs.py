"""The documentation holds together: links lead somewhere, requirements are complete, commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
