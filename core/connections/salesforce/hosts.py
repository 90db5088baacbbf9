"""Decides which hosts we talk to: Salesforce's own sign-in and My Domain hosts, and those an admin has listed.

A token is as good as a password, so the rule is strict where a browser would be kind: https only, plain ASCII names,
no user part, no trailing dot, no port but the default one unless the admin listed it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from core.errors import HostRefused

SIGN_IN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# One label is a production org; sandboxes and the like put their kind in between: acme--dev.sandbox.my.salesforce.com.
_KINDS = "sandbox|develop|scratch|trailblaze|demo|patch"
_MY_DOMAIN = re.compile(rf"{_LABEL}(?:\.(?:{_KINDS}))?\.my\.salesforce\.com")
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]+\]")
_PLAIN = re.compile(r"[\x21-\x7e]+")
_HINT = "Use login.salesforce.com, test.salesforce.com or your My Domain; an admin can allow further hosts."


def allowed_origin(url: str, listed: Collection[str] = ()) -> str:
    """The origin ``https://host[:port]`` of a URL or bare host that we may talk to.

    Args:
        url: What a person typed, or the instance_url of a token answer; a path is dropped.
        listed: Further hosts an admin allows, as ``host`` (port 443) or ``host:port``.

    Raises:
        HostRefused: It is none of the allowed hosts, or not plainly written.
    """
    text = url.strip(" ")
    if not _PLAIN.fullmatch(text) or any(c in text for c in "\\%@"):
        raise _refused(url)
    if "://" not in text:
        text = "https://" + text
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _refused(url) from None
    name = f"[{host}]" if ":" in host else host
    if parts.scheme.lower() != "https" or not _NAME.fullmatch(name) or parts.netloc.endswith(":"):
        raise _refused(url)
    if port in (None, 443):
        if host in SIGN_IN_HOSTS or _MY_DOMAIN.fullmatch(host) or _is_listed(name, 443, listed):
            return f"https://{name}"
    elif _is_listed(name, port, listed):
        return f"https://{name}:{port}"
    raise _refused(url)


def is_allowed(url: str, listed: Collection[str] = ()) -> bool:
    """Whether `allowed_origin` would accept it."""
    try:
        allowed_origin(url, listed)
    except HostRefused:
        return False
    return True


def is_sign_in_host(origin: str) -> bool:
    """Whether the origin is one of the shared sign-in hosts, where client credentials are not served."""
    return origin.removeprefix("https://") in SIGN_IN_HOSTS


def jwt_audience(origin: str) -> str:
    """Whom an assertion for this sign-in host is addressed to.

    Salesforce wants one of its two shared hosts there, whichever My Domain the assertion is sent to; a listed host
    is addressed by its own origin.
    """
    host = origin.removeprefix("https://")
    if host == "test.salesforce.com" or re.search(r"\.(?:sandbox|scratch)\.my\.salesforce\.com$", host):
        return "https://test.salesforce.com"
    if host in SIGN_IN_HOSTS or _MY_DOMAIN.fullmatch(host):
        return "https://login.salesforce.com"
    return origin


def _is_listed(name: str, port: int | None, listed: Collection[str]) -> bool:
    wanted = {entry.strip().lower().removeprefix("https://").rstrip("/") for entry in listed}
    return f"{name}:{port}" in wanted or (port == 443 and name in wanted)


def _refused(url: str) -> HostRefused:
    # Neither a user part nor a query is repeated: either may hold a secret.
    shown = re.split(r"[/?#\\]", url.partition("://")[2] or url)[0].rpartition("@")[2]
    shown = re.sub(r"[^\x20-\x7e]", "?", shown)[:200]
    return HostRefused(f"The host of '{shown}' is not on the list of allowed hosts.", hint=_HINT, host=shown)
