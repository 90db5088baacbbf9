"""The command line as a whole: every command says what it does, takes the common options, and is refused politely."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from core.cli import app as cli
from core.cli.folder import MARKER
from core.cli.practice import _without_workspace, with_data_dir

HANDED_ON = {"org serve", "org fault list", "org fault on", "org fault off"}


def commands(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(found, "commands", {}).items():
        full = f"{path} {name}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, full)
        else:
            yield full, command


ALL = dict(commands(typer.main.get_command(cli.app)))
PROMISED = """demo, up, worker, org serve, org fault list, org fault on, org fault off, connect list, diagnose,
users list, users link, intake, tokens create, tokens list, tokens revoke, plans list, plans show, plans approve,
plans apply, plans discard, inbox list, inbox decide, links show, pause, resume, jobs list, jobs show,
jobs create, jobs preview, jobs validate, jobs plan, jobs run, jobs enable, jobs disable, jobs export,
jobs import, jobs diff, runs list, runs show, runs retry, runs cancel, explain"""


def run(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["syncline", *args])
    return cli.run()


def test_the_commands_that_were_promised_are_there() -> None:
    assert set(PROMISED.replace("\n", " ").split(", ")) <= set(ALL)


@pytest.mark.parametrize("name", sorted(set(ALL) - HANDED_ON))
def test_every_command_takes_the_common_options_and_explains_itself(name: str) -> None:
    options = {o for p in ALL[name].params for o in p.opts}
    assert {"--json", "--workspace"} <= options
    assert len(ALL[name].help) > 15
    unexplained = [p.name for p in ALL[name].params if not getattr(p, "help", "")]
    assert unexplained == []


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("syncline ")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["frobnicate"], "No such command 'frobnicate'. See syncline --help."),
        (["jobs", "show"], "Missing argument 'JOB'. See syncline jobs show --help."),
        (["runs", "list", "--limit", "x"], "Invalid value for '--limit': Input should be a valid integer"),
        (["demo", "--scale", "0"], "Invalid value for '--scale': Input should be greater than or equal to 0.01."),
        (["intake"], "Say what the rows are with --kind."),
        (["intake", "--kind", "calls", "x.csv"], "There is no kind called calls. Kinds: accounts,"),
        (["intake", "--kind", "accounts"], "There is no file to load."),
        (["intake", "--kind", "accounts", "nowhere.csv"], "There is no file nowhere.csv. Nothing was loaded."),
        (["pause"], "Name one job to stop, or say --all."),
    ],
)
def test_misuse_is_one_sentence_and_code_2(
    args: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *args) == 2
    plain = capsys.readouterr()
    assert plain.out == ""
    assert plain.err.count("\n") == 1
    assert sentence in plain.err
    assert run(monkeypatch, *args, "--json") == 2
    as_json = capsys.readouterr()
    told = json.loads(as_json.out)
    assert f"{told['message']} {told['hint']}".strip() in plain.err
    assert as_json.err == ""


@pytest.mark.parametrize("args", [[], ["jobs"], ["org", "fault"]])
def test_without_a_command_help_is_shown(
    args: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *args) == 2
    printed = capsys.readouterr()
    assert "Usage: syncline" in printed.out + printed.err


@pytest.mark.parametrize("kind", ["accounts", "people", "activities", "users", "optouts", "scores", "segments"])
def test_a_template_is_a_header(kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "intake", "--template", kind) == 0
    header = capsys.readouterr().out
    assert header.count("\n") == 1
    assert run(monkeypatch, "intake", "--template", kind, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"kind": kind, "columns": header.strip().split(",")}


def test_what_nobody_foresaw_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise ZeroDivisionError("inner words")

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.delenv("SYNCLINE_LOG", raising=False)
    assert run(monkeypatch, "runs", "list") == 1
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "ZeroDivisionError" in printed
    monkeypatch.setenv("SYNCLINE_LOG", "DEBUG")
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, "runs", "list")


def test_faults_mean_the_demos_org_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    assert with_data_dir(["x"]) == ["x", "--data-dir", str(tmp_path / "demo" / "org")]
    assert with_data_dir(["--data-dir", "elsewhere"]) == ["--data-dir", "elsewhere"]
    (tmp_path / MARKER).touch()
    assert with_data_dir([f"--data-dir={tmp_path}"]) == ["--data-dir", str(tmp_path / "org")]


def test_the_workspace_is_not_handed_on_to_the_org() -> None:
    assert _without_workspace(["a", "--workspace", "x", "--json", "--workspace=y", "b"]) == ["a", "--json", "b"]
