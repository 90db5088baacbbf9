"""Runs the console: ``python -m console``."""

from console.server import main

raise SystemExit(main())
