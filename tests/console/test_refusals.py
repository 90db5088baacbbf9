"""The org's status codes in plain words, held against what the engine knows of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from console import strings
from console.refusals import ORG_CODES
from console.strings import cause_words, short
from core.connections.salesforce.faults import fault, is_known
from core.store.ledger import RETRY_AFTER
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]
FOUNDATION = (
    "REQUIRED_FIELD_MISSING", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "STRING_TOO_LONG", "INACTIVE_OWNER_OR_USER",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION", "UNABLE_TO_LOCK_ROW", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "DUPLICATE_VALUE", "DUPLICATES_DETECTED",
    "CANNOT_UPDATE_CONVERTED_LEAD", "REQUEST_LIMIT_EXCEEDED",
)  # fmt: skip


@pytest.mark.parametrize("code", FOUNDATION)
def test_a_code_of_the_org_says_what_why_and_what_to_do(code: str) -> None:
    words = cause_words(code, "the org's own message")
    assert words.title
    assert words.why.endswith(".")
    assert words.do.endswith(".")
    assert 0 < len(short(code)) <= 24
    assert "_" not in words.title + words.why + words.do + short(code)


@pytest.mark.parametrize("code", sorted(ORG_CODES))
def test_only_what_the_engine_sends_again_is_said_to_go_on_by_itself(code: str) -> None:
    assert is_known(code)
    waits = fault(code).retryable
    assert ("retry" in ORG_CODES[code].do) != waits


def test_filters_tell_every_cause_from_every_other() -> None:
    ours = [words.short or name for name, words in strings.CAUSES.items() if name != "AnswerLost"]
    both = ours + [words.short for words in ORG_CODES.values()]
    assert sorted(set(both)) == sorted(both)


def test_a_code_without_words_speaks_with_the_orgs_message() -> None:
    assert cause_words("SOMETHING_NEW", "the org's own message").title == "the org's own message"


def test_the_retry_rule_has_the_engines_numbers(synced: Workspace, page: Open) -> None:
    assert tuple(timedelta(minutes=m) for m in strings.RETRY_MINUTES) == RETRY_AFTER
    assert "after 1, 5, 15 and 60 minutes, then every 60" in page("errors").text


@pytest.mark.requirement("A14")
def test_a_refusal_is_explained_on_errors(synced: Workspace, page: Open) -> None:
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    synced.database.execute(
        "UPDATE open_row SET outcome = 'rejected', cause = :c, status_code = :c, reason = :r WHERE workspace_id = :w"
        " AND cause = 'too_long'", c=code, r="Ask a manager first", w=synced.workspace_id,
    )  # fmt: skip
    shown = page("errors")
    for part in ("A validation rule of the org refused the row", "Fill what the rule asks for", "Ask a manager first",
                 code, "Permanent: stays until mended"):  # fmt: skip
        assert part in shown.text
    assert len(page("errors", cause="Validation rule").frame()) == synced.open_rows(cause=code).height
