"""Drives the console as a person does, by roles and visible texts, and writes down what a browser would complain of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as BrowserTimeout

from tests.e2e.stage import until

HOSTILE_ADDRESS = "127.0.0.1:9"
TALL = 3000
ICONS_MS = 400
PATIENCE_MS = 60_000
ROW, FROM_THE_END = 35, 45
SHORT_MS = 3_000
A_MOMENT_MS = 100
_JOINER = "\u2060"
_DEEP_LINKS = ("/_stcore/health", "/_stcore/host-config")
_TELL_CLICKS = "addEventListener('pointerdown', e => e.isTrusted && window.syncline_clicked(), true)"
_MENUS = {
    "Configure": ("Jobs", "Segments", "Connections"),
    "Account for": ("Audit", "Plans", "API budget", "Settings"),
}


class Console:
    """The console in one browser tab."""

    def __init__(self, context: BrowserContext, url: str, pictures: Path) -> None:
        self.url = url
        self.pictures = pictures
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self.asked_elsewhere: list[str] = []
        self.journeys: dict[str, int] = {}
        self._clicks = 0
        self._journey = ""
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        context.on("page", self._listen)
        context.expose_binding("syncline_clicked", lambda source: self._clicked(source["page"].url))
        context.add_init_script(_TELL_CLICKS)
        self.page = context.new_page()

    def _listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._said(page, said))
        page.on("dialog", self._dialog)
        page.on("request", lambda asked: self._asked(asked.url))

    def _said(self, page: Page, said: Any) -> None:
        where = str(said.location.get("url", ""))
        if said.type == "error" and not where.endswith(_DEEP_LINKS):
            self.complaints.append(f"{page.url}: {said.text} {where}")

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        if HOSTILE_ADDRESS in url.split("/")[2:3]:
            self.asked_elsewhere.append(url)

    # How much it takes

    def _clicked(self, url: str) -> None:
        if url.startswith(self.url):
            self._clicks += 1

    @contextmanager
    def journey(self, name: str, most: int) -> Iterator[Console]:
        """A way through the console in at most so many clicks, as the browser itself counts them.

        No address may be typed meanwhile; a field is clicked into, or reached with Tab from the one before. What is
        clicked on the org's own pages does not count.
        """
        self._clicks, self._journey = 0, name
        try:
            yield self
        finally:
            self._journey = ""
        self.journeys[name] = self._clicks
        self.picture(f"journey-{name.replace(' ', '-')}")
        told = json.dumps(self.journeys, indent=1)
        (self.pictures / "journeys.json").write_text(told, encoding="utf-8")
        assert self._clicks <= most, f"{name} took {self._clicks} clicks, of at most {most}"

    # Where

    def open(self, name: str = "", **query: str) -> Console:
        """Load a page by its address, and wait until it is drawn."""
        assert not self._journey, f"{self._journey}: nobody types addresses"
        self.page.goto(f"{self.url}/{name}{f'?{urlencode(query)}' if query else ''}")
        return self.settled()

    def go(self, title: str) -> Console:
        """Go to a page by the navigation; titles may carry a count, and some are in a menu."""
        for menu, titles in _MENUS.items():
            if title in titles:
                self.page.get_by_test_id("stHeader").get_by_text(menu, exact=True).click()
        words = re.compile(rf"{title}( [\d,]+)?$")
        self.page.get_by_role("link", name=words).or_(self.page.get_by_role("menuitem", name=words)).first.click()
        expect(self.page.get_by_test_id("stMain").get_by_role("heading", name=title, level=1)).to_be_visible()
        return self.settled()

    def settled(self) -> Console:
        """Wait until the page is drawn and nothing of it is still being computed; live parts may go on."""
        main = self.page.get_by_test_id("stMain")
        expect(main.get_by_role("heading", level=1).or_(main.get_by_text("Something went wrong")).first).to_be_visible()
        self.page.wait_for_timeout(A_MOMENT_MS)
        calm = 0
        for _ in until(PATIENCE_MS / 1000, every=0.15):
            calm = calm + 1 if not self._is_busy() else 0
            if calm == 3:
                break
        return self._sound()

    def _sound(self) -> Console:
        """No page may break; where one does, its details are what the test should tell."""
        broken = self.page.get_by_text("Something went wrong")
        if broken.count():
            details = self.page.get_by_text("Details for support")
            if details.count():
                details.first.click()
            raise AssertionError(f"{self.page.url} broke: {self.text()}")
        return self

    def _is_busy(self) -> bool:
        state = self.page.locator("[data-testid=stApp]").first.get_attribute("data-test-script-state")
        return state != "notRunning" or self.page.locator("[data-stale=true]").count() > 0

    # What is there

    def says(self, text: str | re.Pattern[str], *, seconds: float = PATIENCE_MS / 1000) -> Locator:
        """Wait for a text on the page."""
        wanted = text if isinstance(text, re.Pattern) else re.compile(f"{_JOINER}?".join(map(re.escape, text)))
        found = (
            self.page.get_by_test_id("stMain")
            .or_(self.page.get_by_role("dialog"))
            .get_by_text(wanted)
            .filter(visible=True)
            .first
        )
        expect(found).to_be_visible(timeout=seconds * 1000)
        return found

    def text(self) -> str:
        """All that can be read on the page, but for what is drawn in tables."""
        return self.page.locator("body").inner_text().replace(_JOINER, "")

    def comes_to_say(self, *texts: str) -> str:
        """Wait until the page, as it is, says all of these."""
        said = ""
        for _ in until(PATIENCE_MS / 1000):
            said = self.text()
            if all(text in said for text in texts):
                return said
        raise AssertionError(f"{self.page.url} does not say {texts}: {said[:3000]}")

    def cells(self) -> str:
        """What the tables on the page hold; they are drawn, and their texts are there for screen readers."""
        return "\n".join(self.page.locator("[data-testid=stDataFrame] canvas td").all_text_contents())

    def shows(self, *texts: str) -> Console:
        """Wait until the page, its tables included, shows all of these."""
        said = ""
        for _ in until(PATIENCE_MS / 1000):
            said = self.cells() + self.text()
            if all(text in said for text in texts):
                return self
        raise AssertionError(f"{self.page.url} does not show {[t for t in texts if t not in said]}: {said[:3000]}")

    # What a person does

    def press(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> Console:
        """Press a button."""
        place = within or self.page.get_by_role("dialog").or_(self.page.get_by_test_id("stMain"))
        button = place.get_by_role("button", name=name, exact=isinstance(name, str) and len(name) < 12).first
        expect(button).to_be_enabled()
        button.click()
        return self.settled()

    def fill(self, label: str, text: str) -> Console:
        """Type into a field and leave it."""
        field = self.page.get_by_role("textbox", name=label, exact=True).first
        if self._journey:
            if not field.evaluate("e => e === document.activeElement"):
                field.click()
            field.press_sequentially(text)
        else:
            field.fill(text)
        field.press("Tab")
        return self.settled()

    def choose(self, label: str | re.Pattern[str], option: str) -> Console:
        """Choose in a select: type what to look for, and click it; long lists are drawn only where one looks.

        A page that is drawn anew meanwhile closes the list; then a person tries again, and so does this.
        """
        for _ in until(PATIENCE_MS / 1000):
            box = self.page.get_by_role("combobox", name=label).first
            try:
                box.click()
                box.fill(option)
                self.page.get_by_role("option", name=option).first.click(timeout=SHORT_MS)
            except BrowserTimeout:
                self.settled()
                continue
            return self.settled()
        raise AssertionError(f"{label}: {option} cannot be chosen")

    def press_in_row(self, verb: str, *, row: int) -> Console:
        """Press the button at the end of a row of the table; it is drawn, so it is pressed where it is seen."""
        table = self.page.get_by_test_id("stDataFrame").first
        table.scroll_into_view_if_needed()
        expect(table.locator("canvas td", has_text=verb).first).to_be_attached()
        box = table.bounding_box()
        assert box is not None
        table.click(position={"x": box["width"] - FROM_THE_END, "y": ROW * (row + 1.5)})
        return self.settled()

    def step(self, name: str) -> Console:
        """Go to a step of the job editor."""
        self.page.get_by_role("radio", name=re.compile(rf"{name}$")).or_(
            self.page.get_by_test_id("stButtonGroup").get_by_role("button", name=re.compile(rf"{name}$"))
        ).first.click()
        return self.settled()

    # What is kept

    def picture(self, name: str) -> Path:
        """Keep a picture of the whole page as an artifact of the test."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        size = self.page.viewport_size or {"width": 1440, "height": 900}
        height = self.page.evaluate("() => document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 900")
        self.page.set_viewport_size({"width": size["width"], "height": min(max(int(height), 900), TALL)})
        self.page.wait_for_timeout(ICONS_MS)
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)
        return path
