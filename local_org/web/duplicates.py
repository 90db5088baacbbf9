"""Spells the error of a duplicate rule, with the records that were found; the misspelt key is Salesforce's."""

from __future__ import annotations

from typing import Any

from local_org.org.session import Session
from local_org.org.validation import DuplicatesFault


def entry(session: Session, fault: DuplicatesFault) -> dict[str, Any]:
    """The error of a single row; records that the user may not read are left out."""
    rule = fault.rule
    seen = [row for row in session.retrieve_many(rule.object, fault.matches, ["Id"]) if row is not None]
    found = {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0}
    match = {
        "entityType": rule.object,
        "errors": [],
        "matchEngine": "ExactMatchEngine",
        "matchRecords": [{**found, "record": row} for row in seen],
        "rule": rule.name,
        "size": len(seen),
        "success": True,
    }
    told = {
        "allowSave": rule.allow_save,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.object,
        "errorMessage": rule.message,
        "matchResults": [match],
    }
    return {"duplicateResut": told, "errorCode": fault.code, "message": fault.message}
