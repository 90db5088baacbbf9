"""Faults: every code has plain words, and each whole-request error becomes the right exception."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from core.connections.salesforce import faults
from core.connections.salesforce.faults import FAULTS, Kind
from core.errors import AllowanceUsed, GrantRejected, OrgError, TerminalOrgError, TransientOrgError

CONTRACT = [
    "INVALID_SESSION_ID",
    "REQUEST_LIMIT_EXCEEDED",
    "API_DISABLED_FOR_ORG",
    "API_CURRENTLY_DISABLED",
    "REQUIRED_FIELD_MISSING",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_FIELD",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INVALID_CROSS_REFERENCE_KEY",
    "MALFORMED_ID",
    "FIELD_INTEGRITY_EXCEPTION",
    "ENTITY_IS_DELETED",
    "DUPLICATE_VALUE",
    "DUPLICATE_EXTERNAL_ID",
    "DUPLICATES_DETECTED",
    "UNABLE_TO_LOCK_ROW",
    "STRING_TOO_LONG",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "INVALID_EMAIL_ADDRESS",
    "JSON_PARSER_ERROR",
    "MALFORMED_QUERY",
    "INVALID_TYPE",
    "NOT_FOUND",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "CANNOT_UPDATE_CONVERTED_LEAD",
    "INACTIVE_OWNER_OR_USER",
    "DELETE_FAILED",
    "STORAGE_LIMIT_EXCEEDED",
    "EXCEEDED_ID_LIMIT",
    "LIMIT_EXCEEDED",
    "QUERY_TIMEOUT",
    "INVALID_QUERY_LOCATOR",
    "UNKNOWN_EXCEPTION",
    "SERVER_UNAVAILABLE",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "PROCESSING_HALTED",
]
NOT_STATUS_CODES = {"ROLLBACK", "BACKQUOTE", "SEMICOLON", "STANDARD"}


def refusal(code: str, message: str = "as the org says it") -> list[dict[str, str]]:
    return [{"message": message, "errorCode": code}]


def emitted(root: Path) -> set[str]:
    """Codes that the practice org's own source hands to an error or to a failing row."""
    found: set[str] = set()
    for path in (root / "local_org").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.search(r"(?i)fault|fail|error|\bat$", ast.unparse(node.func)):
                found |= {a.value for a in node.args[:4] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return {code for code in found if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)+", code)} - NOT_STATUS_CODES


def test_every_code_the_practice_org_can_emit_is_in_the_table(root: Path) -> None:
    codes = emitted(root)
    assert {"REQUIRED_FIELD_MISSING", "INVALID_SESSION_ID", "UNABLE_TO_LOCK_ROW"} <= codes
    assert sorted(code for code in codes if not faults.is_known(code)) == []


@pytest.mark.parametrize("code", CONTRACT)
def test_every_code_of_the_contract_is_in_the_table(code: str) -> None:
    assert faults.is_known(code)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_words_are_whole_sentences(fault: faults.Fault) -> None:
    for words in (fault.what, fault.why, fault.do):
        assert re.fullmatch(r"[A-Z].+[.]", words)
    assert fault.code not in fault.what


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("UNABLE_TO_LOCK_ROW", Kind.LOCK, True),
        ("SERVER_UNAVAILABLE", Kind.TEMPORARY, True),
        ("REQUEST_LIMIT_EXCEEDED", Kind.LIMIT, True),
        ("DUPLICATES_DETECTED", Kind.DUPLICATE, False),
        ("REQUIRED_FIELD_MISSING", Kind.PERMANENT, False),
        ("NEVER_SEEN_BEFORE", Kind.PERMANENT, False),
        ("", Kind.PERMANENT, False),
    ],
)
def test_kinds(code: str, kind: Kind, retryable: bool) -> None:
    assert (faults.fault(code).kind, faults.fault(code).retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("http", "body", "error", "code"),
    [
        (401, refusal("INVALID_SESSION_ID"), GrantRejected, "INVALID_SESSION_ID"),
        (401, "<html>no</html>", GrantRejected, ""),
        (403, refusal("REQUEST_LIMIT_EXCEEDED"), AllowanceUsed, "REQUEST_LIMIT_EXCEEDED"),
        (
            403,
            refusal("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
            TransientOrgError,
            "REQUEST_LIMIT_EXCEEDED",
        ),
        (403, refusal("API_DISABLED_FOR_ORG"), TerminalOrgError, "API_DISABLED_FOR_ORG"),
        (400, refusal("MALFORMED_QUERY"), TerminalOrgError, "MALFORMED_QUERY"),
        (400, {"exceptionCode": "InvalidJob", "exceptionMessage": "x"}, TerminalOrgError, "InvalidJob"),
        (500, refusal("UNKNOWN_EXCEPTION"), TransientOrgError, "UNKNOWN_EXCEPTION"),
        (500, refusal("NEVER_SEEN_BEFORE"), TransientOrgError, "NEVER_SEEN_BEFORE"),
        (503, "<html>maintenance</html>", TransientOrgError, ""),
        (420, "", TransientOrgError, ""),
        (404, "", TerminalOrgError, ""),
        (418, "", TerminalOrgError, ""),
        (500, "oops", TransientOrgError, ""),
        (302, "", TerminalOrgError, ""),
    ],
)
def test_whole_requests(http: int, body: object, error: type[OrgError], code: str) -> None:
    made = faults.org_error(http, body)
    assert type(made) is error
    assert (made.http, made.status_code) == (http, code)
    assert made.message


def test_the_orgs_own_message_is_kept() -> None:
    made = faults.org_error(400, [{"errorCode": "INVALID_FIELD", "message": "No such column 'X'", "fields": ["X"]}])
    assert made.facts["org_message"] == "No such column 'X'"
    assert made.facts["org_fields"] == ("X",)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
            ("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ("Name",)),
        ),
        (
            "UNABLE_TO_LOCK_ROW:no exclusive access to this record or 2 records: 001x,001y:--",
            ("UNABLE_TO_LOCK_ROW", "no exclusive access to this record or 2 records: 001x,001y", ()),
        ),
        ("ENTITY_IS_DELETED:entity is deleted:--", ("ENTITY_IS_DELETED", "entity is deleted", ())),
        ("X:two:A,B --", ("X", "two", ("A", "B"))),
        ("no code here", ("", "no code here", ())),
        (None, ("", "", ())),
    ],
)
def test_errors_of_bulk_rows(text: str | None, parts: tuple[str, str, tuple[str, ...]]) -> None:
    assert faults.bulk_error(text) == parts
