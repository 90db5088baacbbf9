"""Workspaces for the pages: none, a finished demo to look at, and a copy of it to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st

from console import session
from core.settings import settings
from core.workspace import Workspace
from tests.console.pages import Page, plant
from tests.demo_fixture import copy_demo, demo_copy, demo_folder, demo_home, demo_org

__all__ = ["demo_copy", "demo_folder", "demo_home", "demo_org"]


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Workspace]]:
    """Moves the pages of this test to a data directory; returns the workspace in it."""

    def move(home: Path) -> Workspace:
        monkeypatch.setenv("SYNCLINE_HOME", str(home))
        monkeypatch.setenv("SYNCLINE_CA_FILE", str(home / "org" / "ca.pem"))
        monkeypatch.delenv("SYNCLINE_DATABASE_URL", raising=False)
        monkeypatch.delenv("SYNCLINE_WORKSPACE", raising=False)
        forget()
        return session.workspace()

    def forget() -> None:
        settings.cache_clear()
        session.forget()
        st.cache_data.clear()

    yield move
    forget()


@pytest.fixture(scope="session")
def planted_home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo with hostile texts wherever a record, a file or the org can bring one; only looked at."""
    home = copy_demo(demo_home, tmp_path_factory.mktemp("planted") / "demo")
    plant(home)
    return home


@pytest.fixture
def fresh(settle: Callable[[Path], Workspace], tmp_path: Path) -> Workspace:
    """An empty workspace, not connected."""
    return settle(tmp_path / "home")


@pytest.fixture
def looked_at(settle: Callable[[Path], Workspace], planted_home: Path) -> Workspace:
    """The demo with hostile texts in it; its org is not running. Not to be changed."""
    return settle(planted_home)


@pytest.fixture
def synced(settle: Callable[[Path], Workspace], demo_copy: Path) -> Workspace:
    """A demo of one's own; its org runs only where the test asks for ``demo_org``."""
    return settle(demo_copy)


@pytest.fixture
def page(root: Path) -> Callable[..., Page]:
    """Opens a page by name, with what its address carries."""
    return lambda name, **query: Page(root / "console" / "app_pages" / f"{name}.py", query)


@pytest.fixture
def dialog() -> Callable[..., Page]:
    """Opens a dialog by a function that calls it."""
    return lambda script, **arguments: Page(script, arguments)
