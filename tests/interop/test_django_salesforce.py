"""django-salesforce: models over REST queries and collections, and models written down from describes."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Run
from tests.practice import Practice

pytestmark = pytest.mark.nightly
CLIENT = "django-salesforce"


def test_models_save_and_read_what_the_org_holds(run: Run, practice: Practice, unique: str) -> None:
    told = run(CLIENT, "both", WORD=unique)
    held = practice.soql(f"SELECT LastName, FirstName FROM Contact WHERE AccountId = '{told['account']}'")
    assert told["names"] == sorted(row["LastName"] for row in held)
    assert told["count"] == len(held) == 449
    first = sum(row["FirstName"] == "First" for row in held)
    assert told["changed"] == first == 111
    assert told["groups"] == {"First": first, "None": 449 - first}
    assert told["parents"] == ["https://x.example"]
    assert "INVALID_EMAIL_ADDRESS" in told["refusal"]


def test_writes_models_from_describes(run: Run) -> None:
    text = run(CLIENT, "models_of")
    for name in ("Account", "Contact", "Task", "Event", "Lead"):
        assert f"class {name}(models.Model):" in text
    assert "max_length=255" in text
