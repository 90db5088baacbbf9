"""Compares describes with facts taken from recorded answers of real orgs: see ``recorded_fields.csv``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from local_org.org.session import Session

FLAGS = {
    "C": "createable", "U": "updateable", "N": "nillable", "D": "defaultedOnCreate", "F": "filterable",
    "S": "sortable", "G": "groupable", "A": "aggregatable", "L": "idLookup", "P": "permissionable", "K": "calculated",
    "X": "externalId", "Q": "unique", "R": "restrictedPicklist", "M": "nameField", "H": "caseSensitive",
    "T": "custom", "O": "autoNumber", "W": "namePointing", "E": "searchPrefilterable", "I": "queryByDistance",
    "V": "cascadeDelete",
}  # fmt: skip
TRUE_OF_ALL = (
    *("compactLayoutable", "createable", "deletable", "layoutable", "mruEnabled", "queryable", "replicateable"),
    *("retrieveable", "searchLayoutable", "searchable", "triggerable", "undeletable", "updateable"),
)
FALSE_OF_ALL = (
    *("activateable", "custom", "customSetting", "deprecatedAndHidden", "hasSubtypes", "isInterface"),
    "isSubtype",
)
OTHERS = {
    "Account": ({"feedEnabled", "mergeable"}, "everything mine team"),
    "Contact": ({"feedEnabled", "mergeable"}, "everything mine scopingRule team"),
    "Lead": ({"feedEnabled", "mergeable"}, "everything mine queue_owned scopingRule team user_owned"),
    "Opportunity": ({"feedEnabled", "deepCloneable"}, "everything mine scopingRule team"),
    "Event": (set(), "delegated everything mine scopingRule team"),
}  # fmt: skip
"""Flags that are true of some, and the scopes."""
NOT_CARRIED = {
    "Account": {
        *("IsPartner", "IsCustomerPortal", "ChannelProgramName", "ChannelProgramLevelName", "DandbCompanyId"),
        *("OperatingHoursId", "RecordTypeId"),
    },
    "Contact": {"IndividualId"},
    "Lead": {"DandbCompanyId", "IndividualId"},
    "Opportunity": {"Pricebook2Id", "LastAmountChangedHistoryId", "LastCloseDateChangedHistoryId"},
    "Event": set[str](),
}
"""Fields of features that the practice org has not (or, RecordTypeId, that come with the first record type)."""
MORE = {
    "Account": set[str](),
    "Contact": {"HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"},
    "Lead": {"HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"},
    "Opportunity": set[str](),
    "Event": {"WhoCount", "WhatCount", "Type"},
}
"""Standard fields that the recorded users could not see, or that come with shared activities."""


def recorded() -> dict[str, dict[str, dict[str, str]]]:
    """The facts by object and field."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    with Path(__file__).with_name("recorded_fields.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            found.setdefault(row["object"], {})[row["field"]] = row
    return found


RECORDED = recorded()


def facts(f: dict[str, Any]) -> dict[str, str]:
    """A described field in the words of the table."""
    numbers = {
        "length": "length",
        "bytes": "byteLength",
        "precision": "precision",
        "scale": "scale",
        "digits": "digits",
    }
    return {
        "field": f["name"],
        "type": f["type"],
        **{word: str(f[key]) for word, key in numbers.items()},
        "flags": "".join(letter for letter, key in FLAGS.items() if f[key]),
        "compound": f["compoundFieldName"] or "",
        "relationship": f["relationshipName"] or "",
        "extra": f["extraTypeInfo"] or "",
    }


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_fields_are_as_recorded(admin: Session, name: str) -> None:
    ours = {f["name"]: facts(f) for f in admin.describe(name)["fields"] if not f["custom"]}
    theirs = {field: {k: v for k, v in row.items() if k != "object"} for field, row in RECORDED[name].items()}
    assert theirs.keys() - ours.keys() == NOT_CARRIED[name]
    assert ours.keys() - theirs.keys() == MORE[name]
    both = ours.keys() & theirs.keys()
    assert {field: ours[field] for field in both} == {field: theirs[field] for field in both}
    assert [field for field in ours if field in both] == [field for field in theirs if field in both]


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_the_object_is_as_recorded(admin: Session, name: str) -> None:
    described = admin.describe(name)
    some, scopes = OTHERS[name]
    assert [key for key in TRUE_OF_ALL if described[key] is not True] == []
    assert [key for key in FALSE_OF_ALL if described[key] is not False] == []
    assert {key for key in ("feedEnabled", "mergeable", "deepCloneable") if described[key]} == some
    assert [scope["name"] for scope in described["supportedScopes"]] == scopes.split()


def test_every_difference_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "practice-org.md").read_text(encoding="utf-8")
    told = manual.partition("## Compared with recorded describes")[2].partition("\n## ")[0]
    for fields in (*NOT_CARRIED.values(), *MORE.values()):
        assert [field for field in fields if f"`{field}`" not in told] == []
