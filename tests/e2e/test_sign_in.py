"""A team signs in to the console with its own identity provider; roles decide who gets in and what they may do."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect, sync_playwright

from console import signin
from core.errors import UsageError
from core.settings import Settings
from core.workspace import open_workspace
from tests.demo_fixture import clean_environment, free_port
from tests.e2e.driver import Console
from tests.e2e.provider import CLIENT_ID, CLIENT_SECRET, Provider

ADA, BEN, EVE = "Ada@Team.example", "ben@team.example", "eve@team.example"
SECONDS = 60


def configured(provider: str, port: int) -> dict[str, str]:
    """What an admin writes for Streamlit's sign-in."""
    return {
        "redirect_uri": f"http://localhost:{port}/oauth2callback",
        "cookie_secret": secrets.token_hex(32),
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "server_metadata_url": f"{provider}/.well-known/openid-configuration",
    }


def secrets_file(home: Path, section: dict[str, str]) -> None:
    lines = ["[auth]", *(f"{k} = {json.dumps(v)}" for k, v in section.items())]
    (home / ".streamlit").mkdir(exist_ok=True)
    (home / ".streamlit" / "secrets.toml").write_text("\n".join(lines) + "\n")


def console_process(home: Path, root: Path, port: int, *args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "console.server", "--port", str(port), "--print-url", *args], cwd=home, text=True,
        env=clean_environment(
            **{
                "SYNCLINE_HOME": str(home), "PYTHONPATH": str(root),
                "SYNCLINE_PUBLIC_URL": f"http://localhost:{port}", **env,
            }
        ),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[dict[str, Any]]:
    """A console with sign-in, the provider, and a workspace in which Ada is an admin."""
    home, port = tmp_path_factory.mktemp("team"), free_port()
    provider = Provider({ADA: True, BEN: True, EVE: False}).start()
    secrets_file(home, configured(provider.url, port))
    ws = open_workspace(actor="operator", config=Settings(home=home, database_url=""))
    ws.set_role(ADA, "admin")
    process = console_process(home, root, port)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield {"url": str(said["console_url"]), "ws": ws, "provider": provider}
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
        provider.stop()


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield started
        started.close()


def arrive(browser: Browser, url: str, email: str, pictures: Path) -> Console:
    """Open the console and sign in by the provider's page."""
    console = Console(browser.new_context(viewport={"width": 1280, "height": 800}), url, pictures)
    console.page.goto(url)
    console.says("Sign in with your team's account")
    expect(console.page.get_by_role("link", name="Jobs")).to_have_count(0)
    console.page.get_by_role("button", name="Sign in").click()
    console.page.get_by_role("link", name=email).click()
    console.page.wait_for_url(f"{url}/**")
    return console


@pytest.mark.needs("browser")
@pytest.mark.requirement("X25")
def test_a_team_signs_in_and_roles_decide_who_gets_in(team: dict[str, Any], browser: Browser, root: Path) -> None:
    pictures = root / "build" / "e2e-sign-in"
    pictures.mkdir(parents=True, exist_ok=True)
    ada = arrive(browser, team["url"], ADA, pictures)
    ada.settled().open("settings", part="Pause and session").says(
        "You are signed in as ada@team.example, with the role admin."
    )
    ada.page.get_by_role("button", name="Pause writes").click()
    ada.says("Paused by ada@team.example")
    assert team["ws"].row().paused_by == "ada@team.example"

    ben = arrive(browser, team["url"], BEN, pictures)
    ben.says("You have no role here yet")
    ben.page.screenshot(path=pictures / "no-role.png")
    assert "Overview" not in ben.text()
    team["ws"].set_role(BEN, "viewer")
    ben.open("settings", part="Pause and session").says("You are signed in as ben@team.example, with the role viewer.")
    ben.page.get_by_role("button", name="Resume writes").click()
    ben.says("needs the role admin")
    assert team["ws"].row().is_paused

    eve = arrive(browser, team["url"], EVE, pictures)
    eve.says("no verified e-mail address")

    ada.page.get_by_role("button", name="Sign out").click()
    ada.says("Sign in with your team's account")
    team["ws"].set_role(BEN, None)
    ben.page.reload()
    ben.says("You have no role here yet")
    assert team["provider"].challenged == 3, "every sign-in proves itself by PKCE"
    own = [c for c in (*ada.complaints, *ben.complaints, *eve.complaints) if c.startswith(team["url"])]
    assert own == [], "the provider's page may complain of its icon, the console may not"


@pytest.mark.requirement("X25")
def test_the_gate_still_holds_host_origin_and_tokens(team: dict[str, Any]) -> None:
    url = team["url"]
    assert requests.get(url, timeout=SECONDS, headers={"Host": "evil.example"}).status_code == 403
    assert (
        requests.post(f"{url}/oauth/begin", timeout=SECONDS, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
    assert requests.get(f"{url}/api/v1/jobs", timeout=SECONDS).status_code == 401


@pytest.mark.requirement("X25")
@pytest.mark.parametrize(
    ("changes", "public", "words"),
    [
        ({"client_secret": ""}, "http://localhost:8501", "lacks client_secret"),
        ({"cookie_secret": "short"}, "http://localhost:8501", "too short to be safe"),
        ({"redirect_uri": "https://elsewhere.example/oauth2callback"}, "http://localhost:8501", "is not where"),
        ({"redirect_uri": "http://sync.example/oauth2callback"}, "http://sync.example", "can be read on the way"),
        ({}, "http://localhost:8501", ""),
        ({"redirect_uri": "https://sync.example/oauth2callback"}, "https://sync.example/", ""),
    ],
)
def test_an_unsafe_sign_in_is_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], public: str, words: str
) -> None:
    monkeypatch.setattr(signin.st, "secrets", {"auth": {**configured("https://id.example", 8501), **changes}})
    if not words:
        signin.check(public)
        return
    with pytest.raises(UsageError, match=words) as refused:
        signin.check(public)
    assert CLIENT_SECRET not in refused.value.sentence()


@pytest.mark.requirement("X25")
def test_an_unsafe_sign_in_is_refused_before_anybody_uses_it(tmp_path: Path, root: Path) -> None:
    port = free_port()
    secrets_file(tmp_path, configured("http://127.0.0.1:9", port) | {"cookie_secret": "short"})
    process = console_process(tmp_path, root, port, "--address", "0.0.0.0")
    said, complained = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (2, "")
    assert "too short to be safe" in complained
