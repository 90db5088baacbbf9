"""The fault `hidden_field`: field-level security takes a field away while it is on, and gives it back after."""

from __future__ import annotations

from local_org.web import reshape
from local_org.web.site import Site

_FACT = "hidden_field"


def hide(site: Site, value: str) -> None:
    """Hide ``Object.Field``, or ``Object.Field@Profile`` from one profile only; what was hidden before comes back.

    Raises:
        ValueError: The value names no field, or one that field-level security cannot hide.
    """
    show(site)
    reshape.apply(site.org, "hide_field", _facts(value))
    site.tokens.keep_fact(_FACT, value)


def show(site: Site) -> None:
    """Give the hidden field back, also one that a server that was killed has left hidden."""
    value = site.tokens.fact(_FACT)
    if value:
        reshape.apply(site.org, "show_field", _facts(value))
        site.tokens.keep_fact(_FACT, "")


def _facts(value: str) -> dict[str, str]:
    path, _, profile = value.partition("@")
    sobject, dot, field = path.partition(".")
    if not dot or not field:
        raise ValueError("hidden_field wants --value Object.Field or Object.Field@Profile")
    return {"object": sobject, "field": field} | ({"profile": profile} if profile else {})
