"""The worker as a process of its own, as the launcher starts it: its first line is JSON, also when it cannot start."""

from __future__ import annotations

import json
import os
import sys

from core import logs
from core.cli.launch import work
from core.errors import SynclineError
from core.settings import settings
from core.workspace import open_workspace


def main() -> int:
    """Be a worker until stopped."""
    logs.configure(settings().log)
    try:
        return work(open_workspace(os.environ.get("SYNCLINE_WORKSPACE", "default"), actor="worker"), as_json=True)
    except SynclineError as error:
        sys.stdout.write(json.dumps({"error": error.message, "hint": error.hint}) + "\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
