"""The walk-through, followed word by word: what is bold is clicked, what is quoted must be read."""

from __future__ import annotations

import json
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.demo_fixture import SCALE, clean_environment, demo_copy, demo_folder, demo_home, open_demo
from tests.e2e.driver import Console
from tests.e2e.stage import until

__all__ = ["demo_copy", "demo_folder", "demo_home"]
UP_SECONDS, END_SECONDS = 180.0, 40.0
_STEP = re.compile(r"^\d+\. (.*?)(?=^\d+\. |^$)", re.MULTILINE | re.DOTALL)


def steps(text: str) -> list[str]:
    """The numbered steps, each on one line."""
    return [" ".join(found.split()) for found in _STEP.findall(text)]


def follow(console: Console, step: str) -> None:
    """Do what a step says: choose where two names are bold, else click what is; then read what is quoted."""
    names = re.findall(r"\*\*(.+?)\*\*", step)
    if len(names) == 2:
        console.choose(f"{names[0]} becomes", names[1])
    elif names:
        link = console.page.get_by_role("link", name=re.compile(rf"^{names[0]}( [\d,]+)?$"))
        link.or_(console.page.get_by_role("button", name=names[0], exact=True)).first.click()
        console.settled()
    for quoted in re.findall(r"“(.+?)”", step):
        console.says(quoted)


@pytest.fixture
def demo(demo_copy: Path, tmp_path: Path, root: Path) -> Iterator[str]:
    """A demo that is running; its one-time link."""
    args = ("demo", "--json", "--port", "0", "--scale", str(SCALE), "--data-dir", str(demo_copy))
    with (tmp_path / "demo.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.cli", *args], cwd=root, env=clean_environment(), stdout=subprocess.PIPE,
            stderr=log, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], UP_SECONDS)
        line = process.stdout.readline() if ready else ""
        assert line, (tmp_path / "demo.log").read_text()[-2000:]
        yield str(json.loads(line)["console_url"])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(END_SECONDS)


@pytest.mark.needs("browser")
@pytest.mark.requirement("A14")
def test_a_newcomer_repairs_an_error(demo: str, demo_copy: Path, browser_path: str, root: Path) -> None:
    told = steps((root / "docs" / "walk-through.md").read_text(encoding="utf-8"))
    assert "(docs/walk-through.md)" in (root / "README.md").read_text(encoding="utf-8")
    ws = open_demo(demo_copy)
    held = [r["key"] for r in ws.open_rows(cause="unmapped_value", search="Gatekeeper").iter_rows(named=True)]
    assert held
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        console = Console(context, demo.partition("/open")[0], root / "build" / "e2e")
        console.page.goto(demo)
        console.settled()
        for step in told:
            follow(console, step)
        expect(console.page.get_by_role("heading", name="Errors", level=1)).to_be_visible()
        assert console.complaints == []
        browser.close()
    for _ in until(30):
        left = {r["key"] for r in ws.open_rows(cause="unmapped_value", limit=500).iter_rows(named=True)}
        if not left & set(held):
            break
    assert not left & set(held)
    assert all(ws.explain(key)["records"][0]["link"] for key in held)
