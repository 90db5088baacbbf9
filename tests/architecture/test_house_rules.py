"""Manners that no linter knows: names of modules, where SQL and HTML may be written, what files may not mention."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CODE = ("core", "console", "local_org")
PURE = ("planning", "identity", "mapping", "schema", "values")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "service", "services", "misc"}
SQL = re.compile(r"^\s*(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|create\s+table)\b", re.I | re.S)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root|work|mnt|workspaces?)/[\w.-]+")
INDEX = re.compile(
    r"(?:--(?:extra-)?index"
    + r"-url|--find"
    + r"-links|--trusted-host)\b|https?://[\w.-]*(?:py"
    + r"pi|pythonhosted)[\w.-]*"
)
LATE_WORK = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}


def modules(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders or CODE:
        yield from sorted((root / folder).rglob("*.py"))


def project_files(root: Path) -> list[Path]:
    """What git tracks or would track: everything that is not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if listing.returncode:
        hidden = {".git", ".venv", "build", "__pycache__"}
        files = [p for p in root.rglob("*") if p.is_file() and not hidden & set(p.parts)]
    else:
        files = [root / name for name in listing.stdout.splitlines()]
    return [p for p in files if p.is_file() and p.stat().st_size < 5_000_000]


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    for path in project_files(root):
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def staged_names(tree: ast.AST) -> set[str]:
    """Variables that hold the name of a staged table, which the store itself made up."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Attribute) and node.value.func.attr == "stage"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def is_ours(part: ast.expr, names: set[str]) -> bool:
    return isinstance(part, ast.Constant) or (
        isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) and part.value.id in names
    )


def sql_made_of_pieces(tree: ast.AST) -> Iterator[int]:
    """Lines with SQL put together by f-string, +, % or format() from more than names of staged tables."""
    names = staged_names(tree)
    for node in ast.walk(tree):
        first: ast.expr | None = None
        if isinstance(node, ast.JoinedStr) and not all(is_ours(v, names) for v in node.values):
            text = "".join(v.value if isinstance(v, ast.Constant) else "x" for v in node.values)
            first = ast.Constant(text)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            first = node.left
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            first = node.func.value
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and SQL.match(first.value):
            yield node.lineno if hasattr(node, "lineno") else 0


def unsafe_html(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        asks = any(k.arg in {"unsafe_allow_html", "unsafe_allow_javascript"} for k in node.keywords)
        function = ast.unparse(node.func)
        if asks or function in {"st.html", "components.html", "components.v1.html", "st.components.v1.html"}:
            yield node.lineno


def clock_reads(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).split(".")[-1]
            if (owner, node.func.attr) in CLOCKS:
                yield node.lineno


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def named(root: Path, found: list[tuple[Path, object]]) -> list[str]:
    return [f"{path.relative_to(root)}: {what}" for path, what in found]


def test_no_module_has_a_vague_name(root: Path) -> None:
    found = [(p, "says nothing") for p in modules(root) if {p.stem, p.parent.name} & VAGUE]
    assert not named(root, found)


def test_every_module_says_what_it_does(root: Path) -> None:
    found = [(p, "no opening sentence") for p in modules(root) if p.stat().st_size and not ast.get_docstring(parse(p))]
    assert not named(root, found)


def test_every_folder_of_modules_is_a_package(root: Path) -> None:
    found = [
        (p, "no __init__.py")
        for p in modules(root)
        if p.parent.name != "versions" and not (p.parent / "__init__.py").exists()
    ]
    assert not named(root, found)


def test_the_console_writes_no_html(root: Path) -> None:
    found = [(p, line) for p in modules(root, "console") for line in unsafe_html(parse(p))]
    assert not named(root, found)


def test_the_console_keeps_its_pages_in_app_pages(root: Path) -> None:
    assert not (root / "console" / "pages").exists()


def test_sql_is_put_together_where_sets_are_worked_on_only(root: Path) -> None:
    """In store and syncing names of tables and columns may be put in, each time under ruff's eye (S608)."""
    rooms = [p for p in modules(root, "core", "console") if p.relative_to(root).parts[1] not in ("store", "syncing")]
    found = [(p, line) for p in rooms if "soql" not in {*p.parts, p.stem} for line in sql_made_of_pieces(parse(p))]
    assert not named(root, found)


def test_rooms_that_decide_read_no_clock(root: Path) -> None:
    rooms = [p for room in PURE for p in modules(root, f"core/{room}")]
    assert not named(root, [(p, line) for p in rooms for line in clock_reads(parse(p))])


@pytest.mark.parametrize(
    ("code", "finds"),
    [
        ('f"select a from {t}"', sql_made_of_pieces),
        ('t = batch.stage(f)\nbatch.read(f"select a from {t} where b = {c}")', sql_made_of_pieces),
        ('"delete from t where a = %s" % a', sql_made_of_pieces),
        ('"insert into " + t', sql_made_of_pieces),
        ('"update t set a = {}".format(a)', sql_made_of_pieces),
        ("st.markdown(x, unsafe_allow_html=True)", unsafe_html),
        ("st.html(x)", unsafe_html),
        ("datetime.now(UTC)", clock_reads),
        ("datetime.date.today()", clock_reads),
    ],
)
def test_the_finders_find(code: str, finds: object) -> None:
    assert callable(finds)
    assert list(finds(ast.parse(code)))


def test_names_of_staged_tables_may_stand_in_sql() -> None:
    assert not list(sql_made_of_pieces(ast.parse('t = batch.stage(f)\nbatch.read(f"select a from {t}")')))


def test_no_file_names_an_index_or_a_machine_path(root: Path) -> None:
    mine = Path(__file__).resolve()
    found: list[tuple[Path, object]] = []
    for path, text in texts(root):
        if path.resolve() == mine:
            continue
        found += [(path, hit.group()) for rule in (INDEX, MACHINE_PATH) for hit in rule.finditer(text)]
    assert not named(root, found)


def test_the_finders_of_addresses_find() -> None:
    assert INDEX.search("--index" + "-url x")
    assert INDEX.search("https://files.pythonhosted" + ".org/x")
    assert MACHINE_PATH.search('path = "/home/somebody"')
    assert not MACHINE_PATH.search("https://example.com/home/page")


def test_nothing_is_left_for_later(root: Path) -> None:
    found = [
        (p, hit.group()) for p, text in texts(root) if p.suffix in {".py", ".md"} for hit in LATE_WORK.finditer(text)
    ]
    assert not named(root, found)


def test_notebooks_carry_no_outputs_and_import_core_only(root: Path) -> None:
    import json

    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        assert all(not c["outputs"] and c["execution_count"] is None for c in cells), path.name
        source = "\n".join("".join(c["source"]) for c in cells)
        assert not re.search(r"^\s*(?:from|import)\s+(?:console|local_org|core\.\w)", source, flags=re.M), path.name


def test_top_level_holds_what_belongs_there(root: Path) -> None:
    allowed = {
        *(".ci", ".gitattributes", ".gitignore", ".streamlit"),
        *("CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml"),
        *("benchmarks", "console", "core", "docs", "local_org", "notebooks", "tests"),
        *("requirements.lock", "requirements-dev.lock", "requirements-lab.lock"),
    }
    there = {path.relative_to(root).parts[0] for path in project_files(root)}
    assert there <= allowed
