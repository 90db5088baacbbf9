"""Finds the handler for a method and a path, tolerating what real clients send: slashes, letter case, overrides."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from local_org.org.model import OrgFault
from local_org.web.messages import Answer, Call, not_found

if TYPE_CHECKING:
    from local_org.web.site import Site

Handler = Callable[["Site", Call], Answer]


class Router:
    """A table of path patterns; the first that matches wins, so narrow patterns are registered before wide ones."""

    def __init__(self) -> None:
        self._table: list[tuple[re.Pattern[str], dict[str, Handler]]] = []

    def route(self, pattern: str, *methods: str) -> Callable[[Handler], Handler]:
        """Register a handler; ``{name}`` in the pattern captures one path segment."""
        compiled = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + r"\Z", re.IGNORECASE)

        def register(handler: Handler) -> Handler:
            known = next((handlers for entry, handlers in self._table if entry.pattern == compiled.pattern), None)
            if known is None:
                known = {}
                self._table.append((compiled, known))
            known.update(dict.fromkeys(methods, handler))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The handler and the decoded captures.

        Raises:
            OrgFault: 404 for an unknown path, 405 for a method that the path does not know.
        """
        allowed: list[str] = []
        for pattern, handlers in self._table:
            match = pattern.match(path)
            if match is None:
                continue
            handler = handlers.get(method) or (handlers.get("GET") if method == "HEAD" else None)
            if handler is not None:
                return handler, {name: unquote(value) for name, value in match.groupdict().items()}
            allowed += handlers
        if allowed:
            raise _not_allowed(method, allowed)
        raise not_found()


def tidy(path: str) -> str:
    """The path with doubled and trailing slashes taken out."""
    return re.sub(r"/{2,}", "/", path).rstrip("/") or "/"


def _not_allowed(method: str, allowed: list[str]) -> OrgFault:
    names = (["HEAD"] if "GET" in allowed else []) + list(dict.fromkeys(allowed))
    text = f"HTTP Method '{method}' not allowed. Allowed are {','.join(names)}"
    return OrgFault("METHOD_NOT_ALLOWED", text, status=405)
