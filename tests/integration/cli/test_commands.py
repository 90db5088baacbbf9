"""The commands on a finished demo: what they answer, to people and to programs, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import Cli
from tests.practice import Practice

LISTS = {
    "jobs list": {"name", "title", "direction", "is_enabled", "schedule", "next_run_at"},
    "runs list": {"run_id", "job", "direction", "status", "counts", "api_calls", "started_at", "ended_at"},
    "plans list": {"plan_id", "job", "status", "made_by", "made_at", "counts", "guards"},
    "inbox list": {"job", "subject", "key", "outcome", "cause", "reason"},
    "users list": {"email", "name", "org_user_id", "linked_how"},
    "links show": {"table_name", "record_id", "sobject", "org_id", "state", "how"},
    "connect list": {"name", "username", "org_id", "instance_url", "state"},
    "jobs create": {"name", "title", "summary"},
}


@pytest.mark.parametrize("command", LISTS)
def test_lists_for_programs_and_for_people(command: str, demo_home: Path, cli: Cli) -> None:
    rows = cli(demo_home, *command.split(), "--json").json()
    assert rows
    assert set(rows[0]) >= LISTS[command]
    for_people = cli(demo_home, *command.split())
    assert for_people.code == 0
    assert str(rows[0][min(LISTS[command] & {"name", "run_id", "plan_id", "key", "email", "org_id"})])[:6] in (
        for_people.out
    )


def test_a_run_and_its_rows(demo_home: Path, cli: Cli, demo_summary: dict[str, Any]) -> None:
    run = next(r for r in demo_summary["runs"] if r["job"] == "tasks_out")
    told = cli(demo_home, "runs", "show", run["run_id"], "--json").json()
    assert told["counts"] == run["counts"]
    rejected = cli(demo_home, "runs", "show", run["run_id"], "--json", "--outcome", "rejected").json()["rows"]
    assert len(rejected) == run["counts"]["rejected"]
    assert all(r["reason"] for r in rejected)
    assert rejected[0]["reason"][:40] in cli(demo_home, "runs", "show", run["run_id"], "--outcome", "rejected").out


def test_a_plan_and_its_rows(demo_home: Path, cli: Cli) -> None:
    plans = cli(demo_home, "plans", "list", "--json").json()
    plan = next(p for p in plans if p["job"] == "calls_out")
    told = cli(demo_home, "plans", "show", plan["plan_id"], "--json", "--outcome", "created", "--limit", "3").json()
    assert told["plan_id"] == plan["plan_id"]
    assert len(told["rows"]) == 3
    assert told["rows"][0]["payload"]["Subject"]


def test_a_job_goes_out_as_yaml_and_comes_back(demo_copy: Path, cli: Cli, tmp_path: Path) -> None:
    text = cli(demo_copy, "jobs", "export", "calls_out").out
    file = tmp_path / "job.yaml"
    file.write_text(text)
    assert cli(demo_copy, "jobs", "diff", str(file)).code == 0
    file.write_text(text.replace("title: Calls, outbound", "title: Calls to the org"))
    changed = cli(demo_copy, "jobs", "diff", str(file), "--json")
    assert changed.code == 1
    assert any("Calls to the org" in line for line in changed.json())
    assert cli(demo_copy, "jobs", "import", str(file)).code == 0
    assert cli(demo_copy, "jobs", "show", "calls_out", "--json").json()["title"] == "Calls to the org"
    file.write_text("direction: [")
    broken = cli(demo_copy, "jobs", "import", str(file))
    assert broken.code == 2
    assert "not YAML" in broken.err


def test_one_record_is_explained_and_its_link_shown(demo_home: Path, cli: Cli) -> None:
    links = cli(demo_home, "links", "show", "--job", "calls_out", "--limit", "1", "--json").json()
    org_id = links[0]["org_id"]
    assert org_id in cli(demo_home, "explain", org_id, "--json").out
    assert cli(demo_home, "links", "show", org_id[:15], "--json").json() == links
    assert cli(demo_home, "links", "show", "001000000000000AAA").code == 1


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["jobs", "show", "nope"], "There is no job called nope. Jobs: accounts_in,"),
        (["jobs", "run", "nope"], "There is no job called nope."),
        (["jobs", "run", "calls_out", "--plan", "nope"], "There is no plan nope."),
        (["jobs", "run", "calls_out", "--plan", "x", "--full"], "--plan and --full do not go together."),
        (["jobs", "import", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["runs", "show", "nope"], "There is no run nope"),
        (["plans", "show", "nope"], "There is no plan nope."),
        (["users", "link", "ada@example.com", "001000000000000"], "is not the Id of an org user."),
        (["tokens", "create", "x", "--role", "king"], "king"),
        (["runs", "list", "--workspace", "other"], "There is no workspace called other. Workspaces: default."),
    ],
)
def test_what_is_not_there_is_one_sentence_and_code_2(
    args: list[str], sentence: str, demo_home: Path, cli: Cli
) -> None:
    plain = cli(demo_home, *args)
    assert plain.code == 2
    assert plain.out == ""
    assert sentence in plain.err
    assert plain.err.count("\n") == 1
    told = cli(demo_home, *args, "--json")
    assert told.code == 2
    assert set(told.json()) == {"error", "message", "hint"}


def test_a_stopped_org_is_one_sentence(demo_home: Path, cli: Cli) -> None:
    answer = cli(demo_home, "jobs", "preview", "accounts_in")
    assert answer.code == 1
    assert answer.err.startswith("The org does not answer.")


def test_a_database_that_does_not_answer_is_one_sentence(
    demo_home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = monkeypatch.delenv
    monkeypatch.setattr(monkeypatch, "delenv", lambda name, raising=True: None)
    monkeypatch.setenv("SYNCLINE_DATABASE_URL", "postgresql://ada:abc123@127.0.0.1:1/nothing")
    answer = cli(demo_home, "runs", "list")
    monkeypatch.setattr(monkeypatch, "delenv", original)
    assert answer.code == 1
    assert answer.err.startswith("The database did not answer:")
    assert answer.err.count("\n") == 1
    assert "abc123" not in answer.err


def test_broken_rows_are_named_and_the_good_ones_load(demo_copy: Path, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    rows = ["source,external_id,kind,occurred_at,person.email", "dialer,new-1,call,2026-11-01T10:00:00Z,a@b.example"]
    file.write_text("\n".join([*rows, "dialer,new-2,song,2026-11-01T10:00:00Z,", "dialer,new-3,call,whenever,"]) + "\n")
    told = cli(demo_copy, "intake", "--kind", "activities", str(file), "--json")
    assert told.code == 1
    assert told.json()["counts"] == {"created": 1, "rejected": 2}
    assert {(r["file"], r["external_id"], r["field"]) for r in told.json()["rejected"]} == {
        ("calls.csv", "new-2", "kind"),
        ("calls.csv", "new-3", "occurred_at"),
    }
    file.write_text("\n".join(rows) + "\n")
    again = cli(demo_copy, "intake", "--kind", "activities", str(file))
    assert (again.code, again.out) == (0, "1 rows: 1 unchanged\n")


def test_a_token_is_shown_once(demo_copy: Path, cli: Cli) -> None:
    text = cli(demo_copy, "tokens", "create", "dialer", "--json").json()["token"]
    listed = cli(demo_copy, "tokens", "list", "--json")
    assert text not in listed.out
    assert [t["name"] for t in listed.json()] == ["dialer"]
    assert text.encode() not in (demo_copy / "syncline.db").read_bytes()
    assert cli(demo_copy, "tokens", "revoke", "dialer").code == 0
    assert cli(demo_copy, "tokens", "list", "--json").json()[0]["revoked_at"]


def test_pausing_one_job_and_everything(demo_copy: Path, cli: Cli, demo_org: Practice) -> None:
    cli(demo_copy, "pause", "tasks_out")
    jobs = cli(demo_copy, "jobs", "list", "--json").json()
    assert [j["name"] for j in jobs if not j["is_enabled"]] == ["tasks_out"]
    assert cli(demo_copy, "resume", "tasks_out", "--json").json() == {"job": "tasks_out", "enabled": True}
    assert cli(demo_copy, "pause", "--all", "--json").json() == {"paused": True}
    checks = {r["check"]: r["result"] for r in cli(demo_copy, "diagnose", "--json").json()}
    assert checks["writing"] == "warn"
    assert cli(demo_copy, "resume").out == "paused: no\n"


def test_diagnose_in_red_yellow_and_green(demo_copy: Path, cli: Cli, demo_org: Practice) -> None:
    told = cli(demo_copy, "diagnose", "--json")
    checks = {r["check"]: r for r in told.json()}
    assert checks["database"]["result"] == checks["org"]["result"] == checks["job accounts_in"]["result"] == "pass"
    assert checks["worker"]["result"] == "warn"
    assert checks["worker"]["mend"]
    demo_org.kill()
    stopped = cli(demo_copy, "diagnose")
    assert stopped.code == 1
    assert all(word in stopped.out for word in ("green (pass)", "yellow (warn)", "red (fail)"))
    assert "The org does not answer." in stopped.out


def test_a_plan_is_kept_looked_at_and_applied(demo_copy: Path, cli: Cli, demo_org: Practice, tmp_path: Path) -> None:
    person = demo_org.soql("SELECT Email FROM Contact WHERE Email LIKE '%.example' LIMIT 1")[0]["Email"]
    file = tmp_path / "calls.ndjson"
    call = {"source": "dialer", "external_id": "kept-1", "kind": "call", "occurred_at": "2026-11-20T10:00:00Z"}
    call |= {"updated_at": "2026-11-20T10:00:00Z", "person": {"email": person}, "outcome": "connected"}
    file.write_text(json.dumps(call | {"user": "daniel.kowalczyk@harbor-pine.example", "subject": "Kept"}) + "\n")
    assert cli(demo_copy, "intake", "--kind", "activities", str(file)).code == 0
    before = demo_org.count("SELECT COUNT() FROM Task")
    plan = cli(demo_copy, "jobs", "plan", "calls_out", "--json").json()["plan_id"]
    rows = cli(demo_copy, "plans", "show", plan, "--json").json()["rows"]
    assert demo_org.count("SELECT COUNT() FROM Task") == before
    written = sum(r["outcome"] == "created" for r in rows)
    wrong = cli(demo_copy, "jobs", "run", "tasks_out", "--plan", plan)
    assert wrong.code == 2
    assert "is of the job calls_out" in wrong.err
    told = cli(demo_copy, "plans", "apply", plan, "--json").json()
    assert told["counts"]["created"] == written
    assert demo_org.count("SELECT COUNT() FROM Task") == before + written
    assert cli(demo_copy, "plans", "discard", plan).code == 1
