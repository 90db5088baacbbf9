"""Runs one of our programs as a child process that ends when its parent is gone, however the parent went.

The parent holds the other end of a pipe for as long as it lives: ``python -m core.cli.child FD MODULE ARGUMENT...``.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 20


def main() -> None:
    """Watch the parent, and be the program."""
    lifeline, module = int(sys.argv[1]), sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    threading.Thread(target=_watch, args=(lifeline,), name="lifeline", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
