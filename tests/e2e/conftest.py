"""The stage and the browser of the story; both live for the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.driver import Console
from tests.e2e.stage import Stage


@pytest.fixture(scope="module")
def pictures(root: Path) -> Path:
    """Where the pictures are kept as artifacts."""
    folder = root / "build" / "e2e"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    return folder


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Stage]:
    """Practice org, worker and console, on an empty database."""
    stage = Stage(tmp_path_factory.mktemp("story"))
    try:
        stage.start(pictures / "up.log")
        yield stage
    finally:
        stage.stop()


@pytest.fixture(scope="module")
def console(stage: Stage, browser_path: str, pictures: Path) -> Iterator[Console]:
    """The console in a real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--ignore-certificate-errors"]
        )
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, ignore_https_errors=True, accept_downloads=True
        )
        yield Console(context, stage.url, pictures)
        browser.close()
