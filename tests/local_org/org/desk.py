"""A schema with a few custom fields, and short ways to write and read rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_org.org.catalog import custom_field, custom_object, extend, standard_schema
from local_org.org.model import OrgFault, Schema
from local_org.org.session import Session

NOON = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
"""Noon in Los Angeles, where the administrator is."""


def practice_schema() -> Schema:
    building = custom_object(
        "Property__c",
        "Property",
        "Properties",
        "a00",
        [custom_field("Account__c", "reference", to="Account", child="Properties")],
        activities=True,
    )
    return extend(
        standard_schema(),
        objects=[building],
        fields={
            "Account": [
                custom_field("Ext__c", "string", length=20, external_id=True, unique=True),
                custom_field("Loose__c", "string", length=20, external_id=True),
                custom_field("Code__c", "string", length=20, external_id=True, unique=True, case_sensitive=True),
                custom_field("Score__c", "double", length=5, scale=2),
                custom_field("Tags__c", "multipicklist", values=["Red", "Green", "Blue"], restricted=True),
            ],
            "Activity": [
                custom_field("Key__c", "string", length=100, external_id=True, unique=True),
                custom_field(
                    "Outcome__c", "picklist", "Call Outcome", values=["Connected", "No Answer"], restricted=True
                ),
            ],
        },
    )


class Desk:
    """Writes rows that must succeed, collects the errors of rows that must not, reads single values."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def make(self, name: str, **values: Any) -> str:
        result = self.session.save("create", name, [values])[0]
        assert result.success, result.errors
        return str(result.id)

    def change(self, name: str, record_id: str, **values: Any) -> None:
        result = self.session.save("update", name, [{"Id": record_id, **values}])[0]
        assert result.success, result.errors

    def delete(self, name: str, record_id: str) -> None:
        assert self.session.save("delete", name, [{"Id": record_id}])[0].success

    def refused(self, op: str, name: str, record: dict[str, Any], **options: Any) -> OrgFault:
        result = self.session.save(op, name, [record], **options)[0]
        assert not result.success
        assert result.id is None
        return result.errors[0]

    def get(self, name: str, record_id: str, *fields: str) -> list[Any]:
        row = self.session.retrieve(name, record_id, fields)
        return [row[field] for field in fields]

    def raw(self, name: str, record_id: str, field: str) -> Any:
        sql = f'SELECT "{field}" FROM "{name}" WHERE "Id" = ?'
        return self.session.org.connection().execute(sql, (record_id,)).fetchone()[0]
