"""The command line of the practice org: `python -m local_org serve` and `python -m local_org fault`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from local_org import faults_cli


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="local_org", description="A Salesforce-compatible practice org on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    _serve_arguments(commands.add_parser("serve", help="start the practice org"))
    faults_cli.add_arguments(commands.add_parser("fault", help="switch faults of a running practice org"))
    options = parser.parse_args(args)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if options.command == "fault":
        return faults_cli.run(options)
    return _serve(options)


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="0 keeps the port of the last start, or takes a free one")
    parser.add_argument("--data-dir", type=Path, help="where the org lives; without it, nowhere after the end")
    parser.add_argument("--seed", choices=("demo", "empty"), default="empty", help="what a new org holds")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the demo data")
    parser.add_argument(
        "--schema", dest="schemas", action="append", default=[], metavar="NAME",
        help="add a schema that comes along (ascendix, mclabs2, person_accounts, sample); may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--schema-file", dest="schema_files", action="append", default=[], type=Path, metavar="FILE",
        help="add objects, fields, record types and rules from a YAML or JSON file; may be given several times",
    )  # fmt: skip
    parser.add_argument("--print-env", action="store_true", help="first line of output: how to connect, as JSON")
    parser.add_argument("--activity-key", action="store_true", help="External ID Syncline_Key__c on Activity")
    parser.add_argument("--session-minutes", type=int, default=120, help="idle time after which a session ends")
    parser.add_argument("--allowance", type=int, default=15_000, help="API calls per day")
    parser.add_argument(
        "--with-salesforce-names",
        action="store_true",
        help="the certificate also holds for login.salesforce.com and its like, for tests of clients; never trust "
        "this CA in a system store",
    )


def _serve(options: argparse.Namespace) -> int:
    # The server's imports take a second that `fault` need not wait for.
    from local_org.datadir import DataDirBusy
    from local_org.serve import Options, PortTaken, serve

    settings = {name: value for name, value in vars(options).items() if name != "command"}
    settings |= {name: tuple(settings[name]) for name in ("schemas", "schema_files")}
    try:
        serve(Options(**settings))
    except (DataDirBusy, PortTaken, ValueError) as refused:
        raise SystemExit(str(refused)) from refused
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
