"""Every page of the console by its address, as tests and pictures visit them."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Page

LOOKS = {
    "overview": "",
    "inbox": "inbox",
    "errors": "errors",
    "runs": "runs",
    "record": "record?key={person}",
    "jobs": "jobs",
    "job-source": "job?job=calls_out&step=Source",
    "job-mapping": "job?job=calls_out&step=Mapping",
    "job-values": "job?job=calls_out&step=Values",
    "job-rules": "job?job=calls_out&step=Rules",
    "job-schedule": "job?job=calls_out&step=Schedule",
    "segments": "segments",
    "connections": "connections",
    "audit": "audit",
    "plans": "plan",
    "plan": "plan?plan={plan}",
    "budget": "budget",
    "settings": "settings",
    "settings-alerts": "settings?part=Alerts",
    "settings-roles": "settings?part=Roles",
    "settings-tokens": "settings?part=API+tokens",
    "settings-pause": "settings?part=Pause+and+session",
}
"""Name of the look -> its address; ``{person}`` and ``{plan}`` are filled in."""
_DEEP_LINKS = ("/_stcore/health", "/_stcore/host-config")
WIDE, NARROW = 1280, 390
_CALM_MS, _ICONS_MS = 150, 400
_TALLEST = 3200


class Look:
    """One browser context with a theme and a width, signed in by a one-time link."""

    def __init__(self, browser: Browser, *, theme: str = "light", width: int = WIDE) -> None:
        self.context: BrowserContext = browser.new_context(
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 900}, timezone_id="America/Chicago", locale="en-US",
        )  # fmt: skip
        self.width = width
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self._said(said.type, said.text, str(said.location.get("url", ""))))
        self.page.on("request", lambda asked: self._asked(asked.url))

    def _said(self, kind: str, text: str, where: str) -> None:
        if kind == "error" and not where.endswith(_DEEP_LINKS):
            self.complaints.append(f"{text} {where}")

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:")):
            self.elsewhere.append(url)

    def enter(self, link: str) -> Look:
        """Sign in by a one-time link."""
        self.page.goto(link)
        return self

    def open(self, url: str) -> Page:
        """Load an address and wait until it is drawn and calm."""
        self.page.goto(url)
        main = self.page.get_by_test_id("stMain")
        main.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
        self._calm()
        assert not self.page.get_by_text("Something went wrong").count(), f"{url} broke"
        return self.page

    def resize(self, width: int) -> None:
        """Make the window as wide, and wait until the page has followed."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self._calm()

    def _calm(self) -> None:
        calm = 0
        while calm < 3:
            self.page.wait_for_timeout(_CALM_MS)
            state = self.page.locator("[data-testid=stApp]").first.get_attribute("data-test-script-state")
            stale = self.page.locator("[data-stale=true]").count()
            calm = calm + 1 if state == "notRunning" and not stale else 0

    def picture(self, path: str) -> str:
        """The whole page as a picture; returns where it is."""
        height = self.page.evaluate("() => document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 900")
        self.page.set_viewport_size({"width": self.width, "height": min(max(int(height), 700), _TALLEST)})
        self.page.wait_for_timeout(_ICONS_MS)
        self.page.screenshot(path=path)
        self.page.set_viewport_size({"width": self.width, "height": 900})
        return path
