"""Walks an org's login and consent pages as a browser would, so that the demo connects through the real sign-in."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from core.errors import SignInError

STEPS = 12


class _Form(HTMLParser):
    """The first form of a page: where it goes, its fields with values, its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attrs}
        if tag == "form" and not self.action:
            self.action, self._is_open = found.get("action", ""), True
        if self._is_open and tag == "input" and found.get("name"):
            self.fields[found["name"]] = found.get("value", "")
        if self._is_open and tag == "button" and found.get("name"):
            self.buttons.append((found["name"], found.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False


def sign_in(url: str, username: str, password: str, ca_file: str, redirect: str) -> dict[str, str]:
    """Sign in, allow access, and return the query with which the org would send the browser back.

    Raises:
        SignInError: the pages did not lead to the callback.
    """
    with requests.Session() as browser:
        browser.trust_env = False
        browser.verify = ca_file
        answer = browser.get(url, allow_redirects=False, timeout=30)
        for _ in range(STEPS):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if target.startswith(redirect):
                    return dict(parse_qsl(urlsplit(target).query))
                answer = browser.get(target, allow_redirects=False, timeout=30)
                continue
            fields, action = _filled(answer.text, username, password)
            if not action:
                break
            answer = browser.post(urljoin(answer.url, action), data=fields, allow_redirects=False, timeout=30)
    raise SignInError("The org's sign-in pages did not lead back to Syncline.")


def _filled(page: str, username: str, password: str) -> tuple[dict[str, str], str]:
    form = _Form()
    form.feed(page)
    fields = {**form.fields, **{n: v for n, v in form.buttons if v == "allow"}}
    if "password" in fields:
        fields |= {"username": username, "password": password}
    return fields, form.action
