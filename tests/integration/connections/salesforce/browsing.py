"""A scripted browser that signs in at the practice org and gives its consent."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from tests.practice import Practice


def hidden(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)}


def consent(practice: Practice, url: str, username: str, password: str, decision: str = "allow") -> dict[str, str]:
    """Go through the pages; the query with which the org sends the browser back."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.verify = practice.env["ca_file"]
        root = f"{practice.base_url}/services/oauth2/authorize"
        answer = browser.get(url, timeout=20, allow_redirects=False)
        if answer.status_code == 200:
            form = {**hidden(answer.text), "username": username, "password": password}
            answer = browser.post(f"{root}/login", data=form, timeout=20, allow_redirects=False)
            assert answer.status_code == 303, answer.text
            page = browser.get(urljoin(root, answer.headers["Location"]), timeout=20)
            form = {**hidden(page.text), "decision": decision}
            answer = browser.post(f"{root}/consent", data=form, timeout=20, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
