"""`make screenshots`: a picture of every page of a fresh demo into docs/images; some dark, some narrow."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from core.store.tables import Worker
from tests.conftest import browser
from tests.demo_fixture import syncline
from tests.e2e.desk import Desk
from tests.e2e.looks import LOOKS, NARROW, Look

MAKING_SECONDS = 600
PAGES = (
    *("overview", "inbox", "errors", "runs", "record", "jobs", "job-mapping", "job-values", "segments", "connections"),
    *("audit", "plan", "budget", "settings-alerts"),
)
DARK = ("overview", "errors")
_COLORS = 128
SMALL = ("overview",)


def main(folder: Path) -> None:
    """Make the demo, serve it, and take the pictures."""
    path = browser()
    if path is None:
        raise SystemExit("There is no Chromium here; `make tools` installs one on Debian.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "demo"
        made = syncline("demo", "--once", "--scale", "0.25", "--data-dir", str(home), timeout=MAKING_SECONDS)
        if made.returncode:
            raise SystemExit(made.stderr[-2000:])
        desk = Desk(home)
        try:
            desk.start(Path(scratch) / "console.log")
            with sync_playwright() as playwright:
                launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                _take(launched, desk, folder)
                launched.close()
        finally:
            desk.stop()


def _take(launched: Browser, desk: Desk, folder: Path) -> None:
    ws = desk.workspace()
    linked = ws.frames.links().filter(table_name="activity", state="active")
    filled = {"person": linked["org_id"][0], "plan": ws.plans(limit=1)["plan_id"][0]}
    # No worker runs here; the pictures show what people see beside one.
    at = datetime.now(UTC)
    with ws.database.writing() as session:
        session.add(Worker(worker_id="pictures", started_at=at, seen_at=at + timedelta(hours=1)))
        session.commit()
    ws.database.close()
    for theme, width, names in (("light", 1280, PAGES), ("dark", 1280, DARK), ("light", NARROW, SMALL)):
        look = Look(launched, theme=theme, width=width).enter(desk.fresh_link())
        for name in names:
            look.open(f"{desk.url}/{LOOKS[name].format(**filled)}")
            tail = "" if (theme, width) == ("light", 1280) else f"-{theme}" if theme == "dark" else f"-{width}"
            _small(look.picture(str(folder / f"{name}{tail}.png")))
        look.context.close()


def _small(path: str) -> None:
    """Keep the picture in few colors: a quarter of the size, and no eye sees it."""
    with Image.open(path) as full:
        few = full.convert("RGB").quantize(_COLORS)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
