"""The commands of the practice org, handed on to its own command line: it is a program apart."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from core.cli import options
from core.cli.folder import MARKER, default_folder

group = options.group("The practice org: a Salesforce-compatible server on this machine.")
fault = options.group("Fault switches of a running practice org: what it does wrong on purpose.")
group.add_typer(fault, name="fault")
_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@group.command("serve", context_settings=_HANDED_ON, add_help_option=False)
def serve(ctx: typer.Context) -> None:
    """Serve a practice org over HTTPS until stopped; --help lists its own options."""
    _become("serve", ["--print-env" if a == "--json" else a for a in _without_workspace(ctx.args)])


@fault.command("list", context_settings=_HANDED_ON, add_help_option=False)
def fault_list(ctx: typer.Context) -> None:
    """List the faults, and which are on."""
    _fault("list", ctx.args)


@fault.command("on", context_settings=_HANDED_ON, add_help_option=False)
def fault_on(ctx: typer.Context) -> None:
    """Switch a fault on: NAME [--rate R] [--count N]."""
    _fault("on", ctx.args)


@fault.command("off", context_settings=_HANDED_ON, add_help_option=False)
def fault_off(ctx: typer.Context) -> None:
    """Switch a fault off: NAME, or all."""
    _fault("off", ctx.args)


def _fault(verb: str, args: list[str]) -> None:
    _become("fault", [verb, *with_data_dir(_without_workspace(args))])


def with_data_dir(args: list[str]) -> list[str]:
    """The arguments with the data directory of the org that is meant: the demo's, where none is named.

    A demo's directory may be named as well as the org's own.
    """
    out = []
    for arg in args:
        name, equals, value = arg.partition("=")
        out += [name, value] if name == "--data-dir" and equals else [arg]
    if "--data-dir" not in out:
        return [*out, "--data-dir", str(default_folder() / "org")]
    at = out.index("--data-dir") + 1
    if at < len(out) and (Path(out[at]).expanduser() / MARKER).exists():
        out[at] = str(Path(out[at]).expanduser() / "org")
    return out


def _without_workspace(args: list[str]) -> list[str]:
    """The arguments without the workspace, which every command takes and an org knows nothing of."""
    out, rest = [], iter(args)
    for arg in rest:
        if arg == "--workspace":
            next(rest, None)
        elif not arg.startswith("--workspace="):
            out.append(arg)
    return out


def _become(command: str, args: list[str]) -> None:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "local_org", command, *args])  # noqa: S606
