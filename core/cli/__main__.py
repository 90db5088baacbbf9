"""Runs the command line where the script `syncline` is not on the path: ``python -m core.cli``."""

from core.cli import main

main()
