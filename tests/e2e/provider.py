"""A small OpenID provider on loopback: discovery, a page to choose an account on, a token with a signed identity."""

from __future__ import annotations

import html
import secrets
import socket
import threading
import time
from typing import Any
from urllib.parse import urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "console", "of-the-console"
LIFETIME_S = 300


class Provider:
    """Signs in whoever is chosen; ``accounts`` are e-mail addresses and whether they are verified."""

    def __init__(self, accounts: dict[str, bool]) -> None:
        self.accounts = accounts
        self.granted: dict[str, dict[str, str]] = {}
        self.challenged = 0
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._door = socket.socket()
        self._door.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        routes = [
            Route("/.well-known/openid-configuration", self.metadata),
            Route("/authorize", self.authorize),
            Route("/chosen", self.chosen),
            Route("/token", self.token, methods=["POST"]),
            Route("/keys", self.keys),
        ]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._door]}, daemon=True)

    def start(self) -> Provider:
        """Answer from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(30)

    async def metadata(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT_ID
        self.challenged += asked.get("code_challenge_method") == "S256"
        links = "".join(
            f'<p><a href="/chosen?{html.escape(urlencode({**asked, "email": email}))}">{email}</a></p>'
            for email in self.accounts
        )
        return HTMLResponse(f"<h1>Choose an account</h1>{links}")

    async def chosen(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_urlsafe(16)
        self.granted[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.granted.pop(str(form["code"]))
        now, email = int(time.time()), asked["email"]
        claims: dict[str, Any] = {
            "iss": self.url, "aud": CLIENT_ID, "sub": email, "iat": now, "exp": now + LIFETIME_S, "email": email,
            "email_verified": self.accounts[email], "name": email.partition("@")[0], "nonce": asked.get("nonce"),
        }  # fmt: skip
        identity = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "only"})
        return JSONResponse(
            {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": identity, "expires_in": 300}
        )

    async def keys(self, _: Request) -> Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**public, "kid": "only", "use": "sig", "alg": "RS256"}]})
