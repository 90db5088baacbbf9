"""The command `syncline`: a thin face of `Workspace`; commands print tables for people, or JSON with ``--json``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    # The processes that the launcher starts pass through this package too, and need none of the commands.
    from core.cli.app import run

    raise SystemExit(run())
