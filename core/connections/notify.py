"""Delivers notices: as JSON to a webhook, or as plain text by e-mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from core.errors import SynclineError

TIMEOUT_S = 10.0
_FROM = "syncline@localhost"


class NotDelivered(SynclineError):
    """The notice could not be delivered."""


def webhook(url: str, body: Mapping[str, Any]) -> None:
    """Post a notice as JSON; ``text`` in it is what chat systems show.

    Raises:
        NotDelivered: nothing there took it.
    """
    host = urlsplit(url).hostname or "the webhook"
    try:
        # A redirect would carry the notice to a place that nobody has named.
        answer = requests.post(url, json=dict(body), timeout=TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        raise NotDelivered(f"{host} did not answer ({type(error).__name__}).") from error
    if not 200 <= answer.status_code < 300:
        raise NotDelivered(f"{host} answered {answer.status_code}.")


def email(smtp_url: str, sender: str, to: str, subject: str, text: str) -> None:
    """Send a notice by e-mail.

    Args:
        smtp_url: ``smtp://user:password@host:587`` (STARTTLS where the server offers it) or ``smtps://...``.
        sender: the address it comes from.
        to: the address it goes to.
        subject: one line.
        text: plain text.

    Raises:
        NotDelivered: no mail server is set, or it did not take the message.
    """
    if not smtp_url:
        raise NotDelivered("No mail server is set.", hint="Set SYNCLINE_SMTP_URL and start the worker again.")
    parts = urlsplit(smtp_url)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender or _FROM, to, " ".join(subject.split())
    message.set_content(text)
    try:
        with _server(parts.scheme, parts.hostname or "localhost", parts.port) as server:
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"The mail server did not take the message ({type(error).__name__}).") from error


def _server(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(host, port or 587, timeout=TIMEOUT_S)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    return server
