"""Makes files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path


def private(path: Path) -> Path:
    """The path, whose file is made where it is not there, for its owner alone; an older one is made so too."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
    return path
