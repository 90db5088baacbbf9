"""Signs what the org says about a user who signed in (``id_token``), and publishes the key to check it with."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

from local_org.web.messages import Answer, Call
from local_org.web.people import Person
from local_org.web.site import Site
from local_org.web.tokens import Grant

_LIFE = 120
"""Seconds that a statement is good for: it is meant for the moment of sign-in."""


def statement(site: Site, person: Person, subject: str, grant: Grant, access_token: str, nonce: str) -> str:
    """The ``id_token`` of a sign-in.

    Args:
        site: The running org.
        person: Who signed in.
        subject: The user's identity address.
        grant: What was granted, and to which client.
        access_token: The token that the statement goes with, of which it holds half the digest.
        nonce: What the client asked to get back.
    """
    now = site.epoch()
    claims: dict[str, Any] = {
        "iss": site.base_url,
        "sub": subject,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + _LIFE,
        "at_hash": _half_digest(access_token),
    }
    scopes = set(grant.scope.split())
    if scopes & {"profile", "full"}:
        claims |= {
            "preferred_username": person.username,
            "name": person.name,
            "given_name": person.first_name,
            "family_name": person.last_name,
            "zoneinfo": person.time_zone,
        }
    if scopes & {"email", "full"}:
        claims |= {"email": person.email, "email_verified": True}
    if nonce:
        claims["nonce"] = nonce
    key = _key(site)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _key_id(key)})


def keys(site: Site, call: Call) -> Answer:
    """The public keys that statements are signed with."""
    key = _key(site)
    shown: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    public = {name: shown[name] for name in ("kty", "n", "e")}
    return Answer(200, {"keys": [public | {"alg": "RS256", "kid": _key_id(key), "use": "sig"}]})


def _key(site: Site) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(site.signing_key, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the signing key is not an RSA key")
    return key


def _key_id(key: RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()[:16]


def _half_digest(token: str) -> str:
    half = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()
