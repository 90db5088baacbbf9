"""The worker as a process of its own, as the launcher starts it."""

from __future__ import annotations

import os
import sys

from core.cli.launch import work
from core.errors import SynclineError
from core.workspace import open_workspace

if __name__ == "__main__":
    try:
        sys.exit(work(open_workspace(os.environ.get("SYNCLINE_WORKSPACE", "default"), actor="worker")))
    except SynclineError as error:
        sys.exit(error.sentence())
