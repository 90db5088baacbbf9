"""First chapter: from the one-time link to a connected org, through the org's own pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.driver import Console
from tests.e2e.stage import Stage


def open_the_link(console: Console, stage: Stage) -> None:
    """The link opens the console once; the first page says what to do first."""
    console.page.goto(stage.link)
    console.settled()
    console.says("Nothing is connected yet.")
    console.says("Connect an org")
    console.picture("01-overview-fresh")
    console.go("Jobs")
    console.says("A job needs an org: its fields, users and records.")
    console.go("Connections")
    console.says("Connect an org below.")
    console.picture("02-connections-fresh")


def prepare(console: Console, address: str, client_id: str, secret: str = "") -> Page:
    """Fill in the form, and follow its link to the org's own page, which opens in a tab of its own."""
    console.fill("My Domain address", address)
    console.fill("Client id (consumer key)", client_id)
    console.fill("Client secret (consumer secret)", secret)
    console.press("Prepare sign-in")
    console.says(f"Ready to sign in at {urlsplit(address).netloc}")
    with console.page.context.expect_page() as opened:
        console.page.get_by_role("link", name="Continue to Salesforce").click()
    opened.value.wait_for_load_state()
    return opened.value


def refuse_a_wrong_host(console: Console, client_id: str) -> str:
    """A host that nobody allowed is refused in one sentence, before anything is sent to it."""
    answer = prepare(console, "https://crm.example.com", client_id)
    said = _refusal(console, answer)
    assert "crm.example.com" in said
    answer.close()
    return said


def _refusal(console: Console, answer: Page) -> str:
    """What the box on Connections says in the tab that came back."""
    box = answer.get_by_test_id("stMarkdown").filter(has_text="Not connected").first
    expect(box).to_be_visible()
    assert urlsplit(answer.url).netloc == urlsplit(console.url).netloc
    said = box.inner_text().strip()
    assert "Traceback" not in said
    return said


def allow_the_host(console: Console, host: str) -> None:
    """An admin lists a host of the company's own."""
    console.page.get_by_text("Allow another sign-in host").click()
    console.fill("Host (name or name:port)", host)
    console.press("Allow")
    console.says(f"{host} may be signed in to now.")


def sign_in(console: Console, stage: Stage, *, allow: bool) -> Page:
    """Sign in on the org's login page and decide on its consent page; the tab that came back."""
    user = next(u for u in stage.org.env["users"] if u["profile"].startswith("Integration") and u["active"])
    env = stage.org.env
    org = prepare(console, env["login_url"], env["client_id"], env["client_secret"])
    if org.get_by_label("Username").count():
        org.get_by_label("Username").fill(user["username"])
        org.get_by_label("Password").fill(user["password"])
        org.get_by_role("button", name="Log In").click()
    expect(org.get_by_role("button", name="Deny")).to_be_visible()
    org.screenshot(path=console.pictures / "03-consent.png")
    org.get_by_role("button", name="Allow" if allow else "Deny").click()
    org.wait_for_url(f"{console.url}/**")
    return org


def refuse_consent(console: Console, stage: Stage) -> str:
    """Consent that was refused is told in one sentence, with what to do."""
    back = sign_in(console, stage, allow=False)
    said = _refusal(console, back)
    assert "access_denied" not in said or len(said.split()) > 5
    back.close()
    return said


def connect(console: Console, stage: Stage) -> None:
    """From the first card of the Overview; with consent the connection stands, in the tab that came back."""
    console.open()
    with console.journey("connect an org", most=5):
        console.press("Open")
        came_back = sign_in(console, stage, allow=True)
        console.page.close()
        console.page = came_back
        console.settled()
        console.says("Connected.")
    console.says(str(stage.org.env["org_id"]))
    console.picture("04-connections-connected")
