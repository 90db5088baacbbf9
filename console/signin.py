"""Tells whether people sign in with the team's identity provider, and who is looking: OIDC by ``st.login``.

It is on where Streamlit's secrets have a section ``[auth]`` (``redirect_uri``, ``cookie_secret``, ``client_id``,
``client_secret``, ``server_metadata_url``); without one the console is for one person on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from console import strings
from core import UsageError

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
CALLBACK = "/oauth2callback"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SECRET_LENGTH = 32


@lru_cache(maxsize=1)
def is_on() -> bool:
    """Whether this installation asks people to sign in; read once, as the server does."""
    return bool(_section())


def check(public_url: str) -> None:
    """Hold what is configured against what a safe sign-in needs.

    Args:
        public_url: how browsers reach the console.

    Raises:
        UsageError: something is missing, or the addresses do not fit or are not private on their way.
    """
    section = _section()
    missing = [name for name in NEEDED if not str(section.get(name) or "").strip()]
    if missing:
        raise UsageError(strings.SIGN_IN_LACKS.format(names=", ".join(missing)), hint=strings.SIGN_IN_WHERE)
    if len(str(section["cookie_secret"])) < _SECRET_LENGTH:
        raise UsageError(strings.SIGN_IN_COOKIE_SHORT, hint=strings.SIGN_IN_COOKIE_HINT)
    wanted = f"{public_url.rstrip('/')}{CALLBACK}"
    if section["redirect_uri"] != wanted:
        sentence = strings.SIGN_IN_REDIRECT.format(uri=section["redirect_uri"])
        raise UsageError(sentence, hint=f"redirect_uri = {wanted!r}")
    told = urlsplit(public_url)
    if told.scheme != "https" and told.hostname not in LOOPBACK:
        raise UsageError(strings.SIGN_IN_NEEDS_HTTPS.format(url=public_url), hint=strings.SIGN_IN_HTTPS_HINT)


def person() -> str | None:
    """The e-mail address of whoever has signed in, in lower case; None before they have.

    An address that the provider says is not verified is nobody's.
    """
    if not st.user.is_logged_in or st.user.get("email_verified") is False:
        return None
    email = str(st.user.get("email") or "").strip().lower()
    return email or None


def _section() -> Mapping[str, Any]:
    try:
        found = st.secrets.get("auth")
    except StreamlitSecretNotFoundError:
        return {}
    return found if isinstance(found, Mapping) else {}
