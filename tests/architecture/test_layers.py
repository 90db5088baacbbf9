"""Rooms look downward only: the contracts of pyproject.toml, checked by import-linter, and shown to bite."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOMS = (
    "console",
    "local_org",
    "core.api",
    "core.audit",
    "core.cli",
    "core.clock",
    "core.connections",
    "core.errors",
    "core.identity",
    "core.logs",
    "core.mapping",
    "core.planning",
    "core.private",
    "core.records",
    "core.running",
    "core.schema",
    "core.settings",
    "core.store",
    "core.syncing",
    "core.values",
    "core.workspace",
)


def rules(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def exists(root: Path, module: str) -> bool:
    path = root.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def without_missing(contract: dict[str, Any], root: Path) -> dict[str, Any]:
    """The contract for what is there: absent rooms fail `test_every_room_is_there`, not the check of the others."""
    prefix = f"{contract['containers'][0]}." if "containers" in contract else ""
    done = dict(contract)
    if "layers" in contract:
        kept = [[m for m in layer.split(" | ") if exists(root, prefix + m)] for layer in contract["layers"]]
        done["layers"] = [" | ".join(layer) for layer in kept if layer]
    for key in ("source_modules", "forbidden_modules"):
        if key in contract:
            done[key] = [m for m in contract[key] if m.split(".")[0] not in ("core", "console") or exists(root, m)]
    return done


def as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(v) for v in value) + "]"
    return f'"{value}"'


def lint(root: Path, config: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    here = str(cwd or root)
    code = f"import sys; sys.path.insert(0, {here!r}); from importlinter.cli import lint_imports_command as c; c()"
    arguments = ["--config", str(config), "--no-cache", "--no-logo"]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd or root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def write(target: Path, spec: dict[str, Any], contracts: list[dict[str, Any]]) -> Path:
    lines = ["[tool.importlinter]"]
    lines += [f"{key} = {as_toml(value)}" for key, value in spec.items() if key != "contracts"]
    for contract in contracts:
        lines += ["[[tool.importlinter.contracts]]", *(f"{k} = {as_toml(v)}" for k, v in contract.items())]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_there(root: Path, room: str) -> None:
    assert exists(root, room)


def test_every_room_has_its_place(root: Path) -> None:
    layers = next(c for c in rules(root)["contracts"] if c["id"] == "layers")["layers"]
    placed = {m for layer in layers for m in layer.split(" | ")}
    assert placed == set(ROOMS) - {"local_org"}
    complete = next(c for c in rules(root)["contracts"] if c["id"] == "complete")["layers"]
    assert [layer.replace("core.", "") for layer in layers[1:]] == complete


def test_rooms_look_downward_only(root: Path, tmp_path: Path) -> None:
    spec = rules(root)
    spec["root_packages"] = [m for m in spec["root_packages"] if exists(root, m)]
    contracts = [without_missing(c, root) for c in spec["contracts"]]
    result = lint(root, write(tmp_path / "rules.toml", spec, contracts))
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Contracts: {len(contracts)} kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("core/errors.py", "import core.records", "layers"),
        ("core/planning/diff.py", "import core.store", "layers"),
        ("core/store/bulk.py", "import core.connections", "layers"),
        ("core/values/dates.py", "import core.clock", "pure"),
        ("core/mapping/spec.py", "import sqlalchemy", "pure"),
        ("core/workspace/base.py", "import streamlit", "engine"),
        ("core/syncing/apply.py", "import dbos", "job-engine"),
        ("core/running/flows.py", "import simple_salesforce", "salesforce-client"),
        ("local_org/web.py", "import core.errors", "practice-org"),
        ("core/api.py", "import local_org", "product"),
        ("core/helpers.py", "", "complete"),
    ],
)
def test_a_look_the_wrong_way_is_found(root: Path, tmp_path: Path, module: str, line: str, broken: str) -> None:
    for room in ROOMS:
        folder = tmp_path.joinpath(*room.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    (tmp_path / "core" / "__init__.py").touch()
    path = tmp_path / module
    if path.with_suffix("").is_dir():
        path = path.with_suffix("") / "__init__.py"
    path.write_text(line + "\n", encoding="utf-8")
    spec = rules(root)
    result = lint(root, write(tmp_path / "rules.toml", spec, spec["contracts"]), cwd=tmp_path)
    names = {c["name"]: c["id"] for c in spec["contracts"]}
    found = {names[name] for name in re.findall(r"^(.+?) BROKEN", result.stdout, flags=re.M)}
    assert result.returncode == 1
    assert broken in found, result.stdout + result.stderr
