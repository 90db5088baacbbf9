"""The support bundle tells one record's story whole, and nothing of anybody else."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.audit import bundle
from core.audit.explain import explain
from core.store.codec import dumps
from core.store.database import Database
from tests.integration.audit import world
from tests.integration.audit.world import NOW, WS

SECRET = "00D000000000001!AQ4AQFabcdefghijklmnopqrstuvwxyz0123456789"


def packed(db: Database, key: str) -> dict[str, object]:
    return bundle.pack(explain(db, WS, key), {"zone": "UTC"}, NOW)


@pytest.mark.requirement("T20")
def test_it_holds_ids_times_expected_and_actual_values_attempts_and_the_orgs_words(lite: Database) -> None:
    made = packed(lite, "c-21")
    assert json.loads(json.dumps(made)) == made
    (record,) = made["records"]  # type: ignore[misc]
    assert record["ids"]["workspace"] == world.SENT
    assert record["ids"]["org"][0]["org_id"] == world.ORG_TASK
    assert record["ids"]["external_id"] == "c-21"
    assert set(record["times"]) >= {"occurred_at", "updated_at"}
    (attempt,) = record["attempts"]
    assert attempt["expected"] == {"Subject": "Call 21"}
    assert attempt["answer"]["success"] is True
    assert {w["kind"] for w in record["why"]} >= {"created_out", "matched"}


@pytest.mark.requirement("T20")
def test_nobody_else_can_be_read_from_it(lite: Database) -> None:
    lite.execute("UPDATE record_result SET reason = 'dana@acme.example and +1 312 555 0101 both match' WHERE row = 2")
    lite.execute("UPDATE open_row SET reason = 'Ask dana@acme.example' WHERE record_id = :i", i=world.HELD)
    text = json.dumps(packed(lite, "c-22"))
    for foreign in ("Dana Fox", "Erin Hale", "dana@acme.example", "555 0101", "+13125550101"):
        assert foreign not in text, foreign
    assert str(world.DANA) in text
    assert "person:" in text
    both = text.count(bundle.mark("dana@acme.example"))
    assert both >= 2


@pytest.mark.requirement("T20")
@pytest.mark.parametrize("leak", [f"Bearer {SECRET}", SECRET, '"refresh_token":"5Aep861abc"', "client_secret=E71C48A0"])
def test_no_secret_leaves(lite: Database, leak: str) -> None:
    lite.execute(
        "UPDATE record_result SET answer = :a, reason = :r WHERE record_id = 21", a=dumps({"said": leak}), r=leak
    )
    text = json.dumps(packed(lite, "c-21"))
    assert leak not in text
    assert "[secret]" in text
    assert SECRET not in text


def test_the_file_holds_the_document_and_the_story_for_people(lite: Database, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(bundle.zipped(packed(lite, "c-22")))
    with zipfile.ZipFile(path) as file:
        assert json.loads(file.read("bundle.json"))["key"] == "c-22"
        story = file.read("story.txt").decode()
    assert "Held in Calls, outbound" in story
    assert "To do: Pick the one that is meant." in story


def test_an_org_record_without_one_here_is_packed_too(lite: Database) -> None:
    made = packed(lite, world.ORG_LOOSE)
    assert made["records"] == []
    assert made["org_only"][0]["org_id"] == world.ORG_LOOSE  # type: ignore[index]
