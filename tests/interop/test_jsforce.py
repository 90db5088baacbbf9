from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.interop.installing import CLIENTS, npm_home
from tests.practice import Practice

pytestmark = pytest.mark.needs("node")


class Steps(Protocol):
    """Runs one step of `jsforce_steps.cjs` and returns what it printed."""

    def __call__(self, step: str, word: str = "", **more: str) -> Any: ...


@pytest.fixture(scope="session")
def client_home(root: Path) -> Path:
    """Where npm has put the client."""
    return npm_home(root / "build", "jsforce")


@pytest.fixture
def steps(practice: Practice, client_home: Path) -> Steps:
    """The real client, as its users call it."""
    user = practice.user()
    settings = {
        "BASE_URL": practice.base_url,
        "CLIENT_ID": practice.env["client_id"],
        "CLIENT_SECRET": practice.env["client_secret"],
        "JSFORCE_HOME": str(client_home),
        "NODE_EXTRA_CA_CERTS": practice.env["ca_file"],
        "PASSWORD": user["password"],
        "TOKEN": practice.token(),
        "USERNAME": user["username"],
    }
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}

    def run(step: str, word: str = "", **more: str) -> Any:
        done = subprocess.run(
            ["node", str(CLIENTS / "jsforce_steps.cjs"), step],
            env=kept | settings | {"WORD": word} | more,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_session_by_access_token(steps: Steps, practice: Practice) -> None:
    found = steps("session")
    assert found == {"username": practice.user()["username"], "org": practice.env["org_id"], "limit": 15000}


def test_signs_in_by_password_and_out_again(steps: Steps, practice: Practice) -> None:
    found = steps("password")
    assert (found["user"], found["org"]) == (practice.user()["id"], practice.env["org_id"])
    assert found["username"] == practice.user()["username"]
    assert found["after"] is not None
    assert found["wrong"]["message"].startswith("INVALID_LOGIN: Invalid username, password, security token;")


def test_signs_in_by_client_credentials_and_refreshes(steps: Steps, practice: Practice) -> None:
    assert steps("client_credentials") == practice.env["org_id"]
    assert steps("refresh") == 1


def test_rows(steps: Steps, unique: str) -> None:
    found = steps("rows", unique)
    assert (found["made"], found["gone"], found["phones"]) == (True, True, ["1", None])
    assert found["created"] == [True, False]
    assert found["missing"]["code"] == "ENTITY_IS_DELETED"


def test_collections_in_several_calls(steps: Steps, unique: str) -> None:
    assert steps("collections", unique) == {"made": 250, "error": "REQUIRED_FIELD_MISSING", "gone": 250}


def test_queries_page_by_page_and_all_at_once(steps: Steps, practice: Practice, unique: str) -> None:
    account = practice.create("Account", Name=unique)
    rows = [{"LastName": f"{unique} {n}", "AccountId": account} for n in range(450)]
    practice.create_many("Contact", rows)
    found = steps("queries", unique)
    assert (found["page"], found["more"], found["all"]) == (200, 200, 450)
    assert (found["found"], found["count"], found["account"]["Name"]) == (7, 450, unique)
    assert found["bad"]["code"] == "MALFORMED_QUERY"


def test_describe_layouts_limits_and_versions(steps: Steps, practice: Practice) -> None:
    found = steps("describe")
    truth = practice.rest("GET", "sobjects/Task/describe")
    assert (found["name"], found["fields"]) == ("Task", len(truth["fields"]))
    assert {"Account", "Contact", "Event", "Lead", "Task"} <= set(found["objects"])
    assert (found["layouts"], found["compact"], found["limits"]) == (1, "Account", 15000)
    assert (found["versions"], found["recent"], found["updated"]) == (36, True, True)


def test_bulk_api_1(steps: Steps, unique: str) -> None:
    found = steps("bulk", unique)
    assert (found["made"], found["found"], found["gone"]) == (30, 30, 30)
    assert found["error"].startswith("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]")
    assert (found["first"]["Title"], found["first"]["DoNotCall"]) == ('a "b", c', "true")
    assert (found["upserts"], found["state"]) == ([True, False], "Aborted")
    assert "InvalidBatch : Failed to process query: INVALID_FIELD" in found["nobody"]["message"]
    assert found["refused"]["code"] == "InvalidJob"


def test_bulk_api_2(steps: Steps, unique: str) -> None:
    found = steps("bulk2", unique)
    assert (found["good"], found["left"], found["found"]) == (30, 0, 30)
    assert found["bad"] == ["REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"]
    assert found["failed"]["code"] == "INVALID_FIELD"


def test_soap_merges_converts_and_undeletes(steps: Steps, practice: Practice, unique: str) -> None:
    found = steps("soap", unique)
    assert (found["merged"], found["moved"], found["back"], found["time"]) == ([True, True], True, True, True)
    assert found["converted"] == [True, "001", None]
    assert found["username"] == practice.user()["username"]
    assert found["again"]["errors"][0]["statusCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert "INVALID_TYPE" in found["fault"]["message"]
