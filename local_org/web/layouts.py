"""Layouts and compact layouts of an object, made from its describe: one of each, which every record type has."""

from __future__ import annotations

from typing import Any

from local_org.org import record_types
from local_org.web.messages import Answer, Call, not_found
from local_org.web.routes import Router
from local_org.web.site import Site

Described = dict[str, Any]
_COMPACT = ("Phone", "Email", "Title", "Company", "AccountId", "WhoId", "WhatId", "Status", "StageName", "OwnerId")
_LAYOUT_ID = "00h000000000001AAA"
_MOST_COMPACT = 5
_MAPPED = ("active", "available", "defaultRecordTypeMapping", "developerName", "master", "name", "recordTypeId")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/sobjects/{obj}/describe/layouts", "GET")(layouts)
    router.route("/sobjects/{obj}/describe/layouts/{record_type}", "GET")(layout)
    router.route("/sobjects/{obj}/describe/compactLayouts", "GET")(compact_layouts)
    router.route("/sobjects/{obj}/describe/compactLayouts/{record_type}", "GET")(compact_layouts)
    router.route("/sobjects/{obj}/describe/approvalLayouts", "GET")(approval_layouts)


def layouts(site: Site, call: Call) -> Answer:
    """All layouts, and which of them each record type has."""
    described = _described(site, call)
    mappings = [
        {
            **{name: kind[name] for name in _MAPPED},
            "layoutId": _LAYOUT_ID,
            "picklistsForRecordType": _picklists(site, described, kind["recordTypeId"]),
            "urls": {"layout": kind["urls"]["layout"]},
        }
        for kind in described["recordTypeInfos"]
    ]
    return Answer(
        200,
        {
            "layouts": [_layout(described)],
            "recordTypeMappings": mappings,
            "recordTypeSelectorRequired": [sum(kind["available"] and not kind["master"] for kind in mappings) > 1],
        },
    )


def layout(site: Site, call: Call) -> Answer:
    """The layout of one record type."""
    described = _described(site, call)
    return Answer(200, _layout(described))


def compact_layouts(site: Site, call: Call) -> Answer:
    """The few fields that stand for a record."""
    described = _described(site, call)
    mappings = [
        {
            "available": kind["available"],
            "compactLayoutId": None,
            "compactLayoutName": "SYSTEM",
            "recordTypeId": kind["recordTypeId"],
            "recordTypeName": kind["name"],
            "urls": {},
        }
        for kind in described["recordTypeInfos"]
    ]
    compact = _compact(described)
    primary = f"/services/data/v{call.version}/sobjects/{described['name']}/describe/compactLayouts/primary"
    if "record_type" in call.args:
        return Answer(200, compact)
    return Answer(
        200,
        {
            "compactLayouts": [compact],
            "defaultCompactLayoutId": None,
            "recordTypeCompactLayoutMappings": mappings,
            "urls": {"primary": primary},
        },
    )


def approval_layouts(site: Site, call: Call) -> Answer:
    """The layouts of approvals, of which this org has none."""
    _described(site, call)
    return Answer(200, {"approvalLayouts": []})


def _described(site: Site, call: Call) -> Described:
    """The describe of an object that has layouts.

    Raises:
        OrgFault: NOT_FOUND for an object without layouts, or for a record type that is not one of its own.
    """
    record_type = call.args.get("record_type", "primary")
    described = site.session(call.user_id, call.version).describe(call.args["obj"])
    known = {kind["recordTypeId"][:15] for kind in described["recordTypeInfos"]}
    if not described["layoutable"] or (record_type != "primary" and record_type[:15] not in known):
        raise not_found()
    return described


def _layout(described: Described) -> dict[str, Any]:
    detail = [_section(described["label"], [f for f in described["fields"] if _placed(f)])]
    edit = [f for f in described["fields"] if _placed(f) and (f["createable"] or f["updateable"])]
    return {
        "buttonLayoutSection": None,
        "detailLayoutSections": detail,
        "editLayoutSections": [_section(described["label"], edit)],
        "feedView": None,
        "highlightsPanelLayoutSection": None,
        "id": _LAYOUT_ID,
        "multirowEditLayoutSections": [],
        "offlineLinks": [],
        "quickActionList": {"quickActionListItems": []},
        "relatedContent": None,
        "relatedLists": _related(described),
        "saveOptions": [],
    }


def _placed(field: dict[str, Any]) -> bool:
    """Whether a field stands on a layout, as what only the system needs does not."""
    return field["type"] != "id" and field["name"] not in ("IsDeleted", "SystemModstamp", "MasterRecordId")


def _section(heading: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    items = [_item(field, tab) for tab, field in enumerate(fields, 1)]
    pairs = [items[start : start + 2] for start in range(0, len(items), 2)]
    return {
        "collapsed": False,
        "columns": 2,
        "heading": f"{heading} Information",
        "layoutRows": [{"layoutItems": pair, "numItems": len(pair)} for pair in pairs],
        "layoutSectionId": "01B000000000001AAA",
        "parentLayoutId": _LAYOUT_ID[:15],
        "rows": len(pairs),
        "tabOrder": "leftToRight",
        "useCollapsibleSection": False,
        "useHeading": True,
    }


def _item(field: dict[str, Any], tab: int) -> dict[str, Any]:
    component = {"details": field, "displayLines": 1, "tabOrder": tab, "type": "Field", "value": field["name"]}
    return {
        "editableForNew": field["createable"],
        "editableForUpdate": field["updateable"],
        "label": field["label"],
        "layoutComponents": [component],
        "placeholder": False,
        "required": field["createable"] and not field["nillable"] and not field["defaultedOnCreate"],
    }


def _related(described: Described) -> list[dict[str, Any]]:
    return [
        {
            "accessLevelRequiredForCreate": None,
            "buttons": [],
            "columns": [],
            "custom": child["childSObject"].endswith("__c"),
            "field": child["field"],
            "label": child["relationshipName"],
            "limitRows": 5,
            "name": child["relationshipName"],
            "sobject": child["childSObject"],
            "sort": [],
        }
        for child in described["childRelationships"]
        if child["relationshipName"]
    ]


def _compact(described: Described) -> dict[str, Any]:
    by_name = {field["name"]: field for field in described["fields"]}
    named = [field["name"] for field in described["fields"] if field["nameField"]][:1]
    chosen = [*named, *(name for name in _COMPACT if name in by_name)][:_MOST_COMPACT]
    return {
        "actions": [],
        "fieldItems": [_item(by_name[name], tab) for tab, name in enumerate(chosen, 1)],
        "id": None,
        "imageItems": [],
        "label": "System Default",
        "name": "SYSTEM",
        "objectType": described["name"],
    }


def _picklists(site: Site, described: Described, record_type_id: str) -> list[dict[str, Any]]:
    """The values of every picklist that the user sees, as one record type allows them."""
    sobject = site.org.schema.get(described["name"])
    return [
        {
            "picklistName": field["name"],
            "picklistValues": record_types.shown_values(sobject, field, record_type_id) if sobject else [],
        }
        for field in described["fields"]
        if field["picklistValues"]
    ]
