"""Writes describe results: every key of every field, as one user may see it."""

from __future__ import annotations

from typing import Any

from local_org.org import record_types
from local_org.org.model import AUDIT_FIELDS, Access, Field, Schema, SObject

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "base64": "xsd:base64Binary",
    "address": "urn:address",
    "location": "urn:location",
    "anyType": "xsd:anyType",
}
_NOT_AGGREGATABLE = ("boolean", "address", "location", "multipicklist")
_NO_FEED = ("OpportunityContactRole", "Campaign", "CampaignMember", "Event", "EventRelation", "TaskRelation")
_NO_UNDELETE = ("OpportunityContactRole", "CampaignMember", "TaskRelation", "EventRelation")
_NO_RECENT = ("OpportunityContactRole", "CampaignMember", "TaskRelation", "EventRelation")
_SCOPED = {
    "Account": ("everything", "mine", "team"),
    "Contact": ("everything", "mine", "scopingRule", "team"),
    "Lead": ("everything", "mine", "queue_owned", "scopingRule", "team", "user_owned"),
    "Opportunity": ("everything", "mine", "scopingRule", "team"),
    "Case": ("everything", "mine", "queue_owned", "scopingRule", "team", "user_owned"),
    "Event": ("delegated", "everything", "mine", "scopingRule", "team"),
    "Task": ("delegated", "everything", "mine", "team"),
    "OpportunityContactRole": ("everything",),
}


def describe_global(schema: Schema, access: Access, api_version: str) -> dict[str, Any]:
    """The list of objects that the user may read."""
    seen = [o for o in schema.objects if access.may(o, "r")]
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [entry(o, access, api_version) for o in sorted(seen, key=lambda o: o.name)],
    }


def entry(sobject: SObject, access: Access, api_version: str) -> dict[str, Any]:
    """What the global list says about one object."""
    seasoned = sobject.createable and sobject.layoutable
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.createable and access.may(sobject, "c"),
        "custom": sobject.custom,
        "customSetting": False,
        "deepCloneable": sobject.name in ("Campaign", "Opportunity"),
        "deletable": sobject.deletable and access.may(sobject, "d"),
        "deprecatedAndHidden": False,
        "feedEnabled": seasoned and not sobject.custom and sobject.name not in _NO_FEED,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": sobject.layoutable,
        "mergeable": sobject.mergeable,
        "mruEnabled": seasoned and sobject.name not in _NO_RECENT,
        "name": sobject.name,
        "queryable": sobject.queryable,
        "replicateable": sobject.replicateable,
        "retrieveable": sobject.queryable,
        "searchable": sobject.searchable,
        "triggerable": sobject.createable,
        "undeletable": sobject.deletable and sobject.name not in _NO_UNDELETE and bool(sobject.field("IsDeleted")),
        "updateable": sobject.updateable and access.may(sobject, "u"),
        "urls": _urls(sobject, api_version),
    }


def _urls(sobject: SObject, api_version: str) -> dict[str, str]:
    base = f"/services/data/v{api_version}/sobjects/{sobject.name}"
    urls = {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"}
    if sobject.layoutable:
        urls["compactLayouts"] = f"{base}/describe/compactLayouts"
        urls["layouts"] = f"{base}/describe/layouts"
        urls["quickActions"] = f"{base}/quickActions"
        if sobject.name not in ("Task", "Event"):
            urls["approvalLayouts"] = f"{base}/describe/approvalLayouts"
            urls["listviews"] = f"{base}/listviews"
    return urls


def describe(sobject: SObject, schema: Schema, access: Access, api_version: str) -> dict[str, Any]:
    """The full describe of one object: fields that the user cannot read are absent."""
    may_edit = access.may(sobject, "c") or access.may(sobject, "u")
    return {
        **entry(sobject, access, api_version),
        "actionOverrides": [],
        "childRelationships": _children(sobject, schema, access),
        "compactLayoutable": sobject.layoutable,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [
            _audited(f, access, field_result(f, may_edit and access.edits(sobject, f)))
            for f in sobject.fields
            if access.sees(sobject, f)
        ],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": record_types.infos(sobject, access.profile, api_version),
        "searchLayoutable": sobject.searchable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _scopes(sobject),
    }


def _audited(f: Field, access: Access, made: dict[str, Any]) -> dict[str, Any]:
    """Audit fields may be set on create by whoever has that permission."""
    return made | {"createable": True} if access.set_audit and f.name in AUDIT_FIELDS else made


def scope_names(sobject: SObject) -> tuple[str, ...]:
    """The scopes that ``USING SCOPE`` takes for an object."""
    owned = sobject.field("OwnerId") is not None
    return _SCOPED.get(sobject.name, ("everything", "mine", "team") if owned else ("everything",))


def _scopes(sobject: SObject) -> list[dict[str, str]]:
    plural = sobject.label_plural.lower()
    labels = {
        "delegated": f"My delegated {plural}",
        "everything": f"All {plural}",
        "mine": f"My {plural}",
        "queue_owned": f"Queue owned {plural}",
        "scopingRule": "Filter by scope",
        "team": f"My team's {plural}",
        "user_owned": f"User owned {plural}",
    }
    return [{"label": labels[name], "name": name} for name in scope_names(sobject)]


def _children(sobject: SObject, schema: Schema, access: Access) -> list[dict[str, Any]]:
    return [
        {
            "cascadeDelete": f.cascade_delete,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": f.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": f.child_relationship,
            "restrictedDelete": False,
        }
        for child in sorted(schema.objects, key=lambda o: o.name)
        if access.may(child, "r")
        for f in child.fields
        if sobject.name in f.reference_to and access.sees(child, f)
    ]


def _extra_type(f: Field) -> str | None:
    if f.type == "textarea":
        return "plaintextarea"
    if f.compound == "Name" or (f.name == "Name" and f.compound_of):
        return "personname"
    return "imageurl" if f.name == "PhotoUrl" else None


def _byte_length(f: Field) -> int:
    return f.length if f.type in ("id", "reference") else f.length * 3


def field_result(f: Field, editable: bool = True) -> dict[str, Any]:
    """One field with all its keys; ``editable=False`` shows it read-only."""
    polymorphic = len(f.reference_to) > 1
    return {
        "aggregatable": f.filterable and f.type not in _NOT_AGGREGATABLE,
        "aiPredictionField": False,
        "autoNumber": f.auto_number,
        "byteLength": _byte_length(f),
        "calculated": f.calculated,
        "calculatedFormula": f.formula,
        "cascadeDelete": f.cascade_delete and f.custom,
        "caseSensitive": f.case_sensitive,
        "compoundFieldName": f.compound,
        "controllerName": None,
        "createable": f.createable and editable,
        "custom": f.custom,
        "defaultValue": f.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": f.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": f.digits,
        "displayLocationInDecimal": f.type == "location",
        "encrypted": f.type == "encryptedstring",
        "externalId": f.external_id,
        "extraTypeInfo": _extra_type(f),
        "filterable": f.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": f.formula is not None,
        "groupable": f.groupable,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": f.id_lookup,
        "inlineHelpText": f.help_text,
        "label": f.label,
        "length": f.length,
        "mask": None,
        "maskType": None,
        "name": f.name,
        "nameField": f.name_field,
        "namePointing": polymorphic,
        "nillable": f.nillable,
        "permissionable": f.permissionable,
        "picklistValues": [
            {
                "active": v.active,
                "defaultValue": v.default,
                "label": v.label or v.value,
                "validFor": None,
                "value": v.value,
            }
            for v in f.picklist
            if v.active
        ],
        "polymorphicForeignKey": polymorphic,
        "precision": f.precision,
        "queryByDistance": f.type in ("address", "location"),
        "referenceTargetField": None,
        "referenceTo": list(f.reference_to),
        "relationshipName": f.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": f.restricted,
        "scale": f.scale,
        "searchPrefilterable": f.type == "reference" and f.permissionable,
        "soapType": _SOAP.get(f.type, "xsd:string"),
        "sortable": f.sortable,
        "type": f.type,
        "unique": f.unique,
        "updateable": f.updateable and editable,
        "writeRequiresMasterRead": False,
        **dict(f.quirks),
    }
