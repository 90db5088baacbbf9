"""Answers the few addresses that need no session: the front page, the list of versions, OpenID discovery."""

from __future__ import annotations

from local_org.web import openid
from local_org.web.messages import HTML_TYPE, Answer, Call
from local_org.web.routes import Router
from local_org.web.site import Site

_SEASONS = ("Winter", "Spring", "Summer")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/", "GET")(front_page)
    router.route("/services/data", "GET")(versions)
    router.route("/.well-known/openid-configuration", "GET")(discovery)
    router.route("/id/keys", "GET")(openid.keys)


def front_page(site: Site, call: Call) -> Answer:
    """A page that says what this server is."""
    text = (
        "<!doctype html><html lang='en'><title>Practice org</title><h1>Practice org</h1>"
        "<p>A Salesforce-compatible server for training and tests. It is not Salesforce, and it holds no real data.</p>"
    )
    return Answer(200, text.encode(), media=HTML_TYPE)


def versions(site: Site, call: Call) -> Answer:
    """The API versions, oldest first."""
    listed = [
        {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(31, 67)
    ]
    return Answer(200, listed)


def discovery(site: Site, call: Call) -> Answer:
    """Where the OAuth endpoints are."""
    base = f"{site.base_url}/services/oauth2"
    return Answer(
        200,
        {
            "issuer": site.base_url,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "revocation_endpoint": f"{base}/revoke",
            "userinfo_endpoint": f"{base}/userinfo",
            "introspection_endpoint": f"{base}/introspect",
            "jwks_uri": f"{site.base_url}/id/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": [
                *("id", "api", "web", "full", "refresh_token", "offline_access", "openid", "profile", "email"),
            ],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
        },
    )


def _label(number: int) -> str:
    """Three releases a year: version 66 is Spring '26, 67 Summer, 65 Winter '26."""
    year, season = divmod(number - 65, 3)
    return f"{_SEASONS[season]} '{(26 + year) % 100:02d}"
