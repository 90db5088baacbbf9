"""The `fault` command: lists and switches the faults of a running practice org."""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_org.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    listed = verbs.add_parser("list", help="all faults, and which are on")
    on = verbs.add_parser("on", help="switch a fault on")
    on.add_argument("name")
    on.add_argument("--rate", type=float, default=1.0, help="probability, 0 to 1")
    on.add_argument("--count", type=int, help="how many times it strikes")
    on.add_argument("--value", default="", help="seconds, milliseconds or variant; see the list")
    on.add_argument("--match", default="", help="only requests whose path contains this text")
    on.add_argument("--seed", type=int, help="start the chances anew, so that a run can be repeated")
    off = verbs.add_parser("off", help="switch a fault off, or all")
    off.add_argument("name")
    for verb in (listed, on, off):
        verb.add_argument("--data-dir", type=Path, required=True, help="data directory of the running org")
        verb.add_argument("--json", action="store_true", help="print JSON")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 when all went well, 2 for a usage error."""
    parser = argparse.ArgumentParser(prog="fault", description="Fault switches of a running practice org.")
    add_arguments(parser)
    return run(parser.parse_args(args))


def run(options: argparse.Namespace) -> int:
    """Carry a parsed command out."""
    data = DataDir(options.data_dir.expanduser().resolve())
    facts = data.running()
    if facts is None:
        print(f"no practice org is running on {data.path}", file=sys.stderr)
        return 2
    try:
        if options.verb == "on":
            wanted = {name: getattr(options, name) for name in ("name", "rate", "count", "value", "match", "seed")}
            _ask(data, facts, "POST", "/_practice/faults", wanted)
        elif options.verb == "off":
            _ask(data, facts, "DELETE", f"/_practice/faults/{options.name}")
        _print(_ask(data, facts, "GET", "/_practice/faults"), options.json)
    except urllib.error.HTTPError as refused:
        print(json.loads(refused.read())[0]["message"], file=sys.stderr)
        return 2
    except urllib.error.URLError as gone:
        print(f"the practice org on {data.path} does not answer: {gone.reason}", file=sys.stderr)
        return 2
    return 0


def _ask(data: DataDir, facts: dict[str, Any], method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the address is https, from our own file
        facts["base_url"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-Practice-Secret": data.control_secret()},
    )
    trust = ssl.create_default_context(cafile=facts["ca_file"])
    with urllib.request.urlopen(request, context=trust, timeout=15) as answer:  # noqa: S310  # nosec B310
        text = answer.read()
    return json.loads(text) if text else None


def _print(faults: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(faults))
        return
    for fault in faults:
        setting = ""
        if fault["on"]:
            left = "" if fault["count"] is None else f", {fault['count']} left"
            value = f", value {fault['value']}" if fault["value"] else ""
            setting = f" [rate {fault['rate']:g}{left}{value}]"
        print(f"{'ON ' if fault['on'] else 'off'}  {fault['name']:<16} {fault['effect']}{setting}")
