"""A Singer tap reads everything, reads again what changed, and holds what the org holds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import client_environment, refresh_token, relayed
from tests.interop.installing import python_of
from tests.practice import Practice

pytestmark = pytest.mark.nightly
STREAMS = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event", "User", "Campaign", "CampaignMember")
Tap = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def tap(root: Path, brokerage: Practice, tmp_path: Path) -> Tap:
    """The tap's own command with one configuration; the messages that it printed."""
    command = python_of(root / "build", "tap-salesforce").with_name("tap-salesforce")
    kept = refresh_token(brokerage)

    def call(api: str, *args: str) -> Any:
        config = {
            "refresh_token": kept,
            "client_id": brokerage.env["client_id"],
            "client_secret": brokerage.env["client_secret"],
            "start_date": "2000-01-01T00:00:00Z",
            "api_type": api,
            "select_fields_by_default": True,
        }
        (tmp_path / "config.json").write_text(json.dumps(config))
        with relayed(brokerage) as relay:
            done = subprocess.run(
                [str(command), "--config", "config.json", *args],
                cwd=tmp_path, env=client_environment(brokerage, relay),
                capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert "login.salesforce.com" in relay.hosts
        assert done.returncode == 0, done.stderr[-4000:]
        if "--discover" in args:
            return json.loads(done.stdout)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return call


def selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog with the streams of interest switched on, incrementally."""
    streams = [stream for stream in catalog["streams"] if stream["stream"] in STREAMS]
    for stream in streams:
        (top,) = [entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"]]
        top |= {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    return {"streams": streams}


def records(messages: list[dict[str, Any]], csv: bool) -> dict[str, dict[str, dict[str, Any]]]:
    """The last record of each Id by stream."""
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in STREAMS}
    for message in messages:
        if message["type"] == "RECORD":
            record = message["record"]
            found[message["stream"]][record["Id"]] = {
                name: as_sent(value) if csv else value for name, value in record.items()
            }
    return found


def as_sent(value: Any) -> Any:
    """A text of a Bulk CSV, which the tap reads as Latin-1: Bulk API 1.0 sends UTF-8 and names no charset."""
    return value.encode("latin-1").decode("utf-8") if isinstance(value, str) else value


def state(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The last state."""
    kept: dict[str, Any] = [message["value"] for message in messages if message["type"] == "STATE"][-1]
    return kept


def truth(org: Practice, name: str, fields: str) -> dict[str, dict[str, Any]]:
    """What the org holds, bin included."""
    held = org.soql(f"SELECT Id, {fields} FROM {name}", all_rows=True)
    return {record["Id"]: record for record in held}


@pytest.mark.parametrize("api", ["BULK", "REST"])
def test_full_then_incremental(tap: Tap, brokerage: Practice, unique: str, tmp_path: Path, api: str) -> None:
    catalog = tap(api, "--discover")
    assert set(STREAMS) <= {stream["stream"] for stream in catalog["streams"]}
    (tmp_path / "catalog.json").write_text(json.dumps(selected(catalog)))
    first = tap(api, "--properties", "catalog.json")
    full = records(first, api == "BULK")
    for name in STREAMS:
        assert set(full[name]) == set(truth(brokerage, name, "CreatedDate")), name
    for record_id, record in truth(brokerage, "Task", "Subject, Status, ActivityDate, AccountId, WhoId").items():
        read = full["Task"][record_id]
        assert {k: read[k] for k in record if k != "ActivityDate"} == {
            k: record[k] for k in record if k != "ActivityDate"
        }
        assert (read["ActivityDate"] or "")[:10] == (record["ActivityDate"] or "")

    brokerage.advance_clock(60)
    changed, gone = sorted(key for key, record in full["Contact"].items() if not record["IsDeleted"])[:2]
    brokerage.update("Contact", changed, Title=unique)
    brokerage.delete("Contact", gone)
    made = brokerage.create("Task", Subject=unique, WhoId=changed)
    (tmp_path / "state.json").write_text(json.dumps(state(first)))
    second = records(tap(api, "--properties", "catalog.json", "--state", "state.json"), api == "BULK")
    assert second["Contact"][changed]["Title"] == unique
    assert second["Contact"][gone]["IsDeleted"] is True
    assert second["Task"][made]["Subject"] == unique
    assert len(second["Task"]) < len(full["Task"]) / 2
    merged = full["Contact"] | second["Contact"]
    after = truth(brokerage, "Contact", "LastName, Title, IsDeleted")
    assert {i: {name: merged[i][name] for name in after[i]} for i in after} == after
