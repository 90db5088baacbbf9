from __future__ import annotations

from typing import Any

import pytest

from local_org.org.catalog import custom_field
from local_org.org.model import Field, OrgFault
from local_org.org.values import check_for, datetime_text

TEXT = Field("Name", "string", "Account Name", length=10)
COLOR = custom_field("Color__c", "picklist", values=["Red", "Green"], restricted=True)
TAGS = custom_field("Tags__c", "multipicklist", values=["Red", "Green", "Blue"], restricted=True)
AMOUNT = Field("Amount", "currency", "Amount", precision=6, scale=2)
COUNT = Field("Count", "int", "Employees", digits=8)
DAY = Field("Day", "date", "Due Date Only")
MOMENT = Field("Moment", "datetime", "Start Date Time")
FLAG = Field("Flag", "boolean", "Flag")
EMAIL = Field("Email", "email", "Email", length=80)
TIME = Field("At", "time", "At")


@pytest.mark.parametrize(
    ("f", "given", "stored"),
    [
        (TEXT, "Acme  \n", "Acme"),
        (TEXT, "   ", None),
        (TEXT, "", None),
        (TEXT, 12, "12"),
        (COLOR, "red", "Red"),
        (TAGS, "blue;Red", "Red;Blue"),
        (AMOUNT, 1.005, 1.01),
        (AMOUNT, "12.5", 12.5),
        (AMOUNT, -9999.99, -9999.99),
        (COUNT, 3.0, 3),
        (COUNT, " ", None),
        (DAY, "2024-02-29", "2024-02-29"),
        (MOMENT, "2026-01-02T03:04:05Z", 1767323045),
        (MOMENT, "2026-01-02T03:04:05.999+0000", 1767323045),
        (MOMENT, "2026-01-01T19:04:05-08:00", 1767323045),
        (FLAG, "TRUE", 1),
        (FLAG, "0", 0),
        (FLAG, False, 0),
        (EMAIL, "Jo.Doe+x@Example.co.uk", "Jo.Doe+x@Example.co.uk"),
        (TIME, "09:30:00", "09:30:00.000Z"),
    ],
)
def test_value_is_stored_as(f: Field, given: Any, stored: Any) -> None:
    assert check_for(f)(given) == stored


@pytest.mark.parametrize(
    ("f", "given", "code", "message"),
    [
        (TEXT, "12345678901", "STRING_TOO_LONG", "Account Name: data value too large: 12345678901 (max length=10)"),
        (
            COLOR,
            "Pink",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Color: bad value for restricted picklist field: Pink",
        ),
        (
            TAGS,
            "Red;Pink",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Tags: bad value for restricted picklist field: Pink",
        ),
        (
            AMOUNT,
            10000,
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Amount: value outside of valid range on numeric field: 10000",
        ),
        (
            COUNT,
            10**8,
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Employees: value outside of valid range on numeric field: 100000000",
        ),
        (EMAIL, "jo@", "INVALID_EMAIL_ADDRESS", "Email: invalid email address: jo@"),
    ],
)
def test_value_is_refused_in_these_words(f: Field, given: Any, code: str, message: str) -> None:
    with pytest.raises(OrgFault) as caught:
        check_for(f)(given)
    assert (caught.value.code, caught.value.message, caught.value.fields) == (code, message, [f.name])


@pytest.mark.parametrize(
    ("f", "given"),
    [
        (DAY, "2026-02-30"),
        (DAY, "02/03/2026"),
        (DAY, 20260203),
        (MOMENT, "2026-01-02T03:04:05"),
        (MOMENT, "2026-01-02"),
        (MOMENT, "2026-13-02T03:04:05Z"),
        (FLAG, "maybe"),
        (FLAG, 2),
        (COUNT, 1.5),
        (COUNT, "many"),
        (AMOUNT, float("nan")),
        (AMOUNT, True),
        (TEXT, {"a": 1}),
        (TEXT, "\ud83d"),
        (TIME, "25:00:00"),
    ],
)
def test_wrong_type(f: Field, given: Any) -> None:
    with pytest.raises(OrgFault, match="Cannot deserialize instance of") as caught:
        check_for(f)(given)
    assert caught.value.code == "JSON_PARSER_ERROR"


def test_datetime_as_rest_prints_it() -> None:
    assert datetime_text(1767323045) == "2026-01-02T03:04:05.000+0000"
