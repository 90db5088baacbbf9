"""Declares the share objects: who else has access to a record of an object that is not open to everybody."""

from __future__ import annotations

from local_org.org.catalog.declare import Spec, spelled_out, standard_field
from local_org.org.model import SObject

_STANDARD = {"Account": "00r", "Contact": "03j", "Lead": "01o", "Opportunity": "00t", "Case": "01n", "Campaign": "08s"}
_CUSTOM_PREFIX = "02c"
"""All shares of custom objects have the same key prefix, as in Salesforce."""
SHARED = ("Private", "Read", "ReadWrite")
"""The defaults under which an object has shares."""


def share_name(sobject: SObject) -> str:
    """``AccountShare``, ``Property__Share``."""
    return f"{sobject.name.removesuffix('__c')}__Share" if sobject.custom else f"{sobject.name}Share"


def level_field(sobject: SObject) -> str:
    """The field of a share that says what it lets do: ``Read``, ``Edit`` or ``All``."""
    return "AccessLevel" if sobject.custom else f"{sobject.name}AccessLevel"


def is_share(sobject: SObject) -> bool:
    """Whether it is the share object of another."""
    return sobject.field("UserOrGroupId") is not None and sobject.field("RowCause") is not None


def share_object(sobject: SObject) -> SObject | None:
    """The share object of an object; ``None`` where it has none."""
    prefix = _CUSTOM_PREFIX if sobject.custom else _STANDARD.get(sobject.name)
    if prefix is None or sobject.sharing not in SHARED:
        return None
    record = "ParentId" if sobject.custom else f"{sobject.name}Id"
    relation = "Parent" if sobject.custom else sobject.name
    specs: list[Spec] = [
        {"name": "Id", "type": "id", "may": "D", "label": "Share ID", "id_lookup": True},
        {
            **{"name": record, "type": "reference", "may": "C", "label": f"{sobject.label} ID", "to": sobject.name},
            **{"relationship": relation, "child": "Shares", "cascade_delete": True},
        },
        {
            **{"name": "UserOrGroupId", "type": "reference", "may": "C", "label": "User/Group ID"},
            **{"to": ["Group", "User"], "relationship": "UserOrGroup"},
        },
        {
            **{"name": level_field(sobject), "type": "picklist", "length": 40, "may": "CU", "permissionable": False},
            **{"label": "Access", "values": ["Read", "Edit", "All"], "restricted": True},
        },
        {
            **{"name": "RowCause", "type": "picklist", "length": 40, "may": "CND", "permissionable": False},
            **{"label": "Row Cause", "values": ["Manual*", "Owner", "Rule", "Team", "ImplicitParent"]},
        },
        {"name": "LastModifiedDate", "type": "datetime", "may": "D", "label": "Last Modified Date"},
        {
            **{"name": "LastModifiedById", "type": "reference", "may": "D", "label": "Last Modified By ID"},
            **{"to": "User", "relationship": "LastModifiedBy"},
        },
        {"name": "SystemModstamp", "type": "datetime", "may": "D", "label": "System Modstamp"},
        {"name": "IsDeleted", "type": "boolean", "may": "D", "label": "Deleted"},
    ]
    label = f"{sobject.label} Share"
    made = tuple(standard_field(spec, {}) for spec in spelled_out(specs))
    return SObject(
        share_name(sobject), label, label, prefix, made, replicateable=False, searchable=False, layoutable=False
    )
