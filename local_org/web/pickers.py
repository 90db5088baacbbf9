"""The part of the User Interface API that tells about objects: their fields, and the picklist values by record type."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from local_org.org import record_types
from local_org.org.ids import to18
from local_org.web.messages import Answer, Call, not_found
from local_org.web.routes import Router
from local_org.web.site import Site

_KINDS = {
    "id": "Reference",
    "int": "Int",
    "datetime": "DateTime",
    "textarea": "TextArea",
    "multipicklist": "MultiPicklist",
    "combobox": "ComboBox",
    "encryptedstring": "EncryptedString",
    "anyType": "AnyType",
}
_FIELD_KEYS = (
    *("calculated", "compoundFieldName", "controllerName", "createable", "custom", "extraTypeInfo", "filterable"),
    *("filteredLookupInfo", "highScaleNumber", "htmlFormatted", "inlineHelpText", "label", "length", "maskType"),
    *("nameField", "polymorphicForeignKey", "precision", "referenceTargetField", "relationshipName", "scale"),
    *("searchPrefilterable", "sortable", "unique", "updateable"),
)
_OBJECT_KEYS = (
    *("associateEntityType", "associateParentEntity", "createable", "custom", "deletable", "feedEnabled", "keyPrefix"),
    *("label", "labelPlural", "layoutable", "mruEnabled", "queryable", "searchable", "searchLayoutable", "updateable"),
)
_RECORD_TYPE_KEYS = ("available", "defaultRecordTypeMapping", "master", "name", "recordTypeId")
_PICKLISTS = ("picklist", "multipicklist", "combobox")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/ui-api/object-info/{obj}", "GET")(object_info)
    router.route("/ui-api/object-info/{obj}/picklist-values/{record_type}", "GET")(picklist_values)
    router.route("/ui-api/object-info/{obj}/picklist-values/{record_type}/{field}", "GET")(values_of_field)


def object_info(site: Site, call: Call) -> Answer:
    """An object with its fields, children and record types."""
    described = site.session(call.user_id, call.version).describe(call.args["obj"])
    kinds = {
        kind["recordTypeId"]: {name: kind[name] for name in _RECORD_TYPE_KEYS} for kind in _record_types(described)
    }
    body = {
        "apiName": described["name"],
        **{name: described[name] for name in _OBJECT_KEYS},
        "childRelationships": [_child(child) for child in described["childRelationships"]],
        "defaultRecordTypeId": next((key for key, kind in kinds.items() if kind["defaultRecordTypeMapping"]), None),
        "dependentFields": {},
        "fields": {field["name"]: _field(site, field) for field in described["fields"]},
        "nameFields": [field["name"] for field in described["fields"] if field["nameField"]],
        "recordTypeInfos": kinds,
        "themeInfo": None,
    }
    return Answer(200, body | {"eTag": _tag(body)})


def picklist_values(site: Site, call: Call) -> Answer:
    """The values of all picklists of an object for one record type."""
    described = _for_record_type(site, call)
    fields = [field for field in described["fields"] if _is_picklist(field)]
    found = {field["name"]: _values(site, call, described, field) for field in fields}
    return Answer(200, {"picklistFieldValues": found, "eTag": _tag(found)})


def values_of_field(site: Site, call: Call) -> Answer:
    """The values of one picklist for one record type."""
    described = _for_record_type(site, call)
    wanted = call.args["field"].lower()
    for field in described["fields"]:
        if field["name"].lower() == wanted and _is_picklist(field):
            return Answer(200, _values(site, call, described, field))
    raise not_found()


def _for_record_type(site: Site, call: Call) -> dict[str, Any]:
    described = site.session(call.user_id, call.version).describe(call.args["obj"])
    known = {kind["recordTypeId"][:15] for kind in _record_types(described)}
    if call.args["record_type"][:15] not in known:
        raise not_found()
    return described


def _record_types(described: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = described["recordTypeInfos"]
    return found


def _is_picklist(field: dict[str, Any]) -> bool:
    return field["type"] in _PICKLISTS and bool(field["picklistValues"])


def _values(site: Site, call: Call, described: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    sobject, record_type = site.org.schema.get(described["name"]), call.args["record_type"]
    allowed = record_types.shown_values(sobject, field, record_type) if sobject else []
    values = [_value(value) for value in allowed]
    default = next((_value(value) for value in allowed if value["defaultValue"]), None)
    base = f"/services/data/v{call.version}/ui-api/object-info/{described['name']}/picklist-values"
    body = {
        "controllerValues": {},
        "defaultValue": default,
        "url": f"{base}/{to18(record_type)}/{field['name']}",
        "values": values,
    }
    return body | {"eTag": _tag(body)}


def _value(value: dict[str, Any]) -> dict[str, Any]:
    return {"attributes": None, "label": value["label"], "validFor": [], "value": value["value"]}


def _field(site: Site, field: dict[str, Any]) -> dict[str, Any]:
    targets = [site.org.schema.get(name) for name in field["referenceTo"]]
    return {
        "apiName": field["name"],
        **{name: field[name] for name in _FIELD_KEYS},
        "compound": field["type"] in ("address", "location"),
        "compoundComponentName": None,
        "controllingFields": [],
        "dataType": _KINDS.get(field["type"], field["type"][:1].upper() + field["type"][1:]),
        "reference": bool(field["referenceTo"]),
        "referenceToInfos": [
            {"apiName": target.name, "nameFields": [f.name for f in target.fields if f.name_field]}
            for target in targets
            if target is not None
        ],
        "required": field["createable"] and not field["nillable"] and not field["defaultedOnCreate"],
    }


def _child(child: dict[str, Any]) -> dict[str, Any]:
    return {
        "childObjectApiName": child["childSObject"],
        "fieldName": child["field"],
        "junctionIdListNames": child["junctionIdListNames"],
        "junctionReferenceTo": child["junctionReferenceTo"],
        "relationshipName": child["relationshipName"],
    }


def _tag(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
