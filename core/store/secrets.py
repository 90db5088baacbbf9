"""Secrets at rest: Fernet keys from the environment or a 0600 file, newest first; and the hashing of tokens."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import StoreError


class Vault:
    """Encrypts and decrypts small secrets; several keys allow rotation."""

    def __init__(self, keys: list[str]) -> None:
        self._fernet = MultiFernet([Fernet(k) for k in keys])

    def seal(self, value: Any) -> bytes:
        """Encrypt a JSON value."""
        return self._fernet.encrypt(json.dumps(value).encode())

    def open(self, sealed: bytes) -> Any:
        """Decrypt.

        Raises:
            StoreError: no key of ours made it.
        """
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise StoreError(
                "A stored secret cannot be read with the present key.",
                hint="Put the earlier key behind the new one in SYNCLINE_SECRET_KEY, separated by a comma.",
            ) from error


def open_vault(env_keys: str, home: Path) -> Vault:
    """The vault of this installation; a key is made on the first start where none is given."""
    if env_keys.strip():
        return Vault([k.strip() for k in env_keys.split(",") if k.strip()])
    path = home / "secret.key"
    kept = lasting_secret(path, lambda: Fernet.generate_key().decode())
    return Vault([k for k in kept.split(",") if k])


def lasting_secret(path: Path, make: Callable[[], str]) -> str:
    """The text of a file that only its owner can read, made on first use; of several makers the first counts."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(make())
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip()


def new_secret() -> str:
    """An unguessable text of 43 characters."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """The SHA-256 of a random secret, as stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
