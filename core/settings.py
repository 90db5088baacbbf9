"""Where Syncline keeps its things and how it is reached, read once from the environment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The environment's settings; names in capitals with the prefix ``SYNCLINE_``."""

    model_config = SettingsConfigDict(env_prefix="SYNCLINE_", extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".syncline")
    """Data directory: database, keys, locks."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite in the data directory."""
    secret_key: SecretStr = SecretStr("")
    """Fernet keys, newest first, separated by commas; empty means a 0600 file in the data directory."""
    log: str = "INFO"
    public_url: str = "http://localhost:8501"
    """How a browser reaches the console: callback address, links."""
    ca_file: str = ""
    """Extra certificate authority for orgs behind a private one (the practice org)."""
    smtp_url: SecretStr = SecretStr("")
    """Mail server for alerts: ``smtp://user:password@host:587`` or ``smtps://...``; empty means no e-mail."""
    smtp_from: str = ""
    """The address that alerts come from."""
    read_timeout: float = Field(default=120.0, gt=0)
    """Seconds to wait for a piece of an org's answer before the request is given up."""

    def url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'syncline.db'}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
